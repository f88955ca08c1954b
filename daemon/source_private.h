/* What source.c (lease, claims, wake-up) and source_settle.c share. */
#ifndef DAEMON_SOURCE_PRIVATE_H
#define DAEMON_SOURCE_PRIVATE_H

#include "daemon/script.h"
#include "daemon/source.h"

#define SOURCE_TIMEOUT_MS 5000 /* for a reply of Redis; then the connection is given up */

/* False if there was no reply, or not the array it should be; an error is logged. */
bool source_reply_is_good(const struct source *source, const char *script, const redisReply *reply,
                          size_t min_elements);

/* The lease is lost: nothing that was claimed under it can be settled. */
void source_drop_unsettled(struct source *source);

/* Sends what is to be settled. */
void source_send_settlements(struct source *source, uint64_t now_ms);

void source_add_claim_id(struct script_call *call, const struct delivery *delivery);

#endif
