/* The operations that need no request: they sign and check. */
#ifndef DAEMON_CTL_OP_LOCAL_H
#define DAEMON_CTL_OP_LOCAL_H

#include "proto/job_spec.h"
#include "pusher/client.h"

bool op_is_local(enum job_op op);

/* 0 and the result as malloc'ed JSON text, or a code of libpusher and *ret_error. `unix_s` is the
 * time that a query string is signed at. */
int op_local(const struct pusher_client *client, const struct job_spec *spec, struct arena *arena,
             int64_t unix_s, char **ret_json, struct pusher_error *ret_error);

#endif
