/* A blocking transport: sends requests with libcurl and keeps the connection.
 *
 *     struct pusher_http *http;
 *     struct pusher_answer answer;
 *     if (pusher_http_new(client, &http, &error) != 0 ||
 *         pusher_http_perform(http, &request, &answer, &error) != 0)
 *         errx(1, "%s", error.text);
 *     printf("%u %s\n", answer.status, answer.body);
 *     pusher_answer_free(&answer);
 *     pusher_http_free(http);
 *
 * The client says where to, how long at most, by which proxy and with which certificates; the
 * environment and .netrc are not asked. Redirects are not followed. A request is sent once, with
 * two exceptions: libcurl sends it again when a kept connection turns out to be closed before any
 * byte of an answer came, and an answer that our clock is wrong (401, "Timestamp expired") makes it
 * be signed anew by the server's clock and sent once more; that clock is then kept to. A clock that
 * differs by more than PUSHER_CLOCK_OFFSET_MAX_S is not believed: the 401 is the answer then, and
 * ours has to be set.
 *
 * Plain requests are forwarded by an HTTP proxy, those with TLS pass through it by CONNECT. That it
 * does not know or allow us (401, 403, 407) is an answer with that status in both cases.
 *
 * A name is looked up by a thread of libcurl's. Where the resolver does not answer in time, the
 * call ends all the same; that thread, which has no part in the transport any more, ends when the
 * resolver gives up.
 *
 * One thread at a time may use a transport; several may share its client. After fork() a child must
 * neither use nor free a transport of its parent's, as both hold the same connection: it makes its
 * own. */
#ifndef PUSHER_HTTP_H
#define PUSHER_HTTP_H

#include "pusher/reply.h"
#include "pusher/request.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PUSHER_ANSWER_MAX (16 * 1024 * 1024) /* bytes of an answer's body; a longer one fails */

struct pusher_http;

struct pusher_answer {
    unsigned status; /* HTTP; give it to pusher_reply_read() with the body */
    char *body;      /* owned; a NUL stands behind its `len` bytes; never NULL */
    size_t len;
    int64_t retry_after_ms; /* what the answer asks to wait; -1: it does not */
};

/* The client is borrowed and must outlive the transport. Connects to nothing yet. PUSHER_ECONFIG if
 * the ca_file cannot be read. The caller owns *ret_http. */
PUSHER_EXTERN PUSHER_MUST_CHECK int pusher_http_new(const struct pusher_client *client,
                                                    struct pusher_http **ret_http,
                                                    struct pusher_error *ret_error);

/* Closes the connection; NULL is allowed. The client stays the caller's. */
PUSHER_EXTERN void pusher_http_free(struct pusher_http *http);

/* Signs, sends, and waits for the whole answer, whatever its status is. On success the caller frees
 * *ret_answer. PUSHER_EUNREACHABLE, PUSHER_ETIMEOUT, PUSHER_EREPLY (an answer that is too long or
 * no HTTP), PUSHER_ECONFIG (the ca_file holds no certificate), or what pusher_request_target()
 * gives. A certificate that is not trusted is PUSHER_EUNREACHABLE, and the text says so. */
PUSHER_EXTERN PUSHER_MUST_CHECK int pusher_http_perform(struct pusher_http *http,
                                                        const struct pusher_request *request,
                                                        struct pusher_answer *ret_answer,
                                                        struct pusher_error *ret_error);

/* Frees the body and leaves an empty answer; one that is empty or zeroed is allowed. */
PUSHER_EXTERN void pusher_answer_free(struct pusher_answer *answer);

/* The client that it was made with. */
PUSHER_EXTERN const struct pusher_client *pusher_http_client(const struct pusher_http *http);

/* Seconds that the server's clock is ahead of ours, as far as a refusal has shown; 0 at first. From
 * -PUSHER_CLOCK_OFFSET_MAX_S to PUSHER_CLOCK_OFFSET_MAX_S. */
PUSHER_EXTERN int64_t pusher_http_clock_offset_s(const struct pusher_http *http);

/* Signs by this time from now on instead of the clock, and never corrects it: for tests. */
PUSHER_EXTERN void pusher_http_fix_clock(struct pusher_http *http, int64_t unix_s);

#ifdef __cplusplus
}
#endif

#endif
