#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "lib/http_private.h"
#include "lib/report.h"
#include "pusher/reply.h"

#define URL_MAX        ((size_t)64 * 1024)
#define RETRY_AFTER_MS ((int64_t)24 * 60 * 60 * 1000)

static int64_t now_s(void)
{
    return (int64_t)time(NULL);
}

static bool grow_body(struct pusher_http *http, size_t needed)
{
    size_t size = http->size ? http->size : 1024;
    while (size < needed)
        size *= 2;
    char *body = realloc(http->body, size);
    if (!body)
        return false;
    http->body = body;
    http->size = size;
    return true;
}

size_t pusher__http_on_body(char *bytes, size_t unit, size_t n, void *arg)
{
    struct pusher_http *http = arg;
    size_t len = unit * n;
    http->too_long = len > PUSHER_ANSWER_MAX - http->len;
    if (http->too_long)
        return CURL_WRITEFUNC_ERROR;
    if (http->len + len + 1 > http->size && !grow_body(http, http->len + len + 1)) {
        http->no_memory = true;
        return CURL_WRITEFUNC_ERROR;
    }
    memcpy(http->body + http->len, bytes, len);
    http->len += len;
    http->body[http->len] = '\0';
    return len;
}

/* The value of a header line, if it is the header of this name. */
static bool read_header(const char *line, size_t len, const char *name,
                        struct pusher_string *ret_value)
{
    size_t name_len = strlen(name);
    if (len <= name_len || line[name_len] != ':' || strncasecmp(line, name, name_len) != 0)
        return false;
    *ret_value = (struct pusher_string){line + name_len + 1, len - name_len - 1};
    return true;
}

static void forget_headers(struct pusher_http *http)
{
    http->date_s = -1;
    http->retry_after_ms = -1;
}

/* A Date header is read as a Retry-After that counts from 1970. What stood before a status line was
 * of an interim answer, or of the proxy's to CONNECT. */
size_t pusher__http_on_header(char *line, size_t unit, size_t n, void *arg)
{
    struct pusher_http *http = arg;
    struct pusher_string value;
    if (unit * n >= 5 && memcmp(line, "HTTP/", 5) == 0)
        forget_headers(http);
    if (read_header(line, unit * n, "Date", &value)) {
        int64_t ms = pusher_retry_after_ms(value.ptr, value.len, 0, INT64_MAX);
        http->date_s = ms < 0 ? -1 : ms / 1000;
    }
    if (read_header(line, unit * n, "Retry-After", &value))
        http->retry_after_ms = pusher_retry_after_ms(
            value.ptr, value.len, now_s() + http->clock_offset_s, RETRY_AFTER_MS);
    return unit * n;
}

static int64_t sign_time(const struct pusher_http *http)
{
    return http->fixed_unix_s ? http->fixed_unix_s : now_s() + http->clock_offset_s;
}

/* Why a request could not be signed: the check has the words for most of it. */
static int fail_sign(const struct pusher_request *request, int code, struct pusher_error *error)
{
    if (code != PUSHER_EINVAL)
        return pusher__fail_plain(error, code);
    int rc = pusher_request_check(request->method, request->path, request->params,
                                  request->n_params, error);
    return rc ? rc : pusher__fail(error, code, "the time to sign for is before 1970");
}

/* Parameters can make a URL longer than usual: the buffer grows, up to URL_MAX. */
static int write_url(struct pusher_http *http, const struct pusher_request *request,
                     struct pusher_error *error)
{
    const char *base = pusher_client_base_url(http->client);
    size_t base_len = strlen(base);
    for (;;) {
        memcpy(http->url, base, base_len);
        int rc = pusher_request_sign(http->client, request, sign_time(http), http->url + base_len,
                                     http->url_size - base_len);
        if (rc != PUSHER_ETOOSMALL)
            return rc == 0 ? 0 : fail_sign(request, rc, error);
        if (http->url_size >= URL_MAX)
            return pusher__fail(error, PUSHER_EINVAL, "the parameters make a URL of over %zu bytes",
                                URL_MAX);
        char *longer = realloc(http->url, 2 * http->url_size);
        if (!longer)
            return pusher__fail_plain(error, PUSHER_ENOMEM);
        http->url = longer;
        http->url_size *= 2;
    }
}

/* POST without a body says Content-Length: 0. Other methods may have a body or none. */
static CURLcode set_request(struct pusher_http *http, const struct pusher_request *request)
{
    CURL *easy = http->easy;
    bool has_body = request->body.len > 0;
    bool posts = has_body || strcasecmp(request->method, "POST") == 0;
    if (posts) {
        curl_easy_setopt(easy, CURLOPT_POST, 1L);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, has_body ? request->body.ptr : "");
    } else {
        curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    }
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, has_body ? http->json_headers : http->headers);
    CURLcode rc = curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
    return rc == CURLE_OK ? curl_easy_setopt(easy, CURLOPT_URL, http->url) : rc;
}

static int code_of(const struct pusher_http *http, CURLcode rc)
{
    switch (rc) {
    case CURLE_OPERATION_TIMEDOUT:
        return PUSHER_ETIMEOUT;
    case CURLE_OUT_OF_MEMORY:
        return PUSHER_ENOMEM;
    case CURLE_WRITE_ERROR:
        return http->no_memory ? PUSHER_ENOMEM : PUSHER_EREPLY;
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_BAD_CONTENT_ENCODING:
        return PUSHER_EREPLY;
    case CURLE_SSL_CACERT_BADFILE:
        return PUSHER_ECONFIG;
    default:
        return PUSHER_EUNREACHABLE;
    }
}

static int fail_curl(const struct pusher_http *http, CURLcode rc, struct pusher_error *error)
{
    const char *text = http->curl_error[0] ? http->curl_error : curl_easy_strerror(rc);
    if (http->too_long)
        text = "the answer is too long";
    return pusher__fail(error, code_of(http, rc), "%s: %s", pusher_client_base_url(http->client),
                        text);
}

/* A proxy that will not connect us answers in the server's place. Where it does not know or allow
 * us, that is an answer, like its 407 to a plain request, and no fault of the line. libcurl has
 * dropped the body: words of ours stand for it. Gives the status, or 0. */
static long refusal_of_proxy(struct pusher_http *http)
{
    static char words[] = "the proxy refused to connect";
    const size_t len = sizeof(words) - 1;
    long status = 0;
    curl_easy_getinfo(http->easy, CURLINFO_HTTP_CONNECTCODE, &status);
    bool is_refusal = status == 401 || status == 403 || status == 407;
    return is_refusal && pusher__http_on_body(words, 1, len, http) == len ? status : 0;
}

static void forget_answer(struct pusher_http *http)
{
    http->len = 0;
    http->too_long = http->no_memory = false;
    http->curl_error[0] = '\0';
    forget_headers(http);
}

static int send_once(struct pusher_http *http, const struct pusher_request *request,
                     unsigned *ret_status, struct pusher_error *error)
{
    forget_answer(http);
    int rc = write_url(http, request, error);
    if (rc != 0)
        return rc;
    if (!http->body && !grow_body(http, 1))
        return pusher__fail_plain(error, PUSHER_ENOMEM);
    http->body[0] = '\0';
    CURLcode curl_rc = set_request(http, request);
    if (curl_rc == CURLE_OK)
        curl_rc = curl_easy_perform(http->easy);
    long status = 0;
    if (curl_rc == CURLE_OK)
        curl_easy_getinfo(http->easy, CURLINFO_RESPONSE_CODE, &status);
    else
        status = refusal_of_proxy(http);
    if (curl_rc != CURLE_OK && status == 0)
        return fail_curl(http, curl_rc, error);
    *ret_status = (unsigned)status;
    return 0;
}

/* A server's clock that is too far away is none to sign by. */
bool pusher__http_learn_clock(struct pusher_http *http, unsigned status)
{
    struct pusher_reply reply;
    if (http->fixed_unix_s || http->date_s < 0)
        return false;
    pusher_reply_read(status, http->body, http->len, &reply);
    int64_t offset_s = http->date_s - now_s();
    if (reply.class_ != PUSHER_REPLY_CLOCK || llabs(offset_s) > PUSHER_CLOCK_OFFSET_MAX_S)
        return false;
    http->clock_offset_s = offset_s;
    return true;
}

int pusher_http_perform(struct pusher_http *http, const struct pusher_request *request,
                        struct pusher_answer *ret_answer, struct pusher_error *ret_error)
{
    unsigned status;
    int rc = send_once(http, request, &status, ret_error);
    if (rc == 0 && pusher__http_learn_clock(http, status))
        rc = send_once(http, request, &status, ret_error);
    if (rc != 0)
        return rc;
    *ret_answer = (struct pusher_answer){
        .status = status,
        .body = http->body,
        .len = http->len,
        .retry_after_ms = http->retry_after_ms,
    };
    http->body = NULL;
    http->size = 0;
    return 0;
}

void pusher_answer_free(struct pusher_answer *answer)
{
    free(answer->body);
    *answer = (struct pusher_answer){.status = 0};
}

const struct pusher_client *pusher_http_client(const struct pusher_http *http)
{
    return http->client;
}

int64_t pusher_http_clock_offset_s(const struct pusher_http *http)
{
    return http->clock_offset_s;
}

void pusher_http_fix_clock(struct pusher_http *http, int64_t unix_s)
{
    http->fixed_unix_s = unix_s;
}
