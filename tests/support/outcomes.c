#include "outcomes.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

void outcomes_read(struct redis *redis, const char *stream, struct outcomes *ret_outcomes)
{
    redisReply *reply = redis_cmd(redis, "XRANGE %s - +", stream);
    cr_assert_eq(reply->type, REDIS_REPLY_ARRAY, "XRANGE %s: %s", stream, reply->str);
    *ret_outcomes = (struct outcomes){.reply = reply, .n = reply->elements};
}

void outcomes_deinit(struct outcomes *outcomes)
{
    freeReplyObject(outcomes->reply);
    *outcomes = (struct outcomes){0};
}

const char *outcomes_get(const struct outcomes *outcomes, size_t i, const char *field,
                         size_t *ret_len)
{
    const redisReply *pairs = outcomes->reply->element[i]->element[1];
    for (size_t k = 0; k + 1 < pairs->elements; k += 2) {
        const redisReply *value = pairs->element[k + 1];
        if (strcmp(pairs->element[k]->str, field) == 0) {
            if (ret_len) {
                *ret_len = (size_t)value->len;
            }
            return value->str;
        }
    }
    return NULL;
}

size_t outcomes_find(const struct outcomes *outcomes, const char *id)
{
    size_t found = 0;
    size_t at = 0;
    for (size_t i = 0; i < outcomes->n; i++) {
        const char *have = outcomes_get(outcomes, i, "id", NULL);
        if (have && strcmp(have, id) == 0) {
            found++;
            at = i;
        }
    }
    cr_assert_eq(found, 1, "%zu entries of the job %s", found, id);
    return at;
}

size_t outcomes_count(struct redis *redis, const char *stream)
{
    return (size_t)redis_int(redis, "XLEN %s", stream);
}

size_t outcomes_added(struct redis *redis, const char *stream)
{
    redisReply *info = redis_cmd(redis, "XINFO STREAM %s", stream); /* an error before the first */
    size_t added = 0;
    for (size_t i = 0; info->type == REDIS_REPLY_ARRAY && i + 1 < info->elements; i += 2)
        if (strcmp(info->element[i]->str, "entries-added") == 0)
            added = (size_t)info->element[i + 1]->integer;
    freeReplyObject(info);
    return added;
}

char *outcomes_field(struct redis *redis, const char *stream, const char *id, const char *field)
{
    struct outcomes outcomes;
    outcomes_read(redis, stream, &outcomes);
    size_t len = 0;
    const char *value = outcomes_get(&outcomes, outcomes_find(&outcomes, id), field, &len);
    char *copy = NULL;
    if (value) {
        copy = calloc(1, len + 1);
        memcpy(copy, value, len);
    }
    outcomes_deinit(&outcomes);
    return copy;
}
