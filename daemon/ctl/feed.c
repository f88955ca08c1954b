#include "daemon/ctl/feed.h"

#include <inttypes.h>
#include <string.h>

#include "daemon/ctl/ctl.h"

void feed_init(struct feed *feed, struct link *link, const char *list)
{
    *feed = (struct feed){.link = link, .list = list};
    msgpack_sbuffer_init(&feed->buffer);
}

void feed_deinit(struct feed *feed)
{
    msgpack_sbuffer_destroy(&feed->buffer);
}

msgpack_sbuffer *feed_buffer(struct feed *feed)
{
    return &feed->buffer;
}

static void tell_lines(const struct feed_burst *burst, const char *what, const char *why)
{
    ctl_warn("lines %" PRIu64 " to %" PRIu64 " %s: %s", burst->first_line, burst->last_line, what,
             why);
}

static int lose(struct feed *feed)
{
    for (unsigned i = 0; i < feed->n_window; i++)
        tell_lines(&feed->window[i], "may be on the list or not", "the answer is missing");
    if (feed->open.n_jobs > 0)
        ctl_warn("nothing from line %" PRIu64 " on was sent", feed->open.first_line);
    ctl_warn("%s", feed->link->why);
    feed->n_window = 0;
    return FEED_LOST;
}

/* Tells what is not on the list, and whether anything could be there now. */
static int refuse(struct feed *feed, const struct feed_burst *burst, const redisReply *reply)
{
    bool is_error = reply->type == REDIS_REPLY_ERROR;
    tell_lines(burst, "are not on the list", is_error ? reply->str : "not the answer of RPUSH");
    if (!is_error)
        return FEED_REFUSED;
    link_refuse(feed->link, reply->str);
    return feed->link->was_refused ? FEED_REFUSED : FEED_UNFIT;
}

/* Reads the answer to the oldest command. */
static int read_answer(struct feed *feed)
{
    redisReply *reply;
    if (link_read(feed->link, &reply) != 0)
        return lose(feed);
    struct feed_burst burst = feed->window[0];
    memmove(feed->window, feed->window + 1, --feed->n_window * sizeof feed->window[0]);
    int rc = 0;
    if (reply->type == REDIS_REPLY_INTEGER)
        feed->n_done += burst.n_jobs;
    else
        rc = refuse(feed, &burst, reply);
    freeReplyObject(reply);
    return rc;
}

/* RPUSH list job job job ... */
static int send_burst(struct feed *feed)
{
    const char *argv[FEED_BURST_JOBS + 2] = {"RPUSH", feed->list};
    size_t lens[FEED_BURST_JOBS + 2] = {5, strlen(feed->list)};
    size_t start = 0;
    for (unsigned i = 0; i < feed->open.n_jobs; i++) {
        argv[i + 2] = feed->buffer.data + start;
        lens[i + 2] = feed->ends[i] - start;
        start = feed->ends[i];
    }
    if (link_append(feed->link, (int)feed->open.n_jobs + 2, argv, lens) != 0 ||
        link_flush(feed->link) != 0)
        return lose(feed);
    feed->window[feed->n_window++] = feed->open;
    feed->open.n_jobs = 0;
    feed->buffer.size = 0;
    return 0;
}

int feed_flush(struct feed *feed)
{
    int rc = 0;
    if (feed->open.n_jobs == 0)
        return 0;
    if (feed->n_window == FEED_WINDOW)
        rc = read_answer(feed);
    return rc == 0 ? send_burst(feed) : rc;
}

int feed_add(struct feed *feed, uint64_t line)
{
    if (feed->open.n_jobs == 0)
        feed->open.first_line = line;
    feed->open.last_line = line;
    feed->ends[feed->open.n_jobs++] = feed->buffer.size;
    if (feed->open.n_jobs < FEED_BURST_JOBS && feed->buffer.size < FEED_BURST_BYTES)
        return 0;
    return feed_flush(feed);
}

void feed_poll(const struct feed *feed, struct pollfd *ret_fd)
{
    *ret_fd = (struct pollfd){
        .fd = feed->link->redis->fd,
        .events = feed->n_window > 0 ? POLLIN : POLLRDHUP,
    };
}

int feed_take(struct feed *feed)
{
    int rc = 0;
    if (feed->n_window == 0) {
        link_fail(feed->link, "the server closed the connection");
        return lose(feed);
    }
    do
        rc = read_answer(feed);
    while (rc == 0 && feed->n_window > 0 && link_has_read_ahead(feed->link));
    return rc;
}

int feed_finish(struct feed *feed, int rc)
{
    if (rc == 0)
        rc = feed_flush(feed);
    while (rc != FEED_LOST && feed->n_window > 0) {
        int answer = read_answer(feed);
        rc = answer < rc ? answer : rc;
    }
    if ((rc == FEED_REFUSED || rc == FEED_UNFIT) && feed->open.n_jobs > 0)
        ctl_warn("nothing from line %" PRIu64 " on was sent", feed->open.first_line);
    return rc;
}
