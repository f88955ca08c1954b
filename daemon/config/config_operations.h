/* The operations that jobs of a queue may ask for: as a set (bits of JOB_OP_BIT()), and as it is
 * written: "all", or names as jobs have them, with commas between. */
#ifndef DAEMON_CONFIG_CONFIG_OPERATIONS_H
#define DAEMON_CONFIG_CONFIG_OPERATIONS_H

#include <stdint.h>

#include "pusher/string.h"

#define CONFIG_OPERATIONS_MAX 512 /* bytes of all names, with commas and a NUL */

/* Blanks around a name are allowed. 0; or -1, and in *ret_bad the first word that names no
 * operation, as it stands in `text`: empty where a comma has nothing on one side. */
int config_operations_read(const char *text, uint32_t *ret_operations,
                           struct pusher_string *ret_bad) __attribute__((warn_unused_result));

/* The names, in the order of enum job_op; never "all". */
const char *config_operations_names(uint32_t operations, char ret_text[CONFIG_OPERATIONS_MAX]);

/* As it is written: "all" if it is all of them. */
const char *config_operations_write(uint32_t operations, char ret_text[CONFIG_OPERATIONS_MAX]);

#endif
