/* pusherctl: what all commands share.
 *
 * A command is a row of the table in commands.c: its name, its options, its function. The function
 * gets a struct ctl with what the global options said, asks it for the configuration, the app or
 * the list when it needs them, prints one JSON value on `out`, and returns an exit status. Messages
 * for people go to stderr, by ctl_fail() and ctl_warn(). */
#ifndef DAEMON_CTL_CTL_H
#define DAEMON_CTL_CTL_H

#include <stdint.h>
#include <stdio.h>

#include "daemon/config/config.h"

enum ctl_exit {
    CTL_DONE = 0,
    CTL_FAILED = 1,       /* the operation failed: the API refused, a webhook is not valid */
    CTL_USAGE = 64,       /* EX_USAGE */
    CTL_UNAVAILABLE = 69, /* EX_UNAVAILABLE: Redis or the API cannot be reached */
    CTL_CONFIG = 78,      /* EX_CONFIG */
};

struct ctl {
    FILE *out;            /* borrowed; stdout */
    char *const *environ; /* borrowed */

    /* Global options; borrowed, NULL where not given. */
    const char *config_file; /* "" reads no file */
    const char *app_json_file;
    const char *app_name;
    const char *list;
    char *redis_url; /* owned: its place on the command line is wiped */

    struct config *config; /* owned; NULL until it is asked for */
};

void ctl_deinit(struct ctl *ctl);

/* Prints "pusherctl: ..." on stderr, as text_clean() shows it: one line. ctl_fail() returns
 * `status`. */
int ctl_fail(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));
void ctl_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* These return CTL_DONE, or another status after saying why.
 *
 * ctl_load() reads the configuration, once; for who needs Redis alone, with apps that have a name
 * and no client, as their secrets may be for pusherd only. ctl_pick_app() gives the app of --app,
 * or the one that a queue would take by default. ctl_pick_list() gives the list of --list, or of
 * the only queue. */
int ctl_load(struct ctl *ctl, bool redis_only);
int ctl_pick_app(struct ctl *ctl, const struct app_config **ret_app);
int ctl_pick_list(struct ctl *ctl, const char **ret_list);

/* The clock that PUSHER_AUTH_TIMESTAMP fixes; 0 if it does not. */
int ctl_fixed_clock(const struct ctl *ctl, int64_t *ret_unix_s);

#endif
