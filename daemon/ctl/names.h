/* A list of names: kept sorted, each once, after names_sort(). */
#ifndef DAEMON_CTL_NAMES_H
#define DAEMON_CTL_NAMES_H

#include <stddef.h>

struct names {
    char **items; /* owned, and so are the names */
    size_t n, size;
};

/* 0, or -1 when out of memory. */
int names_add(struct names *names, const char *bytes, size_t len)
    __attribute__((warn_unused_result));
void names_sort(struct names *names);
void names_deinit(struct names *names);

#endif
