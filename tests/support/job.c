#include "job.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <msgpack.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PIPELINE 500

static void pack(msgpack_packer *packer, const json_t *value);

static void pack_text(msgpack_packer *packer, const char *text, size_t len)
{
    msgpack_pack_str(packer, len);
    msgpack_pack_str_body(packer, text, len);
}

static void pack_object(msgpack_packer *packer, const json_t *object)
{
    void *iter = json_object_iter((json_t *)(uintptr_t)object);
    msgpack_pack_map(packer, json_object_size(object));
    while (iter) {
        pack_text(packer, json_object_iter_key(iter), json_object_iter_key_len(iter));
        pack(packer, json_object_iter_value(iter));
        iter = json_object_iter_next((json_t *)(uintptr_t)object, iter);
    }
}

static void pack_array(msgpack_packer *packer, const json_t *array)
{
    msgpack_pack_array(packer, json_array_size(array));
    for (size_t i = 0; i < json_array_size(array); i++) {
        pack(packer, json_array_get(array, i));
    }
}

static void pack(msgpack_packer *packer, const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        pack_object(packer, value);
        break;
    case JSON_ARRAY:
        pack_array(packer, value);
        break;
    case JSON_STRING:
        pack_text(packer, json_string_value(value), json_string_length(value));
        break;
    case JSON_INTEGER:
        msgpack_pack_int64(packer, json_integer_value(value));
        break;
    case JSON_REAL:
        msgpack_pack_double(packer, json_real_value(value));
        break;
    case JSON_TRUE:
        msgpack_pack_true(packer);
        break;
    case JSON_FALSE:
        msgpack_pack_false(packer);
        break;
    case JSON_NULL:
        msgpack_pack_nil(packer);
        break;
    }
}

char *job_to_msgpack(const char *json, size_t *ret_len)
{
    json_error_t error;
    json_t *value = json_loads(json, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    cr_assert(value, "not JSON: %s: %s", error.text, json);
    msgpack_sbuffer buffer;
    msgpack_packer packer;
    msgpack_sbuffer_init(&buffer);
    msgpack_packer_init(&packer, &buffer, msgpack_sbuffer_write);
    pack(&packer, value);
    json_decref(value);
    *ret_len = buffer.size;
    return msgpack_sbuffer_release(&buffer);
}

void job_push_bytes(struct redis *redis, const char *list, const void *bytes, size_t len)
{
    redis_do(redis, "RPUSH %s %b", list, bytes, len);
}

static char *format_job(const char *text, va_list args)
{
    char *json;
    cr_assert(vasprintf(&json, text, args) >= 0);
    for (char *quote = json; (quote = strchr(quote, '\'')) != NULL;) {
        *quote = '"';
    }
    return json;
}

void job_push(struct redis *redis, enum job_format format, const char *text, ...)
{
    va_list args;
    va_start(args, text);
    char *json = format_job(text, args);
    va_end(args);
    size_t len = strlen(json);
    char *bytes = format == JOB_MSGPACK ? job_to_msgpack(json, &len) : strdup(json);
    job_push_bytes(redis, JOB_LIST, bytes, len);
    free(bytes);
    free(json);
}

static void append_job(struct redis *redis, const char *list, enum job_format format, size_t id,
                       size_t channel)
{
    char json[256];
    snprintf(
        json, sizeof(json),
        "{\"op\":\"triggerEvent\",\"id\":\"%zu\",\"channel\":\"ch-%zu\",\"event\":\"e\",\"data\":"
        "{\"n\":%zu}}",
        id, channel, id);
    size_t len = strlen(json);
    char *packed = format == JOB_MSGPACK ? job_to_msgpack(json, &len) : NULL;
    redisAppendCommand(redis->client, "RPUSH %s %b", list, packed ? packed : json, len);
    free(packed);
}

void job_push_many(struct redis *redis, enum job_format format, size_t first, size_t n,
                   size_t n_channels)
{
    job_push_many_to(redis, JOB_LIST, format, first, n, n_channels);
}

void job_push_many_to(struct redis *redis, const char *list, enum job_format format, size_t first,
                      size_t n, size_t n_channels)
{
    size_t n_answered = 0;
    for (size_t i = 0; i < n; i++) {
        append_job(redis, list, format, first + i, (first + i) % n_channels);
        while (i + 1 - n_answered >= PIPELINE || (i + 1 == n && n_answered < n)) {
            redisReply *reply;
            cr_assert_eq(redisGetReply(redis->client, (void **)&reply), REDIS_OK);
            cr_assert_eq(reply->type, REDIS_REPLY_INTEGER, "%s", reply->str);
            freeReplyObject(reply);
            n_answered++;
        }
    }
}
