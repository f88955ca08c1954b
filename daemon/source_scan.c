/* Looking for spool files of consumers that do not exist any more. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/log.h"
#include "daemon/source_private.h"
#include "daemon/source_spool.h"

static void log_refused(struct spool_scan *scan)
{
    struct list *link;

    while ((link = list_pop(&scan->refused))) {
        struct spool_refused *refused = LIST_ENTRY(link, struct spool_refused, link);

        log_event(LOG_WARNING, "spool", "a file is not believed, and left where it is",
                  LOG_TEXT("file", refused->path), LOG_TEXT("error", refused->why));
        free(refused);
    }
}

static void log_left(const struct spool_scan *scan)
{
    if (scan->n_foreign > 0)
        log_event(LOG_WARNING, "spool", "files of another version are left where they are",
                  LOG_TEXT("dir", scan->place.dir), LOG_NUMBER("files", scan->n_foreign));
    if (scan->n_elsewhere > 0)
        log_event(LOG_NOTICE, "spool",
                  "files of another Redis, by its URL, are left where they are",
                  LOG_TEXT("dir", scan->place.dir), LOG_NUMBER("files", scan->n_elsewhere));
}

static void on_scanned(struct spool_scan *scan)
{
    struct source *source = scan->data;
    struct list *link;

    source->scan_is_out = false;
    memcpy(source->scanned_for, source->scanning_for, sizeof(source->scanned_for));
    while ((link = list_pop(&scan->found))) {
        struct spool_found *found = LIST_ENTRY(link, struct spool_found, link);

        if (!source->spools_are_closed)
            source_take_file(source, found);
        spool_found_free(found);
    }
    log_refused(scan);
    if (scan->error != 0)
        log_event(LOG_ERR, "spool", "the spool directory cannot be read",
                  LOG_TEXT("dir", scan->place.dir), LOG_TEXT("error", strerror(scan->error)));
    log_left(scan);
}

void source_find_spools(struct source *source)
{
    struct spool_place place = source_spool_place(source);

    if (!source->spool_dir || source->scan_is_out || source->spools_are_closed)
        return;
    source->scan_is_out = true;
    spool_scan_start(&source->scan, source->loop, &place, on_scanned, source);
}

/* A file that is still there when it was looked for stays where it is, and holds up nothing. It is
 * looked for on behalf of one consumer at a time: the others wait for a later beat. Who was looked
 * for last stays so until the next look is over, so that it gets its turn whatever others ask. */
bool source_has_spool_of(struct source *source, const char *consumer, bool is_over)
{
    struct spool_place place = source_spool_place(source);
    char path[SPOOL_PATH_MAX];
    enum spool_owner owner;

    if (!source->spool_dir)
        return false;
    spool_path(&place, consumer, path, sizeof(path));
    owner = spool_look(path);
    if (owner == SPOOL_LOCKED) /* by a daemon that settles it; or by one that is only frozen */
        return !is_over;
    if (owner == SPOOL_ABSENT || strcmp(source->scanned_for, consumer) == 0)
        return false;
    if (!source->scan_is_out) {
        (void)snprintf(source->scanning_for, sizeof(source->scanning_for), "%s", consumer);
        source_find_spools(source);
    }
    return true;
}
