/* A server, and how to talk to it: what its transfers have in common, and its spare ones.
 *
 * It is freed when it was given up and the last of its transfers has ended. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "daemon/io/http_private.h"

#define LIFETIME_S 300

static char *copy(const char *text)
{
    return text ? strdup(text) : NULL;
}

static bool add_line(struct curl_slist **list, const char *line)
{
    struct curl_slist *longer = curl_slist_append(*list, line);

    if (longer)
        *list = longer;
    return longer != NULL;
}

static bool add_header(struct curl_slist **list, const char *name, const char *value)
{
    char line[256];

    return snprintf(line, sizeof(line), "%s: %s", name, value) < (int)sizeof(line) &&
           add_line(list, line);
}

/* curl writes its own headers byte by byte, some 130 instructions each: Accept, which asks for
 * anything, is left out, and User-Agent, which curl would even write twice, is among ours. */
static bool set_headers(struct http_endpoint *endpoint, const char *library)
{
    struct curl_slist **lists[] = {&endpoint->post_headers, &endpoint->get_headers};

    if (!add_header(&endpoint->post_headers, "Content-Type", "application/json"))
        return false;
    for (int i = 0; i < 2; i++) {
        if (!add_line(lists[i], "Expect:") || !add_line(lists[i], "Accept:"))
            return false;
        if (endpoint->user_agent && !endpoint->proxy[0] &&
            !add_header(lists[i], "User-Agent", endpoint->user_agent))
            return false;
        if (library && !add_header(lists[i], "X-Pusher-Library", library))
            return false;
        if (!endpoint->keep_alive && !add_header(lists[i], "Connection", "close"))
            return false;
    }
    return true;
}

/* Parsed once for all requests: from CURLOPT_URL alone curl parses it for each. NULL if it cannot
 * be: then curl tries by itself, and says what is wrong. */
static CURLU *parse(const char *base_url)
{
    CURLU *parsed = curl_url();

    if (parsed && curl_url_set(parsed, CURLUPART_URL, base_url, 0) != CURLUE_OK) {
        curl_url_cleanup(parsed);
        return NULL;
    }
    return parsed;
}

int http_endpoint_new(struct http *http, const struct http_endpoint_options *options,
                      struct http_endpoint **ret_endpoint)
{
    struct http_endpoint *endpoint = calloc(1, sizeof(*endpoint));

    if (!endpoint)
        return UV_ENOMEM;
    endpoint->http = http;
    endpoint->base_url = copy(options->base_url);
    endpoint->proxy = copy(options->proxy ? options->proxy : "");
    endpoint->ca_file = copy(options->ca_file);
    endpoint->user_agent = copy(options->user_agent);
    endpoint->timeout_ms = options->timeout_ms;
    endpoint->lifetime_s = options->lifetime_s > 0 ? options->lifetime_s : LIFETIME_S;
    endpoint->keep_alive = options->keep_alive;
    endpoint->absolute_target = options->proxy && strncasecmp(options->base_url, "http:", 5) == 0;
    if (!endpoint->base_url || !endpoint->proxy || (options->ca_file && !endpoint->ca_file) ||
        (options->user_agent && !endpoint->user_agent) ||
        !set_headers(endpoint, options->library)) {
        http_endpoint_free(endpoint);
        return UV_ENOMEM;
    }
    if (!endpoint->absolute_target)
        endpoint->parsed_url = parse(endpoint->base_url);
    endpoint->next = http->endpoints;
    http->endpoints = endpoint;
    *ret_endpoint = endpoint;
    return 0;
}

void http_endpoint_free(struct http_endpoint *endpoint)
{
    while (endpoint->spare) {
        struct http_transfer *transfer = endpoint->spare;

        endpoint->spare = transfer->next;
        http_transfer_free(transfer);
    }
    curl_slist_free_all(endpoint->post_headers);
    curl_slist_free_all(endpoint->get_headers);
    curl_url_cleanup(endpoint->parsed_url);
    free(endpoint->base_url);
    if (endpoint->proxy)
        explicit_bzero(endpoint->proxy, strlen(endpoint->proxy));
    free(endpoint->proxy);
    free(endpoint->ca_file);
    free(endpoint->user_agent);
    free(endpoint);
}

void http_endpoint_free_if_unused(struct http_endpoint *endpoint)
{
    struct http_endpoint **at = &endpoint->http->endpoints;

    if (!endpoint->is_given_up || endpoint->n_active > 0)
        return;
    while (*at != endpoint)
        at = &(*at)->next;
    *at = endpoint->next;
    http_endpoint_free(endpoint);
}

void http_endpoint_give_up(struct http_endpoint *endpoint)
{
    if (!endpoint)
        return;
    endpoint->is_given_up = true;
    http_endpoint_free_if_unused(endpoint);
}
