/* Encryption as events need it: straight into the text of a request. */
#ifndef LIB_CRYPTO_PRIVATE_H
#define LIB_CRYPTO_PRIVATE_H

#include "pusher/crypto.h"

/* Bytes that pusher__encrypt_json() writes: pusher_encrypted_size() and a backslash for each of the
 * eight quotes. */
size_t pusher__encrypted_json_size(size_t len);

/* Encrypts `data` and writes {"nonce":..,"ciphertext":..} as the inside of a JSON string, exactly
 * pusher__encrypted_json_size() bytes. */
PUSHER_MUST_CHECK int pusher__encrypt_json(const struct pusher_client *client,
                                           struct pusher_string channel, struct pusher_string data,
                                           const unsigned char *nonce, char *buf);

#endif
