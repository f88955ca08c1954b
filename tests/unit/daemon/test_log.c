/* How a line of the log is written: read from a pipe in the place of standard error. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/log.h"

static int reader, before;
static char text[65536];

static void open_log(void)
{
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    before = dup(STDERR_FILENO);
    dup2(ends[1], STDERR_FILENO);
    close(ends[1]);
    reader = ends[0];
    fcntl(reader, F_SETFL, O_NONBLOCK);
    unsetenv("JOURNAL_STREAM");
}

static void close_log(void)
{
    dup2(before, STDERR_FILENO);
}

TestSuite(log, .init = open_log, .fini = close_log);

/* All that was written since. */
static const char *written(void)
{
    ssize_t n = read(reader, text, sizeof(text) - 1);
    text[n > 0 ? n : 0] = '\0';
    return text;
}

static size_t n_lines(const char *of)
{
    size_t n = 0;
    for (; *of; of++)
        n += *of == '\n';
    return n;
}

/* The line without its time. */
static const char *line_of(const char *value)
{
    log_event(LOG_WARNING, "t", "m", LOG_TEXT("key", value));
    const char *line = written();
    cr_assert_eq(n_lines(line), 1, "%s", line);
    return strstr(line, "level=");
}

Test(log, quotes_and_escapes_what_it_must)
{
    log_init(LOG_INFO, LOG_FORMAT_TEXT);
    cr_expect_str_eq(line_of("plain"), "level=warn tag=t key=plain msg=m\n");
    cr_expect_str_eq(line_of(""), "level=warn tag=t key=\"\" msg=m\n");
    cr_expect_str_eq(line_of("a b"), "level=warn tag=t key=\"a b\" msg=m\n");
    cr_expect_str_eq(line_of("a=\"\\"), "level=warn tag=t key=\"a=\\\"\\\\\" msg=m\n");
    cr_expect_str_eq(line_of("a\nlevel=info\r\t\x1b[2J\x7f"),
                     "level=warn tag=t key=\"a\\u000alevel=info\\u000d\\u0009\\u001b[2J\\u007f\" "
                     "msg=m\n");
    cr_expect_str_eq(line_of("\xc3\xa9"), "level=warn tag=t key=\xc3\xa9 msg=m\n");
    cr_expect_str_eq(line_of("\xc2\x9b"), "level=warn tag=t key=\"\\u009b\" msg=m\n");
    cr_expect_str_eq(line_of("\xff\xc3"),
                     "level=warn tag=t key=\"\xef\xbf\xbd\xef\xbf\xbd\" msg=m\n");
}

/* Or the reader of a log would see another text than was written. */
Test(log, escapes_what_nobody_sees)
{
    log_init(LOG_INFO, LOG_FORMAT_TEXT);
    cr_expect_str_eq(line_of("a\u202eb\u2066\u200b\ufeff\u2028"),
                     "level=warn tag=t key=\"a\\u202eb\\u2066\\u200b\\ufeff\\u2028\" msg=m\n");
    cr_expect_str_eq(line_of("\U000e0041\U0001bca0"),
                     "level=warn tag=t key=\"\\udb40\\udc41\\ud82f\\udca0\" msg=m\n");
    cr_expect_str_eq(line_of("\u20ac\U0001f600"), "level=warn tag=t key=\u20ac\U0001f600 msg=m\n");
}

Test(log, is_json_that_reads_as_it_was)
{
    static const char value[] = "a\u202e\u200f\U000e0041\xc2\x85\n\"\U0001f600";
    log_init(LOG_INFO, LOG_FORMAT_JSON);
    log_event(LOG_ERR, "t", "m", LOG_TEXT("a", value));
    const char *line = written();
    json_t *root = json_loads(line, 0, NULL);
    cr_assert(root, "%s", line);
    cr_expect_str_eq(json_string_value(json_object_get(root, "a")), value);
    cr_expect_null(strstr(line, "\u202e"));
    json_decref(root);
}

Test(log, is_json_whatever_the_values_are)
{
    char value[512];
    log_init(LOG_INFO, LOG_FORMAT_JSON);
    for (size_t i = 0; i < sizeof(value) - 1; i++)
        value[i] = (char)(1 + i % 255);
    value[sizeof(value) - 1] = '\0';
    log_event(LOG_ERR, "t", "m", LOG_TEXT("a", value), LOG_NUMBER("n", -5));
    json_error_t error;
    const char *line = written();
    json_t *root = json_loads(line, 0, &error);
    cr_assert(root, "%s: %s", error.text, line);
    cr_expect_eq(n_lines(line), 1);
    cr_expect_str_eq(json_string_value(json_object_get(root, "level")), "error");
    cr_expect_str_eq(json_string_value(json_object_get(root, "msg")), "m");
    cr_expect_eq(json_integer_value(json_object_get(root, "n")), -5);
    json_decref(root);
}

Test(log, cuts_texts_between_characters)
{
    char value[LOG_TEXT_MAX + 10] = "";
    log_init(LOG_INFO, LOG_FORMAT_TEXT);
    memset(value, 'x', LOG_TEXT_MAX - 1);
    strcat(value, "\xc3\xa9");
    cr_expect(strstr(line_of(value), "x msg=m\n"));
}

Test(log, has_the_level_in_front_for_the_journal)
{
    struct stat status;
    char stream[64];
    cr_assert_eq(fstat(STDERR_FILENO, &status), 0);
    snprintf(stream, sizeof stream, "%ju:%ju", (uintmax_t)status.st_dev, (uintmax_t)status.st_ino);
    setenv("JOURNAL_STREAM", stream, 1);
    log_init(LOG_INFO, LOG_FORMAT_TEXT);
    log_event(LOG_ERR, "t", "m", LOG_NUMBER("n", 1));
    log_event(LOG_WARNING, "t", "m", LOG_NUMBER("n", 1));
    log_event(LOG_NOTICE, "t", "m", LOG_NUMBER("n", 1));
    cr_expect_str_eq(written(), "<3>level=error tag=t n=1 msg=m\n<4>level=warn tag=t n=1 msg=m\n"
                                "<5>level=info tag=t n=1 msg=m\n");
}

Test(log, has_its_time_in_front_where_the_journal_is_that_of_another_program)
{
    static const char *const streams[] = {"8:1", "", "x", "0:0"};
    for (size_t i = 0; i < sizeof streams / sizeof streams[0]; i++) {
        setenv("JOURNAL_STREAM", streams[i], 1);
        log_init(LOG_INFO, LOG_FORMAT_TEXT);
        log_event(LOG_ERR, "t", "m", LOG_NUMBER("n", 1));
        cr_expect_eq(strncmp(written(), "time=", 5), 0, "%s: %s", streams[i], text);
    }
}

Test(log, leaves_out_what_is_less_important_than_its_level)
{
    log_init(LOG_WARNING, LOG_FORMAT_TEXT);
    log_event(LOG_NOTICE, "t", "m", LOG_NUMBER("n", 1));
    log_event(LOG_INFO, "t", "m", LOG_NUMBER("n", 1));
    cr_expect_str_eq(written(), "");
    cr_expect(log_is_on(LOG_WARNING));
}

Test(log, of_a_flood_is_a_few_lines_and_a_count)
{
    log_init(LOG_INFO, LOG_FORMAT_TEXT);
    for (int i = 0; i < 100000; i++)
        log_event(LOG_WARNING, "job", "a job failed", LOG_TEXT("code", "rejected"),
                  LOG_NUMBER("n", i));
    log_flush_all();
    const char *lines = written(), *at = lines;
    unsigned n_more = 0;
    while ((at = strstr(at, "repeated=")))
        n_more += (unsigned)strtoul(at += strlen("repeated="), NULL, 10);
    cr_expect_gt(n_lines(lines), LOG_SAME_PER_S);
    cr_expect_lt(n_lines(lines), 200); /* in some seconds, if the machine is slow */
    cr_expect(strstr(lines, "tag=job code=rejected repeated="), "%s", lines);
    size_t n_counts = 0;
    for (at = lines; (at = strstr(at, "repeated=")); at++)
        n_counts++;
    cr_expect_eq(n_lines(lines) - n_counts + n_more, 100000);
}

Test(log, of_many_kinds_is_bounded_as_well)
{
    char name[16];
    log_init(LOG_INFO, LOG_FORMAT_TEXT);
    for (int i = 0; i < 5000; i++) {
        snprintf(name, sizeof(name), "app-%d", i);
        log_event(LOG_WARNING, "http", "refused", LOG_TEXT("app", name));
    }
    log_flush_all();
    const char *lines = written();
    cr_expect_lt(n_lines(lines), 10 * LOG_LINES_PER_S);
    cr_expect(strstr(lines, "lines were not written"), "%s", lines);
}

static void fill_pipe(void)
{
    static const char bytes[4096];
    int flags = fcntl(STDERR_FILENO, F_GETFL);
    fcntl(STDERR_FILENO, F_SETFL, flags | O_NONBLOCK);
    while (write(STDERR_FILENO, bytes, sizeof(bytes)) > 0) {
    }
    fcntl(STDERR_FILENO, F_SETFL, flags);
}

static void empty_pipe(void)
{
    while (read(reader, text, sizeof(text)) > 0) {
    }
}

/* Or a reader that hangs would stop the daemon. */
Test(log, does_not_wait_for_its_reader, .timeout = 10)
{
    log_init(LOG_INFO, LOG_FORMAT_TEXT);
    fill_pipe();
    for (int i = 0; i < 3; i++)
        log_event(LOG_WARNING, "t", "m", LOG_NUMBER("n", i));
    cr_expect(log_has_more());
    log_flush_all();
    cr_expect(log_has_more());
    empty_pipe();
    log_flush_all();
    cr_expect(strstr(written(), "tag=log lines=3 msg=\"lines were not written\""), "%s", text);
    cr_expect(!log_has_more());
}
