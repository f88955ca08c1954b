/* From values to what a job's fields hold, and the texts of what is wrong with them.
 *
 * Every function returns JOB_OK or the code of its error, and writes ret_text only on JOB_OK. Of
 * several errors in one context the first is kept. */
#ifndef PROTO_JOB_CONVERT_H
#define PROTO_JOB_CONVERT_H

#include "proto/job_fields.h"
#include "proto/job_members.h"

/* Where in the job a conversion stands, and where its error goes. */
struct job_context {
    struct arena *arena;
    const char *start;   /* of the element: positions count from here */
    enum job_field list; /* EVENTS or CHANNELS while inside one of their items */
    size_t index;        /* of that item */
    bool out_of_memory;  /* some conversion found no memory in the arena */
    struct job_error *error;
};

enum job_code job_fail(struct job_context *ctx, enum job_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* "channels: empty", "events[3].info: too large". */
enum job_code job_fail_field(struct job_context *ctx, enum job_field field, const char *what);
enum job_code job_fail_memory(struct job_context *ctx, enum job_field field);

/* "data is missing", "events[3]: channel is missing". */
enum job_code job_fail_missing(struct job_context *ctx, enum job_field field);

/* "channel: expected a string, got an array". */
enum job_code job_fail_kind(struct job_context *ctx, enum job_field field, const char *expected,
                            const struct value *value);

/* Refuses keys that are not strings, and fields that are there twice. */
enum job_code job_check_keys(struct job_context *ctx, const struct job_members *members);

/* Refuses text that is not UTF-8 in what is not `used`, a set of fields: it makes JSON invalid even
 * where nobody reads it. */
enum job_code job_check_unused(struct job_context *ctx, const struct job_members *members,
                               uint32_t used);

/* A field whose kind is one text: any but EVENTS, CHANNELS and TIME. */
enum job_code job_convert_text(struct job_context *ctx, enum job_field field,
                               const struct value *value, struct pusher_string *ret_text);

enum job_code job_convert_time(struct job_context *ctx, enum job_field field,
                               const struct value *value, int64_t *ret_ms);

#endif
