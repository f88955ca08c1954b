/* The log: one line for each decision, on stderr, as key=value or JSON.
 *
 *     log_event(LOG_WARNING, "http", "Pusher refused, will retry",
 *               LOG_TEXT("app", name), LOG_NUMBER("status", 503));
 *     level=warn tag=http app=main status=503 msg="Pusher refused, will retry"
 *
 * Levels are syslog's. Under systemd a line begins with its level, <4>, which journald takes out.
 * Values are quoted where they must be, what nobody sees escaped, bytes that are not UTF-8
 * replaced, texts cut at LOG_TEXT_MAX. Payloads and secrets are never logged.
 *
 * Of one kind of line (log_repeat.h) there are LOG_SAME_PER_S in a second, and then one with their
 * number, `repeated`; of all together LOG_LINES_PER_S, and then one that says how many were not
 * written; lines for which standard error has no room, as its reader is slow, are among those. So
 * the order of fields matters: the first one, if it is a text, belongs to the kind. */
#ifndef DAEMON_LOG_H
#define DAEMON_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <syslog.h>

#include "daemon/config/config.h"
#include "pusher/string.h"

#define LOG_TEXT_MAX    300 /* bytes of a value */
#define LOG_SAME_PER_S  10
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
#define LOG_STRING(k, value)                                                                       \
    (struct log_field)                                                                             \
    {                                                                                              \
        .key = (k), .text = (value)                                                                \
    }
#define LOG_NUMBER(k, value)                                                                       \
    (struct log_field)                                                                             \
    {                                                                                              \
        .key = (k), .number = (long long)(value)                                                   \
    }

void log_init(int level, enum log_format format);

/* Whether lines of this level are written. */
bool log_is_on(int level);

/* Writes what is counted and over; to be called once a turn. log_flush_all(): at the end. */
void log_flush(void);
void log_flush_all(void);

/* True if log_flush() will have something to write in a second. */
bool log_has_more(void);

/* `tag`, `message` and keys are static texts. */
void log_fields(int level, const char *tag, const char *message, const struct log_field *fields);

#define log_event(level, tag, ...) log_event_(level, tag, __VA_ARGS__, (struct log_field){0})
#define log_event_(level, tag, message, ...)                                                       \
    do {                                                                                           \
        if (log_is_on(level))                                                                      \
            log_fields(level, tag, message, (const struct log_field[]){__VA_ARGS__});              \
    } while (0)

#endif
