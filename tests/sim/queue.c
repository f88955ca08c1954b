/* Redis, as the scripts have it: a list, a set of jobs that are due later, and claims that are lost
 * when their lease is. A claim that was lost may still be answered: it changes nothing any more. */
#include <stdlib.h>
#include <string.h>

#include "tests/sim/sim.h"

static unsigned draw_lane(struct sim_world *world, const struct sim_job *job)
{
    unsigned n = world->lanes_collide ? world->n_lanes : world->n_lanes / world->n_apps;

    if (n == 0)
        n = 1;
    return (unsigned)sim_below(world, n) + (world->lanes_collide ? 0 : job->app * n);
}

static void draw_part(struct sim_world *world, struct sim_job *job, struct sim_part *part)
{
    part->owner = job;
    part->alone = sim_chance(world, world->chances.alone);
    part->poison = sim_chance(world, world->chances.poison);
    part->size = 1 + sim_below(world, 300);
    part->n_lanes = sim_chance(world, world->chances.unordered) ? 0 : 1;
    if (part->n_lanes == 1 && sim_chance(world, world->chances.several_lanes))
        part->n_lanes = 1 + (unsigned)sim_below(world, SIM_MAX_PART_LANES);
    for (unsigned i = 0; i < part->n_lanes; i++)
        part->lanes[i] = draw_lane(world, job);
}

void sim_push(struct sim_world *world)
{
    struct sim_job *job = calloc(1, sizeof(*job));

    if (!job)
        abort();
    job->serial = ++world->next_serial;
    job->app = (unsigned)sim_below(world, world->n_apps);
    job->queue = (unsigned)sim_below(world, world->n_queues);
    job->expires_at_ms = sim_chance(world, world->chances.expires)
                             ? world->now_ms + sim_below(world, 20000)
                             : SIM_NEVER;
    job->n_parts = 1;
    if (sim_chance(world, world->chances.several_parts))
        job->n_parts = 1 + (unsigned)sim_below(world, SIM_MAX_PARTS);
    for (unsigned i = 0; i < job->n_parts; i++)
        draw_part(world, job, &job->parts[i]);
    list_push(&world->queues[job->queue].list, &job->link);
    world->n_live++;
}

static struct sim_claim *new_claim(struct sim_job *owner)
{
    size_t n_entries = 0;
    struct sim_claim *claim;

    for (unsigned i = 0; i < owner->n_parts; i++)
        n_entries += owner->parts[i].n_lanes;
    claim = calloc(1, sizeof(*claim) + owner->n_parts * sizeof(struct part) +
                          n_entries * sizeof(struct lane_entry));
    if (!claim)
        abort();
    claim->owner = owner;
    list_init(&claim->link);
    claim->job.parts = claim->parts;
    claim->job.n_parts = owner->n_parts;
    return claim;
}

static void fill_parts(const struct sim_world *world, struct sim_claim *claim)
{
    struct lane_entry *entries = (struct lane_entry *)(claim->parts + claim->owner->n_parts);

    for (unsigned i = 0; i < claim->owner->n_parts; i++) {
        struct sim_part *from = &claim->owner->parts[i];
        struct part *part = &claim->parts[i];

        part->alone = from->alone;
        part->size = from->size;
        part->call = from;
        part->entries = entries;
        part->n_entries = from->n_lanes;
        for (unsigned k = 0; k < from->n_lanes; k++)
            entries[k].key = world->lanes[from->lanes[k]].key;
        entries += from->n_lanes;
        claim->job.bytes += from->size;
    }
}

/* What a daemon makes of a record. */
static struct sim_claim *decode(struct sim_world *world, struct sim_job *owner)
{
    struct sim_claim *claim = new_claim(owner);
    struct job *job = &claim->job;

    fill_parts(world, claim);
    job->claim_id = owner->claim_id;
    job->app = owner->app;
    job->queue = owner->queue;
    job->claimed_ms = world->now_ms;
    job->expires_at_ms = owner->expires_at_ms;
    job->attempts_before = owner->attempts;
    job->first_attempt_ms = owner->first_attempt_ms;
    job_init(job);
    for (unsigned i = 0; i < owner->n_parts; i++) {
        if (owner->parts[i].delivered)
            part_deliver(&claim->parts[i]);
    }
    return claim;
}

static void enter_lanes(struct sim_world *world, struct sim_claim *claim)
{
    for (unsigned i = 0; i < claim->owner->n_parts; i++) {
        const struct sim_part *part = &claim->owner->parts[i];

        for (unsigned k = 0; k < part->n_lanes && !part->delivered; k++)
            sim_lane_add(world, part->lanes[k], &claim->parts[i]);
    }
}

static void leave_lanes(struct sim_world *world, struct sim_claim *claim)
{
    for (unsigned i = 0; i < claim->owner->n_parts; i++) {
        const struct sim_part *part = &claim->owner->parts[i];

        for (unsigned k = 0; k < part->n_lanes; k++)
            sim_lane_remove(world, part->lanes[k], &claim->parts[i]);
    }
}

static void claim_job(struct sim_world *world, struct sim_job *job)
{
    struct sim_claim *claim;

    list_remove(&job->link);
    job->place = SIM_CLAIMED;
    claim = decode(world, job);
    job->now = claim;
    job->n_claims++;
    list_push(&world->claims, &claim->link);
    world->n_claims++;
    world->n_bytes += claim->job.bytes;
    enter_lanes(world, claim);
    sim_learn_marked(world, job->queue, job->app);
    claim->job.parked = parking_takes(sim_parking_of(world, job), job->claim_id);
    parking_added(sim_parking_of(world, job), job->claim_id, claim->job.parked);
    engine_add(world->engine, &claim->job, world->now_ms);
    world->undisturbed = false;
    world->n_steps++;
}

static struct sim_job *next_of(struct sim_world *world, struct sim_queue *queue)
{
    struct sim_job *job;

    if (!list_empty(&queue->later)) {
        job = LIST_ENTRY(queue->later.next, struct sim_job, link);
        if (job->due_ms <= world->now_ms)
            return job;
    }
    if (list_empty(&queue->list))
        return NULL;
    job = LIST_ENTRY(queue->list.next, struct sim_job, link);
    job->claim_id = ++world->next_claim_id;
    return job;
}

void sim_claim_some(struct sim_world *world, size_t n)
{
    struct sim_queue *queue = &world->queues[sim_below(world, world->n_queues)];
    struct sim_job *job;

    for (; n > 0 && (job = next_of(world, queue)); n--)
        claim_job(world, job);
    for (unsigned i = 0; i < world->n_apps; i++)
        parking_claimed(&queue->parking[i]);
}

void sim_settle(struct sim_world *world, unsigned n)
{
    struct job *job;

    for (; n > 0 && (job = engine_next_settled(world->engine)); n--) {
        struct sim_claim *claim = SIM_CLAIM_OF(job);

        world->n_steps++;
        sim_audit_settled(world, claim);
        claim->settled = true;
        list_remove(&claim->link);
        list_push(&world->settling, &claim->link);
    }
}

static void note_record(struct sim_claim *claim)
{
    struct sim_job *job = claim->owner;

    job->attempts = claim->job.attempts;
    job->first_attempt_ms = claim->job.first_attempt_ms;
    for (unsigned i = 0; i < job->n_parts; i++)
        job->parts[i].delivered |= claim->parts[i].state == PART_DELIVERED;
}

void sim_put_later(struct sim_world *world, struct sim_job *job, uint64_t due_ms)
{
    struct list *head = &world->queues[job->queue].later, *at = head->prev;

    job->place = SIM_LATER;
    job->now = NULL;
    job->due_ms = due_ms;
    while (at != head) {
        const struct sim_job *other = LIST_ENTRY(at, struct sim_job, link);

        if (other->due_ms < due_ms || (other->due_ms == due_ms && other->claim_id < job->claim_id))
            break;
        at = at->prev;
    }
    list_insert_after(at, &job->link);
}

static void free_claim(struct sim_world *world, struct sim_claim *claim)
{
    struct sim_job *owner = claim->owner;

    leave_lanes(world, claim);
    list_remove(&claim->link);
    job_deinit(&claim->job);
    free(claim);
    if (--owner->n_claims == 0 && owner->place == SIM_SETTLED)
        free(owner);
}

/* A record does not tell which parts failed: they will be tried again with the others. */
static bool has_failed(const struct sim_claim *claim)
{
    for (unsigned i = 0; i < claim->owner->n_parts; i++) {
        if (claim->parts[i].state == PART_FAILED)
            return true;
    }
    return false;
}

/* What the settle script does. */
static void settle_in_redis(struct sim_world *world, struct sim_claim *claim)
{
    struct sim_job *job = claim->owner;

    if (job->now != claim)
        return;
    note_record(claim);
    if (claim->job.fate == JOB_DONE || claim->job.fate == JOB_FAILED) {
        job->now = NULL;
        job->place = SIM_SETTLED;
        world->n_live--;
        world->n_done++;
    } else if (claim->job.fate == JOB_PARKED) {
        job->may_overtake |= has_failed(claim);
        sim_park(world, claim);
    } else if (claim->job.fate == JOB_LATER) {
        job->may_overtake |= claim->job.due_ms > 0 || !world->stopping || has_failed(claim);
        sim_put_later(world, job, claim->job.due_ms);
    } else {
        SIM_CHECK(world, claim->job.fate == JOB_HANDED_BACK, "a claim that is alive was dropped");
        job->now = NULL;
        job->place = SIM_QUEUED;
        list_push(&world->handed_back, &job->link);
    }
}

void sim_release(struct sim_world *world, unsigned n)
{
    struct list *link;

    for (; n > 0 && (link = list_pop(&world->settling)); n--) {
        struct sim_claim *claim = LIST_ENTRY(link, struct sim_claim, link);

        world->n_steps++;
        world->n_claims--;
        world->n_bytes -= claim->job.bytes;
        engine_release(world->engine, &claim->job);
        world->undisturbed = false;
        parking_left(sim_parking_of(world, claim->owner), claim->job.claim_id, claim->job.parked,
                     claim->job.fate == JOB_DONE || claim->job.fate == JOB_FAILED);
        settle_in_redis(world, claim);
        free_claim(world, claim);
    }
}

/* Redis is slow, or away. */
void sim_free_slots(struct sim_world *world)
{
    LIST_FOREACH(link, &world->settling)
    {
        struct sim_claim *claim = LIST_ENTRY(link, struct sim_claim, link);

        claim->has_no_slots = true;
        engine_free_slots(world->engine, &claim->job);
    }
    world->undisturbed = false;
}

void sim_progress(struct sim_world *world)
{
    struct job *job;

    while ((job = engine_next_progress(world->engine))) {
        struct sim_claim *claim = SIM_CLAIM_OF(job);

        world->n_steps++;
        SIM_CHECK(world, !claim->settled && job->n_unresolved > 0, "progress of a settled job");
        if (claim->owner->now == claim)
            note_record(claim);
    }
}

/* What was lost is claimed first, and so overtakes what was handed back meanwhile. */
static void lose_claims(struct sim_world *world, struct list *claims, unsigned queue, bool lost)
{
    LIST_FOREACH(link, claims)
    {
        struct sim_claim *claim = LIST_ENTRY(link, struct sim_claim, link);
        struct sim_job *job = claim->owner;

        if (job->queue != queue)
            continue;
        job->may_overtake = true;
        claim->abandoned |= claim->job.n_unresolved > 0;
        if (lost && job->now == claim)
            sim_put_later(world, job, 0);
    }
}

static void let_be_overtaken(struct list *jobs, unsigned queue)
{
    LIST_FOREACH(link, jobs)
    {
        struct sim_job *job = LIST_ENTRY(link, struct sim_job, link);

        job->may_overtake |= job->queue == queue;
    }
}

/* The lease of a queue is lost: all of its claims are somebody else's, who may be ourselves. Those
 * whose outcome is on its way are lost or not, as it happens. */
void sim_lose_lease(struct sim_world *world, unsigned queue)
{
    lose_claims(world, &world->claims, queue, true);
    lose_claims(world, &world->settling, queue, sim_chance(world, 50));
    let_be_overtaken(&world->handed_back, queue);
    let_be_overtaken(&world->queues[queue].later, queue);
    engine_abandon(world->engine, queue);
    world->undisturbed = false;
    world->n_steps++;
}

static struct sim_job *last_handed_back(struct sim_world *world)
{
    struct sim_job *last = NULL;

    LIST_FOREACH(link, &world->handed_back)
    {
        struct sim_job *job = LIST_ENTRY(link, struct sim_job, link);

        if (!last || job->claim_id > last->claim_id)
            last = job;
    }
    return last;
}

/* The newest job that is due at once: what was claimed before it would be overtaken in the list. */
static uint64_t last_due_at_once(const struct sim_queue *queue)
{
    uint64_t last = 0;

    for (struct list *link = queue->later.next; link != &queue->later; link = link->next) {
        const struct sim_job *job = LIST_ENTRY(link, struct sim_job, link);

        if (job->due_ms == 0 && job->claim_id > last)
            last = job->claim_id;
    }
    return last;
}

/* To the front of their lists, in their old order. Jobs that were tried in part are claimed before
 * the list is: those that stood before one of them join them. */
void sim_hand_back(struct sim_world *world)
{
    struct sim_job *job;

    while ((job = last_handed_back(world))) {
        struct sim_queue *queue = &world->queues[job->queue];

        list_remove(&job->link);
        if (job->claim_id < last_due_at_once(queue) ||
            parking_lowest(sim_parking_of(world, job)) != PARKING_NONE)
            sim_put_later(world, job, 0);
        else
            list_push_front(&queue->list, &job->link);
    }
}

uint64_t sim_next_due(const struct sim_world *world)
{
    uint64_t earliest = SIM_NEVER;

    for (unsigned i = 0; i < world->n_queues; i++) {
        const struct list *later = &world->queues[i].later;
        const struct sim_job *job = LIST_ENTRY(later->next, const struct sim_job, link);

        if (!list_empty(later) && job->due_ms < earliest)
            earliest = job->due_ms;
    }
    return earliest;
}
