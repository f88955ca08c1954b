/* What an answer says of its app: to the limiter, and to the gate. */
#include <string.h>

#include "daemon/core/state.h"

/* The gate has opened. Requests that waited behind it have kept nobody from sending: they may hold
 * their lanes as long as if they were new. If the app was refused, its jobs' time starts anew too.
 * Backoff that was meant for a server that is down has no sense any more; to limit the dates by one
 * that is the same for all leaves the heap in order. */
static void forget_pause(const struct app *app, bool was_refused, uint64_t last_due_ms)
{
    for (size_t i = 0; i < app->waiting.n_items; i++) {
        struct request *request = app->waiting.items[i];

        request->first_sent_ms = 0;
        if (request->due_ms > last_due_ms)
            request->due_ms = last_due_ms;
        for (unsigned k = 0; k < request->n_parts && was_refused; k++)
            request->parts[k]->job->first_attempt_ms = 0;
    }
}

/* An error of the server may have other reasons than load, but these. */
static bool is_overloaded(unsigned http)
{
    return http == 408 || http == 502 || http == 503 || http == 504;
}

/* Only batches are enough alike to compare their round trips: calls are of many kinds. */
static void inform_limiter(struct limiter *limiter, const struct request *request,
                           const struct answer *answer, uint64_t now_ms)
{
    const struct limiter_attempt *attempt = &request->attempt;

    if (answer->kind == ANSWER_DONE)
        limiter_succeeded(limiter, attempt, !request->parts[0]->alone, now_ms);
    else if (answer->kind == ANSWER_RETRY && answer->http == 0)
        limiter_overloaded(limiter, attempt, LIMITER_NO_ANSWER, now_ms);
    else if (answer->kind == ANSWER_RETRY && answer->http == 429)
        limiter_overloaded(limiter, attempt, LIMITER_RATE_LIMITED, now_ms);
    else if (answer->kind == ANSWER_RETRY && is_overloaded(answer->http))
        limiter_overloaded(limiter, attempt, LIMITER_SERVER_ERROR, now_ms);
    else
        limiter_ended(limiter, attempt);
}

/* Strikes of a refusal that is forgotten were the app's as well, and leave no trace. */
static void forget_strikes(struct part *part)
{
    part->attempts -= part->n_strikes;
    part->retries -= part->n_strikes;
    part->n_strikes = 0;
}

static void note_refusal(const struct gate *gate, const struct request *request, unsigned refusal)
{
    for (unsigned i = 0; i < request->n_parts; i++) {
        struct part *part = request->parts[i];

        if (gate_has_forgotten(gate, part->refusal))
            forget_strikes(part);
        part->refusal = refusal;
    }
}

/* What was refused and is accepted now, with the same parts, was refused for no reason of its own.
 * Then neither may be what else was refused. */
static bool shows_whose_refusal_it_was(const struct request *request)
{
    return request->n_refused == request->n_parts;
}

static void say_why(struct app *app, const struct answer *answer)
{
    strncpy(app->gate_text, answer->text, sizeof(app->gate_text) - 1);
}

static void inform_gate(struct engine *engine, struct app *app, struct request *request,
                        const struct answer *answer, uint64_t now_ms)
{
    struct gate *gate = &app->gate;
    bool was_open = gate->state == GATE_OPEN, was_refused = gate->cause == GATE_REFUSED;

    switch (answer->kind) {
    case ANSWER_DONE:
    case ANSWER_REFUSED:
        gate_answered_well(gate, request->probe);
        if (gate->state == GATE_OPEN && shows_whose_refusal_it_was(request))
            gate_forget_refusals(gate);
        if (was_open || gate->state != GATE_OPEN)
            break;
        forget_pause(app, was_refused, now_ms + engine->limits.retry_base_ms);
        if (!was_refused)
            limiter_restart(&app->limiter, now_ms);
        break;
    case ANSWER_FORBIDDEN:
        say_why(app, answer);
        note_refusal(gate, request, gate_refused(gate, request->probe, now_ms, &engine->random));
        break;
    case ANSWER_RETRY:
        if (answer->retry_after_ms > 0) {
            say_why(app, answer);
            gate_hold(gate, now_ms + (uint64_t)answer->retry_after_ms);
            break;
        }
        if (gate->state == GATE_OPEN || gate_is_probe(gate, request->probe))
            say_why(app, answer);
        gate_failed(gate, request->probe, now_ms, &engine->random);
        break;
    case ANSWER_CLOCK:
    case ANSWER_CANCELLED:
    case ANSWER_OUTDATED:
    case ANSWER_NOT_SENT:
        gate_learned_nothing(gate, request->probe);
        break;
    }
}

/* Whether this refusal of the app is the request's own: it met one before, the app was accepted
 * since, and nobody else is refused. Which one does not matter: of several bad events each may
 * begin a refusal, and those of the others are theirs all the same. */
static bool is_suspect(const struct app *app, const struct request *request)
{
    for (unsigned i = 0; i < request->n_parts; i++) {
        unsigned refusal = request->parts[i]->refusal;

        if (refusal == 0 || !gate_is_past(&app->gate, refusal))
            return false;
    }
    return true;
}

bool engine_learn(struct engine *engine, struct request *request, const struct answer *answer,
                  uint64_t now_ms)
{
    struct app *app = &engine->apps[request->app];
    bool was_open = app->gate.state == GATE_OPEN;

    inform_limiter(&app->limiter, request, answer, now_ms);
    if (answer->kind == ANSWER_FORBIDDEN)
        request->n_refused = request->n_parts;
    if (answer->kind == ANSWER_FORBIDDEN && is_suspect(app, request) &&
        gate_doubts(&app->gate, request->probe))
        return false;
    inform_gate(engine, app, request, answer, now_ms);
    engine->counters.gate_changes += was_open != (app->gate.state == GATE_OPEN);
    return true;
}
