/* soak: see README.md. Exit status: 0 nothing grew and nothing is lost, 1 else, 64 usage, 70 the
 * stage broke down. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gauge.h"
#include "load.h"
#include "tests/support/ctl.h"

#define EXIT_USAGE     64
#define DEFAULT_EVENTS 10000000
#define LEAST_EVENTS   50000 /* with fewer the warm-up would be too short */
#define N_SLICES       10
#define N_WARM_UP      2     /* of them */
#define MAX_BACKLOG    60000 /* jobs */
#define AT_ONCE        1000  /* events */
#define TURN_MS        5
#define GIVE_UP_MS     60000 /* without an outcome */

static const char usage[] = "usage: soak [EVENTS]\n"
                            "Lets so many events pass, ten million by default and 50000 at least, "
                            "and says whether\nanything grew. $PUSHERD_BIN and $FAKE_PUSHER_BIN "
                            "are the programs.\n";

/* Nothing that fails here counts as published: it is tried again. */
static const char rules[] =
    "[{'match':{'contains':'" LOAD_POISON "'},'action':{'status':400,'body':'bad event'}},"
    "{'probability':0.001,'action':{'status':503}},"
    "{'probability':0.00005,'action':{'status':429,'headers':{'Retry-After':'1'}}},"
    "{'probability':0.001,'action':{'close':true}},"
    "{'probability':0.001,'action':{'reset':true}},"
    "{'probability':0.005,'action':{'headers':{'Connection':'close'}}}]";

struct soak {
    struct scene scene;
    struct load load;
    struct gauge gauge;
    size_t n_done; /* jobs with an outcome */
    uint64_t progress_ms;
};

static void look(struct soak *soak)
{
    struct redis *redis = &soak->scene.redis;
    size_t n_done = outcomes_added(redis, RESULTS) + outcomes_added(redis, FAILURES);
    if (n_done != soak->n_done)
        soak->progress_ms = wait_now_ms();
    soak->n_done = n_done;
    gauge_look(&soak->gauge);
}

static bool goes_on(const struct soak *soak)
{
    if (!proc_is_running(&soak->scene.pusherd)) {
        fprintf(stderr, "soak: pusherd ended by itself\n");
        return false;
    }
    if (wait_now_ms() - soak->progress_ms < GIVE_UP_MS)
        return true;
    fprintf(stderr, "soak: %zu of %zu jobs have an outcome, and no more get one\n", soak->n_done,
            soak->load.n_jobs);
    return false;
}

static void feed(struct soak *soak, size_t until)
{
    struct load *load = &soak->load;
    while (load->n_events < until && load->n_jobs - soak->n_done < MAX_BACKLOG) {
        size_t left = until - load->n_events;
        load_push(load, &soak->scene.redis, left < AT_ONCE ? left : AT_ONCE);
    }
}

/* Until the run has had so many events, and all are done. */
static bool run_slice(struct soak *soak, size_t until)
{
    soak->progress_ms = wait_now_ms();
    do {
        feed(soak, until);
        poll(NULL, 0, TURN_MS);
        look(soak);
    } while ((soak->load.n_events < until || soak->n_done < soak->load.n_jobs) && goes_on(soak));
    gauge_end_slice(&soak->gauge, soak->load.n_events);
    return soak->n_done == soak->load.n_jobs;
}

static bool agrees(const char *what, size_t wanted, size_t got)
{
    if (wanted != got)
        fprintf(stderr, "soak: %s: %zu, not %zu\n", what, got, wanted);
    return wanted == got;
}

static bool counts_agree(struct soak *soak)
{
    const struct load *load = &soak->load;
    struct redis *redis = &soak->scene.redis;
    const struct fake_server *fake = &soak->scene.fake;
    bool agree = agrees("jobs that failed", load->n_failing_jobs, outcomes_added(redis, FAILURES));
    agree &= agrees("jobs that succeeded", load->n_jobs - load->n_failing_jobs,
                    outcomes_added(redis, RESULTS));
    agree &= agrees("events delivered", load->n_events - load->n_failing_events,
                    fake_server_events(fake));
    return agrees("wrong signatures", 0, (size_t)fake_server_stat(fake, "bad_signatures")) && agree;
}

/* As pusherctl fsck sees it. */
static bool nothing_is_left(struct soak *soak)
{
    char *out;
    int status = ctl_run(&soak->scene, &out, "fsck", "--json", NULL);
    bool none = status == 0 && strstr(out, "\"jobs\":{\"total\":0,") != NULL;
    if (!none)
        fprintf(stderr, "soak: pusherctl fsck, status %d: %s\n", status, out);
    free(out);
    return none;
}

static void report(const struct soak *soak)
{
    const struct load *load = &soak->load;
    const struct fake_server *fake = &soak->scene.fake;
    struct sample level = gauge_level(&soak->gauge, N_WARM_UP);
    const struct sample *last = &soak->gauge.samples[soak->gauge.n - 1];
    printf("soak: %zu events, %zu delivered, %zu failed; %.0f requests, %.0f with 429 or 503, %.0f "
           "connections; %.0f s\n",
           load->n_events, load->n_events - load->n_failing_events, load->n_failing_events,
           fake_server_stat(fake, "requests"),
           fake_server_stat(fake, "by_status.429") + fake_server_stat(fake, "by_status.503"),
           fake_server_stat(fake, "connections"), last->seconds);
    printf("soak: RSS %.1f -> %.1f MB, descriptors %zu -> %zu, Redis %.1f -> %.1f MB\n",
           (double)level.rss_kib / 1024, (double)last->rss_kib / 1024, level.descriptors,
           last->descriptors, (double)level.redis_bytes / 1048576,
           (double)last->redis_bytes / 1048576);
}

static bool conclude(struct soak *soak)
{
    bool good = counts_agree(soak);
    good &= nothing_is_left(soak);
    good &= gauge_is_flat(&soak->gauge, N_WARM_UP);
    good &= agrees("exit status of pusherd", 0,
                   (size_t)proc_stop(&soak->scene.pusherd, SIGTERM, WAIT_LONG_MS));
    report(soak);
    return good;
}

static void open_stage(struct soak *soak)
{
    static const char *const fake_args[] = {"--record", "0", NULL};
    scene_open(&soak->scene,
               &(struct scene_options){
                   .app = "max_in_flight = 16\ntimeout_ms = 20000\n",
                   .ini = "[results]\nmax_entries = 200\n[delivery]\nlease_ms = 30000\n"
                          "retry_base_ms = 20\nretry_cap_ms = 200\n[log]\nlevel = warn\n",
                   .fake_args = fake_args});
    fake_server_set_rules(&soak->scene.fake, rules);
    scene_start_pusherd(&soak->scene);
    gauge_init(&soak->gauge, &soak->scene);
}

static bool perform(size_t n_events)
{
    static struct soak soak;
    bool done = true;
    open_stage(&soak);
    for (size_t i = 1; i <= N_SLICES && done; i++)
        done = run_slice(&soak, n_events * i / N_SLICES);
    bool good = done && conclude(&soak);
    scene_close(&soak.scene);
    return good;
}

/* A helper of tests/support that gives up calls abort(). */
static void on_abort(int signal)
{
    static const char text[] = "soak: the stage broke down: not a verdict on the daemon\n";
    (void)signal;
    _exit(write(2, text, sizeof(text) - 1) < 0 ? 71 : 70);
}

static size_t parse(int argc, char **argv)
{
    if (argc == 1)
        return DEFAULT_EVENTS;
    char *end;
    errno = 0;
    unsigned long n_events = strtoul(argv[1], &end, 10);
    if (argc > 2 || errno || *end || n_events < LEAST_EVENTS || n_events > 4000000000) {
        fputs(usage, stderr);
        exit(EXIT_USAGE);
    }
    return n_events;
}

int main(int argc, char **argv)
{
    size_t n_events = parse(argc, argv);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGABRT, on_abort);
    if (!getenv("PUSHERD_BIN") || !getenv("FAKE_PUSHER_BIN")) {
        fputs(usage, stderr);
        return EXIT_USAGE;
    }
    return perform(n_events) ? 0 : 1;
}
