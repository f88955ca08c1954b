/* Checks a webhook: its two headers as arguments, its raw body on standard input.
 *
 *     ./webhook "$KEY" "$SIGNATURE" < body.json */
#include <stdio.h>

#include "examples/common.h"

#define BODY_MAX (1024 * 1024)

int main(int argc, char **argv)
{
    if (argc != 3)
        errx(64, "usage: webhook X-PUSHER-KEY X-PUSHER-SIGNATURE < BODY");
    char *body = malloc(BODY_MAX), *json;
    if (!body)
        errx(1, "out of memory");
    size_t len = fread(body, 1, BODY_MAX, stdin);
    struct pusher_param headers[] = {
        {pusher_str("X-Pusher-Key"), pusher_str(argv[1])},
        {pusher_str("X-Pusher-Signature"), pusher_str(argv[2])},
    };
    struct pusher_webhook webhook = {.headers = headers, .n_headers = 2, .body = {body, len}};
    struct pusher_client *client = client_from_environment();
    struct pusher_error error;
    int rc = pusher_webhook_read(client, &webhook, &json, &error);
    if (rc == 0) {
        printf("%s\n", json);
        free(json);
    } else {
        warnx("%s", error.text);
    }
    pusher_client_free(client);
    free(body);
    return rc == 0 ? 0 : 1;
}
