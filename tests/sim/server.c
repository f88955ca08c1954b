/* The servers: each app's is in a mood, which changes. What it answers is decided when it answers,
 * by the mood it is in then; so a request that was sent in good times may come back refused. */
#include <stdlib.h>
#include <string.h>

#include "tests/sim/sim.h"

void sim_new_mood(struct sim_world *world)
{
    struct sim_server *server = &world->servers[sim_below(world, world->n_apps)];

    server->mood = sim_chance(world, 40) ? SIM_HEALTHY : (enum sim_mood)sim_below(world, SIM_MOODS);
    server->corrected_ms = SIM_NEVER;
}

uint64_t sim_latency(struct sim_world *world, unsigned app)
{
    if (world->servers[app].mood == SIM_SLOW)
        return 1 + sim_below(world, 5000);
    return 1 + sim_below(world, 100);
}

/* Whether this request tests a closed gate, by the engine's word, and the model's bookkeeping. */
static void note_gate(struct sim_world *world, struct sim_flight *flight)
{
    struct sim_server *server = &world->servers[flight->request->app];
    const char *text;

    flight->gate_epoch = server->gate_epoch;
    flight->was_probe =
        engine_gate(world->engine, flight->request->app, &text)->state == GATE_HALF_OPEN;
    server->probe_sent |= flight->was_probe;
}

static struct sim_flight *begin_flight(struct sim_world *world, struct request *request)
{
    struct sim_flight *flight = &world->flights[world->n_flights];

    SIM_CHECK(world, world->n_flights < SIM_MAX_FLIGHTS, "more requests in flight than all limits");
    world->n_flights++;
    world->n_in_flight[request->app]++;
    *flight = (struct sim_flight){.request = request};
    note_gate(world, flight);
    return flight;
}

void sim_send(struct sim_world *world, struct request *request)
{
    struct sim_flight *flight = begin_flight(world, request);

    flight->answer_at_ms = world->now_ms + sim_latency(world, request->app);
    for (unsigned i = 0; i < request->n_parts; i++) {
        struct sim_job *job = SIM_CLAIM_OF(request->parts[i]->job)->owner;

        if (job->first_sent_ms == 0)
            job->first_sent_ms = world->now_ms;
    }
}

/* Its answer comes at once. */
void sim_fail_to_send(struct sim_world *world, struct request *request)
{
    begin_flight(world, request)->not_sent = true;
    world->n_not_sent++;
    sim_answer(world, world->n_flights - 1);
}

static void publish(struct sim_world *world, const struct request *request)
{
    for (unsigned i = 0; i < request->n_parts; i++)
        sim_audit_published(world, (struct sim_part *)(uintptr_t)request->parts[i]->call);
}

static bool is_poisoned(const struct request *request)
{
    for (unsigned i = 0; i < request->n_parts; i++) {
        if (sim_part_of(request->parts[i])->poison)
            return true;
    }
    return false;
}

static struct answer fails(struct sim_world *world, const struct request *request)
{
    if (sim_chance(world, 30) && !is_poisoned(request))
        publish(world, request);
    return (struct answer){ANSWER_RETRY, sim_chance(world, 50) ? 503 : 0, -1, "failed"};
}

static struct answer serves(struct sim_world *world, const struct request *request)
{
    if (is_poisoned(request))
        return (struct answer){ANSWER_REFUSED, 400, -1, "poison"};
    publish(world, request);
    return (struct answer){ANSWER_DONE, 200, -1, "ok"};
}

static struct answer asks_to_wait(struct sim_world *world)
{
    return (struct answer){ANSWER_RETRY, 429, (int64_t)sim_below(world, 20000), "busy"};
}

static struct answer minds_the_clock(struct sim_world *world, struct sim_server *server,
                                     const struct sim_flight *flight, uint64_t sent_ms)
{
    if (server->mood == SIM_SKEWED && sent_ms >= server->corrected_ms)
        return serves(world, flight->request);
    if (server->corrected_ms == SIM_NEVER)
        server->corrected_ms = world->now_ms;
    return (struct answer){ANSWER_CLOCK, 401, -1, "Timestamp expired"};
}

static struct answer raves(struct sim_world *world, const struct request *request)
{
    switch (sim_below(world, 5)) {
    case 0:
        return (struct answer){ANSWER_FORBIDDEN, 403, -1, "forbidden"};
    case 1:
        return (struct answer){ANSWER_CLOCK, 401, -1, "Timestamp expired"};
    case 2:
        return asks_to_wait(world);
    case 3:
        return fails(world, request);
    default:
        return serves(world, request);
    }
}

static struct answer decide(struct sim_world *world, const struct sim_flight *flight)
{
    const struct request *request = flight->request;
    struct sim_server *server = &world->servers[request->app];

    if (flight->not_sent)
        return (struct answer){ANSWER_NOT_SENT, 0, -1, "no memory"};
    if (world->stopping && sim_chance(world, 20))
        return (struct answer){ANSWER_CANCELLED, 0, -1, "no more time"};
    switch (server->mood) {
    case SIM_FLAKY:
        return sim_chance(world, 40) ? fails(world, request) : serves(world, request);
    case SIM_DOWN:
        return fails(world, request);
    case SIM_FORBIDDEN:
        return (struct answer){ANSWER_FORBIDDEN, 401, -1, "forbidden"};
    case SIM_BUSY:
        return sim_chance(world, 50) ? asks_to_wait(world) : serves(world, request);
    case SIM_MAD:
        return raves(world, request);
    case SIM_PICKY:
        if (is_poisoned(request))
            return (struct answer){ANSWER_FORBIDDEN, 403, -1, "blocked"};
        return serves(world, request);
    case SIM_FICKLE:
        if (!sim_chance(world, 5))
            return (struct answer){ANSWER_FORBIDDEN, 403, -1, "over quota"};
        return serves(world, request);
    case SIM_SKEWED:
    case SIM_LOST:
        return minds_the_clock(world, server, flight, request->due_ms);
    default:
        return serves(world, request);
    }
}

struct told { /* a request that is gone, as it was */
    unsigned app, n_parts;
    struct part *parts[SIM_MAX_EVENTS];
    bool clock_corrected;
    uint64_t first_sent_ms;
    bool forbidden;   /* the answer refuses the app */
    bool suspect;     /* ... which passes otherwise: it met a refusal before, and that is over */
    bool was_refused; /* by the last answer that refused the app to it, with the same parts */
};

static bool is_suspect(const struct sim_server *server, const struct told *told)
{
    if (server->forbidden || server->n_doubts == SIM_DOUBTS)
        return false;
    for (unsigned i = 0; i < told->n_parts; i++) {
        const struct sim_claim *claim = SIM_CLAIM_OF(told->parts[i]->job);

        if (claim->refusal[told->parts[i] - claim->parts] <= server->n_void)
            return false;
    }
    return true;
}

static bool was_refused(const struct told *told)
{
    const struct sim_claim *first = SIM_CLAIM_OF(told->parts[0]->job);
    uint64_t at = first->refused_at[told->parts[0] - first->parts];

    for (unsigned i = 0; i < told->n_parts; i++) {
        const struct sim_claim *claim = SIM_CLAIM_OF(told->parts[i]->job);
        size_t index = (size_t)(told->parts[i] - claim->parts);

        if (at == 0 || claim->refused_at[index] != at || claim->refused_n[index] != told->n_parts)
            return false;
    }
    return true;
}

static struct told remember(const struct sim_world *world, const struct request *request,
                            enum answer_kind kind)
{
    struct told told = {.app = request->app,
                        .n_parts = request->n_parts,
                        .clock_corrected = request->clock_corrected,
                        .first_sent_ms = request->first_sent_ms};

    memcpy(told.parts, request->parts, request->n_parts * sizeof(request->parts[0]));
    told.forbidden = kind == ANSWER_FORBIDDEN || (kind == ANSWER_CLOCK && request->clock_corrected);
    told.was_refused = was_refused(&told);
    told.suspect = told.forbidden && is_suspect(&world->servers[told.app], &told);
    return told;
}

/* What was held against the part before may turn out to have been the app's. */
static void forget_strikes(struct sim_claim *claim, size_t index)
{
    claim->n_tries[index] -= claim->n_strikes[index];
    claim->n_strikes[index] = 0;
}

static void note_refusal(struct sim_world *world, const struct told *told)
{
    struct sim_server *server = &world->servers[told->app];

    server->n_doubts += told->suspect;
    if (!told->suspect) {
        server->n_refusals += !server->forbidden;
        server->forbidden = true;
    }
    for (unsigned i = 0; i < told->n_parts; i++) {
        struct sim_claim *claim = SIM_CLAIM_OF(told->parts[i]->job);
        size_t index = (size_t)(told->parts[i] - claim->parts);

        if (claim->refusal[index] <= server->n_void)
            forget_strikes(claim, index);
        claim->refusal[index] = server->n_refusals;
        claim->refused_at[index] = world->n_steps;
        claim->refused_n[index] = told->n_parts;
        claim->n_strikes[index] += told->suspect && told->n_parts == 1;
    }
}

static void note_answer(const struct told *told, enum answer_kind kind)
{
    bool counts = told->suspect ||
                  (kind != ANSWER_FORBIDDEN && kind != ANSWER_CLOCK && kind != ANSWER_NOT_SENT);

    for (unsigned i = 0; i < told->n_parts; i++) {
        struct part *part = told->parts[i];
        struct sim_claim *claim = SIM_CLAIM_OF(part->job);
        size_t index = (size_t)(part - claim->parts);

        claim->told_done[index] |= kind == ANSWER_DONE;
        claim->n_tries[index] += counts;
        claim->was_tried |= kind == ANSWER_DONE || kind == ANSWER_RETRY;
        claim->owner->parts[index].refused_alone |= kind == ANSWER_REFUSED && told->n_parts == 1;
    }
}

/* What may have become of the parts. */
static void check_parts(struct sim_world *world, const struct told *told, enum answer_kind kind)
{
    for (unsigned i = 0; i < told->n_parts; i++) {
        const struct part *part = told->parts[i];
        struct sim_claim *claim = SIM_CLAIM_OF(part->job);

        if (kind == ANSWER_DONE)
            SIM_CHECK(world, part->state == PART_DELIVERED, "a delivered part is not");
        if (kind != ANSWER_REFUSED && kind != ANSWER_RETRY &&
            !(told->suspect && told->n_parts == 1))
            SIM_CHECK(world, part->state != PART_FAILED,
                      "an answer that judged no part failed one");
        if (kind == ANSWER_REFUSED && told->n_parts > 1)
            SIM_CHECK(world, part->state != PART_FAILED, "a refused batch failed a part");
        if (part->state != PART_PARKED || world->stopping)
            continue;
        if (claim->abandoned || part->job->parked)
            continue;
        claim->owner->may_overtake = true;
        SIM_CHECK(world, part->job->due_ms > told->first_sent_ms + world->limits.lane_hold_ms,
                  "a part was parked that could wait");
    }
}

static void note_gate_after(struct sim_world *world, const struct sim_flight *flight,
                            const struct told *told, const struct answer *answer,
                            const struct gate *before)
{
    struct sim_server *server = &world->servers[told->app];
    const char *text;
    const struct gate *gate = engine_gate(world->engine, told->app, &text);
    bool is_probe = flight->was_probe && flight->gate_epoch == server->gate_epoch;
    bool well = answer->kind == ANSWER_DONE || answer->kind == ANSWER_REFUSED;

    if (answer->kind == ANSWER_RETRY && answer->retry_after_ms > 0) {
        uint64_t until = world->now_ms + (uint64_t)answer->retry_after_ms;

        if (server->held_until_ms < until)
            server->held_until_ms = until;
        SIM_CHECK(world, gate->state == GATE_CLOSED, "Retry-After did not close the gate");
    }
    if (told->forbidden && !told->suspect)
        SIM_CHECK(world, gate->state != GATE_OPEN, "a refused app may still send");
    if (told->suspect)
        SIM_CHECK(world, gate->state == before->state, "a suspect moved the gate");
    if (answer->kind == ANSWER_NOT_SENT)
        SIM_CHECK(world, gate->state == before->state && gate->n_failures == before->n_failures,
                  "the app is blamed for a request that was not sent");
    if ((answer->kind == ANSWER_CLOCK || answer->kind == ANSWER_CANCELLED ||
         answer->kind == ANSWER_NOT_SENT || told->suspect) &&
        is_probe)
        server->probe_sent = false;
    if (well && is_probe)
        server->forbidden = false;
    if (well && (is_probe || before->state == GATE_OPEN)) {
        server->n_doubts = 0;
        if (told->was_refused)
            server->n_void = server->n_refusals;
    }
    if (well && !is_probe)
        SIM_CHECK(world, gate->state == before->state, "an old answer moved the gate");
    if (gate->state == GATE_CLOSED &&
        (before->state != GATE_CLOSED || gate->n_closed != before->n_closed ||
         gate->opens_ms != before->opens_ms)) {
        server->gate_epoch++;
        server->probe_sent = false;
        SIM_CHECK(world, gate->opens_ms >= server->held_until_ms, "the gate opens too soon");
    }
}

void sim_answer(struct sim_world *world, unsigned index)
{
    struct sim_flight flight = world->flights[index];
    struct answer answer = decide(world, &flight);
    struct told told = remember(world, flight.request, answer.kind);
    const char *text;
    struct gate before = *engine_gate(world->engine, told.app, &text);

    world->flights[index] = world->flights[--world->n_flights];
    world->n_in_flight[told.app]--;
    world->undisturbed = false;
    world->n_steps++;
    note_answer(&told, answer.kind);
    if (told.forbidden)
        note_refusal(world, &told);
    engine_answer(world->engine, flight.request, &answer, world->now_ms);
    check_parts(world, &told, answer.kind);
    note_gate_after(world, &flight, &told, &answer, &before);
}

uint64_t sim_next_answer(const struct sim_world *world)
{
    uint64_t earliest = SIM_NEVER;

    for (unsigned i = 0; i < world->n_flights; i++) {
        if (world->flights[i].answer_at_ms < earliest)
            earliest = world->flights[i].answer_at_ms;
    }
    return earliest;
}
