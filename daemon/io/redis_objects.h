/* Replies in memory of our own. By itself hiredis makes each element of a reply with two
 * allocations, which for a claim of hundreds of jobs is half of what reading it costs. Here a reply
 * stands in few blocks, and is freed at once.
 *
 * hiredis before 1.0 knows RESP2 alone. Later ones read RESP3 even if nobody has asked for it: its
 * types are made here like others, and noted. */
#ifndef DAEMON_IO_REDIS_OBJECTS_H
#define DAEMON_IO_REDIS_OBJECTS_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stddef.h>

struct redis_block;

/* All zeros to begin with. One for each reader, since only one of its replies is there at a time.
 */
struct redis_objects {
    struct redis_block *blocks;  /* owned; kept between replies, up to a cap */
    struct redis_block *current; /* what is behind it is free */
    size_t n_bytes;              /* of the reply that is there, or in the making */
    size_t max_bytes;            /* a reply may have; the caller's, 0: any */
    bool is_full;                /* one had more, from this reader: an error of its memory */
    bool has_resp3;              /* a type came that only RESP3 has, from this reader */
};

/* The reader's replies stand in `objects` from now on, which must outlive the reader. */
void redis_objects_attach(struct redis_objects *objects, redisReader *reader);

/* When the reader is gone. */
void redis_objects_deinit(struct redis_objects *objects);

#endif
