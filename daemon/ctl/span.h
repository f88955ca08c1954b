/* Numbers and times of the command line. */
#ifndef DAEMON_CTL_SPAN_H
#define DAEMON_CTL_SPAN_H

#include <stdint.h>

/* Each reads the value of an option, named in the message, and leaves *ret alone where none was
 * given (text NULL). CTL_DONE, or CTL_USAGE after saying what is wrong. */

int span_count(const char *option, const char *text, uint64_t max, uint64_t *ret_count);

/* Unix milliseconds as they are, or a time that long ago: "90s", "15m", "2h", "7d". */
int span_time(const char *option, const char *text, uint64_t now_ms, uint64_t *ret_unix_ms);

#endif
