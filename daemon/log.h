/* The log: one line for each decision, on stderr, as key=value or JSON.
 *
 *     log_event(LOG_WARNING, "http", "Pusher refused, will retry",
 *               LOG_TEXT("app", name), LOG_NUMBER("status", 503));
 *     level=warn tag=http app=main status=503 msg="Pusher refused, will retry"
 *
 * Levels are syslog's. Under systemd a line begins with its level, <4>, which journald takes out.
 * Values are quoted where they must be, control characters escaped, texts cut at LOG_TEXT_MAX. More
 * than LOG_LINES_PER_S lines in a second are counted instead of written. Payloads and secrets are
 * never logged. */
#ifndef DAEMON_LOG_H
#define DAEMON_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <syslog.h>

#include "daemon/config/config.h"
#include "pusher/string.h"

#define LOG_TEXT_MAX    300 /* bytes of a value */
#define LOG_LINES_PER_S 100

struct log_field {
    const char *key;           /* NULL ends the list */
    struct pusher_string text; /* ptr NULL: a number */
    long long number;
};

#define LOG_TEXT(k, value)                                                                         \
    (struct log_field)                                                                             \
    {                                                                                              \
        .key = (k), .text = pusher_str(value)                                                      \
    }
#define LOG_NUMBER(k, value)                                                                       \
    (struct log_field)                                                                             \
    {                                                                                              \
        .key = (k), .number = (long long)(value)                                                   \
    }

void log_init(int level, enum log_format format);

/* Whether lines of this level are written. */
bool log_is_on(int level);

void log_fields(int level, const char *tag, const char *message, const struct log_field *fields);

#define log_event(level, tag, ...) log_event_(level, tag, __VA_ARGS__, (struct log_field){0})
#define log_event_(level, tag, message, ...)                                                       \
    do {                                                                                           \
        if (log_is_on(level))                                                                      \
            log_fields(level, tag, message, (const struct log_field[]){__VA_ARGS__});              \
    } while (0)

#endif
