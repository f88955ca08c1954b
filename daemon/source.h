/* A source: one queue's side of Redis. It holds the queue's lease, claims jobs, settles them, wakes
 * up when jobs arrive on an idle queue, and reaps consumers that died.
 *
 * It decides when to ask; what is done with jobs is the engine's. Everything it sends goes out from
 * source_run(), which the daemon calls once a loop turn; replies only change its state. */
#ifndef DAEMON_SOURCE_H
#define DAEMON_SOURCE_H

#include "daemon/config/config.h"
#include "daemon/consumer.h"
#include "daemon/core/engine.h"
#include "daemon/core/parking.h"
#include "daemon/delivery.h"
#include "daemon/io/redis.h"
#include "daemon/metrics.h"
#include "daemon/report.h"
#include "daemon/spool.h"
#include "proto/arena.h"
#include "proto/keys.h"

enum lease_state {
    LEASE_NONE,  /* to be opened */
    LEASE_ASKED, /* a reply about it is awaited, nothing may be claimed */
    LEASE_HELD,
};

struct source;

/* What the sources share. */
struct source_context {
    const struct config *config;
    struct engine *engine;
    struct metrics *metrics;
    struct arena *arena;        /* scratch */
    bool stopping;              /* no claims any more */
    uint64_t beat_ms;           /* between renewals of a lease */
    uint64_t wait_ms;           /* of the blocking command */
    uint64_t request_ms;        /* the longest that a request may take */
    size_t max_jobs, max_bytes; /* held at a time, by all queues */
    struct source *sources;     /* one for each queue of the configuration, and slots to come */
    uint64_t next_yield_ms;     /* no partition is given up before this */
    struct report report;
};

struct source_counters {
    uint64_t claimed, settled, late, reaped, recovered, parked, returned, duplicates;
    uint64_t spooled;  /* outcomes that were written to a journal */
    uint64_t replayed; /* outcomes of lost claims that were settled all the same */
};

struct source {
    struct source_context *context; /* borrowed */
    const struct queue_config *queue;
    unsigned index;
    bool is_open; /* from source_init() to source_end() */
    char consumer[CONSUMER_MAX];
    char list_key[KEYS_QUEUE_COUNT][KEYS_KEY_MAX];
    char consumer_key[KEYS_CONSUMER_COUNT][KEYS_KEY_MAX];

    struct redis commands; /* the connection for scripts */
    bool was_connected;    /* it was up once */
    bool tryagain_is_told; /* of a slot that is moved: logged, until the lease is renewed again */
    bool ask_is_told;
    struct redis wake; /* a connection of its own, for the blocking command */
    bool is_waiting;   /* the blocking command is out */
    bool cannot_wait;  /* it was refused, and that is logged */

    enum lease_state lease;
    bool beat_is_out;
    uint64_t next_beat_ms;
    uint64_t lease_sent_ms;   /* when the last renewal that succeeded was sent */
    uint64_t lease_ms;        /* for how long that was */
    uint64_t renewal_sent_ms; /* when the one that is out was sent */
    uint64_t renewal_lease_ms;
    uint64_t rested_ms; /* `lease_sent_ms` as it was when source_rest() let its jobs go */

    bool is_yielding; /* the list is given up to another daemon */

    bool claim_is_out;
    uint64_t claim_sent_ms, claim_lease_ms;
    bool claim_in_doubt; /* a claim's reply was lost: look for jobs we do not know we have */
    bool recovery_is_out;
    bool may_have_more; /* the queue was not found empty */
    bool is_paused;
    uint64_t claim_after_ms; /* not before this time, after an error */
    uint64_t next_claim_ms;  /* ask at this time even if nothing wakes us */
    uint64_t wait_again_ms;  /* the blocking command is of no use until then */
    uint64_t backlog;        /* as last heard */

    uint64_t server_now_ms, server_now_at_ms; /* Redis's clock, and ours when it was heard */

    struct list unchecked; /* claimed, to be looked at for duplicates; and those that are */
    struct list checking;
    bool check_is_out;
    uint64_t check_after_ms;

    struct parking_app *parking; /* owned; one an app: n_parking or less */
    size_t n_parking;
    bool return_is_out; /* a call that brings parked jobs back; of this app, SIZE_MAX: of none */
    size_t returning;
    uint64_t return_after_ms; /* not before this time, after an error or one of no use */
    bool any_paused;          /* an app is, by an operator */

    size_t max_jobs, max_bytes; /* its share of what may be held at a time */
    size_t n_held, n_held_bytes;
    size_t claim_below_bytes; /* held: with more the next job does not fit, as far as is known */
    size_t growth_percent;    /* bytes held of a job, for those that it has in Redis */
    struct list held;         /* every delivery of this source: claimed, and not settled */
    struct list unsettled;    /* those of them whose fate is known, and not yet sent to Redis */
    struct list settling;     /* calls that are out, oldest first */
    size_t n_settling_bytes;  /* of all calls of the settle script that are out, late ones too */
    unsigned n_progress;      /* likewise, of progress only; the oldest since: */
    uint64_t progress_since_ms;
    size_t n_progress_bytes; /* sent since none was out */
    bool owes_progress;      /* some delivery does: too much was on its way */
    uint64_t settle_after_ms;
    bool lease_is_closed; /* on the way out */
    bool close_is_out;
    uint64_t close_after_ms; /* not before this time, after an error; 0: there was none */
    struct source_counters counters;

    struct report_queue reported;             /* last */
    uint64_t next_publish_ms;                 /* when the next report is due */
    uint64_t published_ms, published_changes; /* the last one; the gate_changes that it knew of */
    bool publish_is_out;

    /* Outcomes that Redis does not acknowledge, see source_spool.h. */
    uv_loop_t *loop;       /* borrowed */
    const char *spool_dir; /* borrowed; NULL: none */
    char spool_server[SPOOL_SERVER_MAX];
    struct list spools;               /* owned */
    struct source_spool *spool;       /* of them, that of the present consumer */
    char lost_consumer[CONSUMER_MAX]; /* whose jobs were dropped last: its lease was lost, or
                                         source_rest() let them go */
    uint64_t reap_after_ms;           /* consumers whose lease ran out are left alone until then */
    bool is_spooling;                 /* Redis is away, and outcomes go to the journal */
    uint64_t spooling_since_ms;       /* since the first did; 0: none yet */
    size_t n_in_spool;
    uint64_t spool_run_ms, full_logged_ms, error_logged_ms;
    struct spool_scan scan;
    bool scan_is_out;
    char scanning_for[CONSUMER_MAX], scanned_for[CONSUMER_MAX]; /* who is gone, and has a file */
    bool replay_failed; /* Redis refuses late outcomes: jobs are claimed all the same */
    bool spools_are_closed;
};

/* Room for so many apps: 0, or -1 when out of memory. To be called before source_init() on a zeroed
 * struct, and whenever there are more. */
int source_reserve(struct source *source, size_t n_apps) __attribute__((warn_unused_result));

/* Opens the source; it starts by itself. Keys and consumer are made here. */
void source_init(struct source *source, struct source_context *context, uv_loop_t *loop,
                 const struct queue_config *queue, unsigned index);

/* Takes a delivery that the engine gave out as settled. */
void source_settle(struct source *source, struct delivery *delivery);

/* Sends what is to be sent. */
void source_run(struct source *source, uint64_t now_ms);

/* Writes out what source_run() sent. */
void source_flush(struct source *source);

/* Closes the connections: the handles are gone when the loop has run out. */
void source_close(struct source *source);

/* With the connections closed: what was not checked goes through the engine, which hands it back.
 */
void source_drop_unchecked(struct source *source);

/* At the very end, with the connections closed: forgets every delivery, save what the spool keeps.
 * True if there were any, or jobs may stand in the claim that are not held. */
bool source_drop_all(struct source *source);

/* When the loop has run out, or source_is_gone(): frees what is left. A zeroed struct is allowed.
 */
void source_deinit(struct source *source);

/* ---- the configuration has changed (source_reload.c) */

/* `queue` is what the source's queue is now, in the context's new configuration. */
void source_change(struct source *source, const struct queue_config *queue);

/* The queue is not configured any more: nothing is claimed; what is held is settled, and the lease
 * closed. Then source_is_done(), and it may be ended. */
void source_leave(struct source *source);

/* It is configured again, before that was over. */
void source_come_back(struct source *source);

/* Closes connections and spools. The struct is free when source_is_gone(). */
void source_end(struct source *source);
bool source_is_gone(const struct source *source);

/* What is held of an app goes back to Redis, to be made anew; what is in flight ends as it is. */
void source_remake(struct source *source, unsigned app);

/* The app's index is that of another one from now on. */
void source_expect_app(struct source *source, unsigned app);

/* Whether deliveries of the app are held. */
bool source_holds_app(const struct source *source, unsigned app);

/* Keeps in Redis which parts of an open delivery were delivered. */
void source_keep_progress(struct source *source, struct delivery *delivery);

/* When its lease was not renewed in time, its jobs that are not sent are let go: they stay in Redis
 * and are asked for when it is renewed. That its server is away is one reason; others concern this
 * queue alone: a key of another type, a slot on its way to another node, a right that is missing.
 * Till then no other queue can send, as the engine mixes the jobs of all; nothing of this one is in
 * flight any more by then. */
void source_rest(struct source *source, uint64_t now_ms);

/* No request for this source's jobs may start at this time or later: its lease would not outlast
 * it. UINT64_MAX while it holds none: it keeps nobody waiting then. */
uint64_t source_send_until(const struct source *source);

/* True if it has the lease, as far as it knows: one that could not be renewed may be another's. */
bool source_has_lease(const struct source *source, uint64_t now_ms);

/* Since the claim of the oldest job that is held; 0 if there is none. */
uint64_t source_oldest_ms(const struct source *source, uint64_t now_ms);

/* When source_run() should be called again at the latest. */
uint64_t source_wake_at(const struct source *source, uint64_t now_ms);

/* On the way out: true when everything is settled and the lease closed, or cannot be. */
bool source_is_done(const struct source *source);

#endif
