/* Parking: what a source does with the engine's help and parking.h, and the sets in Redis. */
#include <stdlib.h>

#include "tests/sim/sim.h"

struct parking_app *sim_parking_of(struct sim_world *world, const struct sim_job *job)
{
    return &world->queues[job->queue].parking[job->app];
}

static uint64_t lowest_marked(const struct list *claims, unsigned queue, unsigned app)
{
    uint64_t lowest = PARKING_NONE;

    LIST_FOREACH(link, claims)
    {
        const struct job *job = &LIST_ENTRY(link, struct sim_claim, link)->job;

        if (job->queue == queue && job->app == app && job->parked && job->claim_id < lowest)
            lowest = job->claim_id;
    }
    return lowest;
}

/* What source_park.c does. */
void sim_learn_marked(struct sim_world *world, unsigned queue, unsigned app)
{
    struct parking_app *parking = &world->queues[queue].parking[app];
    uint64_t claimed, settling;

    if (!parking->is_stale)
        return;
    claimed = lowest_marked(&world->claims, queue, app);
    settling = lowest_marked(&world->settling, queue, app);
    parking_learned(parking, claimed < settling ? claimed : settling);
}

static uint64_t lowest_of(const struct list *parked)
{
    if (list_empty(parked))
        return PARKING_NONE;
    return LIST_ENTRY(parked->next, const struct sim_job, link)->claim_id;
}

/* A daemon that starts knows what Redis tells it. */
void sim_new_parking(struct sim_world *world)
{
    for (unsigned i = 0; i < world->n_queues; i++) {
        struct sim_queue *queue = &world->queues[i];
        struct parking_app *before = queue->parking;
        size_t n_apps = 0;

        queue->parking = NULL;
        if (parking_grow(&queue->parking, &n_apps, world->n_apps) != 0)
            abort();
        for (unsigned k = 0; k < world->n_apps; k++) {
            if (!before)
                list_init(&queue->parked[k]);
            else
                queue->parking[k].is_paused = before[k].is_paused;
            parking_heard(&queue->parking[k], lowest_of(&queue->parked[k]));
        }
        free(before);
    }
}

void sim_free_parking(struct sim_world *world)
{
    for (unsigned i = 0; i < world->n_queues; i++)
        free(world->queues[i].parking);
}

/* What the settle script does. */
void sim_park(struct sim_world *world, struct sim_claim *claim)
{
    struct sim_job *job = claim->owner;
    struct list *head = &world->queues[job->queue].parked[job->app], *at = head->prev;

    SIM_CHECK(world, job->place != SIM_SETTLED, "a settled job is parked");
    job->place = SIM_PARKED;
    job->now = NULL;
    job->may_overtake |= world->lanes_collide; /* others of the lane are not parked */
    while (at != head && LIST_ENTRY(at, const struct sim_job, link)->claim_id > job->claim_id)
        at = at->prev;
    list_insert_after(at, &job->link);
}

static void park_some(struct sim_world *world, unsigned queue, unsigned app)
{
    struct parking_app *parking = &world->queues[queue].parking[app];
    size_t keep = parking_keeps(parking, world->apps[app].max_events);
    uint64_t lowest;

    if (parking->n_active > keep) {
        size_t n = engine_park(world->engine, queue, app, keep, &lowest);

        parking_marked(parking, n, lowest);
    }
    world->undisturbed = false;
    world->n_steps++;
}

void sim_make_room(struct sim_world *world)
{
    const char *text;

    for (unsigned i = 0; i < world->n_queues; i++) {
        for (unsigned k = 0; k < world->n_apps; k++) {
            if (world->queues[i].parking[k].is_paused ||
                engine_gate(world->engine, k, &text)->state != GATE_OPEN)
                park_some(world, i, k);
        }
    }
}

/* What the unpark script does. */
static void bring_back(struct sim_world *world, struct sim_queue *queue, unsigned app, size_t n)
{
    struct list *parked = &queue->parked[app];
    size_t n_moved = 0;

    for (; n_moved < n && !list_empty(parked); n_moved++)
        sim_put_later(world, LIST_ENTRY(list_pop(parked), struct sim_job, link), 0);
    parking_returned(&queue->parking[app], n_moved, lowest_of(parked));
    world->n_steps++;
}

void sim_bring_back(struct sim_world *world)
{
    const char *text;

    for (unsigned i = 0; i < world->n_queues; i++) {
        for (unsigned k = 0; k < world->n_apps; k++) {
            struct sim_queue *queue = &world->queues[i];
            bool is_open = engine_gate(world->engine, k, &text)->state == GATE_OPEN;
            size_t n;

            sim_learn_marked(world, i, k);
            n = parking_wants(&queue->parking[k], is_open, 20, world->apps[k].max_events);
            if (n > 0)
                bring_back(world, queue, k, n);
        }
    }
}

/* An operator pauses an app, or lets it go on. */
void sim_pause(struct sim_world *world)
{
    unsigned queue = (unsigned)sim_below(world, world->n_queues);
    unsigned app = (unsigned)sim_below(world, world->n_apps);
    struct parking_app *parking = &world->queues[queue].parking[app];

    parking->is_paused = !parking->is_paused;
    if (parking->is_paused)
        park_some(world, queue, app);
}

void sim_resume_all(struct sim_world *world)
{
    for (unsigned i = 0; i < world->n_queues; i++) {
        for (unsigned k = 0; k < world->n_apps; k++)
            world->queues[i].parking[k].is_paused = false;
    }
}
