/* Jobs as producers write them: a msgpack map or a JSON object, one an element of the list.
 *
 * job_spec_decode() reads the bytes of one element into a struct job_spec. It knows the form of a
 * job (fields, types, what is required), not what Pusher accepts (names, sizes), which libpusher
 * checks. Strings of the spec point into the element or into the arena: both must outlive the spec.
 *
 * The format is described in proto/README.md. */
#ifndef PROTO_JOB_SPEC_H
#define PROTO_JOB_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/arena.h"
#include "pusher/string.h"

#define JOB_ID_MAX    128 /* bytes */
#define JOB_DEPTH_MAX 128 /* nested arrays and objects in an element, with the outermost */

/* The operations a job can ask for; their names and fields are in job_fields.c. */
enum job_op {
    JOB_OP_NONE = 0, /* not known, or not read */

    /* These publish. */
    JOB_OP_TRIGGER_EVENT,
    JOB_OP_TRIGGER_MULTIPLE_CHANNELS,
    JOB_OP_TRIGGER_BATCH,
    JOB_OP_SEND_TO_USER,

    /* These ask or command something, or need no request. */
    JOB_OP_LIST_CHANNELS,
    JOB_OP_GET_CHANNEL,
    JOB_OP_GET_CHANNEL_USERS,
    JOB_OP_AUTHENTICATE_USER,
    JOB_OP_AUTHORIZE_CHANNEL,
    JOB_OP_TERMINATE_USER_CONNECTIONS,
    JOB_OP_VALIDATE_WEBHOOK,
    JOB_OP_CREATE_SIGNED_QUERY_STRING,
    JOB_OP_CUSTOM_GET,
    JOB_OP_CUSTOM_POST,

    JOB_OP_COUNT
};

/* Sets of operations are masks. */
#define JOB_OP_BIT(op) (UINT32_C(1) << (op))
#define JOB_OPS_ALL    (JOB_OP_BIT(JOB_OP_COUNT) - JOB_OP_BIT(JOB_OP_NONE + 1))
_Static_assert(JOB_OP_COUNT < 32, "a mask has a bit for each operation");

/* "triggerEvent"; "" for JOB_OP_NONE. */
const char *job_op_name(enum job_op op);

/* Why a job cannot be read. Codes are names of the `code` field of a failure. */
enum job_code {
    JOB_OK = 0,
    JOB_INVALID,      /* invalid_job */
    JOB_UNKNOWN_OP,   /* unknown_op */
    JOB_INVALID_DATA, /* invalid_data: not UTF-8, or no JSON can say it */
};

const char *job_code_name(enum job_code code);

struct job_error {
    enum job_code code;
    char
        text[192]; /* one line; names the field and, where known, the byte: no control characters */
};

/* One event of a triggerBatch. A part whose own fields are of the wrong type or missing does not
 * fail the job: `error` says what is wrong with this event alone. */
struct job_spec_event {
    struct pusher_string channel, name, data, socket_id, info; /* absent: ptr is NULL */
    const struct job_error *error;                             /* NULL if the event can be read */
};

/* What one job asks for. Only the fields of its operation are set; the rest are absent. */
struct job_spec {
    enum job_op op;
    struct pusher_string op_name;  /* as the producer wrote it; absent if `op` was inferred */
    struct pusher_string id;       /* integers as decimal text; absent if the producer gave none */
    struct pusher_string app;      /* absent: the queue's default app */
    struct pusher_string reply_to; /* absent: no reply */
    struct pusher_string order_key;
    int64_t expires_at_ms; /* unix; 0: never */
    int64_t deliver_at_ms; /* unix; 0: at once */

    struct pusher_string event; /* name of the event */
    struct pusher_string
        data; /* the string to send: a producer's string as it is, else JSON text */
    struct pusher_string socket_id, info;
    struct pusher_string channel;   /* triggerEvent, authorizeChannel */
    struct pusher_string user_id;   /* sendToUser, terminateUserConnections */
    struct pusher_string *channels; /* triggerMultipleChannels; in the arena */
    size_t n_channels;
    struct job_spec_event *events; /* triggerBatch; in the arena */
    size_t n_events;

    /* The other operations. Values that are JSON (user_data, channel_data, params, headers, body,
     * additional_tokens) are kept as text: a producer's string as it is, else JSON text. */
    struct pusher_string channel_name, filter_by_prefix;
    struct pusher_string user_data, channel_data;
    struct pusher_string method, path, params, body;
    struct pusher_string headers, raw_body, additional_tokens;
};

/* Reads an element. Returns JOB_OK, or another code with the reason in *ret_error.
 *
 * What could be read of `id`, `op_name`, `app` and `reply_to` is set in every case, so that a
 * failure can be reported under the producer's names. Fields that no job has are ignored. Uses no
 * more memory than the arena's cap: beyond it the job is JOB_INVALID ("too large"). Never recurses
 * deeper than a fixed amount, whatever the bytes are, and reads no byte beyond `len`. */
enum job_code job_spec_decode(const char *bytes, size_t len, struct arena *arena,
                              struct job_spec *ret_spec, struct job_error *ret_error);

/* How many events or channels it names; 0 if its operation does not take several. */
size_t job_spec_n_items(const struct job_spec *spec);

#endif
