/* Text in memory, while memory runs out: the linker puts our realloc() in the place of libc's. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/text_out.h"

#define N_LINES 20000
#define LINE    5 /* bytes */

static unsigned n_growths, fails_at;

void *__real_realloc(void *memory, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void *__wrap_realloc(void *memory, size_t size)
{
    return ++n_growths == fails_at ? NULL : __real_realloc(memory, size);
}

static char *write_lines(size_t *ret_len)
{
    struct text_out text;
    FILE *out = text_out_open(&text);
    cr_assert(out);
    for (int i = 0; i < N_LINES; i++)
        (void)fprintf(out, "%04d\n", i % 10000);
    return text_out_close(&text, ret_len);
}

static void expect_whole_lines(void)
{
    size_t len;
    char *text = write_lines(&len);
    cr_assert(text);
    cr_assert_eq(len, N_LINES * LINE);
    cr_assert_eq(strlen(text), len);
    for (int i = 0; i < N_LINES; i++)
        cr_assert_eq(atoi(text + (size_t)i * LINE), i % 10000);
    free(text);
}

Test(text_out, holds_all_that_was_written)
{
    expect_whole_lines();
}

Test(text_out, is_a_text_also_when_nothing_was_written)
{
    struct text_out text;
    size_t len = 1;
    cr_assert(text_out_open(&text));
    char *whole = text_out_close(&text, &len);
    cr_assert(whole);
    cr_expect_eq(len, 0);
    cr_expect_str_eq(whole, "");
    free(whole);
}

/* With glibc's open_memstream() it is a text with a hole, and no error. The last time, memory is
 * only given back. */
Test(text_out, is_whole_or_nothing_when_memory_runs_out_once)
{
    expect_whole_lines();
    unsigned n = n_growths;
    cr_assert_geq(n, 4);
    for (fails_at = 1; fails_at < n; fails_at++) {
        n_growths = 0;
        size_t len = 7;
        cr_expect_null(write_lines(&len), "growth %u of %u", fails_at, n);
        cr_expect_eq(len, 7);
    }
    n_growths = 0;
    expect_whole_lines();
}

Test(text_out, is_nothing_where_it_was_not_opened)
{
    struct text_out text = {.file = NULL};
    size_t len;
    cr_expect_null(text_out_close(&text, &len));
}
