/* A thread for each connection; they look every few ms whether the wire is broken. */
#include "wire.h"

#include <criterion/criterion.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define LOOK_MS  10
#define PIECE_MS 50 /* what is slowed comes in pieces that take so long */

static int connect_to(const char *target)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", target);
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    close(fd);
    return -1;
}

/* Where in the piece begins what must wait; NULL: nothing does. */
static const char *must_wait(struct wire *wire, bool is_request, const char *buf, size_t len)
{
    const char *word = is_request ? wire->withheld : wire->withheld_reply;
    const char *at = word && !wire->is_closing ? memmem(buf, len, word, strlen(word)) : NULL;
    return at && is_request ? buf : at;
}

static void withhold(struct wire *wire, bool is_request, const char *buf, size_t len)
{
    if (!must_wait(wire, is_request, buf, len))
        return;
    unsigned number = ++wire->n_withheld;
    while (must_wait(wire, is_request, buf, len) && number > wire->n_let_go)
        poll(NULL, 0, LOOK_MS);
}

static void slow_down(unsigned bytes_per_ms, size_t len)
{
    if (bytes_per_ms > 0)
        poll(NULL, 0, (int)(len / bytes_per_ms));
}

static bool send_all(int to, const char *buf, size_t len)
{
    size_t written = 0;
    while (written < len) {
        ssize_t n = send(to, buf + written, len - written, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        written += (size_t)n;
    }
    return true;
}

static size_t piece_size(unsigned bytes_per_ms, size_t max)
{
    size_t size = (size_t)bytes_per_ms * PIECE_MS;
    return size > 0 && size < max ? size : max;
}

static bool carry(struct wire *wire, int from, int to, bool is_request)
{
    char buf[65536];
    unsigned bytes_per_ms = is_request ? wire->bytes_per_ms : wire->reply_bytes_per_ms;
    ssize_t n = read(from, buf, piece_size(bytes_per_ms, sizeof(buf)));
    if (n <= 0)
        return false;
    const char *withheld = must_wait(wire, is_request, buf, (size_t)n);
    size_t before = withheld ? (size_t)(withheld - buf) : 0;
    if (!send_all(to, buf, before))
        return false;
    withhold(wire, is_request, buf + before, (size_t)n - before);
    slow_down(bytes_per_ms, (size_t)n);
    return send_all(to, buf + before, (size_t)n - before);
}

static void carry_both(struct wire_connection *connection, int server)
{
    struct wire *wire = connection->wire;
    struct pollfd fds[] = {{.fd = connection->client, .events = POLLIN},
                           {.fd = server, .events = POLLIN}};
    while (!wire->is_closing) {
        if (connection->number <= wire->n_dead) {
            poll(NULL, 0, LOOK_MS);
            continue;
        }
        if (poll(fds, 2, LOOK_MS) <= 0)
            continue;
        if (fds[0].revents && !carry(wire, connection->client, server, true))
            return;
        if (fds[1].revents && wire->delay_ms > 0)
            poll(NULL, 0, (int)wire->delay_ms);
        if (fds[1].revents && !carry(wire, server, connection->client, false))
            return;
    }
}

static void *serve(void *arg)
{
    struct wire_connection *connection = arg;
    int server = connect_to(connection->wire->target);
    if (server >= 0) {
        carry_both(connection, server);
        close(server);
    }
    close(connection->client);
    return NULL;
}

static void *take_connections(void *arg)
{
    struct wire *wire = arg;
    struct pollfd fd = {.fd = wire->listener, .events = POLLIN};
    while (!wire->is_closing) {
        unsigned n = wire->n_accepted;
        if (n == WIRE_CONNECTIONS_MAX || poll(&fd, 1, LOOK_MS) <= 0)
            continue;
        struct wire_connection *connection = &wire->connections[n];
        *connection = (struct wire_connection){.wire = wire, .number = n + 1};
        connection->client = accept4(wire->listener, NULL, NULL, SOCK_CLOEXEC);
        wire->n_accepted = n + 1;
        pthread_create(&connection->thread, NULL, serve, connection);
    }
    return NULL;
}

void wire_open(struct wire *wire, const char *target)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    memset(wire, 0, sizeof(*wire));
    snprintf(wire->target, sizeof(wire->target), "%s", target);
    wire->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(wire->listener, (struct sockaddr *)&address, len), 0);
    cr_assert_eq(listen(wire->listener, 16), 0);
    cr_assert_eq(getsockname(wire->listener, (struct sockaddr *)&address, &len), 0);
    wire->port = ntohs(address.sin_port);
    cr_assert_eq(pthread_create(&wire->thread, NULL, take_connections, wire), 0);
}

void wire_break(struct wire *wire)
{
    wire->n_dead = wire->n_accepted;
}

void wire_withhold(struct wire *wire, const char *word)
{
    wire->withheld = word;
}

void wire_withhold_reply(struct wire *wire, const char *word)
{
    wire->withheld_reply = word;
}

void wire_let_one_go(struct wire *wire)
{
    wire->n_let_go++;
}

void wire_close(struct wire *wire)
{
    wire->is_closing = true;
    pthread_join(wire->thread, NULL);
    for (unsigned i = 0; i < wire->n_accepted; i++)
        pthread_join(wire->connections[i].thread, NULL);
    close(wire->listener);
}
