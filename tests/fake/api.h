/* The API of a Pusher server: whom a request is for, whether it is signed, what it is answered. */
#ifndef TESTS_FAKE_API_H
#define TESTS_FAKE_API_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "answer.h"
#include "publish.h"
#include "query.h"
#include "verify.h"

struct api {
    const struct flavor *flavor;
    struct app *apps; /* owned by main */
    size_t n_apps;
};

struct api_call {
    const char *method;
    const char *path; /* as received */
    const struct query *query;
    const char *body;
    size_t body_len;
    int64_t now_s;
    json_t *channels; /* object whose keys are the occupied channels; NULL unless a GET */
};

struct api_reply {
    struct answer answer;
    struct publication publication; /* empty unless events were posted */
    bool is_batch;
};

/* The app that the path names, or NULL. */
const struct app *api_app(const struct api *api, const char *path);

void api_handle(const struct api *api, const struct api_call *call, struct api_reply *ret_reply);
void api_reply_deinit(struct api_reply *reply);

#endif
