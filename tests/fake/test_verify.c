/* Known answers: Pusher's documentation and the test suites of the official SDKs. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "verify.h"

struct vector {
    const char *app;
    const char *method;
    const char *path;
    const char *params; /* all but the signature */
    const char *body;
    const char *signature;
};

#define APP_A "3:278d425bdf160c739803:7ad3773142a6692b25b8"
#define APP_G "102015:d41a439c438a100756f5:4bf35003e819bb138249"
#define APP_N "1:f00d:tofu"

static const struct vector vectors[] = {
    /* pusher/docs, library_auth_reference/rest-api.md, the worked example */
    {APP_A, "POST", "/apps/3/events",
     "auth_key=278d425bdf160c739803&auth_timestamp=1353088179&auth_version=1.0"
     "&body_md5=ec365a775a4cd0599faeb73354201b6f",
     "{\"name\":\"foo\",\"channels\":[\"project-3\"],\"data\":\"{\\\"some\\\":\\\"data\\\"}\"}",
     "da454824c97ba181a32ccc17a72625ba02771f50b50e1e7430e47a1f3f457e6c"},
    /* pusher-http-go, request_url_test.go and client_test.go */
    {APP_G, "GET", "/apps/102015/channels",
     "auth_key=d41a439c438a100756f5&auth_timestamp=1427034994&auth_version=1.0"
     "&filter_by_prefix=presence-&info=user_count",
     "", "4d8a02edcc8a758b0162cd6da690a9a45fb8ae326a276dca1e06a0bc42796c11"},
    {APP_G, "GET", "/apps/102015/channels",
     "auth_key=d41a439c438a100756f5&auth_timestamp=1427036787&auth_version=1.0", "",
     "df89248f87f6e6d028925e0b04d60f316527a865992ace6936afa91281d8bef0"},
    {APP_G, "GET",
     "/apps/102015/channels/presence-session-d41a439c438a100756f5-4bf35003e819bb138249-ROpCFmgFhXY",
     "info=user_count,subscription_count&auth_version=1.0&auth_timestamp=1427053326"
     "&auth_key=d41a439c438a100756f5",
     "", "f93ceb31f396aef336226efe512aaf339bd5e39c7c2c04b81cc8681dc16ee785"},
    /* pusher-http-node, create_signed_query_string.js */
    {APP_N, "GET", "/event",
     "auth_key=f00d&auth_timestamp=1234567890&auth_version=1.0"
     "&body_md5=165d5e6d7ca8f73b3853ce45addf42fc",
     "example body", "a650196dc427ebe837226f8565ca9232198c6d1b9455eaa72374a9dc0b620e7b"},
    {APP_N, "GET", "/event",
     "auth_key=f00d&auth_timestamp=1234567890&auth_version=1.0&foo=bar&baz=123454321", "",
     "d8bdbd31911fb7400a14fbd36fd7de053494725b64400ae5856deafe304b34a9"},
};

/* The reason why it is refused, malloc'ed, or NULL. */
static char *verify(const struct vector *vector, int64_t late_s, const char *signature)
{
    struct app app;
    struct query query;
    char *raw;
    cr_assert_eq(app_parse(vector->app, &app), 0);
    cr_assert(asprintf(&raw, "%s&auth_signature=%s", vector->params, signature) > 0);
    cr_assert_eq(query_parse(raw, &query), 0);
    struct verify_input input = {.method = vector->method,
                                 .path = vector->path,
                                 .query = &query,
                                 .body = vector->body,
                                 .body_len = strlen(vector->body),
                                 .now_s = strtoll(query_get(&query, "auth_timestamp"), NULL, 10) +
                                          late_s,
                                 .checks_time = true};
    char *error = verify_request(&app, &input);
    query_deinit(&query);
    free(raw);
    return error;
}

Test(verify, accepts_the_known_signatures)
{
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        char *error = verify(&vectors[i], 0, vectors[i].signature);
        cr_expect_null(error, "vector %zu: %s", i, error);
        free(error);
    }
}

Test(verify, refuses_a_signature_with_one_digit_changed)
{
    char signature[65];
    strcpy(signature, vectors[0].signature);
    signature[63] = 'd';
    char *error = verify(&vectors[0], 0, signature);
    cr_assert_not_null(error);
    cr_expect(strstr(error, "Invalid signature: you should have sent HmacSHA256Hex(\"POST\\n/apps/3"
                            "/events\\nauth_key=278d425bdf160c739803&"));
    free(error);
}

Test(verify, refuses_a_stamp_600_seconds_away_and_takes_one_599_away)
{
    static const int64_t late_s[] = {599, -599, 600, -600};
    for (size_t i = 0; i < 4; i++) {
        char *error = verify(&vectors[0], late_s[i], vectors[0].signature);
        cr_expect_eq(error != NULL, i >= 2, "%d s late", (int)late_s[i]);
        cr_expect(!error ||
                  strstr(error, "Timestamp expired: Given timestamp (2012-11-16T17:49:39Z)"
                                " not within 600s of server time (2012-11-16T"));
        free(error);
    }
}

static void expect_refusal(const char *params, const char *body, const char *text)
{
    struct vector vector = {APP_N, "POST", "/apps/1/events", params, body, NULL};
    char *error = verify(&vector, 0, "00");
    cr_assert_not_null(error, "%s", params);
    cr_expect_eq(strncmp(error, text, strlen(text)), 0, "%s", error);
    free(error);
}

Test(verify, says_what_is_missing)
{
    expect_refusal("auth_timestamp=1&auth_version=1.0", "", "Missing parameter: auth_key");
    expect_refusal("auth_key=other&auth_timestamp=1", "", "Unknown auth_key");
    expect_refusal("auth_key=f00d&auth_timestamp=1", "", "Version required");
    expect_refusal("auth_key=f00d&auth_timestamp=1&auth_version=2.0", "", "Version not supported");
    expect_refusal("auth_key=f00d&auth_timestamp=1&auth_version=1.0", "{}",
                   "Missing parameter: body_md5");
    expect_refusal("auth_key=f00d&auth_timestamp=1&auth_version=1.0&body_md5=00", "{}",
                   "Invalid body_md5: the MD5 of the body is 99914b932bd37a50b983c5e7c90ae93b");
    expect_refusal("auth_key=f00d&auth_timestamp=1&auth_version=1.0", "", "Invalid signature");
}

Test(query, is_decoded_lowered_and_sorted_by_bytes)
{
    struct query query;
    cr_assert_eq(query_parse("b_=1&B=%2b+x&Ab=&auth_signature=s&key%3B=va%26lue@", &query), 0);
    char *canonical = query_canonical(&query);
    cr_expect_str_eq(canonical, "ab=&b=+ x&b_=1&key;=va&lue@");
    cr_expect_str_eq(query_get(&query, "auth_signature"), "s");
    free(canonical);
    query_deinit(&query);
}

Test(query, refuses_what_cannot_be_decoded)
{
    static const char *const bad[] = {"a=%", "a=%4", "a=%zz", "a=%00", "%=1"};
    struct query query;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        cr_expect_eq(query_parse(bad[i], &query), -1, "%s", bad[i]);
    }
}
