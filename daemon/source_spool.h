/* Outcomes that Redis has not acknowledged, and what becomes of them.
 *
 * A source has a spool for its own consumer, and one for each consumer whose claims it has lost, or
 * whose file it has found. While Redis does not answer, the outcomes of the own consumer's jobs are
 * also written to its journal (source_spool.c). They stay in memory, are settled from there, and
 * the file is removed when all of them are.
 *
 * What is left of a consumer that does not exist any more, because its lease was lost or its
 * process died, are late outcomes (source_late.c): encoded, without a delivery. They are settled
 * against its claims, or where its jobs wait to be claimed again; what somebody has claimed by then
 * is his to settle. */
#ifndef DAEMON_SOURCE_SPOOL_H
#define DAEMON_SOURCE_SPOOL_H

#include "daemon/script.h"
#include "daemon/source.h"
#include "daemon/spool.h"

struct source_spool {
    struct list link; /* in source->spools */
    char consumer[CONSUMER_MAX];
    char inflight_key[KEYS_KEY_MAX];
    struct spool_journal journal;
    bool has_journal;
    size_t n_spooled; /* deliveries in memory that the journal has as well */
    unsigned n_calls; /* of the settle script, that are out */

    struct list late; /* struct late_outcome, to be sent */
    size_t n_late;    /* with those that are sent and not acknowledged */
    char *file;       /* owned; outcomes that were found point into it; or NULL */
    uint64_t n_settled, n_gone;
};

/* ---- source_spools.c */

/* Makes the spool of the consumer's present name. */
void source_open_spool(struct source *source);

/* Where its files are, and those of the others on its list. */
struct spool_place source_spool_place(const struct source *source);

struct source_spool *source_new_spool(struct source *source, const char *consumer);

/* Writes to the journals what Redis keeps waiting, and removes files that are settled. To be called
 * each turn, also while Redis is away. */
void source_run_spools(struct source *source, uint64_t now_ms);

/* When that must happen at the latest. */
uint64_t source_spool_wake_at(const struct source *source, uint64_t now_ms);

/* True while outcomes of jobs may be in the journal: a job that was settled as to be claimed again
 * must not be claimed while the journal says so as well. */
bool source_has_journal(const struct source *source);

/* Adds a frame to a spool's journal: false if it has none, or it is full. */
bool source_journal_add(struct source *source, struct source_spool *spool, const char *frame,
                        size_t len) __attribute__((warn_unused_result));

/* On the way out: writes what is not settled to the journals, and closes them. */
void source_close_spools(struct source *source);

/* ---- source_spool.c */

/* Begins and ends spooling, and spools. True if Redis is away, or slow to acknowledge. */
bool source_watch_redis(struct source *source, uint64_t now_ms);

/* When it will be, if it does not answer what is out. */
uint64_t source_away_at(const struct source *source, uint64_t now_ms);

/* Adds the outcome of a delivery to the journal, once. False if there is no room. */
bool source_spool_delivery(struct source *source, struct delivery *delivery)
    __attribute__((warn_unused_result));

/* Adds all that were decided and are not acknowledged. */
void source_spool_unsettled(struct source *source);

/* Adds the progress of an open delivery, while Redis is away. */
void source_spool_progress(struct source *source, const struct delivery *delivery);

/* A delivery is about to be released. */
void source_unspool(struct delivery *delivery);

/* Writes a frame of what settle.lua is to be told; false when out of memory. */
bool source_encode(const struct source *source, const struct delivery *delivery, bool is_progress,
                   struct spool_bytes *out) __attribute__((warn_unused_result));

/* ---- source_scan.c */

/* Looks for files of dead consumers; nothing is claimed before they are settled. */
void source_find_spools(struct source *source);

/* True if the consumer, which is gone, has outcomes on this disk that are to be settled before its
 * jobs are taken over; they will be. `is_over`: its lease ran out. */
bool source_has_spool_of(struct source *source, const char *consumer, bool is_over);

/* ---- source_late.c */

/* Late outcomes of a file that was found; takes its descriptor and its bytes. */
void source_take_file(struct source *source, struct spool_found *found);

/* True while outcomes of earlier consumers are to be settled, before the lease is opened. */
bool source_is_replaying(const struct source *source);

/* The claim of the delivery is lost, and it is about to be released: keeps what is known of it. */
void source_make_late(struct source *source, const struct delivery *delivery);

void source_send_late(struct source *source, uint64_t now_ms);

/* Writes late outcomes to their journal that are not there yet. */
void source_spool_late(struct source *source, struct source_spool *spool);

void source_free_late(struct source_spool *spool);

#endif
