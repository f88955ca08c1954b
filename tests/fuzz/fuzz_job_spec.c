/* Decodes any bytes as a job, for libFuzzer: cc -fsanitize=fuzzer,address,undefined. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "lib/utf8.h"
#include "proto/job_spec.h"

#define ARENA_BYTES (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void check_text(struct pusher_string text)
{
    if (text.ptr && !pusher__utf8_valid(text.ptr, text.len))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct job_error error;
    struct job_spec spec;
    struct arena arena;
    enum job_code code;

    arena_init(&arena, ARENA_BYTES);
    code = job_spec_decode((const char *)bytes, len, &arena, &spec, &error);
    if ((code == JOB_OK) != (error.text[0] == '\0') || arena.used > ARENA_BYTES)
        abort();
    check_text(spec.id);
    check_text(spec.data);
    for (size_t i = 0; i < spec.n_events; i++)
        check_text(spec.events[i].data);
    arena_deinit(&arena);
    return 0;
}
