#include <criterion/criterion.h>
#include <stdlib.h>

#include "daemon/config/uri.h"
#include "lib/name.h"

static void check(struct pusher_string got, const char *wanted)
{
    if (!wanted)
        cr_assert_null(got.ptr, "present: %.*s", (int)got.len, got.ptr);
    else
        cr_assert(got.ptr && pusher__equals(got, wanted), "%.*s, not %s", (int)got.len, got.ptr,
                  wanted);
}

Test(uri, splits_every_part)
{
    struct uri uri;
    cr_assert(uri_split("redis://user:pa%20ss@host:6379/2?db=1", &uri));
    check(uri.scheme, "redis");
    check(uri.user, "user");
    check(uri.password, "pa%20ss");
    check(uri.authority, "host:6379");
    check(uri.path, "/2");
    check(uri.query, "db=1");
}

Test(uri, leaves_absent_parts_absent)
{
    struct uri uri;
    cr_assert(uri_split("redis://host", &uri));
    check(uri.user, NULL);
    check(uri.password, NULL);
    check(uri.authority, "host");
    check(uri.path, NULL);
    check(uri.query, NULL);
}

Test(uri, ends_the_password_at_the_last_at_sign)
{
    struct uri uri;
    cr_assert(uri_split("redis://:p@ss@host", &uri));
    check(uri.user, "");
    check(uri.password, "p@ss");
    check(uri.authority, "host");
}

Test(uri, refuses_text_that_is_no_url)
{
    static const char *const bad[] = {
        "", "host", "://host", "redis:/host", "redis://a b", "redis://a\n", "redis://\x7f"};
    struct uri uri;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_assert_not(uri_split(bad[i], &uri), "accepted: %s", bad[i]);
}

Test(uri, takes_host_and_port_apart)
{
    static const struct {
        const char *text, *host, *port;
    } rows[] = {
        {"h", "h", NULL}, {"h:1", "h", "1"}, {"[::1]", "::1", NULL}, {"[::1]:9", "::1", "9"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pusher_string host, port;
        cr_assert(uri_split_host(pusher_str(rows[i].text), &host, &port), "%s", rows[i].text);
        check(host, rows[i].host);
        check(port, rows[i].port);
    }
}

Test(uri, refuses_a_host_that_is_none)
{
    static const char *const bad[] = {"", ":80", "[]", "[::1", "[::1]80", "[]:80", "[[]", "a[b"};
    struct pusher_string host, port;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_assert_not(uri_split_host(pusher_str(bad[i]), &host, &port), "accepted: %s", bad[i]);
}

Test(uri, reads_ports_strictly)
{
    static const char *const bad[] = {"", "0", "65536", "-1", "+1", "1a", " 1", "123456"};
    unsigned port = 7;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_assert_not(uri_port(pusher_str(bad[i]), &port), "accepted: %s", bad[i]);
    cr_assert_eq(port, 7);
    cr_assert(uri_port(pusher_str("65535"), &port));
    cr_assert_eq(port, 65535);
}

Test(uri, decodes_percent_escapes)
{
    char *text = uri_decode(pusher_str("p%40%2fa%C3%A9+"));
    cr_assert_str_eq(text, "p@/a\xc3\xa9+");
    free(text);
}

Test(uri, refuses_broken_escapes_and_control_characters)
{
    static const char *const bad[] = {"%", "%4", "%4g", "a%00b", "%0a", "%7F"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_assert_null(uri_decode(pusher_str(bad[i])), "accepted: %s", bad[i]);
}
