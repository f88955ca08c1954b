/* sim_engine [--seed S] [--steps N] [--worlds N]
 *
 * Runs worlds of N steps each, with the seeds S, S + 1, ...; a step is something told to the engine
 * or learned from it. In each world trouble comes first; then all servers are healthy and no jobs
 * come any more, and everything must settle. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/sim/sim.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define DEFAULT_WORLDS 150
#elif !defined(__OPTIMIZE__)
#define DEFAULT_WORLDS 1000
#else
#define DEFAULT_WORLDS 4000
#endif
#define DEFAULT_STEPS 12000

#define MAX_HEALING_ROUNDS 200000

static char replay[128]; /* what to say when the engine itself aborts */

static void on_abort(int signal)
{
    (void)signal;
    if (write(STDERR_FILENO, replay, strlen(replay)) < 0)
        _exit(2);
}

static void send_all(struct sim_world *world, unsigned max)
{
    struct gate before[SIM_MAX_APPS];
    struct request *request = NULL;
    const char *text;

    do {
        for (unsigned i = 0; i < world->n_apps; i++)
            before[i] = *engine_gate(world->engine, i, &text);
        sim_count_exposed(world);
        request = engine_next_request(world->engine, world->now_ms);
        world->n_steps++;
        if (request) {
            sim_audit_request(world, request, &before[request->app]);
            if (world->short_of_memory && sim_chance(world, 90))
                sim_fail_to_send(world, request);
            else
                sim_send(world, request);
            world->undisturbed = false;
        }
    } while (request && --max > 0);
    if (request)
        return;
    world->promised_ms = engine_wake_at(world->engine, world->now_ms);
    SIM_CHECK(world, world->promised_ms > world->now_ms, "the engine spins");
    world->undisturbed = true;
}

/* While nothing happens the engine must do nothing before the time it gave, and something then. */
static void pump(struct sim_world *world, unsigned max)
{
    bool undisturbed = world->undisturbed && world->now_ms < world->send_until_ms;
    uint64_t n_not_sent = world->n_not_sent;
    uint64_t promised_ms = world->promised_ms;
    size_t before = undisturbed ? sim_count_unresolved(world) : 0;
    unsigned n_flights = world->n_flights;
    bool acted;

    send_all(world, max);
    if (!undisturbed)
        return;
    acted = world->n_flights != n_flights || world->n_not_sent != n_not_sent ||
            sim_count_unresolved(world) != before;
    SIM_CHECK(world, acted == (world->now_ms >= promised_ms), "engine_wake_at() lied: %s",
              acted ? "there was something to do earlier" : "there is nothing to do");
}

static void answer_due(struct sim_world *world, unsigned max)
{
    for (unsigned i = 0; i < world->n_flights && max > 0;) {
        if (world->flights[i].answer_at_ms > world->now_ms) {
            i++;
            continue;
        }
        sim_answer(world, i);
        max--;
    }
}

/* When something happens next; what is there already does not count. */
static uint64_t next_event(const struct sim_world *world)
{
    uint64_t times[] = {sim_next_answer(world), sim_next_due(world),
                        engine_wake_at(world->engine, world->now_ms)};
    uint64_t next = SIM_NEVER;

    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        if (times[i] > world->now_ms && times[i] < next)
            next = times[i];
    }
    return next;
}

static void advance(struct sim_world *world)
{
    uint64_t next = next_event(world);

    if (sim_chance(world, 50) && next != SIM_NEVER)
        world->now_ms = next;
    else
        world->now_ms += sim_below(world, sim_chance(world, 5) ? 3000 : 20);
}

static void stop(struct sim_world *world)
{
    engine_stop(world->engine);
    world->stopping = true;
    world->undisturbed = false;
}

static void restart_if_stopped(struct sim_world *world)
{
    if (!world->stopping || world->n_claims > 0 || world->n_flights > 0)
        return;
    sim_hand_back(world);
    sim_world_new_engine(world);
}

static void trouble(struct sim_world *world)
{
    uint64_t kind = sim_below(world, 100);

    if (!sim_chance(world, world->chances.trouble))
        return;
    if (kind < 75) {
        sim_new_mood(world);
    } else if (kind < 80) {
        world->short_of_memory = !world->short_of_memory;
    } else if (kind < 85) {
        sim_pause(world);
    } else if (kind < 90) {
        sim_lose_lease(world, (unsigned)sim_below(world, world->n_queues));
    } else if (kind < 95 && !world->stopping) {
        stop(world);
    } else {
        world->send_until_ms = sim_chance(world, 50) ? SIM_NEVER : world->now_ms + 500;
        engine_set_send_until(world->engine, world->send_until_ms);
        world->undisturbed = false;
    }
}

/* How many jobs may be claimed. */
static size_t room_of(const struct sim_world *world)
{
    if (world->stopping || world->n_claims >= world->limits.max_jobs ||
        world->n_bytes >= world->max_bytes)
        return 0;
    return world->limits.max_jobs - world->n_claims;
}

/* Mostly as much as there is room for, sometimes more: a claim was on its way already. */
static void claim_some(struct sim_world *world)
{
    size_t room = room_of(world);

    if (room > 0)
        sim_claim_some(world, 1 + sim_below(world, room));
    else if (sim_chance(world, 5))
        sim_claim_some(world, 1);
}

static void step(struct sim_world *world)
{
    uint64_t what = sim_below(world, 200);

    if (what < 40 && world->n_live < 2 * SIM_MAX_JOBS)
        sim_push(world);
    else if (what < 60)
        claim_some(world);
    else if (what < 100)
        pump(world, 1 + (unsigned)sim_below(world, 2 * SIM_MAX_FLIGHTS));
    else if (what < 140)
        answer_due(world, 1 + (unsigned)sim_below(world, 4));
    else if (what < 165)
        advance(world);
    else if (what < 180)
        sim_settle(world, 1 + (unsigned)sim_below(world, 20));
    else if (what < 190)
        sim_release(world, 1 + (unsigned)sim_below(world, 20));
    else if (what == 190)
        sim_free_slots(world);
    else if (what < 193)
        sim_progress(world);
    else if (what < 194)
        sim_make_room(world);
    else if (what < 195)
        sim_bring_back(world);
    else if (what < 196)
        trouble(world);
    else
        sim_audit_books(world);
    restart_if_stopped(world);
}

static void heal(struct sim_world *world)
{
    world->healing = true;
    world->short_of_memory = false;
    world->send_until_ms = SIM_NEVER;
    world->undisturbed = false;
    engine_set_send_until(world->engine, SIM_NEVER);
    sim_resume_all(world);
    for (unsigned i = 0; i < world->n_apps; i++)
        world->servers[i].mood = SIM_HEALTHY;
}

/* Everything must settle, whatever state the trouble has left. */
static void finish(struct sim_world *world)
{
    unsigned rounds = 0;

    heal(world);
    while (world->n_live > 0 || world->n_claims > 0) {
        SIM_CHECK(world, ++rounds < MAX_HEALING_ROUNDS, "%zu jobs do not settle", world->n_live);
        sim_make_room(world);
        sim_bring_back(world);
        if (room_of(world) > 0)
            sim_claim_some(world, room_of(world));
        pump(world, 2 * SIM_MAX_FLIGHTS);
        if (next_event(world) != SIM_NEVER)
            world->now_ms = next_event(world);
        answer_due(world, SIM_MAX_FLIGHTS);
        sim_progress(world);
        sim_settle(world, SIM_MAX_JOBS);
        sim_release(world, SIM_MAX_JOBS);
        restart_if_stopped(world);
    }
    sim_audit_books(world);
    SIM_CHECK(world, world->n_done == world->next_serial, "jobs were pushed and not settled");
}

static uint64_t run_world(uint64_t seed, uint64_t n_steps, uint64_t *n_jobs)
{
    struct sim_world *world = sim_world_new(seed);

    (void)snprintf(replay, sizeof(replay), "to replay: sim_engine --seed %llu --steps %llu\n",
                   (unsigned long long)seed, (unsigned long long)n_steps);
    while (world->n_steps < n_steps)
        step(world);
    finish(world);
    n_steps = world->n_steps;
    *n_jobs += world->n_done;
    sim_world_free(world);
    return n_steps;
}

static uint64_t number_of(const char *text)
{
    char *end;
    uint64_t number = strtoull(text, &end, 10);

    if (*end == '\0' && end != text)
        return number;
    fprintf(stderr, "usage: sim_engine [--seed S] [--steps N] [--worlds N]\n");
    exit(64);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"seed", required_argument, NULL, 's'},
                                            {"steps", required_argument, NULL, 'n'},
                                            {"worlds", required_argument, NULL, 'w'},
                                            {NULL, 0, NULL, 0}};
    uint64_t first = 1, n_steps = DEFAULT_STEPS, n_worlds = DEFAULT_WORLDS, total = 0, n_jobs = 0;
    clock_t began = clock();
    double seconds;
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 'n')
            n_steps = number_of(optarg);
        else if (option == 'w')
            n_worlds = number_of(optarg);
        else
            first = number_of(option == 's' ? optarg : "");
        if (option == 's')
            n_worlds = 1;
    }
    signal(SIGABRT, on_abort);
    for (uint64_t i = 0; i < n_worlds; i++)
        total += run_world(first + i, n_steps, &n_jobs);
    seconds = (double)(clock() - began) / CLOCKS_PER_SEC;
    printf("%llu steps, %llu jobs in %llu worlds, %.0f steps/s\n", (unsigned long long)total,
           (unsigned long long)n_jobs, (unsigned long long)n_worlds, (double)total / seconds);
    return 0;
}
