/* What several answers return is joined whole, or the call says that memory ran out: whichever
 * allocation fails. */
#include <string.h>

#include "tests/unit/lib/oom.h"
#include "tests/unit/lib/server.h"
#include "tests/unit/lib/vectors.h"

#define OK(body_)                                                                                  \
    {                                                                                              \
        "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" body_, SERVER_CLOSE, 0                      \
    }
#define N 3 /* channels or events: two requests */

struct api_case {
    int (*call)(struct pusher_http *http, struct pusher_result *result, struct pusher_error *error);
    struct server_step steps[2];
    const char *wanted;
};

static const struct api_case *current;

static struct pusher_http *connect_to(unsigned port)
{
    struct pusher_config config = some_config();
    struct pusher_http *http = NULL;
    config.host = "127.0.0.1";
    config.port = port;
    config.use_tls = false;
    config.max_channels = config.max_events_per_batch = 2;
    cr_assert_eq(pusher_http_new(make_client(&config), &http, NULL), 0);
    return http;
}

static void disconnect(struct pusher_http *http)
{
    const struct pusher_client *client = pusher_http_client(http);
    pusher_http_free(http);
    pusher_client_free((struct pusher_client *)(uintptr_t)client);
}

static int run_case(struct pusher_error *error)
{
    struct server server;
    struct pusher_result result;
    int paused = oom_pause();
    server_start(&server, current->steps, 2, NULL);
    struct pusher_http *http = connect_to(server.port);
    oom_go_on(paused);
    int rc = current->call(http, &result, error);
    oom_pause();
    if (rc == 0)
        cr_assert_str_eq(result.json, current->wanted);
    else
        cr_assert_null(result.json);
    cr_assert(error->code == rc && server.n_requests <= 2 && result.n_done <= N);
    pusher_result_free(&result);
    disconnect(http);
    server_stop(&server);
    server_free(&server);
    return rc;
}

static int sweep(const struct api_case *api_case)
{
    json_set_alloc_funcs(__wrap_malloc, free);
    current = api_case;
    return oom_sweep(run_case);
}

static int trigger(struct pusher_http *http, struct pusher_result *result,
                   struct pusher_error *error)
{
    struct pusher_string channels[N] = {pusher_str("a"), pusher_str("b"), pusher_str("c")};
    struct pusher_trigger trigger = {.channels = channels,
                                     .n_channels = N,
                                     .name = pusher_str("e"),
                                     .data = pusher_str("d"),
                                     .info = pusher_str("user_count")};
    return pusher_api_trigger(http, &trigger, result, error);
}

static int trigger_batch(struct pusher_http *http, struct pusher_result *result,
                         struct pusher_error *error)
{
    struct pusher_event events[N];
    for (size_t i = 0; i < N; i++)
        events[i] = (struct pusher_event){.channel = pusher_str("a"),
                                          .name = pusher_str("e"),
                                          .data = pusher_str("d"),
                                          .info = pusher_str("user_count")};
    return pusher_api_trigger_batch(http, events, N, result, error);
}

Test(oom_api, attributes_of_channels_are_joined_whole_or_not_at_all)
{
    static const struct api_case channels = {
        trigger,
        {OK("{\"channels\":{\"a\":{\"user_count\":1},\"b\":{\"user_count\":2}}}"),
         OK("{\"channels\":{\"c\":{\"user_count\":3}}}")},
        "{\"channels\":{\"a\":{\"user_count\":1},\"b\":{\"user_count\":2},\"c\":{\"user_count\":3}}}"};
    cr_assert_gt(sweep(&channels), 30);
}

Test(oom_api, attributes_of_a_batch_are_joined_whole_or_not_at_all)
{
    static const struct api_case batch = {
        trigger_batch,
        {OK("{\"batch\":[{\"user_count\":1},{}]}"), OK("{\"batch\":[{\"user_count\":3}]}")},
        "{\"batch\":[{\"user_count\":1},{},{\"user_count\":3}]}"};
    cr_assert_gt(sweep(&batch), 30);
}
