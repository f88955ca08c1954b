/* libsodium has HMAC-SHA256, too, but in portable C: libcrypto uses the processor's instructions
 * and takes a fifth of the time. */
#include "lib/hmac.h"

#include <sodium.h>
#include <string.h>

static void begin(SHA256_CTX *digest, unsigned char pad[SHA256_CBLOCK], unsigned char mask)
{
    for (size_t i = 0; i < SHA256_CBLOCK; i++)
        pad[i] ^= mask;
    SHA256_Init(digest);
    SHA256_Update(digest, pad, SHA256_CBLOCK);
}

void pusher__hmac_init(struct pusher__hmac *hmac, const void *key, size_t len)
{
    unsigned char pad[SHA256_CBLOCK] = {0};
    if (len > sizeof(pad)) {
        SHA256_Init(&hmac->inner);
        SHA256_Update(&hmac->inner, key, len);
        SHA256_Final(pad, &hmac->inner);
    } else if (len > 0) {
        memcpy(pad, key, len);
    }
    begin(&hmac->inner, pad, 0x36);
    begin(&hmac->outer, pad, 0x36 ^ 0x5c);
    sodium_memzero(pad, sizeof(pad));
}

void pusher__hmac_update(struct pusher__hmac *hmac, const void *bytes, size_t len)
{
    SHA256_Update(&hmac->inner, bytes, len);
}

void pusher__hmac_final(struct pusher__hmac *hmac, unsigned char ret_mac[PUSHER__MAC_BYTES])
{
    SHA256_Final(ret_mac, &hmac->inner);
    SHA256_Update(&hmac->outer, ret_mac, PUSHER__MAC_BYTES);
    SHA256_Final(ret_mac, &hmac->outer);
    sodium_memzero(hmac, sizeof(*hmac));
}
