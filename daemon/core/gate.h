/* Gates: whether an app may send.
 *
 *     OPEN --refused, held, or failing--> CLOSED --time--> HALF_OPEN --probe succeeds--> OPEN
 *                                            ^-----------probe fails-----'
 *
 * A gate closes when the server refuses the whole app (401, 403, unknown app), when it asks to be
 * left alone (Retry-After), or when so many requests in a row failed that it is taken to be down.
 * While half open, one request, the probe, finds out. Requests that were sent before answer late:
 * they neither open the gate (an old success says nothing of now) nor make its wait longer. */
#ifndef DAEMON_CORE_GATE_H
#define DAEMON_CORE_GATE_H

#include <stdbool.h>
#include <stdint.h>

#define GATE_FAILURES_TO_CLOSE 20    /* in a row, none answered well in between; or */
#define GATE_FEW_FAILURES      5     /* so many, where few requests go out, */
#define GATE_FEW_FAILURES_MS   2000  /* if the first was so long ago */
#define GATE_DOUBTS_MAX        20    /* refusals in a row that are held against their requests */
#define GATE_MIN_MS            500   /* the first wait; it doubles with each probe that fails */
#define GATE_REFUSED_MAX_MS    30000 /* an operator has to act: no hurry */
#define GATE_DOWN_MAX_MS       5000  /* a server that comes back should not wait long */

enum gate_state { GATE_OPEN, GATE_CLOSED, GATE_HALF_OPEN };

enum gate_cause { GATE_NO_CAUSE, GATE_REFUSED, GATE_HELD, GATE_DOWN };

struct gate {
    enum gate_state state;
    enum gate_cause cause;
    uint64_t opens_ms;   /* CLOSED: when it becomes half open */
    unsigned n_closed;   /* times in a row that it closed for a refusal or a server that is down */
    unsigned n_failures; /* requests in a row that failed */
    uint64_t failing_ms; /* when the first of them did */
    unsigned probe;      /* HALF_OPEN: the number of the probe that is in flight, 0: none is */
    unsigned n_probes;   /* so far: probes are numbered, so that an old one is not taken for it */
    unsigned n_doubts;   /* refusals held against their requests since one was accepted */
    bool is_refused;     /* the app was refused, and none of its requests was accepted since */
    unsigned n_refusals; /* so far, that one included: each has a number, from 1 */
    unsigned n_void;     /* the last of them that is forgotten; 0: none */
};

/* True if a request may go now; a gate whose time has come becomes half open. */
bool gate_may_send(struct gate *gate, uint64_t now_ms);

/* To be told of each request that goes; gives the number of the probe, 0 if it is none. */
unsigned gate_sent(struct gate *gate);

/* To be told of each answer. `probe` is what gate_sent() gave for its request. */
void gate_answered_well(struct gate *gate, unsigned probe);
/* Gives the number of the refusal of the app that the answer belongs to. */
unsigned gate_refused(struct gate *gate, unsigned probe, uint64_t now_ms, uint64_t *random);
void gate_failed(struct gate *gate, unsigned probe, uint64_t now_ms, uint64_t *random);

/* The answer says nothing of the server: if it was the probe's, another may go. */
void gate_learned_nothing(struct gate *gate, unsigned probe);

/* The refusals so far were the app's, by whatever request: they say nothing of one. */
void gate_forget_refusals(struct gate *gate);

bool gate_has_forgotten(const struct gate *gate, unsigned refusal);

/* True if the refusal of that number is over, not forgotten, and no other has begun: the app is
 * accepted. */
bool gate_is_past(const struct gate *gate, unsigned refusal);

/* To be asked when such a request is refused once more. True if that is held against the request: a
 * few are bad. False if that was done so often, while not one of the app was accepted, that it is
 * the app which is refused again; then gate_refused() is to be told. */
bool gate_doubts(struct gate *gate, unsigned probe);

/* True if this is the probe in flight, which decides. */
bool gate_is_probe(const struct gate *gate, unsigned probe);

/* All that was learned holds no more, as server or credentials are others: a closed gate lets a
 * probe through now, and answers of older requests are not taken for its own. */
void gate_try(struct gate *gate, uint64_t now_ms);

/* The server asked to be left alone for so long, in an answer that was not a success. */
void gate_hold(struct gate *gate, uint64_t until_ms);

#endif
