#include "daemon/ctl/fsck.h"

#include <stdlib.h>
#include <string.h>

int fsck_fail_memory(struct fsck *fsck)
{
    snprintf(fsck->link->why, sizeof fsck->link->why, "out of memory");
    return -1;
}

int fsck_note(struct fsck *fsck, enum fsck_kind kind, const char *example, size_t len, bool mended)
{
    struct fsck_finding *finding = &fsck->findings[kind];
    finding->found++;
    finding->mended += mended;
    if (finding->examples.n < FSCK_EXAMPLES && names_add(&finding->examples, example, len) != 0)
        return fsck_fail_memory(fsck);
    return 0;
}

void fsck_parked_key(const struct fsck *fsck, const char *app, char ret_key[KEYS_KEY_MAX])
{
    size_t len = keys_queue(fsck->list, KEYS_PARKED, ret_key);
    snprintf(ret_key + len, KEYS_KEY_MAX - len, ":%s", app);
}

int fsck_excuse(const struct fsck *fsck)
{
    return fsck->link->was_refused && strstr(fsck->link->why, "WRONGTYPE") ? 0 : -1;
}

void fsck_begin(const struct fsck *fsck, struct call *call, size_t n_more_keys)
{
    call_script(call, &script_fsck, (unsigned)(4 + n_more_keys));
    call_key(call, fsck->list, KEYS_LEASES);
    call_key(call, fsck->list, KEYS_RETRY_JOBS);
    call_key(call, fsck->list, KEYS_RETRY);
    call_key(call, fsck->list, KEYS_PARKED);
}

void fsck_look(const struct fsck *fsck, struct call *call, const char *what)
{
    call_text(call, what);
    call_text(call, fsck->mends ? "1" : "0");
}

int fsck_send(struct fsck *fsck, struct call *call, enum fsck_kind kind)
{
    redisReply *reply = link_check(fsck->link, call_send(call, fsck->link), "a script", "", "s");
    int rc = reply ? 0 : fsck_excuse(fsck);
    for (size_t i = 0; reply && rc == 0 && i < reply->elements; i++)
        rc = fsck_note(fsck, kind, reply->element[i]->str, reply->element[i]->len, fsck->mends);
    freeReplyObject(reply);
    return rc;
}

int fsck_run(struct fsck *fsck)
{
    int rc = fsck_find_keys(fsck);
    bool sets_ok = fsck->has_type[KEYS_LEASES] && fsck->has_type[KEYS_PARKED];
    if (rc == 0 && sets_ok)
        rc = fsck_check_consumers(fsck);
    if (rc == 0 && sets_ok && fsck->has_type[KEYS_RETRY] && fsck->has_type[KEYS_RETRY_JOBS])
        rc = fsck_check_records(fsck);
    return rc == 0 ? fsck_count(fsck) : rc;
}

void fsck_deinit(struct fsck *fsck)
{
    names_deinit(&fsck->consumers);
    names_deinit(&fsck->spoilt);
    names_deinit(&fsck->spoilt_apps);
    names_deinit(&fsck->parked_apps);
    for (size_t i = 0; i < FSCK_N_KINDS; i++)
        names_deinit(&fsck->findings[i].examples);
    free(fsck->consumer_counts);
    free(fsck->parked_counts);
    fsck->consumer_counts = NULL;
    fsck->parked_counts = NULL;
}

bool fsck_is_clean(const struct fsck *fsck)
{
    for (size_t i = 0; i < FSCK_N_KINDS; i++)
        if (fsck->findings[i].found > fsck->findings[i].mended)
            return false;
    return true;
}
