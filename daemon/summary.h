/* How the daemon is doing, in one line for people: what `systemctl status` shows.
 *
 *     812 events/s, backlog 10423, in flight 37; app main: down (503)
 */
#ifndef DAEMON_SUMMARY_H
#define DAEMON_SUMMARY_H

#include <stddef.h>
#include <stdint.h>

struct pusherd;

/* Zeroed at first. */
struct summary {
    uint64_t at_ms; /* the last time, and how many events had been sent by then */
    uint64_t events;
};

/* The rate is that since the last time. Cut at `size`, NUL-terminated. */
void summary_write(struct summary *summary, const struct pusherd *pusherd, uint64_t now_ms,
                   char *ret_text, size_t size);

#endif
