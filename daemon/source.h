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
#include "daemon/delivery.h"
#include "daemon/io/redis.h"
#include "proto/arena.h"
#include "proto/keys.h"

enum lease_state {
    LEASE_NONE,  /* to be opened */
    LEASE_ASKED, /* a reply about it is awaited, nothing may be claimed */
    LEASE_HELD,
};

/* What the sources share. */
struct source_context {
    const struct config *config;
    struct engine *engine;
    struct redis *commands; /* the connection for scripts */
    struct arena *arena;    /* scratch */
    bool stopping;          /* no claims any more */
    uint64_t beat_ms;       /* between renewals of a lease */
    uint64_t wait_ms;       /* of the blocking command */
    uint64_t
        send_ms; /* after a renewal, requests may start for so long: they end before the lease */
    uint64_t claim_room; /* jobs there must be room for before more are claimed */
};

struct source_counters {
    uint64_t claimed, settled, late, reaped, recovered;
};

struct source {
    struct source_context *context; /* borrowed */
    const struct queue_config *queue;
    unsigned index;
    char consumer[CONSUMER_MAX];
    char list_key[KEYS_QUEUE_COUNT][KEYS_KEY_MAX];
    char consumer_key[KEYS_CONSUMER_COUNT][KEYS_KEY_MAX];

    struct redis wake; /* a connection of its own, for the blocking command */
    bool is_waiting;   /* the blocking command is out */
    bool unblock_sent;

    enum lease_state lease;
    bool beat_is_out;
    uint64_t next_beat_ms;
    uint64_t lease_sent_ms;   /* when the last renewal that succeeded was sent */
    uint64_t renewal_sent_ms; /* when the one that is out was sent */

    bool claim_is_out;
    uint64_t claim_sent_ms;
    bool claim_in_doubt; /* a claim's reply was lost: look for jobs we do not know we have */
    bool recovery_is_out;
    bool may_have_more; /* the queue was not found empty */
    bool is_paused;
    uint64_t claim_after_ms; /* not before this time, after an error */
    uint64_t next_claim_ms;  /* ask at this time even if nothing wakes us */
    uint64_t wait_again_ms;  /* the blocking command is of no use until then */
    uint64_t backlog;        /* as last heard */

    uint64_t server_now_ms, server_now_at_ms; /* Redis's clock, and ours when it was heard */

    struct list held;      /* every delivery of this source: claimed, and not settled */
    struct list unsettled; /* those of them whose fate is known, and not yet sent to Redis */
    unsigned n_settling;   /* calls that are out */
    uint64_t settle_after_ms;
    bool lease_is_closed; /* on the way out */
    bool close_is_out;
    struct source_counters counters;
};

/* Opens the source; it starts by itself. Keys and consumer are made here. */
void source_init(struct source *source, struct source_context *context, uv_loop_t *loop,
                 const struct redis_options *redis, const struct queue_config *queue,
                 unsigned index);

/* The command connection came up, or was lost. */
void source_redis_up(struct source *source, uint64_t now_ms);
void source_redis_down(struct source *source);

/* Takes a delivery that the engine gave out as settled. */
void source_settle(struct source *source, struct delivery *delivery);

/* Sends what is to be sent. */
void source_run(struct source *source, uint64_t now_ms);

/* At the very end, with the connections closed: forgets every delivery. True if there were any. */
bool source_drop_all(struct source *source);

/* Keeps in Redis which parts of an open delivery were delivered. */
void source_keep_progress(struct source *source, const struct delivery *delivery);

/* No request for this source's jobs may start at this time or later: its lease would not outlast
 * it. */
uint64_t source_send_until(const struct source *source);

/* When source_run() should be called again at the latest. */
uint64_t source_wake_at(const struct source *source, uint64_t now_ms);

/* On the way out: true when everything is settled and the lease closed, or cannot be. */
bool source_is_done(const struct source *source);

#endif
