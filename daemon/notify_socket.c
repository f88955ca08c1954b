#include "daemon/notify_socket.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A path, or '@' and a name that stands in no file system. */
static bool set_address(struct notify_socket *notify, const char *path)
{
    size_t len = path ? strlen(path) : 0;

    if (len < 2 || (path[0] != '/' && path[0] != '@') || len >= sizeof(notify->address.sun_path))
        return false;
    notify->address.sun_family = AF_UNIX;
    memcpy(notify->address.sun_path, path, len);
    if (path[0] == '@')
        notify->address.sun_path[0] = '\0';
    notify->address_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    return true;
}

void notify_socket_open(struct notify_socket *notify, const char *path)
{
    memset(notify, 0, sizeof(*notify));
    notify->fd = -1;
    if (set_address(notify, path))
        notify->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

void notify_socket_close(struct notify_socket *notify)
{
    if (notify->fd >= 0)
        (void)close(notify->fd);
    notify->fd = -1;
}

/* False if it has to wait. What fails in another way would fail again. */
static bool send_one(const struct notify_socket *notify, const char *message)
{
    ssize_t sent = sendto(notify->fd, message, strlen(message), MSG_NOSIGNAL,
                          (const struct sockaddr *)&notify->address, notify->address_len);

    return sent >= 0 || (errno != EAGAIN && errno != ENOBUFS && errno != EINTR);
}

bool notify_socket_flush(struct notify_socket *notify)
{
    unsigned n_sent = 0;

    while (n_sent < notify->n_waiting && send_one(notify, notify->waiting[n_sent]))
        n_sent++;
    notify->n_waiting -= n_sent;
    memmove(notify->waiting[0], notify->waiting[n_sent], notify->n_waiting * NOTIFY_MESSAGE_MAX);
    return notify->n_waiting == 0;
}

bool notify_socket_has_room(const struct notify_socket *notify, unsigned n)
{
    return notify->n_waiting + n <= NOTIFY_WAITING_MAX;
}

void notify_socket_send(struct notify_socket *notify, const char *message)
{
    if (notify->fd < 0 || (notify_socket_flush(notify) && send_one(notify, message)) ||
        !notify_socket_has_room(notify, 1))
        return;
    (void)snprintf(notify->waiting[notify->n_waiting++], NOTIFY_MESSAGE_MAX, "%s", message);
}
