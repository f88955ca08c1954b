/* sim_limiter [--seeds N] [SCENARIO]
 *
 * A limiter against links of many kinds, in virtual time: a table of scenarios and what must come
 * out. Prints the table; fails, and says where, if something is out of its range. With the name of
 * a scenario, prints its course as well, a line for each tenth of a second. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/limiter.h"
#include "tests/sim/limiter/link.h"

#define MAX_IN_FLIGHT 1024
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define DEFAULT_SEEDS 1
#else
#define DEFAULT_SEEDS 5
#endif
#define STEP_US    100000 /* of a printed course */
#define ms(n)      ((n)*UINT64_C(1000))
#define seconds(n) ((n)*UINT64_C(1000000))

/* What was observed. Means are over time. */
enum figure {
    LIMIT_MEAN,
    LIMIT_LEAST,
    IN_FLIGHT_MEAN,
    DONE_PER_S,
    REFUSED_PERCENT, /* of all that was sent; timeouts included */
    ROUND_TRIP_MS,   /* mean */
    DECREASES,
    REACHED_MS, /* when the limit first was at `wanted`, from `wanted_from_us` on */
    N_FIGURES
};

static const char *const figure_names[N_FIGURES] = {
    "limit", "least", "in flight", "done/s", "refused %", "trip ms", "decreases", "reached ms"};

struct range {
    double least, most; /* 0, 0: any */
};

struct scenario {
    const char *name;
    struct link_options link;
    unsigned max;                          /* the limiter's */
    unsigned per_s;                        /* requests that come; 0: always more than can be sent */
    uint64_t judged_from_us, judged_to_us; /* it ends then */
    unsigned wanted;
    uint64_t wanted_from_us;
    struct range ranges[N_FIGURES];
};

/* clang-format off */
static const struct scenario scenarios[] = {
    /* Nothing is in the way: what the ceiling allows, soon, and no decrease for noise. */
    {.name = "constant-20ms", .max = 32, .wanted = 32,
     .link = {.way_us = ms(20)},
     .judged_from_us = ms(500), .judged_to_us = seconds(30),
     .ranges = {[LIMIT_LEAST] = {32, 32}, [DONE_PER_S] = {1590, 1605}, [REACHED_MS] = {1, 60}}},
    {.name = "constant-100ms", .max = 256, .wanted = 256,
     .link = {.way_us = ms(100)},
     .judged_from_us = seconds(2), .judged_to_us = seconds(30),
     .ranges = {[LIMIT_LEAST] = {256, 256}, [DONE_PER_S] = {2550, 2570}, [REACHED_MS] = {1, 600}}},
    {.name = "local", .max = 32, .wanted = 32,
     .link = {.way_us = 150, .work_us = 100, .workers = 1},
     .judged_from_us = ms(20), .judged_to_us = seconds(5),
     .ranges = {[LIMIT_LEAST] = {32, 32}, [DONE_PER_S] = {9900, 10010}, [REACHED_MS] = {1, 10}}},
    {.name = "local-jitter-10ms", .max = 32, .wanted = 32,
     .link = {.way_us = 200, .jitter_us = ms(10)},
     .judged_from_us = ms(500), .judged_to_us = seconds(30),
     .ranges = {[LIMIT_LEAST] = {32, 32}, [DECREASES] = {0, 0.5}, [REACHED_MS] = {1, 50}}},
    {.name = "local-busy-machine", .max = 32, .wanted = 32,
     .link = {.way_us = 200, .jitter_us = ms(4), .pauses_per_s = 5, .longest_pause_us = ms(60)},
     .judged_from_us = seconds(1), .judged_to_us = seconds(60),
     .ranges = {[LIMIT_LEAST] = {32, 32}, [DECREASES] = {0, 0.5}, [REACHED_MS] = {1, 100}}},
    {.name = "local-busier-machine", .max = 32, .wanted = 32,
     .link = {.way_us = 200, .jitter_us = ms(10), .pauses_per_s = 3, .longest_pause_us = ms(250)},
     .judged_from_us = seconds(1), .judged_to_us = seconds(60),
     .ranges = {[LIMIT_MEAN] = {31, 32}, [LIMIT_LEAST] = {8, 32}, [DECREASES] = {0, 3},
                [REACHED_MS] = {1, 300}}},
    {.name = "jitter-50ms", .max = 64, .wanted = 64,
     .link = {.way_us = ms(50), .jitter_us = ms(50)},
     .judged_from_us = seconds(1), .judged_to_us = seconds(30),
     .ranges = {[LIMIT_LEAST] = {64, 64}, [DECREASES] = {0, 0.5}, [REACHED_MS] = {1, 400}}},
    {.name = "little-traffic", .max = 32, .per_s = 50,
     .link = {.way_us = ms(20), .jitter_us = ms(5)},
     .judged_from_us = seconds(1), .judged_to_us = seconds(30),
     .ranges = {[LIMIT_LEAST] = {10, 32}, [DONE_PER_S] = {49, 51}, [DECREASES] = {0, 0.5},
                [ROUND_TRIP_MS] = {20, 24}}},

    /* Refusals at a rate: near what is allowed, and few are refused; not below the floor. */
    {.name = "rate-500", .max = 32,
     .link = {.way_us = ms(20), .max_per_s = 500},
     .judged_from_us = seconds(2), .judged_to_us = seconds(60),
     .ranges = {[LIMIT_MEAN] = {8, 12}, [DONE_PER_S] = {450, 501}, [REFUSED_PERCENT] = {0, 8}}},
    {.name = "rate-20", .max = 32,
     .link = {.way_us = ms(20), .max_per_s = 20},
     .judged_from_us = seconds(2), .judged_to_us = seconds(60),
     .ranges = {[LIMIT_MEAN] = {1.9, 2.5}, [LIMIT_LEAST] = {2, 2}, [DONE_PER_S] = {15, 21}}},
    {.name = "rate-2000-far", .max = 1000,
     .link = {.way_us = ms(100), .jitter_us = ms(20), .max_per_s = 2000},
     .judged_from_us = seconds(10), .judged_to_us = seconds(60),
     .ranges = {[LIMIT_MEAN] = {150, 230}, [DONE_PER_S] = {1500, 2001},
                [REFUSED_PERCENT] = {0, 1}}},
    {.name = "fails-1-in-1000", .max = 32,
     .link = {.way_us = ms(20), .jitter_us = ms(5), .fails_in_1000 = 1},
     .judged_from_us = seconds(2), .judged_to_us = seconds(60),
     .ranges = {[LIMIT_MEAN] = {26, 32}, [DONE_PER_S] = {1150, 1430}}},
    {.name = "fails-always", .max = 32,
     .link = {.way_us = ms(20), .fails_in_1000 = 1000},
     .judged_from_us = seconds(1), .judged_to_us = seconds(60),
     .ranges = {[LIMIT_MEAN] = {1.9, 2.1}, [IN_FLIGHT_MEAN] = {1.9, 2.1}, [DECREASES] = {0, 0.5}}},

    /* More at once than the server takes: refused, or dropped, which is known a timeout later. */
    {.name = "refuses-over-12", .max = 32,
     .link = {.way_us = ms(20), .jitter_us = ms(5), .max_at_once = 12},
     .judged_from_us = seconds(2), .judged_to_us = seconds(60),
     .ranges = {[LIMIT_MEAN] = {9, 12.5}, [DONE_PER_S] = {430, 540}, [REFUSED_PERCENT] = {0, 3}}},
    {.name = "refuses-over-100", .max = 1000,
     .link = {.way_us = ms(50), .jitter_us = ms(5), .max_at_once = 100},
     .judged_from_us = seconds(5), .judged_to_us = seconds(60),
     .ranges = {[LIMIT_MEAN] = {80, 101}, [DONE_PER_S] = {1500, 1910},
                [REFUSED_PERCENT] = {0, 0.5}}},
    {.name = "drops-over-12", .max = 32,
     .link = {.way_us = ms(20), .jitter_us = ms(5), .max_at_once = 12, .drops = true},
     .judged_from_us = seconds(20), .judged_to_us = seconds(120),
     .ranges = {[LIMIT_MEAN] = {10, 24}, [DONE_PER_S] = {470, 540}, [REFUSED_PERCENT] = {0, 1}}},
    {.name = "drops-over-50", .max = 256,
     .link = {.way_us = ms(20), .jitter_us = ms(5), .max_at_once = 50, .drops = true},
     .judged_from_us = seconds(20), .judged_to_us = seconds(120),
     .ranges = {[LIMIT_MEAN] = {40, 85}, [DONE_PER_S] = {1900, 2230}, [REFUSED_PERCENT] = {0, 1}}},

    /* A knee: all workers are busy, and there is a queue, but not much of one. */
    {.name = "knee-16", .max = 256,
     .link = {.way_us = ms(1), .work_us = ms(19), .workers = 16},
     .judged_from_us = seconds(2), .judged_to_us = seconds(60),
     .ranges = {[LIMIT_MEAN] = {18, 40}, [DONE_PER_S] = {835, 843}, [ROUND_TRIP_MS] = {20, 48}}},
    {.name = "knee-16-jitter", .max = 256,
     .link = {.way_us = ms(1), .jitter_us = ms(20), .work_us = ms(19), .workers = 16},
     .judged_from_us = seconds(2), .judged_to_us = seconds(60),
     .ranges = {[LIMIT_MEAN] = {20, 45}, [DONE_PER_S] = {825, 843}, [ROUND_TRIP_MS] = {30, 55}}},
    {.name = "knee-1", .max = 64,
     .link = {.way_us = 500, .work_us = ms(5), .workers = 1},
     .judged_from_us = seconds(2), .judged_to_us = seconds(60),
     .ranges = {[LIMIT_MEAN] = {2, 8}, [DONE_PER_S] = {198, 201}, [ROUND_TRIP_MS] = {5, 40}}},
    {.name = "knee-far", .max = 1000,
     .link = {.way_us = ms(100), .work_us = ms(5), .workers = 8},
     .judged_from_us = seconds(5), .judged_to_us = seconds(60),
     .ranges = {[LIMIT_MEAN] = {170, 270}, [DONE_PER_S] = {1590, 1601},
                [ROUND_TRIP_MS] = {105, 165}}},

    /* A stall is one event, and what was before comes back. */
    {.name = "stall-2s", .max = 32, .wanted = 32, .wanted_from_us = seconds(7),
     .link = {.way_us = ms(20), .jitter_us = ms(2), .stall_from_us = seconds(5),
              .stall_to_us = seconds(7)},
     .judged_from_us = seconds(5), .judged_to_us = seconds(12),
     .ranges = {[LIMIT_LEAST] = {16, 32}, [DECREASES] = {0, 1}, [REACHED_MS] = {1, 500}}},
    {.name = "stall-8s", .max = 32, .wanted = 32, .wanted_from_us = seconds(13),
     .link = {.way_us = ms(20), .jitter_us = ms(2), .stall_from_us = seconds(5),
              .stall_to_us = seconds(13)},
     .judged_from_us = seconds(5), .judged_to_us = seconds(20),
     .ranges = {[LIMIT_LEAST] = {15, 22}, [DECREASES] = {1, 2}, [REACHED_MS] = {1, 600}}},

    /* The way becomes longer: that looks like a queue, until it is measured at the floor. */
    {.name = "longer-way", .max = 32, .wanted = 32, .wanted_from_us = seconds(11),
     .link = {.way_us = ms(20), .jitter_us = ms(2), .other_way_from_us = seconds(10),
              .other_way_us = ms(80)},
     .judged_from_us = seconds(13), .judged_to_us = seconds(30),
     .ranges = {[LIMIT_LEAST] = {32, 32}, [DONE_PER_S] = {390, 401}, [REACHED_MS] = {1, 2000}}},
    {.name = "shorter-way", .max = 32, .wanted = 32, .wanted_from_us = seconds(10),
     .link = {.way_us = ms(80), .jitter_us = ms(2), .other_way_from_us = seconds(10),
              .other_way_us = ms(20)},
     .judged_from_us = seconds(10), .judged_to_us = seconds(30),
     .ranges = {[LIMIT_LEAST] = {32, 32}, [DECREASES] = {0, 0.5}, [REACHED_MS] = {1, 100}}},
};
/* clang-format on */
#define N_SCENARIOS (sizeof(scenarios) / sizeof(scenarios[0]))

/* ---- a run */

struct flight {
    uint64_t at_us, sent_us;
    enum link_answer answer;
    struct limiter_attempt attempt;
};

struct run {
    const struct scenario *scenario;
    struct limiter limiter;
    struct link link;
    struct flight flights[MAX_IN_FLIGHT]; /* a heap by at_us; n_flights */
    unsigned n_flights;
    uint64_t now_us, n_waiting, next_job_us;
    bool prints;

    /* since judged_from_us */
    double limit_us, in_flight_us, round_trips_us;
    unsigned least;
    uint64_t n_done, n_refused, n_decreases_before, reached_us;
};

static void fail(const struct run *run, const char *what)
{
    fprintf(stderr, "sim_limiter: %s: at %llu us: %s\n", run->scenario->name,
            (unsigned long long)run->now_us, what);
    exit(1);
}

static void swap(struct flight *a, struct flight *b)
{
    struct flight was = *a;

    *a = *b;
    *b = was;
}

static void push(struct run *run, const struct flight *flight)
{
    unsigned i = run->n_flights++;

    run->flights[i] = *flight;
    while (i > 0 && run->flights[i].at_us < run->flights[(i - 1) / 2].at_us) {
        swap(&run->flights[i], &run->flights[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
}

static struct flight pop(struct run *run)
{
    struct flight top = run->flights[0];
    unsigned i = 0, child;

    run->flights[0] = run->flights[--run->n_flights];
    while ((child = 2 * i + 1) < run->n_flights) {
        if (child + 1 < run->n_flights && run->flights[child + 1].at_us < run->flights[child].at_us)
            child++;
        if (run->flights[i].at_us <= run->flights[child].at_us)
            break;
        swap(&run->flights[i], &run->flights[child]);
        i = child;
    }
    return top;
}

static uint64_t n_decreases(const struct run *run)
{
    uint64_t n = 0;

    for (int i = 0; i < LIMITER_N_CAUSES; i++)
        n += run->limiter.n_decreases[i];
    return n;
}

static bool is_judged(const struct run *run)
{
    return run->now_us >= run->scenario->judged_from_us;
}

/* What holds always. */
static void check(const struct run *run)
{
    const struct limiter *limiter = &run->limiter;
    unsigned floor = limiter->max < LIMITER_FLOOR ? limiter->max : LIMITER_FLOOR;

    if (limiter->limit < floor || limiter->limit > limiter->max)
        fail(run, "the limit is out of bounds");
    if (limiter->n_in_flight != run->n_flights)
        fail(run, "the limiter has miscounted");
    if (limiter->n_sent_in_it + limiter->n_sent_before > limiter->n_in_flight)
        fail(run, "more attempts are young than there are");
}

static void note_limit(struct run *run)
{
    const struct scenario *scenario = run->scenario;

    if (is_judged(run) && run->limiter.limit < run->least)
        run->least = run->limiter.limit;
    if (run->reached_us == 0 && run->now_us >= scenario->wanted_from_us &&
        run->limiter.limit >= scenario->wanted)
        run->reached_us = run->now_us - scenario->wanted_from_us;
}

static void send_all(struct run *run)
{
    while (run->n_waiting > 0 && limiter_has_room(&run->limiter)) {
        struct flight flight = {.sent_us = run->now_us};

        limiter_sent(&run->limiter, &flight.attempt, run->now_us / 1000);
        flight.at_us = link_send(&run->link, run->now_us, &flight.answer);
        push(run, &flight);
        run->n_waiting -= run->scenario->per_s > 0;
        if (run->limiter.n_in_flight > run->limiter.limit)
            fail(run, "more is in flight than the limit");
    }
}

static void receive(struct run *run)
{
    static const enum limiter_cause causes[] = {[LINK_RATE_LIMITED] = LIMITER_RATE_LIMITED,
                                                [LINK_SERVER_ERROR] = LIMITER_SERVER_ERROR,
                                                [LINK_NO_ANSWER] = LIMITER_NO_ANSWER};
    struct flight flight = pop(run);

    link_answered(&run->link, flight.answer);
    if (flight.answer == LINK_DONE)
        limiter_succeeded(&run->limiter, &flight.attempt, true, run->now_us / 1000);
    else
        limiter_overloaded(&run->limiter, &flight.attempt, causes[flight.answer],
                           run->now_us / 1000);
    if (flight.answer != LINK_DONE)
        run->n_waiting += run->scenario->per_s > 0;
    if (!is_judged(run))
        return;
    run->n_done += flight.answer == LINK_DONE;
    run->n_refused += flight.answer != LINK_DONE;
    run->round_trips_us += flight.answer == LINK_DONE ? (double)(run->now_us - flight.sent_us) : 0;
}

static void move_to(struct run *run, uint64_t to_us)
{
    if (is_judged(run)) {
        run->limit_us += (double)run->limiter.limit * (double)(to_us - run->now_us);
        run->in_flight_us += (double)run->n_flights * (double)(to_us - run->now_us);
    } else if (to_us >= run->scenario->judged_from_us) {
        run->n_decreases_before = n_decreases(run);
    }
    if (run->prints && to_us / STEP_US != run->now_us / STEP_US)
        printf("%8.1f s  limit %4u  in flight %4u  base %3lld ms  decreases %llu\n",
               (double)to_us / 1e6, run->limiter.limit, run->n_flights,
               (long long)run->limiter.base_ms, (unsigned long long)n_decreases(run));
    run->now_us = to_us;
}

static void step(struct run *run)
{
    uint64_t next_us = run->next_job_us;

    if (run->n_flights > 0 && run->flights[0].at_us < next_us)
        next_us = run->flights[0].at_us;
    move_to(run, next_us);
    while (run->n_flights > 0 && run->flights[0].at_us <= run->now_us) {
        receive(run);
        note_limit(run);
        check(run);
    }
    for (; run->next_job_us <= run->now_us; run->next_job_us += 1000000 / run->scenario->per_s)
        run->n_waiting++;
    send_all(run);
}

static void summarize(const struct run *run, double *ret_figures)
{
    double judged_us = (double)(run->now_us - run->scenario->judged_from_us);
    double n_sent = (double)(run->n_done + run->n_refused);

    ret_figures[LIMIT_MEAN] = run->limit_us / judged_us;
    ret_figures[LIMIT_LEAST] = run->least;
    ret_figures[IN_FLIGHT_MEAN] = run->in_flight_us / judged_us;
    ret_figures[DONE_PER_S] = (double)run->n_done * 1e6 / judged_us;
    ret_figures[REFUSED_PERCENT] = n_sent > 0 ? (double)run->n_refused * 100 / n_sent : 0;
    ret_figures[ROUND_TRIP_MS] =
        run->n_done > 0 ? run->round_trips_us / 1000 / (double)run->n_done : 0;
    ret_figures[DECREASES] = (double)(n_decreases(run) - run->n_decreases_before);
    ret_figures[REACHED_MS] = run->reached_us > 0 ? (double)run->reached_us / 1000 : 1e9;
}

static void run_scenario(const struct scenario *scenario, uint64_t seed, bool prints,
                         double *ret_figures)
{
    static struct run run;

    memset(&run, 0, sizeof(run));
    run.scenario = scenario;
    run.prints = prints;
    run.now_us = 1000; /* a clock is never at 0 */
    run.next_job_us = scenario->per_s > 0 ? run.now_us : UINT64_MAX;
    run.n_waiting = scenario->per_s > 0 ? 0 : UINT64_MAX;
    run.least = UINT32_MAX;
    link_init(&run.link, &scenario->link, seed);
    limiter_init(&run.limiter, scenario->max, false);
    send_all(&run);
    while (run.now_us < scenario->judged_to_us)
        step(&run);
    summarize(&run, ret_figures);
}

/* ---- the table */

static bool is_in(const struct range *range, double value)
{
    return (range->least == 0 && range->most == 0) ||
           (value >= range->least && value <= range->most);
}

static unsigned judge(const struct scenario *scenario, uint64_t seed, const double *figures)
{
    unsigned n_bad = 0;

    for (int i = 0; i < N_FIGURES; i++) {
        const struct range *range = &scenario->ranges[i];

        if (is_in(range, figures[i]))
            continue;
        fprintf(stderr, "sim_limiter: %s, seed %llu: %s is %.1f, and must be %.1f to %.1f\n",
                scenario->name, (unsigned long long)seed, figure_names[i], figures[i], range->least,
                range->most);
        n_bad++;
    }
    return n_bad;
}

static void print_row(const struct scenario *scenario, const double *figures)
{
    printf("%-22s %5u", scenario->name, scenario->max);
    for (int i = 0; i < N_FIGURES; i++) {
        if (i == REACHED_MS && scenario->wanted == 0)
            printf(" %10s", "-");
        else
            printf(" %10.1f", figures[i]);
    }
    printf("\n");
}

static void print_head(void)
{
    printf("%-22s %5s", "scenario", "max");
    for (int i = 0; i < N_FIGURES; i++)
        printf(" %10s", figure_names[i]);
    printf("\n");
}

int main(int argc, char **argv)
{
    uint64_t n_seeds = DEFAULT_SEEDS;
    const char *only = NULL;
    unsigned n_bad = 0, n_run = 0;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--seeds") == 0 && i + 1 < argc)
            n_seeds = strtoull(argv[++i], NULL, 10);
        else
            only = argv[i];
    }
    print_head();
    for (size_t i = 0; i < N_SCENARIOS; i++) {
        double figures[N_FIGURES];

        if (only && strcmp(only, scenarios[i].name) != 0)
            continue;
        for (uint64_t seed = n_seeds; seed > 0; seed--) {
            run_scenario(&scenarios[i], seed, only && seed == 1, figures);
            n_bad += judge(&scenarios[i], seed, figures);
            n_run++;
        }
        print_row(&scenarios[i], figures);
    }
    if (n_run == 0)
        fprintf(stderr, "sim_limiter: nothing was run\n");
    return n_bad > 0 || n_run == 0;
}
