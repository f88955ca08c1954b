#include <criterion/criterion.h>
#include <stdio.h>

#include "lib/report.h"
#include "pusher/error.h"
#include "pusher/version.h"

Test(error, every_code_has_a_name_and_a_text)
{
    cr_assert_str_eq(pusher_error_name(PUSHER_ECHANNEL), "invalid_channel");
    cr_assert_str_eq(pusher_error_text(PUSHER_ECHANNEL), "the channel name is not valid");
    cr_assert_str_eq(pusher_error_name(0), "ok");
    cr_assert_str_eq(pusher_error_text(0), "no error");
    cr_assert_str_eq(pusher_error_name(-999), "unknown");
    cr_assert_str_eq(pusher_error_text(7), "unknown error");
}

Test(error, texts_are_one_line)
{
    struct pusher_error error;
    cr_assert_eq(pusher__fail(&error, PUSHER_EDATA, "a\nb\x01\x1b[0m%s", "\xff"), PUSHER_EDATA);
    cr_assert_eq(error.code, PUSHER_EDATA);
    cr_assert_str_eq(error.text, "a b [0m?");
}

Test(error, a_long_text_is_cut_between_characters)
{
    struct pusher_error error;
    char text[600] = "x";
    for (size_t i = 1; i + 2 < sizeof(text); i += 2)
        memcpy(text + i, "\xc3\xa9", 3);
    (void)pusher__fail(&error, PUSHER_EDATA, "%s", text);
    cr_assert_eq(strlen(error.text), sizeof(error.text) - 1);
    cr_assert_eq((unsigned char)error.text[sizeof(error.text) - 2], 0xa9);
}

Test(error, no_text_is_wanted_without_a_place_for_it)
{
    cr_assert_eq(pusher__fail(NULL, PUSHER_EDATA, "%s", "x"), PUSHER_EDATA);
}

Test(error, a_shown_string_is_short)
{
    char buf[PUSHER__SHOWN_MAX], text[200];
    memset(text, 'a', sizeof(text));
    const char *shown = pusher__shown((struct pusher_string){text, sizeof(text)}, buf);
    cr_assert_eq(strlen(shown), PUSHER__SHOWN_MAX - 1);
    cr_assert_str_eq(shown + PUSHER__SHOWN_MAX - 4, "...");
}

/* What is shown of it is shorter than the dots: they must not be put in front of the buffer. */
Test(error, a_long_string_of_blanks_is_shown_within_its_buffer)
{
    char guarded[8 + PUSHER__SHOWN_MAX], text[200];
    for (size_t n_seen = 0; n_seen < 5; n_seen++) {
        memset(guarded, 'g', sizeof(guarded));
        memset(text, ' ', sizeof(text));
        memset(text, 'a', n_seen);
        const char *shown = pusher__shown((struct pusher_string){text, sizeof(text)}, guarded + 8);
        cr_expect_eq(memcmp(guarded, "gggggggg", 8), 0, "%zu seen", n_seen);
        cr_expect_eq(strlen(shown), n_seen + 3);
        cr_expect_str_eq(shown + n_seen, "...");
    }
}

Test(error, library_and_headers_have_the_version_of_the_project)
{
    char text[32];
    snprintf(text, sizeof(text), "%d.%d.%d", PUSHER_VERSION_MAJOR, PUSHER_VERSION_MINOR,
             PUSHER_VERSION_PATCH);
    cr_assert_str_eq(text, PROJECT_VERSION);
    cr_assert_str_eq(PUSHER_VERSION, PROJECT_VERSION);
    cr_assert_str_eq(pusher_version(), PROJECT_VERSION);
    cr_assert_geq(PUSHER_VERSION_NUMBER, 100);
}
