/* A limiter: how many requests of an app may be in flight, found out by trying.
 *
 * It is TCP's way (RFC 5681), with requests for segments: the limit grows by one for each answer in
 * slow start, then by one for a whole limit of answers; it shrinks when the server shows that it
 * has too much: 429, 503 and the like, no answer, or round trips that grow, as TCP Vegas has it.
 * Each single attempt counts by itself; what a request has been through before does not.
 *
 *     if (limiter_has_room(&limiter))
 *         limiter_sent(&limiter, &attempt, now);      then, of this attempt, exactly one of
 *     limiter_succeeded(), limiter_overloaded(), limiter_ended()
 *
 * Times are monotonic milliseconds. A limiter that is fixed only counts what is in flight. */
#ifndef DAEMON_CORE_LIMITER_H
#define DAEMON_CORE_LIMITER_H

#include <stdbool.h>
#include <stdint.h>

#define LIMITER_FLOOR          2   /* never less, save that `max` may be 1 */
#define LIMITER_START          10  /* at first, as TCP's initial window: RFC 6928 */
#define LIMITER_TOLERANCE_MS   10  /* of round trips that grow; or half of them, if that is more */
#define LIMITER_WINDOW_SAMPLES 8   /* round trips that are judged together: at least so many, */
#define LIMITER_WINDOW_MS      100 /* and for so long */

/* What made the limit shrink. */
enum limiter_cause {
    LIMITER_NO_ANSWER,    /* a timeout, or a connection that failed */
    LIMITER_RATE_LIMITED, /* 429 */
    LIMITER_SERVER_ERROR, /* 503, and what else says that a server has too much to do */
    LIMITER_SLOW,         /* round trips have grown */
    LIMITER_N_CAUSES
};

/* An attempt in flight; whoever sends it keeps this for it. */
struct limiter_attempt {
    uint64_t sent_ms;
    unsigned n_in_flight; /* when it was sent, this one included */
    unsigned epoch, window;
};

struct limiter {
    unsigned limit;
    unsigned max;
    bool is_fixed; /* limit is max, always */
    unsigned n_in_flight;
    uint64_t n_decreases[LIMITER_N_CAUSES];

    unsigned slow_start_to; /* below this the limit grows fast */
    unsigned credit;        /* answers that count for the next step up */
    uint64_t full_ms;       /* when the limit was last reached */
    unsigned epoch;         /* counts decreases: answers to what was sent before one are old news */

    uint64_t base_ms; /* the round trip of a server at rest; UINT64_MAX: not known yet */
    unsigned n_slow;  /* windows in a row that were too slow */

    /* The window: round trips that are judged together. */
    unsigned window; /* its number */
    uint64_t window_started_ms;
    uint64_t window_min_ms;  /* the shortest of them */
    unsigned n_samples;      /* how many there are */
    unsigned most_in_flight; /* during it */
    unsigned n_sent_in_it;   /* in flight and sent during it; */
    unsigned n_sent_before;  /* ... during the one before; others are stuck */
};

/* `max` is at least 1. */
void limiter_init(struct limiter *limiter, unsigned max, bool is_fixed);

/* Changes the settings of one that is in use. What it has learnt holds as far as it fits. */
void limiter_configure(struct limiter *limiter, unsigned max, bool is_fixed);

static inline bool limiter_has_room(const struct limiter *limiter)
{
    return limiter->n_in_flight < limiter->limit;
}

/* An attempt goes out. */
void limiter_sent(struct limiter *limiter, struct limiter_attempt *ret_attempt, uint64_t now_ms);

/* It did what it should. Its round trip is looked at if it is `comparable`: of attempts that are
 * much alike. */
void limiter_succeeded(struct limiter *limiter, const struct limiter_attempt *attempt,
                       bool comparable, uint64_t now_ms);

/* The server has too much to do, or may have. Shrinks the limit, once for all that was in flight
 * then. */
void limiter_overloaded(struct limiter *limiter, const struct limiter_attempt *attempt,
                        enum limiter_cause cause, uint64_t now_ms);

/* It came to an end that says nothing of the server's load. */
void limiter_ended(struct limiter *limiter, const struct limiter_attempt *attempt);

/* The server was away, or asked to be left alone: it is approached anew, up to the present limit.
 */
void limiter_restart(struct limiter *limiter, uint64_t now_ms);

#endif
