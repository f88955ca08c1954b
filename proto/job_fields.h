/* The tables of the job format: which fields there are, of what kind, and which operation has
 * which. job_spec.c decodes by them; a new field or operation is a new row. */
#ifndef PROTO_JOB_FIELDS_H
#define PROTO_JOB_FIELDS_H

#include <stddef.h>
#include <stdint.h>

#include "proto/job_spec.h"

/* X(FIELD, "name", KIND, member of struct job_spec). Sorted by the length of the name. */
#define JOB_FIELD_MAP(X)                                                                           \
    X(OP, "op", OP, op_name)                                                                       \
    X(ID, "id", ID, id)                                                                            \
    X(APP, "app", TEXT, app)                                                                       \
    X(INFO, "info", TEXT, info)                                                                    \
    X(DATA, "data", DATA, data)                                                                    \
    X(PATH, "path", TEXT, path)                                                                    \
    X(BODY, "body", JSON_ANY, body)                                                                \
    X(EVENT, "event", TEXT, event)                                                                 \
    X(EVENTS, "events", EVENTS, events)                                                            \
    X(METHOD, "method", TEXT, method)                                                              \
    X(PARAMS, "params", JSON_MAP, params)                                                          \
    X(USER_ID, "userId", TEXT_OR_INTEGER, user_id)                                                 \
    X(CHANNEL, "channel", TEXT, channel)                                                           \
    X(HEADERS, "headers", JSON_MAP, headers)                                                       \
    X(RAW_BODY, "rawBody", TEXT, raw_body)                                                         \
    X(REPLY_TO, "replyTo", NAME, reply_to)                                                         \
    X(CHANNELS, "channels", CHANNELS, channels)                                                    \
    X(ORDER_KEY, "orderKey", NAME, order_key)                                                      \
    X(SOCKET_ID, "socketId", TEXT, socket_id)                                                      \
    X(USER_DATA, "userData", JSON_MAP, user_data)                                                  \
    X(DELIVER_AT, "deliverAt", TIME, deliver_at_ms)                                                \
    X(EXPIRES_AT, "expiresAt", TIME, expires_at_ms)                                                \
    X(CHANNEL_DATA, "channelData", JSON_ANY, channel_data)                                         \
    X(CHANNEL_NAME, "channelName", TEXT, channel_name)                                             \
    X(FILTER_BY_PREFIX, "filterByPrefix", TEXT, filter_by_prefix)                                  \
    X(ADDITIONAL_TOKENS, "additionalTokens", JSON_ARRAY, additional_tokens)

enum job_field {
#define JOB_FIELD_ENUM(field, name, kind, member) JOB_FIELD_##field,
    JOB_FIELD_MAP(JOB_FIELD_ENUM)
#undef JOB_FIELD_ENUM
        JOB_FIELD_COUNT
};

enum job_kind {
    JOB_KIND_OP,              /* the name of an operation */
    JOB_KIND_ID,              /* string of 1 to JOB_ID_MAX bytes, or integer */
    JOB_KIND_NAME,            /* string of 1 to JOB_NAME_MAX bytes */
    JOB_KIND_TEXT,            /* string */
    JOB_KIND_TEXT_OR_INTEGER, /* string, or an integer as decimal text */
    JOB_KIND_TIME,            /* unix ms */
    JOB_KIND_DATA,            /* string as it is, anything else as JSON; null is a value */
    JOB_KIND_JSON_ANY,        /* the same, but null is absent; */
    JOB_KIND_JSON_MAP,        /* ... only an object, or a string; */
    JOB_KIND_JSON_ARRAY,      /* ... only an array, or a string */
    JOB_KIND_CHANNELS,        /* array of strings */
    JOB_KIND_EVENTS,          /* array of maps */
};

struct job_field_row {
    const char *name;
    size_t name_len;
    enum job_kind kind;
    size_t offset; /* in struct job_spec */
};

/* Sets of fields are masks. */
#define JOB_FIELD_BIT(field) (UINT32_C(1) << (field))

struct job_op_row {
    const char *name;
    size_t name_len;
    uint32_t required, optional;
};

extern const struct job_field_row job_fields[JOB_FIELD_COUNT];
extern const struct job_op_row job_ops[JOB_OP_COUNT];

/* The field of that name, or JOB_FIELD_COUNT. */
enum job_field job_field_find(const char *name, size_t len);

/* The operation of that name, or JOB_OP_NONE. */
enum job_op job_op_find(const char *name, size_t len);

#endif
