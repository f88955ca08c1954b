#include "daemon/view/reply.h"

#include <stdlib.h>
#include <string.h>

#define MAX_SCORE_MS 9007199254740992.0 /* 2^53: up to there doubles are exact */

static bool element_fits(const redisReply *element, char kind)
{
    switch (kind) {
    case 's':
        return element->type == REDIS_REPLY_STRING;
    case 'i':
        return element->type == REDIS_REPLY_INTEGER;
    case 'S':
        return reply_fits(element, "", "s");
    default:
        return element->type == REDIS_REPLY_ARRAY;
    }
}

bool reply_fits(const redisReply *reply, const char *head, const char *rest)
{
    size_t n_head = strlen(head), n_rest = strlen(rest), at = 0;
    if (!reply || reply->type != REDIS_REPLY_ARRAY || reply->elements < n_head)
        return false;
    for (size_t i = 0; i < n_head; i++)
        if (!element_fits(reply->element[i], head[i]))
            return false;
    for (size_t i = n_head; i < reply->elements; i++) {
        if (n_rest == 0 || !element_fits(reply->element[i], rest[at]))
            return false;
        at = (at + 1) % n_rest;
    }
    return at == 0; /* the last ones are whole */
}

int64_t reply_score_ms(const redisReply *score)
{
    double ms = strtod(score->str, NULL);
    if (ms > MAX_SCORE_MS)
        ms = MAX_SCORE_MS;
    return ms >= -MAX_SCORE_MS ? (int64_t)ms : -(int64_t)MAX_SCORE_MS;
}
