/* The socket that the status server listens on.
 *
 * It is bound to exactly what was asked for: an IPv6 address takes no IPv4, and of a name the first
 * address that it resolves to. A unix socket that a dead daemon left is removed, one that somebody
 * listens on is not. */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/config/uri.h"
#include "daemon/status_private.h"

#define BACKLOG    128
#define NOT_OTHERS 0117 /* umask of the unix socket: for its user and group */
#define HOST_MAX   256
#define PORT_MAX   8

static int fail(char ret_why[STATUS_WHY_MAX], const char *what, const char *why)
{
    (void)snprintf(ret_why, STATUS_WHY_MAX, "%s%s", what, why);
    return -1;
}

static int open_socket(int family)
{
    return socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

static int close_failed(int fd, const char *what, char ret_why[STATUS_WHY_MAX])
{
    int error = errno;

    if (fd >= 0)
        (void)close(fd);
    return fail(ret_why, what, strerror(error));
}

/* ---- unix sockets */

static bool has_listener(const struct sockaddr_un *address)
{
    int fd = open_socket(AF_UNIX), error = 0;

    if (fd < 0)
        return true;
    if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) != 0)
        error = errno;
    (void)close(fd);
    return error != ECONNREFUSED;
}

static int make_way(const struct sockaddr_un *address, char ret_why[STATUS_WHY_MAX])
{
    struct stat file;

    if (lstat(address->sun_path, &file) != 0)
        return 0; /* or bind() says why not */
    if (!S_ISSOCK(file.st_mode))
        return fail(ret_why, "there is a file that is no socket", "");
    if (has_listener(address))
        return fail(ret_why, strerror(EADDRINUSE), ": somebody listens there");
    return unlink(address->sun_path) == 0 ? 0 : fail(ret_why, "", strerror(errno));
}

static int bind_unix(int fd, const struct sockaddr_un *address)
{
    mode_t before = umask(NOT_OTHERS);
    int status = bind(fd, (const struct sockaddr *)address, sizeof(*address));
    int error = errno;

    (void)umask(before);
    errno = error;
    return status;
}

static int listen_unix(struct status *status, const char *path, char ret_why[STATUS_WHY_MAX])
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd;

    if (strlen(path) >= sizeof(address.sun_path))
        return fail(ret_why, "the path is too long for a socket", "");
    strcpy(address.sun_path, path);
    if (make_way(&address, ret_why) != 0)
        return -1;
    fd = open_socket(AF_UNIX);
    if (fd < 0 || bind_unix(fd, &address) != 0)
        return close_failed(fd, "", ret_why);
    if (listen(fd, BACKLOG) != 0 || lstat(path, &status->file) != 0)
        return close_failed(fd, "", ret_why);
    strcpy(status->path, path);
    status->is_unix = true;
    status->listen_fd = fd;
    return 0;
}

void status_unlink(const struct status *status)
{
    struct stat file;

    if (status->path[0] != '\0' && lstat(status->path, &file) == 0 &&
        file.st_ino == status->file.st_ino && file.st_dev == status->file.st_dev)
        (void)unlink(status->path);
}

/* ---- TCP */

static int resolve(const char *address, struct addrinfo **ret_info, char ret_why[STATUS_WHY_MAX])
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct pusher_string host, port;
    char host_text[HOST_MAX], port_text[PORT_MAX];
    int error;

    if (!uri_split_host(pusher_str(address), &host, &port) || !port.ptr)
        return fail(ret_why, "this is no address", "");
    if (host.len >= sizeof(host_text) || port.len >= sizeof(port_text))
        return fail(ret_why, "the name of the host is too long", "");
    (void)snprintf(host_text, sizeof(host_text), "%.*s", (int)host.len, host.ptr);
    (void)snprintf(port_text, sizeof(port_text), "%.*s", (int)port.len, port.ptr);
    error = getaddrinfo(host_text, port_text, &hints, ret_info);
    if (error != 0)
        return fail(ret_why, "", error == EAI_SYSTEM ? strerror(errno) : gai_strerror(error));
    return 0;
}

static int bind_tcp(int fd, const struct addrinfo *info)
{
    int on = 1;

    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
        (info->ai_family == AF_INET6 &&
         setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) != 0))
        return -1;
    return bind(fd, info->ai_addr, info->ai_addrlen);
}

static bool is_loopback(const struct addrinfo *info)
{
    const struct sockaddr_in *v4 = (const void *)info->ai_addr;
    const struct sockaddr_in6 *v6 = (const void *)info->ai_addr;

    if (info->ai_family == AF_INET)
        return (ntohl(v4->sin_addr.s_addr) >> 24) == 127;
    return info->ai_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}

static int listen_tcp(struct status *status, const char *address, char ret_why[STATUS_WHY_MAX])
{
    struct addrinfo *info;
    int fd, bound;

    if (resolve(address, &info, ret_why) != 0)
        return -1;
    fd = open_socket(info->ai_family);
    bound = fd < 0 ? -1 : bind_tcp(fd, info);
    status->is_loopback = is_loopback(info);
    freeaddrinfo(info);
    if (bound != 0 || listen(fd, BACKLOG) != 0)
        return close_failed(fd, "", ret_why);
    status->listen_fd = fd;
    return 0;
}

int status_listen(struct status *status, const char *address, char ret_why[STATUS_WHY_MAX])
{
    int listening;

    memset(status, 0, sizeof(*status));
    if (!address)
        return 0;
    if (strncmp(address, "unix:", 5) == 0)
        listening = listen_unix(status, address + 5, ret_why);
    else
        listening = listen_tcp(status, address, ret_why);
    status->is_listening = listening == 0;
    return listening;
}
