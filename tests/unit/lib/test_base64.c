#include <criterion/criterion.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base64.h"

/* Buffers are exactly as large as they must be: ASan sees any byte more. */
static void expect_as_libsodium(const unsigned char *bytes, size_t len)
{
    size_t size = pusher__base64_size(len);
    unsigned char *given = malloc(len ? len : 1);
    char *text = malloc(size ? size : 1), *want = malloc(size + 1);
    if (len > 0)
        memcpy(given, bytes, len);
    sodium_bin2base64(want, size + 1, bytes, len, sodium_base64_VARIANT_ORIGINAL);
    cr_assert_eq(pusher__base64_encode(given, len, text), text + size);
    cr_assert_arr_eq(text, want, size, "%zu bytes", len);
    free(given);
    free(text);
    free(want);
}

Test(base64, any_length_is_as_libsodium_has_it)
{
    unsigned char bytes[300];
    randombytes_buf(bytes, sizeof(bytes));
    for (size_t len = 0; len <= sizeof(bytes); len++)
        expect_as_libsodium(bytes, len);
}

/* Each number of 6 bits at each of the 16 places of a block. */
Test(base64, any_character_stands_anywhere)
{
    for (unsigned shift = 0; shift < 64; shift++) {
        unsigned char bytes[96];
        for (unsigned i = 0; i < sizeof(bytes) / 3; i++) {
            unsigned word = 0;
            for (unsigned k = 0; k < 4; k++)
                word = word << 6 | ((4 * i + k + shift) & 63);
            bytes[3 * i] = (unsigned char)(word >> 16);
            bytes[3 * i + 1] = (unsigned char)(word >> 8);
            bytes[3 * i + 2] = (unsigned char)word;
        }
        expect_as_libsodium(bytes, sizeof(bytes));
    }
}
