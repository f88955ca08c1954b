/* chaos: see README.md. Exit status: 0 every promise was kept, 1 one was broken, 64 usage. */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "report.h"
#include "stage.h"
#include "tests/support/job.h"
#include "tests/support/wait.h"
#include "traffic.h"
#include "trouble.h"
#include "work.h"

#define EXIT_USAGE     64
#define TURN_MS        4
#define RECORD_MS      2000
#define N_KEYS_AT_REST 2     /* {L}:leases and {L}:daemons */
#define SETTLED_MS     20000 /* for leases of the dead to be taken over at the end */

static const char usage[] =
    "usage: chaos [options]\n"
    "Lets daemons, Redis, a fake Pusher and the wires between them fail while jobs flow, and says\n"
    "which promises were kept. $PUSHERD_BIN and $FAKE_PUSHER_BIN are the programs.\n"
    "  --jobs N              default 5000\n"
    "  --kills N             SIGKILLs of daemons; default 6\n"
    "  --freezes N           SIGSTOPs for up to longer than a lease; default a third of the kills\n"
    "  --redis-restarts N    SIGKILLs of Redis; default a third of the kills\n"
    "  --wire-faults N       of connections to Redis; default as many as kills\n"
    "  --http-faults FACTOR  how many times as often as usual; default 1, 0 none\n"
    "  --daemons N           default 1; with 1, order is checked\n"
    "  --channels N          default 50\n"
    "  --give-up N           seconds without an outcome; default 60\n"
    "  --keep                leave logs and data behind\n"
    "  --seed N              of a run that is to be repeated\n";

struct settings {
    struct chaos_options options;
    long freezes, redis_restarts, wire_faults; /* -1: from the kills */
    bool keep;
};

struct run {
    struct stage stage;
    struct work work;
    struct ledger ledger;
    struct traffic traffic;
    struct troubles troubles;
    uint64_t begun_ms, next_record_ms, next_line_ms;
};

static unsigned long number(const char *what, const char *text, unsigned long max)
{
    char *end;
    errno = 0;
    unsigned long value = strtoul(text, &end, 10);
    if (errno || *end || end == text || value > max) {
        fprintf(stderr, "chaos: %s: %s\n%s", what, text, usage);
        exit(EXIT_USAGE);
    }
    return value;
}

static void set_option(struct settings *settings, int option, const char *value)
{
    struct chaos_options *options = &settings->options;
    switch (option) {
    case 'j':
        options->n_jobs = number("--jobs", value, 100000000);
        break;
    case 'k':
        options->n_kills = (unsigned)number("--kills", value, 10000);
        break;
    case 'f':
        settings->freezes = (long)number("--freezes", value, 10000);
        break;
    case 'r':
        settings->redis_restarts = (long)number("--redis-restarts", value, 10000);
        break;
    case 'w':
        settings->wire_faults = (long)number("--wire-faults", value, 10000);
        break;
    case 'h':
        options->http_faults = (double)number("--http-faults", value, 20);
        break;
    case 'd':
        options->n_daemons = (unsigned)number("--daemons", value, CHAOS_MAX_DAEMONS);
        break;
    case 'c':
        options->n_channels = (unsigned)number("--channels", value, 1000000);
        break;
    case 'g':
        options->give_up_s = (unsigned)number("--give-up", value, 86400);
        break;
    case 's':
        options->seed = number("--seed", value, UINT64_MAX);
        break;
    case 'K':
        settings->keep = true;
        break;
    default:
        fputs(usage, stderr);
        exit(EXIT_USAGE);
    }
}

static void parse(int argc, char **argv, struct settings *settings)
{
    static const struct option longs[] = {
        {"jobs", 1, NULL, 'j'},        {"kills", 1, NULL, 'k'},
        {"freezes", 1, NULL, 'f'},     {"redis-restarts", 1, NULL, 'r'},
        {"wire-faults", 1, NULL, 'w'}, {"http-faults", 1, NULL, 'h'},
        {"daemons", 1, NULL, 'd'},     {"channels", 1, NULL, 'c'},
        {"give-up", 1, NULL, 'g'},     {"seed", 1, NULL, 's'},
        {"keep", 0, NULL, 'K'},        {0}};
    *settings = (struct settings){.options = {.n_jobs = 5000,
                                              .n_kills = 6,
                                              .n_daemons = 1,
                                              .n_channels = 50,
                                              .http_faults = 1,
                                              .give_up_s = 60},
                                  .freezes = -1,
                                  .redis_restarts = -1,
                                  .wire_faults = -1};
    struct chaos_options *options = &settings->options;
    for (int option; (option = getopt_long(argc, argv, "", longs, NULL)) != -1;) {
        set_option(settings, option, optarg);
    }
    unsigned n = options->n_kills;
    options->n_freezes = settings->freezes < 0 ? n / 3 : (unsigned)settings->freezes;
    options->n_redis_restarts =
        settings->redis_restarts < 0 ? n / 3 : (unsigned)settings->redis_restarts;
    options->n_wire_faults = settings->wire_faults < 0 ? n : (unsigned)settings->wire_faults;
    options->check_order = options->n_daemons == 1;
    if (options->seed == 0) {
        options->seed = (uint64_t)unix_ms();
    }
    if (optind < argc || options->n_daemons == 0 || options->n_channels == 0) {
        fputs(usage, stderr);
        exit(EXIT_USAGE);
    }
}

/* A helper of tests/support that gives up calls abort(). */
static void on_abort(int signal)
{
    static const char text[] = "chaos: the stage broke down: not a verdict on the daemon\n";
    (void)signal;
    if (write(2, text, sizeof(text) - 1) < 0) {
        _exit(71);
    }
    _exit(70);
}

/* Nothing of pusherd's own variables may reach it from whoever runs this. */
static void prepare_process(void)
{
    static const char *const foreign[] = {"PUSHER_URL",   "PUSHER_APP_ID", "PUSHER_HOST",
                                          "PUSHER_PORT",  "REDIS_URL",     "PUSHERD_QUEUE",
                                          "NOTIFY_SOCKET"};
    for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++) {
        unsetenv(foreign[i]);
    }
    signal(SIGPIPE, SIG_IGN);
    signal(SIGABRT, on_abort);
    if (!getenv("PUSHERD_BIN") || !getenv("FAKE_PUSHER_BIN")) {
        fprintf(stderr, "chaos: PUSHERD_BIN and FAKE_PUSHER_BIN must name the programs\n");
        exit(EXIT_USAGE);
    }
}

static bool has_backlog(const struct run *run)
{
    return run->traffic.n_pushed > run->ledger.n_decided;
}

static void show_progress(struct run *run, const struct chaos_options *options)
{
    uint64_t now_ms = wait_now_ms();
    if (now_ms >= run->next_line_ms && isatty(1)) {
        report_progress(options, &run->ledger, run->troubles.counts,
                        (double)(now_ms - run->begun_ms) / 1000);
        run->next_line_ms = now_ms + 1000;
    }
}

static void turn(struct run *run, const struct chaos_options *options)
{
    troubles_step(&run->troubles, has_backlog(run));
    traffic_feed(&run->traffic);
    traffic_harvest(&run->traffic);
    if (wait_now_ms() >= run->next_record_ms) {
        traffic_read_record(&run->traffic, false);
        run->next_record_ms = wait_now_ms() + RECORD_MS;
    }
    show_progress(run, options);
    poll(NULL, 0, TURN_MS);
}

/* Until all is decided and works again; or nothing is decided any more. */
static void run_all(struct run *run, const struct chaos_options *options)
{
    size_t n_before = 0;
    uint64_t progress_ms = wait_now_ms();
    while (run->ledger.n_decided < options->n_jobs || !troubles_are_over(&run->troubles)) {
        turn(run, options);
        if (run->ledger.n_decided > n_before || !troubles_are_over(&run->troubles)) {
            n_before = run->ledger.n_decided;
            progress_ms = wait_now_ms();
        } else if (wait_now_ms() - progress_ms > options->give_up_s * 1000u) {
            break;
        }
    }
    if (isatty(1)) {
        printf("\n");
    }
}

/* A consumer's name has the number of its process between colons. */
static bool has_lease(const redisReply *leases, pid_t pid)
{
    char part[24];
    snprintf(part, sizeof(part), ":%d:", (int)pid);
    for (size_t i = 0; i < leases->elements; i++) {
        if (strstr(leases->element[i]->str, part)) {
            return true;
        }
    }
    return false;
}

/* Only the leases of those that live are left, and what they report: the dead have been taken over.
 */
static bool is_settled(struct run *run)
{
    const char *argv[] = {"ZRANGE", "{" JOB_LIST "}:leases", "0", "-1"};
    redisReply *leases = stage_redis(&run->stage, 4, argv, NULL);
    bool settled = leases && leases->elements == run->stage.n_slots;
    for (unsigned i = 0; settled && i < run->stage.n_slots; i++) {
        settled = has_lease(leases, run->stage.slots[i].proc.pid);
    }
    freeReplyObject(leases);
    return settled && traffic_count_left(&run->traffic, false) == N_KEYS_AT_REST;
}

static bool conclude(struct run *run, const struct settings *settings)
{
    struct account account;
    struct run_figures figures = {.seconds = (double)(wait_now_ms() - run->begun_ms) / 1000};
    memcpy(figures.counts, run->troubles.counts, sizeof(figures.counts));
    if (!wait_until(is_settled(run), SETTLED_MS)) {
        printf("the queue does not come to rest:\n");
        traffic_count_left(&run->traffic, true);
    }
    fake_server_delete_rules(&run->stage.fake);
    figures.n_died = run->troubles.n_died + stage_stop_daemons(&run->stage);
    traffic_harvest(&run->traffic);
    figures.n_left = traffic_count_left(&run->traffic, true);
    figures.n_sanitizer_reports = stage_count_reports(&run->stage);
    traffic_read_record(&run->traffic, true);
    ledger_close(&run->ledger, settings->options.check_order, &account);
    return report(&settings->options, &run->ledger, &account, &figures);
}

static bool perform(const struct settings *settings)
{
    static struct run run;
    const struct chaos_options *options = &settings->options;
    run.begun_ms = wait_now_ms();
    work_init(&run.work, options->n_jobs, options->n_channels);
    ledger_init(&run.ledger, &run.work);
    stage_open(&run.stage, options);
    traffic_init(&run.traffic, &run.stage, &run.work, &run.ledger, options->seed);
    troubles_init(&run.troubles, &run.stage, &run.ledger, options);
    run_all(&run, options);
    bool kept = conclude(&run, settings);
    stage_close(&run.stage, settings->keep || !kept);
    troubles_deinit(&run.troubles);
    ledger_deinit(&run.ledger);
    work_deinit(&run.work);
    return kept;
}

int main(int argc, char **argv)
{
    struct settings settings;
    parse(argc, argv, &settings);
    prepare_process();
    printf("chaos: %zu jobs, %u daemon(s), seed %llu\n", settings.options.n_jobs,
           settings.options.n_daemons, (unsigned long long)settings.options.seed);
    fflush(stdout);
    return perform(&settings) ? 0 : 1;
}
