/* What a reload changes: the configuration in force, and the one that was read anew.
 *
 * While the daemon runs, an app and a queue are known by their index, which jobs, counters and
 * connections refer to. So both keep their place when the configuration changes: the new one is
 * laid out by the slots of the old. An app is the same if its name is, a queue if its list is. What
 * is not configured any more stays where it is, marked as removed, for as long as something refers
 * to it; the daemon says when that is over (`drained`), and then the slot is free for another.
 *
 *     config_diff_make(&diff, old, new, &error)   may fail, and changes nothing
 *     config_diff_merge(&diff, old, new)          cannot fail: `new` is laid out by slots, and has
 *                                                 what was removed; `old` may be freed
 *     config_diff_free(&diff)                     with or without having merged */
#ifndef DAEMON_CONFIG_CONFIG_DIFF_H
#define DAEMON_CONFIG_CONFIG_DIFF_H

#include "daemon/config/config.h"

#define CONFIG_NOT_THERE SIZE_MAX

enum config_change {
    CONFIG_ADDED = 1, /* the slot was free, or new */
    CONFIG_REMOVED = 2,
    CONFIG_CHANGED = 4, /* anything; and of an app, maybe, */
    CONFIG_SERVER_CHANGED = 8,
    CONFIG_SIGNATURE_CHANGED = 16,
    CONFIG_EVENTS_CHANGED = 32, /* ...; of a queue: its order, or its default app */
};

struct config_slot {
    size_t from;      /* the index in the new configuration; or CONFIG_NOT_THERE */
    unsigned changes; /* of enum config_change; 0: it is as it was */
};

struct config_diff {
    struct config_slot *apps, *queues; /* owned; n_apps and n_queues, never less than before */
    size_t n_apps, n_queues;
    struct app_config *merged_apps; /* owned until merged */
    struct queue_config *merged_queues;
    unsigned n_apps_changed, n_queues_changed; /* added and removed ones included */
};

/* 0; or -1 and a text: a setting differs that needs a restart, which the text names, or there are
 * more apps or queues than there can be. */
int config_diff_make(struct config_diff *diff, const struct config *old, const struct config *new_,
                     struct config_error *ret_error) __attribute__((warn_unused_result));

void config_diff_merge(struct config_diff *diff, struct config *old, struct config *new_);

/* A zeroed one is allowed. */
void config_diff_free(struct config_diff *diff);

#endif
