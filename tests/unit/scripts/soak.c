#include "tests/unit/scripts/soak.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/wait.h"

static uint64_t below(struct soak *soak, uint64_t n)
{
    uint64_t z = (soak->random += 0x9e3779b97f4a7c15u);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (z ^ (z >> 31)) % n;
}

const char *soak_name(unsigned consumer)
{
    static char names[8][16];
    static unsigned next;
    char *name = names[next++ % 8];

    (void)snprintf(name, sizeof(names[0]), "c%u", consumer);
    return name;
}

static struct soak_consumer *new_consumer(struct soak *soak, unsigned slot)
{
    unsigned number = soak->n_consumers++;

    cr_assert_lt(number, SOAK_MAX_CONSUMERS);
    soak->alive[slot] = number;
    soak->consumers[number].has_lease = true;
    open_consumer(soak_name(number));
    return &soak->consumers[number];
}

void soak_begin(struct soak *soak, uint64_t seed)
{
    memset(soak, 0, sizeof(*soak));
    soak->random = seed;
    soak->head = SOAK_MAX_JOBS;
    redis_do(&scripts_server, "DEL %s", key_of(KEYS_SEQ));
    for (unsigned i = 0; i < SOAK_ALIVE; i++)
        new_consumer(soak, i);
}

void soak_end(struct soak *soak)
{
    for (unsigned i = 0; i < soak->n_jobs; i++)
        free(soak->jobs[i].bytes);
}

/* ---- jobs: any bytes, some of which look like headers of records */

static void fill(struct soak *soak, char *bytes, size_t len)
{
    static const char *const starts[] = {"", "1:2:3:ff:", "::::", "0:0:0::0:0:0::", "\r\n", "12:"};
    const char *start = starts[below(soak, sizeof(starts) / sizeof(starts[0]))];

    for (size_t i = 0; i < len; i++)
        bytes[i] = below(soak, 4) ? (char)below(soak, 256) : "\0:\r\n0f"[below(soak, 6)];
    if (strlen(start) <= len)
        memcpy(bytes, start, strlen(start));
}

unsigned soak_tag(const char *bytes, size_t len)
{
    uint64_t tag;

    cr_assert_geq(len, SOAK_TAG);
    memcpy(&tag, bytes + len - SOAK_TAG, SOAK_TAG);
    cr_assert_lt(tag, SOAK_MAX_JOBS, "these are not the bytes of a job");
    return (unsigned)tag;
}

static void push_one(struct soak *soak)
{
    struct soak_job *job = &soak->jobs[soak->n_jobs];
    uint64_t tag = soak->n_jobs;

    job->len = SOAK_TAG + below(soak, below(soak, 50) ? 100 : 2 * MAX_JOB);
    job->bytes = malloc(job->len);
    cr_assert(job->bytes);
    fill(soak, job->bytes, job->len - SOAK_TAG);
    memcpy(job->bytes + job->len - SOAK_TAG, &tag, SOAK_TAG);
    push_bytes(job->bytes, job->len);
    soak->list[soak->head + soak->n_listed++] = soak->n_jobs++;
}

static void push_some(struct soak *soak)
{
    for (uint64_t n = 1 + below(soak, 6); n > 0 && soak->n_jobs < SOAK_MAX_JOBS; n--)
        push_one(soak);
}

static unsigned pop_listed(struct soak *soak)
{
    cr_assert_gt(soak->n_listed, 0);
    soak->n_listed--;
    return soak->list[soak->head++];
}

static void push_listed_front(struct soak *soak, unsigned job)
{
    cr_assert_gt(soak->head, 0);
    soak->list[--soak->head] = job;
    soak->n_listed++;
    soak->jobs[job] = (struct soak_job){.bytes = soak->jobs[job].bytes, .len = soak->jobs[job].len};
}

/* ---- claims */

static bool is_oversize(const struct soak_job *job)
{
    return job->len > MAX_JOB;
}

/* The next job of the reply must be this one. */
static void expect_claimed(struct soak *soak, const redisReply *reply, size_t *at, unsigned number,
                           unsigned consumer)
{
    struct soak_consumer *own = &soak->consumers[consumer];
    struct soak_job *job = &soak->jobs[number];
    struct soak_held *held = &own->held[own->n_held++];

    cr_assert_leq(own->n_held, SOAK_MAX_HELD);
    cr_assert_lt(*at, n_claimed(reply), "job %u is gone, but nobody has got it", number);
    cr_assert(soak_is_record(job, record_at(reply, *at), reply->element[6 + 2 * *at]->len),
              "job %u was to be claimed next", number);
    (void)snprintf(held->id, sizeof(held->id), "%s", id_at(reply, *at));
    held->job = number;
    memcpy(job->id, held->id, sizeof(job->id));
    job->place = SOAK_INFLIGHT;
    job->consumer = consumer;
    ++*at;
}

static unsigned job_at(const redisReply *reply, size_t at)
{
    return soak_tag(record_at(reply, at), reply->element[6 + 2 * at]->len);
}

static void expect_retries(struct soak *soak, const redisReply *reply, size_t *at,
                           unsigned consumer)
{
    while (*at < n_claimed(reply)) {
        unsigned number = job_at(reply, *at);

        if (soak->jobs[number].place != SOAK_RETRY)
            return;
        cr_assert_str_eq(soak->jobs[number].id, id_at(reply, *at), "a retry keeps its id");
        expect_claimed(soak, reply, at, number, consumer);
    }
}

static void expect_listed(struct soak *soak, const redisReply *reply, size_t *at, unsigned consumer)
{
    long long left = reply->element[2]->integer;

    while (soak->n_listed > left) {
        unsigned number = pop_listed(soak);

        if (is_oversize(&soak->jobs[number]))
            soak->jobs[number].place = SOAK_FAILURE;
        else
            expect_claimed(soak, reply, at, number, consumer);
    }
}

static void claim_some(struct soak *soak, unsigned consumer)
{
    const struct soak_consumer *own = &soak->consumers[consumer];
    unsigned n = 1 + (unsigned)below(soak, below(soak, 5) ? 10 : 100);
    redisReply *reply;
    size_t at = 0;
    long long state;

    if (own->n_held + n > SOAK_MAX_HELD)
        return;
    reply = claim_bytes(soak_name(consumer), n, below(soak, 4) ? MAX_CLAIM : below(soak, 2000),
                        below(soak, 2) > 0);
    cr_assert_leq(n_claimed(reply), n);
    state = reply->element[1]->integer;
    if (own->has_lease && !soak->paused)
        cr_assert(state == 1 || state == 2, "state %lld", state);
    else
        cr_assert_eq(state, own->has_lease ? 0 : -1);
    if (own->has_lease && !soak->paused) {
        expect_retries(soak, reply, &at, consumer);
        expect_listed(soak, reply, &at, consumer);
    }
    cr_assert_eq(at, n_claimed(reply), "more was claimed than there was");
    freeReplyObject(reply);
}

/* A daemon waits for a job, whether its lease lasts or not: that moves nothing. */
static void wake(const struct soak *soak)
{
    if (soak->n_listed > 0)
        redis_do(&scripts_server, "BLMOVE " LIST " " LIST " LEFT LEFT 10");
}

/* ---- settling */

#define MAX_SETTLED 8

struct soak_texts { /* of one job to settle */
    char job_id[24], due[24], header[80];
};

static void draw_record(struct soak *soak, struct soak_job *job)
{
    job->attempts = (unsigned)below(soak, 20);
    job->orphanings = (unsigned)below(soak, MAX_ORPHANED + 1);
    job->first_ms = below(soak, 2000000000000u);
    job->progress[0] = '\0';
    if (below(soak, 2))
        (void)snprintf(job->progress, sizeof(job->progress), "%016llx",
                       (unsigned long long)below(soak, UINT64_MAX));
}

static void write_header(const struct soak_job *job, char header[80])
{
    (void)snprintf(header, 80, "%u:%u:%llu:%s:", job->attempts, job->orphanings,
                   (unsigned long long)job->first_ms, job->progress);
}

/* When a retry is due: at once, mostly, by the server's clock or long ago. */
static void draw_due(struct soak *soak, char due[24])
{
    redisReply *reply = redis_cmd(&scripts_server, "TIME");
    long long ms = strtoll(reply->element[0]->str, NULL, 10) * 1000 +
                   strtoll(reply->element[1]->str, NULL, 10) / 1000;

    freeReplyObject(reply);
    (void)snprintf(due, 24, "%lld", below(soak, 3) ? 0 : ms + (long long)below(soak, 20));
}

enum soak_claim {
    CLAIM_GONE,    /* somebody else has the job, or it is settled */
    CLAIM_WAITING, /* it was taken away, and waits to be claimed again */
    CLAIM_REAL,
};

static enum soak_claim claim_of(const struct soak *soak, const struct soak_held *held,
                                unsigned consumer)
{
    const struct soak_job *job = &soak->jobs[held->job];

    if (strcmp(job->id, held->id) != 0)
        return CLAIM_GONE;
    if (job->place == SOAK_INFLIGHT && job->consumer == consumer)
        return CLAIM_REAL;
    return job->place == SOAK_RETRY ? CLAIM_WAITING : CLAIM_GONE;
}

/* A job that waits keeps what is known of it, and gains what is new. */
static void learn(struct soak_job *job, const struct soak_job *drawn)
{
    uint64_t all = strtoull(job->progress, NULL, 16) | strtoull(drawn->progress, NULL, 16);

    if (drawn->attempts > job->attempts)
        job->attempts = drawn->attempts;
    if (job->first_ms == 0)
        job->first_ms = drawn->first_ms;
    if (job->progress[0] || drawn->progress[0])
        (void)snprintf(job->progress, sizeof(job->progress), "%016llx", (unsigned long long)all);
}

static void draw_header(struct soak *soak, struct soak_job *job, enum soak_claim claim,
                        char header[80])
{
    struct soak_job drawn = {0};

    draw_record(soak, &drawn);
    write_header(&drawn, header);
    if (claim == CLAIM_WAITING) {
        learn(job, &drawn);
        return;
    }
    job->attempts = drawn.attempts;
    job->orphanings = drawn.orphanings;
    job->first_ms = drawn.first_ms;
    memcpy(job->progress, drawn.progress, sizeof(job->progress));
}

/* Adds an operation for a job; applies it to the model if the job is there to be settled. */
static bool settle_one(struct soak *soak, struct settle_args *args, struct soak_texts *texts,
                       const struct soak_held *held, enum soak_claim claim)
{
    bool is_there = claim != CLAIM_GONE;
    struct soak_job ignored = {0}, *job = is_there ? &soak->jobs[held->job] : &ignored;
    bool with_reply = below(soak, 4) == 0;
    uint64_t kind = below(soak, 7);

    (void)snprintf(texts->job_id, sizeof(texts->job_id), "job-%u", held->job);
    if (kind == 4 || kind == 5)
        draw_header(soak, job, claim, texts->header);
    switch (kind) {
    case 0:
        settle_add(args, "D", held->id, texts->job_id, "op", "app", "200", "1", "2", NULL);
        job->place = SOAK_RESULT;
        break;
    case 1:
        settle_add(args, "V", held->id, texts->job_id, "op", "app", "200", "1", "2", "{}", NULL);
        job->place = SOAK_RESULT;
        break;
    case 2:
        settle_add(args, "N", held->id, NULL);
        job->place = SOAK_FORGOTTEN;
        break;
    case 3:
        settle_add(args, "F", held->id, texts->job_id, "op", "app", "rejected", "400", "no", "1",
                   below(soak, 2) ? "" : "[]", NULL);
        job->place = SOAK_FAILURE;
        break;
    case 4:
        draw_due(soak, texts->due);
        settle_add(args, "R", held->id, texts->due, texts->header, NULL);
        job->place = SOAK_RETRY;
        break;
    case 5:
        settle_add(args, "P", held->id, texts->header, NULL);
        return true;
    default:
        settle_add(args, "B", held->id, NULL);
        if (claim == CLAIM_REAL)
            push_listed_front(soak, held->job);
        return false;
    }
    if (with_reply && kind < 4) {
        settle_add(args, "L", "replies", "{}", NULL);
        soak->n_replies += is_there;
    }
    return false;
}

static void settle_some(struct soak *soak, unsigned consumer)
{
    struct soak_consumer *own = &soak->consumers[consumer];
    struct soak_texts texts[MAX_SETTLED];
    struct soak_held done[MAX_SETTLED];
    struct settle_args args = {.n = 0};
    unsigned n = 1 + (unsigned)below(soak, MAX_SETTLED), n_gone = 0;

    for (unsigned i = 0; i < n && own->n_held > 0; i++) {
        unsigned index = (unsigned)below(soak, own->n_held);
        enum soak_claim claim = claim_of(soak, &own->held[index], consumer);

        done[i] = own->held[index];
        n_gone += claim == CLAIM_GONE;
        if (!settle_one(soak, &args, &texts[i], &done[i], claim))
            own->held[index] = own->held[--own->n_held];
    }
    settle_expecting(&args, soak_name(consumer), n_gone);
}

/* ---- death */

static void expect_reaped(struct soak *soak, unsigned consumer)
{
    for (unsigned i = 0; i < soak->n_jobs; i++) {
        struct soak_job *job = &soak->jobs[i];

        if (job->consumer != consumer || job->place != SOAK_INFLIGHT)
            continue;
        job->orphanings++;
        job->place = job->orphanings >= MAX_ORPHANED + 2 ? SOAK_FAILURE : SOAK_RETRY;
    }
}

static void reap_consumer(struct soak *soak, unsigned consumer)
{
    struct soak_consumer *own = &soak->consumers[consumer];
    bool by_time = below(soak, 2);
    redisReply *reply;

    if (own->has_lease && by_time)
        redis_do(&scripts_server, "ZADD %s 1 %s", key_of(KEYS_LEASES), soak_name(consumer));
    reply = reap(soak_name(consumer), by_time ? "1000" : "dead");
    cr_assert_eq(reply->type, REDIS_REPLY_INTEGER, "%s", reply->str);
    cr_assert_eq(reply->integer == -1, !own->has_lease);
    freeReplyObject(reply);
    if (!own->has_lease)
        return;
    expect_reaped(soak, consumer);
    own->has_lease = false;
}

static void kill_one(struct soak *soak)
{
    new_consumer(soak, (unsigned)below(soak, SOAK_ALIVE));
}

/* In order: what it holds keeps its lease. */
static void close_one(struct soak *soak)
{
    unsigned slot = (unsigned)below(soak, SOAK_ALIVE), consumer = soak->alive[slot];
    struct soak_consumer *own = &soak->consumers[consumer];
    redisReply *reply = lease("close", soak_name(consumer));

    if (own->has_lease)
        own->has_lease = reply->element[1]->integer == 0;
    freeReplyObject(reply);
    new_consumer(soak, slot);
}

/* ---- steps */

static void pause_or_resume(struct soak *soak)
{
    soak->paused = !soak->paused && below(soak, 3) == 0;
    if (soak->paused)
        redis_do(&scripts_server, "HSET %s * {}", key_of(KEYS_PAUSED));
    else
        redis_do(&scripts_server, "DEL %s", key_of(KEYS_PAUSED));
}

/* What a failover, or a snapshot, does to the counter of claim ids; then it is a snapshot's anew.
 */
static void lose_counter(struct soak *soak)
{
    redisReply *reply = redis_cmd(&scripts_server, "GET %s", key_of(KEYS_SEQ));

    if (soak->seq[0])
        redis_do(&scripts_server, "SET %s %s", key_of(KEYS_SEQ), soak->seq);
    (void)snprintf(soak->seq, sizeof(soak->seq), "%s", reply->str ? reply->str : "");
    freeReplyObject(reply);
    scripts_wait_for_next_ms();
}

void soak_step(struct soak *soak)
{
    unsigned alive = soak->alive[below(soak, SOAK_ALIVE)];
    unsigned any = (unsigned)below(soak, soak->n_consumers);
    uint64_t what = below(soak, 1000);

    if (what < 250)
        push_some(soak);
    else if (what < 450)
        claim_some(soak, alive);
    else if (what < 550)
        wake(soak);
    else if (what < 850)
        settle_some(soak, alive);
    else if (what < 900)
        settle_some(soak, any); /* late, if it is dead */
    else if (what < 920)
        claim_some(soak, any);
    else if (what < 950)
        kill_one(soak);
    else if (what < 985)
        reap_consumer(soak, any); /* alive, dead, or long reaped */
    else if (what < 992)
        close_one(soak);
    else if (what < 996)
        lose_counter(soak);
    else
        pause_or_resume(soak);
}

static bool all_settled(const struct soak *soak)
{
    for (unsigned i = 0; i < soak->n_jobs; i++) {
        if (soak->jobs[i].place < SOAK_RESULT)
            return false;
    }
    return true;
}

static bool drain_some(struct soak *soak)
{
    unsigned consumer = soak->alive[0];

    claim_some(soak, consumer);
    while (soak->consumers[consumer].n_held > 0)
        settle_some(soak, consumer);
    return all_settled(soak);
}

void soak_drain(struct soak *soak)
{
    soak->paused = false;
    redis_do(&scripts_server, "DEL %s", key_of(KEYS_PAUSED));
    for (unsigned i = 0; i < soak->n_consumers; i++)
        reap_consumer(soak, i);
    new_consumer(soak, 0);
    cr_assert(wait_until(drain_some(soak), 2 * WAIT_LONG_MS), "not everything settles");
}
