#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/json_dump.h"
#include "lib/json_load.h"
#include "lib/json_text.h"
#include "lib/reply_info.h"
#include "lib/utf8.h"
#include "pusher/reply.h"

/* The text of an object that has something in it; NULL for anything else. */
static int dump_object(const json_t *value, char **ret_text)
{
    *ret_text = NULL;
    if (json_object_size(value) == 0)
        return 0;
    *ret_text = pusher__json_dump(value);
    return *ret_text ? 0 : PUSHER_ENOMEM;
}

int pusher__reply_load(const char *body, size_t body_len, json_t **ret_root)
{
    *ret_root = NULL;
    if (!body)
        return 0;
    int rc = pusher__json_load(body, body_len, PUSHER__JSON_BIG_AS_REAL, ret_root, NULL);
    return rc == PUSHER_ENOMEM ? rc : 0;
}

int pusher__reply_batch_info(const json_t *root, size_t index, char **ret_text)
{
    return dump_object(json_array_get(json_object_get(root, "batch"), index), ret_text);
}

int pusher__reply_channels_info(const json_t *root, char **ret_text)
{
    return dump_object(json_object_get(root, "channels"), ret_text);
}

char *pusher_reply_batch_info(const char *body, size_t body_len, size_t index)
{
    json_t *root;
    char *text = NULL;
    if (pusher__reply_load(body, body_len, &root) != 0 ||
        pusher__reply_batch_info(root, index, &text) != 0)
        text = NULL;
    json_decref(root);
    return text;
}

char *pusher_reply_channels_info(const char *body, size_t body_len)
{
    json_t *root;
    char *text = NULL;
    if (pusher__reply_load(body, body_len, &root) != 0 ||
        pusher__reply_channels_info(root, &text) != 0)
        text = NULL;
    json_decref(root);
    return text;
}

/* 0, PUSHER_EDATA or PUSHER_ENOMEM. */
static int check_json(const char *body, size_t len)
{
    json_t *value = NULL;
    int rc = pusher__json_load(body, len, PUSHER__JSON_INT_AS_REAL, &value, NULL);
    json_decref(value);
    return rc;
}

/* A copy in which every byte that is not UTF-8 is a "?". */
static char *mend(const char *text, size_t len)
{
    char *copy = malloc(len + 1);
    if (!copy)
        return NULL;
    memcpy(copy, text, len);
    char *p = copy, *end = p + len;
    while (p < end) {
        size_t n = pusher__utf8_char(p, end);
        if (n == 0)
            *p = '?';
        p += n ? n : 1;
    }
    return copy;
}

/* Takes UTF-8. */
static char *quote(const char *text, size_t len)
{
    size_t size;
    if (pusher__json_measure(text, len, &size) != 0)
        return NULL;
    char *json = malloc(size + 3);
    if (!json)
        return NULL;
    json[0] = '"';
    char *end = pusher__json_escape(text, len, json + 1, json + 1 + size);
    if (end)
        memcpy(end, "\"", 2);
    return json;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

char *pusher_reply_json(const char *body, size_t body_len)
{
    while (body_len > 0 && is_space(body[0])) {
        body++;
        body_len--;
    }
    while (body_len > 0 && is_space(body[body_len - 1]))
        body_len--;
    if (body_len == 0)
        return strdup("{}");
    int rc = check_json(body, body_len);
    if (rc != PUSHER_EDATA)
        return rc == 0 ? strndup(body, body_len) : NULL;
    char *text = mend(body, body_len);
    char *json = text ? quote(text, body_len) : NULL;
    free(text);
    return json;
}
