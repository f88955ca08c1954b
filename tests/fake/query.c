#include "query.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)tolower((unsigned char)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decodes in place, as a form is: `+` is a space. */
static int decode(char *text)
{
    char *out = text;
    for (const char *in = text; *in; in++) {
        if (*in != '%') {
            *out++ = *in == '+' ? ' ' : *in;
            continue;
        }
        int high = hex_digit(in[1]);
        int low = high < 0 ? -1 : hex_digit(in[2]);
        if (low < 0 || (high == 0 && low == 0)) {
            return -1;
        }
        *out++ = (char)(high * 16 + low);
        in += 2;
    }
    *out = '\0';
    return 0;
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp(((const struct query_param *)a)->key, ((const struct query_param *)b)->key);
}

static int add_param(struct query *query, char *pair)
{
    if (query->n == QUERY_MAX_PARAMS) {
        return -1;
    }
    char *equals = strchr(pair, '=');
    struct query_param *param = &query->params[query->n++];
    param->key = pair;
    param->value = equals ? equals + 1 : pair + strlen(pair);
    if (equals) {
        *equals = '\0';
    }
    if (decode(param->key) || decode(param->value)) {
        return -1;
    }
    for (char *c = param->key; *c; c++) {
        *c = (char)tolower((unsigned char)*c);
    }
    return 0;
}

int query_parse(const char *raw, struct query *ret_query)
{
    struct query query = {.text = strdup(raw ? raw : "")};
    char *rest = query.text;
    for (char *pair; (pair = strsep(&rest, "&")) != NULL;) {
        if (*pair && add_param(&query, pair)) {
            query_deinit(&query);
            return -1;
        }
    }
    qsort(query.params, query.n, sizeof(query.params[0]), compare_keys);
    *ret_query = query;
    return 0;
}

void query_deinit(struct query *query)
{
    free(query->text);
    query->text = NULL;
    query->n = 0;
}

const char *query_get(const struct query *query, const char *key)
{
    for (size_t i = 0; i < query->n; i++) {
        if (strcmp(query->params[i].key, key) == 0) {
            return query->params[i].value;
        }
    }
    return NULL;
}

char *query_canonical(const struct query *query)
{
    size_t size = 1;
    for (size_t i = 0; i < query->n; i++) {
        size += strlen(query->params[i].key) + strlen(query->params[i].value) + 2;
    }
    char *text = malloc(size);
    char *end = text;
    *end = '\0';
    for (size_t i = 0; i < query->n; i++) {
        const struct query_param *param = &query->params[i];
        if (strcmp(param->key, "auth_signature") == 0) {
            continue;
        }
        if (end > text) {
            *end++ = '&';
        }
        end = stpcpy(stpcpy(stpcpy(end, param->key), "="), param->value);
    }
    return text;
}
