/* The check of a queue: is every job where a daemon will find it?
 *
 * It may run while daemons work. What looks wrong is looked at again, and mended, in one script
 * (proto/scripts/fsck.lua), so that nothing is taken for astray that was only on its way. A
 * consumer whose lease has not run out is never touched. */
#ifndef DAEMON_CTL_FSCK_H
#define DAEMON_CTL_FSCK_H

#include <stdio.h>

#include "daemon/config/config.h"
#include "daemon/ctl/call.h"
#include "daemon/ctl/names.h"

#define FSCK_EXAMPLES 10 /* named for each kind of finding */

/* X(NAME, "name in JSON", "for people") */
#define FSCK_KINDS(X)                                                                              \
    X(WRONG_TYPE, "wrong_type", "keys of the wrong type")                                          \
    X(NO_LEASE, "consumer_without_lease", "consumers with jobs, but without a lease")              \
    X(RECORD, "record_without_member", "jobs with a record that is in no set")                     \
    X(MEMBER, "member_without_record", "members of a set without a record")                        \
    X(APP, "parked_app_unlisted", "apps whose parked jobs and entry in the set of apps disagree")  \
    X(UNREADABLE, "unreadable_record", "records without a valid header")

enum fsck_kind {
#define FSCK_ENUM(name, json, text) FSCK_##name,
    FSCK_KINDS(FSCK_ENUM)
#undef FSCK_ENUM
        FSCK_N_KINDS,
};

struct fsck_finding {
    uint64_t found, mended;
    struct names examples;
};

struct fsck_consumer {
    const char *name; /* borrowed from `consumers` */
    bool has_lease;
    int64_t lease_ms; /* left of it; negative: it ran out */
    uint64_t held;
};

struct fsck {
    struct link *link;           /* borrowed */
    const struct config *config; /* borrowed */
    const char *list;            /* borrowed */
    bool mends;
    struct names consumers;           /* by their keys and leases */
    struct names parked_apps;         /* by their sets */
    struct names spoilt, spoilt_apps; /* those with a key of the wrong type: left alone */
    bool has_type[KEYS_QUEUE_COUNT];  /* the key has its type, or does not exist */
    struct fsck_finding findings[FSCK_N_KINDS];

    /* Counted at the end, after what was mended. */
    uint64_t backlog, held, retry, parked, total;
    struct fsck_consumer *consumer_counts; /* owned; one for each of `consumers` */
    uint64_t *parked_counts;               /* owned; one for each of `parked_apps` */
};

/* Checks, mends if `mends`, and counts. 0, or -1 and link->why; deinit in any case. */
int fsck_run(struct fsck *fsck) __attribute__((warn_unused_result));
void fsck_deinit(struct fsck *fsck);

/* True if nothing is left to be mended. */
bool fsck_is_clean(const struct fsck *fsck);

void fsck_print_json(const struct fsck *fsck, FILE *out);
void fsck_print(const struct fsck *fsck, FILE *out);

/* The steps of fsck_run(), each in a file of its own; 0, or -1 and link->why. */
int fsck_find_keys(struct fsck *fsck);
int fsck_check_consumers(struct fsck *fsck);
int fsck_check_records(struct fsck *fsck);
int fsck_count(struct fsck *fsck);

/* For the steps. */
int fsck_fail_memory(struct fsck *fsck);

/* After a call failed: 0 if it was for a key of the wrong type, which has been noted, else -1. */
int fsck_excuse(const struct fsck *fsck);

int fsck_note(struct fsck *fsck, enum fsck_kind kind, const char *example, size_t len, bool mended);
void fsck_parked_key(const struct fsck *fsck, const char *app, char ret_key[KEYS_KEY_MAX]);

/* A call of fsck.lua: begins it, for so many more keys, which come next; then says what to look at,
 * behind which come the names or ids. */
void fsck_begin(const struct fsck *fsck, struct call *call, size_t n_more_keys);
void fsck_look(const struct fsck *fsck, struct call *call, const char *what);

/* Sends it, and notes what it gives. */
int fsck_send(struct fsck *fsck, struct call *call, enum fsck_kind kind);

#endif
