/* The exit status where Redis refuses: 1 for what was asked, 69 if as it is it serves nobody. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/daemon/ctl_fixture.h"

static void begin(void)
{
    fixture_redis();
}

TestSuite(ctl_exit, .init = begin, .fini = fixture_end, .timeout = 60);

static struct run run;

#define expect(wanted_status, wanted_out, text)                                                    \
    do {                                                                                           \
        cr_expect_eq(run.status, wanted_status, "status %d: %s", run.status, run.err);             \
        cr_expect_str_eq(run.out, wanted_out);                                                     \
        cr_expect(strstr(run.err, text), "%s", run.err);                                           \
    } while (0)

/* From here on a user without this right is logged in. */
static void log_in_without(const char *right)
{
    char url[256];
    fixture_redis_string("ACL SETUSER u on >p ~* &* +@all %s", right);
    snprintf(url, sizeof url, "REDIS_URL=unix://u:p@%s", fixture_redis_socket());
    fixture_setenv(url);
}

Test(ctl_exit, is_1_where_the_right_to_wait_for_an_outcome_is_missing)
{
    log_in_without("-blpop");
    fixture_run(&run, NULL, "list-channels", "--queue", "--wait", "1", NULL);
    expect(1, "", "NOPERM");
}

Test(ctl_exit, is_1_where_the_right_to_push_is_missing)
{
    log_in_without("-rpush");
    fixture_run(&run, NULL, "list-channels", "--queue", "--wait", "1", NULL);
    expect(1, "", "NOPERM");
    fixture_run(&run, "{}\n", "enqueue", NULL);
    expect(1, "{\"enqueued\":0}\n", "NOPERM");
    log_in_without("-exists");
    fixture_run(&run, "{}\n", "enqueue", NULL);
    expect(1, "", "NOPERM");
}

Test(ctl_exit, is_69_for_all_at_a_replica)
{
    fixture_redis_string("REPLICAOF 127.0.0.1 1");
    fixture_run(&run, NULL, "list-channels", "--queue", "--wait", "1", NULL);
    expect(69, "", "READONLY");
    fixture_run(&run, "{}\n", "enqueue", NULL);
    expect(69, "{\"enqueued\":0}\n", "lines 1 to 1 are not on the list: READONLY");
    fixture_run(&run, NULL, "pause", NULL);
    expect(69, "", "READONLY");
}

/* Whoever cannot log in, or use this database, reaches nothing: every command that asks Redis. */
static void expect_69_of_all(const char *url)
{
    static const char *const commands[][3] = {
        {"status"},
        {"top", "--count=1"},
        {"fsck"},
        {"results"},
        {"results", "--follow"},
        {"failures", "list"},
        {"failures", "show"},
        {"failures", "list", "--follow"},
        {"failures", "replay", "1-0"},
        {"pause"},
        {"resume"},
        {"failures", "drop", "1-0"},
        {"enqueue"},
        {"list-channels", "--queue"},
    };
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        const char *const *words = commands[i];
        fixture_run(&run, "{}\n", "--redis", url, words[0], words[1], words[2], NULL);
        cr_expect_eq(run.status, 69, "%s: %d: %s", words[0], run.status, run.err);
        cr_expect_str_eq(run.out, "", "%s", words[0]);
        cr_expect(strstr(run.err, ": ERR "), "%s: %s", words[0], run.err);
    }
}

Test(ctl_exit, is_69_for_all_where_the_login_or_the_database_is_refused)
{
    char url[256];
    snprintf(url, sizeof url, "unix://%s?db=99", fixture_redis_socket());
    expect_69_of_all(url);
    snprintf(url, sizeof url, "unix://:p@%s", fixture_redis_socket());
    expect_69_of_all(url);
}

/* An empty array would say that there are none. */
Test(ctl_exit, comes_without_an_empty_list_where_it_could_not_be_read)
{
    fixture_redis_string("XADD {pusher:jobs}:failures * id 1");
    log_in_without("-xrevrange");
    fixture_run(&run, NULL, "failures", "list", NULL);
    expect(1, "", "NOPERM");
    log_in_without("-xrange");
    fixture_run(&run, NULL, "failures", "list", "--oldest", NULL);
    expect(1, "", "NOPERM");
    fixture_redis_string("XADD {pusher:jobs}:results * id 1");
    fixture_run(&run, NULL, "results", NULL);
    expect(1, "", "NOPERM");
    fixture_run(&run, NULL, "results", "--limit", "0", NULL);
    expect(0, "[]\n", "");
}

Test(ctl_exit, comes_without_queues_where_fsck_could_not_read_all)
{
    const char *file = fixture_path("conf", "[queue a]\n[queue b]\n");
    log_in_without("-type");
    fixture_run(&run, NULL, "fsck", "--config", file, NULL);
    expect(1, "", "NOPERM");
    log_in_without("+type");
    fixture_redis_string("ACL SETUSER u resetkeys ~a ~{a}*");
    fixture_run(&run, NULL, "fsck", "--config", file, "--list", "a", NULL);
    cr_expect_eq(run.status, 0, "%s", run.err);
    fixture_run(&run, NULL, "fsck", "--config", file, NULL);
    expect(1, "", "NOPERM");
}
