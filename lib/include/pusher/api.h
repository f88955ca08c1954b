/* The whole API as blocking calls, one line each.
 *
 *     struct pusher_string channels[] = {pusher_str("my-channel")};
 *     struct pusher_trigger trigger = {
 *         .channels = channels, .n_channels = 1,
 *         .name = pusher_str("my-event"), .data = pusher_str("{\"hello\":\"world\"}"),
 *     };
 *     struct pusher_result result;
 *     if (pusher_api_trigger(http, &trigger, &result, &error) != 0)
 *         warnx("%s", error.text);
 *     pusher_result_free(&result);
 *
 * All return 0 when the server accepted, PUSHER_EREFUSED when it answered otherwise (result.reply
 * has its verdict and decides whether to try again), and else the code of a check that failed
 * before anything was sent, or of pusher_http_perform(). Nothing is repeated by itself beyond what
 * pusher/http.h says. A call takes as long as its requests, each at most the client's timeout_ms.
 * One thread at a time may use a transport. */
#ifndef PUSHER_API_H
#define PUSHER_API_H

#include "pusher/event.h"
#include "pusher/http.h"
#include "pusher/reply.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Is always written, also by a call that fails; free it in any case. */
struct pusher_result {
    char *json; /* owned; what the server returned, as JSON text; NULL unless it accepted */
    struct pusher_reply reply; /* of the last answer; status 0 if there was none */
    int64_t retry_after_ms;    /* what the last answer asked to wait; -1: nothing */
    size_t n_done; /* events or channels that were accepted; on failure those before the culprit */
};

PUSHER_EXTERN void pusher_result_free(struct pusher_result *result);

/* One payload to any number of channels: sent pusher_client_max_channels() at a time, in order. All
 * are checked before the first is sent; the first request that fails is the last that is tried. The
 * JSON is {}, or with info {"channels":{..}} of all. */
PUSHER_EXTERN PUSHER_MUST_CHECK int pusher_api_trigger(struct pusher_http *http,
                                                       const struct pusher_trigger *trigger,
                                                       struct pusher_result *ret_result,
                                                       struct pusher_error *ret_error);

/* Any number of events, sent pusher_client_max_events_per_batch() at a time, otherwise as above.
 * The JSON is {}, or with info {"batch":[..]} with one object for each event. */
PUSHER_EXTERN PUSHER_MUST_CHECK int pusher_api_trigger_batch(struct pusher_http *http,
                                                             const struct pusher_event *events,
                                                             size_t n_events,
                                                             struct pusher_result *ret_result,
                                                             struct pusher_error *ret_error);

/* An event to all connections of a user that has signed in. */
PUSHER_EXTERN PUSHER_MUST_CHECK int
pusher_api_send_to_user(struct pusher_http *http, struct pusher_string user_id,
                        struct pusher_string name, struct pusher_string data,
                        struct pusher_result *ret_result, struct pusher_error *ret_error);

/* Sends one request of pusher/command.h, for example. */
PUSHER_EXTERN PUSHER_MUST_CHECK int pusher_api_call(struct pusher_http *http,
                                                    const struct pusher_request *request,
                                                    struct pusher_result *ret_result,
                                                    struct pusher_error *ret_error);

/* As the functions of pusher/command.h, sent. */
PUSHER_EXTERN PUSHER_MUST_CHECK int pusher_api_list_channels(struct pusher_http *http,
                                                             struct pusher_string filter_by_prefix,
                                                             struct pusher_string info,
                                                             struct pusher_result *ret_result,
                                                             struct pusher_error *ret_error);
PUSHER_EXTERN PUSHER_MUST_CHECK int pusher_api_get_channel(struct pusher_http *http,
                                                           struct pusher_string channel,
                                                           struct pusher_string info,
                                                           struct pusher_result *ret_result,
                                                           struct pusher_error *ret_error);
PUSHER_EXTERN PUSHER_MUST_CHECK int pusher_api_get_channel_users(struct pusher_http *http,
                                                                 struct pusher_string channel,
                                                                 struct pusher_result *ret_result,
                                                                 struct pusher_error *ret_error);
PUSHER_EXTERN PUSHER_MUST_CHECK int
pusher_api_terminate_user_connections(struct pusher_http *http, struct pusher_string user_id,
                                      struct pusher_result *ret_result,
                                      struct pusher_error *ret_error);
PUSHER_EXTERN PUSHER_MUST_CHECK int
pusher_api_get(struct pusher_http *http, struct pusher_string path,
               const struct pusher_param *params, size_t n_params, struct pusher_result *ret_result,
               struct pusher_error *ret_error);
PUSHER_EXTERN PUSHER_MUST_CHECK int
pusher_api_post(struct pusher_http *http, struct pusher_string path,
                const struct pusher_param *params, size_t n_params, struct pusher_string body,
                struct pusher_result *ret_result, struct pusher_error *ret_error);

#ifdef __cplusplus
}
#endif

#endif
