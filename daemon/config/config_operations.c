#include "daemon/config/config_operations.h"

#include <stdio.h>
#include <string.h>

#include "proto/job_fields.h"

#define ALL   "all"
#define BLANK " \t"

/* Without the blanks around it. */
static struct pusher_string trim(const char *text, size_t len)
{
    while (len > 0 && strchr(BLANK, text[len - 1]))
        len--;
    while (len > 0 && strchr(BLANK, text[0])) {
        text++;
        len--;
    }
    return (struct pusher_string){text, len};
}

int config_operations_read(const char *text, uint32_t *ret_operations,
                           struct pusher_string *ret_bad)
{
    uint32_t operations = 0;

    if (strcmp(text, ALL) == 0) {
        *ret_operations = JOB_OPS_ALL;
        return 0;
    }
    for (const char *at = text;; at++) {
        size_t len = strcspn(at, ",");
        struct pusher_string word = trim(at, len);
        enum job_op op = job_op_find(word.ptr, word.len);

        if (op == JOB_OP_NONE) {
            *ret_bad = word;
            return -1;
        }
        operations |= JOB_OP_BIT(op);
        at += len;
        if (*at == '\0')
            break;
    }
    *ret_operations = operations;
    return 0;
}

const char *config_operations_names(uint32_t operations, char ret_text[CONFIG_OPERATIONS_MAX])
{
    size_t used = 0;

    ret_text[0] = '\0';
    for (unsigned op = 1; op < JOB_OP_COUNT && used < CONFIG_OPERATIONS_MAX; op++) {
        if (operations & JOB_OP_BIT(op))
            used += (size_t)snprintf(ret_text + used, CONFIG_OPERATIONS_MAX - used, "%s%s",
                                     used > 0 ? "," : "", job_op_name((enum job_op)op));
    }
    return ret_text;
}

const char *config_operations_write(uint32_t operations, char ret_text[CONFIG_OPERATIONS_MAX])
{
    return operations == JOB_OPS_ALL ? ALL : config_operations_names(operations, ret_text);
}
