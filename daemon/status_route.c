/* What is served where, and to whom.
 *
 * The paths for monitoring are for everybody who reaches the address. The console's are guarded:
 *
 *   - On the loopback, Host must name the loopback: a page of elsewhere whose name was made to lead
 *     here (DNS rebinding) has another.
 *   - Browsers say (Sec-Fetch-Site) when a page of elsewhere asks: it is refused.
 *   - What changes something is a POST of JSON with the token in a header: no form and no link of
 *     another page can make one. */
#include <arpa/inet.h>
#include <microhttpd.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "daemon/log.h"
#include "daemon/metrics_text.h"
#include "daemon/pusherd.h"
#include "daemon/status_private.h"

#define NOTHING_FOUND   "/, /metrics, /healthz and /readyz are served\n"
#define NOTHING_ALLOWED "not with this method\n"
#define HEALTHY         "{\"healthy\":true}\n"
#define BEARER          "Bearer "
#define HOST_MAX        256

enum {
    ROUTE_GUARDED = 1,  /* against pages of elsewhere */
    ROUTE_ACTION = 2,   /* a POST; needs the token */
    ROUTE_PAYLOADS = 4, /* needs the token where strangers may ask */
    ROUTE_TOKEN = 8,    /* needs the token */
};

struct status_route {
    const char *path;
    unsigned flags;
    const char *type; /* of what `make` gives */
    unsigned (*make)(const struct pusherd *pusherd, char **ret_text, size_t *ret_len);
    void (*run)(struct status_request *request); /* instead of `make` */
};

static unsigned make_healthy(const struct pusherd *pusherd, char **ret_text, size_t *ret_len)
{
    (void)pusherd; /* that it answers says it all */
    *ret_text = strdup(HEALTHY);
    *ret_len = strlen(HEALTHY);
    return *ret_text ? MHD_HTTP_OK : 0;
}

/* That it gets here says it all. */
static unsigned make_token_is_good(const struct pusherd *pusherd, char **ret_text, size_t *ret_len)
{
    (void)pusherd;
    *ret_text = strdup("{\"token\":true}\n");
    *ret_len = *ret_text ? strlen(*ret_text) : 0;
    return *ret_text ? MHD_HTTP_OK : 0;
}

static const struct status_route routes[] = {
    {"/metrics", 0, METRICS_TEXT_TYPE, status_metrics, NULL},
    {"/healthz", 0, STATUS_TYPE_JSON, make_healthy, NULL},
    {"/readyz", 0, STATUS_TYPE_JSON, status_ready, NULL},
    {"/", ROUTE_GUARDED, NULL, NULL, console_page},
    {"/api/status", ROUTE_GUARDED, STATUS_TYPE_JSON, console_state, NULL},
    {"/api/token", ROUTE_GUARDED | ROUTE_TOKEN, STATUS_TYPE_JSON, make_token_is_good, NULL},
    {"/api/failures", ROUTE_GUARDED | ROUTE_PAYLOADS, NULL, NULL, console_failures},
    {"/api/replay", ROUTE_GUARDED | ROUTE_ACTION | ROUTE_TOKEN, NULL, NULL, console_replay},
    {"/api/drop", ROUTE_GUARDED | ROUTE_ACTION | ROUTE_TOKEN, NULL, NULL, console_drop},
    {"/api/pause", ROUTE_GUARDED | ROUTE_ACTION | ROUTE_TOKEN, NULL, NULL, console_pause},
    {"/api/resume", ROUTE_GUARDED | ROUTE_ACTION | ROUTE_TOKEN, NULL, NULL, console_resume},
};

_Static_assert(sizeof(routes) / sizeof(routes[0]) <= STATUS_PATHS_MAX, "room for what is kept");

static const char *header(const struct status_request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

static void refuse_text(struct status_request *request, unsigned http, const char *text)
{
    status_answer(request, http, STATUS_TYPE_TEXT, strdup(text), strlen(text));
}

/* ---- pages of elsewhere */

static bool is_loopback(const char *host)
{
    struct in_addr v4;
    struct in6_addr v6;

    return strcasecmp(host, "localhost") == 0 ||
           (inet_pton(AF_INET, host, &v4) == 1 && (ntohl(v4.s_addr) >> 24) == 127) ||
           (inet_pton(AF_INET6, host, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6));
}

/* "HOST", "HOST:PORT" or "[V6]:PORT" without port and brackets. */
static bool read_host(const char *text, char ret_host[HOST_MAX])
{
    size_t skip = text[0] == '[', len = strcspn(text + skip, skip ? "]" : ":");

    if (len == 0 || len >= HOST_MAX)
        return false;
    memcpy(ret_host, text + skip, len);
    ret_host[len] = '\0';
    return true;
}

/* Also the name that the configuration calls it by. */
static bool names_us(const struct status_request *request)
{
    const struct status *status = request->status;
    const char *text = header(request, MHD_HTTP_HEADER_HOST);
    char host[HOST_MAX], own[HOST_MAX];

    if (!status->is_loopback)
        return true;
    if (!text || !read_host(text, host))
        return false;
    return is_loopback(host) ||
           (read_host(status->pusherd->config->status_listen, own) && strcasecmp(host, own) == 0);
}

/* Whoever follows a link to the page may come from anywhere. */
static bool is_of_elsewhere(const struct status_request *request)
{
    const char *site = header(request, "Sec-Fetch-Site");

    return site && strcmp(request->route->path, "/") != 0 && strcmp(site, "same-origin") != 0 &&
           strcmp(site, "none") != 0;
}

/* ---- the token */

static bool has_good_token(const struct status_request *request)
{
    const char *text = header(request, MHD_HTTP_HEADER_AUTHORIZATION);
    unsigned char hash[STATUS_HASH_MAX];

    if (!text || strncasecmp(text, BEARER, strlen(BEARER)) != 0)
        return false;
    text += strlen(BEARER);
    (void)crypto_generichash(hash, sizeof(hash), (const unsigned char *)text, strlen(text), NULL,
                             0);
    return sodium_memcmp(hash, request->status->token_hash, sizeof(hash)) == 0;
}

static bool needs_token(const struct status_request *request)
{
    const struct status *status = request->status;
    unsigned flags = request->route->flags;

    return (flags & ROUTE_TOKEN) ||
           ((flags & ROUTE_PAYLOADS) && !status->is_loopback && !status->is_unix);
}

static bool check_token(struct status_request *request)
{
    if (!needs_token(request))
        return true;
    if (!request->status->has_token) {
        status_answer_error(request, MHD_HTTP_FORBIDDEN,
                            "no [status] token is configured: this is not served");
        return false;
    }
    if (has_good_token(request))
        return true;
    log_event(LOG_WARNING, "status", "a request without the right token was refused",
              LOG_TEXT("path", request->route->path));
    status_answer_error(request, MHD_HTTP_UNAUTHORIZED, "the token is missing or wrong");
    return false;
}

static bool check_body(struct status_request *request)
{
    const char *type = header(request, MHD_HTTP_HEADER_CONTENT_TYPE);
    size_t len = strlen(STATUS_TYPE_JSON);

    if (!(request->route->flags & ROUTE_ACTION) ||
        (type && strncasecmp(type, STATUS_TYPE_JSON, len) == 0 &&
         (type[len] == '\0' || type[len] == ';' || type[len] == ' ')))
        return true;
    status_answer_error(request, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE, "Content-Type must be %s",
                        STATUS_TYPE_JSON);
    return false;
}

static void check(struct status_request *request)
{
    if (!(request->route->flags & ROUTE_GUARDED))
        return;
    if (!names_us(request))
        status_answer_error(request, MHD_HTTP_MISDIRECTED_REQUEST,
                            "Host does not name this server: use localhost or 127.0.0.1");
    else if (is_of_elsewhere(request))
        status_answer_error(request, MHD_HTTP_FORBIDDEN, "not for pages of other sites");
    else if (check_token(request))
        (void)check_body(request);
}

/* ---- routes */

static bool method_fits(const struct status_route *route, const char *method)
{
    if (route->flags & ROUTE_ACTION)
        return strcmp(method, MHD_HTTP_METHOD_POST) == 0;
    return strcmp(method, MHD_HTTP_METHOD_GET) == 0 || strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;
}

void status_route(struct status_request *request, const char *method, const char *path)
{
    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
        if (strcmp(path, routes[i].path) == 0)
            request->route = &routes[i];
    }
    if (!request->route)
        refuse_text(request, MHD_HTTP_NOT_FOUND, NOTHING_FOUND);
    else if (!method_fits(request->route, method))
        refuse_text(request, MHD_HTTP_METHOD_NOT_ALLOWED, NOTHING_ALLOWED);
    else
        check(request);
}

bool status_route_takes_body(const struct status_request *request)
{
    return request->route && (request->route->flags & ROUTE_ACTION);
}

const char *status_route_methods(const struct status_request *request)
{
    return status_route_takes_body(request) ? "POST" : "GET, HEAD";
}

/* What a path gives depends on nothing of the request. */
static struct status_text *make_text(struct status *status, const struct status_route *route)
{
    size_t path = (size_t)(route - routes), len = 0;
    struct status_text *text = status_text_kept(status, path);
    char *bytes = NULL;
    unsigned http;

    if (text)
        return text;
    http = route->make(status->pusherd, &bytes, &len);
    text = status_text_new(http, http ? bytes : NULL, len);
    if (text)
        status_text_keep(status, path, text);
    return text;
}

void status_route_run(struct status_request *request)
{
    const struct status_route *route = request->route;

    if (route->run)
        route->run(request);
    else
        status_answer_with(request, route->type, make_text(request->status, route));
}
