/* Feeds a list: collects jobs into commands of many values, and keeps several commands under way.
 *
 *     feed_init(&feed, &link, "pusher:jobs");
 *     msgpack_sbuffer_write(feed_buffer(&feed), bytes, len);  // one job
 *     rc = feed_add(&feed, line);                             // it ends here; it is of this line
 *     ...
 *     rc = feed_finish(&feed, rc);
 *     printf("%llu", feed.n_done);
 *
 * Between jobs, while their source is waited for:
 *
 *     rc = feed_flush(&feed);     // nothing is held back
 *     feed_poll(&feed, &fds[1]);  // to wait for as well; and when it has something:
 *     rc = feed_take(&feed);
 *
 * When Redis refuses a command, those under way behind it may still succeed: the lines that are not
 * on the list are said on stderr, so that they can be sent again.
 *
 * Memory is bounded: FEED_BURST_BYTES and one job, and what the connection holds of FEED_WINDOW
 * commands of that size. */
#ifndef DAEMON_CTL_FEED_H
#define DAEMON_CTL_FEED_H

#include <msgpack/sbuffer.h>
#include <poll.h>
#include <stdint.h>

#include "daemon/ctl/link.h"

#define FEED_BURST_JOBS  1000
#define FEED_BURST_BYTES ((size_t)1 << 20)
#define FEED_WINDOW      4 /* commands that are not answered yet */

/* The jobs of one command, and the lines they came from. */
struct feed_burst {
    unsigned n_jobs;
    uint64_t first_line, last_line;
};

struct feed {
    struct link *link; /* borrowed */
    const char *list;  /* borrowed */
    msgpack_sbuffer buffer;
    size_t ends[FEED_BURST_JOBS];          /* of each job in the buffer */
    struct feed_burst open;                /* what is collected */
    struct feed_burst window[FEED_WINDOW]; /* under way, the oldest first */
    unsigned n_window;
    uint64_t n_done; /* jobs that Redis has acknowledged */
};

enum { FEED_REFUSED = -1, FEED_UNFIT = -2, FEED_LOST = -3 };

void feed_init(struct feed *feed, struct link *link, const char *list);
void feed_deinit(struct feed *feed);

/* Where the bytes of the next job go. Those of a job that is never ended are never sent. */
msgpack_sbuffer *feed_buffer(struct feed *feed);

/* Ends a job; sends the command if it is full. 0; FEED_REFUSED if Redis answered an error to an
 * earlier one, FEED_UNFIT if one that says that as it is it serves nobody, a replica for instance;
 * FEED_LOST if the connection failed. All are said on stderr. */
int feed_add(struct feed *feed, uint64_t line) __attribute__((warn_unused_result));

/* Sends what is collected, as when there is nothing to do but wait for input; as feed_add(). */
int feed_flush(struct feed *feed) __attribute__((warn_unused_result));

/* What to wait for: an answer that is due, or the end of a connection that owes none. */
void feed_poll(const struct feed *feed, struct pollfd *ret_fd);

/* Takes what feed_poll() waited for. As feed_add(). */
int feed_take(struct feed *feed) __attribute__((warn_unused_result));

/* Sends the rest, unless `rc` is an error of one of the calls above, waits for the answers that are
 * due, and returns the worst of all. */
int feed_finish(struct feed *feed, int rc) __attribute__((warn_unused_result));

#endif
