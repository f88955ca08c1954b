/* Signed requests, for any HTTP client.
 *
 * A request is a method, a target (path and query, as it stands in the request line) and a body.
 * The signature covers the method, the path, the parameters and the MD5 of the body, and is good
 * for ten minutes around `unix_s`: sign when sending, and sign again for each retry, with the same
 * body. Send the body with Content-Type: application/json and a Content-Length, never chunked.
 *
 * Source: Pusher "HTTP API reference", "Generating authentication signatures". */
#ifndef PUSHER_REQUEST_H
#define PUSHER_REQUEST_H

#include <stdint.h>

#include "pusher/client.h"
#include "pusher/string.h"

#ifdef __cplusplus
extern "C" {
#endif

struct pusher_param {
    struct pusher_string name; /* not auth_* or body_md5; signed and sent in lower case */
    struct pusher_string value;
};

/* "/apps/ID/events" and "/apps/ID/batch_events", without the prefix. Live as long as the client. */
PUSHER_EXTERN const char *pusher_path_events(const struct pusher_client *client);
PUSHER_EXTERN const char *pusher_path_batch_events(const struct pusher_client *client);

#define PUSHER_PARAMS_MAX 64 /* parameters of one request */

/* Says what is wrong where the functions below give only PUSHER_EINVAL. */
PUSHER_EXTERN PUSHER_MUST_CHECK int pusher_request_check(const char *method, const char *path,
                                                         const struct pusher_param *params,
                                                         size_t n_params,
                                                         struct pusher_error *ret_error);

/* A target of this many bytes holds any request without parameters of its own. */
#define PUSHER_TARGET_MAX 2048

/* Writes the target, NUL-terminated: prefix, path, "?", and the query: the parameters and auth_key,
 * auth_timestamp, auth_version and body_md5, sorted and percent-encoded, then auth_signature (which
 * is over the plain text).
 *
 *   method   letters; signed in upper case, to be sent in upper case
 *   path     as in the request line, without the prefix and without a query; "/apps/..." in general
 *   params   may be NULL when n_params is 0
 *   body     may be NULL; signed by its MD5 when body_len is not 0
 *   unix_s   seconds since 1970, of the server's clock as well as it is known
 *
 * PUSHER_EINVAL: a parameter's name is reserved, empty or there twice, a text is not UTF-8, there
 * are too many, or the path has a segment "." or "..", or bytes that a request line cannot hold.
 * PUSHER_ETOOSMALL if it does not fit; PUSHER_ECRYPTO if MD5 is not to be had (FIPS mode);
 * PUSHER_ENOMEM. */
PUSHER_EXTERN PUSHER_MUST_CHECK int
pusher_request_target(const struct pusher_client *client, const char *method, const char *path,
                      const struct pusher_param *params, size_t n_params, const void *body,
                      size_t body_len, int64_t unix_s, char *buf, size_t size);

/* A request before it is signed: what the calls of pusher/command.h make and pusher/http.h sends.
 * It may be copied; what it borrows must outlive it. */
#define PUSHER_PATH_MAX 1280 /* bytes of a path without prefix, with its NUL */
struct pusher_request {
    const char *method; /* static: "GET" or "POST" */
    char path[PUSHER_PATH_MAX];
    struct pusher_param params[PUSHER_PARAMS_MAX]; /* strings are borrowed */
    size_t n_params;
    struct pusher_string body; /* borrowed */
};

/* pusher_request_target() of a whole request. */
PUSHER_EXTERN PUSHER_MUST_CHECK int pusher_request_sign(const struct pusher_client *client,
                                                        const struct pusher_request *request,
                                                        int64_t unix_s, char *buf, size_t size);

/* The query alone, without "?": a signed query string for a request that something else sends. */
PUSHER_EXTERN PUSHER_MUST_CHECK int
pusher_request_query(const struct pusher_client *client, const char *method, const char *path,
                     const struct pusher_param *params, size_t n_params, const void *body,
                     size_t body_len, int64_t unix_s, char *buf, size_t size);

#ifdef __cplusplus
}
#endif

#endif
