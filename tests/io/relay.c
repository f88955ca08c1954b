#include "relay.h"

#include <criterion/criterion.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct sockaddr_in loopback(unsigned port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons((in_port_t)port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static bool carry(int from, int to)
{
    char buf[4096];
    ssize_t n = read(from, buf, sizeof(buf));
    return n > 0 && write(to, buf, (size_t)n) == n;
}

static void carry_both(int a, int b)
{
    struct pollfd fds[] = {{.fd = a, .events = POLLIN}, {.fd = b, .events = POLLIN}};
    while (poll(fds, 2, -1) > 0) {
        if ((fds[0].revents && !carry(a, b)) || (fds[1].revents && !carry(b, a)))
            return;
    }
}

static void *serve(void *arg)
{
    struct relay *relay = arg;
    struct sockaddr_in target = loopback(relay->target_port);
    size_t len = 0;
    int client = accept(relay->listener, NULL, NULL), server = socket(AF_INET, SOCK_STREAM, 0);
    while (!strstr(relay->request, "\r\n\r\n") && len + 1 < sizeof(relay->request) &&
           read(client, relay->request + len, 1) == 1)
        len++;
    if (connect(server, (struct sockaddr *)&target, sizeof(target)) == 0 &&
        write(client, relay->answer, strlen(relay->answer)) > 0)
        carry_both(client, server);
    close(client);
    close(server);
    return NULL;
}

void relay_open(struct relay *relay, unsigned target_port, const char *answer)
{
    struct sockaddr_in address = loopback(0);
    socklen_t len = sizeof(address);
    *relay = (struct relay){.target_port = target_port, .answer = answer};
    relay->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(relay->listener, (struct sockaddr *)&address, len), 0);
    cr_assert_eq(listen(relay->listener, 1), 0);
    cr_assert_eq(getsockname(relay->listener, (struct sockaddr *)&address, &len), 0);
    relay->port = ntohs(address.sin_port);
    cr_assert_eq(pthread_create(&relay->thread, NULL, serve, relay), 0);
}

void relay_close(struct relay *relay)
{
    pthread_join(relay->thread, NULL);
    close(relay->listener);
}
