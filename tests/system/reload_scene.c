#include "tests/system/reload_scene.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/audit.h"

#define REFUSED "the configuration is refused"

struct scene scene;
struct fake_server second;
static char section[1024];

void open_scene(void)
{
    second = (struct fake_server){.port = 0};
    scene_open(&scene, NULL);
}

void close_scene(void)
{
    fake_server_stop(&second);
    scene_close(&scene);
}

/* ---- files, and signals */

size_t n_taken(void)
{
    return audit_log_lines(&scene, TAKEN);
}

size_t n_refused(void)
{
    return audit_log_lines(&scene, REFUSED);
}

void write_config(const char *app, const char *ini)
{
    scene.options.app = app;
    scene.options.ini = ini;
    scene_point_at(&scene, scene.redis.url);
}

void write_whole(const char *secret, unsigned port, const char *more)
{
    char *ini;
    cr_assert(asprintf(&ini,
                       "[redis]\nurl = %s\n[app main]\napp_id = " FAKE_APP_ID
                       "\nkey = " FAKE_APP_KEY
                       "\nsecret = %s\nhost = 127.0.0.1\nport = %u\nuse_tls = off\n%s",
                       scene.redis.url, secret, port, more) > 0);
    folder_write(&scene.folder, "pusherd.conf", ini, scene.config, sizeof(scene.config));
    free(ini);
}

void hang_up(void)
{
    proc_signal(&scene.pusherd, SIGHUP);
}

void take(const char *app, const char *ini)
{
    size_t before = n_taken();
    write_config(app, ini);
    hang_up();
    cr_assert(wait_until(n_taken() > before || n_refused() > 0, WAIT_LONG_MS));
    cr_assert_eq(n_refused(), 0, "refused");
}

void refuse(const char *why)
{
    size_t before = n_refused();
    hang_up();
    cr_assert(wait_until(n_refused() > before, WAIT_LONG_MS));
    cr_expect(proc_logged(&scene.pusherd, why), "not for %s", why);
    cr_expect_eq(n_taken(), 0);
}

void start(void)
{
    scene_start_pusherd(&scene);
    cr_assert(
        wait_until(redis_int(&scene.redis, "ZCARD {" JOB_LIST "}:leases") == 1, WAIT_LONG_MS));
}

void push_one(const char *app)
{
    job_push(&scene.redis, JOB_JSON, "{'channel':'a','event':'e','data':'x','app':'%s'}", app);
}

const char *other_app(const char *more)
{
    snprintf(section, sizeof(section),
             "[queue pusher:jobs]\napp = main\n"
             "[app other]\napp_id = " FAKE_APP_ID "\nkey = " FAKE_APP_KEY
             "\nsecret = " FAKE_APP_SECRET "\nhost = 127.0.0.1\nport = %u\nuse_tls = off\n%s",
             scene.fake.port, more);
    return section;
}

/* ---- what was published */

struct seen {
    unsigned *counts;              /* by n */
    long long last[2][N_CHANNELS]; /* of either queue */
    size_t n, n_first, n_reordered;
};

static void see_event(struct seen *seen, const json_t *event)
{
    json_int_t id = -1;
    json_t *data = json_loads(json_string_value(json_object_get(event, "data")), 0, NULL);
    cr_assert(json_unpack(data, "{s:I}", "n", &id) == 0 && (size_t)id < seen->n);
    json_decref(data);
    long long *last = &seen->last[(size_t)id >= seen->n_first][(size_t)id % N_CHANNELS];
    seen->n_reordered += seen->counts[id] == 0 && id < *last;
    *last = id > *last ? id : *last;
    seen->counts[id]++;
}

static size_t see(struct seen *seen, const struct fake_server *fake)
{
    size_t n = 0, got;
    do {
        char what[64];
        snprintf(what, sizeof(what), "events?from=%zu&limit=10000", n + 1);
        json_t *events = fake_server_get(fake, what);
        got = json_array_size(events);
        for (size_t i = 0; i < got; i++) {
            see_event(seen, json_array_get(events, i));
        }
        json_decref(events);
        n += got;
    } while (got > 0);
    return n;
}

void expect_each_once_in_order(size_t n, size_t n_first)
{
    struct seen seen = {.counts = calloc(n, sizeof(unsigned)), .n = n, .n_first = n_first};
    size_t n_lost = 0, n_doubled = 0;
    memset(seen.last, -1, sizeof(seen.last));
    see(&seen, &scene.fake);
    if (second.port != 0) {
        cr_expect_gt(see(&seen, &second), 0, "nothing went to the second server");
        cr_expect_eq(fake_server_stat(&second, "bad_signatures"), 0);
    }
    for (size_t i = 0; i < n; i++) {
        n_lost += seen.counts[i] == 0;
        n_doubled += seen.counts[i] > 1;
    }
    cr_expect_eq(n_lost, 0, "%zu lost", n_lost);
    cr_expect_eq(n_doubled, 0, "%zu doubled", n_doubled);
    cr_expect_eq(seen.n_reordered, 0, "%zu reordered", seen.n_reordered);
    cr_expect_eq(fake_server_stat(&scene.fake, "bad_signatures"), 0);
    free(seen.counts);
}

void slow_down(const struct fake_server *fake, unsigned delay_ms)
{
    char rules[128];
    snprintf(rules, sizeof(rules), "[{'action':{'delay_ms':%u,'jitter_ms':%u}}]", delay_ms,
             delay_ms);
    fake_server_set_rules(fake, rules);
}
