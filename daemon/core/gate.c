#include "daemon/core/gate.h"

#include "daemon/core/backoff.h"

bool gate_may_send(struct gate *gate, uint64_t now_ms)
{
    if (gate->state == GATE_CLOSED && now_ms >= gate->opens_ms) {
        gate->state = GATE_HALF_OPEN;
        gate->probing = false;
    }
    if (gate->state == GATE_OPEN)
        return true;
    return gate->state == GATE_HALF_OPEN && !gate->probing;
}

bool gate_sent(struct gate *gate)
{
    if (gate->state != GATE_HALF_OPEN)
        return false;
    gate->probing = true;
    return true;
}

/* Requests that were in flight when the gate closed answer later: they neither reopen it (an old
 * success says nothing of now, only the probe does) nor make its wait longer. */
void gate_answered_well(struct gate *gate)
{
    gate->n_failures = 0;
    if (gate->state != GATE_HALF_OPEN)
        return;
    gate->state = GATE_OPEN;
    gate->cause = GATE_NO_CAUSE;
    gate->n_closed = 0;
    gate->probing = false;
}

static void close_gate(struct gate *gate, enum gate_cause cause, uint64_t now_ms, uint64_t *random)
{
    uint64_t max = cause == GATE_REFUSED ? GATE_REFUSED_MAX_MS : GATE_DOWN_MAX_MS;
    uint64_t wait = GATE_MIN_MS;

    for (unsigned i = 0; i < gate->n_closed && wait < max; i++)
        wait *= 2;
    if (wait > max)
        wait = max;
    gate->state = GATE_CLOSED;
    gate->cause = cause;
    gate->n_closed++;
    gate->n_failures = 0;
    gate->probing = false;
    gate->opens_ms = now_ms + wait / 2 + backoff_random(random) % (wait / 2 + 1);
}

void gate_refused(struct gate *gate, bool probe, uint64_t now_ms, uint64_t *random)
{
    if (gate->state == GATE_OPEN || probe || gate->cause != GATE_REFUSED)
        close_gate(gate, GATE_REFUSED, now_ms, random);
}

void gate_failed(struct gate *gate, bool probe, uint64_t now_ms, uint64_t *random)
{
    if (gate->state == GATE_OPEN && ++gate->n_failures < GATE_FAILURES_TO_CLOSE)
        return;
    if (gate->state == GATE_OPEN || probe)
        close_gate(gate, gate->cause == GATE_REFUSED ? GATE_REFUSED : GATE_DOWN, now_ms, random);
}

void gate_hold(struct gate *gate, uint64_t until_ms)
{
    if (gate->state == GATE_CLOSED && gate->opens_ms >= until_ms)
        return;
    if (gate->state != GATE_CLOSED || gate->cause == GATE_NO_CAUSE)
        gate->cause = GATE_HELD;
    gate->state = GATE_CLOSED;
    gate->probing = false;
    gate->opens_ms = until_ms;
}
