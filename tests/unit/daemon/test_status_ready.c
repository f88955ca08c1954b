/* The answer of /readyz, of a daemon with one app and one queue, while time goes on. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/pusherd.h"
#include "daemon/status_private.h"

#define LEASE_MS 100

static uint64_t now_ms, step_ms;

/* Instead of libc's: each time that it is asked, it is later. */
int clock_gettime(clockid_t id, struct timespec *ret_now)
{
    (void)id;
    *ret_now = (struct timespec){.tv_sec = (time_t)(now_ms / 1000),
                                 .tv_nsec = (long)(now_ms % 1000) * 1000000};
    now_ms += step_ms;
    return 0;
}

/* ---- of the daemon, what is asked here */

const struct gate *engine_gate(const struct engine *engine, unsigned app, const char **ret_text)
{
    static const struct gate open = {.state = GATE_OPEN};

    (void)engine;
    (void)app;
    *ret_text = "";
    return &open;
}

const char *dispatch_cause_name(enum gate_cause cause)
{
    (void)cause;
    return "down";
}

bool source_has_lease(const struct source *source, uint64_t at_ms)
{
    return source->lease == LEASE_HELD && at_ms < source->lease_sent_ms + source->lease_ms;
}

/* ---- */

static char app_name[] = "main", queue_name[] = "pusher:jobs";
static struct app_config app = {.name = app_name};
static struct queue_config queue = {.name = queue_name};
static struct config config = {.apps = &app, .n_apps = 1, .queues = &queue, .n_queues = 1};
static struct parking_app parking;
static struct source source = {.queue = &queue,
                               .is_open = true,
                               .commands.state = REDIS_UP,
                               .lease = LEASE_HELD,
                               .lease_ms = LEASE_MS,
                               .parking = &parking};
static struct pusherd pusherd = {.config = &config, .sources = &source};

static void expect_answer(unsigned expected, const char *begin)
{
    char *text;
    size_t len;
    unsigned http = status_ready(&pusherd, &text, &len);

    cr_expect_eq(http, expected, "%u", http);
    cr_expect_geq(len, strlen(begin));
    cr_expect_eq(strncmp(text, begin, strlen(begin)), 0, "%.*s", (int)len, text);
    free(text);
}

Test(status_ready, tells_of_a_lease_that_has_run_out)
{
    now_ms = LEASE_MS - 1;
    expect_answer(200, "{\"ready\":true}\n");
    now_ms = LEASE_MS;
    expect_answer(503, "{\"ready\":false,\"reasons\":[\"queue pusher:jobs: its lease");
}

/* Wherever in the making of the answer that is. */
Test(status_ready, is_of_one_moment_though_the_lease_runs_out_in_it)
{
    step_ms = 1;
    for (unsigned i = 1; i < 20; i++) {
        now_ms = LEASE_MS - i;
        expect_answer(200, "{\"ready\":true}\n");
    }
}
