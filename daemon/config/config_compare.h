/* What differs between two configurations, field by field: config_diff.c asks it of what has the
 * same place in both. */
#ifndef DAEMON_CONFIG_CONFIG_COMPARE_H
#define DAEMON_CONFIG_CONFIG_COMPARE_H

#include "daemon/config/config_diff.h"

/* Each gives bits of enum config_change; 0: they are the same. The default app of a queue is not
 * looked at: it is an index. */
unsigned config_compare_apps(const struct app_settings *a, const struct app_settings *b);
unsigned config_compare_queues(const struct queue_config *a, const struct queue_config *b);

/* 0; or -1, and a text that names the setting, if one differs that needs a restart. */
int config_refuse_restart(const struct config *old, const struct config *new_,
                          struct config_error *ret_error);

#endif
