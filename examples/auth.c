/* What an authorization endpoint answers: the JSON for a browser that subscribes or signs in.
 *
 *     ./auth channel 1234.1234 private-foobar
 *     ./auth channel 1234.1234 presence-foobar '{"user_id":"10"}'
 *     ./auth user 1234.1234 '{"id":"12345"}' */
#include <stdio.h>

#include "examples/common.h"

int main(int argc, char **argv)
{
    struct pusher_error error;
    char *json;
    int rc;
    if (argc < 4)
        errx(64, "usage: auth channel SOCKET_ID CHANNEL [DATA] | auth user SOCKET_ID DATA");
    struct pusher_client *client = client_from_environment();
    struct pusher_string socket_id = pusher_str(argv[2]);
    if (strcmp(argv[1], "user") == 0)
        rc = pusher_authenticate_user(client, socket_id, pusher_str(argv[3]), &json, &error);
    else
        rc = pusher_authorize_channel(client, socket_id, pusher_str(argv[3]), pusher_str(argv[4]),
                                      &json, &error);
    if (rc == 0) {
        printf("%s\n", json); /* with status 200 */
        free(json);
    } else {
        warnx("%s", error.text); /* with status 403 */
    }
    pusher_client_free(client);
    return rc == 0 ? 0 : 1;
}
