/* Error texts of the configuration: where, which key, what is wrong.
 *
 *     /etc/pusherd/pusherd.conf:12: [app main] port: 70000 is over 65535 (allowed: 0 to 65535)
 *     environment: PUSHER_PORT: 70000 is over 65535 (allowed: 0 to 65535)
 *     app.json: port: 70000 is over 65535 (allowed: 0 to 65535)
 *
 * A text never holds a secret: what may be one is not repeated. Shown are values of keys that are
 * not secret, names of sections, and of what is not known only what config_is_plain(). */
#ifndef DAEMON_CONFIG_CONFIG_ERROR_H
#define DAEMON_CONFIG_CONFIG_ERROR_H

#include "daemon/config/config.h"

struct config_where {
    const char *file;    /* NULL: the environment */
    unsigned line;       /* 0: not known */
    const char *section; /* "app main"; NULL: none, as in the environment and in JSON */
};

/* Writes the text and returns -1, for `return config_fail(...)`. `key` may be NULL. */
int config_fail(struct config_error *ret_error, const struct config_where *where, const char *key,
                const char *format, ...) __attribute__((format(printf, 4, 5)));

int config_fail_memory(struct config_error *ret_error);

/* True for words of 1 to 20 letters, and behind the first numbers of 1 or 2 digits, with one of
 * `joiners` between two of them, 40 bytes in all: as people name things (no-such-key, timeoutMs,
 * size_2), while keys and tokens are longer, or have digits among the letters. */
bool config_is_plain(const char *text, size_t len, const char *joiners);

/* A value for humans: at most CONFIG_QUOTE_MAX - 1 bytes of it, none of them a control character.
 * It ends at the first white space: behind it may stand the next key, which may be a secret. */
#define CONFIG_QUOTE_MAX 48
const char *config_quote(const char *value, char ret_quoted[CONFIG_QUOTE_MAX]);

#endif
