/* What is there of the oldest call's reply: its bound, and the deadlines that move while more of it
 * comes.
 *
 * A reply may be of many megabytes, on a slow way: what counts is that it comes. So each piece of
 * it moves the deadlines by the time that it would take at the slowest rate that is let pass, the
 * oldest call's no further than to a whole timeout from now. A server that trickles is slower than
 * that and comes to its end, and one that stops has a timeout, however much it had said before. How
 * long all of it may take follows from the rate, and from how much a reply may weigh.
 *
 * The other calls wait for the same bytes, so all deadlines move together: they are kept as if they
 * had never moved, and by how much they have is kept once.
 *
 * Bytes are counted as they lie in the reader's buffer, or in the objects that were made of them,
 * which take as many or more: hiredis does not tell how many it has read.
 *
 * hiredis gathers a reply until it is whole, however long that may be; so what has come is looked
 * at after each read. What is made of it is bounded while it is made (redis_objects.c), since a
 * dozen bytes can ask for megabytes. */
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "daemon/io/redis_private.h"

#define SLOWEST_BYTES_PER_MS 64
#define LOOK_MS              500        /* for what waits to be read when the time has come */
#define LENGTH_MAX           24         /* the length of a text, as digits, and the line's end */
#define LINE_MAX_BYTES       (1u << 20) /* such as an error; each read looks for its end anew */

/* ---- bounds */

static bool exceeds(size_t n_bytes, size_t max_bytes)
{
    return max_bytes > 0 && n_bytes > max_bytes;
}

/* What hiredis leaves in the buffer is a part of a line, or a text that is not whole, beginning
 * with its length. */
static bool is_too_long(const struct redis *redis, const char *unread, size_t len)
{
    const struct redis_options *options = &redis->options;
    const char *line_end = memmem(unread, len < LENGTH_MAX ? len : LENGTH_MAX, "\r\n", 2);
    size_t text_bytes = line_end ? strtoull(unread, NULL, 10) : 0;

    return exceeds(redis->objects.n_bytes + len, options->max_reply_bytes) ||
           exceeds(text_bytes, options->max_text_bytes) || (!line_end && len > LINE_MAX_BYTES);
}

/* ---- deadlines */

uint64_t redis_deadline_ms(const struct redis *redis)
{
    return redis->calls->deadline_ms + redis->moved_ms;
}

static void move_deadlines(struct redis *redis, size_t n_bytes)
{
    uint64_t latest_ms = redis_now_ms() + redis->calls->timeout_ms;
    uint64_t ms, room_ms, deadline_ms = redis_deadline_ms(redis);

    if (n_bytes <= redis->n_counted_bytes)
        return;
    redis->heard_ms = redis_now_ms();
    ms = (n_bytes - redis->n_counted_bytes) / SLOWEST_BYTES_PER_MS;
    redis->n_counted_bytes += ms * SLOWEST_BYTES_PER_MS;
    room_ms = latest_ms > deadline_ms ? latest_ms - deadline_ms : 0;
    redis->moved_ms += ms < room_ms ? ms : room_ms;
}

void redis_hear_more(struct redis *redis)
{
    const redisReader *reader = redis->context ? redis->context->c.reader : NULL;
    size_t n_unread = reader ? reader->len - reader->pos : 0;

    if (n_unread > 0 && is_too_long(redis, reader->buf + reader->pos, n_unread))
        redis_drop(redis, REDIS_TOO_LONG);
    if (redis->calls)
        move_deadlines(redis, redis->objects.n_bytes + n_unread);
}

/* What is in the buffer belongs to the next one. */
void redis_hear_whole(struct redis *redis)
{
    move_deadlines(redis, redis->objects.n_bytes);
}

/* The loop may have stood still. What came meanwhile is read before timers run, or after, since
 * libuv 1.45 or before that; and more may be on its way. */
bool redis_look_again(struct redis *redis)
{
    int n_bytes = 0;

    if (redis->has_looked_again || !redis->context ||
        ioctl(redis->context->c.fd, FIONREAD, &n_bytes) != 0)
        return false;
    if (n_bytes <= 0 && redis->heard_ms + LOOK_MS < redis_now_ms())
        return false;
    redis->has_looked_again = true;
    redis->moved_ms += redis_now_ms() - redis_deadline_ms(redis) + LOOK_MS;
    return true;
}
