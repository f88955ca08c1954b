/* What the files of the HTTP client share.
 *
 *     http.c            the multi handle: when curl is called, which transfers have ended
 *     http_socket.c     its sockets
 *     http_endpoint.c   a server, and how to talk to it
 *     http_transfer.c   easy handles and replies */
#ifndef DAEMON_IO_HTTP_PRIVATE_H
#define DAEMON_IO_HTTP_PRIVATE_H

#include "daemon/io/http.h"

struct http_endpoint {
    struct http *http;
    char *base_url, *proxy, *ca_file, *user_agent; /* owned; a proxy's may hold a password: wiped */
    CURLU *parsed_url;                             /* owned; base_url. NULL: curl parses that */
    struct curl_slist *post_headers, *get_headers; /* owned; shared by the transfers */
    unsigned timeout_ms, lifetime_s;
    bool keep_alive;
    bool absolute_target;        /* a plain HTTP proxy wants the whole URL in the request line */
    struct http_transfer *spare; /* list; owned: idle easy handles, the last used first */
    unsigned n_active;           /* of its transfers */
    bool is_given_up;
    struct http_endpoint *next;
};

/* An easy handle with its buffers; kept for the endpoint's life. */
struct http_transfer {
    struct http_endpoint *endpoint;
    struct http_call *call; /* borrowed; NULL while idle */
    CURL *easy;             /* owned */
    bool is_post;
    bool is_stalled; /* may be without a socket and without a timer, see go_on() in http.c */
    char *reply;     /* owned; reply_size bytes, kept between calls */
    size_t reply_len, reply_size;
    char *url; /* owned; only with absolute_target */
    char error[HTTP_ERROR_MAX];
    char retry_after[HTTP_HEADER_MAX], date[HTTP_HEADER_MAX];
    struct http_transfer *prev, *next; /* among the active, or the endpoint's spare */
};

/* ---- http.c */

/* Calls curl for a socket (CURL_CSELECT_ flags), or for the time (CURL_SOCKET_TIMEOUT). done_cbs
 * may run. */
void http_run_curl(struct http *http, curl_socket_t fd, int flags);

/* Runs close_cb once everything is closed. */
void http_maybe_closed(struct http *http);

/* ---- http_socket.c */

/* CURLMOPT_SOCKETFUNCTION. */
int http_on_socket_wish(CURL *easy, curl_socket_t fd, int what, void *http, void *socketp);

/* Has libuv watch the sockets as curl wants it now. */
void http_arm_changed(struct http *http);

/* When curl has let go of them. */
void http_close_sockets(struct http *http);

/* Socket callbacks for the easy handles: CURLOPT_OPENSOCKETFUNCTION and CLOSESOCKETFUNCTION. */
curl_socket_t http_open_socket(void *http, curlsocktype purpose, struct curl_sockaddr *address);
int http_close_socket(void *http, curl_socket_t fd);

/* ---- http_endpoint.c */

void http_endpoint_free(struct http_endpoint *endpoint);

/* To be called when a transfer has ended. Frees an endpoint that was given up and has no other. */
void http_endpoint_free_if_unused(struct http_endpoint *endpoint);

/* ---- http_transfer.c */

/* A transfer set up for the call, from the spare ones or new; NULL when out of memory. */
struct http_transfer *http_transfer_get(struct http_endpoint *endpoint, struct http_call *call);

/* Fills in the call's results from what curl said, and runs done_cb. The transfer is spare
 * afterwards. */
void http_transfer_finish(struct http_transfer *transfer, CURLcode code, bool cancelled);

void http_transfer_free(struct http_transfer *transfer);

#endif
