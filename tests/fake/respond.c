/* Answers on the wire. Each wait suspends the connection; libmicrohttpd calls again when it is
 * resumed, and the flags of the request tell how far it had come. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "fake.h"

/* A disconnect of a connected TCP socket with connect(AF_UNSPEC) sends RST at once. Closing with
 * SO_LINGER would be too late: libmicrohttpd shuts down first, and the client would see FIN. */
static enum MHD_Result reset_connection(struct request *request)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct sockaddr nobody = {.sa_family = AF_UNSPEC};
    connect(info->connect_fd, &nobody, sizeof(nobody));
    return MHD_NO;
}

/* Gives the body until it is to be cut, or nothing more is to come; one byte at a time if it drips.
 */
static ssize_t read_body(void *cls, uint64_t pos, char *buf, size_t max)
{
    struct request *request = cls;
    const struct action *action = &request->action;
    size_t end = request->answer.len;
    if (action->truncate >= 0 && (uint64_t)action->truncate < end) {
        end = (size_t)action->truncate;
    }
    if (action->stall >= 0 && (uint64_t)action->stall < end) {
        end = (size_t)action->stall;
    }
    if (pos >= end && !request->later.cancelled && action->stall >= 0) {
        later_wait(&request->fake->later, &request->later, request->connection, LATER_NEVER);
        return 0;
    }
    if (pos >= end || request->later.cancelled) {
        if (action->reset) {
            reset_connection(request);
        }
        return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    if (action->drip_ms > 0 && !request->dripped) {
        request->dripped = true;
        later_wait(&request->fake->later, &request->later, request->connection,
                   (uint64_t)action->drip_ms);
        return 0;
    }
    request->dripped = false;
    size_t n = action->drip_ms > 0 ? 1 : end - (size_t)pos;
    n = n < max ? n : max;
    memcpy(buf, request->answer.body + pos, n);
    return (ssize_t)n;
}

static struct MHD_Response *make_response(struct request *request)
{
    struct answer *answer = &request->answer;
    if (request->action.truncate >= 0 || request->action.stall >= 0 ||
        request->action.drip_ms > 0) {
        return MHD_create_response_from_callback(answer->len, 1024, read_body, request, NULL);
    }
    struct MHD_Response *response =
        MHD_create_response_from_buffer(answer->len, answer->body, MHD_RESPMEM_MUST_FREE);
    answer->body = NULL;
    return response;
}

static void add_date(struct MHD_Response *response, int64_t skew_s)
{
    char text[64];
    struct tm tm;
    time_t now = time(NULL) + (time_t)skew_s;
    gmtime_r(&now, &tm);
    strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &tm);
    MHD_add_response_header(response, MHD_HTTP_HEADER_DATE, text);
}

static void add_rule_headers(struct MHD_Response *response, json_t *headers)
{
    const char *name;
    json_t *value;
    json_object_foreach(headers, name, value)
    {
        const char *old = MHD_get_response_header(response, name);
        if (old) {
            MHD_del_response_header(response, name, old);
        }
        MHD_add_response_header(response, name, json_string_value(value));
    }
}

static void add_headers(struct MHD_Response *response, const struct request *request)
{
    const struct fake_options *options = &request->fake->options;
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
                            request->answer.json ? "application/json" : "text/plain");
    add_date(response, request->action.skew_s);
    if (!request->is_control && (!options->keep_alive || options->api.flavor->closes)) {
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    }
    add_rule_headers(response, request->action.headers);
}

static enum MHD_Result send_answer(struct request *request)
{
    unsigned status = request->answer.status;
    struct MHD_Response *response = make_response(request);
    add_headers(response, request);
    enum MHD_Result result = MHD_queue_response(request->connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result wait_ms(struct request *request, uint64_t ms)
{
    later_wait(&request->fake->later, &request->later, request->connection, ms);
    return MHD_YES;
}

enum MHD_Result respond(struct request *request)
{
    const struct action *action = &request->action;
    if (request->later.cancelled) {
        return MHD_NO;
    }
    if (action->delay_ms > 0 && !request->delayed) {
        request->delayed = true;
        return wait_ms(request, (uint64_t)action->delay_ms);
    }
    if (action->hang && !request->hung) {
        request->hung = true;
        return wait_ms(request, LATER_NEVER);
    }
    if (action->close) {
        return MHD_NO;
    }
    bool only_reset = action->reset && action->truncate < 0;
    return only_reset ? reset_connection(request) : send_answer(request);
}
