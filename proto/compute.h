/* The operations that need no request: they sign and check. */
#ifndef PROTO_COMPUTE_H
#define PROTO_COMPUTE_H

#include "proto/job_spec.h"
#include "pusher/client.h"

bool compute_can(enum job_op op);

/* 0 and the result as malloc'ed JSON text, or a code of libpusher and *ret_error. `unix_s` is the
 * time that a query string is signed at. */
int compute_op(const struct pusher_client *client, const struct job_spec *spec, struct arena *arena,
               int64_t unix_s, char **ret_json, struct pusher_error *ret_error);

#endif
