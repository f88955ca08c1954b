/* Answers that are not those of Redis: from a proxy, or from something else that listens there.
 * Nothing ends for them, what is wrong is said, and no job is lost. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/ctl.h"
#include "tests/support/fake_redis.h"
#include "tests/support/scene.h"

static struct scene scene;
static struct fake_redis fake;

static void open_scene(void)
{
    scene_open(&scene, &(struct scene_options){
                           .ini = "[queue pusher:jobs]\napp = main\ndedupe_ms = 60000\n"});
}

static void close_scene(void)
{
    scene_close(&scene);
    fake_redis_stop(&fake);
}

TestSuite(answers, .init = open_scene, .fini = close_scene, .timeout = 120);

static void start_fake(const struct fake_redis_answer *usual, const struct fake_redis_answer *first)
{
    char url[64];
    fake_redis_start(&fake, NULL, usual);
    fake.before = first;
    snprintf(url, sizeof(url), "redis://127.0.0.1:%u", fake.port);
    scene_point_at(&scene, url);
}

/* ---- pusherd */

#define RECORD "0:0:0::{\"id\":\"7\",\"channel\":\"a\",\"event\":\"e\",\"data\":\"x\"}"

static const struct fake_redis_answer nothing_to_do[] = {
    {"CLIENT", "+OK\r\n"},
    {"CLUSTER", "-ERR no cluster\r\n"},
    {"INFO", "$0\r\n\r\n"},
    {"BLMOVE", NULL},
    {"lease", "*8\r\n:1000\r\n:1\r\n:0\r\n:-1\r\n*0\r\n*0\r\n:-1\r\n:0\r\n"},
    {"claim", "*5\r\n:1000\r\n:1\r\n:0\r\n:-1\r\n*0\r\n"},
    {"recover", "*4\r\n:1000\r\n:0\r\n$16\r\n0000000000000007\r\n$54\r\n" RECORD "\r\n"},
    {"dedupe", "*0\r\n"},
    {"settle", "*0\r\n"},
    {"publish", ":0\r\n"},
    {NULL, NULL},
};

static bool tells_of(const char *script)
{
    char text[64];
    snprintf(text, sizeof(text), "script=%s", script);
    return proc_logged(&scene.pusherd, "the answer is not one of this script") &&
           proc_logged(&scene.pusherd, text);
}

/* One after the other is put right, as soon as the log tells of it. */
static void expect_told(const char *script, const struct fake_redis_answer *then)
{
    cr_assert(wait_until(tells_of(script), WAIT_LONG_MS), "of %s", script);
    cr_assert(proc_is_running(&scene.pusherd));
    fake.before = then;
}

Test(answers, of_scripts_that_are_others_end_nothing_and_lose_no_job)
{
    static const struct fake_redis_answer bad[] = {
        {"lease", "*10\r\n:1000\r\n:1\r\n:0\r\n:-1\r\n*0\r\n*0\r\n:-1\r\n:0\r\n:5\r\n$-1\r\n"},
        {"claim", "*7\r\n:1000\r\n:1\r\n:0\r\n:-1\r\n*0\r\n:5\r\n$-1\r\n"},
        {"recover", "*4\r\n:1000\r\n:0\r\n$-1\r\n:9\r\n"},
        {"dedupe", "*1\r\n$-1\r\n"},
        {"settle", "*2\r\n:7\r\n$-1\r\n"},
        {NULL, NULL},
    };
    start_fake(nothing_to_do, bad);
    scene_start_pusherd(&scene);
    expect_told("lease", bad + 1);
    expect_told("claim", bad + 2);
    expect_told("recover", bad + 3);
    expect_told("dedupe", bad + 4);
    expect_told("settle", NULL);
    cr_expect_eq(fake_server_events(&scene.fake), 1);
    cr_expect_eq(proc_stop(&scene.pusherd, SIGTERM, WAIT_LONG_MS), 0);
}

/* The connection is left with what has come by then. */
Test(answers, that_do_not_end_take_no_memory)
{
    static const struct fake_redis_answer refused[] = {{"claim", "-ERR no\r\n"}, {NULL, NULL}};
    static const struct fake_redis_answer endless[] = {{"claim", "$8000000000\r\n"}, {NULL, NULL}};
    start_fake(nothing_to_do, refused);
    scene_start_pusherd(&scene);
    cr_assert(wait_until(proc_logged(&scene.pusherd, "script=claim"), WAIT_LONG_MS));
    size_t before_kib = proc_peak_kib(&scene.pusherd);
    fake.endless = "claim";
    fake.before = endless;
    cr_assert(
        wait_until(proc_logged(&scene.pusherd, "a reply is longer than it may be"), WAIT_LONG_MS));
    size_t after_kib = proc_peak_kib(&scene.pusherd);
    cr_expect_lt(after_kib, before_kib + FAKE_REDIS_FLOOD / 1024 / 4, "%zu KiB", after_kib);
    fake.before = NULL;
    fake.endless = NULL;
    cr_expect_eq(proc_stop(&scene.pusherd, SIGTERM, WAIT_LONG_MS), 0);
}

/* ---- pusherctl */

static const struct fake_redis_answer empty[] = {
    {"TIME", "*2\r\n$10\r\n1700000000\r\n$1\r\n0\r\n"},
    {"TYPE", "+none\r\n"},
    {"SCAN", "*2\r\n$1\r\n0\r\n*0\r\n"},
    {"HSCAN", "*2\r\n$1\r\n0\r\n*0\r\n"},
    {"ZSCAN", "*2\r\n$1\r\n0\r\n*0\r\n"},
    {"ZRANGE", "*0\r\n"},
    {"SMEMBERS", "*0\r\n"},
    {"HGETALL", "*0\r\n"},
    {"XRANGE", "*1\r\n*2\r\n$3\r\n1-0\r\n*4\r\n$3\r\njob\r\n$2\r\n{}\r\n$4\r\ncode\r\n$1\r\nx\r\n"},
    {"XREVRANGE",
     "*1\r\n*2\r\n$3\r\n1-0\r\n*4\r\n$3\r\njob\r\n$2\r\n{}\r\n$4\r\ncode\r\n$1\r\nx\r\n"},
    {"LLEN", ":0\r\n"},
    {"ZCARD", ":0\r\n"},
    {"HLEN", ":0\r\n"},
    {"XLEN", ":0\r\n"},
    {"ZSCORE", "$-1\r\n"},
    {"RPUSH", ":1\r\n"},
    {NULL, NULL},
};

/* Fails, by itself, with this text. */
static void expect_refused(const char *a, const char *b, const char *c, const char *name,
                           const char *text)
{
    const struct fake_redis_answer bad[] = {{name, text}, {NULL, NULL}};
    struct proc proc = {0};
    char wanted[64];
    bool is_script = name[0] >= 'a' && name[0] <= 'z';
    fake.before = bad;
    remove(scene.log);
    int status = ctl_run(&scene, NULL, a, b, c, NULL);
    snprintf(proc.log, sizeof(proc.log), "%s", scene.log);
    snprintf(wanted, sizeof(wanted), "this is not the answer of %s", is_script ? "a script" : name);
    cr_expect_eq(status, 69, "%s %s: %s: status %d", a, b, name, status);
    cr_expect(proc_logged(&proc, wanted), "%s %s: %s", a, b, wanted);
    fake.before = NULL;
}

Test(answers, that_are_others_are_refused_by_status)
{
    start_fake(empty, NULL);
    cr_assert_eq(ctl_run(&scene, NULL, "status", NULL), 0);
    expect_refused("status", NULL, NULL, "TIME", "*2\r\n:1\r\n$-1\r\n");
    expect_refused("status", NULL, NULL, "ZRANGE", "*2\r\n$-1\r\n:5\r\n");
    expect_refused("status", NULL, NULL, "ZRANGE", "*2\r\n$1\r\na\r\n$-1\r\n");
    expect_refused("status", NULL, NULL, "SMEMBERS", "*1\r\n$-1\r\n");
    expect_refused("status", NULL, NULL, "HGETALL", "*2\r\n:1\r\n:2\r\n");
    expect_refused("status", NULL, NULL, "HGETALL", "*1\r\n$1\r\na\r\n");
    expect_refused("pause", NULL, NULL, "HGETALL", "*2\r\n$-1\r\n$-1\r\n");
}

Test(answers, that_are_others_are_refused_by_fsck)
{
    start_fake(empty, NULL);
    const struct fake_redis_answer sound[] = {{"fsck", "*0\r\n"}, {NULL, NULL}};
    fake.before = sound;
    cr_assert_eq(ctl_run(&scene, NULL, "fsck", NULL), 0);
    expect_refused("fsck", NULL, NULL, "TYPE", ":5\r\n");
    expect_refused("fsck", NULL, NULL, "SCAN", ":5\r\n");
    expect_refused("fsck", NULL, NULL, "SCAN", "*2\r\n:0\r\n$-1\r\n");
    expect_refused("fsck", NULL, NULL, "SCAN", "*2\r\n$1\r\n0\r\n*1\r\n$-1\r\n");
    expect_refused("fsck", NULL, NULL, "ZRANGE", "*1\r\n$-1\r\n");
    expect_refused("fsck", NULL, NULL, "SMEMBERS", "*1\r\n:5\r\n");
    expect_refused("fsck", NULL, NULL, "HSCAN", "*2\r\n$1\r\n0\r\n*2\r\n$-1\r\n$-1\r\n");
    expect_refused("fsck", NULL, NULL, "ZSCAN", "*1\r\n$1\r\n0\r\n");
}

Test(answers, that_are_others_are_refused_by_failures)
{
    start_fake(empty, NULL);
    expect_refused("failures", "drop", "1-0", "XDEL", "+OK\r\n");
    expect_refused("failures", "replay", "1-0", "replay", ":1\r\n");
}

/* "MOVED SLOT :PORT" is of the host that was asked, which a unix socket has not. */
Test(answers, of_a_cluster_that_name_no_host_are_refused_on_a_unix_socket)
{
    static const struct fake_redis_answer moved[] = {{"TIME", "-MOVED 5 :6379\r\n"}, {NULL, NULL}};
    char path[FOLDER_PATH_MAX + 16], url[FOLDER_PATH_MAX + 32];
    struct proc proc = {0};
    folder_path(&scene.folder, "fake.sock", path, sizeof(path));
    fake_redis_start(&fake, path, moved);
    snprintf(url, sizeof(url), "unix://%s", path);
    scene_point_at(&scene, url);
    cr_expect_eq(ctl_run(&scene, NULL, "status", NULL), 69);
    snprintf(proc.log, sizeof(proc.log), "%s", scene.log);
    cr_expect(proc_logged(&proc, "fake.sock: MOVED 5 :6379"));
}
