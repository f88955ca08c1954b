#include "daemon/ctl/stream.h"

#include <stdlib.h>
#include <string.h>

#include "lib/name.h"

static bool field_is(const struct stream_entry *entry, const char *name, const char *wanted)
{
    struct pusher_string value = stream_field(entry, name);
    return !wanted || (value.ptr && pusher__equals(value, wanted));
}

bool stream_matches(const struct stream_filter *filter, const struct stream_entry *entry)
{
    return field_is(entry, "code", filter->code) && field_is(entry, "app", filter->app) &&
           field_is(entry, "op", filter->op) && field_is(entry, "id", filter->job_id);
}

void stream_walk_init(struct stream_walk *walk, struct link *link, const char *key,
                      const struct stream_filter *filter, enum stream_order order)
{
    const char *from = order == STREAM_OLDEST_FIRST ? filter->first : filter->last;
    *walk = (struct stream_walk){.link = link, .key = key, .filter = filter, .order = order};
    walk->page_size = STREAM_PAGE / 10;
    strcpy(walk->from, from);
}

void stream_walk_deinit(struct stream_walk *walk)
{
    freeReplyObject(walk->page);
    walk->page = NULL;
}

/* Bytes of the values of an entry, which are what weighs. */
static size_t weight(const redisReply *reply)
{
    struct stream_entry entry;
    size_t bytes = 1;
    for (size_t i = 0; stream_entry_read(reply, &entry) && i < entry.fields->elements; i++)
        bytes += entry.fields->element[i]->len;
    return bytes;
}

/* Adapts the size of the next page to what this one weighed. */
static void weigh(struct stream_walk *walk)
{
    size_t bytes = 1, n = walk->page->elements;
    for (size_t i = 0; i < n; i++)
        bytes += weight(walk->page->element[i]);
    size_t fitting = n > 0 ? STREAM_PAGE_BYTES / (bytes / n + 1) : STREAM_PAGE;
    walk->page_size = fitting < 1 ? 1 : fitting > STREAM_PAGE ? STREAM_PAGE : fitting;
}

static redisReply *ask_page(const struct stream_walk *walk)
{
    const struct stream_filter *filter = walk->filter;
    bool forward = walk->order == STREAM_OLDEST_FIRST;
    const char *from = walk->from[0] ? walk->from : forward ? "-" : "+";
    const char *to = forward ? filter->last : filter->first;
    char count[24];
    if (to[0] == '\0')
        to = forward ? "+" : "-";
    snprintf(count, sizeof count, "%zu", walk->page_size);
    return link_call(walk->link, forward ? "XRANGE" : "XREVRANGE", walk->key, from, to, "COUNT",
                     count, NULL);
}

/* 1 if there is a page, 0 at the end of the stream. */
static int read_page(struct stream_walk *walk)
{
    struct stream_entry last;
    redisReply *page = ask_page(walk);
    if (!page)
        return STREAM_FAILED;
    stream_walk_deinit(walk);
    walk->page = page;
    walk->next = 0;
    if (page->type != REDIS_REPLY_ARRAY || page->elements == 0 ||
        !stream_entry_read(page->element[page->elements - 1], &last))
        return STREAM_END;
    snprintf(walk->from, sizeof walk->from, "(%s", last.id);
    weigh(walk);
    return STREAM_ENTRY;
}

int stream_walk_next(struct stream_walk *walk, struct stream_entry *ret_entry)
{
    for (;;) {
        while (walk->page && walk->next < walk->page->elements) {
            const redisReply *reply = walk->page->element[walk->next++];
            if (stream_entry_read(reply, ret_entry) && stream_matches(walk->filter, ret_entry))
                return STREAM_ENTRY;
        }
        int rc = read_page(walk);
        if (rc != STREAM_ENTRY)
            return rc;
    }
}

bool stream_walk_is_dry(const struct stream_walk *walk)
{
    return !walk->page || walk->next >= walk->page->elements;
}

int stream_newest(struct link *link, const char *key, char ret_id[STREAM_ID_MAX])
{
    struct stream_entry entry;
    redisReply *reply = link_call(link, "XREVRANGE", key, "+", "-", "COUNT", "1", NULL);
    if (!reply)
        return -1;
    bool found = reply->type == REDIS_REPLY_ARRAY && reply->elements == 1 &&
                 stream_entry_read(reply->element[0], &entry);
    snprintf(ret_id, STREAM_ID_MAX, "%s", found ? entry.id : "0-0");
    freeReplyObject(reply);
    return 0;
}
