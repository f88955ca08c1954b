/* What the files of a source share. */
#ifndef DAEMON_SOURCE_PRIVATE_H
#define DAEMON_SOURCE_PRIVATE_H

#include "daemon/script.h"
#include "daemon/settle.h"
#include "daemon/source.h"

#define SOURCE_TIMEOUT_MS     5000 /* for a reply of Redis to come; then the connection is given up */
#define SOURCE_ERROR_WAIT_MS  1000 /* after an error of Redis */
#define SOURCE_FIRST_GROWTH   200  /* percent; until it is known */
#define SOURCE_PAUSED_BEAT_MS 1000 /* while an app is paused: its end should be noticed soon */

/* ---- source.c */

/* False if there was no reply, or not what the script gives (reply_fits()), which is logged. */
bool source_reply_is_good(struct source *source, const char *script, const redisReply *reply,
                          const char *head, const char *rest);
void source_log_error(struct source *source, const char *script, const redisReply *reply);

/* True if the error is one of a slot on its way to another node; it is logged once a move. */
bool source_log_moving(struct source *source, const redisReply *reply);

/* The server's clock, from the first element of a reply. */
void source_hear_time(struct source *source, const redisReply *reply);

/* A time of that clock by which the queue must be asked again; -1: none. */
void source_hear_next_due(struct source *source, long long due_ms);

/* ---- source_lease.c */

/* A new name, and its keys. */
void source_new_consumer(struct source *source);

/* Opens the lease, or renews it when its beat is due. */
void source_keep_lease(struct source *source, uint64_t now_ms);

/* When that is due; UINT64_MAX: not before something else happens. */
uint64_t source_beats_at(const struct source *source);

/* Somebody may have our jobs: what is not in flight is dropped, and a new name is taken, under
 * which no late settlement of the old jobs can succeed. */
void source_lose_lease(struct source *source);

void source_close_lease(struct source *source);

/* ---- source_claim.c */

/* The queue's share, by its weight, of what all may have. At least 1. */
size_t source_share(const struct source *source, size_t of_all);

/* There is room for enough jobs, and bytes of them, to be worth a claim; or no more will be made.
 */
bool source_has_room(const struct source *source);

/* Asks for jobs, if there is room, and reason to think there are any. */
void source_claim(struct source *source, uint64_t now_ms);

/* When it will; UINT64_MAX: not before something else happens. */
uint64_t source_claims_at(const struct source *source);

/* Asks for what was claimed without our knowing, after the reply of a claim was lost. */
void source_recover(struct source *source, uint64_t now_ms);

/* ---- source_partition.c */

/* How many partitions of the queue this daemon has, and will keep. */
unsigned source_n_owned(const struct source *source);

/* The least that a daemon owns which waits for this list; -1: none waits. */
void source_hear_waiting(struct source *source, long long least_owned, uint64_t now_ms);

/* The lease of a list that was given up is closed. */
void source_yielded(struct source *source, uint64_t now_ms);

/* ---- source_dedupe.c */

/* Gives a delivery that is held to the engine, at once or when it was checked for duplicates. */
void source_admit(struct source *source, struct delivery *delivery);

/* Checks what is to be checked. */
void source_check(struct source *source, uint64_t now_ms);

/* ---- source_park.c */

/* A delivery is held from here until source_let_go(); it is marked if it must be parked. */
void source_hold(struct source *source, struct delivery *delivery);
void source_let_go(struct source *source, struct delivery *delivery);

/* A claim was taken up. */
void source_claimed_parked(struct source *source);

/* What Redis says: the apps that an operator has paused, {app, ...}, and the oldest parked job of
 * each app that has any, {app, claim id, ...}. */
void source_hear_paused(struct source *source, const redisReply *apps);
void source_hear_parked(struct source *source, const redisReply *oldest);

/* Parks jobs of apps that may not send, where room is short, and brings back what may be sent. */
void source_park(struct source *source, uint64_t now_ms);

/* True while jobs of the app are parked: what goes back to the queue must not pass them. */
bool source_has_parked(const struct source *source, unsigned app);

/* ---- source_probes.c */

/* How many jobs a probe may have need of: a batch. */
size_t source_n_probe(const struct source *source, size_t app);

bool source_gate_is_open(const struct source *source, size_t app);

/* What each app that may not send may keep of the queue's room. */
struct probe_quota {
    size_t n_jobs, n_bytes;
};

struct probe_quota source_probe_quota(const struct source *source);

/* How many of its jobs such an app keeps for probes when room is short. */
size_t source_n_kept(const struct source *source, size_t app, const struct probe_quota *quota);

/* True if nothing is held but the jobs that apps which may not send keep for their probes, or
 * nothing at all: no room will be made. All else leaves in a time that is bounded. */
bool source_holds_probes_only(const struct source *source);

/* ---- source_redis.c */

void source_init_redis(struct source *source, uv_loop_t *loop);

/* The configuration has changed: the same server, and maybe another user or password, which are
 * used from the next connection on. */
void source_change_redis(struct source *source);

/* Its lease has run out, and its jobs were let go: it holds up no other queue. It takes none up
 * either, until the lease is renewed. */
bool source_is_resting(const struct source *source);

/* When source_rest() will let go of its jobs; UINT64_MAX: never. */
uint64_t source_rests_at(const struct source *source);

/* ---- source_wake.c */

void source_init_wake(struct source *source, uv_loop_t *loop, const struct redis_options *redis);

/* No more than a job may weigh, after a reload as well. */
void source_bound_wake(struct source *source);

/* Waits for the next job, if the queue was found empty. */
void source_wait_for_job(struct source *source, uint64_t now_ms);

/* ---- source_publish.c */

/* Says how it is doing, when that is due; and when it is the next time. */
void source_publish(struct source *source, uint64_t now_ms);
uint64_t source_publishes_at(const struct source *source);

/* Takes back what was said: the lease will be closed. */
void source_unpublish(struct source *source);

/* ---- source_late.c */

/* Drops the jobs that are not in flight, checked or not. What is known of them, and of those that
 * are when they are answered, is told late, in the name of the present consumer. */
void source_drop_unsent(struct source *source);

/* ---- source_settle.c */

/* A call of the settle script that has so many bytes is full, and while so many are on their way no
 * further one is sent: each must get through within SOURCE_TIMEOUT_MS, or it would be sent again
 * and again. A single outcome may be larger. */
#define SOURCE_CALL_BYTES     (1u << 20)
#define SOURCE_SETTLING_BYTES (2u << 20)

/* The lease is lost: what is not settled is settled late (source_spool.h). */
void source_lose_unsettled(struct source *source);

/* Sends what is to be settled. */
void source_send_settlements(struct source *source, uint64_t now_ms);

/* What settle_add() wants to know. */
struct settlement source_settlement(const struct source *source);

/* A call of the settle script, up to the operations. */
struct script_call *source_settle_call(const struct source *source, const char *inflight_key);

/* When the oldest call was sent that is not acknowledged; there must be one. */
uint64_t source_settling_since(const struct source *source);

/* Redis does not acknowledge: what waits for it keeps no slots of the apps. */
void source_free_slots(struct source *source);

/* Writes the outcomes that are on their way to the journal. */
void source_spool_settling(struct source *source);

/* ---- source_progress.c */

/* While so many bytes of progress are out, the rest waits. */
#define SOURCE_PROGRESS_BYTES (256u << 10)

/* Sends what had to wait. */
void source_send_progress(struct source *source);

/* ---- source_return.c */

/* Moves what goes back to the queue from source->unsettled to `later`. */
void source_set_aside_returns(struct source *source, struct list *later);

/* Brings source->unsettled into the order in which what goes back must be settled, and decides what
 * goes back to the list and what among the retries. Nothing happens when memory is short. */
void source_sort_returns(struct source *source);

#endif
