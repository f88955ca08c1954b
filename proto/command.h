/* The operations that are one request of their own: queries, calls of any path, and what ends a
 * user's connections. */
#ifndef PROTO_COMMAND_H
#define PROTO_COMMAND_H

#include "proto/job_spec.h"
#include "pusher/command.h"

/* 0 and the request, whose texts are the spec's and the arena's; or a code of libpusher and
 * *ret_error. Not for the operations that publish, nor for those of compute_can(). */
int command_op(const struct pusher_client *client, const struct job_spec *spec, struct arena *arena,
               struct pusher_request *ret_request, struct pusher_error *ret_error);

#endif
