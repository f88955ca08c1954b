/* pusherctl top: what the daemons say of themselves, as JSON and on a terminal. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "tests/support/ctl.h"

#define DAEMONS "{pusher:jobs}:daemons"

static struct scene scene;

static void open_scene(void)
{
    scene_open(&scene, NULL);
    scene_start_pusherd(&scene);
}

static void close_scene(void)
{
    scene_close(&scene);
}

TestSuite(top, .init = open_scene, .fini = close_scene, .timeout = 120);

/* ---- as JSON */

/* A new reference to what the only daemon says, or NULL. */
static json_t *report(void)
{
    redisReply *reply = redis_cmd(&scene.redis, "HVALS " DAEMONS);
    json_t *root = NULL;
    if (reply->elements == 1) {
        cr_expect_leq(reply->element[0]->len, 2048 + 32);
        root = json_loadb(reply->element[0]->str, reply->element[0]->len, 0, NULL);
        cr_assert(root, "not JSON: %s", reply->element[0]->str);
    }
    freeReplyObject(reply);
    return root;
}

/* A number of the report, also of its queue; -1 if there is none. */
static json_int_t reported(const char *name)
{
    json_t *root = report();
    const json_t *value = json_object_get(root, name);
    if (!value) {
        value = json_object_get(json_object_get(root, "queue"), name);
    }
    json_int_t number = value ? json_integer_value(value) : -1;
    json_decref(root);
    return number;
}

static void look_once(void)
{
    cr_assert_eq(ctl_run(&scene, NULL, "top", "--count", "1", NULL), 0);
}

static bool is_heard_again(json_int_t at_ms)
{
    return reported("at_ms") > at_ms;
}

Test(top, daemons_speak_every_second_while_somebody_looks)
{
    cr_assert(wait_until(reported("at_ms") > 0, WAIT_LONG_MS));
    look_once();
    json_int_t first = reported("at_ms");
    cr_assert(wait_until(is_heard_again(first), WAIT_LONG_MS)); /* it has learned of it now */
    json_int_t second = reported("at_ms");
    cr_assert(wait_until(is_heard_again(second), WAIT_LONG_MS));
    cr_expect_lt(reported("at_ms") - second, 3000);
}

static bool has_reported(const char *name, json_int_t n)
{
    return reported(name) == n;
}

Test(top, tells_what_was_done_in_the_last_seconds)
{
    cr_assert(wait_until(reported("at_ms") > 0, WAIT_LONG_MS));
    job_push_many(&scene.redis, JOB_JSON, 0, 40, 1);
    cr_assert(wait_until(has_reported("done", 40), WAIT_LONG_MS));
    cr_expect_eq(reported("events"), 40);
    cr_expect_eq(reported("batch_events"), 40);
    cr_expect_geq(reported("batches"), 4);
    cr_expect_gt(reported("p99_us"), 0);
    cr_expect_geq(reported("p99_us"), reported("p50_us"));
    json_t *root = ctl_json(&scene, 0, "top", "--count", "1", "--json", NULL);
    const json_t *queue = json_array_get(json_object_get(root, "queues"), 0);
    const json_t *consumer = json_array_get(json_object_get(queue, "consumers"), 0);
    cr_expect_gt(ctl_number(root, "time_ms"), 1600000000000);
    cr_expect_eq(ctl_number(queue, "results"), 40);
    cr_expect(json_is_object(json_object_get(consumer, "report")));
    json_decref(root);
    cr_assert(wait_until(has_reported("done", 0), WAIT_LONG_MS), "it is counted for ever");
}

static bool says_gate(const char *cause)
{
    json_t *root = report();
    const json_t *gate = json_array_get(json_object_get(root, "gates"), 0);
    const char *is = json_string_value(json_object_get(gate, "cause"));
    bool same = is && strcmp(is, cause) == 0;
    json_decref(root);
    return same;
}

Test(top, tells_of_apps_that_may_not_send)
{
    cr_assert(wait_until(reported("at_ms") > 0, WAIT_LONG_MS));
    fake_server_set_rules(&scene.fake, "[{'action':{'status':401,'body':'no'}}]");
    job_push_many(&scene.redis, JOB_JSON, 0, 1, 1);
    cr_expect(wait_until(says_gate("refused"), WAIT_LONG_MS));
    fake_server_delete_rules(&scene.fake);
    cr_expect(scene_settles(&scene, 1, 0));
}

Test(top, writes_a_line_for_each_look)
{
    char *out;
    cr_expect_eq(ctl_run(&scene, &out, "top", "--count", "2", "--interval", "1", NULL), 0);
    char *second = strchr(out, '\n');
    cr_assert(second && strchr(second + 1, '\n'), "%s", out);
    cr_expect_eq(strchr(second + 1, '\n')[1], '\0');
    free(out);
    cr_expect_eq(ctl_run(&scene, NULL, "top", "--interval", "0", NULL), 64);
    cr_expect_eq(ctl_run(&scene, NULL, "top", "--count", "x", NULL), 64);
}

/* ---- on a terminal */

struct terminal {
    int fd, slave;
    pid_t pid;
    char seen[1 << 18]; /* all that was written to it */
    size_t n;
};

static struct terminal terminal;

static void set_size(unsigned short columns, unsigned short rows)
{
    struct winsize size = {.ws_col = columns, .ws_row = rows};
    cr_assert_eq(ioctl(terminal.fd, TIOCSWINSZ, &size), 0);
}

static void run_child(void)
{
    const char *program = getenv("PUSHERCTL_BIN");
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setsid();
    ioctl(terminal.slave, TIOCSCTTY, 0);
    dup2(terminal.slave, 0);
    dup2(terminal.slave, 1);
    execl(program, program, "--config", scene.config, "top", "--interval", "1", (char *)NULL);
    _exit(127);
}

static void start_on_terminal(unsigned short columns, unsigned short rows)
{
    terminal.fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    cr_assert(terminal.fd >= 0 && grantpt(terminal.fd) == 0 && unlockpt(terminal.fd) == 0);
    terminal.slave = open(ptsname(terminal.fd), O_RDWR | O_NOCTTY | O_CLOEXEC);
    cr_assert_geq(terminal.slave, 0);
    set_size(columns, rows);
    terminal.pid = fork();
    cr_assert_geq(terminal.pid, 0);
    if (terminal.pid == 0) {
        run_child();
    }
}

/* True if the text has been seen from there on. */
static bool sees(size_t from, const char *text)
{
    struct pollfd fd = {.fd = terminal.fd, .events = POLLIN};
    while (poll(&fd, 1, 0) > 0 && terminal.n < sizeof(terminal.seen) - 1) {
        ssize_t n =
            read(terminal.fd, terminal.seen + terminal.n, sizeof(terminal.seen) - 1 - terminal.n);
        if (n <= 0) {
            break;
        }
        terminal.n += (size_t)n;
    }
    terminal.seen[terminal.n] = '\0';
    return strstr(terminal.seen + from, text) != NULL;
}

static int exit_status(void)
{
    int status = -1;
    pid_t pid = 0;
    cr_assert(wait_until((sees(0, "?"), pid = waitpid(terminal.pid, &status, WNOHANG)) != 0,
                         WAIT_LONG_MS),
              "it does not end");
    cr_assert_eq(pid, terminal.pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* It has ended well, and the terminal is as it was. */
static void expect_restored(void)
{
    struct termios now;
    cr_expect_eq(exit_status(), 0);
    cr_expect(sees(0, "\033[?25h\033[?1049l"), "the screen was not restored");
    cr_assert_eq(tcgetattr(terminal.slave, &now), 0);
    cr_expect((now.c_lflag & ECHO) && (now.c_lflag & ICANON), "keys were not restored");
    close(terminal.fd);
    close(terminal.slave);
}

Test(top, draws_on_a_terminal_until_q)
{
    start_on_terminal(80, 24);
    cr_assert(wait_until(sees(0, "events/s"), WAIT_LONG_MS));
    cr_expect(sees(0, "\033[?1049h") && sees(0, "pusher:jobs"));
    struct termios now;
    cr_assert_eq(tcgetattr(terminal.slave, &now), 0);
    cr_expect(!(now.c_lflag & ICANON));
    cr_assert_eq(write(terminal.fd, "q", 1), 1);
    expect_restored();
}

Test(top, restores_the_terminal_when_it_is_ended_by_a_signal)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT};
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        terminal.n = 0;
        start_on_terminal(80, 24);
        cr_assert(wait_until(sees(0, "events/s"), WAIT_LONG_MS));
        cr_assert_eq(kill(terminal.pid, signals[i]), 0);
        expect_restored();
    }
}

Test(top, restores_the_terminal_when_it_is_ended_by_a_key)
{
    static const char keys[] = {'\x03', '\x1c'}; /* Ctrl-C, Ctrl-\ */
    for (size_t i = 0; i < sizeof(keys); i++) {
        terminal.n = 0;
        start_on_terminal(80, 24);
        cr_assert(wait_until(sees(0, "events/s"), WAIT_LONG_MS));
        cr_assert_eq(write(terminal.fd, &keys[i], 1), 1);
        expect_restored();
    }
}

/* The longest line, in characters, and the number of lines of the last picture but one. */
static void measure(size_t from, size_t *ret_columns, size_t *ret_rows)
{
    const char *at = strstr(terminal.seen + from, "\033[H"),
               *end = at ? strstr(at + 1, "\033[H") : 0;
    size_t columns = 0;
    cr_assert(at && end);
    *ret_columns = 0;
    *ret_rows = 1;
    for (; at < end; at++) {
        if (*at == '\033') {
            at += strcspn(at, "HKJmhl");
        } else if (*at == '\n') {
            ++*ret_rows;
            columns = 0;
        } else if (*at != '\r' && (*at & 0xc0) != 0x80 && ++columns > *ret_columns) {
            *ret_columns = columns;
        }
    }
}

static bool draws_twice(size_t from)
{
    const char *first = sees(from, "\033[H") ? strstr(terminal.seen + from, "\033[H") : NULL;
    return first && strstr(first + 1, "\033[H");
}

Test(top, fits_a_terminal_that_becomes_small)
{
    size_t columns, rows;
    for (int i = 0; i < 20; i++) {
        job_push(&scene.redis, JOB_JSON, "{'channel':'not a channel','event':'e','data':'d'}");
    }
    cr_assert(scene_settles(&scene, 0, 20));
    start_on_terminal(120, 40);
    cr_assert(wait_until(sees(0, "latest failures") && draws_twice(0), WAIT_LONG_MS));
    measure(0, &columns, &rows);
    cr_expect(columns > 100 && columns <= 120 && rows > 20, "%zu x %zu", columns, rows);
    set_size(40, 10);
    size_t from = terminal.n;
    cr_assert(wait_until(draws_twice(from), WAIT_LONG_MS));
    from += (size_t)(strstr(terminal.seen + from, "\033[H") - (terminal.seen + from)) + 1;
    cr_assert(wait_until(draws_twice(from), WAIT_LONG_MS)); /* drawn in the new size for sure */
    measure(from, &columns, &rows);
    cr_expect(columns > 30 && columns <= 40 && rows == 10, "%zu x %zu", columns, rows);
    cr_assert_eq(write(terminal.fd, "q", 1), 1);
    expect_restored();
}

Test(top, lets_no_job_steer_the_terminal)
{
    job_push(&scene.redis, JOB_JSON,
             "{'op':'\\u001b]0;evil\\u0007','app':'\\u001b[31m','channel':'c','event':'e'}");
    cr_assert(scene_settles(&scene, 0, 1));
    start_on_terminal(120, 40);
    cr_assert(wait_until(sees(0, "unknown_op"), WAIT_LONG_MS));
    cr_expect(!sees(0, "\033]0;evil") && !sees(0, "\033[31m"));
    cr_assert_eq(write(terminal.fd, "q", 1), 1);
    expect_restored();
}

/* True if some whole picture from there on does not have the text. */
static bool draws_without(size_t from, const char *text)
{
    sees(from, text);
    for (char *at = strstr(terminal.seen + from, "\033[H"), *end; at; at = end) {
        end = strstr(at + 1, "\033[H");
        char *found = strstr(at, text);
        if (end && (!found || found > end)) {
            return true;
        }
    }
    return false;
}

Test(top, goes_on_when_redis_is_back)
{
    start_on_terminal(100, 24);
    cr_assert(wait_until(sees(0, "events/s"), WAIT_LONG_MS));
    redis_kill(&scene.redis);
    cr_assert(wait_until(sees(0, "trying again"), WAIT_LONG_MS));
    redis_start_again(&scene.redis);
    size_t from = terminal.n;
    cr_assert(wait_until(draws_without(from, "trying again"), WAIT_LONG_MS));
    cr_assert_eq(write(terminal.fd, "q", 1), 1);
    expect_restored();
}
