/* Requests to a fake-pusher, signed by hand. */
#ifndef TESTS_FAKE_SIGNED_REQUEST_H
#define TESTS_FAKE_SIGNED_REQUEST_H

#include "tests/support/fake_server.h"
#include "tests/support/http.h"

struct signed_request {
    const char *method;
    const char *route;  /* "/events": what follows /apps/app-id */
    const char *params; /* "&info=x", or NULL */
    const char *body;   /* or NULL */
    const char *secret; /* NULL: the right one */
    long age_s;         /* of the timestamp */
    unsigned timeout_ms;
    const char *ca_file;
};

void signed_perform(const struct fake_server *fake, const struct signed_request *request,
                    struct http_answer *ret_answer);

/* POSTs a body with ' for "; the status, and the answer's body if wanted (malloc'ed). */
long signed_post(const struct fake_server *fake, const char *route, const char *body,
                 char **ret_body);
long signed_get(const struct fake_server *fake, const char *route, const char *params,
                char **ret_body);

#endif
