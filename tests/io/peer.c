/* A connection collects what it reads in `in`; advance() goes on with the script as far as it can:
 * to a step that waits for more input, for the gate, or to the end. */
#include "peer.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

struct peer_connection {
    uv_tcp_t tcp;
    struct peer *peer;
    struct peer_connection *next;
    const struct peer_step *script, *step;
    bool at_gate;
    char *in; /* owned; NUL-terminated */
    size_t in_len;
};

static struct peer_connection *connection_of(uv_stream_t *stream)
{
    return (struct peer_connection *)stream; /* its first member */
}

static void on_closed(uv_handle_t *handle)
{
    struct peer_connection *connection = connection_of((uv_stream_t *)handle);
    free(connection->in);
    free(connection);
}

static void forget(struct peer_connection *connection)
{
    struct peer_connection **at = &connection->peer->connections;
    while (*at != connection)
        at = &(*at)->next;
    *at = connection->next;
    connection->peer->n_open--;
    connection->peer->n_waiting -= connection->at_gate;
}

static void close_connection(struct peer_connection *connection, bool with_reset)
{
    forget(connection);
    if (with_reset && uv_tcp_close_reset(&connection->tcp, on_closed) == 0)
        return;
    uv_close((uv_handle_t *)&connection->tcp, on_closed);
}

/* ---- what a step waits for: the bytes of the first request of the input, 0 if it is not whole */

static size_t head_size(const char *in)
{
    const char *end = strstr(in, "\r\n\r\n");
    return end ? (size_t)(end - in) + 4 : 0;
}

static size_t http_size(const char *in)
{
    size_t head = head_size(in);
    const char *length = strcasestr(in, "\r\nContent-Length:");
    if (head == 0 || !length || length > in + head)
        return head;
    return head + strtoul(length + 17, NULL, 10);
}

static size_t command_size(const char *in, size_t len)
{
    char *end;
    unsigned long n_args = in[0] == '*' ? strtoul(in + 1, &end, 10) : 0;
    for (const char *pos = n_args ? end + 2 : in + len + 1;; n_args--) {
        if (pos > in + len)
            return 0;
        if (n_args == 0)
            return (size_t)(pos - in);
        if (*pos != '$')
            return 0;
        unsigned long arg_len = strtoul(pos + 1, &end, 10);
        pos = end + 2 + arg_len + 2;
    }
}

static size_t awaited(const struct peer_connection *connection)
{
    if (connection->in_len == 0)
        return 0;
    switch (connection->step->verb) {
    case PEER_HEAD:
        return head_size(connection->in);
    case PEER_HTTP:
        return http_size(connection->in);
    default:
        return command_size(connection->in, connection->in_len);
    }
}

static bool take_request(struct peer_connection *connection)
{
    struct peer *peer = connection->peer;
    size_t size = awaited(connection);
    if (size == 0 || size > connection->in_len)
        return false;
    free(peer->request);
    peer->request = calloc(1, size + 1);
    memcpy(peer->request, connection->in, size);
    peer->request_len = size;
    peer->n_requests++;
    connection->in_len -= size;
    memmove(connection->in, connection->in + size, connection->in_len + 1);
    return true;
}

/* ---- going on */

static void on_written(uv_write_t *request, int status)
{
    (void)status; /* the client may have gone */
    free(request);
}

static void send_bytes(struct peer_connection *connection, const struct peer_step *step)
{
    uv_write_t *request = malloc(sizeof(*request));
    union {
        const char *from;
        char *to;
    } bytes = {step->bytes};
    uv_buf_t buf =
        uv_buf_init(bytes.to, (unsigned)(step->len > 0 ? step->len : strlen(step->bytes)));
    cr_assert_eq(uv_write(request, (uv_stream_t *)&connection->tcp, &buf, 1, on_written), 0);
}

static void on_shut_down(uv_shutdown_t *request, int status)
{
    (void)status;
    free(request);
}

static void half_close(struct peer_connection *connection)
{
    uv_shutdown_t *request = malloc(sizeof(*request));
    cr_assert_eq(uv_shutdown(request, (uv_stream_t *)&connection->tcp, on_shut_down), 0);
}

/* One step; false if the script has to wait, or is at its end. */
static bool take_step(struct peer_connection *connection)
{
    const struct peer_step *step = connection->step;
    switch (step->verb) {
    case PEER_HTTP:
    case PEER_HEAD:
    case PEER_COMMAND:
        if (!take_request(connection))
            return false;
        break;
    case PEER_SEND:
        send_bytes(connection, step);
        break;
    case PEER_AGAIN:
        connection->step = connection->script;
        return true;
    case PEER_GATE:
        connection->peer->n_waiting += !connection->at_gate;
        connection->at_gate = true;
        return false;
    case PEER_DEAF:
        uv_read_stop((uv_stream_t *)&connection->tcp);
        return false;
    case PEER_HALF_CLOSE:
        half_close(connection);
        return false;
    case PEER_CLOSE:
    case PEER_RESET:
        close_connection(connection, step->verb == PEER_RESET);
        return false;
    case PEER_HOLD:
        return false;
    }
    connection->step++;
    return true;
}

static void advance(struct peer_connection *connection)
{
    while (take_step(connection))
        continue;
}

void peer_let_go(struct peer *peer)
{
    struct peer_connection *next;
    for (struct peer_connection *each = peer->connections; each; each = next) {
        next = each->next;
        if (!each->at_gate)
            continue;
        each->at_gate = false;
        peer->n_waiting--;
        each->step++;
        advance(each);
    }
}

/* ---- the sockets */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    (void)handle;
    *buf = uv_buf_init(malloc(suggested), (unsigned)suggested);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct peer_connection *connection = connection_of(stream);
    if (n > 0) {
        connection->in = realloc(connection->in, connection->in_len + (size_t)n + 1);
        memcpy(connection->in + connection->in_len, buf->base, (size_t)n);
        connection->in_len += (size_t)n;
        connection->in[connection->in_len] = '\0';
    }
    free(buf->base);
    if (n > 0)
        advance(connection);
    else if (n < 0)
        close_connection(connection, false);
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct peer *peer = listener->data;
    struct peer_connection *connection = calloc(1, sizeof(*connection));
    unsigned script =
        peer->n_connections < peer->n_scripts ? peer->n_connections : peer->n_scripts - 1;
    cr_assert_eq(status, 0);
    uv_tcp_init(listener->loop, &connection->tcp);
    cr_assert_eq(uv_accept(listener, (uv_stream_t *)&connection->tcp), 0);
    connection->peer = peer;
    connection->script = connection->step = peer->scripts[script];
    connection->next = peer->connections;
    peer->connections = connection;
    peer->n_connections++;
    peer->n_open++;
    uv_read_start((uv_stream_t *)&connection->tcp, on_alloc, on_read);
    advance(connection);
}

static void listen_at(struct peer *peer, uv_loop_t *loop, const struct sockaddr *address,
                      const struct peer_step *script)
{
    struct sockaddr_in6 bound; /* the port stands at the same place in both kinds */
    int len = sizeof(bound);
    *peer = (struct peer){.scripts = {script}, .n_scripts = 1};
    uv_tcp_init(loop, &peer->listener);
    peer->listener.data = peer;
    cr_assert_eq(uv_tcp_bind(&peer->listener, address, 0), 0);
    cr_assert_eq(uv_listen((uv_stream_t *)&peer->listener, 512, on_connection), 0);
    cr_assert_eq(uv_tcp_getsockname(&peer->listener, (struct sockaddr *)&bound, &len), 0);
    peer->port = ntohs(bound.sin6_port);
}

void peer_open(struct peer *peer, uv_loop_t *loop, const struct peer_step *script)
{
    struct sockaddr_in address;
    uv_ip4_addr("127.0.0.1", 0, &address);
    listen_at(peer, loop, (const struct sockaddr *)&address, script);
}

void peer_open_ipv6(struct peer *peer, uv_loop_t *loop, const struct peer_step *script)
{
    struct sockaddr_in6 address;
    uv_ip6_addr("::1", 0, &address);
    listen_at(peer, loop, (const struct sockaddr *)&address, script);
}

void peer_then(struct peer *peer, const struct peer_step *script)
{
    cr_assert_lt(peer->n_scripts, PEER_SCRIPTS_MAX);
    peer->scripts[peer->n_scripts++] = script;
}

void peer_stop_listening(struct peer *peer)
{
    if (!uv_is_closing((uv_handle_t *)&peer->listener))
        uv_close((uv_handle_t *)&peer->listener, NULL);
}

void peer_close(struct peer *peer)
{
    peer_stop_listening(peer);
    while (peer->connections)
        close_connection(peer->connections, false);
    free(peer->request);
    peer->request = NULL;
}
