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
    struct pusher_string name; /* not auth_* or body_md5; lower-cased when signed */
    struct pusher_string value;
};

/* "/apps/ID/events" and "/apps/ID/batch_events", without the prefix. Live as long as the client. */
PUSHER_EXTERN const char *pusher_path_events(const struct pusher_client *client);
PUSHER_EXTERN const char *pusher_path_batch_events(const struct pusher_client *client);

/* A target of PUSHER_TARGET_MAX bytes holds any request without extra parameters. */
#define PUSHER_TARGET_MAX 1024

/* Writes the target, NUL-terminated: prefix, path, ?auth_key=..&auth_signature=.. and the
 * parameters, percent-encoded (the signature is over the plain text). method   upper case path
 * begins with "/apps/" in general; must be in the form it is sent in; no query params   may be NULL
 * when n_params is 0; PUSHER_EINVAL for a reserved name body     signed by MD5 when body_len is not
 * 0 unix_s   seconds since 1970, of the server's clock as well as it is known PUSHER_ETOOSMALL if
 * it does not fit; PUSHER_ECRYPTO if MD5 is not to be had (FIPS mode). */
PUSHER_EXTERN PUSHER_MUST_CHECK int
pusher_request_target(const struct pusher_client *client, const char *method, const char *path,
                      const struct pusher_param *params, size_t n_params, const void *body,
                      size_t body_len, int64_t unix_s, char *buf, size_t size);

#ifdef __cplusplus
}
#endif

#endif
