/* Sends one event to one or more channels, and waits for the answer:
 *
 *     PUSHER_APP_ID=.. PUSHER_APP_KEY=.. PUSHER_APP_SECRET=.. PUSHER_APP_CLUSTER=eu \
 *         ./trigger my-event '{"hello":"world"}' my-channel another-channel */
#include <stdio.h>

#include "examples/common.h"

int main(int argc, char **argv)
{
    struct pusher_string channels[100];
    struct pusher_http *http;
    struct pusher_result result;
    struct pusher_error error;
    if (argc < 4 || argc - 3 > 100)
        errx(64, "usage: trigger EVENT DATA CHANNEL...");
    for (int i = 3; i < argc; i++)
        channels[i - 3] = pusher_str(argv[i]);
    struct pusher_trigger trigger = {
        .channels = channels,
        .n_channels = (size_t)argc - 3,
        .name = pusher_str(argv[1]),
        .data = pusher_str(argv[2]),
    };

    struct pusher_client *client = client_from_environment();
    if (pusher_http_new(client, &http, &error) != 0)
        errx(78, "%s", error.text);
    int rc = pusher_api_trigger(http, &trigger, &result, &error);
    if (rc == 0)
        printf("%s\n", result.json);
    else
        warnx("%s", error.text);
    pusher_result_free(&result);
    pusher_http_free(http);
    pusher_client_free(client);
    return rc == 0 ? 0 : 1;
}
