#include <criterion/criterion.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/utf8.h"

/* A plain decoder after the table of RFC 3629, to compare with. */
static size_t slow_char(const char *text, size_t left)
{
    static const struct {
        unsigned char from, to, second_from, second_to;
        size_t len;
    } rows[] = {
        {0x00, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    const unsigned char *at = (const unsigned char *)text;

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

Test(utf8, tells_every_character_of_up_to_three_bytes)
{
    for (unsigned bits = 0; bits < 1u << 24; bits++) {
        char text[4] = {(char)(bits >> 16), (char)(bits >> 8), (char)bits, (char)0x80};
        size_t n = pusher__utf8_char(text, text + 4);
        if (n != slow_char(text, 4))
            cr_assert_fail("%06x: %zu", bits, n);
    }
}

Test(utf8, encodes_what_it_reads_back)
{
    for (unsigned c = 0; c <= 0x10ffff; c++) {
        char text[4] = {0};
        if (c >= 0xd800 && c <= 0xdfff)
            continue;
        size_t n = pusher__utf8_encode(c, text);
        if (slow_char(text, n) != n || pusher__utf8_char(text, text + n) != n ||
            !pusher__utf8_valid(text, n))
            cr_assert_fail("U+%04X", c);
    }
}

static void expect_encoded(unsigned c, const char *bytes)
{
    char text[5] = {0};
    cr_assert_eq(pusher__utf8_encode(c, text), strlen(bytes));
    cr_assert_str_eq(text, bytes, "U+%04X", c);
}

Test(utf8, encodes_the_character_that_was_meant)
{
    expect_encoded('z', "z");
    expect_encoded(0xe9, "\xc3\xa9");
    expect_encoded(0x20ac, "\xe2\x82\xac");
    expect_encoded(0x1f600, "\xf0\x9f\x98\x80");
}

Test(utf8, agrees_with_a_plain_decoder_on_random_text)
{
    unsigned seed = 1;

    for (int round = 0; round < 200000; round++) {
        char text[40];
        size_t at = 0, n = 1;
        for (size_t i = 0; i < sizeof(text); i++) {
            unsigned r = (unsigned)rand_r(&seed) >> 4;
            text[i] = (char)(r % 4 ? 'a' : 0x80 | (r >> 3 & 0x7f));
        }
        while (at < sizeof(text) && n > 0)
            at += n = slow_char(text + at, sizeof(text) - at);
        cr_assert_eq(pusher__utf8_prefix(text, sizeof(text)), at, "round %d", round);
    }
}

Test(utf8, reads_nothing_beyond_the_end)
{
    static const char text[] = "\xf0\x9f\x98\x80";

    for (size_t len = 1; len <= 4; len++) {
        char *copy = malloc(len);
        memcpy(copy, text, len);
        cr_assert_eq(pusher__utf8_char(copy, copy + len), len == 4 ? 4 : 0);
        cr_assert_eq(pusher__utf8_prefix(copy, len), len == 4 ? 4 : 0);
        free(copy);
    }
}

Test(utf8, refuses_all_other_pairs_of_bytes)
{
    for (unsigned a = 0x80; a < 0x100; a++) {
        for (unsigned b = 0; b < 0x100; b++) {
            char text[2] = {(char)a, (char)b};
            bool good = a >= 0xc2 && a <= 0xdf && b >= 0x80 && b <= 0xbf;
            cr_assert_eq(pusher__utf8_char(text, text + 2), good ? 2 : 0, "%02x %02x", a, b);
        }
    }
}

static bool valid(const char *text)
{
    return pusher__utf8_valid(text, strlen(text));
}

Test(utf8, refuses_overlong_forms_and_what_is_cut_short)
{
    cr_assert_not(valid("\xc0\x80"));
    cr_assert_not(valid("\xc1\xbf"));
    cr_assert_not(valid("\xe0\x9f\xbf"));
    cr_assert_not(valid("\xf0\x8f\xbf\xbf"));
    cr_assert_not(valid("\xed\xa0\x80"));
    cr_assert_not(valid("\xf4\x90\x80\x80"));
    cr_assert_not(valid("\xf8\x88\x80\x80\x80"));
    cr_assert_not(valid("abc\xe2\x82"));
    cr_assert_not(valid("\x80"));
    cr_assert_not(valid("\xe2\x82\x41"));
    cr_assert_not(valid("\xf0\x9f\x98\x41"));
    cr_assert_not(valid("\xf0\x9f\x41\x80"));
}

Test(utf8, finds_one_bad_byte_anywhere)
{
    for (size_t len = 1; len < 70; len++) {
        for (size_t at = 0; at < len; at++) {
            char text[70];
            memset(text, 'a', sizeof(text));
            cr_assert(pusher__utf8_valid(text, len));
            text[at] = (char)0xff;
            cr_assert_eq(pusher__utf8_prefix(text, len), at);
        }
    }
}

Test(utf8, empty_text_is_valid)
{
    cr_assert(pusher__utf8_valid("", 0));
    cr_assert_eq(pusher__utf8_char(NULL, NULL), 0);
}

Test(utf8, cuts_between_characters_only)
{
    static const char text[] = "a\xc3\xa9\xf0\x9f\x98\x80z";
    static const size_t expected[] = {0, 1, 1, 3, 3, 3, 3, 7, 8, 8};

    for (size_t max = 0; max < sizeof(expected) / sizeof(expected[0]); max++)
        cr_assert_eq(pusher__utf8_cut(text, 8, max), expected[max], "at %zu", max);
}

static void expect_line(const char *text, size_t size, const char *line)
{
    char buf[64];
    memset(buf, '#', sizeof(buf));
    size_t n = pusher__utf8_line(text, strlen(text), buf, size);
    cr_assert_str_eq(buf, line);
    cr_assert_eq(n, strlen(line));
    cr_assert_lt(n, size);
    cr_assert_eq(buf[size], '#', "wrote behind the end");
}

Test(utf8, a_line_has_single_spaces_and_no_controls)
{
    expect_line("  a \t\r\n b\n", 32, "a b");
    expect_line("\x1b[31mred\x7f", 32, "[31mred");
    expect_line("a\xc2\x85"
                "b\xc2\xa0",
                32, "a b\xc2\xa0");
    expect_line("x\xff\xfey", 32, "x??y");
    expect_line("\n\n", 32, "");
}

Test(utf8, a_line_is_cut_between_characters)
{
    expect_line("abcdef", 4, "abc");
    expect_line("ab\xe2\x82\xac", 5, "ab");
    expect_line("ab\xe2\x82\xac", 6, "ab\xe2\x82\xac");
    expect_line("a b", 3, "a");
    expect_line("abc", 1, "");
}
