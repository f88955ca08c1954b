#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "proto/utf8.h"

/* A plain decoder after the table of RFC 3629, to compare with. */
static size_t slow_sequence(const unsigned char *at, size_t left)
{
    static const struct {
        unsigned char from, to, second_from, second_to;
        size_t len;
    } rows[] = {
        {0x00, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (at[0] < rows[i].from || at[0] > rows[i].to)
            continue;
        if (rows[i].len > left)
            return 0;
        if (rows[i].len > 1 && (at[1] < rows[i].second_from || at[1] > rows[i].second_to))
            return 0;
        for (size_t k = 2; k < rows[i].len; k++) {
            if ((at[k] & 0xc0) != 0x80)
                return 0;
        }
        return rows[i].len;
    }
    return 0;
}

Test(proto_utf8, tells_every_sequence_of_up_to_three_bytes)
{
    for (unsigned bits = 0; bits < 1u << 24; bits++) {
        unsigned char text[4] = {bits >> 16 & 0xff, bits >> 8 & 0xff, bits & 0xff, 0x80};
        unsigned n = utf8_sequence((char *)text, (char *)text + 4);
        if (n != slow_sequence(text, 4))
            cr_assert_fail("%02x %02x %02x: %u", text[0], text[1], text[2], n);
    }
}

Test(proto_utf8, encodes_what_it_reads_back)
{
    for (unsigned code = 0; code <= 0x10ffff; code++) {
        char text[4];
        unsigned n;
        if (code >= 0xd800 && code <= 0xdfff)
            continue;
        n = utf8_encode(code, text);
        if (utf8_sequence(text, text + n) != n || utf8_valid(text, n) != n)
            cr_assert_fail("U+%04X", code);
    }
}

Test(proto_utf8, reads_nothing_beyond_the_end)
{
    static const char text[] = "\xf0\x9f\x98\x80";

    for (size_t len = 1; len <= 4; len++) {
        char *copy = malloc(len);
        memcpy(copy, text, len);
        cr_assert_eq(utf8_sequence(copy, copy + len), len == 4 ? 4 : 0);
        cr_assert_eq(utf8_valid(copy, len), len == 4 ? 4 : 0);
        free(copy);
    }
}

Test(proto_utf8, finds_a_bad_byte_wherever_it_stands)
{
    for (size_t len = 1; len < 80; len++) {
        char *text = malloc(len);
        for (size_t bad = 0; bad < len; bad++) {
            memset(text, 'a', len);
            text[bad] = (char)0xff;
            cr_assert_eq(utf8_valid(text, len), bad);
        }
        memset(text, 'a', len);
        cr_assert_eq(utf8_valid(text, len), len);
        free(text);
    }
    cr_assert_eq(utf8_valid("", 0), 0);
}

Test(proto_utf8, agrees_with_a_plain_decoder_on_random_text)
{
    unsigned seed = 1;

    for (int round = 0; round < 200000; round++) {
        unsigned char text[40];
        size_t at = 0, n = 1;
        for (size_t i = 0; i < sizeof(text); i++) {
            unsigned r = (unsigned)rand_r(&seed) >> 4;
            text[i] = (unsigned char)(r % 4 ? 'a' : 0x80 | (r >> 3 & 0x7f));
        }
        while (at < sizeof(text) && n > 0)
            at += n = slow_sequence(text + at, sizeof(text) - at);
        cr_assert_eq(utf8_valid((char *)text, sizeof(text)), at, "round %d", round);
    }
}

Test(proto_utf8, cuts_between_sequences_only)
{
    static const char text[] = "a\xc3\xa9\xf0\x9f\x98\x80z";
    static const size_t expected[] = {0, 1, 1, 3, 3, 3, 3, 7, 8, 8};

    for (size_t max = 0; max < sizeof(expected) / sizeof(expected[0]); max++)
        cr_assert_eq(utf8_cut(text, 8, max), expected[max], "at %zu", max);
}
