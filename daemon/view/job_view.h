/* A producer's bytes, made fit to be looked at. */
#ifndef DAEMON_VIEW_JOB_VIEW_H
#define DAEMON_VIEW_JOB_VIEW_H

#include "proto/arena.h"
#include "pusher/string.h"

enum job_view_format {
    JOB_VIEW_JSON,    /* a JSON object; `text` are the producer's bytes */
    JOB_VIEW_MSGPACK, /* a msgpack map; `text` is the same as JSON */
    JOB_VIEW_TEXT,    /* text that is no JSON object */
    JOB_VIEW_RAW,     /* anything else; `text` is in base64 */
};

struct job_view {
    enum job_view_format format;
    struct pusher_string text; /* borrowed from the bytes, or in the arena */
};

/* 0; or -1 when the arena is exhausted. */
int job_view(struct pusher_string bytes, struct arena *arena, struct job_view *ret_view)
    __attribute__((warn_unused_result));

/* "json", "msgpack", "text", "raw". */
const char *job_view_format_name(enum job_view_format format);

#endif
