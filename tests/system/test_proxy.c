/* The parameter `proxy`, with a real proxy: tinyproxy, on the loopback, started by each test. Plain
 * requests are forwarded by it, those over TLS go through it by CONNECT. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/scene.h"

#define N    20
/* Resets by the proxy are many and quick: they must not use up the attempts. */
#define FAST "[delivery]\nretry_base_ms = 20\nretry_cap_ms = 500\nmax_attempts = 1000\n"

static struct scene scene;
static struct proc proxy;
static struct proc tls_fake;
static unsigned proxy_port;
static unsigned tls_port;
static char ca_file[FOLDER_PATH_MAX + 16];

static struct sockaddr_in loopback(unsigned port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static unsigned free_port(void)
{
    struct sockaddr_in address = loopback(0);
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert(fd >= 0 && bind(fd, (struct sockaddr *)&address, len) == 0 &&
              getsockname(fd, (struct sockaddr *)&address, &len) == 0);
    close(fd);
    return ntohs(address.sin_port);
}

static bool can_connect(unsigned port)
{
    struct sockaddr_in address = loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool can = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
    close(fd);
    return can;
}

/* `more`: lines of its configuration. */
static void start_proxy(const char *more)
{
    char ini[512], config[FOLDER_PATH_MAX + 32];
    snprintf(ini, sizeof(ini),
             "Port %u\nListen 127.0.0.1\nAllow 127.0.0.1\nTimeout 60\nMaxClients 50\n"
             "LogFile \"%s/proxy.log\"\nLogLevel Connect\n%s",
             proxy_port, scene.folder.path, more);
    folder_write(&scene.folder, "proxy.conf", ini, config, sizeof(config));
    const char *argv[] = {"tinyproxy", "-d", "-c", config, NULL};
    proc_start(&proxy, &(struct proc_options){.argv = argv, .log = scene.log});
    cr_assert(wait_until(can_connect(proxy_port) || !proc_is_running(&proxy), WAIT_LONG_MS));
    cr_assert(proc_is_running(&proxy), "tinyproxy does not run");
}

static void stop_proxy(void)
{
    cr_expect_eq(proc_stop(&proxy, SIGTERM, WAIT_LONG_MS), 0);
}

static bool has_logged(const char *file, const char *text)
{
    struct proc proc = {0};
    folder_path(&scene.folder, file, proc.log, sizeof(proc.log));
    return proc_logged(&proc, text);
}

static void expect_forwarded(void)
{
    char line[128];
    snprintf(line, sizeof(line), ": POST http://127.0.0.1:%u/apps/" FAKE_APP_ID "/",
             scene.fake.port);
    cr_expect(has_logged("proxy.log", line));
}

static void expect_connected(void)
{
    char line[128];
    snprintf(line, sizeof(line), ": CONNECT 127.0.0.1:%u HTTP/1.1", tls_port);
    cr_expect(has_logged("proxy.log", line));
}

/* A scene whose app goes through the proxy as `user`, "name:password@" or "". */
static void open_scene(const char *user)
{
    char app[128];
    proxy_port = free_port();
    snprintf(app, sizeof(app), "proxy = http://%s127.0.0.1:%u\n", user, proxy_port);
    scene_open(&scene, &(struct scene_options){.app = app, .ini = FAST});
}

/* A certificate for 127.0.0.1 that signs itself. */
static void make_certificate(const char *cert, const char *key)
{
    struct proc openssl;
    const char *argv[] = {"openssl",
                          "req",
                          "-x509",
                          "-newkey",
                          "ec",
                          "-pkeyopt",
                          "ec_paramgen_curve:P-256",
                          "-nodes",
                          "-days",
                          "2",
                          "-subj",
                          "/CN=127.0.0.1",
                          "-addext",
                          "subjectAltName=IP:127.0.0.1",
                          "-keyout",
                          key,
                          "-out",
                          cert,
                          NULL};
    proc_start(&openssl, &(struct proc_options){.argv = argv, .log = scene.log});
    cr_assert_eq(proc_wait(&openssl, WAIT_LONG_MS), 0, "openssl");
}

/* The same with a fake that speaks TLS. */
static void open_tls_scene(const char *user)
{
    char key[FOLDER_PATH_MAX + 16], line[64], ini[1024], path[FOLDER_PATH_MAX + 32];
    open_scene(user);
    folder_path(&scene.folder, "cert.pem", ca_file, sizeof(ca_file));
    folder_path(&scene.folder, "key.pem", key, sizeof(key));
    make_certificate(ca_file, key);
    const char *argv[] = {getenv("FAKE_PUSHER_BIN"), "--tls-cert", ca_file, "--tls-key", key, NULL};
    proc_start(&tls_fake, &(struct proc_options){.argv = argv, .capture_out = true});
    cr_assert(proc_read_line(&tls_fake, line, sizeof(line), WAIT_LONG_MS));
    cr_assert_eq(sscanf(line, "listening on 127.0.0.1:%u", &tls_port), 1);
    snprintf(ini, sizeof(ini),
             "[redis]\nurl = %s\n[app main]\napp_id = " FAKE_APP_ID "\nkey = " FAKE_APP_KEY
             "\nsecret = " FAKE_APP_SECRET "\nhost = 127.0.0.1\nport = %u\nca_file = %s\n"
             "proxy = http://%s127.0.0.1:%u\n" FAST,
             scene.redis.url, tls_port, ca_file, user, proxy_port);
    folder_write(&scene.folder, "pusherd.conf", ini, path, sizeof(path));
}

static void close_scene(void)
{
    proc_stop(&tls_fake, SIGTERM, WAIT_LONG_MS);
    scene_close(&scene);
    proc_stop(&proxy, SIGTERM, WAIT_LONG_MS);
}

TestSuite(proxy, .fini = close_scene, .timeout = 120);

Test(proxy, forwards_the_requests_of_pusherd)
{
    open_scene("");
    start_proxy("");
    scene_start_pusherd(&scene);
    job_push_many(&scene.redis, JOB_JSON, 0, N, 5);
    cr_assert(scene_settles(&scene, N, 0));
    cr_expect_eq(fake_server_events(&scene.fake), N);
    expect_forwarded();
}

Test(proxy, is_the_only_way_of_pusherd)
{
    open_scene("");
    scene_start_pusherd(&scene);
    job_push_many(&scene.redis, JOB_JSON, 0, N, 5);
    cr_assert(wait_until(has_logged("pusherd.log", "will retry"), WAIT_LONG_MS));
    cr_expect_eq(fake_server_events(&scene.fake), 0);
    start_proxy("");
    cr_assert(scene_settles(&scene, N, 0));
    cr_expect_eq(fake_server_events(&scene.fake), N);
}

Test(proxy, connects_pusherd_to_a_server_with_tls)
{
    open_tls_scene("");
    start_proxy("");
    scene_start_pusherd(&scene);
    job_push_many(&scene.redis, JOB_JSON, 0, N, 5);
    cr_assert(scene_settles(&scene, N, 0));
    expect_connected();
}

/* The app is paused, nothing fails, and all is sent once the credentials are right. tinyproxy
 * refuses before it has read a body, and so may reset the connection before its refusal is read:
 * what the pause is put down to is not looked at. */
static void expect_pause(void)
{
    start_proxy("BasicAuth name right\n");
    scene_start_pusherd(&scene);
    job_push_many(&scene.redis, JOB_JSON, 0, N, 5);
    cr_assert(wait_until(has_logged("pusherd.log", "the app is paused"), WAIT_LONG_MS));
    cr_expect_eq(outcomes_count(&scene.redis, FAILURES), 0);
    stop_proxy();
    start_proxy("BasicAuth name wrong\n");
    cr_assert(scene_settles(&scene, N, 0));
}

Test(proxy, that_refuses_the_credentials_pauses_the_app)
{
    open_scene("name:wrong@");
    expect_pause();
    cr_expect_eq(fake_server_events(&scene.fake), N);
}

Test(proxy, that_refuses_the_credentials_for_a_connection_pauses_the_app)
{
    open_tls_scene("name:wrong@");
    expect_pause();
    expect_connected();
}

Test(proxy, that_answers_407_pauses_the_app)
{
    open_scene("");
    start_proxy("");
    fake_server_set_rules(&scene.fake, "[{'action':{'status':407}}]");
    scene_start_pusherd(&scene);
    job_push_many(&scene.redis, JOB_JSON, 0, N, 5);
    cr_assert(wait_until(has_logged("pusherd.log", "cause=refused"), WAIT_LONG_MS));
    cr_expect_eq(outcomes_count(&scene.redis, FAILURES), 0);
    fake_server_delete_rules(&scene.fake);
    cr_assert(scene_settles(&scene, N, 0));
}

/* The proxy connects to no port that we use: it is asked, and looks up no name. */
Test(proxy, is_asked_for_the_host_of_the_cluster_and_the_port_of_tls)
{
    char ini[1024], path[FOLDER_PATH_MAX + 32];
    open_scene("");
    start_proxy("ConnectPort 1\n");
    snprintf(ini, sizeof(ini),
             "[redis]\nurl = %s\n[app main]\napp_id = 1\nkey = k\nsecret = s\ncluster = ap1\n"
             "proxy = http://127.0.0.1:%u\n",
             scene.redis.url, proxy_port);
    folder_write(&scene.folder, "pusherd.conf", ini, path, sizeof(path));
    scene_start_pusherd(&scene);
    job_push_many(&scene.redis, JOB_JSON, 0, 1, 1);
    cr_expect(wait_until(has_logged("proxy.log", ": CONNECT api-ap1.pusher.com:443 HTTP/1.1"),
                         WAIT_LONG_MS));
}

/* The exit status of a trigger by pusherctl. */
static int trigger(void)
{
    struct proc ctl;
    const char *argv[] = {getenv("PUSHERCTL_BIN"),
                          "--config",
                          scene.config,
                          "trigger-event",
                          "--channel",
                          "c",
                          "--event",
                          "e",
                          "--data",
                          "{\"a\":1}",
                          NULL};
    proc_start(&ctl, &(struct proc_options){.argv = argv, .log = scene.log});
    int status = proc_wait(&ctl, WAIT_LONG_MS);
    proc_kill(&ctl);
    return status;
}

Test(proxy, forwards_the_requests_of_pusherctl)
{
    open_scene("");
    cr_expect_eq(trigger(), 69);
    start_proxy("");
    cr_expect_eq(trigger(), 0);
    cr_expect_eq(fake_server_events(&scene.fake), 1);
    expect_forwarded();
}

Test(proxy, connects_pusherctl_to_a_server_with_tls)
{
    open_tls_scene("name:right@");
    start_proxy("BasicAuth name right\n");
    cr_expect_eq(trigger(), 0);
    expect_connected();
}

Test(proxy, that_refuses_a_connection_for_its_credentials_is_told_by_pusherctl)
{
    open_tls_scene("name:wrong@");
    start_proxy("BasicAuth name right\n");
    cr_expect_eq(trigger(), 1);
    cr_expect(has_logged("pusherd.log", "the proxy refused to connect"));
}
