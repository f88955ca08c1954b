/* What the service manager hears: ready when Redis is reached, a status, the watchdog's food, the
 * end. The manager is a socket of the test. */
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/support/scene.h"

#define WATCHDOG_MS 2000

static struct scene scene;

/* What was heard so far. */
static struct manager {
    int socket;
    char env[FOLDER_PATH_MAX + 48]; /* NOTIFY_SOCKET=... */
    unsigned n_ready, n_fed, n_stopping, n_status, n_reloading;
    uint64_t fed_ms, longest_ms; /* when it was fed last; the longest time without */
    char status[512];            /* the last one */
} manager;

static void open_scene(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    scene_open(&scene, &(struct scene_options){.app = "max_in_flight = 4\nconcurrency = fixed\n"});
    folder_path(&scene.folder, "notify", address.sun_path, sizeof(address.sun_path));
    snprintf(manager.env, sizeof(manager.env), "NOTIFY_SOCKET=%s", address.sun_path);
    manager.socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    cr_assert(bind(manager.socket, (struct sockaddr *)&address, sizeof(address)) == 0, "%s",
              strerror(errno));
}

static void close_scene(void)
{
    scene_close(&scene);
    close(manager.socket);
}

TestSuite(notify, .init = open_scene, .fini = close_scene, .timeout = 120);

static void hear(const char *message)
{
    uint64_t now_ms = wait_now_ms();
    manager.n_ready += strcmp(message, "READY=1") == 0;
    manager.n_stopping += strcmp(message, "STOPPING=1") == 0;
    manager.n_reloading += strncmp(message, "RELOADING=1\nMONOTONIC_USEC=", 27) == 0;
    if (strncmp(message, "STATUS=", 7) == 0) {
        manager.n_status++;
        snprintf(manager.status, sizeof(manager.status), "%s", message + 7);
    }
    if (strcmp(message, "WATCHDOG=1") == 0) {
        uint64_t ms = manager.n_fed > 0 ? now_ms - manager.fed_ms : 0;
        manager.longest_ms = ms > manager.longest_ms ? ms : manager.longest_ms;
        manager.fed_ms = now_ms;
        manager.n_fed++;
    }
}

/* Hears all that was said. True, so that it can stand in a condition. */
static bool listen_to_it(void)
{
    char message[512];
    ssize_t n;
    while ((n = recv(manager.socket, message, sizeof(message) - 1, 0)) > 0) {
        message[n] = '\0';
        hear(message);
    }
    return true;
}

#define hears(condition, timeout_ms) wait_until(listen_to_it() && (condition), timeout_ms)

static void start_watched(const char *watchdog, const char *pid)
{
    const char *args[] = {"--config", scene.config, NULL};
    const char *env[] = {manager.env, watchdog, pid, NULL};
    scene_start_pusherd_with(&scene, args, env, &scene.pusherd);
}

static void start(void)
{
    start_watched(NULL, NULL);
}

static bool status_has(const char *text)
{
    return strstr(manager.status, text);
}

Test(notify, ready_when_redis_is_reached_and_not_before)
{
    redis_kill(&scene.redis);
    start();
    cr_assert(hears(status_has("waiting for Redis"), WAIT_LONG_MS), "%s", manager.status);
    cr_assert(wait_until(proc_logged(&scene.pusherd, "still no connection"), WAIT_LONG_MS));
    cr_assert(listen_to_it() && manager.n_ready == 0, "ready without Redis");
    redis_start_again(&scene.redis);
    cr_assert(hears(manager.n_ready == 1, WAIT_LONG_MS));
    cr_assert(hears(status_has("events/s"), WAIT_LONG_MS), "%s", manager.status);
}

/* The manager's queue is full, and it does not read. */
static void fill_manager(void)
{
    struct sockaddr_un address;
    socklen_t len = sizeof(address);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    cr_assert_eq(getsockname(manager.socket, (struct sockaddr *)&address, &len), 0);
    while (sendto(fd, "X=1", 3, 0, (struct sockaddr *)&address, len) > 0) {
    }
    cr_assert_eq(errno, EAGAIN);
    close(fd);
}

Test(notify, a_manager_that_does_not_read_holds_up_nothing)
{
    start();
    cr_assert(hears(manager.n_ready == 1, WAIT_LONG_MS));
    fill_manager();
    for (int i = 0; i < 30; i++) {
        proc_signal(&scene.pusherd, SIGHUP);
        job_push_many(&scene.redis, JOB_JSON, i * 10, 10, 10);
        cr_assert(scene_settles(&scene, (i + 1) * 10, 0));
    }
    cr_expect_eq(proc_stop(&scene.pusherd, SIGTERM, WAIT_LONG_MS), 0);
}

Test(notify, what_a_manager_did_not_take_it_hears_later)
{
    fill_manager();
    start();
    job_push_many(&scene.redis, JOB_JSON, 0, 10, 10);
    cr_assert(scene_settles(&scene, 10, 0));
    cr_expect(hears(manager.n_ready == 1, WAIT_LONG_MS));
    cr_expect(hears(status_has("events/s"), WAIT_LONG_MS));
}

Test(notify, ready_is_said_once)
{
    start();
    cr_assert(hears(manager.n_ready == 1, WAIT_LONG_MS));
    redis_kill(&scene.redis);
    cr_assert(hears(status_has("Redis is away"), WAIT_LONG_MS), "%s", manager.status);
    redis_start_again(&scene.redis);
    cr_assert(hears(!status_has("Redis is away"), WAIT_LONG_MS), "%s", manager.status);
    cr_expect_eq(manager.n_ready, 1);
}

Test(notify, the_status_has_rate_and_backlog)
{
    fake_server_set_rules(&scene.fake, "[{'action':{'delay_ms':40}}]");
    job_push_many(&scene.redis, JOB_JSON, 0, 4000, 100);
    start();
    cr_assert(hears(manager.n_status > 0 && manager.status[0] != '0' && status_has("backlog"),
                    WAIT_LONG_MS),
              "%s", manager.status);
    cr_expect_not(status_has("backlog 0"), "%s", manager.status);
    cr_expect(hears(status_has("in flight 4"), WAIT_LONG_MS), "%s", manager.status);
    fake_server_delete_rules(&scene.fake);
    cr_assert(
        hears(strcmp(manager.status, "0 events/s, backlog 0, in flight 0") == 0, WAIT_LONG_MS),
        "%s", manager.status);
}

Test(notify, the_status_is_sent_once_a_second_at_most)
{
    uint64_t begin_ms = wait_now_ms();
    fake_server_set_rules(&scene.fake, "[{'action':{'delay_ms':10}}]");
    job_push_many(&scene.redis, JOB_JSON, 0, 5000, 100);
    start_watched("WATCHDOG_USEC=20000", NULL);
    cr_assert(hears(manager.n_status >= 4, WAIT_LONG_MS));
    cr_expect_leq(manager.n_status, (wait_now_ms() - begin_ms) / 1000 + 1);
}

Test(notify, the_status_names_an_app_that_is_refused)
{
    fake_server_set_rules(&scene.fake, "[{'action':{'status':401,'body':'no\\u0001\\u00e9'}}]");
    job_push_many(&scene.redis, JOB_JSON, 0, 5, 1);
    start();
    cr_assert(hears(status_has("; app main: refused ("), WAIT_LONG_MS), "%s", manager.status);
    fake_server_delete_rules(&scene.fake);
    cr_assert(hears(!status_has("app main"), WAIT_LONG_MS), "%s", manager.status);
    cr_assert(scene_settles(&scene, 5, 0));
}

Test(notify, the_watchdog_is_fed_under_load)
{
    fake_server_set_rules(&scene.fake, "[{'action':{'delay_ms':20}}]");
    job_push_many(&scene.redis, JOB_JSON, 0, 20000, 100);
    start_watched("WATCHDOG_USEC=2000000", NULL);
    cr_assert(hears(manager.n_fed >= 5, WAIT_LONG_MS));
    cr_expect_lt(fake_server_events(&scene.fake), 20000, "there was no load at the end");
    cr_expect_lt(manager.longest_ms, WATCHDOG_MS, "%ju ms without", (uintmax_t)manager.longest_ms);
}

Test(notify, the_watchdog_starves_while_the_process_hangs)
{
    start_watched("WATCHDOG_USEC=200000", NULL);
    cr_assert(hears(manager.n_fed >= 3, WAIT_LONG_MS));
    proc_signal(&scene.pusherd, SIGSTOP);
    cr_expect_not(hears(manager.n_fed > 5, 1000), "fed by a process that is stopped");
    unsigned n = manager.n_fed;
    proc_signal(&scene.pusherd, SIGCONT);
    cr_expect(hears(manager.n_fed > n + 3, WAIT_LONG_MS));
}

Test(notify, the_watchdog_of_another_process_is_not_fed)
{
    start_watched("WATCHDOG_USEC=200000", "WATCHDOG_PID=1");
    cr_assert(hears(manager.n_ready == 1 && manager.n_status > 0, WAIT_LONG_MS));
    cr_expect_not(hears(manager.n_fed > 0, 1000));
}

Test(notify, stopping_is_said_at_once_and_the_watchdog_fed_while_requests_drain)
{
    fake_server_set_rules(&scene.fake, "[{'action':{'delay_ms':3000}}]");
    job_push_many(&scene.redis, JOB_JSON, 0, 10, 1);
    start_watched("WATCHDOG_USEC=400000", NULL);
    cr_assert(hears(fake_server_stat(&scene.fake, "requests") >= 1, WAIT_LONG_MS));
    proc_signal(&scene.pusherd, SIGTERM);
    cr_assert(hears(manager.n_stopping == 1 && status_has("stopping, in flight 1"), 2000), "%s",
              manager.status);
    unsigned n = manager.n_fed;
    cr_expect(hears(manager.n_fed > n + 3, 2500));
    cr_expect(proc_is_running(&scene.pusherd));
    cr_expect(hears(!proc_is_running(&scene.pusherd), WAIT_LONG_MS));
    cr_expect_eq(manager.n_stopping, 1);
}

Test(notify, reloading_is_said_and_ready_again_whatever_comes_of_it)
{
    start();
    cr_assert(hears(manager.n_ready == 1, WAIT_LONG_MS));
    proc_signal(&scene.pusherd, SIGHUP);
    cr_assert(hears(manager.n_reloading == 1 && manager.n_ready == 2, WAIT_LONG_MS));
    cr_expect_not(status_has("reload refused"));
    scene.options.ini = "[log]\nlevel = loud\n";
    scene_point_at(&scene, scene.redis.url);
    proc_signal(&scene.pusherd, SIGHUP);
    cr_assert(hears(manager.n_reloading == 2 && manager.n_ready == 3, WAIT_LONG_MS));
    cr_expect(status_has("reload refused (") && status_has("[log] level: "), "%s", manager.status);
    unsigned n = manager.n_status;
    job_push_many(&scene.redis, JOB_JSON, 0, 100, 100);
    cr_assert(hears(manager.n_status > n, WAIT_LONG_MS));
    cr_expect(status_has("reload refused"), "it is forgotten: %s", manager.status);
    scene.options.ini = "";
    scene_point_at(&scene, scene.redis.url);
    proc_signal(&scene.pusherd, SIGHUP);
    cr_assert(hears(manager.n_ready == 4, WAIT_LONG_MS));
    cr_expect_not(status_has("reload refused"), "%s", manager.status);
}

Test(notify, a_reload_before_it_is_ready_does_not_make_it_ready)
{
    redis_kill(&scene.redis);
    start();
    cr_assert(hears(status_has("waiting for Redis"), WAIT_LONG_MS), "%s", manager.status);
    proc_signal(&scene.pusherd, SIGHUP);
    cr_assert(wait_until(proc_logged(&scene.pusherd, "read again"), WAIT_LONG_MS));
    cr_assert(listen_to_it());
    cr_expect_eq(manager.n_ready + manager.n_reloading, 0);
    redis_start_again(&scene.redis);
    cr_assert(hears(manager.n_ready == 1, WAIT_LONG_MS));
}
