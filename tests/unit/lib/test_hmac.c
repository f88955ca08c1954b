#include <criterion/criterion.h>
#include <sodium.h>

#include "lib/hmac.h"

/* The message comes in two pieces. */
static void expect_as_libsodium(size_t key_len, size_t len)
{
    static unsigned char key[200], message[300];
    unsigned char mac[PUSHER__MAC_BYTES], want[crypto_auth_hmacsha256_BYTES];
    crypto_auth_hmacsha256_state state;
    struct pusher__hmac hmac;
    for (size_t i = 0; i < sizeof(message); i++) {
        key[i % sizeof(key)] = (unsigned char)(i * 7);
        message[i] = (unsigned char)(i * 13);
    }
    crypto_auth_hmacsha256_init(&state, key, key_len);
    crypto_auth_hmacsha256_update(&state, message, len);
    crypto_auth_hmacsha256_final(&state, want);
    pusher__hmac_init(&hmac, key, key_len);
    pusher__hmac_update(&hmac, message, len / 3);
    pusher__hmac_update(&hmac, message + len / 3, len - len / 3);
    pusher__hmac_final(&hmac, mac);
    cr_assert_arr_eq(mac, want, sizeof(want), "key of %zu, message of %zu bytes", key_len, len);
    cr_assert(sodium_is_zero((const unsigned char *)&hmac, sizeof(hmac)), "it is wiped");
}

Test(hmac, any_key_and_message_are_as_libsodium_has_them)
{
    for (size_t key_len = 0; key_len <= 200; key_len++)
        expect_as_libsodium(key_len, key_len);
    for (size_t len = 0; len <= 300; len++)
        expect_as_libsodium(20, len);
}

/* RFC 4231, test case 2. */
Test(hmac, a_published_signature)
{
    struct pusher__hmac hmac;
    unsigned char mac[PUSHER__MAC_BYTES];
    char hex[2 * PUSHER__MAC_BYTES + 1];
    pusher__hmac_init(&hmac, "Jefe", 4);
    pusher__hmac_update(&hmac, "what do ya want for nothing?", 28);
    pusher__hmac_final(&hmac, mac);
    sodium_bin2hex(hex, sizeof(hex), mac, sizeof(mac));
    cr_assert_str_eq(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

Test(hmac, a_keyed_state_signs_often)
{
    struct pusher__hmac keyed, hmac;
    unsigned char once[PUSHER__MAC_BYTES], again[PUSHER__MAC_BYTES];
    pusher__hmac_init(&keyed, "key", 3);
    hmac = keyed;
    pusher__hmac_update(&hmac, "a", 1);
    pusher__hmac_final(&hmac, once);
    hmac = keyed;
    pusher__hmac_update(&hmac, "a", 1);
    pusher__hmac_final(&hmac, again);
    cr_assert_arr_eq(once, again, sizeof(once));
}
