/* The query string of a request, as the server sees it.
 *
 * query_parse() decodes it, lowers the keys and sorts by key; query_canonical() gives the text that
 * a signature covers. Nothing here is shared with libpusher: a mistake that both made would go
 * unnoticed. */
#ifndef TESTS_FAKE_QUERY_H
#define TESTS_FAKE_QUERY_H

#include <stddef.h>

#define QUERY_MAX_PARAMS 32

struct query_param {
    char *key; /* in struct query's text */
    char *value;
};

struct query {
    char *text; /* owned */
    struct query_param params[QUERY_MAX_PARAMS];
    size_t n;
};

/* Parses what stands behind the `?`; NULL is an empty query. Returns 0; -1 for a broken %XX, a
 * decoded NUL or too many parameters. */
int query_parse(const char *raw, struct query *ret_query);
void query_deinit(struct query *query);

/* The decoded value, or NULL. */
const char *query_get(const struct query *query, const char *key);

/* "k1=v1&k2=v2", without auth_signature; malloc'ed. */
char *query_canonical(const struct query *query);

#endif
