/* What the files of a source share. */
#ifndef DAEMON_SOURCE_PRIVATE_H
#define DAEMON_SOURCE_PRIVATE_H

#include "daemon/script.h"
#include "daemon/source.h"

#define SOURCE_TIMEOUT_MS    5000 /* for a reply of Redis; then the connection is given up */
#define SOURCE_ERROR_WAIT_MS 1000 /* after an error of Redis */

/* ---- source.c */

/* False if there was no reply, or not the array it should be; an error is logged. */
bool source_reply_is_good(const struct source *source, const char *script, const redisReply *reply,
                          size_t min_elements);
void source_log_error(const struct source *source, const char *script, const redisReply *reply);

/* The server's clock, from the first element of a reply. */
void source_hear_time(struct source *source, const redisReply *reply);

/* A time of that clock by which the queue must be asked again; -1: none. */
void source_hear_next_due(struct source *source, long long due_ms);

/* ---- source_lease.c */

/* A new name, and its keys. */
void source_new_consumer(struct source *source);

/* Opens the lease, or renews it when its beat is due. */
void source_keep_lease(struct source *source, uint64_t now_ms);

/* Somebody may have our jobs: what is not in flight is dropped, and a new name is taken, under
 * which no late settlement of the old jobs can succeed. */
void source_lose_lease(struct source *source);

void source_close_lease(struct source *source);

/* ---- source_claim.c */

/* There is room for enough jobs to be worth a claim. */
bool source_has_room(const struct source *source);

/* Asks for jobs, if there is room, and reason to think there are any. */
void source_claim(struct source *source, uint64_t now_ms);

/* Asks for what was claimed without our knowing, after the reply of a claim was lost. */
void source_recover(struct source *source, uint64_t now_ms);

/* ---- source_wake.c */

void source_init_wake(struct source *source, uv_loop_t *loop, const struct redis_options *redis);

/* Waits for the next job, if the queue was found empty. */
void source_wait_for_job(struct source *source, uint64_t now_ms);

/* Ends the wait now, where the server lets us; else it ends by its own timeout. */
void source_unblock(struct source *source);

/* ---- source_settle.c */

/* The lease is lost: nothing that was claimed under it can be settled. */
void source_drop_unsettled(struct source *source);

/* Sends what is to be settled. */
void source_send_settlements(struct source *source, uint64_t now_ms);

void source_add_claim_id(struct script_call *call, const struct delivery *delivery);

#endif
