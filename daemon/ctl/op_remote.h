/* The operations that are a request to the API, or several. */
#ifndef DAEMON_CTL_OP_REMOTE_H
#define DAEMON_CTL_OP_REMOTE_H

#include "proto/job_spec.h"
#include "pusher/api.h"

/* Sends what a spec asks for. Returns as the functions of pusher/api.h do; the caller frees
 * *ret_result in any case. */
int op_remote(struct pusher_http *http, const struct job_spec *spec, struct arena *arena,
              struct pusher_result *ret_result, struct pusher_error *ret_error);

#endif
