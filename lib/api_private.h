#ifndef LIB_API_PRIVATE_H
#define LIB_API_PRIVATE_H

#include "pusher/api.h"

/* An empty result, as every call begins with. */
void pusher__result_init(struct pusher_result *result);

/* Sends one request and judges its answer. Sets result->json only if it was accepted. */
PUSHER_MUST_CHECK int pusher__send(struct pusher_http *http, const struct pusher_request *request,
                                   struct pusher_result *result, struct pusher_error *error);

#endif
