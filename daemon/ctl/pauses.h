/* What is paused of a queue: the hash {L}:paused, whose fields are apps, or "*" for the whole
 * queue, and whose values are {"since_ms":N,"reason":"..."}. */
#ifndef DAEMON_CTL_PAUSES_H
#define DAEMON_CTL_PAUSES_H

#include "daemon/ctl/link.h"
#include "pusher/string.h"

#define PAUSES_QUEUE "*"

struct pause {
    const char *app;   /* PAUSES_QUEUE for the whole queue; borrowed from `reply`, as the rest */
    uint64_t since_ms; /* unix; 0 if the value does not say */
    char *reason;      /* owned; "" for none */
};

struct pauses {
    redisReply *reply;   /* owned */
    struct pause *items; /* owned; the whole queue first, then by name */
    size_t n;
};

/* 0, or -1 and link->why. */
int pauses_read(struct link *link, const char *list, struct pauses *ret_pauses)
    __attribute__((warn_unused_result));
void pauses_deinit(struct pauses *pauses);

/* That of the app, or of the queue; NULL if there is none. */
const struct pause *pauses_find(const struct pauses *pauses, const char *app);

/* [{"app":null,"since_ms":1,"reason":""},{"app":"main",...}] */
void pauses_print_json(const struct pauses *pauses, FILE *out);

/* "the queue|app main is paused since 2026-11-24 10:17:47 (12 s): reason"; a line each. */
void pauses_print(const struct pauses *pauses, uint64_t now_ms, const char *indent, FILE *out);

#endif
