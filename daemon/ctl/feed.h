/* Feeds a list: collects jobs into commands of many values, and keeps several commands under way.
 *
 *     feed_init(&feed, &link, "pusher:jobs");
 *     msgpack_sbuffer_write(feed_buffer(&feed), bytes, len);  // one job
 *     rc = feed_add(&feed);                                   // it ends here
 *     ...
 *     rc = feed_finish(&feed);
 *     printf("%llu", feed.n_done);
 *
 * Memory is bounded: FEED_BURST_BYTES and one job, and what the connection holds of FEED_WINDOW
 * commands of that size. */
#ifndef DAEMON_CTL_FEED_H
#define DAEMON_CTL_FEED_H

#include <msgpack/sbuffer.h>
#include <stdint.h>

#include "daemon/ctl/link.h"

#define FEED_BURST_JOBS  1000
#define FEED_BURST_BYTES ((size_t)1 << 20)
#define FEED_WINDOW      4 /* commands that are not answered yet */

struct feed {
    struct link *link; /* borrowed */
    const char *list;  /* borrowed */
    msgpack_sbuffer buffer;
    size_t ends[FEED_BURST_JOBS]; /* of each job in the buffer */
    unsigned n_jobs;
    unsigned window[FEED_WINDOW]; /* jobs of each command under way, the oldest first */
    unsigned n_window;
    uint64_t n_done;  /* jobs that Redis has acknowledged */
    char why[LINK_WHY_MAX];
};

enum { FEED_REFUSED = -1, FEED_LOST = -2 };

void feed_init(struct feed *feed, struct link *link, const char *list);
void feed_deinit(struct feed *feed);

/* Where the bytes of the next job go. */
msgpack_sbuffer *feed_buffer(struct feed *feed);

/* Drops what was written of a job that is not to be added. */
void feed_drop(struct feed *feed);

/* Ends a job; sends the command if it is full. 0; FEED_REFUSED if Redis answered an error to an
 * earlier one, FEED_LOST if the connection failed; feed->why says more. */
int feed_add(struct feed *feed) __attribute__((warn_unused_result));

/* Sends what is collected, as at an end or when there is nothing to do but wait for input. */
int feed_flush(struct feed *feed) __attribute__((warn_unused_result));

/* Sends the rest and waits for every answer, even after a refusal. */
int feed_finish(struct feed *feed) __attribute__((warn_unused_result));

/* Jobs whose fate is not known: sent, and not answered. */
uint64_t feed_n_unanswered(const struct feed *feed);

#endif
