/* Triggers of any number of channels or events: cut into requests that the server takes, sent one
 * after the other. What the answers return is joined to what one answer would have been. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "lib/api_private.h"
#include "lib/json_dump.h"
#include "lib/json_load.h"
#include "lib/report.h"
#include "pusher/command.h"

/* Puts the joined object in the place of the last answer. Takes `joined`. */
static int finish(int rc, json_t *joined, struct pusher_result *result, struct pusher_error *error)
{
    pusher_result_free(result);
    if (rc == 0) {
        result->json = pusher__json_dump(joined);
        if (!result->json)
            rc = pusher__fail_plain(error, PUSHER_ENOMEM);
    }
    json_decref(joined);
    return rc;
}

/* An answer to join: pusher_reply_json() has made it JSON of any kind. 0 or PUSHER_ENOMEM; all that
 * is read is exact, save for integers beyond 64 bits. */
static int read_answer(const char *answer, json_t **ret_root)
{
    return pusher__json_load(answer, strlen(answer), PUSHER__JSON_BIG_AS_REAL, ret_root, NULL);
}

/* Takes over the body. */
static int send_body(struct pusher_http *http, bool is_batch, char *body, size_t size,
                     struct pusher_result *result, struct pusher_error *error)
{
    struct pusher_request request;
    struct pusher_string text = {body, size};
    if (is_batch)
        pusher_command_batch_events(pusher_http_client(http), text, &request);
    else
        pusher_command_events(pusher_http_client(http), text, &request);
    pusher_result_free(result);
    int rc = pusher__send(http, &request, result, error);
    free(body);
    return rc;
}

/* ---- one payload, many channels */

static int check_all_channels(const struct pusher_client *client,
                              const struct pusher_trigger *trigger, struct pusher_error *error)
{
    size_t n_encrypted = 0;
    if (trigger->n_channels == 0)
        return pusher__fail(error, PUSHER_ECHANNEL, "no channel is given");
    for (size_t i = 0; i < trigger->n_channels; i++) {
        int rc = pusher_channel_check(client, trigger->channels[i], error);
        if (rc != 0)
            return rc;
        n_encrypted += pusher_channel_is_encrypted(trigger->channels[i]);
    }
    if (n_encrypted > 0 && trigger->n_channels > 1)
        return pusher__fail_plain(error, PUSHER_ENOTENCRYPTABLE);
    return 0;
}

/* A request has one channel at least: if that with the longest name fits one, all do. */
static int check_longest(const struct pusher_client *client, const struct pusher_trigger *trigger,
                         struct pusher_error *error)
{
    struct pusher_trigger alone = *trigger;
    size_t size;
    alone.n_channels = 1;
    for (size_t i = 1; i < trigger->n_channels; i++) {
        if (trigger->channels[i].len > alone.channels->len)
            alone.channels = &trigger->channels[i];
    }
    return pusher_trigger_check(client, &alone, &size, error);
}

/* The longest beginning of `left` that fits one request; halves what is too large for it. */
static int cut_trigger(const struct pusher_client *client, const struct pusher_trigger *left,
                       struct pusher_trigger *ret_part, size_t *ret_size,
                       struct pusher_error *error)
{
    size_t max = pusher_client_max_channels(client);
    *ret_part = *left;
    if (ret_part->n_channels > max)
        ret_part->n_channels = max;
    for (;;) {
        struct pusher_error reason;
        int rc = pusher_trigger_check(client, ret_part, ret_size, &reason);
        if (rc == 0)
            return 0;
        if (rc != PUSHER_ETOOLARGE || ret_part->n_channels == 1)
            return pusher__fail(error, rc, "%s", reason.text);
        ret_part->n_channels /= 2;
    }
}

static int send_trigger(struct pusher_http *http, const struct pusher_trigger *part, size_t size,
                        struct pusher_result *result, struct pusher_error *error)
{
    char *body = malloc(size);
    if (!body)
        return pusher__fail_plain(error, PUSHER_ENOMEM);
    int rc = pusher_trigger_encode(pusher_http_client(http), part, NULL, body, size);
    if (rc != 0) {
        free(body);
        return pusher__fail_plain(error, rc);
    }
    return send_body(http, false, body, size, result, error);
}

/* Adds what {"channels":{..}} of an answer holds. */
static int join_channels(json_t *joined, const char *answer)
{
    json_t *root = NULL;
    int failed = 0, rc = read_answer(answer, &root);
    json_t *channels = json_object_get(root, "channels");
    json_t *all = json_object_get(joined, "channels");
    if (json_object_size(channels) > 0)
        failed =
            all ? json_object_update(all, channels) : json_object_set(joined, "channels", channels);
    json_decref(root);
    return failed ? PUSHER_ENOMEM : rc;
}

int pusher_api_trigger(struct pusher_http *http, const struct pusher_trigger *trigger,
                       struct pusher_result *ret_result, struct pusher_error *ret_error)
{
    const struct pusher_client *client = pusher_http_client(http);
    struct pusher_trigger left = *trigger, part;
    json_t *joined = json_object();
    size_t size;
    pusher__result_init(ret_result);
    int rc = check_all_channels(client, trigger, ret_error);
    if (rc == 0)
        rc = check_longest(client, trigger, ret_error);
    if (rc == 0 && !joined)
        rc = pusher__fail_plain(ret_error, PUSHER_ENOMEM);
    while (rc == 0 && left.n_channels > 0) {
        rc = cut_trigger(client, &left, &part, &size, ret_error);
        if (rc == 0)
            rc = send_trigger(http, &part, size, ret_result, ret_error);
        if (rc != 0)
            break;
        ret_result->n_done += part.n_channels;
        left.channels += part.n_channels;
        left.n_channels -= part.n_channels;
        rc = join_channels(joined, ret_result->json);
        if (rc != 0)
            pusher__fail_plain(ret_error, rc);
    }
    return finish(rc, joined, ret_result, ret_error);
}

/* ---- many events */

static bool wants_info(const struct pusher_event *events, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (events[i].info.ptr)
            return true;
    }
    return false;
}

/* Checks all events and gives the size of each; malloc'ed. */
static int measure_events(const struct pusher_client *client, const struct pusher_event *events,
                          size_t n, size_t **ret_sizes, struct pusher_error *error)
{
    size_t *sizes = calloc(n ? n : 1, sizeof(*sizes));
    int rc = sizes ? 0 : pusher__fail_plain(error, PUSHER_ENOMEM);
    if (rc == 0 && n == 0)
        rc = pusher__fail(error, PUSHER_EINVAL, "no event is given");
    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct pusher_error reason;
        rc = pusher_event_check(client, &events[i], &sizes[i], &reason);
        if (rc != 0)
            pusher__fail(error, rc, "event %zu: %s", i, reason.text);
    }
    if (rc == 0)
        *ret_sizes = sizes;
    else
        free(sizes);
    return rc;
}

/* How many events from the first on fit one request; at least one does. */
static size_t cut_batch(const struct pusher_client *client, const size_t *sizes, size_t n,
                        size_t *ret_size)
{
    size_t max_events = pusher_client_max_events_per_batch(client);
    size_t max_bytes = pusher_client_max_request_bytes(client);
    size_t size = PUSHER_BATCH_OVERHEAD, taken = 0;
    while (taken < n && taken < max_events) {
        size_t longer = size + sizes[taken] + (taken > 0 ? 1 : 0);
        if (taken > 0 && max_bytes > 0 && longer > max_bytes)
            break;
        size = longer;
        taken++;
    }
    *ret_size = size;
    return taken;
}

/* Encodes the events one behind the other, as pusher_batch_encode() would join them. */
static int write_batch(const struct pusher_client *client, const struct pusher_event *events,
                       const size_t *sizes, size_t n, char *body)
{
    char *pos = body + pusher_batch_encode(NULL, 0, body) - strlen("]}");
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            *pos++ = ',';
        int rc = pusher_event_encode(client, &events[i], NULL, pos, sizes[i]);
        if (rc != 0)
            return rc;
        pos += sizes[i];
    }
    memcpy(pos, "]}", strlen("]}"));
    return 0;
}

static int send_batch(struct pusher_http *http, const struct pusher_event *events,
                      const size_t *sizes, size_t n, size_t size, struct pusher_result *result,
                      struct pusher_error *error)
{
    char *body = malloc(size);
    if (!body)
        return pusher__fail_plain(error, PUSHER_ENOMEM);
    int rc = write_batch(pusher_http_client(http), events, sizes, n, body);
    if (rc != 0) {
        free(body);
        return pusher__fail_plain(error, rc);
    }
    return send_body(http, true, body, size, result, error);
}

/* One object for each event, empty where the answer has none: indexes stay those of the events. */
static int join_batch(json_t *joined, const char *answer, size_t n)
{
    json_t *root = NULL;
    int rc = read_answer(answer, &root);
    const json_t *batch = json_object_get(root, "batch");
    json_t *all = json_object_get(joined, "batch");
    for (size_t i = 0; rc == 0 && i < n; i++) {
        json_t *info = json_array_get(batch, i);
        info = json_is_object(info) ? json_incref(info) : json_object();
        if (json_array_append_new(all, info) != 0)
            rc = PUSHER_ENOMEM;
    }
    json_decref(root);
    return rc;
}

/* {}, or with info {"batch":[]}; NULL when out of memory. */
static json_t *begin_batch(bool has_info)
{
    json_t *joined = json_object();
    if (!has_info || json_object_set_new(joined, "batch", json_array()) == 0)
        return joined;
    json_decref(joined);
    return NULL;
}

int pusher_api_trigger_batch(struct pusher_http *http, const struct pusher_event *events,
                             size_t n_events, struct pusher_result *ret_result,
                             struct pusher_error *ret_error)
{
    const struct pusher_client *client = pusher_http_client(http);
    bool has_info = wants_info(events, n_events);
    json_t *joined = begin_batch(has_info);
    size_t *sizes = NULL, size;
    pusher__result_init(ret_result);
    int rc = measure_events(client, events, n_events, &sizes, ret_error);
    if (rc == 0 && !joined)
        rc = pusher__fail_plain(ret_error, PUSHER_ENOMEM);
    for (size_t at = 0; rc == 0 && at < n_events; at = ret_result->n_done) {
        size_t n = cut_batch(client, sizes + at, n_events - at, &size);
        rc = send_batch(http, events + at, sizes + at, n, size, ret_result, ret_error);
        if (rc != 0)
            break;
        ret_result->n_done += n;
        rc = has_info ? join_batch(joined, ret_result->json, n) : 0;
        if (rc != 0)
            pusher__fail_plain(ret_error, rc);
    }
    free(sizes);
    return finish(rc, joined, ret_result, ret_error);
}
