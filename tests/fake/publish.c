#include "publish.h"

#include <stdlib.h>
#include <string.h>

#define USER_PREFIX     "#server-to-user-"
#define PRESENCE_PREFIX "presence-"

void publication_deinit(struct publication *publication)
{
    json_decref(publication->body);
    free(publication->events);
    *publication = (struct publication){0};
}

static bool starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool channel_ok(const char *channel)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                  "_-=@,.;";
    const char *name = starts_with(channel, USER_PREFIX) ? channel + strlen(USER_PREFIX) : channel;
    size_t len = strspn(name, allowed);
    return len > 0 && name[len] == '\0' && strlen(channel) <= ANSWER_MAX_NAME;
}

static bool socket_id_ok(const char *socket_id)
{
    size_t head = strspn(socket_id, "0123456789");
    if (head == 0 || socket_id[head] != '.') {
        return false;
    }
    size_t tail = strspn(socket_id + head + 1, "0123456789");
    return tail > 0 && socket_id[head + 1 + tail] == '\0';
}

/* A parameter that must be a string. Absent or of another type: refused, -1. */
static int take_string(const struct flavor *flavor, const json_t *object, const char *key,
                       struct text *ret_text, struct answer *answer)
{
    const json_t *value = json_object_get(object, key);
    if (!value) {
        answer_refuse(answer, flavor, REFUSE_BODY, "Missing required parameter: %s", key);
        return -1;
    }
    if (!json_is_string(value)) {
        answer_refuse(answer, flavor, REFUSE_BODY, "Expected request parameter %s to be a string",
                      key);
        return -1;
    }
    *ret_text = (struct text){json_string_value(value), json_string_length(value)};
    return 0;
}

static int take_socket_id(const struct flavor *flavor, const json_t *object, struct text *ret_text,
                          struct answer *answer)
{
    *ret_text = (struct text){0};
    if (!json_object_get(object, "socket_id")) {
        return 0;
    }
    if (take_string(flavor, object, "socket_id", ret_text, answer)) {
        return -1;
    }
    if (flavor->checks_names && !socket_id_ok(ret_text->ptr)) {
        answer_refuse(answer, flavor, REFUSE_BODY, "Invalid socket_id: %s", ret_text->ptr);
        return -1;
    }
    return 0;
}

static int check_event(const struct flavor *flavor, const struct event *event,
                       struct answer *answer)
{
    if (event->name.len == 0 || event->name.len > ANSWER_MAX_NAME) {
        answer_refuse(answer, flavor, REFUSE_EVENT_NAME, "Event name must have 1 to %d characters",
                      ANSWER_MAX_NAME);
    } else if (event->data.len == 0 && !flavor->takes_empty_data) {
        answer_refuse(answer, flavor, REFUSE_BODY, "Missing required parameter: data");
    } else if (event->data.len > flavor->max_event_bytes) {
        answer_refuse(answer, flavor, REFUSE_DATA_SIZE,
                      "The data content of this event exceeds the allowed maximum (%zu bytes). See "
                      "https://pusher.com/docs/channels/server_api/http-api#publishing-events for "
                      "more info",
                      flavor->max_event_bytes);
    } else {
        return 0;
    }
    return -1;
}

/* Name, data and socket_id: all but the channel. */
static int take_event(const struct flavor *flavor, const json_t *object, struct event *ret_event,
                      struct answer *answer)
{
    if (!json_is_object(object)) {
        answer_refuse(answer, flavor, REFUSE_BODY, "Expected an event to be an object");
        return -1;
    }
    return take_string(flavor, object, "name", &ret_event->name, answer) ||
                   take_string(flavor, object, "data", &ret_event->data, answer) ||
                   take_socket_id(flavor, object, &ret_event->socket_id, answer)
               ? -1
               : check_event(flavor, ret_event, answer);
}

static int check_channel(const struct flavor *flavor, const char *channel, struct answer *answer)
{
    if (flavor->checks_names && !channel_ok(channel)) {
        answer_refuse(answer, flavor, REFUSE_BODY, "Invalid channel name: %s", channel);
        return -1;
    }
    return 0;
}

json_t *channel_facts(const struct flavor *flavor, const char *channel, const char *info,
                      struct answer *answer)
{
    json_t *facts = json_object();
    bool presence = starts_with(channel, PRESENCE_PREFIX);
    if (strstr(info, "user_count") && !presence) {
        answer_refuse(answer, flavor, REFUSE_BODY,
                      "Cannot retrieve the user count unless the channel is a presence channel");
        json_decref(facts);
        return NULL;
    }
    if (strstr(info, "user_count")) {
        json_object_set_new(facts, "user_count", json_integer(2));
    }
    if (strstr(info, "subscription_count")) {
        json_object_set_new(facts, "subscription_count", json_integer(3));
    }
    return facts;
}

static json_t *parse_body(const struct flavor *flavor, const char *body, size_t len,
                          struct answer *answer)
{
    json_error_t error;
    json_t *root =
        json_loadb(body ? body : "", len, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, &error);
    if (!json_is_object(root)) {
        answer_refuse(answer, flavor, REFUSE_BODY, "The body is not a JSON object: %s",
                      root ? "another value" : error.text);
        json_decref(root);
        return NULL;
    }
    return root;
}

/* The channels of a trigger: `channels`, or `channel` alone. A new reference, NULL if refused. */
static json_t *take_channels(const struct flavor *flavor, const json_t *body, struct answer *answer)
{
    json_t *channels = json_object_get(body, "channels");
    json_t *channel = json_object_get(body, "channel");
    json_t *list = channels ? json_incref(channels) : json_pack("[O*]", channel);
    size_t n = json_array_size(list);
    if (channels && !json_is_array(channels)) {
        answer_refuse(answer, flavor, REFUSE_BODY,
                      "Expected request parameter channels to be an array");
    } else if (n == 0) {
        answer_refuse(answer, flavor, REFUSE_BODY, "Missing required parameter: channels");
    } else if (n > flavor->max_channels) {
        answer_refuse(answer, flavor, REFUSE_CHANNELS, "Too many channels (%zu > %zu)", n,
                      flavor->max_channels);
    } else {
        return list;
    }
    json_decref(list);
    return NULL;
}

static int spread_over_channels(const struct flavor *flavor, const json_t *channels,
                                const struct event *event, struct publication *publication,
                                struct answer *answer)
{
    size_t i;
    json_t *channel;
    publication->events = calloc(json_array_size(channels), sizeof(struct event));
    json_array_foreach(channels, i, channel)
    {
        if (!json_is_string(channel)) {
            answer_refuse(answer, flavor, REFUSE_BODY, "Expected a channel to be a string");
            return -1;
        }
        if (check_channel(flavor, json_string_value(channel), answer)) {
            return -1;
        }
        publication->events[i] = *event;
        publication->events[i].channel =
            (struct text){json_string_value(channel), json_string_length(channel)};
        publication->n_events++;
    }
    return 0;
}

static void answer_trigger(const struct flavor *flavor, const struct publication *publication,
                           const char *info, struct answer *answer)
{
    if (!info || !flavor->gives_info) {
        answer_ok(answer, flavor);
        return;
    }
    json_t *channels = json_object();
    for (size_t i = 0; i < publication->n_events && !answer->refused; i++) {
        const char *channel = publication->events[i].channel.ptr;
        json_object_set_new(channels, channel, channel_facts(flavor, channel, info, answer));
    }
    json_t *body = json_pack("{s:o}", "channels", channels);
    if (!answer->refused) {
        answer_json(answer, 200, body);
    }
    json_decref(body);
}

void publish_trigger(const struct flavor *flavor, const char *body, size_t len,
                     struct publication *ret_publication, struct answer *answer)
{
    struct event event;
    struct publication *publication = ret_publication;
    *publication = (struct publication){.body = parse_body(flavor, body, len, answer)};
    if (!publication->body || take_event(flavor, publication->body, &event, answer)) {
        return;
    }
    json_t *channels = take_channels(flavor, publication->body, answer);
    if (channels && !spread_over_channels(flavor, channels, &event, publication, answer)) {
        const char *info = json_string_value(json_object_get(publication->body, "info"));
        answer_trigger(flavor, publication, info, answer);
    }
    json_decref(channels);
}

static int take_batch_event(const struct flavor *flavor, const json_t *object,
                            struct event *ret_event, struct answer *answer)
{
    return take_event(flavor, object, ret_event, answer) ||
                   take_string(flavor, object, "channel", &ret_event->channel, answer)
               ? -1
               : check_channel(flavor, ret_event->channel.ptr, answer);
}

static void answer_batch(const struct flavor *flavor, const json_t *batch, struct answer *answer)
{
    size_t i;
    json_t *event;
    bool any = false;
    json_t *list = json_array();
    json_array_foreach(batch, i, event)
    {
        const char *info = json_string_value(json_object_get(event, "info"));
        const char *channel = json_string_value(json_object_get(event, "channel"));
        any = any || info;
        json_array_append_new(list, info && !answer->refused
                                        ? channel_facts(flavor, channel, info, answer)
                                        : json_object());
    }
    json_t *body = json_pack("{s:o}", "batch", list);
    if (!answer->refused && any && flavor->gives_info) {
        answer_json(answer, 200, body);
    } else if (!answer->refused) {
        answer_ok(answer, flavor);
    }
    json_decref(body);
}

static json_t *take_batch(const struct flavor *flavor, const json_t *body, struct answer *answer)
{
    json_t *batch = json_object_get(body, "batch");
    size_t n = json_array_size(batch);
    if (!json_is_array(batch)) {
        answer_refuse(answer, flavor, REFUSE_BODY,
                      "Expected request parameter batch to be an array");
    } else if (n > ANSWER_MAX_BATCH) {
        answer_refuse(answer, flavor, REFUSE_BATCH_SIZE, "Batch too large (%zu > %d)", n,
                      ANSWER_MAX_BATCH);
    } else {
        return batch;
    }
    return NULL;
}

void publish_batch(const struct flavor *flavor, const char *body, size_t len,
                   struct publication *ret_publication, struct answer *answer)
{
    struct publication *publication = ret_publication;
    *publication = (struct publication){.body = parse_body(flavor, body, len, answer)};
    json_t *batch = publication->body ? take_batch(flavor, publication->body, answer) : NULL;
    if (!batch) {
        return;
    }
    publication->events = calloc(json_array_size(batch) + 1, sizeof(struct event));
    for (size_t i = 0; i < json_array_size(batch); i++) {
        struct event *event = &publication->events[i];
        if (take_batch_event(flavor, json_array_get(batch, i), event, answer)) {
            return;
        }
        publication->n_events++;
    }
    answer_batch(flavor, batch, answer);
}
