#include "daemon/ctl/value.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_SIZE 65536

static int fail(char why[VALUE_WHY_MAX], const char *name, const char *text)
{
    snprintf(why, VALUE_WHY_MAX, "%.120s %s", name, text);
    return -1;
}

/* Reads to the end into a buffer that doubles; one byte is kept for the NUL. */
static int read_stream(FILE *in, const char *name, size_t max_bytes, char **text,
                       char why[VALUE_WHY_MAX])
{
    size_t size = FIRST_SIZE, used = 0, n;
    *text = malloc(size);
    while (*text && (n = fread(*text + used, 1, size - used - 1, in)) > 0) {
        used += n;
        if (used > max_bytes)
            return fail(why, name, "is longer than 64 MiB");
        if (used < size - 1)
            continue;
        char *grown = realloc(*text, size *= 2);
        if (!grown)
            return fail(why, name, "does not fit into memory");
        *text = grown;
    }
    if (!*text)
        return fail(why, name, "does not fit into memory");
    if (ferror(in))
        return fail(why, name, strerror(errno));
    (*text)[used] = '\0';
    return memchr(*text, '\0', used) ? fail(why, name, "holds a NUL byte") : 0;
}

static int read_file(const char *name, size_t max_bytes, char **text, char why[VALUE_WHY_MAX])
{
    if (strcmp(name, "-") == 0)
        return read_stream(stdin, "standard input", max_bytes, text, why);
    FILE *in = fopen(name, "re");
    if (!in)
        return fail(why, name, strerror(errno));
    int rc = read_stream(in, name, max_bytes, text, why);
    fclose(in);
    return rc;
}

int value_read(const char *value, size_t max_bytes, char **ret_text, char ret_why[VALUE_WHY_MAX])
{
    char *text = NULL;
    if (value[1] == '@') {
        *ret_text = strdup(value + 1);
        return *ret_text ? 0 : fail(ret_why, "the value", "does not fit into memory");
    }
    if (read_file(value + 1, max_bytes, &text, ret_why) != 0) {
        free(text);
        return -1;
    }
    *ret_text = text;
    return 0;
}
