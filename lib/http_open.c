/* One easy handle for the life of the transport, so that its connection is kept. What does not
 * change is set here, once; a request sets its URL, method and body. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/http_private.h"
#include "lib/report.h"
#include "pusher/version.h"

#define AGENT      "pusher-http-c"
#define MAX_IDLE_S 55L  /* hosted Pusher drops idle connections after a minute or so */
#define LIFETIME_S 300L /* of a connection: the next one asks for the server's address anew */
#define CA_AGE_S   5L   /* of what was read of a ca_file; libcurl's own is a day */

static bool add_header(struct curl_slist **list, const char *line)
{
    struct curl_slist *longer = curl_slist_append(*list, line);
    if (!longer)
        return false;
    *list = longer;
    return true;
}

/* An empty "Expect:" keeps libcurl from waiting for 100-continue before a large body. */
static bool make_headers(struct pusher_http *http)
{
    char library[64];
    snprintf(library, sizeof(library), "X-Pusher-Library: " AGENT " %s", pusher_version());
    const char *lines[] = {library, "Expect:", "Accept: application/json",
                           pusher_client_keep_alive(http->client) ? NULL : "Connection: close"};
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        if (lines[i] &&
            (!add_header(&http->headers, lines[i]) || !add_header(&http->json_headers, lines[i])))
            return false;
    }
    return add_header(&http->json_headers, "Content-Type: application/json");
}

static void set_up_callbacks(struct pusher_http *http)
{
    CURL *easy = http->easy;
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, pusher__http_on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, http);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, pusher__http_on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, http);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, http->curl_error);
}

/* An empty proxy, unlike none, keeps libcurl from asking the environment. */
static CURLcode set_up_place(struct pusher_http *http)
{
    CURL *easy = http->easy;
    const char *proxy = pusher_client_proxy(http->client);
    const char *ca_file = pusher_client_ca_file(http->client);
    CURLcode rc = curl_easy_setopt(easy, CURLOPT_PROXY, proxy ? proxy : "");
    if (rc == CURLE_OK)
        rc = curl_easy_setopt(easy, CURLOPT_NOPROXY, "");
    if (rc == CURLE_OK && ca_file)
        rc = curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file);
    if (rc == CURLE_OK && ca_file)
        rc = curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    return rc;
}

static CURLcode set_up(struct pusher_http *http)
{
    CURL *easy = http->easy;
    long timeout_ms = (long)pusher_client_timeout_ms(http->client);
    bool keep_alive = pusher_client_keep_alive(http->client);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L); /* at a timeout, do not wait for the resolver */
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, timeout_ms);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, timeout_ms);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, keep_alive ? 0L : 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, MAX_IDLE_S);
    curl_easy_setopt(easy, CURLOPT_MAXLIFETIME_CONN, LIFETIME_S);
    curl_easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, CA_AGE_S);
    set_up_callbacks(http);
    CURLcode rc = curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    if (rc == CURLE_OK)
        rc = curl_easy_setopt(easy, CURLOPT_USERAGENT, AGENT);
    return rc == CURLE_OK ? set_up_place(http) : rc;
}

/* libcurl would only tell at the first request. */
static int check_ca_file(const struct pusher_client *client, struct pusher_error *error)
{
    const char *file = pusher_client_ca_file(client);
    if (!file || !pusher_client_use_tls(client) || access(file, R_OK) == 0)
        return 0;
    return pusher__fail(error, PUSHER_ECONFIG, "ca_file: %s: %s", file, strerror(errno));
}

static void init_curl(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

int pusher_http_new(const struct pusher_client *client, struct pusher_http **ret_http,
                    struct pusher_error *ret_error)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, init_curl);
    int rc = check_ca_file(client, ret_error);
    if (rc != 0)
        return rc;
    struct pusher_http *http = calloc(1, sizeof(*http));
    if (!http)
        return pusher__fail_plain(ret_error, PUSHER_ENOMEM);
    http->client = client;
    http->easy = curl_easy_init();
    http->url_size = strlen(pusher_client_base_url(client)) + PUSHER_TARGET_MAX;
    http->url = malloc(http->url_size);
    if (!http->easy || !http->url || !make_headers(http) || set_up(http) != CURLE_OK) {
        pusher_http_free(http);
        return pusher__fail_plain(ret_error, PUSHER_ENOMEM);
    }
    *ret_http = http;
    return 0;
}

void pusher_http_free(struct pusher_http *http)
{
    if (!http)
        return;
    curl_easy_cleanup(http->easy);
    curl_slist_free_all(http->headers);
    curl_slist_free_all(http->json_headers);
    free(http->url);
    free(http->body);
    free(http);
}
