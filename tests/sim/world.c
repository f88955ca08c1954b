/* The parameters of a world. Small limits are likely: there the corners are. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/sim.h"

void sim_die(const struct sim_world *world, const char *format, ...)
{
    va_list args;

    fflush(stdout);
    fprintf(stderr,
            "sim_engine: seed %llu, step %llu, at %llu ms: ", (unsigned long long)world->seed,
            (unsigned long long)world->n_steps, (unsigned long long)world->now_ms);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "\n");
    abort();
}

/* splitmix64: not the generator of the code under test. */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint64_t sim_below(struct sim_world *world, uint64_t n)
{
    return next_random(&world->random) % n;
}

bool sim_chance(struct sim_world *world, unsigned percent)
{
    return sim_below(world, 100) < percent;
}

static uint64_t one_of(struct sim_world *world, const uint64_t *values, size_t n)
{
    return values[sim_below(world, n)];
}

#define ONE_OF(world, ...)                                                                         \
    one_of(world, (const uint64_t[]){__VA_ARGS__},                                                 \
           sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t))

static void draw_limits(struct sim_world *world)
{
    struct engine_limits *limits = &world->limits;

    limits->max_jobs = ONE_OF(world, 1, 5, 20, 60, SIM_MAX_JOBS);
    world->max_bytes = ONE_OF(world, 3000, 20000, 1 << 20);
    limits->max_attempts = (unsigned)ONE_OF(world, 1, 2, 5, 12, 12);
    limits->retry_base_ms = ONE_OF(world, 0, 1, 50, 200);
    limits->retry_cap_ms = ONE_OF(world, 1, 1000, 30000);
    limits->retry_for_ms = ONE_OF(world, 0, 5000, 60000, 600000);
    limits->lane_hold_ms = ONE_OF(world, 0, 100, 2000, 30000);
    limits->seed = sim_below(world, UINT64_MAX);
}

static void draw_apps(struct sim_world *world)
{
    world->n_apps = 1 + (unsigned)sim_below(world, SIM_MAX_APPS);
    for (unsigned i = 0; i < world->n_apps; i++) {
        world->apps[i].max_in_flight = (unsigned)ONE_OF(world, 1, 1, 2, 5, 16);
        world->apps[i].max_events = (unsigned)ONE_OF(world, 1, 2, 3, 10, 10, SIM_MAX_EVENTS);
        world->apps[i].max_request_bytes = ONE_OF(world, 0, 0, 300, 1200);
        world->apps[i].fixed = sim_chance(world, 25);
    }
}

static void draw_lanes(struct sim_world *world)
{
    world->n_lanes = (unsigned)ONE_OF(world, 1, 4, 16, SIM_MAX_LANES);
    world->lanes_collide = sim_chance(world, 20);
    for (unsigned i = 0; i < SIM_MAX_LANES; i++)
        world->lanes[i].key = sim_below(world, UINT64_MAX);
}

static void draw_chances(struct sim_world *world)
{
    struct sim_chances *chances = &world->chances;

    chances->poison = (unsigned)ONE_OF(world, 0, 2, 10, 50);
    chances->alone = (unsigned)ONE_OF(world, 0, 20, 50, 100);
    chances->several_parts = (unsigned)ONE_OF(world, 0, 10, 50);
    chances->several_lanes = (unsigned)ONE_OF(world, 0, 5, 50);
    chances->unordered = (unsigned)ONE_OF(world, 0, 0, 20, 100);
    chances->expires = (unsigned)ONE_OF(world, 0, 0, 20, 80);
    chances->trouble = (unsigned)ONE_OF(world, 0, 20, 50, 90);
}

void sim_world_new_engine(struct sim_world *world)
{
    engine_free(world->engine);
    world->engine = engine_new(&world->limits, world->apps, world->n_apps);
    if (!world->engine)
        abort();
    world->stopping = false;
    world->undisturbed = false;
    world->send_until_ms = SIM_NEVER;
    sim_new_parking(world);
    for (unsigned i = 0; i < world->n_apps; i++) {
        world->servers[i].held_until_ms = 0;
        world->servers[i].forbidden = false;
        world->servers[i].n_doubts = 0;
        world->servers[i].probe_sent = false;
    }
}

struct sim_world *sim_world_new(uint64_t seed)
{
    struct sim_world *world = calloc(1, sizeof(*world));

    if (!world)
        abort();
    world->seed = seed;
    world->random = seed * 0x2545f4914f6cdd1du;
    world->now_ms = 1000000;
    list_init(&world->claims);
    list_init(&world->settling);
    list_init(&world->handed_back);
    for (unsigned i = 0; i < SIM_MAX_QUEUES; i++) {
        list_init(&world->queues[i].list);
        list_init(&world->queues[i].later);
    }
    world->n_queues = 1 + (unsigned)sim_below(world, SIM_MAX_QUEUES);
    draw_limits(world);
    draw_apps(world);
    draw_lanes(world);
    draw_chances(world);
    sim_world_new_engine(world);
    return world;
}

void sim_world_free(struct sim_world *world)
{
    engine_free(world->engine);
    sim_free_parking(world);
    for (unsigned i = 0; i < SIM_MAX_LANES; i++)
        free(world->lanes[i].parts);
    free(world);
}
