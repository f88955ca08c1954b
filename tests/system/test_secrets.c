/* Secrets stay secret: of the app, the master key, the passwords of Redis and of a proxy, the token
 * of the status server. They are looked for, in every form they can take, in all that pusherd and
 * pusherctl write: logs, error texts, /metrics and its neighbours, standard output, the command
 * line, Redis, and a core. */
#include <criterion/criterion.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/ctl.h"
#include "tests/support/http.h"
#include "tests/support/port.h"
#include "tests/support/scene.h"

/* All of them have characters that URLs and base64 write in another way. */
#define SECRET         "Geheim/App+Wert&7%41="
#define REDIS_PASSWORD "Redis/Pass+Wort&8%42="
#define PROXY_PASSWORD "Proxy/Pass+Wort&9%43="
#define STATUS_TOKEN   "Status/Token+Wert&6%44="
#define MASTER_RAW     "01234567890123456789012345678901"

static const char *const secrets[] = {SECRET, REDIS_PASSWORD, PROXY_PASSWORD, STATUS_TOKEN,
                                      MASTER_RAW};
#define N_SECRETS  (sizeof(secrets) / sizeof(secrets[0]))
#define FORMS_MAX  16
#define FORM_BYTES 128
#define N_CONFIG   4096

static struct scene scene;
static char status_socket[FOLDER_PATH_MAX + 32];
static char forms[N_SECRETS * FORMS_MAX][FORM_BYTES];
static size_t n_forms;

static void add_form(const char *text)
{
    cr_assert_lt(n_forms, sizeof(forms) / sizeof(forms[0]));
    snprintf(forms[n_forms++], FORM_BYTES, "%s", text);
}

/* Percent-encoded; good until the next call. */
static char *percent(const char *text)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    static char out[FORM_BYTES];
    size_t len = 0;
    for (; *text; text++) {
        if (strchr(plain, *text)) {
            out[len++] = *text;
        } else {
            len += (size_t)snprintf(out + len, sizeof(out) - len, "%%%02X", (unsigned char)*text);
        }
    }
    out[len] = '\0';
    return out;
}

static void add_forms(const char *secret)
{
    static const int variants[] = {sodium_base64_VARIANT_ORIGINAL_NO_PADDING,
                                   sodium_base64_VARIANT_URLSAFE_NO_PADDING};
    const unsigned char *bytes = (const unsigned char *)secret;
    char text[FORM_BYTES], prefixed[FORM_BYTES];
    add_form(secret);
    add_form(percent(secret));
    for (size_t i = 0; i < 2; i++) {
        sodium_bin2base64(text, sizeof(text), bytes, strlen(secret), variants[i]);
        add_form(text);
        add_form(percent(text));
        int len = snprintf(prefixed, sizeof(prefixed), "u:%s", secret); /* Basic */
        sodium_bin2base64(text, sizeof(text), (unsigned char *)prefixed, (size_t)len, variants[i]);
        add_form(text);
    }
    sodium_bin2hex(text, sizeof(text), bytes, strlen(secret));
    add_form(text);
}

/* Fails the test, and says which form of which secret is where, if there is any. */
static void expect_none(const char *where, const char *bytes, size_t len)
{
    for (size_t i = 0; i < n_forms; i++) {
        cr_expect(!memmem(bytes, len, forms[i], strlen(forms[i])), "%s has %s", where, forms[i]);
    }
}

static void expect_none_in_file(const char *path)
{
    FILE *file = fopen(path, "re");
    char *bytes = malloc(16u << 20);
    cr_assert(file && bytes, "%s", path);
    size_t len = fread(bytes, 1, 16u << 20, file);
    fclose(file);
    cr_expect_gt(len, 0u, "%s is empty", path);
    expect_none(path, bytes, len);
    free(bytes);
}

/* [redis] and the apps: a good one, one with a wrong secret, one behind a proxy that is not there.
 */
static void write_config(void)
{
    char ini[N_CONFIG];
    static const char app[] = "[app %s]\napp_id = app-id\nkey = app-key\nsecret = %s%s\n"
                              "host = 127.0.0.1\nport = %u\nuse_tls = off\n";
    unsigned port = scene.fake.port;
    char *apps[3], *redis_password = strdup(percent(REDIS_PASSWORD));

    cr_assert(asprintf(&apps[0], app, "main", SECRET, "", port) > 0);
    cr_assert(asprintf(&apps[1], app, "wrong", SECRET, "x", port) > 0);
    cr_assert(asprintf(&apps[2], app, "proxied", SECRET, "", port) > 0);
    int len = snprintf(ini, sizeof(ini),
                       "[redis]\nurl = unix://daemon:%s@%s\n"
                       "%sencryption_master_key_base64 = %s\n%s%sproxy = http://u:%s@127.0.0.1:%u\n"
                       "[queue pusher:jobs]\napp = main\n[status]\nlisten = unix:%s\ntoken = %s\n"
                       "[spool]\ndir = %s/spool\n[log]\nlevel = debug\n",
                       redis_password, scene.redis.socket, apps[0], SCENE_MASTER_KEY, apps[1],
                       apps[2], percent(PROXY_PASSWORD), port_pick(), status_socket, STATUS_TOKEN,
                       scene.folder.path);
    free(redis_password);
    for (size_t i = 0; i < 3; i++) {
        free(apps[i]);
    }
    cr_assert(len > 0 && (size_t)len < sizeof(ini));
    folder_write(&scene.folder, "pusherd.conf", ini, scene.config, sizeof(scene.config));
}

static void open_scene(void)
{
    static const char *const fake_args[] = {"--app", "app-id:app-key:" SECRET, NULL};
    static const char *const redis_args[] = {"--rdbcompression", "no", NULL};
    scene_open(&scene, &(struct scene_options){.fake_args = fake_args, .redis_args = redis_args});
    redis_do(&scene.redis, "ACL SETUSER daemon reset on >%s ~* &* +@all", REDIS_PASSWORD);
    folder_path(&scene.folder, "status", status_socket, sizeof(status_socket));
    write_config();
    n_forms = 0;
    for (size_t i = 0; i < N_SECRETS; i++) {
        add_forms(secrets[i]);
    }
    add_form(SCENE_MASTER_KEY);
}

static void close_scene(void)
{
    scene_close(&scene);
}

TestSuite(secrets, .init = open_scene, .fini = close_scene, .timeout = 120);

static void run_ctl(int status, const char *a, const char *b, const char *c)
{
    char *out = NULL;
    int ended = ctl_run(&scene, &out, a, b, c, NULL);
    cr_expect_eq(ended, status, "%s ended with %d", a, ended);
    expect_none(a, out, strlen(out));
    free(out);
}

static void expect_none_in_answer(const char *path)
{
    static const char token[] = "Authorization: Bearer " STATUS_TOKEN;
    char url[64];
    struct http_answer answer;
    snprintf(url, sizeof(url), "http://localhost%s", path);
    http_perform(&(struct http_request){"GET", url, .headers = (const char *const[]){token, NULL},
                                        .unix_socket = status_socket},
                 &answer);
    cr_expect_gt(answer.status, 0, "%s", path);
    expect_none(path, answer.body, answer.len);
    expect_none(path, answer.headers, strlen(answer.headers));
    http_answer_deinit(&answer);
}

static void expect_none_in_process(const struct proc *proc)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)proc->pid);
    expect_none_in_file(path);
}

/* Everything that Redis holds, as it writes it to disk. */
static void expect_none_in_redis(void)
{
    char path[FOLDER_PATH_MAX + 16];
    redis_do(&scene.redis, "ACL DELUSER daemon");
    redis_do(&scene.redis, "SAVE");
    folder_path(&scene.redis.folder, "dump.rdb", path, sizeof(path));
    expect_none_in_file(path);
}

static void push_jobs(void)
{
    job_push(&scene.redis, JOB_JSON, "{'channel':'a','event':'e','data':1,'replyTo':'replies'}");
    job_push(&scene.redis, JOB_JSON, "{'channel':'private-encrypted-a','event':'e','data':'x'}");
    job_push(&scene.redis, JOB_JSON, "{'channel':'a','event':'poison','data':'x'}");
    job_push(&scene.redis, JOB_JSON, "{'channel':'a b','event':'e','data':'x','replyTo':'r'}");
    job_push(&scene.redis, JOB_JSON,
             "{'op':'createSignedQueryString','method':'GET','path':'/channels'}");
    job_push(&scene.redis, JOB_JSON,
             "{'op':'authorizeChannel','socketId':'1.2','channel':'private-a'}");
    job_push(&scene.redis, JOB_JSON,
             "{'op':'validateWebhook','headers':{'x-pusher-key':'app-key',"
             "'x-pusher-signature':'00'},'rawBody':'{}'}");
    job_push(&scene.redis, JOB_JSON, "{'op':'customGet','path':'/nowhere'}");
    job_push(&scene.redis, JOB_JSON, "{'app':'wrong','channel':'a','event':'e','data':1}");
    job_push(&scene.redis, JOB_JSON, "{'app':'proxied','channel':'a','event':'e','data':1}");
}
#define N_SETTLED 8

Test(secrets, of_a_daemon_at_work_are_nowhere)
{
    fake_server_set_rules(&scene.fake, "[{'match':{'contains':'poison'},'action':{'status':400}}]");
    push_jobs();
    scene_start_pusherd(&scene);
    cr_assert(wait_until(
        outcomes_count(&scene.redis, RESULTS) + outcomes_count(&scene.redis, FAILURES) == N_SETTLED,
        WAIT_LONG_MS));
    cr_assert(wait_until(proc_logged(&scene.pusherd, "app=wrong") &&
                             proc_logged(&scene.pusherd, "app=proxied"),
                         WAIT_LONG_MS));
    expect_none_in_answer("/metrics");
    expect_none_in_answer("/healthz");
    expect_none_in_answer("/readyz");
    expect_none_in_answer("/");
    expect_none_in_answer("/api/token");
    expect_none_in_answer("/api/status");
    expect_none_in_answer("/api/failures?queue=pusher:jobs");
    run_ctl(0, "status", NULL, NULL);
    run_ctl(0, "results", NULL, NULL);
    run_ctl(0, "failures", "list", NULL);
    run_ctl(0, "fsck", NULL, NULL);
    run_ctl(0, "list-channels", "--app", "main");
    run_ctl(1, "list-channels", "--app", "wrong");
    run_ctl(69, "list-channels", "--app", "proxied");
    expect_none_in_process(&scene.pusherd);
    redis_do(&scene.redis, "ACL SETUSER daemon resetpass >other");
    redis_do(&scene.redis, "CLIENT KILL TYPE normal SKIPME yes");
    cr_assert(wait_until(proc_logged(&scene.pusherd, "WRONGPASS"), WAIT_LONG_MS));
    expect_none_in_redis();
    proc_stop(&scene.pusherd, SIGKILL, WAIT_LONG_MS);
    expect_none_in_file(scene.log);
}

/* [app main] with another secret and proxy, then one that is refused for its proxy. */
static void reload(const char *proxy)
{
    char ini[N_CONFIG];
    int len = snprintf(ini, sizeof(ini),
                       "[redis]\nurl = unix://daemon:%s@%s\n"
                       "[app main]\napp_id = app-id\nkey = app-key\nsecret = %s\n"
                       "host = 127.0.0.1\nport = %u\nuse_tls = off\nproxy = %s\n"
                       "[queue pusher:jobs]\napp = main\n[status]\nlisten = unix:%s\n"
                       "token = %s\n[spool]\ndir = %s/spool\n",
                       percent(REDIS_PASSWORD), scene.redis.socket, SECRET, scene.fake.port, proxy,
                       status_socket, STATUS_TOKEN, scene.folder.path);
    cr_assert(len > 0 && (size_t)len < sizeof(ini));
    folder_write(&scene.folder, "pusherd.conf", ini, scene.config, sizeof(scene.config));
    proc_signal(&scene.pusherd, SIGHUP);
}

Test(secrets, of_configurations_that_are_read_again_are_nowhere)
{
    scene_start_pusherd(&scene);
    cr_assert(wait_until(proc_logged(&scene.pusherd, "msg=connected"), WAIT_LONG_MS));
    reload("http://u:" PROXY_PASSWORD "@h:x");
    cr_assert(wait_until(proc_logged(&scene.pusherd, "stays in force"), WAIT_LONG_MS));
    reload("http://u:Other-Wort@127.0.0.1:9");
    cr_assert(wait_until(proc_logged(&scene.pusherd, "read again"), WAIT_LONG_MS));
    expect_none_in_answer("/api/status");
    cr_expect_eq(proc_stop(&scene.pusherd, SIGTERM, WAIT_LONG_MS), 0);
    expect_none_in_file(scene.log);
    cr_expect_not(proc_logged(&scene.pusherd, "Other-Wort"));
}

/* Each is refused, or shown; neither says more than it must. */
static const char *const bad_configs[] = {
    "[redis]\nurl = redis://u:" REDIS_PASSWORD "@h:99999\n",
    "[redis]\nurl = redis://" REDIS_PASSWORD "@h\n",
    "[redis]\nurl = http://:" REDIS_PASSWORD "@h\n",
    "[redis]\nurls = redis://:" REDIS_PASSWORD "@h\n",
    "[app a]\nsecret = " SECRET " " SECRET "\napp_id = 1\nkey = k\ncluster = eu\n",
    "[app a]\nsecrets = " SECRET "\n",
    "[app a]\nsecret " SECRET "\n",
    "[app a]\n" SECRET "\n",
    "[app a]\n" SCENE_MASTER_KEY "\n",
    "[" SECRET "]\n",
    "[app a]\nkey = k secret = " SECRET "\n",
    "[app a]\nsecret_file = " SECRET "\n",
    "[app a]\nsecret = " SECRET "\nsecret = " SECRET "\n",
    "[app a]\nsecret = " SECRET "\nsecret_file = /nowhere\n",
    "[app a]\napp_id = 1\nkey = k\ncluster = eu\nsecret = " SECRET
    "\nproxy = ftp://u:" PROXY_PASSWORD "@h:1\n",
    "[app a]\napp_id = 1\nkey = k\ncluster = eu\nsecret = " SECRET "\nproxy = u:" PROXY_PASSWORD
    "@h:1\n",
    "[app a]\napp_id = 1\nkey = k\ncluster = eu\nsecret = " SECRET
    "\nproxy = http://u:" PROXY_PASSWORD "@h:x\n",
    "[app a]\napp_id = 1\nkey = k\ncluster = eu\nsecret = " SECRET
    "\nencryption_master_key_base64 = x" SCENE_MASTER_KEY "\n",
    "[app a]\napp_id = 1\nkey = k\ncluster = eu\nsecret = " SECRET
    "\nencryption_master_key_base64 = " MASTER_RAW "\n",
    "[app a]\nsecret = " SECRET "\napp_id = a b\nkey = k\ncluster = eu\n",
};

static void expect_refusal(const char *const *args, const char *const *env)
{
    struct stat before, after;
    bool is_new = stat(scene.log, &before) != 0;
    cr_expect_eq(scene_run_pusherd(&scene, args, env), 78);
    cr_expect(stat(scene.log, &after) == 0 && (is_new || after.st_size > before.st_size));
}

Test(secrets, of_configurations_that_are_refused_are_not_repeated)
{
    static const char *const variables[][2] = {
        {"PUSHER_URL=http://k:" SECRET "@h:x/apps/1", NULL},
        {"PUSHER_URL=" SECRET, NULL},
        {"REDIS_URL=redis://u:" REDIS_PASSWORD "@h:x", NULL},
        {"PUSHER_PROXY=" PROXY_PASSWORD, "PUSHER_APP_ID=1"},
    };
    const char *args[] = {"--check-config", "--config", NULL, NULL};
    char path[FOLDER_PATH_MAX + 32];
    for (size_t i = 0; i < sizeof(bad_configs) / sizeof(bad_configs[0]); i++) {
        folder_write(&scene.folder, "bad.conf", bad_configs[i], path, sizeof(path));
        args[2] = path;
        expect_refusal(args, NULL);
    }
    for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++) {
        const char *env[] = {variables[i][0], variables[i][1], NULL};
        args[2] = "";
        expect_refusal(args, env);
    }
    expect_none_in_file(scene.log);
}

Test(secrets, of_json_forms_that_are_refused_are_not_repeated)
{
    static const char *const forms_of_app[] = {
        "{\"configuration\":[{\"name\":\"secret\",\"value\":[\"" SECRET "\"]}]}",
        "{\"configuration\":[{\"name\":\"secrets\",\"value\":\"" SECRET "\"}]}",
        "{\"configuration\":[{\"name\":\"secret\",\"value\":\"" SECRET "\"}",
        "{\"configuration\":[{\"name\":\"" SECRET "\"}]}",
        "{\"configuration\":{\"secret\":\"" SECRET "\"}}",
        "{\"secret\":\"" SECRET "\"}",
        "\"" SECRET "\"",
    };
    const char *args[] = {"--check-config", "--config", "", "--app-json", NULL, NULL};
    char path[FOLDER_PATH_MAX + 32];
    for (size_t i = 0; i < sizeof(forms_of_app) / sizeof(forms_of_app[0]); i++) {
        folder_write(&scene.folder, "app.json", forms_of_app[i], path, sizeof(path));
        args[4] = path;
        expect_refusal(args, NULL);
    }
    expect_none_in_file(scene.log);
}

/* What it prints goes to standard output, which is the log here. */
Test(secrets, are_masked_in_a_dump)
{
    const char *args[] = {"--dump-config", "--config", scene.config, NULL};
    cr_assert_eq(scene_run_pusherd(&scene, args, NULL), 0);
    expect_none_in_file(scene.log);
}

__attribute__((unused)) static size_t locked_kib(const struct proc *proc)
{
    char path[64], line[128];
    size_t kib = 0;
    snprintf(path, sizeof(path), "/proc/%d/status", (int)proc->pid);
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof(line), file) && sscanf(line, "VmLck: %zu", &kib) != 1) {
    }
    cr_assert(file);
    fclose(file);
    return kib;
}

Test(secrets, are_kept_from_swap_and_cores)
{
    struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY}, hard;
    int status = 0;
    cr_assert_eq(getrlimit(RLIMIT_CORE, &hard), 0);
    limit.rlim_cur = limit.rlim_max = hard.rlim_max;
    cr_assert_eq(setrlimit(RLIMIT_CORE, &limit), 0);
    cr_assert_eq(chdir(scene.folder.path), 0); /* where a core would be */
    scene_start_pusherd(&scene);
    cr_assert(wait_until(proc_logged(&scene.pusherd, "connected"), WAIT_LONG_MS));
#ifndef __SANITIZE_ADDRESS__ /* under which nothing is locked */
    cr_expect_gt(locked_kib(&scene.pusherd), 0u);
#endif
    cr_assert_eq(kill(scene.pusherd.pid, SIGQUIT), 0);
    cr_assert_eq(waitpid(scene.pusherd.pid, &status, 0), scene.pusherd.pid);
    scene.pusherd.pid = 0;
    cr_expect(WIFSIGNALED(status) && !WCOREDUMP(status));
}
