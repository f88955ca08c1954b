/* Sentinels: the master is asked for before each connection; when it dies, deliveries go on with
 * the new one. Replication is asynchronous: what a dead master had acknowledged and no replica had
 * yet is lost in every system on Redis, so these tests let the replica catch up before the kill. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/audit.h"
#include "tests/support/ctl.h"
#include "tests/support/scene.h"
#include "tests/support/sentinel.h"

#define JOBS        400
#define RECOVERY_MS 15000 /* Sentinels need most of it: see SENTINEL_DOWN_MS */
#define INI         "[delivery]\nlease_ms = 3500\nmax_orphanings = 100\n"
#define URL_MAX     256

static struct scene scene;
static struct sentinel sentinel;

static void open_with(const char *password, const char *user_info)
{
    char url[URL_MAX];
    sentinel_start(&sentinel, password);
    scene_open(&scene, &(struct scene_options){.app = "timeout_ms = 1000\n", .ini = INI});
    sentinel_url(&sentinel, user_info, url, sizeof(url));
    scene_point_at(&scene, url);
}

static void close_all(void)
{
    scene_close(&scene);
    sentinel_stop(&sentinel);
}

TestSuite(sentinel, .fini = close_all, .timeout = 240);

static void push_acknowledged(struct redis *master, size_t first, size_t n)
{
    job_push_many(master, JOB_JSON, first, n, 20);
    cr_assert_eq(redis_int(master, "WAIT 1 10000"), 1);
}

static bool has_results(struct redis *redis, size_t n)
{
    return wait_until(outcomes_count(redis, RESULTS) >= n, WAIT_LONG_MS);
}

Test(sentinel, names_the_master)
{
    open_with(NULL, "");
    scene_start_pusherd(&scene);
    push_acknowledged(&sentinel.servers[0], 0, 50);
    cr_assert(has_results(&sentinel.servers[0], 50));
    audit_each_once(&scene, &sentinel.servers[0], RESULTS, 50);
    cr_expect(proc_logged(&scene.pusherd, "server=127.0.0.1:"));
    json_decref(ctl_json(&scene, 0, "status", "--json", NULL));
}

Test(sentinel, of_which_the_first_is_gone)
{
    open_with(NULL, "");
    proc_kill(&sentinel.watchers[0]);
    scene_start_pusherd(&scene);
    push_acknowledged(&sentinel.servers[0], 0, 50);
    cr_assert(has_results(&sentinel.servers[0], 50));
    cr_expect(audit_logs(&scene, "sentinel=127.0.0.1:"), "it says which Sentinel is gone");
}

Test(sentinel, that_know_no_such_master_are_named_in_the_log)
{
    char url[URL_MAX];
    open_with(NULL, "");
    sentinel_url(&sentinel, "", url, sizeof(url));
    strcpy(strrchr(url, '/'), "/another");
    scene_point_at(&scene, url);
    scene_start_pusherd(&scene);
    cr_assert(audit_logs(&scene, "knows no master"));
}

/* The same password everywhere, as a Sentinel has to know that of the servers anyway. */
Test(sentinel, and_servers_with_a_password)
{
    open_with("secret", ":secret@");
    scene_start_pusherd(&scene);
    job_push_many(&sentinel.servers[0], JOB_JSON, 0, 50, 20);
    cr_assert(has_results(&sentinel.servers[0], 50));
    json_decref(ctl_json(&scene, 0, "status", "--json", NULL));
}

Test(sentinel, fails_over_when_the_master_is_killed_under_load)
{
    struct redis *master = &sentinel.servers[0], *replica = &sentinel.servers[1];
    open_with(NULL, "");
    fake_server_set_rules(&scene.fake, "[{'action':{'delay_ms':20}}]");
    push_acknowledged(master, 0, JOBS);
    scene_start_pusherd(&scene);
    cr_assert(wait_until(fake_server_events(&scene.fake) >= JOBS / 4, WAIT_LONG_MS));
    uint64_t killed_ms = wait_now_ms();
    redis_kill(master);
    cr_assert(wait_until(sentinel_named(&sentinel, 0) == 1, WAIT_LONG_MS));
    fprintf(stderr, "Sentinels took %u ms\n", (unsigned)(wait_now_ms() - killed_ms));
    redis_connect_again(replica); /* a failover cuts all clients off */
    job_push_many(replica, JOB_JSON, JOBS, 20, 20);
    cr_assert(audit_recovers(replica, RESULTS, "the failover", killed_ms, RECOVERY_MS));
    cr_assert(has_results(replica, JOBS + 20));
    audit_each_once(&scene, replica, RESULTS, JOBS + 20);
    cr_expect(audit_logs(&scene, "connection lost"));
}
