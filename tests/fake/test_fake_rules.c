/* How the fake misbehaves: every action, and when a rule applies. */
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "signed_request.h"
#include "tests/support/wait.h"

#define BATCH                                                                                      \
    "{'batch':[{'name':'e','channel':'a','data':'1'},{'name':'e','channel':'a','data':'2'},"       \
    "{'name':'e','channel':'a','data':'3'}]}"
#define EVENT "{\"name\":\"e\",\"channel\":\"a\",\"data\":\"1\"}"

static struct fake_server fake;

static void start(void)
{
    fake_server_start(&fake, NULL);
}

static void stop(void)
{
    fake_server_stop(&fake);
}

TestSuite(fake_rules, .init = start, .fini = stop);

static long post_batch(void)
{
    return signed_post(&fake, "/batch_events", BATCH, NULL);
}

/* Posts one event under a rule of this action. */
static void post_under(const char *action, unsigned timeout_ms, struct http_answer *ret_answer)
{
    char *rules;
    cr_assert(asprintf(&rules, "[{'action':%s}]", action) > 0);
    fake_server_set_rules(&fake, rules);
    free(rules);
    signed_perform(
        &fake,
        &(struct signed_request){
            .method = "POST", .route = "/events", .body = EVENT, .timeout_ms = timeout_ms},
        ret_answer);
}

/* The same, and only the status. */
static long status_under(const char *action, unsigned timeout_ms)
{
    struct http_answer answer;
    post_under(action, timeout_ms, &answer);
    http_answer_deinit(&answer);
    return answer.status;
}

static bool last_outcome_is(const char *outcome)
{
    json_t *requests = fake_server_get(&fake, "requests");
    json_t *last = json_array_get(requests, json_array_size(requests) - 1);
    const char *have = json_string_value(json_object_get(last, "outcome"));
    bool is = have && strcmp(have, outcome) == 0;
    json_decref(requests);
    return is;
}

static bool last_ended(void)
{
    json_t *requests = fake_server_get(&fake, "requests");
    json_t *last = json_array_get(requests, json_array_size(requests) - 1);
    bool ended = json_integer_value(json_object_get(last, "ended_us")) > 0;
    json_decref(requests);
    return ended;
}

Test(fake_rules, answer_with_a_status_a_body_and_headers)
{
    struct http_answer answer;
    post_under("{'status':503,'body':'later','headers':{'Retry-After':'7'}}", 0, &answer);
    cr_expect_eq(answer.status, 503);
    cr_expect_str_eq(answer.body, "later");
    cr_expect(strstr(answer.headers, "Retry-After: 7\r\n"));
    cr_expect_eq(fake_server_events(&fake), 0);
    http_answer_deinit(&answer);
}

Test(fake_rules, apply_after_skip_and_for_so_many_times)
{
    fake_server_set_rules(&fake, "[{'skip':1,'times':2,'action':{'status':500}}]");
    static const long expected[] = {200, 500, 500, 200, 200};
    for (size_t i = 0; i < 5; i++) {
        cr_expect_eq(post_batch(), expected[i], "request %zu", i);
    }
    json_t *rules = fake_server_get(&fake, "rules");
    json_int_t matched = 0;
    json_int_t applied = 0;
    json_unpack(rules, "[{s:I, s:I}]", "matched", &matched, "applied", &applied);
    cr_expect_eq(matched, 5);
    cr_expect_eq(applied, 2);
    json_decref(rules);
}

Test(fake_rules, match_by_path_text_app_and_number)
{
    fake_server_set_rules(&fake, "[{'match':{'path':'/users/'},'action':{'status':501}},"
                                 "{'match':{'contains':'\\u0022data\\u0022:\\u00222\\u0022'},"
                                 "'times':1,'action':{'status':502}},"
                                 "{'match':{'app':'nobody'},'action':{'status':505}},"
                                 "{'match':{'from':3},'action':{'status':503}}]");
    cr_expect_eq(signed_post(&fake, "/users/7/terminate_connections", "{}", NULL), 501);
    cr_expect_eq(post_batch(), 502);
    cr_expect_eq(post_batch(), 503);
    fake_server_delete_rules(&fake);
    cr_expect_eq(post_batch(), 200);
}

Test(fake_rules, delay_the_answer)
{
    struct http_answer answer;
    post_under("{'delay_ms':150}", 0, &answer);
    cr_expect_eq(answer.status, 200);
    cr_expect_geq(answer.seconds, 0.149);
    cr_expect_eq(fake_server_events(&fake), 1);
    http_answer_deinit(&answer);
}

Test(fake_rules, reset_the_connection)
{
    cr_expect_eq(status_under("{'reset':true}", 0), HTTP_NO_CONNECTION);
    cr_expect(last_outcome_is("reset"));
    cr_expect_eq(fake_server_events(&fake), 0);
}

Test(fake_rules, hang_until_the_client_leaves)
{
    cr_expect_eq(status_under("{'hang':true}", 300), HTTP_TIMEOUT);
    cr_expect(wait_until(last_outcome_is("hung"), WAIT_LONG_MS));
    /* the connection of the count itself is the only one left */
    cr_expect(wait_until(fake_server_stat(&fake, "open_connections") == 1, WAIT_LONG_MS));
}

Test(fake_rules, truncate_the_body)
{
    struct http_answer answer;
    post_under("{'truncate':1}", 0, &answer);
    cr_expect_eq(answer.status, HTTP_CUT);
    cr_expect_str_eq(answer.body, "{");
    cr_expect(strstr(answer.headers, "Content-Length: 2\r\n"));
    cr_expect(last_outcome_is("truncated"));
    http_answer_deinit(&answer);
}

Test(fake_rules, drip_the_body)
{
    struct http_answer answer;
    post_under("{'status':400,'body':'abcd','drip_ms':30}", 0, &answer);
    cr_expect_eq(answer.status, 400);
    cr_expect_str_eq(answer.body, "abcd");
    cr_expect_geq(answer.seconds, 0.119);
    http_answer_deinit(&answer);
}

Test(fake_rules, skew_the_clock_of_check_and_date)
{
    struct http_answer answer;
    post_under("{'skew_s':1000000}", 0, &answer);
    cr_expect_eq(answer.status, 401);
    cr_expect_eq(strncmp(answer.body, "Timestamp expired", 17), 0);
    struct tm tm = {0};
    const char *date = strstr(answer.headers, "Date: ");
    cr_assert(date && strptime(date + 6, "%a, %d %b %Y %H:%M:%S GMT", &tm));
    cr_expect_leq(labs((long)(timegm(&tm) - time(NULL)) - 1000000), 5);
    http_answer_deinit(&answer);
}

Test(fake_rules, say_what_counts_as_published)
{
    static const struct {
        const char *action;
        size_t published;
    } rows[] = {
        {"{}", 3},
        {"{'publish':'none'}", 0},
        {"{'publish':'prefix:2'}", 2},
        {"{'status':400,'publish':'prefix:7'}", 3},
        {"{'reset':true,'publish':'all'}", 3},
        {"{'truncate':0}", 3},
        {"{'status':202}", 3},
        {"{'status':413}", 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char rules[128];
        fake_server_reset(&fake);
        snprintf(rules, sizeof(rules), "[{'action':%s}]", rows[i].action);
        fake_server_set_rules(&fake, rules);
        post_batch();
        cr_expect_eq(fake_server_events(&fake), rows[i].published, "%s", rows[i].action);
    }
}

Test(fake_rules, never_publish_what_is_wrong_in_itself)
{
    fake_server_set_rules(&fake, "[{'action':{'status':200,'publish':'all'}}]");
    cr_expect_eq(signed_post(&fake, "/events", "{'name':'e','channel':'a b','data':'d'}", NULL),
                 200);
    cr_expect_eq(fake_server_events(&fake), 0);
}

Test(fake_rules, that_cannot_be_read_are_refused_with_a_reason)
{
    static const char *const bad[] = {
        "{}",
        "[{}]",
        "[{\"action\":{\"state\":1}}]",
        "[{\"action\":{\"status\":99}}]",
        "[{\"action\":{\"publish\":\"some\"}}]",
        "[{\"action\":{},\"probability\":1.5}]",
        "[{\"action\":{},\"match\":{\"body\":\"x\"}}]",
    };
    char url[128];
    snprintf(url, sizeof(url), "%s/_fake/rules", fake.url);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct http_answer answer;
        struct http_request request = {
            .method = "POST", .url = url, .body = bad[i], .body_len = strlen(bad[i])};
        http_perform(&request, &answer);
        cr_expect_eq(answer.status, 400, "%s", bad[i]);
        cr_expect_gt(strlen(answer.body), 5u);
        http_answer_deinit(&answer);
    }
}

Test(fake_rules, let_go_of_who_hangs_when_the_fake_stops)
{
    char header[128];
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)fake.port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    fake_server_set_rules(&fake, "[{'action':{'hang':true}}]");
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    int len = snprintf(header, sizeof(header), "GET /apps/x HTTP/1.1\r\nHost: x\r\n\r\n");
    cr_assert_eq(send(fd, header, (size_t)len, 0), len);
    cr_assert(wait_until(fake_server_stat(&fake, "requests") == 1, WAIT_LONG_MS));
    stop();
    cr_expect_leq(recv(fd, header, sizeof(header), 0), 0);
    close(fd);
}

Test(fake_rules, cut_the_connection_without_or_within_an_answer)
{
    cr_expect_eq(status_under("{'close':true}", 0), HTTP_CUT);
    cr_expect_eq(fake_server_events(&fake), 0);
    cr_expect(last_outcome_is("closed"));
    cr_expect_eq(status_under("{'truncate':1,'reset':true}", 0), HTTP_NO_CONNECTION);
    cr_expect_eq(fake_server_events(&fake), 1, "its answer was sent in part");
    cr_expect(last_outcome_is("reset"));
}

Test(fake_rules, fall_silent_within_an_answer)
{
    struct http_answer answer;
    post_under("{'stall':1}", 300, &answer);
    cr_expect_eq(answer.status, HTTP_TIMEOUT);
    cr_expect(strstr(answer.headers, " 200 "));
    cr_expect_eq(answer.len, 1);
    cr_expect(last_outcome_is("stalled"));
    http_answer_deinit(&answer);
}

Test(fake_rules, with_a_probability_apply_to_some)
{
    size_t n_refused = 0;
    fake_server_set_rules(&fake, "[{'probability':0.5,'action':{'status':500}}]");
    for (size_t i = 0; i < 100; i++) {
        n_refused += post_batch() == 500;
    }
    cr_expect(n_refused > 20 && n_refused < 80, "%zu of 100", n_refused);
}

/* curl uses a connection again only within one handle: here each request has its own. */
Test(fake_rules, tell_first_requests_of_a_connection_from_later_ones)
{
    fake_server_set_rules(&fake, "[{'match':{'reused':true},'action':{'status':500}},"
                                 "{'match':{'reused':false},'action':{'status':201}}]");
    cr_expect_eq(post_batch(), 201);
    cr_expect_eq(post_batch(), 201);
}

Test(fake_rules, leave_in_the_record_whether_the_answer_went_out)
{
    status_under("{'truncate':0}", 0);
    status_under("{}", 0);
    cr_assert(wait_until(last_ended(), WAIT_LONG_MS));
    json_t *requests = fake_server_get(&fake, "requests");
    cr_expect(json_is_false(json_object_get(json_array_get(requests, 0), "sent")));
    cr_expect(json_is_true(json_object_get(json_array_get(requests, 1), "sent")));
    json_decref(requests);
}
