/* What a server tells a browser that wants to subscribe or to sign in.
 *
 * Pusher's client libraries ask the application's own endpoint for permission; the endpoint answers
 * with the JSON made here, or with status 403. channel_data and user_data are JSON texts: they are
 * signed byte for byte as they are given, and returned as the same bytes inside a JSON string.
 *
 * Sources: Pusher "Auth signatures", "Authorizing users", "Authenticating users". */
#ifndef PUSHER_AUTH_H
#define PUSHER_AUTH_H

#include "pusher/client.h"
#include "pusher/string.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PUSHER_AUTH_DATA_MAX                                                                       \
    65536 /* bytes of channel_data and user_data; Pusher takes about 1 KB */

/* Makes {"auth":"KEY:SIGNATURE"}, with "channel_data" if it was given, and with "shared_secret" for
 * an encrypted channel. Only private- and presence- channels need authorization: PUSHER_ECHANNEL
 * for others. channel_data is optional for private channels (any text), and required for presence
 * channels: an object whose user_id is a string that is not empty, or an integer; else PUSHER_EDATA
 * or PUSHER_EUSERID. PUSHER_ENOKEY: encrypted, but without a master key. PUSHER_ESOCKETID.
 *
 * The JSON is malloc'ed and NUL-terminated; the caller frees it. */
PUSHER_EXTERN PUSHER_MUST_CHECK int
pusher_authorize_channel(const struct pusher_client *client, struct pusher_string socket_id,
                         struct pusher_string channel, struct pusher_string channel_data,
                         char **ret_json, struct pusher_error *ret_error);

/* Makes {"auth":"KEY:SIGNATURE","user_data":".."}. user_data must be an object whose id is a string
 * that is not empty; else PUSHER_EDATA or PUSHER_EUSERID. As above for the rest. */
PUSHER_EXTERN PUSHER_MUST_CHECK int pusher_authenticate_user(const struct pusher_client *client,
                                                             struct pusher_string socket_id,
                                                             struct pusher_string user_data,
                                                             char **ret_json,
                                                             struct pusher_error *ret_error);

#ifdef __cplusplus
}
#endif

#endif
