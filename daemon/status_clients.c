/* How long a connection may take. libmicrohttpd closes those that are silent; those that send or
 * read a byte now and then would keep their places for as long as they like.
 *
 *     accepted, or answered ---REQUEST_MS---> the whole request is there
 *     it waits for Redis: as long as that may take
 *     the answer is there ---ANSWER_MS---> it is sent
 *
 * The socket is libmicrohttpd's: one whose time is over is shut down, which libmicrohttpd notices,
 * and closes it. */
#include <microhttpd.h>
#include <sys/socket.h>

#include "daemon/clock.h"
#include "daemon/status_private.h"

#define REQUEST_MS 5000  /* half of what Prometheus waits for an answer */
#define ANSWER_MS  10000 /* what is not read by then, Prometheus has given up */

static void shut_down(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);

    if (info)
        (void)shutdown(info->connect_fd, SHUT_RDWR);
}

struct status_client *status_client_new(struct status *status, struct MHD_Connection *connection)
{
    for (size_t i = 0; i < STATUS_CLIENTS_MAX; i++) {
        struct status_client *client = &status->clients[i];

        if (!client->connection) {
            *client = (struct status_client){connection, clock_ms() + REQUEST_MS};
            return client;
        }
    }
    shut_down(connection); /* libmicrohttpd takes no more than there are places */
    return NULL;
}

void status_client_free(struct status_client *client)
{
    if (client)
        *client = (struct status_client){0};
}

static void give_until(struct MHD_Connection *connection, uint64_t deadline_ms)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct status_client *client = info ? info->socket_context : NULL;

    if (client)
        client->deadline_ms = deadline_ms;
}

void status_client_asks(struct MHD_Connection *connection)
{
    give_until(connection, clock_ms() + REQUEST_MS);
}

void status_client_waits(struct MHD_Connection *connection)
{
    give_until(connection, STATUS_NO_DEADLINE);
}

void status_client_reads(struct MHD_Connection *connection)
{
    give_until(connection, clock_ms() + ANSWER_MS);
}

void status_clients_cut_off(struct status *status)
{
    uint64_t now_ms = clock_ms();

    for (size_t i = 0; i < STATUS_CLIENTS_MAX; i++) {
        struct status_client *client = &status->clients[i];

        if (client->connection && client->deadline_ms <= now_ms) {
            shut_down(client->connection);
            client->deadline_ms = STATUS_NO_DEADLINE; /* once is enough */
        }
    }
}

uint64_t status_clients_left_ms(const struct status *status)
{
    uint64_t now_ms = clock_ms(), first_ms = STATUS_NO_DEADLINE;

    for (size_t i = 0; i < STATUS_CLIENTS_MAX; i++) {
        const struct status_client *client = &status->clients[i];

        if (client->connection && client->deadline_ms < first_ms)
            first_ms = client->deadline_ms;
    }
    if (first_ms == STATUS_NO_DEADLINE)
        return STATUS_NO_DEADLINE;
    return first_ms > now_ms ? first_ms - now_ms : 0;
}
