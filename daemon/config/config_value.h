/* Values: from the text of a key to the field it stands for. config_dump.c is the way back. */
#ifndef DAEMON_CONFIG_CONFIG_VALUE_H
#define DAEMON_CONFIG_CONFIG_VALUE_H

#include "daemon/config/config_error.h"
#include "daemon/config/config_keys.h"

/* What a value is read against. */
struct config_context {
    struct config_where where;
    const char *name;        /* of the key, as its source calls it */
    const char *folder;      /* that relative paths start from; NULL: the working directory */
    const char *credentials; /* $CREDENTIALS_DIRECTORY, or NULL */
    struct config_error *error;
};

/* Reads `text` into the key's field of `object`, which was not set before. 0, or -1 with the text
 * in context->error. An empty text leaves a string unset and is an error for anything else. */
int config_value_parse(const struct config_key *key, const char *text, void *object,
                       const struct config_context *context) __attribute__((warn_unused_result));

#endif
