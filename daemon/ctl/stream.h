/* Entries of a results or failures stream, read page by page.
 *
 *   stream_walk_init(&walk, &link, key, &filter, STREAM_OLDEST_FIRST);
 *   while ((rc = stream_walk_next(&walk, &entry)) == STREAM_ENTRY)
 *       ...
 *   stream_walk_deinit(&walk);
 *
 * A page is as many entries as are likely to weigh STREAM_PAGE_BYTES, by what the last one weighed:
 * an entry holds a whole job. */
#ifndef DAEMON_CTL_STREAM_H
#define DAEMON_CTL_STREAM_H

#include "daemon/ctl/link.h"
#include "daemon/view/entry.h"

#define STREAM_PAGE       100
#define STREAM_PAGE_BYTES ((size_t)2 << 20)

/* Which entries are meant; borrowed, NULL for any. */
struct stream_filter {
    const char *code, *app, *op, *job_id;
    char first[STREAM_ID_MAX], last[STREAM_ID_MAX]; /* of the stream's ids; "" for its ends */
};

bool stream_matches(const struct stream_filter *filter, const struct stream_entry *entry);

enum stream_order { STREAM_OLDEST_FIRST, STREAM_NEWEST_FIRST };
enum { STREAM_END = 0, STREAM_ENTRY = 1, STREAM_FAILED = -1 };

struct stream_walk {
    struct link *link; /* borrowed, as key and filter */
    const char *key;
    const struct stream_filter *filter;
    enum stream_order order;
    char from[STREAM_ID_MAX]; /* where the next page begins */
    size_t page_size;
    redisReply *page; /* owned */
    size_t next;      /* in the page */
};

void stream_walk_init(struct stream_walk *walk, struct link *link, const char *key,
                      const struct stream_filter *filter, enum stream_order order);
void stream_walk_deinit(struct stream_walk *walk);

/* The next entry that the filter lets through; STREAM_FAILED leaves link->why. */
int stream_walk_next(struct stream_walk *walk, struct stream_entry *ret_entry);

/* True if the entry was the last one of its page: the next call asks Redis. */
bool stream_walk_is_dry(const struct stream_walk *walk);

/* The id of the newest entry, "0-0" if there is none. 0, or -1 and link->why. */
int stream_newest(struct link *link, const char *key, char ret_id[STREAM_ID_MAX])
    __attribute__((warn_unused_result));

#endif
