/* The parts of a URL, as RFC 3986 names them.
 *
 * Knows no scheme: redis_url.c and config_env.c decide what theirs may hold. Nothing is allocated
 * and nothing decoded by uri_split(); the parts point into the text. */
#ifndef DAEMON_CONFIG_URI_H
#define DAEMON_CONFIG_URI_H

#include <stdbool.h>

#include "pusher/string.h"

/* scheme://[user[:password]@]authority[path][?query]; absent parts have ptr NULL. */
struct uri {
    struct pusher_string scheme;
    struct pusher_string user, password; /* still percent-encoded */
    struct pusher_string authority;      /* host and port, or several of them; maybe empty */
    struct pusher_string path;           /* with its '/'; absent if there is none */
    struct pusher_string query;          /* without the '?' */
};

/* Neither white space nor a control character: what a URL may hold, and a value that is one word.
 */
bool uri_is_word(const char *text);

/* False if there is no "://", or what no URL may hold. */
bool uri_split(const char *text, struct uri *ret_uri);

/* Takes "host", "host:port" or "[v6]:port" apart; the port is absent if there is none, the brackets
 * go. False if the host is empty or what follows it is not a port. */
bool uri_split_host(struct pusher_string authority, struct pusher_string *ret_host,
                    struct pusher_string *ret_port);

/* 1 to 65535 in decimal. */
bool uri_port(struct pusher_string text, unsigned *ret_port);

/* Undoes percent-encoding; malloc'ed, NUL-terminated, the caller frees it. NULL if an escape is
 * broken or makes a NUL or another control character, or when out of memory. */
char *uri_decode(struct pusher_string text);

#endif
