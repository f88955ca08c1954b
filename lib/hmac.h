/* HMAC-SHA256 (RFC 2104). A keyed state is plain memory: assign it to sign once more. OpenSSL 3
 * calls SHA256_CTX deprecated, but its other states cannot be copied without an allocation. */
#ifndef LIB_HMAC_H
#define LIB_HMAC_H

#include <openssl/sha.h>
#include <stddef.h>

#define PUSHER__MAC_BYTES SHA256_DIGEST_LENGTH

/* A secret: wipe it after use. */
struct pusher__hmac {
    SHA256_CTX inner, outer;
};

void pusher__hmac_init(struct pusher__hmac *hmac, const void *key, size_t len);
void pusher__hmac_update(struct pusher__hmac *hmac, const void *bytes, size_t len);

/* Wipes the state. */
void pusher__hmac_final(struct pusher__hmac *hmac, unsigned char ret_mac[PUSHER__MAC_BYTES]);

#endif
