/* hiredis would wait through a signal: it is asked for an answer only when there is one. */
#include "daemon/ctl/follow.h"

#include <string.h>

#include "daemon/ctl/stop.h"

#define ROUND_TEXT "5000"
_Static_assert(FOLLOW_ROUND_MS == 5000, "ROUND_TEXT");
#define PAGE_TEXT "20"

struct follower {
    struct ctl *ctl;
    struct link *link;
    const char *key;
    const struct stream_filter *filter;
    struct entry_printer *printer;
    char after[STREAM_ID_MAX];
    unsigned pause_ms; /* before the next attempt to connect */
};

enum { ROUND_OK = 0, ROUND_ENDED = 1, ROUND_LOST = -1, ROUND_REFUSED = -2 };

/* Waits for the descriptor (-1: only for the time). ROUND_OK when it can be read or the time is
 * over, ROUND_ENDED when there is nothing to go on for. */
static int await(const struct follower *follower, int fd, unsigned ms, bool *ret_ready)
{
    struct pollfd fds[] = {{.fd = fd, .events = POLLIN},
                           {.fd = fileno(follower->printer->out), .events = 0}};
    int n = stop_poll(fds, 2, (int)ms);
    *ret_ready = n > 0 && fds[0].revents != 0;
    if (n < 0 || fds[1].revents & (POLLERR | POLLNVAL))
        return ROUND_ENDED;
    return ROUND_OK;
}

/* [[key, [entry, ...]]] */
static void print_entries(struct follower *follower, const redisReply *reply)
{
    struct stream_entry entry;
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 1 ||
        reply->element[0]->elements != 2)
        return;
    const redisReply *entries = reply->element[0]->element[1];
    for (size_t i = 0; i < entries->elements; i++) {
        if (!stream_entry_read(entries->element[i], &entry))
            continue;
        snprintf(follower->after, sizeof follower->after, "%s", entry.id);
        if (stream_matches(follower->filter, &entry))
            entry_print(follower->printer, &entry);
    }
}

static int ask(struct follower *follower)
{
    const char *argv[] = {"XREAD",   "BLOCK",   ROUND_TEXT,    "COUNT",
                          PAGE_TEXT, "STREAMS", follower->key, follower->after};
    size_t lens[sizeof argv / sizeof argv[0]];
    int argc = sizeof argv / sizeof argv[0];
    for (int i = 0; i < argc; i++)
        lens[i] = strlen(argv[i]);
    if (link_append(follower->link, argc, argv, lens) != 0 || link_flush(follower->link) != 0)
        return ROUND_LOST;
    return ROUND_OK;
}

static int take_answer(struct follower *follower)
{
    redisReply *reply = link_answer(follower->link);
    if (!reply)
        return follower->link->was_refused ? ROUND_REFUSED : ROUND_LOST;
    print_entries(follower, reply);
    freeReplyObject(reply);
    follower->pause_ms = FOLLOW_PAUSE_MS;
    return fflush(follower->printer->out) == 0 ? ROUND_OK : ROUND_ENDED;
}

/* One XREAD and its answer, which comes within the round and what the network may take. */
static int run_round(struct follower *follower)
{
    bool ready;
    int rc = ask(follower);
    if (rc == ROUND_OK)
        rc = await(follower, follower->link->redis->fd, FOLLOW_ROUND_MS + LINK_ANSWER_MS, &ready);
    if (rc != ROUND_OK)
        return rc;
    if (ready)
        return take_answer(follower);
    snprintf(follower->link->why, sizeof follower->link->why, "Redis at %s: no answer in time",
             follower->link->where);
    return ROUND_LOST;
}

/* Says it once, then tries until it is there again. */
static int reconnect(struct follower *follower)
{
    bool ready;
    int rc;
    ctl_warn("%s; trying again", follower->link->why);
    do {
        link_close(follower->link);
        rc = await(follower, -1, follower->pause_ms, &ready);
        follower->pause_ms *= 2;
        if (follower->pause_ms > FOLLOW_MAX_PAUSE_MS)
            follower->pause_ms = FOLLOW_MAX_PAUSE_MS;
    } while (rc == ROUND_OK && (link_open(follower->link, &follower->ctl->config->redis) != 0 ||
                                link_aim(follower->link, follower->key) != 0));
    return rc;
}

int follow(struct ctl *ctl, struct link *link, const char *key, const struct stream_filter *filter,
           const char *after, struct entry_printer *printer)
{
    struct follower follower = {
        .ctl = ctl,
        .link = link,
        .key = key,
        .filter = filter,
        .printer = printer,
        .pause_ms = FOLLOW_PAUSE_MS,
    };
    stop_catch();
    snprintf(follower.after, sizeof follower.after, "%s", after);
    int rc = fflush(printer->out) == 0 ? ROUND_OK : ROUND_ENDED;
    while (rc == ROUND_OK || rc == ROUND_LOST)
        rc = rc == ROUND_LOST ? reconnect(&follower) : run_round(&follower);
    return rc == ROUND_ENDED ? CTL_DONE : ctl_fail(CTL_FAILED, "%s", link->why);
}
