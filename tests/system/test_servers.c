/* Servers that behave otherwise than hosted Pusher: soketi's ways, and connections that close. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/support/scene.h"

#define N 500

static struct scene scene;

static void close_scene(void)
{
    scene_close(&scene);
}

TestSuite(servers, .fini = close_scene, .timeout = 120);

static void expect_each_event_once(const char *const *fake_args)
{
    unsigned counts[N];
    scene_open(&scene, &(struct scene_options){.fake_args = fake_args});
    job_push_many(&scene.redis, JOB_MSGPACK, 0, N, 20);
    scene_start_pusherd(&scene);
    cr_assert(scene_settles(&scene, N, 0));
    scene_count_published(&scene, counts, N);
    for (size_t i = 0; i < N; i++) {
        cr_expect_eq(counts[i], 1, "event %zu: %u times", i, counts[i]);
    }
}

Test(servers, that_close_each_connection)
{
    const char *args[] = {"--keep-alive", "off", NULL};
    expect_each_event_once(args);
    cr_expect_geq(fake_server_stat(&scene.fake, "connections"),
                  fake_server_stat(&scene.fake, "requests"));
}

Test(servers, that_keep_connections_are_not_connected_to_for_each_request)
{
    expect_each_event_once(NULL);
    /* each look at the fake is a connection of its own: count pusherd's by their ports */
    json_t *requests = fake_server_get(&scene.fake, "requests");
    json_t *ports = json_object();
    for (size_t i = 0; i < json_array_size(requests); i++) {
        char key[16];
        const json_t *port = json_object_get(json_array_get(requests, i), "client_port");
        snprintf(key, sizeof(key), "%d", (int)json_integer_value(port));
        json_object_set_new(ports, key, json_true());
    }
    cr_expect_leq(json_object_size(ports), 32u, "%zu connections", json_object_size(ports));
    json_decref(ports);
    json_decref(requests);
}

Test(servers, that_answer_errors_as_soketi_does)
{
    const char *args[] = {"--flavor", "soketi", NULL};
    scene_open(&scene,
               &(struct scene_options){.app = "max_event_bytes = 200000\n", .fake_args = args});
    job_push_many(&scene.redis, JOB_JSON, 0, 50, 10);
    job_push(&scene.redis, JOB_JSON, "{'id':'large','channel':'a','event':'e','data':'%0110000d'}",
             1);
    scene_start_pusherd(&scene);
    cr_assert(scene_settles(&scene, 50, 1));
    char *code = outcomes_field(&scene.redis, FAILURES, "large", "code");
    char *http = outcomes_field(&scene.redis, FAILURES, "large", "http");
    cr_expect_str_eq(code, "rejected");
    cr_expect_str_eq(http, "413");
    cr_expect_eq(fake_server_events(&scene.fake), 50);
    free(code);
    free(http);
}

Test(servers, whose_secret_is_another_one_in_soketis_words_close_the_gate)
{
    const char *args[] = {"--flavor", "soketi", "--app", "app-id:app-key:another", NULL};
    scene_open(&scene, &(struct scene_options){.fake_args = args});
    job_push_many(&scene.redis, JOB_JSON, 0, 20, 5);
    scene_start_pusherd(&scene);
    cr_assert(wait_until(fake_server_stat(&scene.fake, "bad_signatures") >= 2, WAIT_LONG_MS));
    cr_expect_leq(fake_server_stat(&scene.fake, "bad_signatures"), 12);
    cr_expect(scene_settles(&scene, 0, 0));
}
