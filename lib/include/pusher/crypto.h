/* End-to-end encryption of private-encrypted- channels.
 * Source: Pusher "Encrypted channels"; NaCl crypto_secretbox (XSalsa20-Poly1305). */
#ifndef PUSHER_CRYPTO_H
#define PUSHER_CRYPTO_H

#include "pusher/client.h"
#include "pusher/event.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The channel's key, SHA256(channel name, master key): whoever has it reads the channel, so wipe it
 * after use. PUSHER_ENOKEY without a master key, PUSHER_ECHANNEL for a name that is absent or too
 * long, PUSHER_ENOMEM. */
PUSHER_EXTERN PUSHER_MUST_CHECK int
pusher_shared_secret(const struct pusher_client *client, struct pusher_string channel,
                     unsigned char ret_secret[PUSHER_SECRET_BYTES]);

/* Bytes of {"nonce":"..","ciphertext":".."} for a plaintext of `len` bytes. */
PUSHER_EXTERN size_t pusher_encrypted_size(size_t len);

/* Opens the data string of an event of an encrypted channel. The plaintext is malloc'ed and has a
 * NUL behind its *ret_len bytes; the caller frees it. PUSHER_ENOKEY without a master key,
 * PUSHER_EDATA if it is not such a string, PUSHER_ESIGNATURE if it was not made with this key or
 * was changed. */
PUSHER_EXTERN PUSHER_MUST_CHECK int pusher_decrypt(const struct pusher_client *client,
                                                   struct pusher_string channel,
                                                   struct pusher_string data, char **ret_plaintext,
                                                   size_t *ret_len);

#ifdef __cplusplus
}
#endif

#endif
