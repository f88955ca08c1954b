/* The socket of sd_notify(3). sd_notify() itself waits while the manager does not read; a daemon
 * must not stand still because of that. So what does not fit waits here instead, a few messages in
 * order. */
#ifndef DAEMON_NOTIFY_SOCKET_H
#define DAEMON_NOTIFY_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

#define NOTIFY_MESSAGE_MAX 320 /* bytes, with the NUL */
#define NOTIFY_WAITING_MAX 8

struct notify_socket {
    int fd; /* owned; -1: there is no manager */
    struct sockaddr_un address;
    socklen_t address_len;
    char waiting[NOTIFY_WAITING_MAX][NOTIFY_MESSAGE_MAX]; /* oldest first */
    unsigned n_waiting;
};

/* `path` is $NOTIFY_SOCKET, NULL if it is not set. Without one that can be used nothing is sent. */
void notify_socket_open(struct notify_socket *socket, const char *path);
void notify_socket_close(struct notify_socket *socket);

/* Sends what waits, as far as the manager takes it. True if nothing waits any more. */
bool notify_socket_flush(struct notify_socket *socket);

/* True if so many more messages are certain to be kept. */
bool notify_socket_has_room(const struct notify_socket *socket, unsigned n);

/* Sends the message, or keeps it if others wait or it is not taken; it is lost if too many wait. */
void notify_socket_send(struct notify_socket *socket, const char *message);

#endif
