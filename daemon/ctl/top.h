/* top: what it looks at, and how it is drawn. */
#ifndef DAEMON_CTL_TOP_H
#define DAEMON_CTL_TOP_H

#include "daemon/ctl/status.h"

#define TOP_FAILURES 20 /* the newest ones of a queue that are looked at */

struct top_look {
    struct queue_status queues[CONFIG_MAX_QUEUES];
    redisReply *failures[CONFIG_MAX_QUEUES]; /* owned; of each queue, what peek.lua gives */
    size_t n;
};

struct top_frame {
    unsigned columns, rows;
    const char *where;   /* Redis, for the head */
    const char *trouble; /* NULL: none; else what is shown is what was last seen */
    unsigned interval_ms;
};

/* Draws it as lines: a malloc'ed text, or NULL when out of memory. */
char *top_draw(const struct top_look *look, const struct top_frame *frame);

/* A JSON object on one line: time_ms, and what `status` prints. */
void top_print_json(const struct top_look *look, FILE *out);

#endif
