#include "http.h"

#include <criterion/criterion.h>
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

static size_t on_body(char *bytes, size_t size, size_t n, void *cls)
{
    struct http_answer *answer = cls;
    answer->body = realloc(answer->body, answer->len + size * n + 1);
    memcpy(answer->body + answer->len, bytes, size * n);
    answer->len += size * n;
    answer->body[answer->len] = '\0';
    return size * n;
}

static size_t on_header(char *bytes, size_t size, size_t n, void *cls)
{
    struct http_answer *answer = cls;
    size_t len = strlen(answer->headers);
    size_t room = sizeof(answer->headers) - 1 - len;
    strncat(answer->headers, bytes, size * n < room ? size * n : room);
    return size * n;
}

static long status_of(CURL *curl, CURLcode code)
{
    long status = 0;
    switch (code) {
    case CURLE_OK:
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
        return status;
    case CURLE_PARTIAL_FILE:
    case CURLE_GOT_NOTHING:
        return HTTP_CUT;
    case CURLE_OPERATION_TIMEDOUT:
        return HTTP_TIMEOUT;
    default:
        return HTTP_NO_CONNECTION;
    }
}

static void set_options(CURL *curl, const struct http_request *request, struct http_answer *answer)
{
    curl_easy_setopt(curl, CURLOPT_URL, request->url);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS,
                     request->timeout_ms ? (long)request->timeout_ms : 30000L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, answer);
    if (request->unix_socket) {
        curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, request->unix_socket);
    }
    if (request->ca_file) {
        curl_easy_setopt(curl, CURLOPT_CAINFO, request->ca_file);
    }
    if (request->body) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_len);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body);
    }
}

/* To be freed when the request is done. */
static struct curl_slist *set_headers(CURL *curl, const struct http_request *request)
{
    struct curl_slist *headers = NULL;
    for (size_t i = 0; request->headers && request->headers[i]; i++) {
        headers = curl_slist_append(headers, request->headers[i]);
        cr_assert(headers);
    }
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    return headers;
}

void http_perform(const struct http_request *request, struct http_answer *ret_answer)
{
    CURL *curl = curl_easy_init();
    cr_assert(curl);
    *ret_answer = (struct http_answer){.body = calloc(1, 1)};
    set_options(curl, request, ret_answer);
    struct curl_slist *headers = set_headers(curl, request);
    CURLcode code = curl_easy_perform(curl);
    ret_answer->status = status_of(curl, code);
    curl_easy_getinfo(curl, CURLINFO_TOTAL_TIME, &ret_answer->seconds);
    curl_easy_cleanup(curl);
    curl_slist_free_all(headers);
}

void http_answer_deinit(struct http_answer *answer)
{
    free(answer->body);
    answer->body = NULL;
}
