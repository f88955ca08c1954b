/* Lines of a stream, of any length up to a cap, without copying. */
#ifndef DAEMON_CTL_LINES_H
#define DAEMON_CTL_LINES_H

#include <stddef.h>
#include <stdint.h>

struct lines {
    int fd;           /* borrowed */
    size_t max_bytes; /* of a line */
    char *buf;        /* owned */
    size_t size, start, end;
    int at_eof;
    uint64_t n_read; /* bytes taken from the descriptor */
    uint64_t number; /* of the line that was given last, from 1 */
    int (*wait)(void *data);
    void *wait_data; /* borrowed */
};

enum {
    LINES_END = 0,
    LINES_LINE = 1,
    LINES_TOO_LONG = -1,
    LINES_IO = -2,
    LINES_NO_MEMORY = -3,
    LINES_STOPPED = -4,
};

void lines_init(struct lines *lines, int fd, size_t max_bytes);
void lines_deinit(struct lines *lines);

/* Gives the next line without its '\n', or what stands behind the last one. The pointer is good
 * until the next call. LINES_IO leaves the reason in errno. */
int lines_next(struct lines *lines, const char **ret_line, size_t *ret_len);

/* `wait` is called before each read, which may block: what is to be done before that is done there.
 * Unless it returns 0 nothing is read, and lines_next() gives LINES_STOPPED. */
void lines_set_wait(struct lines *lines, int (*wait)(void *data), void *data);

#endif
