/* What an answer means for the parts of its request. */
#include <stdlib.h>
#include <string.h>

#include "daemon/core/backoff.h"
#include "daemon/core/state.h"
#include "lib/require.h"

#define STRIKES_TO_FAIL 5 /* within some 3 seconds, at the usual backoff */

static void deliver(struct engine *engine, struct request *request)
{
    struct list ready;

    list_init(&ready);
    for (unsigned i = 0; i < request->n_parts; i++) {
        struct part *part = request->parts[i];
        struct job *job = part->job;

        lanes_release(&engine->lanes, part, &ready);
        part_deliver(part);
        if (job->n_unresolved > 0 && list_empty(&job->progress_link))
            list_push(&engine->progress, &job->progress_link);
        engine_part_resolved(engine, job);
    }
    engine_make_ready(engine, &ready);
    free(request);
}

static void fail_part(struct engine *engine, struct part *part, const char *code, const char *text)
{
    struct job *job = part->job;
    struct list ready;

    list_init(&ready);
    lanes_release(&engine->lanes, part, &ready);
    part_fail(part, code, text);
    engine_make_ready(engine, &ready);
    engine_part_resolved(engine, job);
}

/* A refused batch names no culprit: its parts go back to the front of their lanes, to be sent in
 * batches of half the size, until the bad one stands alone. What was withdrawn meanwhile is not. */
static void isolate(struct engine *engine, struct request *request)
{
    uint16_t cap = (uint16_t)((request->n_parts + 1) / 2);
    struct list ready, in_order;
    struct list *link;

    engine->counters.isolations++;
    list_init(&ready);
    for (unsigned i = request->n_parts; i-- > 0;) {
        struct part *part = request->parts[i];

        if (engine_has_withdrawn(engine, part->job)) {
            lanes_release(&engine->lanes, part, &ready);
            part_park(part, 0);
            engine_part_resolved(engine, part->job);
            continue;
        }
        part->batch_cap = cap;
        part_untake(part);
        lanes_put_back(&engine->lanes, part, &ready);
    }
    list_init(&in_order);
    while ((link = list_pop(&ready)))
        list_push_front(&in_order, link);
    engine_make_ready(engine, &in_order);
    free(request);
}

static void refuse(struct engine *engine, struct request *request, const struct answer *answer)
{
    if (request->n_parts > 1) {
        isolate(engine, request);
        return;
    }
    fail_part(engine, request->parts[0], "rejected", answer->text);
    free(request);
}

static bool is_exhausted(const struct engine *engine, const struct part *part, uint64_t now_ms)
{
    uint64_t first_ms = part->job->first_attempt_ms;

    return part->retries >= engine->limits.max_attempts ||
           (first_ms != 0 && now_ms >= first_ms &&
            now_ms - first_ms >= engine->limits.retry_for_ms);
}

/* Parts that were tried often or long enough fail; the others stay in the request. */
static void fail_exhausted(struct engine *engine, struct request *request,
                           const struct answer *answer, uint64_t now_ms)
{
    unsigned n_kept = 0;

    for (unsigned i = 0; i < request->n_parts; i++) {
        struct part *part = request->parts[i];

        part->retries++;
        if (!is_exhausted(engine, part, now_ms)) {
            request->parts[n_kept++] = part;
            continue;
        }
        request->bytes -= part->size;
        fail_part(engine, part, "retries_exhausted", answer->text);
    }
    request->n_parts = n_kept;
}

/* Sends the request again at due_ms: from here, or, when that is too long to hold its lanes, by
 * whoever claims its jobs then. */
static void send_again(struct engine *engine, struct request *request, uint64_t due_ms)
{
    struct app *app = &engine->apps[request->app];

    request = engine_without_withdrawn(engine, request);
    if (!request)
        return;
    if (app->gate.state == GATE_CLOSED && due_ms < app->gate.opens_ms)
        due_ms = app->gate.opens_ms;
    request->due_ms = due_ms;
    if ((app->gate.state == GATE_OPEN &&
         due_ms - request->first_sent_ms > engine->limits.lane_hold_ms) ||
        request_heap_push(&app->waiting, request) != 0)
        engine_park_request(engine, request, due_ms);
    else
        engine_app_is_busy(engine, app);
}

static void retry(struct engine *engine, struct request *request, const struct answer *answer,
                  uint64_t now_ms)
{
    const struct engine_limits *limits = &engine->limits;
    unsigned retries = 0;
    uint64_t wait;

    engine->counters.retries++;
    fail_exhausted(engine, request, answer, now_ms);
    if (request->n_parts == 0) {
        free(request);
        return;
    }
    for (unsigned i = 0; i < request->n_parts; i++) {
        if (request->parts[i]->retries > retries)
            retries = request->parts[i]->retries;
    }
    wait = backoff_ms(retries, limits->retry_base_ms, limits->retry_cap_ms, &engine->random);
    if (answer->retry_after_ms > 0 && (uint64_t)answer->retry_after_ms > wait)
        wait = (uint64_t)answer->retry_after_ms;
    send_again(engine, request, now_ms + wait);
}

static void uncount_attempt(const struct request *request)
{
    for (unsigned i = 0; i < request->n_parts; i++) {
        struct job *job = request->parts[i]->job;

        request->parts[i]->attempts--;
        job->attempts = job->attempts_before;
        for (uint32_t k = 0; k < job->n_parts; k++) {
            if (job->attempts_before + job->parts[k].attempts > job->attempts)
                job->attempts = job->attempts_before + job->parts[k].attempts;
        }
    }
}

/* A refusal of the app says nothing of the parts: the attempt does not count, nor does the time. */
static void forget_attempt(const struct request *request)
{
    uncount_attempt(request);
    for (unsigned i = 0; i < request->n_parts; i++)
        request->parts[i]->job->first_attempt_ms = 0;
}

/* As if it had not been begun; but the time of what was tried before goes on. */
static void hold_back(struct engine *engine, struct request *request, uint64_t now_ms)
{
    engine->counters.requests--;
    engine->counters.events -= request->n_parts;
    uncount_attempt(request);
    for (unsigned i = 0; i < request->n_parts; i++) {
        struct job *job = request->parts[i]->job;

        if (job->first_attempt_ms == request->attempt.sent_ms)
            job->first_attempt_ms = 0;
    }
    send_again(engine, request, now_ms + ENGINE_NO_MEMORY_MS);
}

/* Whom a firewall dislikes, say, is found as a bad event is; but an answer that was meant for the
 * app is not believed the first time. */
static void doubt(struct engine *engine, struct request *request, const struct answer *answer,
                  uint64_t now_ms)
{
    if (request->n_parts > 1 || ++request->parts[0]->n_strikes >= STRIKES_TO_FAIL)
        refuse(engine, request, answer);
    else
        retry(engine, request, answer, now_ms);
}

/* A probe is halved, so that one bad event cannot keep the gate closed for the others. */
static void forbid(struct engine *engine, struct request *request, uint64_t now_ms)
{
    request->clock_corrected = false;
    forget_attempt(request);
    if (request->probe != 0 && request->n_parts > 1)
        isolate(engine, request);
    else
        send_again(engine, request, now_ms);
}

static void note_answer(struct request *request, const struct answer *answer, uint64_t now_ms)
{
    for (unsigned i = 0; i < request->n_parts; i++) {
        request->parts[i]->job->answered_ms = now_ms;
        if (answer->http != 0)
            request->parts[i]->http = answer->http;
    }
}

void engine_answer(struct engine *engine, struct request *request, const struct answer *answer,
                   uint64_t now_ms)
{
    struct answer judged = *answer;

    engine->n_in_flight--;
    list_remove(&request->link);
    if (judged.kind == ANSWER_CLOCK && request->clock_corrected)
        judged.kind = ANSWER_FORBIDDEN;
    if (judged.kind != ANSWER_NOT_SENT)
        note_answer(request, &judged, now_ms);
    if (!engine_learn(engine, request, &judged, now_ms)) {
        doubt(engine, request, &judged, now_ms);
        return;
    }

    switch (judged.kind) {
    case ANSWER_DONE:
        deliver(engine, request);
        break;
    case ANSWER_REFUSED:
        refuse(engine, request, &judged);
        break;
    case ANSWER_RETRY:
        retry(engine, request, &judged, now_ms);
        break;
    case ANSWER_CLOCK:
        request->clock_corrected = true;
        forget_attempt(request);
        send_again(engine, request, now_ms);
        break;
    case ANSWER_CANCELLED:
        engine_park_request(engine, request, 0);
        break;
    case ANSWER_OUTDATED:
        forget_attempt(request);
        send_again(engine, request, now_ms);
        break;
    case ANSWER_FORBIDDEN:
        forbid(engine, request, now_ms);
        break;
    case ANSWER_NOT_SENT:
        hold_back(engine, request, now_ms);
        break;
    }
}
