/* What the tests of the job format share: decoding from text, and the same job in both formats. */
#ifndef TESTS_UNIT_PROTO_JOB_FIXTURE_H
#define TESTS_UNIT_PROTO_JOB_FIXTURE_H

#include <jansson.h>
#include <msgpack.h>
#include <stdlib.h>
#include <string.h>

#include "proto/job_spec.h"

#define JOB_ARENA_BYTES (1u << 20)

/* One decoded element. The bytes are a heap copy of exactly their length, so that a read beyond
 * them is seen by AddressSanitizer. */
struct job {
    char *bytes;
    size_t len;
    struct arena arena;
    struct job_spec spec;
    struct job_error error;
    enum job_code code;
};

static inline struct job job_decode_in(const void *bytes, size_t len, size_t arena_bytes)
{
    struct job job = {.bytes = malloc(len ? len : 1), .len = len};

    memcpy(job.bytes, bytes, len);
    arena_init(&job.arena, arena_bytes);
    job.code = job_spec_decode(job.bytes, len, &job.arena, &job.spec, &job.error);
    return job;
}

static inline struct job job_decode(const void *bytes, size_t len)
{
    return job_decode_in(bytes, len, JOB_ARENA_BYTES);
}

static inline struct job job_decode_text(const char *text)
{
    return job_decode(text, strlen(text));
}

static inline void job_free(struct job *job)
{
    arena_deinit(&job->arena);
    free(job->bytes);
}

/* A string literal of bytes, which may hold NUL. */
#define JOB_DECODE_BYTES(literal) job_decode(literal, sizeof(literal) - 1)

static inline bool text_is(struct pusher_string text, const char *expected)
{
    return text.ptr && text.len == strlen(expected) && memcmp(text.ptr, expected, text.len) == 0;
}

static inline void pack_text(msgpack_packer *packer, const char *text, size_t len)
{
    msgpack_pack_str(packer, len);
    msgpack_pack_str_body(packer, text, len);
}

static inline void pack_json(msgpack_packer *packer, const json_t *json);

static inline void pack_json_map(msgpack_packer *packer, const json_t *json)
{
    void *at = json_object_iter((json_t *)(uintptr_t)json);

    msgpack_pack_map(packer, json_object_size(json));
    for (; at; at = json_object_iter_next((json_t *)(uintptr_t)json, at)) {
        const char *key = json_object_iter_key(at);
        pack_text(packer, key, strlen(key));
        pack_json(packer, json_object_iter_value(at));
    }
}

static inline void pack_json_array(msgpack_packer *packer, const json_t *json)
{
    msgpack_pack_array(packer, json_array_size(json));
    for (size_t i = 0; i < json_array_size(json); i++)
        pack_json(packer, json_array_get(json, i));
}

static inline void pack_json(msgpack_packer *packer, const json_t *json)
{
    switch (json_typeof(json)) {
    case JSON_OBJECT:
        pack_json_map(packer, json);
        break;
    case JSON_ARRAY:
        pack_json_array(packer, json);
        break;
    case JSON_STRING:
        pack_text(packer, json_string_value(json), json_string_length(json));
        break;
    case JSON_INTEGER:
        msgpack_pack_int64(packer, json_integer_value(json));
        break;
    case JSON_REAL:
        msgpack_pack_double(packer, json_real_value(json));
        break;
    case JSON_NULL:
        msgpack_pack_nil(packer);
        break;
    default:
        json_is_true(json) ? msgpack_pack_true(packer) : msgpack_pack_false(packer);
    }
}

/* The msgpack form of JSON text; aborts if that is not JSON. Freed by msgpack_sbuffer_destroy(). */
static inline msgpack_sbuffer msgpack_of(const char *text)
{
    json_t *json = json_loads(text, JSON_ALLOW_NUL | JSON_DECODE_ANY, NULL);
    msgpack_sbuffer buffer;
    msgpack_packer packer;

    if (!json)
        abort();
    msgpack_sbuffer_init(&buffer);
    msgpack_packer_init(&packer, &buffer, msgpack_sbuffer_write);
    pack_json(&packer, json);
    json_decref(json);
    return buffer;
}

static inline struct job job_decode_msgpack_of(const char *text)
{
    msgpack_sbuffer buffer = msgpack_of(text);
    struct job job = job_decode(buffer.data, buffer.size);

    msgpack_sbuffer_destroy(&buffer);
    return job;
}

#endif
