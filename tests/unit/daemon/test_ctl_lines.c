#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/ctl/lines.h"

/* A reader of `text`, which fits a pipe; the writing end is closed. */
static void open_lines(struct lines *lines, const char *text, size_t max_bytes)
{
    int fds[2];
    cr_assert_eq(pipe(fds), 0);
    cr_assert_eq(write(fds[1], text, strlen(text)), (ssize_t)strlen(text));
    close(fds[1]);
    lines_init(lines, fds[0], max_bytes);
}

static void close_lines(struct lines *lines)
{
    close(lines->fd);
    lines_deinit(lines);
}

static void expect_line(struct lines *lines, const char *wanted)
{
    const char *line;
    size_t len;
    cr_assert_eq(lines_next(lines, &line, &len), LINES_LINE);
    cr_expect(len == strlen(wanted) && memcmp(line, wanted, len) == 0, "%.*s", (int)len, line);
}

Test(ctl_lines, gives_each_line_and_what_stands_behind_the_last)
{
    struct lines lines;
    const char *line;
    size_t len;
    open_lines(&lines, "a\n\nbc\r\nd", 100);
    expect_line(&lines, "a");
    expect_line(&lines, "");
    expect_line(&lines, "bc\r");
    expect_line(&lines, "d");
    cr_expect_eq(lines.number, 4);
    cr_expect_eq(lines_next(&lines, &line, &len), LINES_END);
    close_lines(&lines);
}

Test(ctl_lines, ends_at_once_on_nothing)
{
    struct lines lines;
    const char *line;
    size_t len;
    open_lines(&lines, "", 100);
    cr_expect_eq(lines_next(&lines, &line, &len), LINES_END);
    close_lines(&lines);
}

Test(ctl_lines, refuses_a_line_over_the_cap_and_takes_one_at_it)
{
    struct lines lines;
    const char *line;
    size_t len;
    open_lines(&lines, "1234567890\n12345678901\n", 10);
    expect_line(&lines, "1234567890");
    cr_expect_eq(lines_next(&lines, &line, &len), LINES_TOO_LONG);
    cr_expect_eq(lines.number, 2);
    close_lines(&lines);
}

Test(ctl_lines, stops_reading_soon_after_the_cap)
{
    struct lines lines;
    const char *line;
    size_t len;
    lines_init(&lines, open("/dev/zero", O_RDONLY), 1000000);
    cr_expect_eq(lines_next(&lines, &line, &len), LINES_TOO_LONG);
    cr_expect_lt(lines.n_read, 4000000);
    close_lines(&lines);
}

Test(ctl_lines, grows_for_a_long_line)
{
    struct lines lines;
    const char *line;
    size_t len, size = 3000000;
    char path[] = "/tmp/pusherctl-lines-XXXXXX";
    char *text = malloc(size);
    memset(text, 'x', size);
    text[size - 1] = '\n';
    int fd = mkstemp(path);
    cr_assert(write(fd, text, size) == (ssize_t)size && write(fd, "y", 1) == 1);
    lseek(fd, 0, SEEK_SET);
    lines_init(&lines, fd, size);
    cr_assert_eq(lines_next(&lines, &line, &len), LINES_LINE);
    cr_expect(len == size - 1 && memcmp(line, text, len) == 0);
    expect_line(&lines, "y");
    close_lines(&lines);
    unlink(path);
    free(text);
}

Test(ctl_lines, says_why_it_cannot_read)
{
    struct lines lines;
    const char *line;
    size_t len;
    lines_init(&lines, open("/tmp", O_RDONLY), 100);
    cr_expect_eq(lines_next(&lines, &line, &len), LINES_IO);
    close_lines(&lines);
}

static int n_waits_left;

static int wait_or_stop(void *data)
{
    cr_expect_eq(data, &n_waits_left);
    return n_waits_left-- > 0 ? 0 : 5;
}

Test(ctl_lines, ask_before_each_read)
{
    struct lines lines;
    const char *line;
    size_t len;
    open_lines(&lines, "a\nb\nc", 100);
    lines_set_wait(&lines, wait_or_stop, &n_waits_left);
    cr_expect_eq(lines_next(&lines, &line, &len), LINES_STOPPED);
    cr_expect_eq(lines.n_read, 0);
    n_waits_left = 1;
    expect_line(&lines, "a");
    expect_line(&lines, "b");
    cr_expect_eq(lines_next(&lines, &line, &len), LINES_STOPPED);
    cr_expect_eq(lines.number, 2);
    n_waits_left = 1;
    expect_line(&lines, "c");
    close_lines(&lines);
}
