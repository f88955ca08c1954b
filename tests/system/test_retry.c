/* What may pass is tried again, and what was sent is not lost: server errors, cut connections,
 * timeouts, a server that is away. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/support/scene.h"

static struct scene scene;

static void open_scene(void)
{
    scene_open(&scene,
               &(struct scene_options){.app = "timeout_ms = 500\n",
                                       .ini = "[delivery]\nmax_attempts = 3\nretry_base_ms = 20\n"
                                              "lease_ms = 3000\n"});
    scene_start_pusherd(&scene);
}

static void close_scene(void)
{
    scene_close(&scene);
}

TestSuite(retry, .init = open_scene, .fini = close_scene, .timeout = 120);

static void push_one(const char *id)
{
    job_push(&scene.redis, JOB_JSON, "{'id':'%s','channel':'a','event':'e','data':'x'}", id);
}

static void expect_field(const char *stream, const char *field, const char *value)
{
    char *have = outcomes_field(&scene.redis, stream, "j", field);
    cr_expect(have && strcmp(have, value) == 0, "%s: %s, not %s", field, have, value);
    free(have);
}

/* Under a rule that spoils the first attempt, the second one delivers. */
static void expect_second_attempt(const char *action)
{
    char rules[256];
    snprintf(rules, sizeof(rules), "[{'times':1,'action':%s}]", action);
    fake_server_set_rules(&scene.fake, rules);
    push_one("j");
    cr_assert(scene_settles(&scene, 1, 0), "%s", action);
    cr_expect_eq(fake_server_events(&scene.fake), 1);
    expect_field(RESULTS, "attempts", "2");
    expect_field(RESULTS, "http", "200");
}

Test(retry, after_a_503)
{
    expect_second_attempt("{'status':503}");
}

Test(retry, after_a_429)
{
    expect_second_attempt("{'status':429,'body':'slow down'}");
}

Test(retry, after_a_reset)
{
    expect_second_attempt("{'reset':true}");
}

Test(retry, after_an_answer_that_was_cut)
{
    expect_second_attempt("{'truncate':1,'publish':'none'}");
}

Test(retry, after_an_answer_without_end)
{
    expect_second_attempt("{'hang':true}");
}

Test(retry, after_an_answer_that_drips_too_slowly)
{
    expect_second_attempt("{'status':200,'body':'{\\u0022ok\\u0022:true}','drip_ms':100,"
                          "'publish':'none'}");
}

Test(retry, of_an_event_that_may_have_arrived_delivers_it_again)
{
    fake_server_set_rules(&scene.fake, "[{'times':1,'action':{'reset':true,'publish':'all'}}]");
    push_one("j");
    cr_assert(scene_settles(&scene, 1, 0));
    cr_expect_eq(fake_server_events(&scene.fake), 2);
}

static int64_t request_us(size_t i)
{
    json_t *requests = fake_server_get(&scene.fake, "requests");
    const json_t *request = json_array_get(requests, i);
    int64_t us = json_integer_value(json_object_get(request, "received_us"));
    json_decref(requests);
    return us;
}

Test(retry, waits_as_long_as_the_server_asks)
{
    expect_second_attempt("{'status':503,'headers':{'Retry-After':'1'}}");
    cr_expect_geq(request_us(1) - request_us(0), 990000);
}

/* By our own clock the date is an hour away, and the app would be held for the most, a minute. */
Test(retry, waits_for_a_date_of_the_servers_clock)
{
    char rules[512], date[64];
    time_t then = time(NULL) + 3600 + 2;
    strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", gmtime(&then));
    snprintf(rules, sizeof(rules),
             "[{'times':1,'action':{'skew_s':3600}},"
             "{'times':1,'action':{'skew_s':3600,'status':503,'headers':{'Retry-After':'%s'}}},"
             "{'action':{'skew_s':3600}}]",
             date);
    fake_server_set_rules(&scene.fake, rules);
    push_one("j");
    cr_assert(scene_settles(&scene, 1, 0));
    cr_expect_eq(fake_server_stat(&scene.fake, "requests"), 3);
}

Test(retry, gives_up_after_max_attempts)
{
    fake_server_set_rules(&scene.fake, "[{'action':{'status':503,'body':'closed today\\n'}}]");
    push_one("j");
    cr_assert(scene_settles(&scene, 0, 1));
    cr_expect_eq(fake_server_stat(&scene.fake, "requests"), 3);
    expect_field(FAILURES, "code", "retries_exhausted");
    expect_field(FAILURES, "attempts", "3");
    expect_field(FAILURES, "http", "503");
    expect_field(FAILURES, "job",
                 "{\"id\":\"j\",\"channel\":\"a\",\"event\":\"e\",\"data\":\"x\"}");
}

Test(retry, gives_up_on_a_server_that_never_answers)
{
    fake_server_set_rules(&scene.fake, "[{'action':{'hang':true}}]");
    push_one("j");
    cr_assert(scene_settles(&scene, 0, 1));
    expect_field(FAILURES, "code", "retries_exhausted");
    expect_field(FAILURES, "http", "0");
}

Test(retry, keeps_the_order_of_a_channel)
{
    fake_server_set_rules(&scene.fake, "[{'times':2,'action':{'status':503}}]");
    job_push_many(&scene.redis, JOB_JSON, 0, 20, 1);
    cr_assert(scene_settles(&scene, 20, 0));
    for (size_t i = 0; i < 20; i++) {
        char data[32];
        snprintf(data, sizeof(data), "{\"n\":%zu}", i);
        cr_expect(scene_event_is(&scene, i, "ch-0", "e", data), "event %zu", i);
    }
}

TestSuite(retry_refused, .fini = close_scene, .timeout = 120);

Test(retry_refused, goes_on_until_the_server_is_back)
{
    char port[16];
    scene_open(&scene, &(struct scene_options){.ini = "[delivery]\nretry_base_ms = 20\n"
                                                      "retry_cap_ms = 200\nmax_attempts = 1000\n"});
    snprintf(port, sizeof(port), "%u", scene.fake.port);
    fake_server_stop(&scene.fake);
    job_push_many(&scene.redis, JOB_JSON, 0, 10, 3);
    scene_start_pusherd(&scene);
    cr_assert(wait_until(redis_int(&scene.redis, "LLEN " JOB_LIST) == 0, WAIT_LONG_MS));

    const char *args[] = {"--port", port, NULL};
    fake_server_start(&scene.fake, args);
    cr_assert(scene_settles(&scene, 10, 0));
    cr_expect_eq(fake_server_events(&scene.fake), 10);
}
