#include "daemon/ctl/names.h"

#include <stdlib.h>
#include <string.h>

int names_add(struct names *names, const char *bytes, size_t len)
{
    if (names->n == names->size) {
        size_t size = names->size ? 2 * names->size : 16;
        char **items = reallocarray(names->items, size, sizeof *items);
        if (!items)
            return -1;
        names->items = items;
        names->size = size;
    }
    char *copy = strndup(bytes, len);
    if (!copy)
        return -1;
    names->items[names->n++] = copy;
    return 0;
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void names_sort(struct names *names)
{
    size_t kept = 0;
    if (names->n < 2)
        return;
    qsort(names->items, names->n, sizeof *names->items, compare);
    for (size_t i = 0; i < names->n; i++) {
        if (kept > 0 && strcmp(names->items[kept - 1], names->items[i]) == 0)
            free(names->items[i]);
        else
            names->items[kept++] = names->items[i];
    }
    names->n = kept;
}

void names_deinit(struct names *names)
{
    for (size_t i = 0; i < names->n; i++)
        free(names->items[i]);
    free(names->items);
    *names = (struct names){.n = 0};
}
