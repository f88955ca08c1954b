/* What the sources are told of the configuration. */
#include <criterion/criterion.h>

#include "daemon/settings.h"
#include "tests/unit/daemon/config_fixture.h"

TestSuite(settings, .fini = fixture_remove);

static struct source_context told_by(const char *ini)
{
    struct source_context context = {0};
    struct config *config = fixture_load(ini, NULL, NULL);

    settings_sources(&context, config);
    config_free(config);
    return context;
}

Test(settings, renew_the_lease_three_times_before_it_ends)
{
    struct source_context context =
        told_by(ONE_APP "timeout_ms=3000\n[delivery]\nlease_ms=15000\n");

    cr_expect_eq(context.request_ms, 3000);
    cr_expect_eq(context.beat_ms, 5000);
}

Test(settings, renew_the_lease_twice_before_requests_may_not_start_any_more)
{
    struct source_context context = told_by(ONE_APP "timeout_ms=12000\n"
                                                    "[app other]\napp_id=4\nkey=l\nsecret=s\n"
                                                    "cluster=eu\ntimeout_ms=4000\n"
                                                    "[delivery]\nlease_ms=15000\n");

    cr_expect_eq(context.request_ms, 12000, "the longest of all apps");
    cr_expect_eq(context.beat_ms, 1500);
}
