#include "daemon/ctl/tail.h"

#include <inttypes.h>
#include <string.h>

#include "daemon/ctl/follow.h"
#include "daemon/ctl/span.h"
#include "daemon/view/text.h"

/* A time as the bound of a range of ids: Redis takes the first or last of the millisecond. */
static int read_bound(const struct tail *tail, const char *option, char ret_id[STREAM_ID_MAX])
{
    uint64_t unix_ms;
    const char *text = command_value(tail->args, option);
    int status = span_time(option, text, tail->now_ms, &unix_ms);
    if (text && status == CTL_DONE)
        snprintf(ret_id, STREAM_ID_MAX, "%" PRIu64, unix_ms);
    return status;
}

static int read_options(struct tail *tail)
{
    tail->filter.code = command_value(tail->args, "code");
    tail->filter.op = command_value(tail->args, "op");
    tail->filter.job_id = command_value(tail->args, "id");
    tail->filter.app = tail->ctl->app_name;
    int status =
        span_count("limit", command_value(tail->args, "limit"), TAIL_LIMIT_MAX, &tail->limit);
    if (status == CTL_DONE)
        status = read_bound(tail, "since", tail->filter.first);
    return status == CTL_DONE ? read_bound(tail, "until", tail->filter.last) : status;
}

int tail_open(struct tail *tail, struct ctl *ctl, const struct command_args *args,
              enum keys_queue which)
{
    *tail = (struct tail){.ctl = ctl, .args = args, .limit = TAIL_LIMIT};
    int status = ctl_load(ctl, true);
    if (status == CTL_DONE)
        status = ctl_pick_list(ctl, &tail->list);
    if (status == CTL_DONE)
        status = read_options(tail); /* what is wrong with them is wrong without Redis, too */
    if (status != CTL_DONE)
        return status;
    keys_queue(tail->list, which, tail->key);
    if (link_open(&tail->link, &ctl->config->redis) != 0 || link_aim(&tail->link, tail->key) != 0 ||
        link_time(&tail->link, &tail->now_ms) != 0)
        return tail_fail(tail);
    return read_options(tail); /* again, by Redis's clock */
}

void tail_close(struct tail *tail)
{
    link_close(&tail->link);
}

int tail_fail(const struct tail *tail)
{
    return ctl_fail(link_status(&tail->link), "%s", tail->link.why);
}

static enum entry_style style_of(const struct tail *tail)
{
    bool follows = command_value(tail->args, "follow") != NULL;
    if (text_for_people(tail->ctl->out, command_value(tail->args, "json") != NULL))
        return ENTRY_PEOPLE;
    return follows ? ENTRY_JSON_LINES : ENTRY_JSON_ARRAY;
}

/* Prints from where the filter begins; *last is the id of the last one printed. */
static int print_some(struct tail *tail, struct entry_printer *printer, enum stream_order order,
                      uint64_t limit, char last[STREAM_ID_MAX])
{
    struct stream_walk walk;
    struct stream_entry entry;
    int rc = STREAM_ENTRY;
    stream_walk_init(&walk, &tail->link, tail->key, &tail->filter, order);
    for (uint64_t n = 0; n < limit && rc == STREAM_ENTRY; n++) {
        rc = stream_walk_next(&walk, &entry);
        if (rc != STREAM_ENTRY)
            break;
        entry_print(printer, &entry);
        snprintf(last, STREAM_ID_MAX, "%s", entry.id);
    }
    stream_walk_deinit(&walk);
    return rc == STREAM_FAILED ? tail_fail(tail) : CTL_DONE;
}

/* People would take silence for trouble. */
static void say_none(const struct entry_printer *printer, int status)
{
    if (status == CTL_DONE && printer->style == ENTRY_PEOPLE && printer->n == 0)
        fputs("(none)\n", stderr);
}

int tail_print(struct tail *tail, enum stream_order order)
{
    struct entry_printer printer;
    char last[STREAM_ID_MAX];
    entry_printer_init(&printer, tail->ctl->out, style_of(tail));
    int status = print_some(tail, &printer, order, tail->limit, last);
    say_none(&printer, status);
    entry_printer_finish(&printer, status == CTL_DONE);
    return status;
}

/* Moves the beginning of the filter to the entry that is the limit-th from the end. */
static int find_start(struct tail *tail)
{
    struct stream_walk walk;
    struct stream_entry entry;
    char first[STREAM_ID_MAX] = "";
    int rc = STREAM_ENTRY;
    stream_walk_init(&walk, &tail->link, tail->key, &tail->filter, STREAM_NEWEST_FIRST);
    for (uint64_t n = 0; n < tail->limit && rc == STREAM_ENTRY; n++) {
        rc = stream_walk_next(&walk, &entry);
        if (rc == STREAM_ENTRY)
            snprintf(first, sizeof first, "%s", entry.id);
    }
    stream_walk_deinit(&walk);
    if (rc == STREAM_FAILED)
        return tail_fail(tail);
    if (first[0] != '\0')
        strcpy(tail->filter.first, first);
    else
        tail->limit = 0;
    return CTL_DONE;
}

int tail_print_last(struct tail *tail)
{
    struct entry_printer printer;
    char last[STREAM_ID_MAX];
    bool follows = command_value(tail->args, "follow") != NULL;
    if (stream_newest(&tail->link, tail->key, last) != 0)
        return tail_fail(tail);
    int status = find_start(tail);
    if (status != CTL_DONE)
        return status;
    entry_printer_init(&printer, tail->ctl->out, style_of(tail));
    status = print_some(tail, &printer, STREAM_OLDEST_FIRST, tail->limit, last);
    if (status == CTL_DONE && follows)
        status = follow(tail->ctl, &tail->link, tail->key, &tail->filter, last, &printer);
    else
        say_none(&printer, status);
    entry_printer_finish(&printer, status == CTL_DONE);
    return status;
}
