/* The fields that are lists: `channels` and `events`. */
#ifndef PROTO_JOB_LISTS_H
#define PROTO_JOB_LISTS_H

#include "proto/job_convert.h"

/* Set channels and n_channels. One item that is not a string fails the job. */
enum job_code job_convert_channels(struct job_context *ctx, const struct value *value,
                                   struct job_spec *spec);

/* Set events and n_events. What is wrong with one event is kept as its error; the job fails only
 * if the value is no list of one item or more, or memory runs out. */
enum job_code job_convert_events(struct job_context *ctx, const struct value *value,
                                 struct job_spec *spec);

#endif
