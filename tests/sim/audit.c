/* What must hold, checked against the model's own books. */
#include <stdlib.h>
#include <string.h>

#include "pusher/event.h"
#include "tests/sim/sim.h"

const struct sim_part *sim_part_of(const struct part *part)
{
    return part->call;
}

void sim_lane_add(struct sim_world *world, unsigned index, struct part *part)
{
    struct sim_lane *lane = &world->lanes[index];

    if (lane->n_parts > 0 && lane->parts[lane->n_parts - 1] == part)
        return; /* it names the lane twice */
    if (lane->n_parts == lane->size) {
        lane->size = lane->size ? lane->size * 2 : 64;
        lane->parts = realloc(lane->parts, lane->size * sizeof(struct part *));
        if (!lane->parts)
            abort();
    }
    lane->parts[lane->n_parts++] = part;
}

void sim_lane_remove(struct sim_world *world, unsigned index, const struct part *part)
{
    struct sim_lane *lane = &world->lanes[index];
    size_t n_kept = 0;

    for (size_t i = 0; i < lane->n_parts; i++) {
        if (lane->parts[i] != part)
            lane->parts[n_kept++] = lane->parts[i];
    }
    lane->n_parts = n_kept;
}

static void drop_resolved(struct sim_lane *lane)
{
    size_t n_kept = 0;

    for (size_t i = 0; i < lane->n_parts; i++) {
        if (lane->parts[i]->state <= PART_TAKEN)
            lane->parts[n_kept++] = lane->parts[i];
    }
    lane->n_parts = n_kept;
}

static size_t position(const struct request *request, const struct part *part, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        if (request->parts[i] == part)
            return i;
    }
    return SIZE_MAX;
}

/* The parts of the request that are in the lane must be its first ones, in their order: then nobody
 * is overtaken, and no other request has parts of the lane. */
static void audit_lane(struct sim_world *world, const struct request *request, unsigned index)
{
    struct sim_lane *lane = &world->lanes[index];
    size_t last = 0;
    bool ended = false;

    drop_resolved(lane);
    for (size_t i = 0; i < lane->n_parts; i++) {
        size_t at = position(request, lane->parts[i], request->n_parts);

        SIM_CHECK(world, at == SIZE_MAX || (!ended && at >= last),
                  "lane %u is out of order or has two requests", index);
        ended = at == SIZE_MAX;
        last = at;
        if (ended && i >= request->n_parts)
            break;
    }
}

static void audit_lanes(struct sim_world *world, const struct request *request)
{
    bool seen[SIM_MAX_LANES] = {false};

    for (unsigned i = 0; i < request->n_parts; i++) {
        const struct sim_part *part = sim_part_of(request->parts[i]);

        for (unsigned k = 0; k < part->n_lanes; k++) {
            if (!seen[part->lanes[k]])
                audit_lane(world, request, part->lanes[k]);
            seen[part->lanes[k]] = true;
        }
    }
}

static void audit_part(struct sim_world *world, const struct request *request,
                       const struct part *part)
{
    const struct sim_claim *claim = SIM_CLAIM_OF(part->job);

    SIM_CHECK(world, claim->owner->app == request->app, "a part is sent to another app");
    SIM_CHECK(world, !claim->settled, "a part of a settled job is sent");
    SIM_CHECK(world, part->state == PART_TAKEN, "a part in state %d is sent", part->state);
    SIM_CHECK(world, !claim->told_done[part - claim->parts], "a delivered part is sent again");
    SIM_CHECK(world, claim->owner->expires_at_ms > world->now_ms, "an expired part is sent");
    SIM_CHECK(world, !claim->abandoned, "a part of a lost claim is sent");
    SIM_CHECK(world, !claim->job.parked, "a part of a parked job is sent");
    SIM_CHECK(world, !part->alone || request->n_parts == 1, "a call is in a batch");
    SIM_CHECK(world, request->n_parts <= part->batch_cap, "a suspect is in a large batch");
    SIM_CHECK(world, request->parts[0]->batch_cap == part->batch_cap, "a newcomer among suspects");
}

static void audit_size(struct sim_world *world, const struct request *request)
{
    const struct engine_app_limits *limits = &world->apps[request->app];
    size_t bytes = 0, body;

    for (unsigned i = 0; i < request->n_parts; i++)
        bytes += request->parts[i]->size;
    body = PUSHER_BATCH_OVERHEAD + bytes + request->n_parts - 1;
    SIM_CHECK(world, bytes == request->bytes, "the bytes of a request are wrong");
    SIM_CHECK(world, request->n_parts > 0 && request->n_parts <= limits->max_events,
              "a batch of %u events", request->n_parts);
    SIM_CHECK(world,
              request->n_parts == 1 || limits->max_request_bytes == 0 ||
                  body <= limits->max_request_bytes,
              "a batch of %zu bytes", body);
}

/* In requests: one for each that went alone, and as few as can be for the others. */
static void count_delivered(struct list *claims, unsigned app, struct sim_exposed *exposed)
{

    LIST_FOREACH(link, claims)
    {
        struct sim_claim *claim = LIST_ENTRY(link, struct sim_claim, link);

        if (claim->job.app != app || claim->job.n_unresolved > 0 || claim->has_no_slots)
            continue;
        for (unsigned i = 0; i < claim->owner->n_parts; i++) {
            exposed->n_calls += claim->told_done[i] && claim->parts[i].alone;
            exposed->n_events += claim->told_done[i] && !claim->parts[i].alone;
        }
    }
}

void sim_count_exposed(struct sim_world *world)
{
    for (unsigned i = 0; i < world->n_apps; i++) {
        world->exposed[i] = (struct sim_exposed){0};
        count_delivered(&world->claims, i, &world->exposed[i]);
        count_delivered(&world->settling, i, &world->exposed[i]);
    }
}

/* What a crash would repeat: what is in flight, and what is delivered and not settled. */
static void audit_exposure(struct sim_world *world, unsigned app)
{
    const struct engine_app_limits *limits = &world->apps[app];
    const struct sim_exposed *exposed = &world->exposed[app];

    SIM_CHECK(world,
              world->n_in_flight[app] + exposed->n_events / limits->max_events + exposed->n_calls <
                  limits->max_in_flight,
              "%u requests in flight, %zu events and %zu calls not settled",
              world->n_in_flight[app], exposed->n_events, exposed->n_calls);
}

static void audit_limit(struct sim_world *world, unsigned app)
{
    const struct engine_app_limits *limits = &world->apps[app];
    const struct limiter *limiter = engine_limiter(world->engine, app);
    unsigned least = limits->max_in_flight < LIMITER_FLOOR ? limits->max_in_flight : LIMITER_FLOOR;

    SIM_CHECK(world, world->n_in_flight[app] < limiter->limit,
              "%u requests are in flight, and the limit is %u", world->n_in_flight[app],
              limiter->limit);
    SIM_CHECK(world, limiter->n_in_flight == world->n_in_flight[app] + 1, "the limiter miscounts");
    SIM_CHECK(world, limiter->limit >= least && limiter->limit <= limits->max_in_flight,
              "the limit is %u", limiter->limit);
    SIM_CHECK(world, !limits->fixed || limiter->limit == limits->max_in_flight,
              "a fixed limit is %u", limiter->limit);
}

/* `before` is the app's gate as it was before the request was given. */
static void audit_gate(struct sim_world *world, const struct request *request,
                       const struct gate *before)
{
    const struct sim_server *server = &world->servers[request->app];

    SIM_CHECK(world, world->now_ms >= server->held_until_ms, "sent in spite of Retry-After");
    SIM_CHECK(world, before->state != GATE_CLOSED || before->opens_ms <= world->now_ms,
              "sent through a closed gate");
    SIM_CHECK(world, before->state == GATE_OPEN || !server->probe_sent, "a second probe");
    SIM_CHECK(world, before->state != GATE_OPEN || !server->forbidden,
              "the gate of a refused app is open");
}

void sim_audit_request(struct sim_world *world, const struct request *request,
                       const struct gate *before)
{
    SIM_CHECK(world, !world->stopping, "a request after the stop");
    SIM_CHECK(world, world->now_ms < world->send_until_ms, "a request after the lease");
    SIM_CHECK(world, request->app < world->n_apps, "no such app");
    audit_exposure(world, request->app);
    audit_limit(world, request->app);
    audit_gate(world, request, before);
    audit_size(world, request);
    for (unsigned i = 0; i < request->n_parts; i++)
        audit_part(world, request, request->parts[i]);
    audit_lanes(world, request);
}

/* The first time a part is published it may not come behind later ones of its queue and lane; save
 * that jobs which were parked or lost have left the order. */
void sim_audit_published(struct sim_world *world, struct sim_part *part)
{
    const struct sim_job *job = part->owner;

    if (part->published)
        return;
    part->published = true;
    if (job->may_overtake)
        return;
    for (unsigned k = 0; k < part->n_lanes; k++) {
        uint64_t *last = &world->lanes[part->lanes[k]].last_serial[job->queue];

        SIM_CHECK(world, job->serial >= *last, "job %llu is published after job %llu, in lane %u",
                  (unsigned long long)job->serial, (unsigned long long)*last, part->lanes[k]);
        *last = job->serial;
    }
}

static bool is_exhausted(const struct sim_world *world, const struct sim_claim *claim,
                         const struct part *part)
{
    unsigned n_tries = claim->job.attempts_before + claim->n_tries[part - claim->parts];

    return n_tries >= world->limits.max_attempts ||
           world->now_ms - claim->owner->first_sent_ms >= world->limits.retry_for_ms;
}

static void audit_failed(const struct sim_world *world, const struct sim_claim *claim,
                         const struct part *part)
{
    const struct sim_part *own = sim_part_of(part);

    if (strcmp(part->code, "rejected") == 0)
        SIM_CHECK(world,
                  (own->poison && own->refused_alone) ||
                      claim->n_strikes[part - claim->parts] >= SIM_STRIKES,
                  "a good part was rejected");
    else if (strcmp(part->code, "expired") == 0)
        SIM_CHECK(world, claim->owner->expires_at_ms <= world->now_ms, "expired too soon");
    else if (strcmp(part->code, "retries_exhausted") == 0)
        SIM_CHECK(world, is_exhausted(world, claim, part), "given up too soon");
    else
        sim_die(world, "a part failed as %s", part->code);
}

/* Requests that refused the app as a whole do not count. */
static void audit_attempts(const struct sim_world *world, const struct sim_claim *claim)
{
    unsigned most = 0;

    for (unsigned i = 0; i < claim->job.n_parts; i++) {
        if (claim->n_tries[i] > most)
            most = claim->n_tries[i];
    }
    SIM_CHECK(world, claim->job.attempts == claim->job.attempts_before + most, "%u attempts are %u",
              claim->job.attempts_before + most, claim->job.attempts);
}

static bool has_strikes(const struct sim_claim *claim)
{
    for (unsigned i = 0; i < claim->job.n_parts; i++) {
        if (claim->n_strikes[i] > 0)
            return true;
    }
    return false;
}

static void audit_fate(const struct sim_world *world, const struct sim_claim *claim,
                       const unsigned *n_in)
{
    const struct job *job = &claim->job;

    switch (job->fate) {
    case JOB_DONE:
        SIM_CHECK(world, n_in[PART_DELIVERED] == job->n_parts, "done, but not delivered");
        break;
    case JOB_FAILED:
        SIM_CHECK(world, n_in[PART_FAILED] > 0 && n_in[PART_PARKED] == 0, "failed too soon");
        break;
    case JOB_LATER:
        SIM_CHECK(world, n_in[PART_PARKED] > 0 && !claim->abandoned, "later, but why");
        break;
    case JOB_HANDED_BACK:
        SIM_CHECK(world,
                  world->stopping && job->attempts_before == 0 && n_in[PART_DELIVERED] == 0 &&
                      !claim->was_tried && !has_strikes(claim),
                  "handed back, but it has a history");
        break;
    case JOB_PARKED:
        SIM_CHECK(world, job->parked && n_in[PART_PARKED] > 0, "parked, but may send");
        break;
    case JOB_ABANDONED:
        SIM_CHECK(world, claim->abandoned && n_in[PART_PARKED] > 0, "abandoned, but not lost");
        break;
    default:
        sim_die(world, "settled with fate %d", job->fate);
    }
}

void sim_audit_settled(struct sim_world *world, const struct sim_claim *claim)
{
    unsigned n_in[PART_PARKED + 1] = {0};

    SIM_CHECK(world, !claim->settled, "settled twice");
    SIM_CHECK(world, claim->job.n_unresolved == 0 && claim->job.n_taken == 0, "settled, but open");
    for (unsigned i = 0; i < claim->job.n_parts; i++) {
        const struct part *part = &claim->parts[i];

        n_in[part->state]++;
        if (part->state == PART_FAILED)
            audit_failed(world, claim, part);
        SIM_CHECK(world,
                  (part->state == PART_DELIVERED) ==
                      (claim->told_done[i] ||
                       (sim_part_of(part)->delivered && part->state == PART_DELIVERED)),
                  "part %u is delivered, or not, against the answers", i);
    }
    audit_attempts(world, claim);
    audit_fate(world, claim, n_in);
}

size_t sim_count_unresolved(const struct sim_world *world)
{
    size_t n = 0;

    for (struct list *link = world->claims.next; link != &world->claims; link = link->next)
        n += LIST_ENTRY(link, const struct sim_claim, link)->job.n_unresolved;
    return n;
}

static void audit_claim(const struct sim_world *world, const struct sim_claim *claim)
{
    uint32_t n_in[PART_PARKED + 1] = {0};

    for (unsigned i = 0; i < claim->job.n_parts; i++)
        n_in[claim->parts[i].state]++;
    SIM_CHECK(world, claim->job.n_taken == n_in[PART_TAKEN], "n_taken is wrong");
    SIM_CHECK(world,
              claim->job.n_unresolved == n_in[PART_WAITING] + n_in[PART_READY] + n_in[PART_TAKEN],
              "n_unresolved is wrong");
    SIM_CHECK(world, !world->stopping || n_in[PART_WAITING] + n_in[PART_READY] == 0,
              "a part waits in spite of the stop");
}

void sim_audit_books(const struct sim_world *world)
{
    for (struct list *link = world->claims.next; link != &world->claims; link = link->next)
        audit_claim(world, LIST_ENTRY(link, const struct sim_claim, link));
    SIM_CHECK(world, engine_n_in_flight(world->engine) == world->n_flights, "n_in_flight");
}
