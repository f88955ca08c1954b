#include "client.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

void client_open_with(struct client *client, struct run *run, unsigned port,
                      struct http_endpoint_options options)
{
    char url[64];
    *client = (struct client){.run = run};
    snprintf(url, sizeof(url), "http://127.0.0.1:%u", port);
    if (port != 0)
        options.base_url = url;
    if (options.timeout_ms == 0)
        options.timeout_ms = 30000;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    cr_assert_eq(http_init(&client->http, &run->loop, 256), 0);
    client->http.data = client;
    cr_assert_eq(http_endpoint_new(&client->http, &options, &client->endpoint), 0);
}

void client_open(struct client *client, struct run *run, unsigned port)
{
    client_open_with(client, run, port, (struct http_endpoint_options){.keep_alive = true});
}

static void on_closed(struct http *http)
{
    struct client *client = http->data;
    cr_assert(!client->is_closed);
    cr_assert_eq(client->n_pending, 0);
    client->is_closed = true;
    run_wake(client->run);
}

void client_close(struct client *client)
{
    http_close(&client->http, on_closed);
    cr_assert(!client->is_closed, "close_cb ran within http_close()");
    cr_assert(run_until(client->run, client->is_closed));
    memset(&client->http, 0xa5, sizeof(client->http)); /* it is ours again */
    curl_global_cleanup();
}

static void on_done(struct http_call *call)
{
    struct outcome *outcome = call->data;
    outcome->n_done++;
    outcome->client->n_pending--;
    outcome->status = call->status;
    outcome->cancelled = call->cancelled;
    outcome->reply = calloc(1, call->reply_len + 1);
    memcpy(outcome->reply, call->reply, call->reply_len);
    outcome->reply_len = call->reply_len;
    snprintf(outcome->error, sizeof(outcome->error), "%s", call->error);
    snprintf(outcome->retry_after, sizeof(outcome->retry_after), "%s", call->retry_after);
    snprintf(outcome->date, sizeof(outcome->date), "%s", call->date);
    bool of_proxy = call->status == 403; /* which refused the tunnel */
    cr_assert(of_proxy || (call->status == 0) == (call->error[0] != '\0'), "status %u, error '%s'",
              call->status, call->error);
    cr_assert(!strpbrk(call->error, "\r\n"), "an error of several lines: %s", call->error);
    run_wake(outcome->client->run);
    if (outcome->then)
        outcome->then(outcome);
}

static void start(struct client *client, struct outcome *outcome, struct http_call call)
{
    void (*then)(struct outcome *) = outcome->then;
    free(outcome->reply);
    call.max_reply_bytes = 1 << 20;
    call.done_cb = on_done;
    call.data = outcome;
    *outcome = (struct outcome){.call = call, .client = client, .then = then};
    client->n_pending++;
    cr_assert_eq(http_start(client->endpoint, &outcome->call), 0);
    cr_assert_eq(outcome->n_done, 0, "done_cb ran within http_start()");
}

void client_get(struct client *client, struct outcome *outcome, const char *target)
{
    start(client, outcome, (struct http_call){.method = "GET", .target = target});
}

void client_post(struct client *client, struct outcome *outcome, const char *target,
                 const char *body, size_t body_len)
{
    start(
        client, outcome,
        (struct http_call){.method = "POST", .target = target, .body = body, .body_len = body_len});
}

void client_ask(struct client *client, struct outcome *outcome)
{
    client_get(client, outcome, "/");
    cr_assert(run_until(client->run, outcome->n_done == 1));
}

void outcome_free(struct outcome *outcome)
{
    free(outcome->reply);
    outcome->reply = NULL;
}
