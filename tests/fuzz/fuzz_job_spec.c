/* Any bytes as an element of the list. */
#include <string.h>

#include "proto/job_spec.h"
#include "tests/fuzz/fuzz.h"

#define ARENA_BYTES (1u << 20)

static void check_events(const struct job_spec *spec)
{
    for (size_t i = 0; i < spec->n_events; i++) {
        const struct job_spec_event *event = &spec->events[i];
        MUST(!event->error || (event->error->code != JOB_OK &&
                               fuzz_is_line(event->error->text, sizeof(event->error->text))));
        MUST(fuzz_is_text(event->channel) && fuzz_is_text(event->name));
        MUST(fuzz_is_text(event->data) && fuzz_is_text(event->socket_id));
        MUST(fuzz_is_text(event->info));
        MUST(event->error || (event->channel.ptr && event->name.ptr && event->data.ptr));
    }
}

static void check_texts(const struct job_spec *spec)
{
    const struct pusher_string texts[] = {
        spec->op_name,   spec->id,
        spec->app,       spec->reply_to,
        spec->order_key, spec->event,
        spec->data,      spec->socket_id,
        spec->info,      spec->channel,
        spec->user_id,   spec->channel_name,
        spec->user_data, spec->path,
        spec->method,    spec->channel_data,
        spec->params,    spec->body,
        spec->headers,   spec->filter_by_prefix,
        spec->raw_body,  spec->additional_tokens,
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        MUST(fuzz_is_text(texts[i]));
    for (size_t i = 0; i < spec->n_channels; i++)
        MUST(spec->channels[i].ptr && fuzz_is_text(spec->channels[i]));
    MUST(spec->id.len <= JOB_ID_MAX);
    MUST(spec->expires_at_ms >= 0 && spec->deliver_at_ms >= 0);
}

/* Of a job that cannot be read, what is reported of it is still good. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct job_error error;
    struct job_spec spec;
    struct arena arena;
    enum job_code code;

    arena_init(&arena, ARENA_BYTES);
    code = job_spec_decode((const char *)bytes, len, &arena, &spec, &error);
    MUST(code == error.code);
    MUST((code == JOB_OK) == (error.text[0] == '\0'));
    MUST(fuzz_is_line(error.text, sizeof(error.text)));
    MUST(arena.used <= ARENA_BYTES);
    MUST(code != JOB_OK || spec.op != JOB_OP_NONE);
    check_texts(&spec);
    if (code == JOB_OK)
        check_events(&spec);
    arena_deinit(&arena);
    return 0;
}
