/* Errors of libpusher.
 *
 * Every function that can fail returns an int: 0 when done, else one of the codes below, all
 * negative. Where a function takes `struct pusher_error *ret_error`, it may be NULL; on failure it
 * receives the code and one line of text for humans, which names what is wrong and the limit it
 * broke. Texts never contain a secret, a key or the data of an event, save what the server itself
 * said in its answer: Pusher repeats the app's key (not its secret) where it refuses a signature.
 * What else is returned through ret_... is written on success only, unless its header says
 * otherwise. */
#ifndef PUSHER_ERROR_H
#define PUSHER_ERROR_H

#include "pusher/visibility.h"

#ifdef __cplusplus
extern "C" {
#endif

/* X(CODE, value, "name", "text"): the name is stable, for programs; the text is for humans. */
#define PUSHER_ERROR_MAP(X)                                                                        \
    X(ENOMEM, -1, "out_of_memory", "out of memory")                                                \
    X(EINVAL, -2, "invalid_argument", "an argument is missing or out of range")                    \
    X(ECONFIG, -3, "invalid_config", "the app's configuration is not valid")                       \
    X(ETOOSMALL, -4, "buffer_too_small", "the buffer is too small")                                \
    X(ECRYPTO, -5, "crypto_unavailable", "libcrypto or libsodium refused to work")                 \
    X(ECHANNEL, -10, "invalid_channel", "the channel name is not valid")                           \
    X(EEVENT, -11, "invalid_event", "the event name is not valid")                                 \
    X(ESOCKETID, -12, "invalid_socket_id", "the socket id is not valid")                           \
    X(EUSERID, -13, "invalid_user_id", "the user id is not valid")                                 \
    X(EINFO, -14, "invalid_info", "the info attributes are not valid")                             \
    X(EDATA, -15, "invalid_data", "the data is not valid UTF-8")                                   \
    X(ETOOLARGE, -16, "payload_too_large", "the data is too large")                                \
    X(ENOKEY, -17, "encryption_unavailable", "the app has no encryption master key")               \
    X(ENOTENCRYPTABLE, -18, "not_encryptable",                                                     \
      "an encrypted channel cannot be triggered together with others")                             \
    X(ESIGNATURE, -19, "invalid_signature", "the signature is not valid")                          \
    X(EREPLY, -20, "invalid_reply", "the reply cannot be understood")                              \
    X(EUNREACHABLE, -21, "unreachable", "the server cannot be reached")                            \
    X(ETIMEOUT, -22, "timed_out", "the server did not answer in time")                             \
    X(EREFUSED, -23, "rejected", "the server refused the request")

enum pusher_error_code {
    PUSHER_OK = 0,
#define PUSHER_ERROR_ENUM(code, value, name, text) PUSHER_##code = value,
    PUSHER_ERROR_MAP(PUSHER_ERROR_ENUM)
#undef PUSHER_ERROR_ENUM
};

struct pusher_error {
    int code;       /* one of enum pusher_error_code */
    char text[192]; /* NUL-terminated, one line, no control characters */
};

/* The stable name of a code, "invalid_channel"; "ok" for 0, "unknown" for any other number. */
PUSHER_EXTERN const char *pusher_error_name(int code);

/* The general text of a code. Static storage. */
PUSHER_EXTERN const char *pusher_error_text(int code);

#ifdef __cplusplus
}
#endif

#endif
