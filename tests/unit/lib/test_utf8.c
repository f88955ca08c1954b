#include <criterion/criterion.h>
#include <stdint.h>

#include "lib/utf8.h"

/* UTF-8 as RFC 3629 writes it, from the code point: the other way round than the code under test.
 */
static size_t encode(uint32_t c, unsigned char out[4])
{
    if (c < 0x80)
        return out[0] = (unsigned char)c, 1;
    size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const unsigned char heads[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = n - 1; i > 0; i--, c >>= 6)
        out[i] = 0x80 | (c & 0x3f);
    out[0] = (unsigned char)(heads[n] | c);
    return n;
}

Test(utf8, takes_every_character_and_no_surrogate)
{
    for (uint32_t c = 0; c < 0x120000; c++) {
        unsigned char text[4];
        size_t n = encode(c, text);
        bool good = c <= 0x10ffff && (c < 0xd800 || c > 0xdfff);
        cr_assert_eq(pusher__utf8_char(text, text + n), good ? n : 0, "U+%04X", c);
    }
}

Test(utf8, refuses_all_other_pairs_of_bytes)
{
    for (unsigned a = 0x80; a < 0x100; a++) {
        for (unsigned b = 0; b < 0x100; b++) {
            unsigned char text[2] = {(unsigned char)a, (unsigned char)b};
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
            cr_assert_not(pusher__utf8_valid(text, len), "%zu of %zu", at, len);
        }
    }
}

Test(utf8, empty_text_is_valid)
{
    cr_assert(pusher__utf8_valid("", 0));
    cr_assert_eq(pusher__utf8_char((const unsigned char *)"", (const unsigned char *)""), 0);
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
