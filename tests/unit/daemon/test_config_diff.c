/* What a reload changes, and where apps and queues have their places then. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/config/config_diff.h"
#include "proto/job_spec.h"
#include "tests/unit/daemon/config_fixture.h"

#define APP(name) "[app " name "]\napp_id=3\nkey=k\nsecret=s\ncluster=eu\n"

static struct config *old, *new_;
static struct config_diff diff;
static struct config_error error;

static void close_all(void)
{
    config_diff_free(&diff);
    config_free(old);
    config_free(new_);
    fixture_remove();
}

TestSuite(config_diff, .fini = close_all);

static void compare(const char *before, const char *after)
{
    old = fixture_load(before, NULL, NULL);
    new_ = fixture_load(after, NULL, NULL);
    cr_assert_eq(config_diff_make(&diff, old, new_, &error), 0, "%s", error.text);
}

/* The new one is in force, and the next one is compared with it. */
static void go_on(const char *after)
{
    config_diff_merge(&diff, old, new_);
    config_diff_free(&diff);
    config_free(old);
    old = new_;
    new_ = after ? fixture_load(after, NULL, NULL) : NULL;
    if (after)
        cr_assert_eq(config_diff_make(&diff, old, new_, &error), 0, "%s", error.text);
}

/* What a change of one line of an app is. */
static unsigned change_of(const char *before, const char *after)
{
    char a[512], b[512];
    snprintf(a, sizeof(a), ONE_APP "%s\n", before);
    snprintf(b, sizeof(b), ONE_APP "%s\n", after);
    compare(a, b);
    unsigned changes = diff.apps[0].changes;
    config_diff_free(&diff);
    config_free(old);
    config_free(new_);
    old = new_ = NULL;
    return changes;
}

Test(config_diff, of_equal_ones_is_nothing)
{
    compare(ONE_APP, ONE_APP);
    cr_expect_eq(diff.n_apps, 1);
    cr_expect_eq(diff.n_queues, 1);
    cr_expect_eq(diff.n_apps_changed + diff.n_queues_changed, 0);
}

Test(config_diff, tells_what_the_change_of_an_app_means)
{
    unsigned changed = CONFIG_CHANGED;
    cr_expect_eq(change_of("", "max_in_flight=5"), changed);
    cr_expect_eq(change_of("", "timeout_ms=4000"), changed | CONFIG_SERVER_CHANGED);
    cr_expect_eq(change_of("timeout_ms=0", "timeout_ms=5000"), 0);
    cr_expect_eq(change_of("", "host=h"), changed | CONFIG_SERVER_CHANGED);
    cr_expect_eq(change_of("", "use_tls=off"), changed | CONFIG_SERVER_CHANGED);
    cr_expect_eq(change_of("", "path_prefix=/x"), changed | CONFIG_SIGNATURE_CHANGED);
    cr_expect_eq(change_of("", "max_channels=5"), changed | CONFIG_EVENTS_CHANGED);
    cr_expect_eq(change_of("encryption_master_key_base64="
                           "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
                           "encryption_master_key_base64="
                           "MTEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="),
                 changed | CONFIG_EVENTS_CHANGED);
}

Test(config_diff, notices_another_secret_wherever_it_comes_from)
{
    compare("[app a]\napp_id=3\nkey=k\nsecret=s\ncluster=eu\n",
            "[app a]\napp_id=3\nkey=k\nsecret=t\ncluster=eu\n");
    cr_expect_eq(diff.apps[0].changes, CONFIG_CHANGED | CONFIG_SIGNATURE_CHANGED);
    fixture_file("secret", 0600, "t\n");
    go_on("[app a]\napp_id=3\nkey=k\nsecret_file=secret\ncluster=eu\n");
    cr_expect_eq(diff.apps[0].changes, 0, "the same secret, in a file");
    fixture_file("secret", 0600, "u\n");
    go_on("[app a]\napp_id=3\nkey=k\nsecret_file=secret\ncluster=eu\n");
    cr_expect_eq(diff.apps[0].changes, CONFIG_CHANGED | CONFIG_SIGNATURE_CHANGED);
}

Test(config_diff, refuses_what_needs_a_restart)
{
    static const struct {
        const char *before, *after, *why;
    } rows[] = {
        {"", "[redis]\nurl=redis://other\n", "[redis] url: a change of it needs a restart"},
        {"", "[redis]\nurl=redis://127.0.0.1/1\n", "[redis] url: a change of it needs a restart"},
        {"", "[status]\nlisten=127.0.0.1:1\n", "[status] listen: a change of it needs a restart"},
        {"", "[status]\ntoken=0123456789abcdef0123456789abcdef\n",
         "[status] token: a change of it needs a restart"},
        {"[spool]\ndir=a\n", "[spool]\ndir=b\n", "[spool] dir: a change of it needs a restart"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char before[256], after[256];
        snprintf(before, sizeof(before), ONE_APP "%s", rows[i].before);
        snprintf(after, sizeof(after), ONE_APP "%s", rows[i].after);
        old = fixture_load(before, NULL, NULL);
        new_ = fixture_load(after, NULL, NULL);
        cr_expect_eq(config_diff_make(&diff, old, new_, &error), -1);
        cr_expect_str_eq(error.text, rows[i].why);
        config_free(old);
        config_free(new_);
    }
    old = new_ = NULL;
}

Test(config_diff, lets_the_login_of_redis_change)
{
    compare(ONE_APP "[redis]\nurl=redis://a:b@h\n", ONE_APP "[redis]\nurl=redis://c:d@h\n");
    go_on(NULL);
    cr_expect_str_eq(old->redis.user, "c");
}

Test(config_diff, keeps_apps_in_their_places)
{
    compare(APP("a") APP("b") APP("c"), APP("d") APP("c") APP("a"));
    cr_expect_eq(diff.n_apps, 4);
    cr_expect_eq(diff.apps[0].from, 2);
    cr_expect_eq(diff.apps[0].changes, 0);
    cr_expect_eq(diff.apps[1].changes, CONFIG_REMOVED);
    cr_expect_eq(diff.apps[2].from, 1);
    cr_expect_eq(diff.apps[3].changes, CONFIG_ADDED | CONFIG_CHANGED);
    go_on(NULL);
    cr_expect_str_eq(old->apps[1].name, "b");
    cr_expect(old->apps[1].removed);
    cr_expect_str_eq(old->apps[3].name, "d");
    cr_expect_eq(config_find_app(old, "b", 1), SIZE_MAX);
    cr_expect_eq(config_find_app(old, "c", 1), 2);
}

Test(config_diff, gives_a_place_to_another_when_it_is_drained_and_not_before)
{
    compare(APP("a") APP("b"), APP("a"));
    go_on(APP("a") APP("c"));
    cr_expect_eq(diff.n_apps, 3, "b may have jobs yet");
    config_diff_free(&diff);
    old->apps[1].drained = true;
    cr_assert_eq(config_diff_make(&diff, old, new_, &error), 0);
    cr_expect_eq(diff.n_apps, 2);
    cr_expect_eq(diff.apps[1].changes, CONFIG_ADDED | CONFIG_CHANGED);
}

Test(config_diff, brings_an_app_back_to_its_place)
{
    compare(APP("a") APP("b"), APP("a"));
    go_on(APP("b") APP("a"));
    cr_expect_eq(diff.n_apps, 2);
    cr_expect_eq(diff.apps[1].from, 0);
    cr_expect_eq(diff.apps[1].changes, CONFIG_CHANGED);
    go_on(NULL);
    cr_expect_not(old->apps[1].removed);
}

Test(config_diff, knows_a_queue_by_its_list)
{
    compare(ONE_APP "[queue a]\nlist=x\n[queue b]\n", ONE_APP "[queue c]\nlist=x\nweight=3\n");
    cr_expect_eq(diff.queues[0].changes, CONFIG_CHANGED);
    cr_expect_eq(diff.queues[1].changes, CONFIG_REMOVED);
    const char *list = old->queues[0].list;
    go_on(NULL);
    cr_expect_str_eq(old->queues[0].name, "c");
    cr_expect_eq(old->queues[0].list, list, "it may be borrowed");
    cr_expect(old->queues[1].removed);
}

Test(config_diff, leaves_a_queue_alone_that_is_being_closed)
{
    compare(ONE_APP "[queue a]\n[queue b]\n", ONE_APP "[queue a]\n");
    go_on(ONE_APP "[queue a]\n[queue b]\n");
    cr_expect_eq(diff.queues[1].changes, CONFIG_CHANGED, "it comes back");
    config_diff_free(&diff);
    old->queues[1].closing = true;
    cr_assert_eq(config_diff_make(&diff, old, new_, &error), 0);
    cr_expect_eq(diff.n_queues, 3);
    cr_expect_eq(diff.queues[2].changes, CONFIG_ADDED | CONFIG_CHANGED);
    config_diff_free(&diff);
    old->queues[1].drained = true;
    cr_assert_eq(config_diff_make(&diff, old, new_, &error), 0);
    cr_expect_eq(diff.n_queues, 2);
    cr_expect_eq(diff.queues[1].changes, CONFIG_ADDED | CONFIG_CHANGED);
}

Test(config_diff, remakes_jobs_for_another_order_or_default_app)
{
    unsigned remade = CONFIG_CHANGED | CONFIG_EVENTS_CHANGED;
    compare(APP("a") APP("b") "[queue q]\napp=a\n", APP("b") APP("a") "[queue q]\napp=a\n");
    cr_expect_eq(diff.queues[0].changes, 0, "the same app, in another place of the file");
    go_on(APP("a") APP("b") "[queue q]\napp=b\n");
    cr_expect_eq(diff.queues[0].changes, remade);
    go_on(APP("a") APP("b") "[queue q]\napp=b\norder=none\n");
    cr_expect_eq(diff.queues[0].changes, remade);
    go_on(NULL);
    cr_expect_eq(old->queues[0].app, 1);
}

Test(config_diff, remakes_jobs_when_an_operation_is_taken_away)
{
    compare(ONE_APP "[queue q]\noperations=triggerEvent,customGet\n",
            ONE_APP "[queue q]\noperations=customGet, triggerEvent\n");
    cr_expect_eq(diff.queues[0].changes, 0, "the same, in another order");
    go_on(ONE_APP "[queue q]\n");
    cr_expect_eq(diff.queues[0].changes, CONFIG_CHANGED, "more of them");
    go_on(ONE_APP "[queue q]\noperations=triggerEvent\n");
    cr_expect_eq(diff.queues[0].changes, CONFIG_CHANGED | CONFIG_EVENTS_CHANGED);
    go_on(ONE_APP "[queue q]\noperations=customPost\n");
    cr_expect_eq(diff.queues[0].changes, CONFIG_CHANGED | CONFIG_EVENTS_CHANGED);
    go_on(NULL);
    cr_expect_eq(old->queues[0].operations, JOB_OP_BIT(JOB_OP_CUSTOM_POST));
}

Test(config_diff, has_room_for_no_more_than_there_may_be)
{
    size_t size = 64 * CONFIG_MAX_APPS;
    char *ini[2] = {malloc(size), malloc(size)};
    for (unsigned k = 0; k < 2; k++) {
        size_t len = 0;
        for (unsigned i = 0; i < CONFIG_MAX_APPS; i++)
            len += (size_t)snprintf(ini[k] + len, size - len,
                                    "[app %u]\napp_id=3\nkey=k\nsecret=s\ncluster=eu\n",
                                    i + k * CONFIG_MAX_APPS);
    }
    compare(ini[0], ini[1]);
    cr_expect_eq(diff.n_apps, CONFIG_MAX_APP_SLOTS);
    config_diff_merge(&diff, old, new_);
    config_diff_free(&diff);
    config_free(old);
    old = new_;
    new_ = fixture_load(ONE_APP, NULL, NULL);
    cr_expect_eq(config_diff_make(&diff, old, new_, &error), -1);
    cr_expect(strstr(error.text, "try again"), "%s", error.text);
    free(ini[0]);
    free(ini[1]);
}
