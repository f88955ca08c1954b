#include <criterion/criterion.h>
#include <jansson.h>
#include <stdlib.h>

#include "lib/json_text.h"

/* What the escape must be, written as plainly as can be. Returns the bytes. */
static size_t escape_slowly(const char *text, size_t len, char *out)
{
    static const char specials[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
    char *pos = out;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        const char *found = memchr(specials, c, sizeof(specials) - 1);
        if (found)
            pos += sprintf(pos, "\\%c", letters[found - specials]);
        else if (c < 0x20)
            pos += sprintf(pos, "\\u%04x", c);
        else
            *pos++ = (char)c;
    }
    return (size_t)(pos - out);
}

/* Measures and escapes into a heap buffer of exactly that size, so that ASan sees any byte more. */
static void expect_escape(const char *text, size_t len)
{
    char *copy = malloc(len + 1), *want = malloc(6 * len + 8);
    memcpy(copy, text, len);
    size_t want_size = escape_slowly(copy, len, want), size = 0;
    cr_assert_eq(pusher__json_measure(copy, len, &size), 0);
    cr_assert_eq(size, want_size);
    char *got = malloc(size + 1);
    got[size] = '#';
    cr_assert_eq(pusher__json_escape(copy, len, got, got + size), got + size);
    cr_assert_eq(got[size], '#');
    cr_assert_arr_eq(got, want, size);
    free(got);
    free(copy);
    free(want);
}

Test(json_text, escapes_every_ascii_byte_at_every_place)
{
    for (size_t len = 1; len < 50; len += 3) {
        for (size_t at = 0; at < len; at++) {
            for (int c = 0; c < 0x80; c++) {
                char text[50];
                memset(text, 'a', sizeof(text));
                text[at] = (char)c;
                expect_escape(text, len);
            }
        }
    }
}

Test(json_text, escapes_runs_of_special_bytes)
{
    char text[300];
    for (size_t len = 0; len < sizeof(text); len += 7) {
        memset(text, '"', len);
        expect_escape(text, len);
        memset(text, 1, len);
        expect_escape(text, len);
        memset(text, '\n', len);
        expect_escape(text, len);
    }
}

Test(json_text, random_text_is_escaped_alike)
{
    static const char *const pieces[] = {"a",
                                         "plain words of some length ",
                                         "\"",
                                         "\\",
                                         "\n",
                                         "\x01",
                                         "\xc3\xa9",
                                         "\xe2\x80\xa8",
                                         "\xf0\x9f\x98\x80",
                                         "\x7f"};
    srand(7);
    for (int round = 0; round < 3000; round++) {
        char text[512];
        size_t len = 0;
        int n = rand() % 24;
        for (int i = 0; i < n; i++) {
            const char *piece = pieces[(size_t)rand() % (sizeof(pieces) / sizeof(pieces[0]))];
            memcpy(text + len, piece, strlen(piece));
            len += strlen(piece);
        }
        expect_escape(text, len);
    }
}

Test(json_text, a_json_parser_reads_it_back)
{
    const char text[] = "q\" b\\ \b\f\n\r\t \x01\x1f\x7f \xc3\xa9 \xe2\x80\xa8 /</script>\0end";
    size_t len = sizeof(text) - 1, size;
    char json[200];
    cr_assert_eq(pusher__json_measure(text, len, &size), 0);
    json[0] = '"';
    *pusher__json_escape(text, len, json + 1, json + sizeof(json)) = '"';
    json_t *value = json_loadb(json, size + 2, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    cr_assert_eq(json_string_length(value), len);
    cr_assert_arr_eq(json_string_value(value), text, len);
    json_decref(value);
}

Test(json_text, refuses_what_is_not_utf8)
{
    for (size_t at = 0; at < 40; at++) {
        char text[40];
        size_t size = 77;
        memset(text, 'a', sizeof(text));
        text[at] = (char)0xc3;
        cr_assert_eq(pusher__json_measure(text, sizeof(text), &size), PUSHER_EDATA);
        cr_assert_eq(size, 77, "written on failure");
    }
}

/* Tries every buffer that is too small. */
static void expect_overflow(const char *text, size_t len)
{
    char out[400];
    size_t size;
    cr_assert_eq(pusher__json_measure(text, len, &size), 0);
    for (size_t room = 0; room < size; room++) {
        memset(out, '#', sizeof(out));
        cr_assert_null(pusher__json_escape(text, len, out, out + room));
        for (size_t i = room; i < sizeof(out); i++)
            cr_assert_eq(out[i], '#', "room %zu, written at %zu", room, i);
    }
}

Test(json_text, does_not_write_behind_the_end)
{
    char text[64];
    memset(text, 'a', sizeof(text));
    text[20] = '\n';
    text[40] = 2;
    expect_overflow(text, sizeof(text));
    memset(text, '"', sizeof(text));
    expect_overflow(text, sizeof(text));
    memset(text + 16, 'a', 48);
    expect_overflow(text, sizeof(text));
}
