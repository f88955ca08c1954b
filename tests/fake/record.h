/* What was received: the last requests and published events, and counts of all of them.
 *
 * Both records are rings of bounded length and size: the oldest entry makes room. Sequence numbers
 * start at 1 and go on, so that a gap can be seen. Not locked: the caller holds the fake's mutex.
 */
#ifndef TESTS_FAKE_RECORD_H
#define TESTS_FAKE_RECORD_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "answer.h"
#include "ring.h"

/* A text of a request, borrowed; ptr NULL if absent. */
struct text {
    const char *ptr;
    size_t len;
};

struct event {
    struct text channel, name, data, socket_id;
};

enum outcome {
    OUTCOME_ANSWERED,
    OUTCOME_RESET,
    OUTCOME_TRUNCATED,
    OUTCOME_HUNG,
    OUTCOME_STALLED,
    OUTCOME_CLOSED,
};

struct request_note {
    uint64_t number;
    int64_t received_us; /* wall clock, unix */
    int64_t ended_us;    /* 0: not yet */
    int64_t signed_s;    /* its auth_timestamp; 0: none */
    bool sent;           /* once ended: the answer went out whole */
    const char *method;
    const char *path;
    const char *app; /* "" if unknown */
    unsigned status;
    enum outcome outcome;
    bool bad_signature;
    bool is_batch;
    size_t n_events; /* in the request */
    size_t body_len;
    unsigned client_port;
};

struct recorder {
    struct ring events;
    struct ring requests;
    json_t *channels; /* object: names of channels that something was published to */
    uint64_t n_requests;
    uint64_t n_batches;      /* calls of batch_events that could be read */
    uint64_t n_batch_events; /* events in them */
    uint64_t n_bad_signatures;
    uint64_t by_status[600];
    uint64_t by_batch_size[ANSWER_MAX_BATCH + 1];
    uint64_t connections;
    uint64_t open_connections;
};

/* max_entries: of events, and of requests; 0 records neither. */
void recorder_init(struct recorder *recorder, size_t max_entries);
void recorder_deinit(struct recorder *recorder);

/* Forgets all but the open connections. */
void recorder_reset(struct recorder *recorder);

/* The sequence number, for recorder_end_request(). */
uint64_t recorder_add_request(struct recorder *recorder, const struct request_note *note);
void recorder_end_request(struct recorder *recorder, uint64_t seq, int64_t ended_us, bool sent);
void recorder_add_event(struct recorder *recorder, uint64_t request, int64_t received_us,
                        const struct event *event);

/* New references. Entries with a sequence number of `from` and later, `limit` at most. */
json_t *recorder_events(const struct recorder *recorder, uint64_t from, size_t limit);
json_t *recorder_requests(const struct recorder *recorder, uint64_t from, size_t limit);
json_t *recorder_stats(const struct recorder *recorder);

#endif
