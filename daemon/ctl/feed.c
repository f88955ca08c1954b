#include "daemon/ctl/feed.h"

#include <stdio.h>
#include <string.h>

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

void feed_drop(struct feed *feed)
{
    feed->buffer.size = feed->n_jobs > 0 ? feed->ends[feed->n_jobs - 1] : 0;
}

uint64_t feed_n_unanswered(const struct feed *feed)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < feed->n_window; i++)
        n += feed->window[i];
    return n;
}

static int lost(struct feed *feed)
{
    snprintf(feed->why, sizeof feed->why, "%s", feed->link->why);
    return FEED_LOST;
}

/* Reads the answer to the oldest command. */
static int read_answer(struct feed *feed)
{
    redisReply *reply;
    if (link_read(feed->link, &reply) != 0)
        return lost(feed);
    unsigned n = feed->window[0];
    memmove(feed->window, feed->window + 1, --feed->n_window * sizeof feed->window[0]);
    int rc = 0;
    if (reply->type == REDIS_REPLY_INTEGER) {
        feed->n_done += n;
    } else {
        bool is_error = reply->type == REDIS_REPLY_ERROR;
        rc = FEED_REFUSED;
        snprintf(feed->why, sizeof feed->why, "Redis at %s: %s", feed->link->where,
                 is_error ? reply->str : "an answer that RPUSH does not give");
    }
    freeReplyObject(reply);
    return rc;
}

/* RPUSH list job job job ... */
static int send_burst(struct feed *feed)
{
    const char *argv[FEED_BURST_JOBS + 2] = {"RPUSH", feed->list};
    size_t lens[FEED_BURST_JOBS + 2] = {5, strlen(feed->list)};
    size_t start = 0;
    for (unsigned i = 0; i < feed->n_jobs; i++) {
        argv[i + 2] = feed->buffer.data + start;
        lens[i + 2] = feed->ends[i] - start;
        start = feed->ends[i];
    }
    if (link_append(feed->link, (int)feed->n_jobs + 2, argv, lens) != 0)
        return lost(feed);
    feed->window[feed->n_window++] = feed->n_jobs;
    feed->n_jobs = 0;
    feed->buffer.size = 0;
    return 0;
}

int feed_flush(struct feed *feed)
{
    int rc = 0;
    if (feed->n_jobs == 0)
        return 0;
    if (feed->n_window == FEED_WINDOW)
        rc = read_answer(feed);
    return rc == 0 ? send_burst(feed) : rc;
}

int feed_add(struct feed *feed)
{
    feed->ends[feed->n_jobs++] = feed->buffer.size;
    if (feed->n_jobs < FEED_BURST_JOBS && feed->buffer.size < FEED_BURST_BYTES)
        return 0;
    return feed_flush(feed);
}

int feed_finish(struct feed *feed)
{
    int rc = feed_flush(feed);
    while (rc != FEED_LOST && feed->n_window > 0) {
        char why[LINK_WHY_MAX];
        memcpy(why, feed->why, sizeof why);
        int answer = read_answer(feed);
        if (rc == 0 || answer == FEED_LOST)
            rc = answer;
        else
            memcpy(feed->why, why, sizeof why); /* the first refusal is the one to tell */
    }
    return rc;
}
