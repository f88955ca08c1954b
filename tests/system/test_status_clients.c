/* Nobody who asks the status server badly, or never ends, is in the way of deliveries, or of others
 * who ask. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "status_scene.h"

#define N       2000
#define CLIENTS 90 /* more than it takes at a time */
#define PLACES  64 /* as many */

TestSuite(status_clients, .init = open_scene, .fini = close_scene, .timeout = 120);
TestSuite(status_slow_reader, .fini = close_scene, .timeout = 120);

/* A connection that has sent this much, non-blocking. */
static int connect_with(const char *bytes)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), small = 4096;
    cr_assert_eq(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
    cr_assert_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    cr_assert_eq(send(fd, bytes, strlen(bytes), MSG_NOSIGNAL), (ssize_t)strlen(bytes));
    return fd;
}

static void open_clients(int fds[CLIENTS])
{
    static const char *const openings[] = {
        "",                                         /* says nothing */
        "GET /metr",                                /* stops in the middle */
        "GET /metrics HTTP/1.1\r\nHost: a\r\nX-",   /* likewise */
        "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n", /* does not read */
        "POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 9999\r\n\r\nabc",
        "GET /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab",
        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", /* TLS */
    };
    for (int i = 0; i < CLIENTS; i++) {
        fds[i] = connect_with(openings[(size_t)i % (sizeof(openings) / sizeof(openings[0]))]);
    }
}

static void close_clients(const int fds[CLIENTS])
{
    for (int i = 0; i < CLIENTS; i++) {
        close(fds[i]);
    }
}

Test(status_clients, slow_clients_do_not_disturb_deliveries)
{
    int fds[CLIENTS];
    start_ready();
    open_clients(fds);
    job_push_many(&scene.redis, JOB_JSON, 0, N, 50);
    cr_expect(scene_settles(&scene, N, 0));
    cr_expect_eq(fake_server_events(&scene.fake), N);
    close_clients(fds);
    cr_expect(becomes_ready(), "it does not serve any more");
}

/* Connections that wait must not keep the loop turning. */
Test(status_clients, slow_clients_cost_no_time)
{
    int fds[CLIENTS];
    start_ready();
    open_clients(fds);
    uint64_t end_ms = wait_now_ms() + 2000, before_us = proc_cpu_us(&scene.pusherd);
    wait_until(wait_now_ms() >= end_ms, 3000);
    uint64_t used_us = proc_cpu_us(&scene.pusherd) - before_us;
    cr_expect_lt(used_us, 600000, "%llu us in two seconds", (unsigned long long)used_us);
    close_clients(fds);
}

Test(status_clients, those_who_say_nothing_are_cut_off_and_others_served)
{
    int fds[CLIENTS];
    start_ready();
    open_clients(fds);
    cr_expect(becomes_ready(), "nobody was served while slow clients held all places");
    close_clients(fds);
}

/* True if it says something, or is closed, within `ms`. */
static bool is_heard(int fd, int ms)
{
    struct pollfd in = {.fd = fd, .events = POLLIN};
    return poll(&in, 1, ms) == 1;
}

static bool reads_200(int fd)
{
    char text[2048];
    ssize_t n = is_heard(fd, WAIT_LONG_MS) ? recv(fd, text, sizeof(text) - 1, 0) : -1;
    text[n > 0 ? n : 0] = '\0';
    return strncmp(text, "HTTP/1.1 200 ", 13) == 0;
}

#define GET_HEALTHZ "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"

/* With all places taken by clients that send `first`, and twice a second `then`: how long another
 * waits for its answer. */
static uint64_t wait_among(const char *first, const char *then)
{
    int fds[PLACES];
    for (int i = 0; i < PLACES; i++) {
        fds[i] = connect_with(first);
    }
    uint64_t begin_ms = wait_now_ms();
    int asks = connect_with(GET_HEALTHZ);
    while (!is_heard(asks, 500) && wait_now_ms() - begin_ms < WAIT_LONG_MS * wait_patience()) {
        for (int i = 0; i < PLACES; i++) {
            (void)send(fds[i], then, strlen(then), MSG_NOSIGNAL | MSG_DONTWAIT);
        }
    }
    uint64_t ms = wait_now_ms() - begin_ms;
    cr_expect(reads_200(asks));
    for (int i = 0; i < PLACES; i++) {
        close(fds[i]);
    }
    close(asks);
    return ms;
}

Test(status_clients, those_who_say_little_are_cut_off_and_others_served)
{
    start_ready();
    uint64_t ms = wait_among("GET /healthz HTTP/1.1\r\nHost: a\r\nX-A: ", "a");
    cr_expect_gt(ms, 1000, "they did not hold all places");
    cr_expect_lt(ms, 15000 * wait_patience(), "served after %llu ms", (unsigned long long)ms);
}

/* Whole requests, each answered at once. */
Test(status_clients, those_who_ask_all_the_time_give_way_to_others)
{
    start_ready();
    uint64_t ms = wait_among(GET_HEALTHZ, GET_HEALTHZ);
    cr_expect_lt(ms, 15000 * wait_patience(), "served after %llu ms", (unsigned long long)ms);
}

/* Time is counted from the last answer. */
Test(status_clients, those_who_ask_again_and_again_are_not_cut_off)
{
    start_ready();
    int fd = connect_with(GET_HEALTHZ);
    for (uint64_t end_ms = wait_now_ms() + 8000; wait_now_ms() < end_ms;) {
        cr_assert(reads_200(fd), "it is closed");
        cr_assert(!is_heard(fd, 1000), "it is closed, though it has just asked");
        cr_assert_eq(send(fd, GET_HEALTHZ, strlen(GET_HEALTHZ), MSG_NOSIGNAL),
                     (ssize_t)strlen(GET_HEALTHZ));
    }
    close(fd);
}

Test(status_clients, ends_in_good_order_with_clients_connected)
{
    int fds[CLIENTS];
    start_ready();
    open_clients(fds);
    cr_expect_eq(proc_stop(&scene.pusherd, SIGTERM, WAIT_LONG_MS), 0);
    close_clients(fds);
}

static int connect_unix(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    strcpy(address.sun_path, socket_path);
    cr_assert_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

/* Sections of so many apps: /metrics has a page for each. */
static char *many_apps(const char *first, int n)
{
    char *text;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    fputs(first, out);
    for (int i = 0; i < n; i++)
        fprintf(out,
                "[app a%d]\napp_id = a\nkey = a\nsecret = a\nhost = 127.0.0.1\nport = 9\n"
                "use_tls = off\n",
                i);
    fprintf(out, "[queue pusher:jobs]\napp = main\n");
    fclose(out);
    return text;
}

/* The bytes of /metrics that come to one who takes 32 KiB of them twice a second. */
static size_t read_slowly(void)
{
    static char text[32768];
    static const char get[] = "GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    int fd = connect_unix();
    size_t total = 0;
    cr_assert_eq(send(fd, get, strlen(get), MSG_NOSIGNAL), (ssize_t)strlen(get));
    for (ssize_t n; (n = recv(fd, text, sizeof(text), MSG_WAITALL)) > 0;) {
        total += (size_t)n;
        poll(NULL, 0, 500);
    }
    close(fd);
    return total;
}

/* A unix socket: of TCP, the kernel takes megabytes of an answer that nobody reads. */
static void start_at_unix(struct folder *folder)
{
    open_unix(folder);
    char *apps = many_apps(ini, 400);
    scene.options.ini = apps;
    scene_point_at(&scene, scene.redis.url);
    free(apps);
    scene_start_pusherd(&scene);
    cr_assert(wait_until(answers_unix(), WAIT_LONG_MS));
}

static size_t n_bytes_of_metrics(void)
{
    struct http_answer answer;
    http_perform(&(struct http_request){.method = "GET",
                                        .url = "http://localhost/metrics",
                                        .unix_socket = socket_path},
                 &answer);
    cr_assert_eq(answer.status, 200);
    cr_assert_gt(answer.len, 1500000, "it may be taken in time: %zu bytes", answer.len);
    http_answer_deinit(&answer);
    return answer.len;
}

Test(status_slow_reader, is_cut_off)
{
    struct folder folder;
    start_at_unix(&folder);
    size_t whole = n_bytes_of_metrics(), n = read_slowly();
    cr_expect(n > 0 && n < whole, "%zu bytes of %zu", n, whole);
    folder_remove(&folder);
}

/* All are sent the same text: a copy for each would be a hundred megabytes. */
Test(status_slow_reader, has_no_copy_of_its_own)
{
    static const char get[] = "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n";
    struct folder folder;
    int fds[PLACES];
    start_at_unix(&folder);
    size_t n = n_bytes_of_metrics(), before_kib = proc_rss_kib(&scene.pusherd);
    for (int i = 0; i < PLACES; i++) {
        fds[i] = connect_unix();
        cr_assert_eq(send(fds[i], get, strlen(get), MSG_NOSIGNAL), (ssize_t)strlen(get));
    }
    for (int i = 0; i < PLACES; i++) {
        cr_assert(reads_200(fds[i]), "%d is not answered", i);
    }
    size_t kib = proc_rss_kib(&scene.pusherd);
    cr_expect_lt(kib, before_kib + 32 * 1024, "%zu KiB more for %d times %zu bytes",
                 kib - before_kib, PLACES, n);
    for (int i = 0; i < PLACES; i++) {
        close(fds[i]);
    }
    folder_remove(&folder);
}

#define TURNS "\npusherd_loop_turn_seconds_count "

/* More each time that /metrics is made. */
static double n_turns(void)
{
    struct http_answer answer = ask("GET", "/metrics");
    const char *at = strstr(answer.body, TURNS);
    cr_assert(at);
    double n = strtod(at + strlen(TURNS), NULL);
    http_answer_deinit(&answer);
    return n;
}

Test(status_slow_reader, shares_a_long_text_with_others_while_it_is_new)
{
    open_scene();
    char *apps = many_apps(ini, 100);
    scene.options.ini = apps;
    scene_point_at(&scene, scene.redis.url);
    free(apps);
    start_ready();
    double n = n_turns();
    cr_expect(wait_until(n_turns() == n_turns(), WAIT_LONG_MS), "it is made for each");
    cr_expect(wait_until(n_turns() != n, WAIT_LONG_MS), "it is never made anew");
}

Test(status_clients, share_no_short_text)
{
    start_ready();
    double n = n_turns();
    cr_expect_gt(n_turns(), n);
}
