/* One HTTP request, waited for. */
#ifndef TESTS_SUPPORT_HTTP_H
#define TESTS_SUPPORT_HTTP_H

#include <stddef.h>

#define HTTP_NO_CONNECTION (-1) /* could not connect, or reset */
#define HTTP_CUT           (-2) /* the answer ended too early, or there was none */
#define HTTP_TIMEOUT       (-3)

struct http_answer {
    long status; /* or one of the negative values above */
    char *body;  /* owned, NUL-terminated; never NULL */
    size_t len;
    char headers[2048]; /* as received, cut if longer */
    double seconds;
};

/* `body` NULL: none. `timeout_ms` 0: 30 s. `ca_file` NULL: the system's. */
struct http_request {
    const char *method;
    const char *url;
    const char *body;
    size_t body_len;
    unsigned timeout_ms;
    const char *ca_file;
    const char *const *headers; /* "Name: value", NULL-terminated; or NULL */
    const char *unix_socket;    /* connect to this instead of the URL's host; or NULL */
};

void http_perform(const struct http_request *request, struct http_answer *ret_answer);
void http_answer_deinit(struct http_answer *answer);

#endif
