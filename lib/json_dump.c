#include "lib/json_dump.h"

#include <stdlib.h>

#define FLAGS (JSON_COMPACT | JSON_ENCODE_ANY)

/* json_dumpb() writes to a buffer that it does not grow, and gives 0 where it finds no memory for
 * its own needs. */
char *pusher__json_dump(const json_t *value)
{
    size_t len = value ? json_dumpb(value, NULL, 0, FLAGS) : 0;
    char *text = len > 0 ? malloc(len + 1) : NULL;
    if (!text)
        return NULL;
    if (json_dumpb(value, text, len, FLAGS) != len) {
        free(text);
        return NULL;
    }
    text[len] = '\0';
    return text;
}
