/* Requests in: libmicrohttpd's callbacks, from the request line to the end. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "fake.h"

#define CONTROL_PREFIX "/_fake/"
#define N_THREADS      2
#define MAX_CLIENTS    8192
#define BACKLOG        1024

/* The earliest callback, and the only one that is given the line as it was received: a signature
 * covers the path before any decoding. What it returns follows the request as *con_cls. */
static void *on_request_line(void *cls, const char *uri, struct MHD_Connection *connection)
{
    struct request *request = calloc(1, sizeof(*request));
    size_t path_len = strcspn(uri, "?");
    request->fake = cls;
    request->connection = connection;
    request->uri = strdup(uri);
    request->path = strndup(uri, path_len);
    request->query_ok =
        query_parse(uri[path_len] ? uri + path_len + 1 : NULL, &request->query) == 0;
    request->is_control = strncmp(uri, CONTROL_PREFIX, strlen(CONTROL_PREFIX)) == 0;
    request->action.truncate = -1;
    request->action.stall = -1;
    return request;
}

static void on_request_over(void *cls, struct MHD_Connection *connection, void **con_cls,
                            enum MHD_RequestTerminationCode code)
{
    (void)cls;
    (void)connection;
    struct request *request = *con_cls;
    if (!request) {
        return;
    }
    query_deinit(&request->query);
    answer_deinit(&request->answer);
    pthread_mutex_lock(&request->fake->lock); /* the rule's JSON is shared */
    action_deinit(&request->action);
    if (request->seq > 0) {
        recorder_end_request(&request->fake->recorder, request->seq, clock_unix_us(),
                             code == MHD_REQUEST_TERMINATED_COMPLETED_OK);
    }
    pthread_mutex_unlock(&request->fake->lock);
    free(request->uri);
    free(request->path);
    free(request->body);
    free(request);
    *con_cls = NULL;
}

static void take_body(struct request *request, const char *data, size_t len)
{
    if (request->body_too_large || len > FAKE_MAX_BODY - request->body_len) {
        request->body_too_large = true;
        return;
    }
    request->body = realloc(request->body, request->body_len + len + 1);
    memcpy(request->body + request->body_len, data, len);
    request->body_len += len;
    request->body[request->body_len] = '\0';
}

static void decide(struct request *request)
{
    if (request->is_control) {
        control_handle(request);
    } else {
        request_decide(request);
    }
    request->decided = true;
}

/* Called for the header, for each piece of the body, at its end, and after each wait. */
static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *data_len, void **con_cls)
{
    (void)cls;
    (void)connection;
    (void)url;
    (void)version;
    struct request *request = *con_cls;
    if (!request->begun) {
        request->begun = true;
        strncat(request->method, method, sizeof(request->method) - 1);
        return MHD_YES;
    }
    if (*data_len > 0) {
        take_body(request, data, *data_len);
        *data_len = 0;
        return MHD_YES;
    }
    if (!request->decided) {
        decide(request);
    }
    return respond(request);
}

static void on_connection(void *cls, struct MHD_Connection *connection, void **socket_context,
                          enum MHD_ConnectionNotificationCode code)
{
    (void)connection;
    struct fake *fake = cls;
    pthread_mutex_lock(&fake->lock);
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        fake->recorder.connections++;
        fake->recorder.open_connections++;
        *socket_context = calloc(1, sizeof(unsigned)); /* how many requests it had */
    } else {
        fake->recorder.open_connections--;
        free(*socket_context);
    }
    pthread_mutex_unlock(&fake->lock);
}

static struct MHD_Daemon *listen_on(struct fake *fake, const struct sockaddr_in *address)
{
    const struct fake_options *options = &fake->options;
    unsigned flags =
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_SUPPRESS_DATE_NO_CLOCK;
    struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)options->tls_cert},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)options->tls_key},
        {MHD_OPTION_END, 0, NULL}};
    struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};
    return MHD_start_daemon(
        options->tls_cert ? flags | MHD_USE_TLS : flags, 0, NULL, NULL, on_request, fake,
        MHD_OPTION_SOCK_ADDR, address, MHD_OPTION_URI_LOG_CALLBACK, on_request_line, fake,
        MHD_OPTION_NOTIFY_COMPLETED, on_request_over, fake, MHD_OPTION_NOTIFY_CONNECTION,
        on_connection, fake, MHD_OPTION_THREAD_POOL_SIZE, (unsigned)N_THREADS,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)MAX_CLIENTS, MHD_OPTION_LISTEN_BACKLOG_SIZE,
        (unsigned)BACKLOG, MHD_OPTION_LISTENING_ADDRESS_REUSE, 1u, MHD_OPTION_ARRAY,
        options->tls_cert ? tls : none, MHD_OPTION_END);
}

int fake_start(struct fake *fake, const struct fake_options *options, unsigned *ret_port)
{
    *fake = (struct fake){.options = *options};
    pthread_mutex_init(&fake->lock, NULL);
    recorder_init(&fake->recorder, options->max_records);
    fake->random = options->seed;
    later_start(&fake->later);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)options->port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    fake->daemon = listen_on(fake, &address);
    if (!fake->daemon) {
        fake_stop(fake);
        return -1;
    }
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(fake->daemon, MHD_DAEMON_INFO_BIND_PORT);
    *ret_port = info->port;
    return 0;
}

void fake_stop(struct fake *fake)
{
    later_stop(&fake->later);
    if (fake->daemon) {
        MHD_stop_daemon(fake->daemon);
    }
    rules_deinit(&fake->rules);
    recorder_deinit(&fake->recorder);
    pthread_mutex_destroy(&fake->lock);
}
