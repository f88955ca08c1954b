/* What `results` and `failures list` have in common: their options, and the printing. */
#ifndef DAEMON_CTL_TAIL_H
#define DAEMON_CTL_TAIL_H

#include "daemon/ctl/command.h"
#include "daemon/ctl/entry_print.h"
#include "proto/keys.h"

#define TAIL_LIMIT     20
#define TAIL_LIMIT_MAX 100000000

/* A command at work on a stream. */
struct tail {
    struct ctl *ctl;
    const struct command_args *args;
    const char *list; /* borrowed */
    char key[KEYS_KEY_MAX];
    struct link link;
    struct stream_filter filter;
    uint64_t limit;
    uint64_t now_ms; /* by Redis's clock */
};

/* Reads the configuration and the options --code --op --id --since --until --limit and --app, those
 * that the command has, and connects. CTL_DONE, or another status after saying why; tail_close() in
 * any case. */
int tail_open(struct tail *tail, struct ctl *ctl, const struct command_args *args,
              enum keys_queue which);
void tail_close(struct tail *tail);

/* Says why the link failed, and gives the exit status. */
int tail_fail(const struct tail *tail);

/* Prints up to `limit` entries in this order. */
int tail_print(struct tail *tail, enum stream_order order);

/* Prints the last `limit` entries, oldest first; with --follow goes on with those to come. */
int tail_print_last(struct tail *tail);

#endif
