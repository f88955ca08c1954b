#include "daemon/ctl/lines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIRST_SIZE ((size_t)256 * 1024)

void lines_init(struct lines *lines, int fd, size_t max_bytes)
{
    *lines = (struct lines){.fd = fd, .max_bytes = max_bytes};
}

void lines_deinit(struct lines *lines)
{
    free(lines->buf);
    lines->buf = NULL;
}

void lines_set_wait(struct lines *lines, int (*wait)(void *data), void *data)
{
    lines->wait = wait;
    lines->wait_data = data;
}

/* Makes room behind what is buffered: by moving it to the front, else by doubling. */
static int make_room(struct lines *lines)
{
    if (lines->start > 0) {
        memmove(lines->buf, lines->buf + lines->start, lines->end - lines->start);
        lines->end -= lines->start;
        lines->start = 0;
    }
    if (lines->end < lines->size)
        return 0;
    size_t size = lines->size > 0 ? lines->size * 2 : FIRST_SIZE;
    char *grown = realloc(lines->buf, size);
    if (!grown)
        return LINES_NO_MEMORY;
    lines->buf = grown;
    lines->size = size;
    return 0;
}

static int fill(struct lines *lines)
{
    ssize_t n;
    int rc = make_room(lines);
    if (rc != 0)
        return rc;
    if (lines->wait && lines->wait(lines->wait_data) != 0)
        return LINES_STOPPED;
    do
        n = read(lines->fd, lines->buf + lines->end, lines->size - lines->end);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return LINES_IO;
    lines->at_eof = n == 0;
    lines->end += (size_t)n;
    lines->n_read += (uint64_t)n;
    return 0;
}

static int give(struct lines *lines, size_t len, size_t skip, const char **ret_line,
                size_t *ret_len)
{
    lines->number++;
    if (len > lines->max_bytes)
        return LINES_TOO_LONG;
    *ret_line = lines->buf + lines->start;
    *ret_len = len;
    lines->start += len + skip;
    return LINES_LINE;
}

int lines_next(struct lines *lines, const char **ret_line, size_t *ret_len)
{
    size_t searched = 0; /* bytes behind `start` that hold no '\n' */
    for (;;) {
        size_t len = lines->end - lines->start;
        const char *newline =
            len > searched ? memchr(lines->buf + lines->start + searched, '\n', len - searched)
                           : NULL;
        if (newline)
            return give(lines, (size_t)(newline - lines->buf) - lines->start, 1, ret_line, ret_len);
        if (lines->at_eof)
            return len > 0 ? give(lines, len, 0, ret_line, ret_len) : LINES_END;
        if (len > lines->max_bytes)
            return give(lines, len, 0, ret_line, ret_len);
        searched = len;
        int rc = fill(lines);
        if (rc != 0)
            return rc;
    }
}
