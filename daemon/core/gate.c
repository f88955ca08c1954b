#include "daemon/core/gate.h"

#include "daemon/core/backoff.h"

bool gate_may_send(struct gate *gate, uint64_t now_ms)
{
    if (gate->state == GATE_CLOSED && now_ms >= gate->opens_ms) {
        gate->state = GATE_HALF_OPEN;
        gate->probe = 0;
    }
    if (gate->state == GATE_OPEN)
        return true;
    return gate->state == GATE_HALF_OPEN && gate->probe == 0;
}

unsigned gate_sent(struct gate *gate)
{
    if (gate->state != GATE_HALF_OPEN)
        return 0;
    if (++gate->n_probes == 0)
        gate->n_probes = 1;
    gate->probe = gate->n_probes;
    return gate->probe;
}

bool gate_is_probe(const struct gate *gate, unsigned probe)
{
    return probe != 0 && probe == gate->probe;
}

void gate_answered_well(struct gate *gate, unsigned probe)
{
    if (gate->state != GATE_OPEN && !gate_is_probe(gate, probe))
        return;
    gate->state = GATE_OPEN;
    gate->cause = GATE_NO_CAUSE;
    gate->n_failures = 0;
    gate->n_closed = 0;
    gate->probe = 0;
    gate->n_doubts = 0;
    gate->is_refused = false;
}

void gate_learned_nothing(struct gate *gate, unsigned probe)
{
    if (gate_is_probe(gate, probe))
        gate->probe = 0;
}

static void close_gate(struct gate *gate, enum gate_cause cause, uint64_t now_ms, uint64_t *random)
{
    uint64_t max = cause == GATE_REFUSED ? GATE_REFUSED_MAX_MS : GATE_DOWN_MAX_MS;
    uint64_t wait = GATE_MIN_MS, opens_ms;

    for (unsigned i = 0; i < gate->n_closed && wait < max; i++)
        wait *= 2;
    if (wait > max)
        wait = max;
    opens_ms = now_ms + wait / 2 + backoff_random(random) % (wait / 2 + 1);
    if (gate->state != GATE_CLOSED || gate->opens_ms < opens_ms)
        gate->opens_ms = opens_ms; /* else the server has asked for more */
    gate->state = GATE_CLOSED;
    gate->cause = cause;
    gate->n_closed++;
    gate->n_failures = 0;
    gate->probe = 0;
}

/* 0 is no number. After the last one they begin anew, and what was void is long gone. */
static void number_refusal(struct gate *gate)
{
    if (++gate->n_refusals != 0)
        return;
    gate->n_refusals = 1;
    gate->n_void = 0;
}

unsigned gate_refused(struct gate *gate, unsigned probe, uint64_t now_ms, uint64_t *random)
{
    if (!gate->is_refused)
        number_refusal(gate);
    gate->is_refused = true;
    if (gate->state == GATE_OPEN || gate_is_probe(gate, probe) || gate->cause != GATE_REFUSED)
        close_gate(gate, GATE_REFUSED, now_ms, random);
    return gate->n_refusals;
}

void gate_forget_refusals(struct gate *gate)
{
    gate->n_void = gate->n_refusals;
}

bool gate_has_forgotten(const struct gate *gate, unsigned refusal)
{
    return refusal <= gate->n_void;
}

bool gate_is_past(const struct gate *gate, unsigned refusal)
{
    return !gate_has_forgotten(gate, refusal) && !gate->is_refused;
}

bool gate_doubts(struct gate *gate, unsigned probe)
{
    if (gate->n_doubts == GATE_DOUBTS_MAX)
        return false;
    gate->n_doubts++;
    gate_learned_nothing(gate, probe);
    return true;
}

static bool is_down(const struct gate *gate, uint64_t now_ms)
{
    return gate->n_failures >= GATE_FAILURES_TO_CLOSE ||
           (gate->n_failures >= GATE_FEW_FAILURES &&
            now_ms - gate->failing_ms >= GATE_FEW_FAILURES_MS);
}

void gate_failed(struct gate *gate, unsigned probe, uint64_t now_ms, uint64_t *random)
{
    if (gate->n_failures == 0)
        gate->failing_ms = now_ms;
    gate->n_failures++;
    if (gate->state == GATE_OPEN && !is_down(gate, now_ms))
        return;
    if (gate->state == GATE_OPEN || gate_is_probe(gate, probe))
        close_gate(gate, gate->cause == GATE_REFUSED ? GATE_REFUSED : GATE_DOWN, now_ms, random);
}

void gate_try(struct gate *gate, uint64_t now_ms)
{
    gate->n_failures = 0;
    gate->n_closed = 0;
    gate->n_doubts = 0;
    gate_forget_refusals(gate);
    number_refusal(gate);
    if (gate->state == GATE_OPEN)
        return;
    gate->state = GATE_CLOSED;
    gate->opens_ms = now_ms;
    gate->probe = 0;
}

void gate_hold(struct gate *gate, uint64_t until_ms)
{
    if (gate->state == GATE_CLOSED && gate->opens_ms >= until_ms)
        return;
    if (gate->state != GATE_CLOSED || gate->cause == GATE_NO_CAUSE)
        gate->cause = GATE_HELD;
    gate->state = GATE_CLOSED;
    gate->probe = 0;
    gate->opens_ms = until_ms;
}
