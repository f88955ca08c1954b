#include "scene.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_ARGS  16
#define MAX_ENV   64
#define PAGE      10000
#define SETTLE_MS 60000

extern char **environ;

void scene_point_at(struct scene *scene, const char *redis_url)
{
    const struct scene_options *options = &scene->options;
    char *ini;
    int len = asprintf(&ini,
                       "[redis]\nurl = %s\n"
                       "[app main]\napp_id = " FAKE_APP_ID "\nkey = " FAKE_APP_KEY
                       "\nsecret = " FAKE_APP_SECRET "\nhost = 127.0.0.1\nport = %u\n"
                       "use_tls = off\nencryption_master_key_base64 = " SCENE_MASTER_KEY "\n%s\n%s",
                       redis_url, scene->fake.port, options->app ? options->app : "",
                       options->ini ? options->ini : "");
    cr_assert(len > 0);
    folder_write(&scene->folder, "pusherd.conf", ini, scene->config, sizeof(scene->config));
    free(ini);
}

void scene_open(struct scene *scene, const struct scene_options *options)
{
    static const struct scene_options none;
    options = options ? options : &none;
    *scene = (struct scene){.options = *options};
    folder_make(&scene->folder);
    folder_path(&scene->folder, "pusherd.log", scene->log, sizeof(scene->log));
    redis_start(&scene->redis, options->redis_args);
    fake_server_start(&scene->fake, options->fake_args);
    scene_point_at(scene, scene->redis.url);
}

/* Nothing of pusherd's own variables may reach it from whoever runs the tests. */
static bool is_foreign(const char *variable)
{
    return strncmp(variable, "PUSHER", 6) != 0 && strncmp(variable, "REDIS_", 6) != 0 &&
           strncmp(variable, "NOTIFY_SOCKET", 13) != 0;
}

static void make_env(const char *const *extra, const char *ret_env[MAX_ENV + 1])
{
    size_t n = 0;
    for (size_t i = 0; extra && extra[i]; i++) {
        ret_env[n++] = extra[i];
        cr_assert(n < MAX_ENV);
    }
    for (size_t i = 0; environ[i] && n < MAX_ENV; i++) {
        if (is_foreign(environ[i])) {
            ret_env[n++] = environ[i];
        }
    }
    ret_env[n] = NULL;
}

void scene_start_pusherd_with(struct scene *scene, const char *const *args, const char *const *env,
                              struct proc *ret_proc)
{
    const char *whole_env[MAX_ENV + 1];
    const char *argv[MAX_ARGS + 2] = {getenv("PUSHERD_BIN")};
    cr_assert(argv[0], "PUSHERD_BIN is not set");
    for (size_t i = 0; args && args[i]; i++) {
        cr_assert(i < MAX_ARGS);
        argv[i + 1] = args[i];
    }
    make_env(env, whole_env);
    proc_start(ret_proc, &(struct proc_options){.argv = argv, .env = whole_env, .log = scene->log});
}

void scene_start_other(struct scene *scene, struct proc *ret_proc)
{
    const char *args[] = {"--config", scene->config, NULL};
    scene_start_pusherd_with(scene, args, NULL, ret_proc);
}

void scene_start_pusherd(struct scene *scene)
{
    scene_start_other(scene, &scene->pusherd);
}

int scene_run_pusherd(struct scene *scene, const char *const *args, const char *const *env)
{
    struct proc proc;
    scene_start_pusherd_with(scene, args, env, &proc);
    int status = proc_wait(&proc, WAIT_LONG_MS);
    proc_kill(&proc);
    return status;
}

/* So that what a sanitizer said reaches ctest, which fails the test for it. */
static void show_log(const struct scene *scene)
{
    char line[1024];
    FILE *file = fopen(scene->log, "re");
    while (file && fgets(line, sizeof(line), file)) {
        fputs(line, stderr);
    }
    if (file) {
        fclose(file);
    }
}

void scene_close(struct scene *scene)
{
    bool ran = scene->pusherd.pid > 0;
    int status = proc_stop(&scene->pusherd, SIGTERM, WAIT_LONG_MS);
    snprintf(scene->pusherd.log, sizeof(scene->pusherd.log), "%s", scene->log);
    bool reported =
        proc_logged(&scene->pusherd, "Sanitizer") || proc_logged(&scene->pusherd, "runtime error:");
    if (reported || (ran && status != 0) || getenv("TESTS_SHOW_LOG")) {
        show_log(scene);
    }
    fake_server_stop(&scene->fake);
    redis_stop(&scene->redis);
    folder_remove(&scene->folder);
    cr_expect(!ran || status == 0, "pusherd ended with %d", status);
    cr_expect(!reported, "a sanitizer reported");
}

/* Nothing comes of waiting for a daemon that has ended. */
static void check_daemon(struct scene *scene)
{
    if (scene->pusherd.pid > 0 && !proc_is_running(&scene->pusherd)) {
        int status = proc_wait(&scene->pusherd, 1000);
        show_log(scene);
        cr_assert_fail("pusherd ended by itself with %d", status);
    }
}

static bool has_entries(struct scene *scene, size_t n_results, size_t n_failures)
{
    check_daemon(scene);
    return outcomes_count(&scene->redis, RESULTS) == n_results &&
           outcomes_count(&scene->redis, FAILURES) == n_failures;
}

bool scene_settles(struct scene *scene, size_t n_results, size_t n_failures)
{
    return wait_until(has_entries(scene, n_results, n_failures), WAIT_LONG_MS);
}

static bool is_drained(struct scene *scene, size_t n)
{
    check_daemon(scene);
    if (redis_int(&scene->redis, "LLEN " JOB_LIST) > 0 ||
        redis_int(&scene->redis, "ZCARD {" JOB_LIST "}:retry") > 0) {
        return false;
    }
    return outcomes_count(&scene->redis, RESULTS) + outcomes_count(&scene->redis, FAILURES) >= n;
}

bool scene_drains(struct scene *scene, size_t n)
{
    return wait_until(is_drained(scene, n), SETTLE_MS);
}

static void count_event(const json_t *event, unsigned *counts, size_t n)
{
    json_int_t id = -1;
    json_t *data = json_loads(json_string_value(json_object_get(event, "data")), 0, NULL);
    int bad = json_unpack(data, "{s:I}", "n", &id);
    json_decref(data);
    cr_assert(!bad && id >= 0 && (size_t)id < n, "not an event of job_push_many()");
    counts[id]++;
}

void scene_count_published(struct scene *scene, unsigned *counts, size_t n)
{
    memset(counts, 0, n * sizeof(counts[0]));
    for (size_t from = 1;; from += PAGE) {
        char what[64];
        snprintf(what, sizeof(what), "events?from=%zu&limit=%d", from, PAGE);
        json_t *events = fake_server_get(&scene->fake, what);
        size_t got = json_array_size(events);
        for (size_t i = 0; i < got; i++) {
            count_event(json_array_get(events, i), counts, n);
        }
        json_decref(events);
        if (got < PAGE) {
            break;
        }
    }
}

json_t *scene_event(struct scene *scene, size_t i)
{
    char what[64];
    snprintf(what, sizeof(what), "events?from=%zu&limit=1", i + 1);
    json_t *events = fake_server_get(&scene->fake, what);
    json_t *event = json_incref(json_array_get(events, 0));
    json_decref(events);
    cr_assert(event, "only %zu events were published", fake_server_events(&scene->fake));
    return event;
}

static bool member_is(const json_t *object, const char *key, const char *text)
{
    const char *have = json_string_value(json_object_get(object, key));
    return have && strcmp(have, text) == 0;
}

bool scene_event_is(struct scene *scene, size_t i, const char *channel, const char *name,
                    const char *data)
{
    json_t *event = scene_event(scene, i);
    bool is = member_is(event, "channel", channel) && member_is(event, "name", name) &&
              member_is(event, "data", data);
    json_decref(event);
    return is;
}
