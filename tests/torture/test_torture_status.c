/* Memory that runs out while the status server makes an answer: it is whole, or it is none. One
 * large allocation fails in each round, another each time: those by which the texts grow are among
 * them. Small ones are left to test_torture.c. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/http.h"
#include "tests/support/port.h"
#include "tests/support/scene.h"

#define N_APPS     200
#define LARGE      "20000" /* bytes: more than libmicrohttpd takes for a connection */
#define APP_MAX    128
#define ROUNDS_MAX 100 /* more than the answers need */

static struct scene scene;
static unsigned port;
static char *ini, preload[512], count_file[FOLDER_PATH_MAX + 32];
static size_t n_lines; /* of /metrics */
static unsigned n_whole, n_none;

static char *write_ini(void)
{
    size_t size = 256 + (size_t)N_APPS * APP_MAX, len;
    char *text = malloc(size);
    cr_assert(text);
    len = (size_t)snprintf(text, size, "[status]\nlisten = 127.0.0.1:%u\n", port);
    for (int i = 0; i < N_APPS; i++)
        len += (size_t)snprintf(text + len, size - len,
                                "[app a%d]\napp_id = a\nkey = a\nsecret = a\nhost = 127.0.0.1\n"
                                "port = 9\nuse_tls = off\n",
                                i);
    snprintf(text + len, size - len, "[queue pusher:jobs]\napp = main\n");
    return text;
}

static void open_scene(void)
{
    port = port_pick();
    ini = write_ini();
    scene_open(&scene, &(struct scene_options){.ini = ini});
    cr_assert(getenv("FAILMALLOC"));
    snprintf(preload, sizeof(preload), "LD_PRELOAD=%s", getenv("FAILMALLOC"));
    folder_path(&scene.folder, "count", count_file, sizeof(count_file));
}

static void close_scene(void)
{
    scene_close(&scene);
    free(ini);
}

TestSuite(torture_status, .init = open_scene, .fini = close_scene, .timeout = 36000);

static struct http_answer get(const char *path)
{
    struct http_answer answer;
    char url[128];
    snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", port, path);
    http_perform(&(struct http_request){.method = "GET", .url = url, .timeout_ms = 5000}, &answer);
    return answer;
}

static long status_of(const char *path)
{
    struct http_answer answer = get(path);
    http_answer_deinit(&answer);
    return answer.status;
}

static size_t count_lines(const char *text)
{
    size_t n = 0;
    for (; (text = strchr(text, '\n')) != NULL; text++)
        n++;
    return n;
}

static bool is_whole(const char *path, const char *body)
{
    if (strcmp(path, "/metrics") == 0)
        return count_lines(body) == n_lines;
    json_t *json = json_loads(body, JSON_REJECT_DUPLICATES, NULL);
    bool is = json_object_get(json, "readyz") && json_object_get(json, "total");
    json_decref(json);
    return is;
}

/* An answer that is none is a 500, or a connection that is closed. */
static void expect_whole_or_none(const char *path, unsigned long at)
{
    struct http_answer answer = get(path);
    n_whole += answer.status == 200;
    n_none += answer.status != 200;
    if (answer.status == 200)
        cr_expect(is_whole(path, answer.body), "%lu: %s is cut: %zu bytes", at, path, answer.len);
    else
        cr_expect(answer.status == 500 || answer.status == HTTP_NO_CONNECTION ||
                      answer.status == HTTP_CUT,
                  "%lu: %s: %ld", at, path, answer.status);
    http_answer_deinit(&answer);
}

/* True if it serves: memory may have been short at its start already. */
static bool start_with_failure(unsigned long at, struct proc *ret_proc)
{
    char fail_at[48], count[sizeof(count_file) + 16];
    const char *args[] = {"--config", scene.config, NULL};
    const char *env[] = {preload, count, fail_at, "FAIL_OVER=" LARGE, NULL};

    snprintf(fail_at, sizeof(fail_at), "FAIL_AT=%lu", at);
    snprintf(count, sizeof(count), "FAIL_COUNT=%s", count_file);
    scene_start_pusherd_with(&scene, args, env, ret_proc);
    return wait_until(!proc_is_running(ret_proc) || status_of("/healthz") == 200, WAIT_LONG_MS) &&
           proc_is_running(ret_proc);
}

static void run_with_failure(unsigned long at)
{
    struct proc proc;
    bool serves = start_with_failure(at, &proc);

    for (int i = 0; serves && i < 2; i++) {
        expect_whole_or_none("/metrics", at);
        expect_whole_or_none("/api/status", at);
    }
    cr_expect(!serves || proc_is_running(&proc), "%lu: it fell", at);
    (void)proc_stop(&proc, SIGTERM, WAIT_LONG_MS);
}

static unsigned long count_allocations(void)
{
    unsigned long n = 0;
    FILE *file = fopen(count_file, "re");
    cr_assert(file && fscanf(file, "%lu", &n) == 1 && n > 0);
    fclose(file);
    return n;
}

/* Without an answer of any length. */
static unsigned long count_at_start(void)
{
    struct proc proc;

    cr_assert(start_with_failure(0, &proc));
    (void)proc_stop(&proc, SIGTERM, WAIT_LONG_MS);
    return count_allocations();
}

static void learn_the_answers(void)
{
    scene_start_pusherd(&scene);
    cr_assert(wait_until(status_of("/readyz") == 200, WAIT_LONG_MS));
    struct http_answer answer = get("/metrics");
    cr_assert_eq(answer.status, 200);
    n_lines = count_lines(answer.body);
    cr_assert_gt(n_lines, 20 * N_APPS);
    http_answer_deinit(&answer);
    cr_assert_eq(proc_stop(&scene.pusherd, SIGTERM, WAIT_LONG_MS), 0);
}

Test(torture_status, no_answer_is_cut)
{
    learn_the_answers();
    unsigned long from = count_at_start() - 5;
    run_with_failure(0);
    cr_assert_eq(n_none, 0);
    unsigned long to = count_allocations();
    cr_assert_lt(to - from, ROUNDS_MAX, "%lu to %lu", from, to);
    for (unsigned long at = from; at <= to; at++)
        run_with_failure(at);
    fprintf(stderr, "allocations %lu to %lu: %u answers whole, %u none\n", from, to, n_whole,
            n_none);
    cr_assert_geq(n_none, 4, "%u: hardly any was met", n_none);
    cr_assert_eq(truncate(scene.log, 0), 0); /* it said what failed */
}
