/* The inside of a transport: http_open.c sets it up, http.c performs with it. */
#ifndef LIB_HTTP_PRIVATE_H
#define LIB_HTTP_PRIVATE_H

#include <curl/curl.h>

#include "pusher/http.h"

struct pusher_http {
    const struct pusher_client *client; /* borrowed */
    CURL *easy;                         /* owned */
    struct curl_slist *headers;         /* owned */
    struct curl_slist *json_headers;    /* owned: with a body */
    char *url;                          /* owned */
    size_t url_size;
    int64_t clock_offset_s;
    int64_t fixed_unix_s; /* 0: not fixed */
    char curl_error[CURL_ERROR_SIZE];

    /* Of the answer that is being read. */
    char *body;
    size_t len, size;
    bool too_long, no_memory;
    int64_t date_s; /* -1: no Date header */
    int64_t retry_after_ms;
};

/* libcurl's callbacks; `arg` is the transport. */
size_t pusher__http_on_body(char *bytes, size_t unit, size_t n, void *arg);
size_t pusher__http_on_header(char *line, size_t unit, size_t n, void *arg);

/* True if the answer says that our clock is wrong, and tells the server's, which is taken over. */
bool pusher__http_learn_clock(struct pusher_http *http, unsigned status);

#endif
