/* The status server: /healthz, /readyz, where it listens, and that nobody who asks, or asks badly,
 * is in the way of deliveries. What /metrics says is in test_metrics.c. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/support/http.h"
#include "tests/support/port.h"
#include "tests/support/scene.h"

#define N       2000
#define CLIENTS 90 /* more than it takes at a time */
#define PLACES  64 /* as many */

static struct scene scene;
static unsigned port;
static char ini[512];

/* `more`: lines behind [status]. */
static void open_listening(const char *address, const char *more)
{
    snprintf(ini, sizeof(ini), "[status]\nlisten = %s\n%s", address, more);
    scene_open(&scene, &(struct scene_options){.ini = ini});
}

static void open_scene(void)
{
    char address[64];
    port = port_pick();
    snprintf(address, sizeof(address), "127.0.0.1:%u", port);
    open_listening(address, "");
}

static void close_scene(void)
{
    scene_close(&scene);
}

TestSuite(status, .init = open_scene, .fini = close_scene, .timeout = 120);
TestSuite(status_address, .fini = close_scene, .timeout = 120);

/* ---- asking */

static struct http_answer ask(const char *method, const char *path)
{
    struct http_answer answer;
    char url[128];
    snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", port, path);
    http_perform(&(struct http_request){.method = method, .url = url}, &answer);
    return answer;
}

static long status_of(const char *method, const char *path)
{
    struct http_answer answer = ask(method, path);
    http_answer_deinit(&answer);
    return answer.status;
}

/* True if /readyz answers this, with the text in its JSON. */
static bool readyz_is(long status, const char *text)
{
    struct http_answer answer = ask("GET", "/readyz");
    bool is = answer.status == status && strstr(answer.body, text);
    if (answer.status > 0) {
        json_t *json = json_loads(answer.body, 0, NULL);
        cr_assert(json, "not JSON: %s", answer.body);
        cr_assert_eq(json_is_true(json_object_get(json, "ready")), answer.status == 200);
        json_decref(json);
    }
    http_answer_deinit(&answer);
    return is;
}

#define becomes_ready() wait_until(readyz_is(200, "{\"ready\":true}"), WAIT_LONG_MS)

static void start_ready(void)
{
    scene_start_pusherd(&scene);
    cr_assert(becomes_ready());
}

/* ---- what is served */

Test(status, serves_what_it_says_and_nothing_else)
{
    start_ready();
    struct http_answer answer = ask("GET", "/healthz");
    cr_expect_eq(answer.status, 200);
    cr_expect_str_eq(answer.body, "{\"healthy\":true}\n");
    cr_expect(strstr(answer.headers, "Content-Type: application/json"));
    http_answer_deinit(&answer);

    answer = ask("GET", "/nothing");
    cr_expect_eq(answer.status, 404);
    cr_expect(strstr(answer.body, "/readyz"), "%s", answer.body);
    http_answer_deinit(&answer);
    cr_expect_eq(status_of("POST", "/metrics"), 405);
    cr_expect_eq(status_of("POST", "/"), 405);
    cr_expect_eq(status_of("DELETE", "/readyz"), 405);
    cr_expect_eq(status_of("GET", "/metrics/"), 404);
}

Test(status, is_not_ready_without_redis_and_says_why)
{
    start_ready();
    redis_kill(&scene.redis);
    cr_assert(
        wait_until(readyz_is(503, "queue pusher:jobs: no connection to Redis: "), WAIT_LONG_MS));
    cr_expect_eq(status_of("GET", "/healthz"), 200);
    redis_start_again(&scene.redis);
    cr_expect(becomes_ready());
}

Test(status, is_not_ready_while_the_app_is_refused_and_says_why)
{
    start_ready();
    fake_server_set_rules(&scene.fake,
                          "[{'action':{'status':401,'body':'Invalid \\'signature\\'\\n'}}]");
    job_push_many(&scene.redis, JOB_JSON, 0, 10, 2);
    cr_assert(wait_until(readyz_is(503, "app main is paused: refused: "), WAIT_LONG_MS));
    cr_expect(readyz_is(503, "signature"));
    fake_server_delete_rules(&scene.fake);
    cr_expect(becomes_ready());
    cr_expect(scene_settles(&scene, 10, 0));
}

Test(status, says_that_it_is_stopping)
{
    start_ready();
    fake_server_set_rules(&scene.fake, "[{'action':{'delay_ms':1500}}]");
    job_push_many(&scene.redis, JOB_JSON, 0, 1, 1);
    cr_assert(wait_until(fake_server_events(&scene.fake) == 1, WAIT_LONG_MS));
    proc_signal(&scene.pusherd, SIGTERM);
    cr_expect(wait_until(readyz_is(503, "pusherd is stopping"), 1400));
    cr_expect_eq(proc_wait(&scene.pusherd, WAIT_LONG_MS), 0);
    cr_expect_eq(status_of("GET", "/healthz"), HTTP_NO_CONNECTION);
}

Test(status_address, is_ready_while_one_app_of_two_is_refused_but_tells_of_it)
{
    char address[64];
    port = port_pick();
    snprintf(address, sizeof(address), "127.0.0.1:%u", port);
    open_listening(address, "[app other]\napp_id = other\nkey = other-key\nsecret = other-secret\n"
                            "host = 127.0.0.1\nport = 9\nuse_tls = off\n"
                            "[queue pusher:jobs]\napp = main\n");
    start_ready();
    fake_server_set_rules(&scene.fake, "[{'action':{'status':403,'body':'over quota\\n'}}]");
    job_push_many(&scene.redis, JOB_JSON, 0, 10, 2);
    cr_assert(wait_until(readyz_is(200, "app main is paused: refused: "), WAIT_LONG_MS));
    fake_server_delete_rules(&scene.fake);
    cr_expect(becomes_ready());
}

/* ---- clients that behave badly */

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

Test(status, slow_clients_do_not_disturb_deliveries)
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
Test(status, slow_clients_cost_no_time)
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

Test(status, those_who_say_nothing_are_cut_off_and_others_served)
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

Test(status, those_who_say_little_are_cut_off_and_others_served)
{
    start_ready();
    uint64_t ms = wait_among("GET /healthz HTTP/1.1\r\nHost: a\r\nX-A: ", "a");
    cr_expect_gt(ms, 1000, "they did not hold all places");
    cr_expect_lt(ms, 15000 * wait_patience(), "served after %llu ms", (unsigned long long)ms);
}

/* Whole requests, each answered at once. */
Test(status, those_who_ask_all_the_time_give_way_to_others)
{
    start_ready();
    uint64_t ms = wait_among(GET_HEALTHZ, GET_HEALTHZ);
    cr_expect_lt(ms, 15000 * wait_patience(), "served after %llu ms", (unsigned long long)ms);
}

/* Time is counted from the last answer. */
Test(status, those_who_ask_again_and_again_are_not_cut_off)
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

Test(status, ends_in_good_order_with_clients_connected)
{
    int fds[CLIENTS];
    start_ready();
    open_clients(fds);
    cr_expect_eq(proc_stop(&scene.pusherd, SIGTERM, WAIT_LONG_MS), 0);
    close_clients(fds);
}

/* ---- addresses */

static void expect_refused(const char *text)
{
    const char *args[] = {"--config", scene.config, NULL};
    struct proc proc = {0};
    job_push_many(&scene.redis, JOB_JSON, 0, 1, 1);
    cr_expect_eq(scene_run_pusherd(&scene, args, NULL), 78);
    snprintf(proc.log, sizeof(proc.log), "%s", scene.log);
    cr_expect(proc_logged(&proc, "[status] listen"));
    cr_expect(proc_logged(&proc, text), "the log does not say \"%s\"", text);
    cr_expect_eq(redis_int(&scene.redis, "LLEN " JOB_LIST), 1, "it has begun to work");
}

Test(status, a_port_that_is_taken_is_refused_at_the_start)
{
    struct sockaddr_in taken = {.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(fd, (struct sockaddr *)&taken, sizeof(taken)), 0);
    cr_assert_eq(listen(fd, 1), 0);
    expect_refused("Address already in use");
    close(fd);
}

static char socket_path[FOLDER_PATH_MAX + 32];

/* A scene whose daemon listens at status.sock in a folder of its own. */
static void open_unix(struct folder *folder)
{
    char address[FOLDER_PATH_MAX + 64];
    folder_make(folder);
    folder_path(folder, "status.sock", socket_path, sizeof(socket_path));
    snprintf(address, sizeof(address), "unix:%s", socket_path);
    open_listening(address, "");
}

static bool answers_unix(void)
{
    struct http_answer answer;
    http_perform(&(struct http_request){.method = "GET",
                                        .url = "http://localhost/readyz",
                                        .unix_socket = socket_path},
                 &answer);
    http_answer_deinit(&answer);
    return answer.status == 200;
}

Test(status_address, of_a_unix_socket)
{
    struct folder folder;
    struct stat file;
    open_unix(&folder);
    scene_start_pusherd(&scene);
    cr_assert(wait_until(answers_unix(), WAIT_LONG_MS));
    cr_assert_eq(stat(socket_path, &file), 0);
    cr_expect(S_ISSOCK(file.st_mode) && (file.st_mode & 0777) == 0660, "%o", file.st_mode);
    cr_expect_eq(proc_stop(&scene.pusherd, SIGTERM, WAIT_LONG_MS), 0);
    cr_expect_neq(stat(socket_path, &file), 0, "it was left behind");
    folder_remove(&folder);
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

Test(status_address, whose_answers_are_read_too_slowly_cuts_them_off)
{
    struct folder folder;
    struct http_answer answer;
    open_unix(&folder);
    char *apps = many_apps(ini, 400);
    scene.options.ini = apps;
    scene_point_at(&scene, scene.redis.url);
    scene_start_pusherd(&scene);
    cr_assert(wait_until(answers_unix(), WAIT_LONG_MS));
    http_perform(&(struct http_request){.method = "GET",
                                        .url = "http://localhost/metrics",
                                        .unix_socket = socket_path},
                 &answer);
    cr_assert_eq(answer.status, 200);
    cr_assert_gt(answer.len, 1500000, "it may be taken in time: %zu bytes", answer.len);
    size_t n = read_slowly();
    cr_expect(n > 0 && n < answer.len, "%zu bytes of %zu", n, answer.len);
    http_answer_deinit(&answer);
    free(apps);
    folder_remove(&folder);
}

Test(status_address, of_a_unix_socket_that_a_dead_daemon_left)
{
    struct folder folder;
    struct stat file;
    open_unix(&folder);
    scene_start_pusherd(&scene);
    cr_assert(wait_until(answers_unix(), WAIT_LONG_MS));
    proc_kill(&scene.pusherd);
    cr_assert_eq(stat(socket_path, &file), 0);
    scene_start_pusherd(&scene);
    cr_expect(wait_until(answers_unix(), WAIT_LONG_MS));
    cr_expect_eq(proc_stop(&scene.pusherd, SIGTERM, WAIT_LONG_MS), 0);
    folder_remove(&folder);
}

static int listen_unix(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_lt(strlen(socket_path), sizeof(address.sun_path));
    strcpy(address.sun_path, socket_path);
    cr_assert_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    cr_assert_eq(listen(fd, 1), 0);
    return fd;
}

Test(status_address, of_a_unix_socket_that_somebody_has_is_refused)
{
    struct folder folder;
    struct stat file;
    open_unix(&folder);
    int fd = listen_unix();
    expect_refused("somebody listens there");
    cr_expect_eq(stat(socket_path, &file), 0, "it was removed");
    close(fd);
    folder_remove(&folder);
}

Test(status_address, of_a_file_is_refused_and_the_file_left)
{
    struct folder folder;
    struct stat file;
    char path[sizeof(socket_path)];
    open_unix(&folder);
    folder_write(&folder, "status.sock", "precious", path, sizeof(path));
    expect_refused("no socket");
    cr_expect(stat(socket_path, &file) == 0 && file.st_size == 8, "the file was touched");
    folder_remove(&folder);
}

Test(status_address, of_ipv6)
{
    char address[64], url[64];
    struct http_answer answer;
    port = port_pick();
    snprintf(address, sizeof(address), "[::]:%u", port);
    snprintf(url, sizeof(url), "http://[::1]:%u/healthz", port);
    open_listening(address, "");
    scene_start_pusherd(&scene);
    do {
        http_perform(&(struct http_request){.method = "GET", .url = url}, &answer);
        http_answer_deinit(&answer);
    } while (answer.status != 200 && proc_is_running(&scene.pusherd));
    cr_expect_eq(answer.status, 200);
    cr_expect_eq(status_of("GET", "/healthz"), HTTP_NO_CONNECTION, "it takes IPv4 as well");
}

Test(status_address, of_an_unknown_host_is_refused)
{
    open_listening("no-such-host.invalid:9101", "");
    expect_refused("no-such-host.invalid:9101");
}
