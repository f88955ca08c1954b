/* A resolver that does not answer. */
#include "tests/io/net.h"
#include "tests/unit/lib/http_fixture.h"

TestSuite(http_lookup, .timeout = 60);

static struct pusher_http *open_slow(void)
{
    struct pusher_config config = some_config();
    config.host = "slow.test";
    config.port = 1;
    config.use_tls = false;
    config.timeout_ms = 100;
    return open_http(&config);
}

/* The names are let go only at the end: a call that waited for one would never return. */
Test(http_lookup, a_timeout_does_not_wait_for_the_resolver)
{
    struct pusher_http *http = open_slow();
    struct pusher_error error;
    for (unsigned i = 1; i <= 3; i++) {
        cr_assert_eq(fail(http, &error), PUSHER_ETIMEOUT, "%s", error.text);
        names_await(i);
    }
    close_http(http);
    cr_assert_eq(names_waiting(), 3);
    names_let_go();
}
