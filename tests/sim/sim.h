/* A simulation of everything around the engine: producers, Redis, and servers that misbehave, all
 * drawn from one seed and in virtual time, beside a model of what the engine may do.
 *
 *     world.c   the parameters of one world, and how it ends when a check fails
 *     queue.c   Redis: jobs pushed, claimed, settled, lost with a lease
 *     park.c    jobs of apps that may not send, and operators who pause apps
 *     server.c  the servers: what they answer, what they publish
 *     audit.c   what must hold
 *     sim_engine.c   the order of things: one step after the other
 *
 * A world whose check fails prints its seed and step; `sim_engine --seed S --steps N` replays it.
 */
#ifndef TESTS_SIM_SIM_H
#define TESTS_SIM_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/core/engine.h"
#include "daemon/core/parking.h"

#define SIM_MAX_APPS       4
#define SIM_MAX_QUEUES     3
#define SIM_MAX_LANES      64 /* different keys in a world */
#define SIM_MAX_PARTS      24 /* of a job */
#define SIM_MAX_PART_LANES 12 /* of a part */
#define SIM_MAX_EVENTS     20 /* of a batch */
#define SIM_MAX_FLIGHTS    64
#define SIM_MAX_JOBS       160
#define SIM_STRIKES        5  /* a part that is refused so often fails, though its app passes */
#define SIM_DOUBTS         20 /* so many refusals in a row are held against parts */
#define SIM_NEVER          UINT64_MAX

struct sim_job;

/* A part as its producer wrote it, and what happened to it over all claims. */
struct sim_part {
    struct sim_job *owner;
    bool alone;
    bool poison; /* the server refuses whatever carries it */
    size_t size;
    unsigned n_lanes;
    unsigned lanes[SIM_MAX_PART_LANES]; /* may name one twice */
    bool delivered;                     /* in the record: never sent again */
    bool published;
    bool refused_alone;
};

enum sim_place { SIM_QUEUED, SIM_CLAIMED, SIM_LATER, SIM_PARKED, SIM_SETTLED };

/* A job as it stands in Redis. */
struct sim_job {
    uint64_t serial;   /* in the order in which jobs were pushed */
    uint64_t claim_id; /* 0 before the first claim */
    unsigned app, queue;
    uint64_t expires_at_ms;
    enum sim_place place;
    struct list link;      /* in its queue's list, or in `later` */
    struct sim_claim *now; /* CLAIMED: the claim that may settle it; older ones come too late */
    uint64_t due_ms;       /* LATER */
    unsigned n_claims;     /* alive, the late ones too */
    unsigned attempts;     /* of the record */
    uint64_t first_attempt_ms;
    uint64_t first_sent_ms; /* by the model */
    bool may_overtake;      /* it was parked or lost: it need not keep its order any more */
    unsigned n_parts;
    struct sim_part parts[SIM_MAX_PARTS];
};

/* A claim: what the engine sees of a job. */
struct sim_claim {
    struct sim_job *owner;
    struct list link; /* in claims or settling */
    bool abandoned;
    bool settled;
    bool has_no_slots; /* they were given back before it was released */
    bool told_done[SIM_MAX_PARTS];
    unsigned n_tries[SIM_MAX_PARTS];    /* requests that counted as attempts */
    unsigned refusal[SIM_MAX_PARTS];    /* of the app, by the server's count, that it met last */
    unsigned n_strikes[SIM_MAX_PARTS];  /* it was refused alone, when that was over */
    uint64_t refused_at[SIM_MAX_PARTS]; /* the step when it was last refused as its app; */
    unsigned refused_n[SIM_MAX_PARTS];  /* ... with so many parts in the request */
    bool was_tried;                     /* one was delivered, or was to be tried again */
    struct job job;
    struct part parts[]; /* and behind them their lane entries */
};

struct sim_flight {
    struct request *request;
    uint64_t answer_at_ms;
    bool was_probe; /* of the closed gate, when it was sent */
    bool not_sent;  /* there was no memory for it */
    uint64_t gate_epoch;
};

enum sim_mood {
    SIM_HEALTHY,
    SIM_FLAKY,     /* some 5xx, resets, some after publishing */
    SIM_DOWN,      /* nothing else */
    SIM_FORBIDDEN, /* 401 */
    SIM_BUSY,      /* 429 with Retry-After */
    SIM_SKEWED,    /* our clock is wrong, until it is corrected */
    SIM_LOST,      /* our clock is wrong, and correcting it does not help */
    SIM_PICKY,     /* 403, but only for what holds a poisoned part */
    SIM_FICKLE,    /* 403 for nearly all of them, whatever they hold */
    SIM_SLOW,
    SIM_MAD, /* any answer, at random */
    SIM_MOODS
};

struct sim_server {
    enum sim_mood mood;
    uint64_t corrected_ms; /* SKEWED: what was sent from then on has the right clock */

    /* What the model knows of the app's gate. */
    uint64_t held_until_ms; /* the server asked for it */
    bool forbidden;         /* and no probe has found otherwise yet */
    unsigned n_refusals;    /* so far, that one included */
    unsigned n_void;        /* up to this one they say nothing of single parts */
    unsigned n_doubts;      /* refusals held against requests since one was accepted */
    uint64_t gate_epoch;    /* counts closings */
    bool probe_sent;        /* in this epoch */
};

struct sim_exposed { /* parts delivered and not released */
    size_t n_events, n_calls;
};

struct sim_queue {
    struct list list;                 /* of sim_job, oldest first */
    struct list later;                /* by due_ms, then claim_id */
    struct list parked[SIM_MAX_APPS]; /* by claim_id */
    struct parking_app *parking;      /* one an app; what the daemon knows of it */
};

/* Unresolved parts in a lane, in the order in which they were added. */
struct sim_lane {
    uint64_t key;
    struct part **parts;
    size_t n_parts, size;
    uint64_t last_serial[SIM_MAX_QUEUES]; /* of the last one that was published first */
};

struct sim_chances { /* percent */
    unsigned poison, alone, several_parts, several_lanes, unordered, expires, trouble;
};

struct sim_world {
    uint64_t seed, random;
    uint64_t n_steps;
    uint64_t now_ms;
    bool healing; /* no new jobs and no more trouble: everything must settle */
    bool stopping;
    bool short_of_memory; /* most requests cannot be sent */
    uint64_t n_not_sent;

    struct engine *engine;
    struct engine_limits limits;
    struct engine_app_limits apps[SIM_MAX_APPS];
    struct sim_server servers[SIM_MAX_APPS];
    struct sim_queue queues[SIM_MAX_QUEUES];
    struct sim_lane lanes[SIM_MAX_LANES];
    unsigned n_apps, n_queues, n_lanes;
    bool lanes_collide; /* apps share lanes, as by keys that collide */
    struct sim_chances chances;

    uint64_t next_serial, next_claim_id;
    size_t n_live;           /* jobs that are not settled in Redis */
    uint64_t n_done;         /* jobs that were */
    struct list claims;      /* open, as far as the engine has said */
    struct list settling;    /* settled, not yet released */
    struct list handed_back; /* released, go back to the lists when the engine is empty */
    size_t n_claims, n_bytes;
    size_t max_bytes; /* no more is claimed above it, nor above limits.max_jobs */
    unsigned n_in_flight[SIM_MAX_APPS];
    struct sim_exposed exposed[SIM_MAX_APPS]; /* when a request was asked for */
    struct sim_flight flights[SIM_MAX_FLIGHTS];
    unsigned n_flights;
    uint64_t send_until_ms;

    bool undisturbed;     /* nothing happened since the engine promised; */
    uint64_t promised_ms; /* ... what engine_wake_at() gave */
};

#define SIM_CLAIM_OF(j) LIST_ENTRY(j, struct sim_claim, job)

/* Prints why, with the seed and the step, and exits. */
__attribute__((noreturn, format(printf, 2, 3))) void sim_die(const struct sim_world *world,
                                                             const char *format, ...);

#define SIM_CHECK(world, condition, ...)                                                           \
    do {                                                                                           \
        if (!(condition))                                                                          \
            sim_die(world, __VA_ARGS__);                                                           \
    } while (0)

/* From 0 to n - 1. */
uint64_t sim_below(struct sim_world *world, uint64_t n);
bool sim_chance(struct sim_world *world, unsigned percent);

/* world.c */
struct sim_world *sim_world_new(uint64_t seed);
void sim_world_new_engine(struct sim_world *world);
void sim_world_free(struct sim_world *world);

/* queue.c */
void sim_push(struct sim_world *world);
void sim_claim_some(struct sim_world *world, size_t n);
void sim_settle(struct sim_world *world, unsigned n);
void sim_release(struct sim_world *world, unsigned n);
void sim_free_slots(struct sim_world *world);
void sim_progress(struct sim_world *world);
void sim_lose_lease(struct sim_world *world, unsigned queue);
void sim_hand_back(struct sim_world *world);
void sim_put_later(struct sim_world *world, struct sim_job *job, uint64_t due_ms);

/* park.c */
void sim_new_parking(struct sim_world *world);
void sim_free_parking(struct sim_world *world);
void sim_park(struct sim_world *world, struct sim_claim *claim);
void sim_make_room(struct sim_world *world);
void sim_bring_back(struct sim_world *world);
void sim_pause(struct sim_world *world);
void sim_resume_all(struct sim_world *world);
/* Before parking_takes() is asked. */
void sim_learn_marked(struct sim_world *world, unsigned queue, unsigned app);
struct parking_app *sim_parking_of(struct sim_world *world, const struct sim_job *job);
uint64_t sim_next_due(const struct sim_world *world);

/* server.c */
void sim_new_mood(struct sim_world *world);
uint64_t sim_latency(struct sim_world *world, unsigned app);
void sim_send(struct sim_world *world, struct request *request);
void sim_fail_to_send(struct sim_world *world, struct request *request);
void sim_answer(struct sim_world *world, unsigned flight);
uint64_t sim_next_answer(const struct sim_world *world);

/* audit.c */
void sim_lane_add(struct sim_world *world, unsigned lane, struct part *part);
void sim_lane_remove(struct sim_world *world, unsigned lane, const struct part *part);
void sim_audit_request(struct sim_world *world, const struct request *request,
                       const struct gate *before);
void sim_audit_settled(struct sim_world *world, const struct sim_claim *claim);
void sim_audit_published(struct sim_world *world, struct sim_part *part);
void sim_count_exposed(struct sim_world *world);
void sim_audit_books(const struct sim_world *world);
size_t sim_count_unresolved(const struct sim_world *world);
const struct sim_part *sim_part_of(const struct part *part);

#endif
