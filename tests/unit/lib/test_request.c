#include "tests/unit/lib/vectors.h"

#define T0 1353088179

/* The parameters of a vector: members of an object, in the order they stand there. */
static size_t read_params(const json_t *row, struct pusher_param *params)
{
    size_t n = 0;
    const char *name;
    json_t *value;
    json_object_foreach(json_object_get(row, "params"), name, value)
    {
        params[n].name = pusher_str(name);
        params[n].value =
            (struct pusher_string){json_string_value(value), json_string_length(value)};
        n++;
    }
    return n;
}

/* The last parameter of a target or query is the signature. */
static const char *signature_of(const char *target)
{
    const char *found = strstr(target, "&auth_signature=");
    cr_assert_not_null(found, "%s", target);
    return found + strlen("&auth_signature=");
}

Test(request, signatures_are_those_of_the_docs_and_sdks)
{
    json_t *rows = load_vectors("requests.json"), *row;
    size_t i;
    json_array_foreach(rows, i, row)
    {
        struct pusher_client *client = vector_client(row);
        struct pusher_param params[PUSHER_PARAMS_MAX];
        size_t n_params = read_params(row, params);
        struct pusher_string body = vector_text(row, "body");
        int64_t unix_s = json_integer_value(json_object_get(row, "unix_s"));
        char target[PUSHER_TARGET_MAX];
        cr_assert_eq(pusher_request_target(client, vector_text(row, "method").ptr,
                                           vector_text(row, "path").ptr, params, n_params, body.ptr,
                                           body.len, unix_s, target, sizeof(target)),
                     0);
        cr_assert_str_eq(signature_of(target), vector_text(row, "signature").ptr, "%s: %s",
                         vector_text(row, "source").ptr, target);
        pusher_client_free(client);
    }
    json_decref(rows);
}

Test(request, the_md5_of_the_body_is_sent)
{
    struct pusher_client *client = some_client();
    json_t *rows = load_vectors("bodies.json"), *row;
    size_t i;
    json_array_foreach(rows, i, row)
    {
        struct pusher_string body = vector_text(row, "body");
        char query[PUSHER_TARGET_MAX], want[64];
        cr_assert_eq(pusher_request_query(client, "POST", "/x", NULL, 0, body.ptr, body.len, T0,
                                          query, sizeof(query)),
                     0);
        snprintf(want, sizeof(want), "&body_md5=%s&", vector_text(row, "md5").ptr);
        cr_assert_not_null(strstr(query, want), "%s", query);
    }
    json_decref(rows);
    pusher_client_free(client);
}

Test(request, a_whole_target_is_as_expected)
{
    struct pusher_client *client = some_client();
    static const char body[] =
        "{\"name\":\"foo\",\"channels\":[\"project-3\"],\"data\":\"{\\\"some\\\":\\\"data\\\"}\"}";
    char target[PUSHER_TARGET_MAX];
    cr_assert_eq(pusher_request_target(client, "POST", pusher_path_events(client), NULL, 0, body,
                                       strlen(body), T0, target, sizeof(target)),
                 0);
    cr_assert_str_eq(target,
                     "/apps/3/events?auth_key=278d425bdf160c739803&auth_timestamp=1353088179&"
                     "auth_version=1.0&body_md5=ec365a775a4cd0599faeb73354201b6f&auth_signature="
                     "da454824c97ba181a32ccc17a72625ba02771f50b50e1e7430e47a1f3f457e6c");
    pusher_client_free(client);
}

Test(request, a_signed_query_string_is_as_the_node_sdk_makes_it)
{
    struct pusher_config config = some_config();
    config.key = "f00d";
    config.secret = "tofu";
    struct pusher_client *client = make_client(&config);
    struct pusher_param params[] = {{pusher_str("foo"), pusher_str("bar")},
                                    {pusher_str("baz"), pusher_str("123454321")}};
    char query[PUSHER_TARGET_MAX];
    cr_assert_eq(pusher_request_query(client, "GET", "/event", params, 2, NULL, 0, 1234567890,
                                      query, sizeof(query)),
                 0);
    cr_assert_str_eq(query,
                     "auth_key=f00d&auth_timestamp=1234567890&auth_version=1.0&baz=123454321&"
                     "foo=bar&auth_signature=d8bdbd31911fb7400a14fbd36fd7de053494725b64400ae58"
                     "56deafe304b34a9");
    pusher_client_free(client);
}

Test(request, values_are_escaped_on_the_wire)
{
    struct pusher_client *client = some_client();
    struct pusher_param param = {pusher_str("Q q"), pusher_str("a+b c&d=%#;,\xc3\xa9~-._/")};
    char query[PUSHER_TARGET_MAX];
    cr_assert_eq(
        pusher_request_query(client, "GET", "/x", &param, 1, NULL, 0, T0, query, sizeof(query)), 0);
    cr_assert_not_null(strstr(query, "&q%20q=a%2Bb%20c%26d%3D%25%23%3B%2C%C3%A9~-._%2F&"), "%s",
                       query);
    pusher_client_free(client);
}

static int try_param(const char *name, const char *value)
{
    struct pusher_client *client = some_client();
    struct pusher_param param = {pusher_str(name), pusher_str(value)};
    char query[PUSHER_TARGET_MAX];
    int rc =
        pusher_request_query(client, "GET", "/x", &param, 1, NULL, 0, T0, query, sizeof(query));
    pusher_client_free(client);
    return rc;
}

Test(request, reserved_and_senseless_parameters_are_refused)
{
    static const char *const reserved[] = {"auth_key",       "auth_timestamp", "auth_version",
                                           "auth_signature", "auth_anything",  "body_md5",
                                           "AUTH_KEY",       "Body_MD5",       "auth_"};
    for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++)
        cr_assert_eq(try_param(reserved[i], "x"), PUSHER_EINVAL, "%s", reserved[i]);
    cr_assert_eq(try_param("", "x"), PUSHER_EINVAL);
    cr_assert_eq(try_param(NULL, "x"), PUSHER_EINVAL);
    cr_assert_eq(try_param("x", NULL), PUSHER_EINVAL);
    cr_assert_eq(try_param("x", "\xff"), PUSHER_EINVAL);
    cr_assert_eq(try_param("\xff", "x"), PUSHER_EINVAL);
    cr_assert_eq(try_param("auth", "x"), 0);
    cr_assert_eq(try_param("body_md55", ""), 0);
}

Test(request, the_same_parameter_twice_is_refused)
{
    struct pusher_client *client = some_client();
    struct pusher_param params[] = {{pusher_str("a"), pusher_str("1")},
                                    {pusher_str("b"), pusher_str("2")},
                                    {pusher_str("A"), pusher_str("3")}};
    char query[PUSHER_TARGET_MAX];
    cr_assert_eq(
        pusher_request_query(client, "GET", "/x", params, 3, NULL, 0, T0, query, sizeof(query)),
        PUSHER_EINVAL);
    pusher_client_free(client);
}

Test(request, the_number_of_parameters_has_a_limit)
{
    struct pusher_client *client = some_client();
    struct pusher_param params[PUSHER_PARAMS_MAX + 1];
    char names[PUSHER_PARAMS_MAX + 1][8], query[PUSHER_TARGET_MAX];
    for (unsigned i = 0; i <= PUSHER_PARAMS_MAX; i++) {
        snprintf(names[i], sizeof(names[i]), "p%u", i);
        params[i] = (struct pusher_param){pusher_str(names[i]), pusher_str("v")};
    }
    cr_assert_eq(pusher_request_query(client, "GET", "/x", params, PUSHER_PARAMS_MAX, NULL, 0, T0,
                                      query, sizeof(query)),
                 0);
    cr_assert_eq(pusher_request_query(client, "GET", "/x", params, PUSHER_PARAMS_MAX + 1, NULL, 0,
                                      T0, query, sizeof(query)),
                 PUSHER_EINVAL);
    pusher_client_free(client);
}

static int try_path(const char *path)
{
    struct pusher_client *client = some_client();
    char query[PUSHER_TARGET_MAX];
    int rc = pusher_request_query(client, "GET", path, NULL, 0, NULL, 0, T0, query, sizeof(query));
    pusher_client_free(client);
    return rc;
}

Test(request, paths_that_would_be_rewritten_or_break_the_line_are_refused)
{
    static const char *const bad[] = {"",     "x",      "/a/./b",    "/a/../b",   "/..",
                                      "/a/.", "/%2e/x", "/a/%2E%2e", "/.%2e",     "/a b",
                                      "/a\n", "/a?b",   "/a#b",      "/\xc3\xa9", "/a\x7f"};
    static const char *const good[] = {"/",       "/a",    "/a/...",   "/a/.b", "/a/%2e%2e%2e",
                                       "/a/%2eb", "/a//b", "/a=@,;%20"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        cr_assert_eq(try_path(bad[i]), PUSHER_EINVAL, "%s", bad[i]);
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        cr_assert_eq(try_path(good[i]), 0, "%s", good[i]);
}

Test(request, the_method_is_signed_in_upper_case)
{
    struct pusher_client *client = some_client();
    char lower[PUSHER_TARGET_MAX], upper[PUSHER_TARGET_MAX];
    cr_assert_eq(
        pusher_request_query(client, "post", "/x", NULL, 0, NULL, 0, T0, lower, sizeof(lower)), 0);
    cr_assert_eq(
        pusher_request_query(client, "POST", "/x", NULL, 0, NULL, 0, T0, upper, sizeof(upper)), 0);
    cr_assert_str_eq(lower, upper);
    static const char *const bad[] = {"", "GET ", "G\nT", "AVERYLONGMETHODXX"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        cr_assert_eq(
            pusher_request_query(client, bad[i], "/x", NULL, 0, NULL, 0, T0, upper, sizeof(upper)),
            PUSHER_EINVAL);
    cr_assert_eq(
        pusher_request_query(client, "GET", "/x", NULL, 0, NULL, 0, -1, upper, sizeof(upper)),
        PUSHER_EINVAL);
    pusher_client_free(client);
}

/* The signature of a GET of /apps/3/events by a client with this prefix. */
static void sign_with_prefix(bool sign_prefix, const char *prefix, const char *path, char hex[65])
{
    struct pusher_config config = some_config();
    config.path_prefix = prefix;
    config.sign_prefix = sign_prefix;
    struct pusher_client *client = make_client(&config);
    char target[PUSHER_TARGET_MAX];
    cr_assert_eq(
        pusher_request_target(client, "GET", path, NULL, 0, NULL, 0, T0, target, sizeof(target)),
        0);
    memcpy(hex, signature_of(target), 65);
    pusher_client_free(client);
}

Test(request, the_prefix_is_signed_or_not_as_configured)
{
    char plain[65], without[65], with[65], whole[65];
    sign_with_prefix(true, NULL, "/apps/3/events", plain);
    sign_with_prefix(false, "/pre", "/apps/3/events", without);
    sign_with_prefix(true, "/pre", "/apps/3/events", with);
    sign_with_prefix(true, NULL, "/pre/apps/3/events", whole);
    cr_assert_str_eq(without, plain);
    cr_assert_str_neq(with, plain);
    cr_assert_str_eq(with, whole);
}

Test(request, a_buffer_that_is_too_small_is_told)
{
    struct pusher_client *client = some_client();
    char target[PUSHER_TARGET_MAX];
    cr_assert_eq(
        pusher_request_target(client, "GET", "/x", NULL, 0, NULL, 0, T0, target, sizeof(target)),
        0);
    size_t need = strlen(target) + 1;
    for (size_t size = 0; size < need; size++) {
        char *exact = malloc(size + 1);
        cr_assert_eq(pusher_request_target(client, "GET", "/x", NULL, 0, NULL, 0, T0, exact, size),
                     PUSHER_ETOOSMALL);
        free(exact);
    }
    cr_assert_eq(pusher_request_target(client, "GET", "/x", NULL, 0, NULL, 0, T0, target, need), 0);
    pusher_client_free(client);
}

/* A string of n times c, in static storage. */
static const char *fill(char *buf, char c, size_t n)
{
    memset(buf, c, n);
    buf[n] = '\0';
    return buf;
}

Test(request, the_longest_request_fits_the_target)
{
    static char app_id[200], key[200], prefix[300], channel[1100], path[PUSHER_PATH_MAX];
    struct pusher_config config = some_config();
    config.app_id = fill(app_id, 'a', 128);
    config.key = fill(key, '%', 128);
    config.path_prefix = fill(prefix, 'p', 255);
    struct pusher_client *client = make_client(&config);
    int n = snprintf(path, sizeof(path), "/apps/%s/channels/%s/users", app_id,
                     fill(channel, 'c', 1000));
    cr_assert_lt(n, (int)sizeof(path));
    char target[PUSHER_TARGET_MAX];
    cr_assert_eq(pusher_request_target(client, "POST", path, NULL, 0, "{}", 2, INT64_MAX, target,
                                       sizeof(target)),
                 0);
    pusher_client_free(client);
}

Test(request, a_request_is_signed_as_its_parts_are)
{
    struct pusher_client *client = some_client();
    struct pusher_request request = {
        .method = "POST", .path = "/apps/3/x", .n_params = 1, .body = pusher_str("{}")};
    request.params[0] = (struct pusher_param){pusher_str("a"), pusher_str("b")};
    char whole[PUSHER_TARGET_MAX], parts[PUSHER_TARGET_MAX];
    cr_assert_eq(pusher_request_sign(client, &request, T0, whole, sizeof(whole)), 0);
    cr_assert_eq(pusher_request_target(client, "POST", "/apps/3/x", request.params, 1, "{}", 2, T0,
                                       parts, sizeof(parts)),
                 0);
    cr_assert_str_eq(whole, parts);
    pusher_client_free(client);
}
