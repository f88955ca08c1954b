/* Where the status server listens: ports, unix sockets, and what is refused at the start. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "status_scene.h"
#include "tests/support/port.h"

TestSuite(status_port, .init = open_scene, .fini = close_scene, .timeout = 120);
TestSuite(status_address, .fini = close_scene, .timeout = 120);

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

Test(status_port, that_is_taken_is_refused_at_the_start)
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
