/* Easy handles, kept and used again.
 *
 * What does not change between requests is set once, when the handle is made. A request sets its
 * target, its body, and nothing else: setting CURLOPT_URL for each request costs half as much again
 * of curl's CPU (it parses the URL anew), so the URL stays "scheme://host:port", parsed already,
 * and the target goes into CURLOPT_REQUEST_TARGET. A plain HTTP proxy needs the URL in the request
 * line: there it is set. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "daemon/io/http_private.h"

#define FIRST_REPLY_BYTES 1024
#define KEEP_REPLY_BYTES  (256u << 10) /* larger buffers are not kept between requests */
#define MAX_IDLE_S        55L          /* hosted Pusher drops connections after a minute or so */
#define ADDRESS_AGE_S     5L           /* of an answer of the resolver: then it is asked again */
#define CA_AGE_S          5L           /* of what was read of a ca_file; libcurl's own is a day */

/* Keeps what fits into the cap and swallows the rest: an endless reply ends at the timeout. */
static size_t on_body(char *bytes, size_t size, size_t n, void *data)
{
    struct http_transfer *transfer = data;
    size_t len = size * n, max = transfer->call->max_reply_bytes;
    size_t keep = transfer->reply_len < max ? max - transfer->reply_len : 0;

    if (keep > len)
        keep = len;
    if (transfer->reply_len + keep > transfer->reply_size) {
        size_t new_size = transfer->reply_size ? transfer->reply_size : FIRST_REPLY_BYTES;
        char *reply;

        while (new_size < transfer->reply_len + keep)
            new_size *= 2;
        reply = realloc(transfer->reply, new_size);
        if (!reply)
            return 0;
        transfer->reply = reply;
        transfer->reply_size = new_size;
    }
    if (keep > 0)
        memcpy(transfer->reply + transfer->reply_len, bytes, keep);
    transfer->reply_len += keep;
    return len;
}

/* The value of the header `name` of the line, trimmed, if the line is that header and the value
 * fits. */
static void keep_value(const char *line, size_t len, const char *name, char value[HTTP_HEADER_MAX])
{
    size_t skip = strlen(name);

    if (len <= skip || strncasecmp(line, name, skip) != 0)
        return;
    while (skip < len && (line[skip] == ' ' || line[skip] == '\t'))
        skip++;
    while (len > skip && (unsigned char)line[len - 1] <= ' ')
        len--;
    if (len - skip >= HTTP_HEADER_MAX)
        return;
    memcpy(value, line + skip, len - skip);
    value[len - skip] = '\0';
}

static size_t on_header(char *line, size_t size, size_t n, void *data)
{
    struct http_transfer *transfer = data;
    size_t len = size * n;

    if (len >= 5 && memcmp(line, "HTTP/", 5) == 0)
        transfer->retry_after[0] = transfer->date[0] = '\0'; /* it was an interim answer's, or the
                                                                proxy's to CONNECT */
    else if (len > 0 && (line[0] == 'R' || line[0] == 'r'))
        keep_value(line, len, "Retry-After:", transfer->retry_after);
    else if (len > 0 && (line[0] == 'D' || line[0] == 'd'))
        keep_value(line, len, "Date:", transfer->date);
    return len;
}

/* Texts, which curl copies. Without memory for one a handle might go past the proxy, or trust more
 * than it should: then there is no handle. */
static CURLcode set_texts(CURL *easy, const struct http_endpoint *endpoint)
{
    CURLcode code = curl_easy_setopt(easy, CURLOPT_URL, endpoint->base_url);

    if (code == CURLE_OK)
        code = curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    if (code == CURLE_OK)
        code = curl_easy_setopt(easy, CURLOPT_PROXY, endpoint->proxy);
    if (code == CURLE_OK)
        code = curl_easy_setopt(easy, CURLOPT_NOPROXY, "");
    if (code == CURLE_OK && endpoint->ca_file)
        code = curl_easy_setopt(easy, CURLOPT_CAINFO, endpoint->ca_file);
    if (code == CURLE_OK && endpoint->user_agent && endpoint->proxy[0]) /* for CONNECT as well */
        code = curl_easy_setopt(easy, CURLOPT_USERAGENT, endpoint->user_agent);
    return code;
}

static void set_connection_options(CURL *easy, const struct http_endpoint *endpoint)
{
    if (endpoint->parsed_url) /* since 8.12 this drops the URL, whatever is given */
        curl_easy_setopt(easy, CURLOPT_CURLU, endpoint->parsed_url);
    if (endpoint->ca_file) /* else the system's would be good as well */
        curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L); /* at a timeout, do not wait for the resolver */
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, MAX_IDLE_S);
    curl_easy_setopt(easy, CURLOPT_MAXLIFETIME_CONN, (long)endpoint->lifetime_s);
    curl_easy_setopt(easy, CURLOPT_DNS_CACHE_TIMEOUT, ADDRESS_AGE_S);
    curl_easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, CA_AGE_S);
    curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, endpoint->keep_alive ? 0L : 1L);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)endpoint->timeout_ms);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)endpoint->timeout_ms);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, http_open_socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, endpoint->http);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, http_close_socket);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, endpoint->http);
}

static void set_transfer_options(CURL *easy, struct http_transfer *transfer)
{
    curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->error);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
}

static void set_method(struct http_transfer *transfer, bool is_post)
{
    const struct http_endpoint *endpoint = transfer->endpoint;

    transfer->is_post = is_post;
    curl_easy_setopt(transfer->easy, is_post ? CURLOPT_POST : CURLOPT_HTTPGET, 1L);
    curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER,
                     is_post ? endpoint->post_headers : endpoint->get_headers);
}

static struct http_transfer *new_transfer(struct http_endpoint *endpoint)
{
    struct http_transfer *transfer = calloc(1, sizeof(*transfer));

    if (!transfer)
        return NULL;
    transfer->endpoint = endpoint;
    transfer->easy = curl_easy_init();
    if (!transfer->easy || set_texts(transfer->easy, endpoint) != CURLE_OK) {
        http_transfer_free(transfer);
        return NULL;
    }
    set_connection_options(transfer->easy, endpoint);
    set_transfer_options(transfer->easy, transfer);
    set_method(transfer, true);
    return transfer;
}

static int set_target(struct http_transfer *transfer, const char *target)
{
    const char *base = transfer->endpoint->base_url;
    size_t size;
    char *url;

    if (!transfer->endpoint->absolute_target)
        return curl_easy_setopt(transfer->easy, CURLOPT_REQUEST_TARGET, target) == CURLE_OK ? 0
                                                                                            : -1;
    size = strlen(base) + strlen(target) + 1;
    url = realloc(transfer->url, size);
    if (!url)
        return -1;
    transfer->url = url;
    (void)snprintf(url, size, "%s%s", base, target);
    return curl_easy_setopt(transfer->easy, CURLOPT_URL, url) == CURLE_OK ? 0 : -1;
}

struct http_transfer *http_transfer_get(struct http_endpoint *endpoint, struct http_call *call)
{
    struct http_transfer *transfer = endpoint->spare;
    bool is_post = strcmp(call->method, "POST") == 0;

    if (transfer)
        endpoint->spare = transfer->next;
    else if (!(transfer = new_transfer(endpoint)))
        return NULL;
    if (is_post != transfer->is_post)
        set_method(transfer, is_post);
    if (is_post) {
        curl_easy_setopt(transfer->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body_len);
        curl_easy_setopt(transfer->easy, CURLOPT_POSTFIELDS, call->body ? call->body : "");
    }
    if (set_target(transfer, call->target) != 0) {
        http_transfer_free(transfer);
        return NULL;
    }
    transfer->call = call;
    transfer->is_stalled = false;
    transfer->reply_len = 0;
    transfer->error[0] = transfer->retry_after[0] = transfer->date[0] = '\0';
    return transfer;
}

static void unlink_active(struct http_transfer *transfer)
{
    struct http *http = transfer->endpoint->http;

    if (transfer->prev)
        transfer->prev->next = transfer->next;
    else
        http->active = transfer->next;
    if (transfer->next)
        transfer->next->prev = transfer->prev;
    http->n_active--;
}

/* A proxy that refuses the tunnel refuses every request: its status counts as an answer, though
 * curl calls it an error. */
static long status_of(const struct http_transfer *transfer, CURLcode code)
{
    long status = 0;

    if (code == CURLE_OK) {
        curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
        return status;
    }
    curl_easy_getinfo(transfer->easy, CURLINFO_HTTP_CONNECTCODE, &status);
    return status == 401 || status == 403 || status == 407 ? status : 0;
}

static void fill_in_results(const struct http_transfer *transfer, CURLcode code)
{
    struct http_call *call = transfer->call;

    call->status = (unsigned)status_of(transfer, code);
    call->error = code == CURLE_OK             ? ""
                  : call->cancelled            ? "cancelled"
                  : transfer->error[0] != '\0' ? transfer->error
                                               : curl_easy_strerror(code);
    call->reply = transfer->reply_len > 0 ? transfer->reply : "";
    call->reply_len = transfer->reply_len;
    call->retry_after = transfer->retry_after;
    call->date = transfer->date;
}

static void drop_large_reply(struct http_transfer *transfer)
{
    if (transfer->reply_size <= KEEP_REPLY_BYTES)
        return;
    free(transfer->reply);
    transfer->reply = NULL;
    transfer->reply_size = 0;
}

void http_transfer_finish(struct http_transfer *transfer, CURLcode code, bool cancelled)
{
    struct http_endpoint *endpoint = transfer->endpoint;
    struct http_call *call = transfer->call;

    unlink_active(transfer);
    call->cancelled = cancelled;
    fill_in_results(transfer, code);
    call->done_cb(call);
    drop_large_reply(transfer);
    transfer->call = NULL;
    transfer->next = endpoint->spare;
    endpoint->spare = transfer;
    endpoint->n_active--;
    http_endpoint_free_if_unused(endpoint);
}

void http_transfer_free(struct http_transfer *transfer)
{
    curl_easy_cleanup(transfer->easy);
    free(transfer->reply);
    free(transfer->url);
    free(transfer);
}
