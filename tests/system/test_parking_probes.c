/* What apps that may not send keep for their probes leaves room for the others, also while one of
 * those takes long. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/scene.h"

#define N_REFUSED 30
#define MAX_CALLS 300 /* of scripts, in some seconds */
#define REFUSE    "{'match':{'app':'refused'},'action':{'status':401,'body':'Invalid signature'}}"
#define HANG      "{'match':{'app':'app-id','contains':'slow'},'action':{'hang':true}}"
#define TAKE      "{'action':{'status':200,'body':'{}'}}" /* of any size */

static struct scene scene;

/* Apps main and n refused ones, and what is given. */
static void open_with(size_t n_refused, const char *more)
{
    const char *fake_args[] = {"--app", "app-id:app-key:app-secret", "--app",
                               "refused:other-key:other-secret", NULL};
    scene_open(&scene, &(struct scene_options){.fake_args = fake_args,
                                               .app = "max_in_flight = 4\nconcurrency = fixed\n"
                                                      "timeout_ms = 9000\n"});
    FILE *file = fopen(scene.config, "ae");
    cr_assert(file);
    for (size_t i = 0; i < n_refused; i++) {
        fprintf(file,
                "[app refused-%zu]\napp_id = refused\nkey = other-key\nsecret = other-secret\n"
                "host = 127.0.0.1\nport = %u\nuse_tls = off\nmax_in_flight = 4\n"
                "max_event_bytes = 60000\n",
                i, scene.fake.port);
    }
    fputs(more, file);
    cr_assert_eq(fclose(file), 0);
    fake_server_set_rules(&scene.fake, "[" REFUSE "," HANG "," TAKE "]");
}

static void close_scene(void)
{
    scene_close(&scene);
}

TestSuite(parking_probes, .fini = close_scene, .timeout = 120);

/* Each in a channel of its own, with so many bytes of data. */
static void push_refused(size_t app, size_t size)
{
    char *data = malloc(size + 1);
    memset(data, 'x', size);
    data[size] = '\0';
    for (size_t i = 0; i < N_REFUSED; i++)
        job_push(&scene.redis, JOB_JSON,
                 "{'app':'refused-%zu','channel':'r-%zu','event':'e','data':'%s'}", app, i, data);
    free(data);
}

static size_t n_parked(size_t app)
{
    return (size_t)redis_int(&scene.redis, "ZCARD {pusher:jobs}:parked:refused-%d", (int)app);
}

static long n_script_calls(void)
{
    redisReply *reply = redis_cmd(&scene.redis, "INFO commandstats");
    const char *at = strstr(reply->str, "cmdstat_evalsha:calls=");
    long n = at ? strtol(strchr(at, '=') + 1, NULL, 10) : 0;
    freeReplyObject(reply);
    return n;
}

/* A job of main that hangs is held, and another passes it. */
static void expect_room_for_others(size_t n_refused)
{
    for (size_t i = 0; i < n_refused; i++)
        cr_expect(wait_until(n_parked(i) >= N_REFUSED - 10, WAIT_LONG_MS));
    job_push(&scene.redis, JOB_JSON, "{'channel':'slow','event':'e','data':'slow'}");
    cr_assert(wait_until(redis_int(&scene.redis, "LLEN " JOB_LIST) == 0, WAIT_LONG_MS));
    job_push(&scene.redis, JOB_JSON, "{'channel':'quick','event':'e','data':'x'}");
    cr_expect(wait_until(outcomes_count(&scene.redis, RESULTS) == 1, 4000));
    cr_expect_lt(n_script_calls(), MAX_CALLS, "what is parked is asked for again and again");
    fake_server_set_rules(&scene.fake, "[" TAKE "]");
    cr_expect(scene_settles(&scene, 2 + n_refused * N_REFUSED, 0));
}

/* Ten of these jobs fill the queue's share of max_claimed_bytes. */
Test(parking_probes, of_large_jobs_leave_room)
{
    open_with(
        1,
        "[delivery]\nmax_claimed_bytes = 524288\nmax_job_bytes = 65536\n[queue pusher:jobs]\napp = main\n");
    push_refused(0, 40000);
    scene_start_pusherd(&scene);
    expect_room_for_others(1);
}

/* Of a weight of 1 in 101 a queue may hold 20 jobs. */
Test(parking_probes, of_several_apps_leave_room)
{
    open_with(2, "[queue heavy]\napp = main\nlist = heavy\nweight = 100\n"
                 "[queue light]\napp = main\nlist = pusher:jobs\nweight = 1\n");
    push_refused(0, 10);
    push_refused(1, 10);
    scene_start_pusherd(&scene);
    expect_room_for_others(2);
}
