/* A line of `pusherctl enqueue`: JSON that is checked, and turned into msgpack. Both forms must be
 * the same job. */
#include <msgpack/sbuffer.h>
#include <string.h>

#include "daemon/ctl/pack.h"
#include "proto/job_spec.h"
#include "tests/fuzz/fuzz.h"

#define ARENA_BYTES (1u << 20)

static bool same(struct pusher_string a, struct pusher_string b)
{
    return (a.ptr == NULL) == (b.ptr == NULL) && a.len == b.len &&
           (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static void check_same_lists(const struct job_spec *a, const struct job_spec *b)
{
    MUST(a->n_channels == b->n_channels && a->n_events == b->n_events);
    for (size_t i = 0; i < a->n_channels; i++)
        MUST(same(a->channels[i], b->channels[i]));
    for (size_t i = 0; i < a->n_events; i++) {
        const struct job_spec_event *x = &a->events[i], *y = &b->events[i];
        MUST((x->error == NULL) == (y->error == NULL));
        MUST(x->error ? x->error->code == y->error->code
                      : same(x->channel, y->channel) && same(x->name, y->name));
    }
}

/* Values that are forwarded as JSON text differ in white space and the form of numbers. */
static void check_same(const struct job_spec *a, const struct job_spec *b)
{
    MUST(a->op == b->op && same(a->op_name, b->op_name));
    MUST(same(a->id, b->id) && same(a->app, b->app) && same(a->reply_to, b->reply_to));
    MUST(same(a->order_key, b->order_key) && same(a->event, b->event));
    MUST(same(a->socket_id, b->socket_id) && same(a->info, b->info));
    MUST(same(a->channel, b->channel) && same(a->user_id, b->user_id));
    MUST(same(a->channel_name, b->channel_name) && same(a->path, b->path));
    MUST(same(a->filter_by_prefix, b->filter_by_prefix) && same(a->method, b->method));
    MUST(a->expires_at_ms == b->expires_at_ms && a->deliver_at_ms == b->deliver_at_ms);
    MUST((a->data.ptr == NULL) == (b->data.ptr == NULL));
    check_same_lists(a, b);
}

static void compare(const char *json, size_t json_len, const char *packed, size_t packed_len)
{
    struct job_error json_error, packed_error;
    struct job_spec a, b;
    struct arena arena;

    arena_init(&arena, 2 * ARENA_BYTES);
    enum job_code json_code = job_spec_decode(json, json_len, &arena, &a, &json_error);
    enum job_code packed_code = job_spec_decode(packed, packed_len, &arena, &b, &packed_error);
    MUST(json_code == packed_code);
    if (json_code == JOB_OK)
        check_same(&a, &b);
    arena_deinit(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    const char *text = (const char *)bytes;
    char why[PACK_WHY_MAX] = "";
    msgpack_sbuffer packed;

    bool is_job = pack_check(text, len, why) == 0;
    MUST(is_job || fuzz_is_line(why, sizeof(why)));
    MUST(!is_job || pack_check_value(text, len, why) == 0);
    msgpack_sbuffer_init(&packed);
    if (pack_msgpack(text, len, &packed, why) == 0) {
        MUST(is_job);
        compare(text, len, packed.data, packed.size);
    } else {
        MUST(why[0] != '\0' && fuzz_is_line(why, sizeof(why)));
    }
    msgpack_sbuffer_destroy(&packed);
    return 0;
}
