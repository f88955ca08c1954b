/* A line on the terminal that says how far it is, rewritten as it grows. */
#ifndef DAEMON_CTL_PROGRESS_H
#define DAEMON_CTL_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    bool active;          /* stderr is a terminal */
    uint64_t total_bytes; /* of the input; 0: not known */
    uint64_t start_ms, drawn_ms;
};

/* `input_fd` tells the size, where it is a file. */
void progress_init(struct progress *progress, int input_fd);

/* Draws at most ten times a second. */
void progress_update(struct progress *progress, uint64_t n_bytes, uint64_t n_jobs);

/* Draws the end and leaves the line. */
void progress_end(struct progress *progress, uint64_t n_bytes, uint64_t n_jobs);

#endif
