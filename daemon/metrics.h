/* Metrics: what is counted for the status server, beyond what the engine and the sources count for
 * themselves.
 *
 * To count is to add to a number in place: nothing is allocated, compared or formatted on the way
 * of an event. The text is made when somebody asks for it (status_metrics.c), in the format that
 * metrics_text.h writes. Names and meanings: docs/metrics.md. */
#ifndef DAEMON_METRICS_H
#define DAEMON_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/core/engine.h"
#include "daemon/delivery.h"
#include "proto/scripts.h"

#define METRICS_MAX_BOUNDS 16

/* The upper bound of a bucket, and the same as it is written. */
struct metrics_bound {
    uint64_t value;
    const char *text;
};

/* The bounds of a histogram's buckets, ascending. */
struct metrics_scale {
    unsigned n;
    bool is_time; /* values are microseconds, and written as seconds */
    struct metrics_bound bounds[METRICS_MAX_BOUNDS];
};

extern const struct metrics_scale metrics_times, metrics_batches;

struct metrics_histogram {
    const struct metrics_scale *scale;
    uint64_t counts[METRICS_MAX_BOUNDS + 1]; /* of each bucket alone; the last has no bound */
    uint64_t sum;
};

/* HTTP status by its first digit. */
enum metrics_status {
    METRICS_NO_ANSWER,
    METRICS_1XX,
    METRICS_2XX,
    METRICS_3XX,
    METRICS_4XX,
    METRICS_5XX,
    METRICS_N_STATUS
};

/* Why a request is sent again. */
enum metrics_cause {
    METRICS_NOT_ANSWERED,
    METRICS_RATE_LIMITED,
    METRICS_SERVER_ERROR,
    METRICS_WRONG_CLOCK,
    METRICS_APP_REFUSED,
    METRICS_N_CAUSES
};

#define METRICS_N_FATES (JOB_ABANDONED + 1)
#define METRICS_N_CODES 18 /* of failures; the last stands for all that are not known by name */

struct metrics_app {
    uint64_t requests[METRICS_N_STATUS];
    uint64_t retries[METRICS_N_CAUSES];
    uint64_t events_sent, events_delivered;
    uint64_t in_flight;
    struct metrics_histogram batches;       /* events in a batch */
    struct metrics_histogram round_trips;   /* of requests that were not given up */
    struct metrics_histogram claim_to_send; /* of parts, at their first attempt since the claim */
};

struct metrics_queue {
    uint64_t settled[METRICS_N_FATES]; /* acknowledged by Redis */
    uint64_t failed[METRICS_N_CODES];
};

struct metrics {
    struct metrics_app *apps;     /* owned; one for each app */
    struct metrics_queue *queues; /* owned; one for each queue */
    size_t n_apps, n_queues;
    uint64_t reloads, reloads_refused; /* of the configuration */
    bool last_reload_failed;
    int64_t loaded_unix_s; /* when the configuration in force was read */
    struct metrics_histogram scripts[N_SCRIPTS];
    struct metrics_histogram turns; /* of the loop: time not spent waiting */
    uint64_t turn_ns, idle_ns;      /* when the last turn began, and waited in all until then */
    int64_t start_unix_s;
};

/* -1 when out of memory. */
int metrics_init(struct metrics *metrics, size_t n_apps, size_t n_queues)
    __attribute__((warn_unused_result));

/* Room for more, which begin at 0. -1 when out of memory; then all is as it was. */
int metrics_grow(struct metrics *metrics, size_t n_apps, size_t n_queues)
    __attribute__((warn_unused_result));

/* The place is another app's from now on. */
void metrics_clear_app(struct metrics_app *app);

void metrics_deinit(struct metrics *metrics);

void metrics_observe(struct metrics_histogram *histogram, uint64_t value);

/* How many values were observed. */
uint64_t metrics_count(const struct metrics_histogram *histogram);

/* Adds the values of one to another of the same scale. */
void metrics_add(struct metrics_histogram *sum, const struct metrics_histogram *histogram);

/* The value that `percent` of all values do not exceed, as far as the buckets tell; 0 if there are
 * none. */
uint64_t metrics_quantile(const struct metrics_histogram *histogram, unsigned percent);

/* A request goes out. */
void metrics_sent(struct metrics_app *app, const struct request *request, uint64_t now_ms);

/* It came back, with this HTTP status (0: none); to be told before the engine is. */
void metrics_answered(struct metrics_app *app, const struct request *request, unsigned http,
                      const struct answer *answer, uint64_t took_us);

/* Redis has acknowledged these deliveries (by their `link`), all but those whose claim ids it gave
 * as gone. */
struct redisReply;
void metrics_settled(struct metrics_queue *queue, const struct list *deliveries,
                     const struct redisReply *gone);

/* The reply of a script came. */
void metrics_script(struct metrics *metrics, const struct lua_script *script, uint64_t took_us);

/* A turn of the loop begins, which has waited for idle_ns since it was made. */
void metrics_turn(struct metrics *metrics, uint64_t now_ns, uint64_t idle_ns);

/* The name of a code by its index; "other" for the last. */
const char *metrics_code_name(size_t index);

#endif
