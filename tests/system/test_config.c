/* How pusherd is started: its options, what it refuses, and a reload. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/support/scene.h"

static struct scene scene;

static void open_scene(void)
{
    scene_open(&scene, NULL);
}

static void close_scene(void)
{
    scene_close(&scene);
}

TestSuite(config, .init = open_scene, .fini = close_scene, .timeout = 120);

static bool logged(const char *text)
{
    struct proc proc = {0};
    snprintf(proc.log, sizeof(proc.log), "%s", scene.log);
    return proc_logged(&proc, text);
}

static int check(const char *config)
{
    const char *args[] = {"--check-config", "--config", config, NULL};
    return scene_run_pusherd(&scene, args, NULL);
}

static void expect_refused(const char *ini, const char *text)
{
    char path[FOLDER_PATH_MAX + 32];
    folder_write(&scene.folder, "bad.conf", ini, path, sizeof(path));
    int status = check(path);
    cr_expect_eq(status, 78, "%s: %d", ini, status);
    cr_expect(logged(text), "%s: the message has no \"%s\"", ini, text);
}

#define APP "[app a]\napp_id = 1\nkey = k\nsecret = sss\ncluster = eu\n"

Test(config, that_is_good_is_checked_with_0)
{
    const char *short_args[] = {"-t", "--config", scene.config, NULL};
    cr_expect_eq(check(scene.config), 0);
    cr_expect_eq(scene_run_pusherd(&scene, short_args, NULL), 0);
}

Test(config, that_is_bad_is_refused_with_file_line_and_key)
{
    expect_refused(APP "port = 70000\n", "bad.conf:6");
    expect_refused(APP "port = 70000\n", "port");
    expect_refused(APP "prot = 80\n", "prot");
    expect_refused(APP "[apps b]\nkey = 1\n", "apps");
    expect_refused(APP "use_tls = perhaps\n", "use_tls");
    expect_refused(APP "secret_file = /nowhere/secret\n", "secret");
    expect_refused(APP "encryption_master_key_base64 = AAAA\n", "encryption_master_key_base64");
    expect_refused(APP "[queue q]\napp = nobody\n", "nobody");
    expect_refused(APP "[redis]\nurl = http://x\n", "url");
    expect_refused(APP "[queue caf\xe9]\n", "bad.conf:6: the line is not UTF-8");
    expect_refused(APP "[queue a]\npartitions = 2\n[queue a:0]\nlist = y\n", "a queue a:0");
    expect_refused("[app a]\nkey = k\nsecret = s\ncluster = eu\n", "app_id");
    expect_refused("[redis]\nurl = redis://localhost\n", "app");
    expect_refused(APP "timeout_ms = 20000\n[delivery]\nlease_ms = 15000\n", "lease_ms");
}

#define WARNING "[app main] secret: all users may read it here, and 1 more secret (mode 0644)"

Test(config, that_all_users_may_read_is_warned_of_and_taken)
{
    cr_expect_eq(check(scene.config), 0);
    cr_expect_not(logged("warning"));
    cr_assert_eq(chmod(scene.config, 0644), 0);
    cr_expect_eq(check(scene.config), 0);
    cr_expect(logged("pusherd: warning: ") && logged(WARNING));
}

static unsigned n_logged(const char *text)
{
    FILE *file = fopen(scene.log, "re");
    unsigned n = 0;
    if (!file) /* nothing was logged yet */
        return 0;
    char *bytes = calloc(1, 1u << 20);
    cr_assert(bytes);
    cr_assert_lt(fread(bytes, 1, (1u << 20) - 1, file), (1u << 20) - 1);
    for (const char *at = bytes; (at = strstr(at, text)); at++)
        n++;
    fclose(file);
    free(bytes);
    return n;
}

Test(config, that_all_users_may_read_is_logged_at_the_start_and_at_a_reload)
{
    cr_assert_eq(chmod(scene.config, 0644), 0);
    scene_start_pusherd(&scene);
    cr_assert(wait_until(n_logged(WARNING) == 1, WAIT_LONG_MS));
    cr_expect(logged("level=warn tag=config warning=\""));
    proc_signal(&scene.pusherd, SIGHUP);
    cr_assert(wait_until(n_logged(WARNING) == 2, WAIT_LONG_MS));
    cr_assert_eq(chmod(scene.config, 0640), 0);
    proc_signal(&scene.pusherd, SIGHUP);
    cr_assert(wait_until(n_logged("was read again") == 2, WAIT_LONG_MS));
    cr_expect_eq(proc_stop(&scene.pusherd, SIGTERM, WAIT_LONG_MS), 0);
    cr_expect_eq(n_logged(WARNING), 2u);
}

Test(config, that_is_bad_does_not_start_the_daemon)
{
    char path[FOLDER_PATH_MAX + 32];
    folder_write(&scene.folder, "bad.conf", APP "port = x\n", path, sizeof(path));
    const char *args[] = {"--config", path, NULL};
    cr_expect_eq(scene_run_pusherd(&scene, args, NULL), 78);
    const char *nowhere[] = {"--config", "/nowhere/pusherd.conf", NULL};
    cr_expect_eq(scene_run_pusherd(&scene, nowhere, NULL), 78);
}

Test(config, is_dumped_with_its_secrets_masked)
{
    const char *args[] = {"--dump-config", "--config", scene.config, NULL};
    cr_expect_eq(scene_run_pusherd(&scene, args, NULL), 0);
    cr_expect(logged("app_id = " FAKE_APP_ID));
    cr_expect(logged("********"));
    cr_expect(!logged(FAKE_APP_SECRET));
    cr_expect(!logged(SCENE_MASTER_KEY));
}

Test(config, options_that_do_not_exist_are_usage)
{
    const char *bad[] = {"--verbose-please", NULL};
    const char *help[] = {"--help", NULL};
    const char *version[] = {"--version", NULL};
    cr_expect_eq(scene_run_pusherd(&scene, bad, NULL), 64);
    cr_expect_eq(scene_run_pusherd(&scene, help, NULL), 0);
    cr_expect(logged("--check-config"));
    cr_expect_eq(scene_run_pusherd(&scene, version, NULL), 0);
}

Test(config, of_the_environment_alone_is_enough)
{
    char url[FOLDER_PATH_MAX + 64];
    char port[32];
    snprintf(url, sizeof(url), "REDIS_URL=%s", scene.redis.url);
    snprintf(port, sizeof(port), "PUSHER_PORT=%u", scene.fake.port);
    const char *env[] = {url,
                         port,
                         "PUSHER_APP_ID=" FAKE_APP_ID,
                         "PUSHER_APP_KEY=" FAKE_APP_KEY,
                         "PUSHER_APP_SECRET=" FAKE_APP_SECRET,
                         "PUSHER_HOST=127.0.0.1",
                         "PUSHER_SCHEME=http",
                         "PUSHERD_QUEUE=other:list",
                         NULL};
    scene_start_pusherd_with(&scene, NULL, env, &scene.pusherd);
    static const char job[] = "{\"channel\":\"a\",\"event\":\"e\",\"data\":\"x\"}";
    job_push_bytes(&scene.redis, "other:list", job, sizeof(job) - 1);
    cr_assert(wait_until(outcomes_count(&scene.redis, "{other:list}:results") == 1, WAIT_LONG_MS));
    cr_expect(scene_event_is(&scene, 0, "a", "e", "x"));
}

Test(config, of_the_environment_without_an_app_is_refused)
{
    const char *env[] = {"PUSHER_APP_ID=1", NULL};
    cr_expect_eq(scene_run_pusherd(&scene, NULL, env), 78);
    cr_expect(logged("PUSHER_APP_KEY"));
}

/* A certificate for 127.0.0.1 that signs itself. */
static void make_certificate(char *cert, char *key, size_t size)
{
    struct proc openssl;
    folder_path(&scene.folder, "cert.pem", cert, size);
    folder_path(&scene.folder, "key.pem", key, size);
    const char *argv[] = {"openssl",
                          "req",
                          "-x509",
                          "-newkey",
                          "ec",
                          "-pkeyopt",
                          "ec_paramgen_curve:prime256v1",
                          "-nodes",
                          "-keyout",
                          key,
                          "-out",
                          cert,
                          "-days",
                          "2",
                          "-subj",
                          "/CN=127.0.0.1",
                          "-addext",
                          "subjectAltName=IP:127.0.0.1",
                          NULL};
    proc_start(&openssl, &(struct proc_options){.argv = argv, .log = scene.log});
    cr_assert_eq(proc_wait(&openssl, WAIT_LONG_MS), 0, "openssl");
}

static void write_tls_config(unsigned port, const char *more)
{
    char ini[1024];
    char path[FOLDER_PATH_MAX + 32];
    snprintf(ini, sizeof(ini),
             "[redis]\nurl = %s\n[app main]\napp_id = " FAKE_APP_ID "\nkey = " FAKE_APP_KEY
             "\nsecret = " FAKE_APP_SECRET "\nhost = 127.0.0.1\nport = %u\n%s\n[delivery]\n"
             "max_attempts = 2\nretry_base_ms = 10\n",
             scene.redis.url, port, more);
    folder_write(&scene.folder, "pusherd.conf", ini, path, sizeof(path));
}

/* Starts a fake that speaks TLS; it has no /_fake/ client here. */
static void start_tls_fake(struct proc *ret_proc, const char *cert, const char *key,
                           unsigned *ret_port)
{
    char line[64];
    const char *argv[] = {getenv("FAKE_PUSHER_BIN"), "--tls-cert", cert, "--tls-key", key, NULL};
    proc_start(ret_proc, &(struct proc_options){.argv = argv, .capture_out = true});
    cr_assert(proc_read_line(ret_proc, line, sizeof(line), WAIT_LONG_MS));
    cr_assert_eq(sscanf(line, "listening on 127.0.0.1:%u", ret_port), 1);
}

Test(config, with_tls_delivers_to_a_server_it_can_trust_and_to_no_other)
{
    struct proc fake;
    char cert[FOLDER_PATH_MAX + 16], key[FOLDER_PATH_MAX + 16], ca[FOLDER_PATH_MAX + 32];
    unsigned port;
    make_certificate(cert, key, sizeof(cert));
    start_tls_fake(&fake, cert, key, &port);
    snprintf(ca, sizeof(ca), "ca_file = %s", cert);
    write_tls_config(port, ca);
    scene_start_pusherd(&scene);
    job_push_many(&scene.redis, JOB_JSON, 0, 1, 1);
    cr_assert(scene_settles(&scene, 1, 0));
    cr_expect_eq(proc_stop(&scene.pusherd, SIGTERM, WAIT_LONG_MS), 0);

    write_tls_config(port, "");
    scene_start_pusherd(&scene);
    job_push_many(&scene.redis, JOB_JSON, 1, 1, 1);
    cr_assert(scene_settles(&scene, 1, 1));
    proc_stop(&fake, SIGTERM, WAIT_LONG_MS);
}
