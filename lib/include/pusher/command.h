/* The calls of the HTTP API besides the encoding of events, as requests that any HTTP client can
 * send: sign one with pusher_request_sign() and send method, target and body.
 *
 *     struct pusher_request request;
 *     if (pusher_command_get_channel(client, pusher_str("presence-x"), pusher_str("user_count"),
 *                                    &request, &error) != 0)
 *         ...
 *
 * What a request borrows (bodies, parameters) must outlive it. Strings that are optional may be
 * absent or empty. PUSHER_ECHANNEL for a channel or prefix that is not valid, PUSHER_EUSERID for a
 * user, PUSHER_EINFO for an attribute that the call does not have.
 *
 * Source: Pusher "HTTP API reference". */
#ifndef PUSHER_COMMAND_H
#define PUSHER_COMMAND_H

#include "pusher/request.h"

#ifdef __cplusplus
extern "C" {
#endif

/* POST of a body from pusher_trigger_encode() or pusher_batch_encode(). */
PUSHER_EXTERN void pusher_command_events(const struct pusher_client *client,
                                         struct pusher_string body,
                                         struct pusher_request *ret_request);
PUSHER_EXTERN void pusher_command_batch_events(const struct pusher_client *client,
                                               struct pusher_string body,
                                               struct pusher_request *ret_request);

/* GET /apps/ID/channels: the occupied channels. filter_by_prefix and info are optional; info:
 * user_count, subscription_count. Hosted Pusher gives user_count only with the prefix "presence-".
 */
PUSHER_EXTERN PUSHER_MUST_CHECK int
pusher_command_list_channels(const struct pusher_client *client,
                             struct pusher_string filter_by_prefix, struct pusher_string info,
                             struct pusher_request *ret_request, struct pusher_error *ret_error);

/* GET /apps/ID/channels/CHANNEL. info is optional: user_count, subscription_count, cache. */
PUSHER_EXTERN PUSHER_MUST_CHECK int pusher_command_get_channel(const struct pusher_client *client,
                                                               struct pusher_string channel,
                                                               struct pusher_string info,
                                                               struct pusher_request *ret_request,
                                                               struct pusher_error *ret_error);

/* GET /apps/ID/channels/CHANNEL/users: of a presence channel. */
PUSHER_EXTERN PUSHER_MUST_CHECK int
pusher_command_get_channel_users(const struct pusher_client *client, struct pusher_string channel,
                                 struct pusher_request *ret_request,
                                 struct pusher_error *ret_error);

/* POST /apps/ID/users/USER/terminate_connections, with the body {}. */
PUSHER_EXTERN PUSHER_MUST_CHECK int pusher_command_terminate_user_connections(
    const struct pusher_client *client, struct pusher_string user_id,
    struct pusher_request *ret_request, struct pusher_error *ret_error);

/* GET and POST of any path of the app. It is taken below /apps/ID ("/channels"), unless it begins
 * with "/apps/" itself; then the ID must be this app's. PUSHER_EINVAL names what is wrong with path
 * or parameters. */
PUSHER_EXTERN PUSHER_MUST_CHECK int
pusher_command_get(const struct pusher_client *client, struct pusher_string path,
                   const struct pusher_param *params, size_t n_params,
                   struct pusher_request *ret_request, struct pusher_error *ret_error);
PUSHER_EXTERN PUSHER_MUST_CHECK int
pusher_command_post(const struct pusher_client *client, struct pusher_string path,
                    const struct pusher_param *params, size_t n_params, struct pusher_string body,
                    struct pusher_request *ret_request, struct pusher_error *ret_error);

#ifdef __cplusplus
}
#endif

#endif
