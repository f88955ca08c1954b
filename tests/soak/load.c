#include "load.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/support/job.h"

#define AT_ONCE      250
#define BATCH        12
#define N_CHANNELS   3000 /* at a time */
#define CHANNEL_LIFE 8    /* jobs from one that comes to the next */
#define DELAY_MS     400

enum kind {
    KIND_EVENT,
    KIND_ENCRYPTED,
    KIND_BATCH,
    KIND_MULTIPLE,
    KIND_ORDERED,
    KIND_DELAYED,
    KIND_POISON,
    KIND_NOT_A_JOB,
    KIND_NO_CHANNEL,
    KIND_BAD_CHANNEL,
    KIND_TOO_LARGE,
};

/* The periods are primes, so that each kind meets each format, size and channel. */
static enum kind kind_of(size_t job)
{
    static const struct {
        size_t every, at;
        enum kind kind;
    } kinds[] = {
        {1009, 3, KIND_NOT_A_JOB},   {1009, 250, KIND_NO_CHANNEL}, {1009, 500, KIND_BAD_CHANNEL},
        {1009, 700, KIND_TOO_LARGE}, {1009, 900, KIND_POISON},     {101, 50, KIND_DELAYED},
        {53, 20, KIND_MULTIPLE},     {43, 30, KIND_ORDERED},       {23, 10, KIND_BATCH},
        {11, 5, KIND_ENCRYPTED},
    };
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (job % kinds[i].every == kinds[i].at)
            return kinds[i].kind;
    return KIND_EVENT;
}

static size_t mix(size_t n)
{
    uint64_t z = (n + 1) * UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 31)) * UINT64_C(0xbf58476d1ce4e5b9);
    return (size_t)(z >> 33);
}

static size_t channel_of(size_t job, size_t event)
{
    return job / CHANNEL_LIFE + mix(job * BATCH + event) % N_CHANNELS;
}

/* Most are small; one in 500 has nearly what an event may have, encrypted: 10 KiB in base64. */
static int data_size(size_t job, size_t event)
{
    size_t n = job * BATCH + event;
    return n % 499 == 7 ? 7000 : (int)(mix(n) % 400);
}

static void write_event(FILE *out, const char *prefix, size_t job, size_t event)
{
    fprintf(out, "\"channel\":\"%s%zu\",\"event\":\"e\",\"data\":{\"text\":\"%0*zu\"}", prefix,
            channel_of(job, event), data_size(job, event), job);
}

static int64_t later_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 + DELAY_MS;
}

static void write_batch(FILE *out, size_t job)
{
    fputs("\"events\":[", out);
    for (size_t i = 0; i < BATCH; i++) {
        fputs(i > 0 ? ",{" : "{", out);
        write_event(out, "c-", job, i);
        fputc('}', out);
    }
    fputc(']', out);
}

static void write_fields(FILE *out, enum kind kind, size_t job)
{
    size_t channel = channel_of(job, 0);
    switch (kind) {
    case KIND_ENCRYPTED:
        write_event(out, "private-encrypted-", job, 0);
        break;
    case KIND_BATCH:
        write_batch(out, job);
        break;
    case KIND_MULTIPLE:
        fprintf(out, "\"channels\":[\"c-%zu\",\"m-%zu\"],\"event\":\"e\",\"data\":1", channel,
                channel);
        break;
    case KIND_ORDERED:
        fprintf(out, "\"orderKey\":\"key-%zu\",", channel);
        write_event(out, "c-", job, 0);
        break;
    case KIND_DELAYED:
        fprintf(out, "\"deliverAt\":%" PRId64 ",", later_ms());
        write_event(out, "c-", job, 0);
        break;
    case KIND_POISON:
        fprintf(out, "\"channel\":\"c-%zu\",\"event\":\"e\",\"data\":\"" LOAD_POISON "\"", channel);
        break;
    case KIND_NO_CHANNEL:
        fputs("\"event\":\"e\",\"data\":1", out);
        break;
    case KIND_BAD_CHANNEL:
        write_event(out, "no such channel ", job, 0);
        break;
    case KIND_TOO_LARGE:
        fprintf(out, "\"channel\":\"c-%zu\",\"event\":\"e\",\"data\":\"%012000d\"", channel, 0);
        break;
    default:
        write_event(out, "c-", job, 0);
    }
}

/* malloc'ed. */
static char *make_job(size_t job, enum kind kind, size_t *ret_len)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, ret_len);
    cr_assert(out);
    fprintf(out, "{\"id\":\"%zu\",", job);
    write_fields(out, kind, job);
    fputs(kind == KIND_NOT_A_JOB ? "" : "}", out);
    cr_assert_eq(fclose(out), 0);
    if (job % 2 == 0 || kind == KIND_NOT_A_JOB)
        return text;
    char *packed = job_to_msgpack(text, ret_len);
    free(text);
    return packed;
}

static void count(struct load *load, enum kind kind)
{
    size_t n_events = kind == KIND_BATCH ? BATCH : kind == KIND_MULTIPLE ? 2 : 1;
    load->n_jobs++;
    load->n_events += n_events;
    if (kind >= KIND_POISON) {
        load->n_failing_jobs++;
        load->n_failing_events += n_events;
    }
}

void load_push(struct load *load, struct redis *redis, size_t n_events)
{
    const char *argv[2 + AT_ONCE] = {"RPUSH", JOB_LIST};
    size_t lengths[2 + AT_ONCE] = {strlen("RPUSH"), strlen(JOB_LIST)}, n = 0;
    char *jobs[AT_ONCE];
    for (size_t end = load->n_events + n_events; n < AT_ONCE && load->n_events < end; n++) {
        enum kind kind = kind_of(load->n_jobs);
        argv[2 + n] = jobs[n] = make_job(load->n_jobs, kind, &lengths[2 + n]);
        count(load, kind);
    }
    redisReply *reply = redisCommandArgv(redis->client, (int)(2 + n), argv, lengths);
    cr_assert(reply && reply->type == REDIS_REPLY_INTEGER, "RPUSH");
    freeReplyObject(reply);
    for (size_t i = 0; i < n; i++)
        free(jobs[i]);
}
