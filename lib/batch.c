#include <string.h>

#include "pusher/event.h"

#define BATCH_OPEN  "{\"batch\":["
#define BATCH_CLOSE "]}"

_Static_assert(sizeof(BATCH_OPEN BATCH_CLOSE) - 1 == PUSHER_BATCH_OVERHEAD, "header and text");

size_t pusher_batch_size(const struct pusher_string *events, size_t n_events)
{
    size_t size = PUSHER_BATCH_OVERHEAD + (n_events > 1 ? n_events - 1 : 0);
    for (size_t i = 0; i < n_events; i++)
        size += events[i].len;
    return size;
}

static char *put(char *pos, const char *bytes, size_t len)
{
    memcpy(pos, bytes, len);
    return pos + len;
}

size_t pusher_batch_encode(const struct pusher_string *events, size_t n_events, char *buf)
{
    char *pos = put(buf, BATCH_OPEN, strlen(BATCH_OPEN));
    for (size_t i = 0; i < n_events; i++) {
        if (i > 0)
            *pos++ = ',';
        pos = put(pos, events[i].ptr, events[i].len);
    }
    pos = put(pos, BATCH_CLOSE, strlen(BATCH_CLOSE));
    return (size_t)(pos - buf);
}
