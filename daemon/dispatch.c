#include "daemon/dispatch.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/dispatch_private.h"
#include "daemon/log.h"
#include "pusher/request.h"

#define USER_AGENT "pusherd/" PUSHERD_VERSION

/* ---- set-up */

/* Where libcrypto has no MD5, as in FIPS mode, no request can be signed, now or later. */
static bool can_sign(const struct pusher_client *client)
{
    char target[PUSHER_TARGET_MAX];

    return pusher_request_target(client, "POST", pusher_path_events(client), NULL, 0, "{}", 2, 0,
                                 target, sizeof(target)) == 0;
}

static int new_endpoint(struct dispatch *dispatch, const struct pusher_client *client,
                        struct http_endpoint **ret_endpoint)
{
    struct http_endpoint_options options = {
        .base_url = pusher_client_base_url(client),
        .proxy = pusher_client_proxy(client),
        .ca_file = pusher_client_ca_file(client),
        .user_agent = USER_AGENT,
        .library = USER_AGENT,
        .timeout_ms = pusher_client_timeout_ms(client),
        .keep_alive = pusher_client_keep_alive(client),
    };

    if (!can_sign(client)) {
        log_event(LOG_ERR, "start", "libcrypto has no MD5, without which no request can be signed",
                  LOG_TEXT("app", pusher_client_app_id(client)));
        return UV_ENOTSUP;
    }
    return http_endpoint_new(&dispatch->http, &options, ret_endpoint);
}

static unsigned n_connections(const struct config *config)
{
    unsigned n = 0;

    for (size_t i = 0; i < config->n_apps; i++)
        n += config->apps[i].removed ? 0 : config->apps[i].max_in_flight;
    return n;
}

int dispatch_init(struct dispatch *dispatch, uv_loop_t *loop, const struct config *config,
                  struct engine *engine)
{
    int status;

    memset(dispatch, 0, sizeof(*dispatch));
    dispatch->config = config;
    dispatch->engine = engine;
    dispatch->apps = calloc(config->n_apps + 1, sizeof(*dispatch->apps));
    dispatch->n_apps = config->n_apps;
    if (!dispatch->apps)
        return UV_ENOMEM;
    status = http_init(&dispatch->http, loop, n_connections(config));
    for (size_t i = 0; i < config->n_apps && status == 0; i++) {
        dispatch->apps[i].config = &config->apps[i];
        status = new_endpoint(dispatch, config->apps[i].client, &dispatch->apps[i].endpoint);
    }
    return status;
}

/* ---- another configuration */

static int make_room_for_apps(struct dispatch *dispatch, size_t n_apps)
{
    struct dispatch_app *apps;

    if (n_apps <= dispatch->n_apps)
        return 0;
    apps = reallocarray(dispatch->apps, n_apps, sizeof(*apps));
    if (!apps)
        return UV_ENOMEM;
    memset(apps + dispatch->n_apps, 0, (n_apps - dispatch->n_apps) * sizeof(*apps));
    dispatch->apps = apps;
    dispatch->n_apps = n_apps;
    return 0;
}

static void forget_prepared(struct dispatch *dispatch)
{
    for (size_t i = 0; i < dispatch->n_apps; i++) {
        http_endpoint_give_up(dispatch->apps[i].next);
        dispatch->apps[i].next = NULL;
    }
}

int dispatch_prepare(struct dispatch *dispatch, const struct config *new_config,
                     const struct config_diff *diff)
{
    int status = make_room_for_apps(dispatch, diff->n_apps);

    if (status != 0)
        return status;
    for (size_t i = 0; i < diff->n_apps && status == 0; i++) {
        const struct config_slot *slot = &diff->apps[i];

        if (slot->changes & (CONFIG_ADDED | CONFIG_SERVER_CHANGED))
            status = new_endpoint(dispatch, new_config->apps[slot->from].client,
                                  &dispatch->apps[i].next);
    }
    if (status != 0)
        forget_prepared(dispatch);
    return status;
}

/* What an app sends from now on is signed anew. What it sent before ends at the server where it
 * went. */
static void change_app(struct dispatch_app *app, unsigned changes)
{
    if (changes & (CONFIG_ADDED | CONFIG_SERVER_CHANGED | CONFIG_SIGNATURE_CHANGED))
        app->version++;
    if (!app->next)
        return;
    http_endpoint_give_up(app->endpoint);
    app->endpoint = app->next;
    app->next = NULL;
    app->clock_offset_s = 0;
}

void dispatch_change(struct dispatch *dispatch, const struct config *config,
                     const struct config_diff *diff)
{
    dispatch->config = config;
    for (size_t i = 0; i < diff->n_apps; i++) {
        dispatch->apps[i].config = &config->apps[i];
        change_app(&dispatch->apps[i], diff->apps[i].changes);
    }
    http_set_max_connections(&dispatch->http, n_connections(config));
}

/* ---- the end */

void dispatch_end_app(struct dispatch *dispatch, unsigned app)
{
    if (!dispatch->http.closing) /* which frees all */
        http_endpoint_give_up(dispatch->apps[app].endpoint);
    dispatch->apps[app].endpoint = NULL;
}

void dispatch_close(struct dispatch *dispatch, http_close_cb cb, void *data)
{
    dispatch->http.data = data;
    http_close(&dispatch->http, cb);
}

void dispatch_deinit(struct dispatch *dispatch)
{
    while (dispatch->spare) {
        struct transfer *transfer = dispatch->spare;

        dispatch->spare = transfer->next;
        free(transfer->target);
        free(transfer->body);
        free(transfer->events);
        free(transfer);
    }
    free(dispatch->apps);
    dispatch->apps = NULL;
}
