/* Events, and the request bodies that carry them.
 *
 * An event is checked here as strictly as the API would check it, so that one bad event never costs
 * a batch its good ones, and is written once, as JSON, encrypted if its channel is. What
 * pusher_event_encode() writes is an element of a batch; pusher_batch_encode() joins up to
 * pusher_client_max_events_per_batch() of them to the body of POST /apps/ID/batch_events.
 * pusher_trigger_encode() writes the body of POST /apps/ID/events: one payload for many channels.
 *
 * Sources: Pusher "HTTP API reference" (POST event, POST batch of events) and "Encrypted channels".
 */
#ifndef PUSHER_EVENT_H
#define PUSHER_EVENT_H

#include "pusher/client.h"
#include "pusher/string.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PUSHER_EVENT_NAME_MAX 200 /* bytes; the SDKs' limit */
#define PUSHER_USER_ID_MAX    128 /* bytes; "Presence channels": user_id up to 128 characters */
#define PUSHER_SOCKET_ID_MAX  128 /* bytes; servers make about 20 */
#define PUSHER_NONCE_BYTES    24  /* NaCl crypto_secretbox */
#define PUSHER_SECRET_BYTES   32  /* of a channel's key: a SHA-256 */

struct pusher_event {
    struct pusher_string channel;   /* or #server-to-user-ID, see pusher_user_channel() */
    struct pusher_string name;      /* 1 to 200 bytes of UTF-8 */
    struct pusher_string data;      /* sent as it is; UTF-8 */
    struct pusher_string socket_id; /* optional: this connection does not receive the event */
    struct pusher_string info;      /* optional: "user_count,subscription_count" */
};

/* One payload for several channels. */
struct pusher_trigger {
    const struct pusher_string *channels; /* 1 to pusher_client_max_channels() */
    size_t n_channels;
    struct pusher_string name, data, socket_id, info; /* as in struct pusher_event */
};

/* 0, or PUSHER_ECHANNEL: 1 to max_channel_name bytes of [A-Za-z0-9_-=@,.;], or #server-to-user-ID.
 * "." and ".." are refused, since no URL can name them. */
PUSHER_EXTERN PUSHER_MUST_CHECK int pusher_channel_check(const struct pusher_client *client,
                                                         struct pusher_string channel,
                                                         struct pusher_error *ret_error);

/* 0, or PUSHER_EUSERID: 1 to 128 bytes of the characters of a channel, not "." or "..". */
PUSHER_EXTERN PUSHER_MUST_CHECK int pusher_user_id_check(struct pusher_string user_id,
                                                         struct pusher_error *ret_error);

/* 0, or PUSHER_ESOCKETID: digits, a dot, digits; nothing else, no line end. */
PUSHER_EXTERN PUSHER_MUST_CHECK int pusher_socket_id_check(struct pusher_string socket_id,
                                                           struct pusher_error *ret_error);

/* True if the channel's events are encrypted: it begins with "private-encrypted-". */
PUSHER_EXTERN bool pusher_channel_is_encrypted(struct pusher_string channel);

/* Writes "#server-to-user-" and the id, with a NUL, and gives the length without it. The id must
 * have passed pusher_user_id_check(). */
#define PUSHER_USER_CHANNEL_MAX (16 + PUSHER_USER_ID_MAX + 1)
PUSHER_EXTERN size_t pusher_user_channel(struct pusher_string user_id,
                                         char ret_channel[PUSHER_USER_CHANNEL_MAX]);

/* Checks an event whole, and gives the exact size in bytes of what pusher_event_encode() will
 * write. Every code from PUSHER_ECHANNEL to PUSHER_ENOTENCRYPTABLE is possible. */
PUSHER_EXTERN PUSHER_MUST_CHECK int pusher_event_check(const struct pusher_client *client,
                                                       const struct pusher_event *event,
                                                       size_t *ret_size,
                                                       struct pusher_error *ret_error);

/* Writes a checked event as a JSON object, without NUL; `size` is what pusher_event_check() gave,
 * and `buf` holds that many bytes. On an encrypted channel the data becomes {"nonce","ciphertext"};
 * `nonce` is then 24 bytes that are never used again, or NULL to draw them from libsodium.
 * PUSHER_ETOOSMALL if the size is not that of this event. */
PUSHER_EXTERN PUSHER_MUST_CHECK int pusher_event_encode(const struct pusher_client *client,
                                                        const struct pusher_event *event,
                                                        const unsigned char *nonce, char *buf,
                                                        size_t size);

/* As pusher_event_check() and pusher_event_encode(), for the whole body of POST /apps/ID/events.
 * An encrypted channel is allowed only alone: else PUSHER_ENOTENCRYPTABLE. */
PUSHER_EXTERN PUSHER_MUST_CHECK int pusher_trigger_check(const struct pusher_client *client,
                                                         const struct pusher_trigger *trigger,
                                                         size_t *ret_size,
                                                         struct pusher_error *ret_error);
PUSHER_EXTERN PUSHER_MUST_CHECK int pusher_trigger_encode(const struct pusher_client *client,
                                                          const struct pusher_trigger *trigger,
                                                          const unsigned char *nonce, char *buf,
                                                          size_t size);

/* The body of POST /apps/ID/batch_events from encoded events: {"batch":[a,b,c]}. The size is
 * PUSHER_BATCH_OVERHEAD, the events' sizes, and a comma between two. Returns the bytes written;
 * `buf` must hold pusher_batch_size() of them. */
#define PUSHER_BATCH_OVERHEAD 12 /* {"batch":[]} */
PUSHER_EXTERN size_t pusher_batch_size(const struct pusher_string *events, size_t n_events);
PUSHER_EXTERN size_t pusher_batch_encode(const struct pusher_string *events, size_t n_events,
                                         char *buf);

#ifdef __cplusplus
}
#endif

#endif
