/* JSON fields of a job as the arrays that libpusher takes. Everything is allocated in the arena. */
#ifndef PROTO_ARGS_H
#define PROTO_ARGS_H

#include "proto/arena.h"
#include "pusher/error.h"
#include "pusher/request.h"
#include "pusher/webhook.h"

#define ARGS_MAX 64 /* members; also PUSHER_PARAMS_MAX */

/* An object of strings, numbers and booleans (those by their JSON text) as name and value: `params`
 * and `headers`. An absent text gives none. PUSHER_EINVAL, PUSHER_EDATA or PUSHER_ENOMEM. */
int args_pairs(struct pusher_string json, const char *field, struct arena *arena,
               struct pusher_param ret_pairs[ARGS_MAX], size_t *ret_n,
               struct pusher_error *ret_error);

/* An array of {"key","secret"}: `additionalTokens`. */
int args_tokens(struct pusher_string json, struct arena *arena,
                struct pusher_token ret_tokens[ARGS_MAX], size_t *ret_n,
                struct pusher_error *ret_error);

#endif
