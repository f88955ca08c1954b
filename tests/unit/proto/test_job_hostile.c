/* Bytes that nobody means well with: cut, mutated, deep, and of declared sizes that are lies. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "job_examples.h"
#include "job_fixture.h"
#include "lib/utf8.h"

static bool lies_in_element(const struct job *job, struct pusher_string text)
{
    return text.ptr >= job->bytes && text.ptr + text.len <= job->bytes + job->len;
}

/* A text is absent, a slice of the element, or in the arena, where AddressSanitizer watches; it is
 * UTF-8 in every case. */
static void assert_text_ok(const struct job *job, struct pusher_string text)
{
    if (!text.ptr)
        return;
    cr_assert(lies_in_element(job, text) || job->arena.used >= text.len);
    cr_assert(pusher__utf8_valid(text.ptr, text.len));
}

static void assert_error_ok(const struct job_error *error)
{
    cr_assert_neq(error->code, JOB_OK);
    cr_assert_lt(strlen(error->text), sizeof(error->text));
    cr_assert_str_not_empty(error->text);
    for (const char *at = error->text; *at; at++)
        cr_assert(*at >= 0x20 && *at < 0x7f, "%s", error->text);
}

static void assert_spec_ok(const struct job *job)
{
    const struct job_spec *spec = &job->spec;
    const struct pusher_string texts[] = {
        spec->op_name,   spec->id,
        spec->app,       spec->reply_to,
        spec->order_key, spec->event,
        spec->data,      spec->socket_id,
        spec->info,      spec->channel,
        spec->user_id,   spec->channel_name,
        spec->user_data, spec->channel_data,
        spec->method,    spec->filter_by_prefix,
        spec->path,      spec->params,
        spec->body,      spec->headers,
        spec->raw_body,  spec->additional_tokens,
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_text_ok(job, texts[i]);
    for (size_t i = 0; i < spec->n_channels; i++)
        assert_text_ok(job, spec->channels[i]);
    for (size_t i = 0; i < spec->n_events; i++) {
        const struct job_spec_event *event = &spec->events[i];
        assert_text_ok(job, event->channel);
        assert_text_ok(job, event->data);
        if (event->error)
            assert_error_ok(event->error);
    }
}

static void assert_sane(const struct job *job)
{
    assert_spec_ok(job);
    cr_assert_leq(job->arena.used, job->arena.max_bytes);
    if (job->code == JOB_OK)
        cr_assert(job->spec.op > JOB_OP_NONE && job->spec.op < JOB_OP_COUNT);
    else
        assert_error_ok(&job->error);
}

static void assert_cuts_fail(const char *bytes, size_t len)
{
    for (size_t cut = 0; cut < len; cut++) {
        struct job job = job_decode(bytes, cut);
        cr_assert_eq(job.code, JOB_INVALID, "cut at %zu of %.*s", cut, (int)len, bytes);
        assert_sane(&job);
        job_free(&job);
    }
}

Test(job_hostile, elements_cut_at_any_byte_are_refused)
{
    for (int op = 1; op < JOB_OP_COUNT; op++) {
        msgpack_sbuffer buffer = msgpack_of(job_examples[op]);
        assert_cuts_fail(job_examples[op], strlen(job_examples[op]));
        assert_cuts_fail(buffer.data, buffer.size);
        msgpack_sbuffer_destroy(&buffer);
    }
}

/* Overwrites, inserts, removes or copies a few bytes; the element may grow by 16. */
static size_t mutate(char *bytes, size_t len, unsigned *seed)
{
    static const char special[] = "{}[]\",:\\u0e-\x80\x81\x90\xa1\xc0\xc1\xc4\xca\xcf\xd4\xd9\xdc"
                                  "\xdd\xde\xdf\xff\xc3\xed";

    for (int n = 1 + rand_r(seed) % 4; n > 0 && len > 2; n--) {
        size_t at = (size_t)rand_r(seed) % (len - 1), from = (size_t)rand_r(seed) % (len - 1);
        char byte = rand_r(seed) % 2 ? special[rand_r(seed) % (int)(sizeof(special) - 1)]
                                     : (char)rand_r(seed);
        switch (rand_r(seed) % 4) {
        case 0:
            memmove(bytes + at, bytes + at + 1, len - at - 1);
            len--;
            break;
        case 1:
            memmove(bytes + at + 1, bytes + at, len - at);
            bytes[at] = byte;
            len++;
            break;
        case 2:
            bytes[at] = bytes[from];
            break;
        default:
            bytes[at] = byte;
        }
    }
    return len;
}

static void assert_mutations_sane(const char *bytes, size_t len, int rounds, unsigned seed)
{
    char *copy = malloc(len + 16);

    for (int round = 0; round < rounds; round++) {
        struct job job;
        memcpy(copy, bytes, len);
        job = job_decode_in(copy, mutate(copy, len, &seed), round % 8 ? 65536 : 256);
        assert_sane(&job);
        job_free(&job);
    }
    free(copy);
}

Test(job_hostile, mutated_json_is_read_or_refused_and_nothing_else, .timeout = 300)
{
    for (int op = 1; op < JOB_OP_COUNT; op++)
        assert_mutations_sane(job_examples[op], strlen(job_examples[op]), 8000, (unsigned)op);
}

Test(job_hostile, mutated_msgpack_is_read_or_refused_and_nothing_else, .timeout = 300)
{
    for (int op = 1; op < JOB_OP_COUNT; op++) {
        msgpack_sbuffer buffer = msgpack_of(job_examples[op]);
        assert_mutations_sane(buffer.data, buffer.size, 8000, (unsigned)op);
        msgpack_sbuffer_destroy(&buffer);
    }
}

Test(job_hostile, random_bytes_after_a_right_head_are_refused_or_read)
{
    unsigned seed = 17;

    for (int round = 0; round < 100000; round++) {
        char bytes[48];
        struct job job;
        for (size_t i = 0; i < sizeof(bytes); i++)
            bytes[i] = (char)rand_r(&seed);
        bytes[0] = "{\x83\x8f\xde\xdf"[round % 5];
        job = job_decode(bytes, 1 + (size_t)rand_r(&seed) % sizeof(bytes));
        assert_sane(&job);
        job_free(&job);
    }
}

static void assert_refused(const void *bytes, size_t len, const char *end_of_text)
{
    struct job job = job_decode(bytes, len);
    size_t n = strlen(job.error.text), m = strlen(end_of_text);

    cr_assert_eq(job.code, JOB_INVALID);
    cr_assert(n >= m && strcmp(job.error.text + n - m, end_of_text) == 0, "%s", job.error.text);
    job_free(&job);
}

/* `head`, then `open` 100,000 times. */
static void assert_deep_refused(const char *head, const char *open)
{
    const size_t n = 100000, head_len = strlen(head), open_len = strlen(open);
    char *bytes = malloc(head_len + n * open_len + 1);

    memcpy(bytes, head, head_len);
    for (size_t i = 0; i < n; i++)
        memcpy(bytes + head_len + i * open_len, open, open_len);
    assert_refused(bytes, head_len + n * open_len, "nested deeper than 128 levels");
    free(bytes);
}

Test(job_hostile, elements_of_a_hundred_thousand_levels_are_refused)
{
    assert_deep_refused("{\"data\":", "[");
    assert_deep_refused("{\"data\":", "{\"a\":");
    assert_deep_refused("{\"events\":[", "[");
    assert_deep_refused("{\"unknown\":", "[");
    assert_deep_refused("\x81\xa4"
                        "data",
                        "\x91");
    assert_deep_refused("\x81\xa4"
                        "data",
                        "\x81\xa1"
                        "a");
    assert_deep_refused("\x81\xa6"
                        "events\x91",
                        "\x91");
    assert_deep_refused("\x81", "\x91");
    assert_deep_refused("\x81", "\x81");
}

static struct job nested_data(unsigned levels, bool msgpack)
{
    char element[1024] = "{\"channel\":\"c\",\"event\":\"e\",\"data\":";

    for (unsigned i = 0; i < levels; i++)
        strcat(element, "[");
    for (unsigned i = 0; i < levels; i++)
        strcat(element, "]");
    strcat(element, "}");
    return msgpack ? job_decode_msgpack_of(element) : job_decode_text(element);
}

Test(job_hostile, both_formats_have_the_same_bound_of_nesting)
{
    for (int msgpack = 0; msgpack < 2; msgpack++) {
        struct job job = nested_data(JOB_DEPTH_MAX - 1, msgpack);
        cr_assert_eq(job.code, JOB_OK, "%s", job.error.text);
        cr_assert_eq(job.spec.data.len, 2 * (JOB_DEPTH_MAX - 1));
        job_free(&job);
        job = nested_data(JOB_DEPTH_MAX, msgpack);
        cr_assert_eq(job.code, JOB_INVALID);
        job_free(&job);
    }
}

#define REFUSED(literal, end_of_text) assert_refused(literal, sizeof(literal) - 1, end_of_text)

Test(job_hostile, declared_gigabytes_are_refused_at_once)
{
    REFUSED("\xdf\xff\xff\xff\xff", "declares more items than can follow");
    REFUSED("\xde\xff\xff", "declares more items than can follow");
    REFUSED("\x81\xa4"
            "data\xdd\xff\xff\xff\xff",
            "declares more items than can follow");
    REFUSED("\x81\xa4"
            "data\xdf\xff\xff\xff\xff",
            "declares more items than can follow");
    REFUSED("\x81\xa4"
            "data\xdb\xff\xff\xff\xff",
            "declares more bytes than follow");
    REFUSED("\x81\xa4"
            "data\xc6\xff\xff\xff\xff",
            "declares more bytes than follow");
    REFUSED("\x81\xa4"
            "data\xc9\xff\xff\xff\xff",
            "declares more bytes than follow");
    REFUSED("\x81\xa6"
            "events\xdd\x08\x00\x00\x00",
            "declares more items than can follow");
    REFUSED("\x81\xa8"
            "channels\xdd\x08\x00\x00\x00",
            "declares more items than can follow");
    REFUSED("\x81\xdb\xff\xff\xff\xffop", "declares more bytes than follow");
}
