#include "tests/unit/lib/vectors.h"

/* The error's text when the configuration is refused, which it must be. Static storage. */
static const char *refusal(const struct pusher_config *config)
{
    static struct pusher_error error;
    struct pusher_client *client = NULL;
    cr_assert_eq(pusher_client_new(config, &client, &error), PUSHER_ECONFIG);
    cr_assert_null(client);
    return error.text;
}

#define EXPECT_REFUSED(field_, value_, text_)                                                      \
    do {                                                                                           \
        struct pusher_config config_ = some_config();                                              \
        config_.field_ = value_;                                                                   \
        cr_assert_str_eq(refusal(&config_), text_);                                                \
    } while (0)

#define EXPECT_TAKEN(field_, value_)                                                               \
    do {                                                                                           \
        struct pusher_config config_ = some_config();                                              \
        config_.field_ = value_;                                                                   \
        pusher_client_free(make_client(&config_));                                                 \
    } while (0)

Test(client, fills_in_the_defaults_of_hosted_pusher)
{
    struct pusher_client *client = some_client();
    cr_assert_str_eq(pusher_client_host(client), "api-eu.pusher.com");
    cr_assert_eq(pusher_client_port(client), 443);
    cr_assert(pusher_client_use_tls(client));
    cr_assert(pusher_client_keep_alive(client));
    cr_assert_eq(pusher_client_timeout_ms(client), 5000);
    cr_assert_eq(pusher_client_max_events_per_batch(client), 10);
    cr_assert_eq(pusher_client_max_channels(client), 100);
    cr_assert_eq(pusher_client_max_event_bytes(client), 10240);
    cr_assert_eq(pusher_client_max_channel_name(client), 200);
    cr_assert_eq(pusher_client_max_request_bytes(client), 0);
    cr_assert_null(pusher_client_proxy(client));
    cr_assert_null(pusher_client_ca_file(client));
    cr_assert_not(pusher_client_can_encrypt(client));
    cr_assert_str_eq(pusher_client_base_url(client), "https://api-eu.pusher.com:443");
    pusher_client_free(client);
}

Test(client, keeps_what_is_set)
{
    struct pusher_config config = some_config();
    config.host = "localhost";
    config.port = 6001;
    config.use_tls = config.keep_alive = false;
    config.proxy = "http://user:p%40ss@127.0.0.1:3128";
    config.ca_file = "/etc/ssl/my ca.pem";
    config.timeout_ms = 250;
    config.max_events_per_batch = 3;
    config.encryption_master_key_base64 = SOME_MASTER_KEY;
    struct pusher_client *client = make_client(&config);
    cr_assert_str_eq(pusher_client_base_url(client), "http://localhost:6001");
    cr_assert_str_eq(pusher_client_proxy(client), "http://user:p%40ss@127.0.0.1:3128");
    cr_assert_str_eq(pusher_client_ca_file(client), "/etc/ssl/my ca.pem");
    cr_assert_str_eq(pusher_client_app_id(client), "3");
    cr_assert_str_eq(pusher_client_key(client), "278d425bdf160c739803");
    cr_assert_eq(pusher_client_timeout_ms(client), 250);
    cr_assert_eq(pusher_client_max_events_per_batch(client), 3);
    cr_assert_not(pusher_client_keep_alive(client));
    cr_assert(pusher_client_can_encrypt(client));
    cr_assert_str_eq(pusher_path_events(client), "/apps/3/events");
    cr_assert_str_eq(pusher_path_batch_events(client), "/apps/3/batch_events");
    pusher_client_free(client);
}

Test(client, needs_an_app)
{
    EXPECT_REFUSED(app_id, NULL, "app_id: is not set");
    EXPECT_REFUSED(app_id, "", "app_id: is not set");
    EXPECT_REFUSED(app_id, "a/b", "app_id: may hold only letters, digits, - and _");
    EXPECT_REFUSED(key, NULL, "key: is not set");
    EXPECT_REFUSED(secret, "", "secret: is not set");
    EXPECT_REFUSED(cluster, NULL, "cluster: is not set, nor is host");
    EXPECT_TAKEN(app_id, "my_app-1");
}

Test(client, refuses_what_would_break_a_header_or_a_url)
{
    EXPECT_REFUSED(key, "a\r\nb", "key: may not hold spaces, control characters or non-ASCII text");
    EXPECT_REFUSED(secret, "s3cret\n",
                   "secret: may not hold spaces, control characters or non-ASCII text");
    EXPECT_REFUSED(cluster, "eu.evil.com/",
                   "cluster: may hold only letters, digits and - (as in \"eu\")");
    EXPECT_REFUSED(ca_file, "/a\nb", "ca_file: may not hold control characters");
}

/* n times c, in static storage. */
static const char *fill(char c, size_t n)
{
    static char text[5000];
    memset(text, c, n);
    text[n] = '\0';
    return text;
}

Test(client, texts_have_limits)
{
    EXPECT_REFUSED(app_id, fill('a', 129), "app_id: is longer than 128 bytes");
    EXPECT_REFUSED(key, fill('k', 129), "key: is longer than 128 bytes");
    EXPECT_REFUSED(secret, fill('s', 1025), "secret: is longer than 1024 bytes");
    EXPECT_REFUSED(cluster, fill('c', 64), "cluster: is longer than 63 bytes");
    EXPECT_REFUSED(path_prefix, fill('p', 256), "path_prefix: is longer than 255 bytes");
    EXPECT_REFUSED(ca_file, fill('f', 4097), "ca_file: is longer than 4096 bytes");
    EXPECT_REFUSED(proxy, fill('p', 2049), "proxy: is longer than 2048 bytes");
    EXPECT_REFUSED(host, fill('h', 254),
                   "host: is not a host name or address (no scheme, port or path here)");
    EXPECT_TAKEN(secret, fill('s', 1024));
}

Test(client, hosts_are_names_or_addresses)
{
    static const char *const good[] = {"localhost", "10.0.0.1", "my_svc.local",
                                       "a.b.",      "::1",      "[::1]"};
    static const char *const bad[] = {"http://x", "a b",  "x:80",     "a/b",       "[::1",
                                      "::g",      "a..b", "-x",       "user@host", "b\xc3\xbc.de",
                                      ".x",       "[]",   "[1.2.3.4]"};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        EXPECT_TAKEN(host, good[i]);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        EXPECT_REFUSED(host, bad[i],
                       "host: is not a host name or address (no scheme, port or path here)");
}

Test(client, an_ipv6_host_stands_in_brackets_in_the_url)
{
    struct pusher_config config = some_config();
    config.host = "[2001:db8::1]";
    config.port = 8080;
    struct pusher_client *client = make_client(&config);
    cr_assert_str_eq(pusher_client_host(client), "2001:db8::1");
    cr_assert_str_eq(pusher_client_base_url(client), "https://[2001:db8::1]:8080");
    pusher_client_free(client);
}

/* Else libcurl would show the password in the text of an error, or connect without the proxy. */
Test(client, credentials_of_a_proxy_are_what_libcurl_reads)
{
    static const char *const encoded[] = {"http://u:p@w@p:1", "http://u@h:pw@p:1"};
    static const char *const control[] = {"http://u:p%00w@p:1", "http://u%0a:pw@p:1",
                                          "socks5://u:%1Fpw@p:1"};
    for (size_t i = 0; i < sizeof(encoded) / sizeof(encoded[0]); i++)
        EXPECT_REFUSED(proxy, encoded[i],
                       "proxy: / ? # and @ in user and password must be percent-encoded");
    for (size_t i = 0; i < sizeof(control) / sizeof(control[0]); i++)
        EXPECT_REFUSED(proxy, control[i],
                       "proxy: user and password may not hold control characters");
    EXPECT_TAKEN(proxy, "http://u%20x:p%7f%20%0w%@p:1");
}

Test(client, proxies_are_urls_with_a_port)
{
    static const char *const good[] = {"http://p:3128", "http://u:p%40h@p:3128/", "https://p:1",
                                       "socks5h://[::1]:1080"};
    static const char *const bad[] = {"http://p",       "http://:80",    "http://p:0",
                                      "http://p:65536", "http://p:80/x", "http://p:8a",
                                      "http://a b:1",   "http://"};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        EXPECT_TAKEN(proxy, good[i]);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct pusher_config config = some_config();
        config.proxy = bad[i];
        cr_assert(strncmp(refusal(&config), "proxy: ", 7) == 0, "%s", bad[i]);
    }
    EXPECT_REFUSED(proxy, "http://u:p/w@p:1",
                   "proxy: / ? # and @ in user and password must be percent-encoded");
    EXPECT_REFUSED(proxy, "ftp://p:1",
                   "proxy: must begin with http://, https://, socks5:// or socks5h://");
}

Test(client, numbers_have_limits)
{
    EXPECT_REFUSED(port, 65536, "port: 65536 is over 65535");
    EXPECT_REFUSED(timeout_ms, 3600001, "timeout_ms: 3600001 is over 3600000");
    EXPECT_REFUSED(max_events_per_batch, 1001, "max_events_per_batch: 1001 is over 1000");
    EXPECT_REFUSED(max_channels, 10001, "max_channels: 10001 is over 10000");
    EXPECT_REFUSED(max_channel_name, 1001, "max_channel_name: 1001 is over 1000");
    EXPECT_REFUSED(max_event_bytes, ((size_t)64 << 20) + 1,
                   "max_event_bytes: 67108865 is over 67108864");
    EXPECT_TAKEN(max_request_bytes, (size_t)1 << 30);
}

Test(client, path_prefixes_are_made_regular)
{
    static const char *const pairs[][2] = {{"/app", "/app/apps/3/events?"},
                                           {"app/", "/app/apps/3/events?"},
                                           {"//a/b.c//", "/a/b.c/apps/3/events?"},
                                           {"/", "/apps/3/events?"},
                                           {"", "/apps/3/events?"}};
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        struct pusher_config config = some_config();
        char target[PUSHER_TARGET_MAX];
        config.path_prefix = pairs[i][0];
        struct pusher_client *client = make_client(&config);
        cr_assert_eq(pusher_request_target(client, "GET", pusher_path_events(client), NULL, 0, NULL,
                                           0, 1, target, sizeof(target)),
                     0);
        cr_assert(strncmp(target, pairs[i][1], strlen(pairs[i][1])) == 0, "%s", target);
        pusher_client_free(client);
    }
}

Test(client, refuses_path_prefixes_that_are_no_path)
{
    static const char *const bad[] = {"/a//b", "/a/../b", "/.",    "/a?b",
                                      "/a#b",  "/a b",    "/a%2e", "/a\n"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct pusher_config config = some_config();
        config.path_prefix = bad[i];
        cr_assert(strncmp(refusal(&config), "path_prefix: ", 13) == 0, "%s", bad[i]);
    }
}

Test(client, master_keys_are_exactly_32_bytes_of_strict_base64)
{
    json_t *rows = load_vectors("master_keys.json"), *row;
    size_t i;
    json_array_foreach(rows, i, row)
    {
        struct pusher_config config = some_config();
        config.encryption_master_key_base64 = vector_text(row, "base64").ptr;
        if (json_is_true(json_object_get(row, "good")))
            pusher_client_free(make_client(&config));
        else
            cr_assert_str_eq(refusal(&config), "encryption_master_key_base64: must be base64 of "
                                               "exactly 32 bytes");
    }
    json_decref(rows);
}

Test(client, nothing_to_free_is_no_error)
{
    pusher_client_free(NULL);
    cr_assert_eq(pusher_init(), 0);
    cr_assert_eq(pusher_init(), 0);
}
