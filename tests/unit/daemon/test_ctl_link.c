/* The connection of pusherctl, where a cluster sends it to another node. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "daemon/config/redis_url.h"
#include "daemon/ctl/ctl.h"
#include "daemon/ctl/link.h"
#include "tests/support/fake_redis.h"
#include "tests/support/wait.h"

#define ANSWER_MS 50

static struct fake_redis first, second;
static struct redis_config config;
static struct link conn;

static void end(void)
{
    link_close(&conn);
    redis_config_deinit(&config);
    fake_redis_stop(&first);
    fake_redis_stop(&second);
}

TestSuite(ctl_link, .fini = end, .timeout = 60);

/* The first node says `how` that the key is at the second one, which answers like this. */
static void open_at_first(const char *how, const struct fake_redis_answer *answers)
{
    static char moved[64];
    static struct fake_redis_answer sends[] = {{"GET", moved}, {NULL, NULL}};
    char url[64], why[REDIS_URL_WHY_MAX];
    fake_redis_start(&second, NULL, answers);
    snprintf(moved, sizeof moved, "-%s 1 127.0.0.1:%u\r\n", how, second.port);
    fake_redis_start(&first, NULL, sends);
    snprintf(url, sizeof url, "redis://:p@127.0.0.1:%u", first.port);
    cr_assert_eq(redis_url_parse(url, &config, why), 0);
    cr_assert_eq(link_open(&conn, &config), 0, "%s", conn.why);
    cr_assert_eq(link_set_timeout(&conn, ANSWER_MS), 0);
}

static void expect_given_up_in_time(const char *how)
{
    static const struct fake_redis_answer silent[] = {{"GET", NULL}, {NULL, NULL}};
    open_at_first(how, silent);
    uint64_t began_ms = wait_now_ms();
    cr_expect_null(link_call(&conn, "GET", "x", NULL));
    cr_expect_lt(wait_now_ms() - began_ms, LINK_ANSWER_MS - ANSWER_MS);
    cr_expect(strstr(conn.why, "no answer in time"), "%s", conn.why);
    cr_expect_eq(conn.answer_ms, ANSWER_MS);
}

Test(ctl_link, waits_no_longer_where_a_key_has_moved)
{
    expect_given_up_in_time("MOVED");
}

Test(ctl_link, waits_no_longer_where_a_key_is_asked_for)
{
    expect_given_up_in_time("ASK");
}

Test(ctl_link, is_unavailable_where_the_other_node_refuses_the_login)
{
    static const struct fake_redis_answer refusing[] = {{"AUTH", "-ERR no password is set\r\n"},
                                                        {NULL, NULL}};
    open_at_first("MOVED", refusing);
    cr_expect_null(link_call(&conn, "GET", "x", NULL));
    cr_expect(strstr(conn.why, "no password is set"), "%s", conn.why);
    cr_expect_eq(link_status(&conn), CTL_UNAVAILABLE);
}
