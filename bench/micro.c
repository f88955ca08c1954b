/* What each stage of a job's life costs pusherd, without Redis and HTTP around it.
 *
 *     micro [--rounds N] [--variant json|msgpack|encrypted]
 *
 * A round takes JOBS jobs through all stages; each stage handles all of them before the next one
 * begins. Printed is the best round, in ns an event: what disturbs a machine only ever adds. The
 * stages are functions of their own, and never inlined, so that bench/instructions finds their
 * names in a profile. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench/micro_jobs.h"
#include "daemon/admit.h"
#include "daemon/delivery.h"
#include "daemon/settle.h"
#include "lib/require.h"
#include "pusher/event.h"
#include "pusher/reply.h"

#define JOBS   500 /* as many as a claim takes */
#define BATCH  10
#define NOW_MS 1000000u
#define UNIX_S 1700000000
#define STAGE  static __attribute__((noinline)) void

struct bench {
    struct config *config; /* owned */
    struct engine *engine; /* owned */
    struct arena arena;
    struct admission admission;
    struct micro_job jobs[JOBS];
    struct delivery *deliveries[JOBS];
    struct request *requests[JOBS];
    unsigned n_jobs; /* of a round */
    unsigned n_requests;
    uint64_t claim_id;
    char body[64 * 1024], target[PUSHER_TARGET_MAX];
};

static struct bench bench;

/* ---- the stages */

/* Also a part of admission; shown by itself. */
STAGE stage_decode(void)
{
    for (unsigned i = 0; i < bench.n_jobs; i++) {
        struct job_spec spec;
        struct job_error error;

        arena_reset(&bench.arena);
        REQUIRE(job_spec_decode(bench.jobs[i].record + MICRO_HEADER_LEN,
                                bench.jobs[i].len - MICRO_HEADER_LEN, &bench.arena, &spec,
                                &error) == JOB_OK);
    }
}

STAGE stage_admit(void)
{
    for (unsigned i = 0; i < bench.n_jobs; i++) {
        bench.deliveries[i] =
            admit(&bench.admission, ++bench.claim_id, bench.jobs[i].record, bench.jobs[i].len);
        REQUIRE(bench.deliveries[i] && bench.deliveries[i]->job.n_unresolved == 1);
    }
}

STAGE stage_engine_send(void)
{
    struct request *request;

    for (unsigned i = 0; i < bench.n_jobs; i++)
        engine_add(bench.engine, &bench.deliveries[i]->job, NOW_MS);
    bench.n_requests = 0;
    while ((request = engine_next_request(bench.engine, NOW_MS)))
        bench.requests[bench.n_requests++] = request;
    REQUIRE(bench.n_requests == bench.n_jobs / BATCH);
}

STAGE stage_body_and_signature(void)
{
    struct pusher_client *client = bench.config->apps[0].client;

    for (unsigned i = 0; i < bench.n_requests; i++) {
        const struct request *request = bench.requests[i];
        struct pusher_string events[BATCH];
        size_t len;

        for (unsigned k = 0; k < request->n_parts; k++)
            events[k] = (struct pusher_string){request->parts[k]->bytes, request->parts[k]->size};
        len = pusher_batch_encode(events, request->n_parts, bench.body);
        REQUIRE(pusher_request_target(client, "POST", pusher_path_batch_events(client), NULL, 0,
                                      bench.body, len, UNIX_S, bench.target,
                                      sizeof(bench.target)) == 0);
    }
}

STAGE stage_reply(void)
{
    for (unsigned i = 0; i < bench.n_requests; i++) {
        struct pusher_reply reply;

        pusher_reply_read(200, "{}", 2, &reply);
        REQUIRE(reply.class_ == PUSHER_REPLY_DONE);
    }
}

STAGE stage_engine_answer(void)
{
    struct answer answer = {ANSWER_DONE, 200, -1, ""};

    for (unsigned i = 0; i < bench.n_requests; i++)
        engine_answer(bench.engine, bench.requests[i], &answer, NOW_MS);
    for (unsigned i = 0; i < bench.n_jobs; i++)
        REQUIRE(engine_next_settled(bench.engine));
}

STAGE stage_settle(void)
{
    struct settlement settlement = {bench.config, false, NOW_MS, UNIX_S * 1000ull};
    struct script_call *call = script_call_new(&script_settle);

    REQUIRE(call);
    for (unsigned i = 0; i < bench.n_jobs; i++)
        settle_add(call, &settlement, bench.deliveries[i]);
    script_call_free(call);
}

STAGE stage_release(void)
{
    for (unsigned i = 0; i < bench.n_jobs; i++) {
        engine_release(bench.engine, &bench.deliveries[i]->job);
        delivery_free(bench.deliveries[i]);
    }
}

static const struct {
    const char *name;
    void (*run)(void);
} stages[] = {
    {"decode (a part of admit)", stage_decode},
    {"admit: check, encode", stage_admit},
    {"engine: lanes, coalescing", stage_engine_send},
    {"body and signature", stage_body_and_signature},
    {"reply", stage_reply},
    {"engine: judge", stage_engine_answer},
    {"settle: arguments", stage_settle},
    {"release", stage_release},
};
#define N_STAGES (sizeof(stages) / sizeof(stages[0]))

/* ---- running them */

static void set_up(void)
{
    struct config_source source = {NULL};
    struct config_error error;
    struct engine_app_limits app = {JOBS, BATCH, 0, false};
    struct engine_limits limits = {.max_jobs = JOBS, .max_attempts = 3};

    setenv("PUSHER_APP_ID", "bench", 1);
    setenv("PUSHER_APP_KEY", "bench-key", 1);
    setenv("PUSHER_APP_SECRET", "bench-secret", 1);
    setenv("PUSHER_HOST", "127.0.0.1", 1);
    setenv("PUSHER_ENCRYPTION_MASTER_KEY_BASE64", MICRO_MASTER_KEY, 1);
    source.environ = environ;
    if (config_load(&source, &bench.config, &error) != 0) {
        fprintf(stderr, "micro: %s\n", error.text);
        exit(78);
    }
    bench.engine = engine_new(&limits, &app, 1);
    REQUIRE(bench.engine);
    engine_set_send_until(bench.engine, UINT64_MAX);
    arena_init(&bench.arena, 1 << 22);
    bench.admission = (struct admission){.config = bench.config,
                                         .engine = bench.engine,
                                         .queue = &bench.config->queues[0],
                                         .arena = &bench.arena,
                                         .max_bytes = SIZE_MAX,
                                         .now_ms = NOW_MS,
                                         .server_now_ms = UNIX_S * 1000ull};
}

static void tear_down(void)
{
    arena_deinit(&bench.arena);
    engine_free(bench.engine);
    config_free(bench.config);
}

static double now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* The limiter begins with few requests at a time: until there may be as many as a round has. */
static void find_limit(void)
{
    const struct limiter *limiter = engine_limiter(bench.engine, 0);

    while (limiter->limit < JOBS / BATCH) {
        bench.n_jobs = limiter->limit * BATCH;
        stage_admit();
        stage_engine_send();
        stage_engine_answer();
        stage_release();
    }
    bench.n_jobs = JOBS;
}

static void measure(enum micro_variant variant, unsigned rounds, double ret_best[N_STAGES])
{
    for (unsigned i = 0; i < JOBS; i++)
        micro_job_write(&bench.jobs[i], variant, i);
    find_limit();
    for (unsigned round = 0; round < rounds; round++) {
        for (size_t i = 0; i < N_STAGES; i++) {
            double started = now_ns(), took;

            stages[i].run();
            took = (now_ns() - started) / JOBS;
            ret_best[i] = round == 0 || took < ret_best[i] ? took : ret_best[i];
        }
    }
}

static void report(enum micro_variant first, enum micro_variant last, unsigned rounds)
{
    double best[MICRO_VARIANTS][N_STAGES], sum;

    printf("%-28s", "ns an event");
    for (unsigned v = first; v <= last; v++) {
        printf("%12s", micro_variant_names[v]);
        measure(v, rounds, best[v]);
    }
    for (size_t i = 0; i < N_STAGES; i++) {
        printf("\n%-28s", stages[i].name);
        for (unsigned v = first; v <= last; v++)
            printf("%12.0f", best[v][i]);
    }
    printf("\n%-28s", "all");
    for (unsigned v = first; v <= last; v++) {
        sum = 0;
        for (size_t i = 1; i < N_STAGES; i++) /* the first is in the second */
            sum += best[v][i];
        printf("%12.0f", sum);
    }
    printf("\n");
}

static void fail_usage(void)
{
    fprintf(stderr, "usage: micro [--rounds N] [--variant json|msgpack|encrypted]\n");
    exit(64);
}

int main(int argc, char **argv)
{
    unsigned rounds = 400, first = 0, last = MICRO_VARIANTS - 1;

    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--rounds") == 0) {
            rounds = (unsigned)strtoul(argv[i + 1], NULL, 10);
        } else if (strcmp(argv[i], "--variant") == 0) {
            for (first = 0; first < MICRO_VARIANTS; first++) {
                if (strcmp(argv[i + 1], micro_variant_names[first]) == 0)
                    break;
            }
            last = first;
        } else {
            fail_usage();
        }
    }
    if (argc % 2 == 0 || rounds == 0 || first == MICRO_VARIANTS)
        fail_usage();
    set_up();
    report(first, last, rounds);
    tear_down();
    return 0;
}
