/* The sockets of curl, on the loop.
 *
 * curl says which events it wants of a socket (http_on_socket_wish). Wishes are noted and carried
 * out in http_arm_changed(), before the loop waits: a kept connection that goes from one request to
 * the next is then not taken out of epoll and put back.
 *
 * That is safe for connected sockets we opened ourselves, since we are told before they are closed.
 * For the same reason a connection that rests stays armed for reading.
 * Others are closed by curl without a word: the resolver's socket pair, and (in 7.88) a socket
 * whose connect was given up. Their handle is closed at CURL_POLL_REMOVE. A descriptor that was
 * closed so may come back even before that, when curl tries the next address: http_open_socket()
 * then finds the old handle in its place. And a connect that fails at once ends without any wish:
 * so a socket has no handle before it is armed, and its inode tells whether a wish is for it or for
 * whatever has its descriptor now. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/io/http_private.h"

/* Before 8.5 curl gives an address up and goes on to the next, but forgets to connect. */
#define CURL_STALLS (LIBCURL_VERSION_NUM < 0x080500)

struct http_socket {
    uv_poll_t poll;
    struct http *http;
    curl_socket_t fd;
    ino_t inode;       /* if it is ours */
    bool is_ours;      /* opened by http_open_socket() */
    bool has_poll;     /* `poll` is open */
    bool is_connected; /* curl has asked for input */
    bool in_changed;
    int wanted; /* UV_READABLE | UV_WRITABLE */
    int armed;  /* the same, as libuv has it */
    struct http_socket *next_changed;
};

static void on_socket_closed(uv_handle_t *handle)
{
    struct http_socket *socket = handle->data;
    struct http *http = socket->http;

    free(socket);
    http->open_handles--;
    http_maybe_closed(http);
}

static void note_change(struct http *http, struct http_socket *socket)
{
    if (socket->in_changed || socket->wanted == socket->armed)
        return;
    socket->in_changed = true;
    socket->next_changed = http->changed;
    http->changed = socket;
}

static void forget_change(struct http *http, struct http_socket *socket)
{
    struct http_socket **at = &http->changed;

    if (!socket->in_changed)
        return;
    while (*at != socket)
        at = &(*at)->next_changed;
    *at = socket->next_changed;
    socket->in_changed = false;
}

static void close_poll(struct http_socket *socket)
{
    struct http *http = socket->http;

    forget_change(http, socket);
    http->sockets[socket->fd] = NULL;
    if (socket->has_poll)
        uv_close((uv_handle_t *)&socket->poll, on_socket_closed);
    else
        free(socket);
}

static int reserve_slot(struct http *http, curl_socket_t fd)
{
    size_t n = http->n_sockets ? http->n_sockets : 64;
    struct http_socket **sockets;

    if ((size_t)fd < http->n_sockets)
        return 0;
    while (n <= (size_t)fd)
        n *= 2;
    sockets = realloc(http->sockets, n * sizeof(struct http_socket *));
    if (!sockets)
        return -1;
    memset(sockets + http->n_sockets, 0, (n - http->n_sockets) * sizeof(struct http_socket *));
    http->sockets = sockets;
    http->n_sockets = n;
    return 0;
}

/* Closes the handle of a socket that curl has closed without a word. What curl wants of the
 * descriptor it will not say again for the socket that has it now. */
static int take_over_wish(struct http *http, curl_socket_t fd)
{
    struct http_socket *old = http->sockets[fd];
    int wanted = old ? old->wanted : 0;

    if (old)
        close_poll(old);
    return wanted;
}

static ino_t inode_of(curl_socket_t fd)
{
    struct stat stat;

    return fstat(fd, &stat) == 0 ? stat.st_ino : 0;
}

static struct http_socket *add_socket(struct http *http, curl_socket_t fd, bool is_ours)
{
    struct http_socket *socket;
    int wanted;

    if (fd < 0 || reserve_slot(http, fd) != 0 || !(socket = calloc(1, sizeof(*socket))))
        return NULL;
    wanted = take_over_wish(http, fd);
    socket->http = http;
    socket->fd = fd;
    socket->inode = inode_of(fd);
    socket->is_ours = is_ours;
    http->sockets[fd] = socket;
    socket->wanted = wanted;
    note_change(http, socket);
    return socket;
}

curl_socket_t http_open_socket(void *data, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct http *http = data;
    curl_socket_t fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);

    (void)purpose;
    if (fd < 0)
        return CURL_SOCKET_BAD;
    if (!add_socket(http, fd, true)) {
        (void)close(fd);
        return CURL_SOCKET_BAD;
    }
    return fd;
}

int http_close_socket(void *data, curl_socket_t fd)
{
    struct http *http = data;

    if ((size_t)fd < http->n_sockets && http->sockets[fd])
        close_poll(http->sockets[fd]);
    return close(fd);
}

static void on_poll(uv_poll_t *handle, int status, int events)
{
    struct http_socket *socket = handle->data;
    struct http *http = socket->http;
    int flags = 0;

    if (socket->wanted == 0) {
        socket->armed = 0; /* it rests, and the server has closed it: curl sees to that later */
        uv_poll_stop(handle);
        return;
    }
    if (status < 0) {
        /* libuv stopped polling. With CURL_CSELECT_ERR alone curl would not read what came before
         * the error, nor the error itself. */
        socket->armed = 0;
        note_change(http, socket);
        flags = CURL_CSELECT_ERR | CURL_CSELECT_IN | CURL_CSELECT_OUT;
    }
    if (events & UV_READABLE)
        flags |= CURL_CSELECT_IN;
    if (events & UV_WRITABLE)
        flags |= CURL_CSELECT_OUT;
    http_run_curl(http, socket->fd, flags);
}

/* A connect was given up. If there is another address, curl has to be called for it. */
static void note_stall(struct http *http, CURL *easy)
{
    struct http_transfer *transfer;

    if (!CURL_STALLS)
        return;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&transfer);
    if (transfer)
        transfer->is_stalled = http->some_stalled = true;
}

static void unwatch(struct http_socket *socket, CURL *easy)
{
    socket->wanted = 0;
    if (socket->is_ours && socket->is_connected) {
        note_change(socket->http, socket);
        return;
    }
    if (socket->is_ours)
        note_stall(socket->http, easy);
    close_poll(socket);
}

int http_on_socket_wish(CURL *easy, curl_socket_t fd, int what, void *data, void *socketp)
{
    struct http *http = data;
    struct http_socket *socket = NULL;

    (void)socketp;
    if ((size_t)fd < http->n_sockets)
        socket = http->sockets[fd];
    if (what == CURL_POLL_REMOVE) {
        if (socket)
            unwatch(socket, easy);
        return 0;
    }
    if (!socket && !(socket = add_socket(http, fd, false)))
        return -1;
    if (!socket->has_poll && socket->inode != inode_of(fd))
        socket->is_ours = false;
    if (what & CURL_POLL_IN)
        socket->is_connected = true;
    socket->wanted =
        (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
    note_change(http, socket);
    return 0;
}

/* If libuv cannot, curl does not hear of the socket, and the transfer ends at its time limit. */
static bool open_poll(struct http_socket *socket)
{
    struct http *http = socket->http;

    if (socket->has_poll)
        return true;
    if (uv_poll_init(http->loop, &socket->poll, socket->fd) != 0)
        return false;
    socket->poll.data = socket;
    socket->has_poll = true;
    http->open_handles++;
    return true;
}

/* A connection that rests stays as it is: the next request reads from it again. */
static void arm(struct http_socket *socket)
{
    if (socket->wanted == socket->armed ||
        (socket->wanted == 0 && socket->armed == UV_READABLE && socket->is_ours) ||
        !open_poll(socket))
        return;
    if (socket->wanted == 0)
        uv_poll_stop(&socket->poll);
    else
        uv_poll_start(&socket->poll, socket->wanted, on_poll);
    socket->armed = socket->wanted;
}

void http_arm_changed(struct http *http)
{
    while (http->changed) {
        struct http_socket *socket = http->changed;

        http->changed = socket->next_changed;
        socket->in_changed = false;
        arm(socket);
    }
}

void http_close_sockets(struct http *http)
{
    for (size_t fd = 0; fd < http->n_sockets; fd++) {
        if (http->sockets[fd])
            close_poll(http->sockets[fd]);
    }
}
