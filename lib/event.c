/* An event and a trigger differ in one field only: "channel" or "channels". Both become a struct
 * payload; measure() and write_payload() must agree byte for byte, which the last check of
 * write_payload() enforces. */
#include "pusher/event.h"

#include <string.h>

#include "lib/crypto_private.h"
#include "lib/json_text.h"
#include "lib/name.h"
#include "lib/report.h"

struct payload {
    const struct pusher_string *channels;
    size_t n_channels;
    bool is_list;
    struct pusher_string name, data, socket_id, info;
};

static struct payload payload_of_event(const struct pusher_event *event)
{
    return (struct payload){
        .channels = &event->channel,
        .n_channels = 1,
        .name = event->name,
        .data = event->data,
        .socket_id = event->socket_id,
        .info = event->info,
    };
}

static struct payload payload_of_trigger(const struct pusher_trigger *trigger)
{
    return (struct payload){
        .channels = trigger->channels,
        .n_channels = trigger->n_channels,
        .is_list = true,
        .name = trigger->name,
        .data = trigger->data,
        .socket_id = trigger->socket_id,
        .info = trigger->info,
    };
}

static int check_channels(const struct pusher_client *client, const struct payload *p,
                          bool *ret_encrypted, struct pusher_error *error)
{
    size_t n_encrypted = 0, max = pusher_client_max_channels(client);
    if (p->n_channels == 0 || p->n_channels > max)
        return pusher__fail(error, PUSHER_ECHANNEL, "%zu channels, but a trigger takes 1 to %zu",
                            p->n_channels, max);
    for (size_t i = 0; i < p->n_channels; i++) {
        int rc = pusher_channel_check(client, p->channels[i], error);
        if (rc != 0)
            return rc;
        n_encrypted += pusher_channel_is_encrypted(p->channels[i]);
    }
    if (n_encrypted > 0 && p->n_channels > 1)
        return pusher__fail_plain(error, PUSHER_ENOTENCRYPTABLE);
    if (n_encrypted > 0 && !pusher_client_can_encrypt(client))
        return pusher__fail_plain(error, PUSHER_ENOKEY);
    *ret_encrypted = n_encrypted > 0;
    return 0;
}

static int check_options(const struct payload *p, struct pusher_error *error)
{
    static const char *const attributes[] = {"user_count", "subscription_count", NULL};
    int rc = 0;
    if (p->socket_id.ptr)
        rc = pusher_socket_id_check(p->socket_id, error);
    if (rc == 0 && p->info.ptr)
        rc = pusher__info_check(p->info, attributes, error);
    return rc;
}

/* Gives the bytes of the data inside its quotes. */
static int check_data(const struct pusher_client *client, const struct payload *p, bool encrypted,
                      size_t *ret_size, struct pusher_error *error)
{
    size_t max = pusher_client_max_event_bytes(client);
    size_t len = p->data.len;
    if (!p->data.ptr)
        return pusher__fail(error, PUSHER_EDATA, "the data is missing");
    if (encrypted && len <= max)
        len = pusher_encrypted_size(len);
    if (len > max)
        return pusher__fail(error, PUSHER_ETOOLARGE,
                            "the data has %zu bytes%s, at most %zu are allowed", len,
                            encrypted ? " when encrypted" : "", max);
    size_t size;
    if (pusher__json_measure(p->data.ptr, p->data.len, &size) != 0)
        return pusher__fail_plain(error, PUSHER_EDATA);
    *ret_size = encrypted ? pusher__encrypted_json_size(p->data.len) : size;
    return 0;
}

#define NAME       "{\"name\":\""
#define CHANNEL    "\",\"channel\":\""
#define CHANNELS   "\",\"channels\":[\""
#define NEXT       "\",\""
#define DATA       "\",\"data\":\""
#define LIST_DATA  "\"],\"data\":\""
#define SOCKET_ID  "\",\"socket_id\":\""
#define INFO       "\",\"info\":\""
#define END        "\"}"
#define LEN(text_) (sizeof(text_) - 1)

static size_t fixed_size(const struct payload *p)
{
    size_t size = LEN(NAME) + LEN(END);
    size += p->is_list ? LEN(CHANNELS) + LEN(LIST_DATA) : LEN(CHANNEL) + LEN(DATA);
    for (size_t i = 0; i < p->n_channels; i++)
        size += p->channels[i].len + (i > 0 ? LEN(NEXT) : 0);
    if (p->socket_id.ptr)
        size += LEN(SOCKET_ID) + p->socket_id.len;
    if (p->info.ptr)
        size += LEN(INFO) + p->info.len;
    return size;
}

/* A trigger is a whole request, an event has a batch around it. */
static int check_size(const struct pusher_client *client, const struct payload *p, size_t size,
                      struct pusher_error *error)
{
    size_t max = pusher_client_max_request_bytes(client);
    size_t body = size + (p->is_list ? 0 : PUSHER_BATCH_OVERHEAD);
    if (max == 0 || body <= max)
        return 0;
    return pusher__fail(error, PUSHER_ETOOLARGE,
                        "the request would have %zu bytes, at most %zu are allowed", body, max);
}

static int check_payload(const struct pusher_client *client, const struct payload *p,
                         size_t *ret_size, struct pusher_error *error)
{
    bool encrypted = false;
    size_t name_size = 0, data_size = 0;
    int rc = check_channels(client, p, &encrypted, error);
    if (rc == 0)
        rc = pusher__event_name_check(p->name, error);
    if (rc == 0)
        rc = check_options(p, error);
    if (rc == 0)
        rc = check_data(client, p, encrypted, &data_size, error);
    if (rc == 0)
        rc = pusher__json_measure(p->name.ptr, p->name.len, &name_size);
    if (rc == 0) {
        size_t size = fixed_size(p) + name_size + data_size;
        rc = check_size(client, p, size, error);
        if (rc == 0)
            *ret_size = size;
    }
    return rc;
}

/* Where the text stands; `pos` is NULL once something did not fit. */
struct writer {
    char *pos, *end;
};

static inline void put(struct writer *w, const char *bytes, size_t len)
{
    if (!w->pos || (size_t)(w->end - w->pos) < len) {
        w->pos = NULL;
        return;
    }
    memcpy(w->pos, bytes, len);
    w->pos += len;
}

#define PUT(w_, text_) put(w_, text_, LEN(text_))

static void put_escaped(struct writer *w, struct pusher_string s)
{
    if (w->pos)
        w->pos = pusher__json_escape(s.ptr, s.len, w->pos, w->end);
}

static void put_channels(struct writer *w, const struct payload *p)
{
    if (p->is_list)
        PUT(w, CHANNELS);
    else
        PUT(w, CHANNEL);
    for (size_t i = 0; i < p->n_channels; i++) {
        if (i > 0)
            PUT(w, NEXT);
        put(w, p->channels[i].ptr, p->channels[i].len);
    }
}

/* Asked again when writing: what is not sure to be encrypted must not leave in the clear, even if
 * the caller forgot to check. */
static int find_encryption(const struct payload *p, bool *ret_encrypted)
{
    *ret_encrypted = false;
    for (size_t i = 0; i < p->n_channels; i++)
        *ret_encrypted |= pusher_channel_is_encrypted(p->channels[i]);
    return *ret_encrypted && p->n_channels > 1 ? PUSHER_ENOTENCRYPTABLE : 0;
}

static int put_data(struct writer *w, const struct pusher_client *client, const struct payload *p,
                    const unsigned char *nonce)
{
    bool encrypted = false;
    int rc = find_encryption(p, &encrypted);
    if (rc != 0)
        return rc;
    if (p->is_list)
        PUT(w, LIST_DATA);
    else
        PUT(w, DATA);
    if (!encrypted) {
        put_escaped(w, p->data);
        return 0;
    }
    size_t size = pusher__encrypted_json_size(p->data.len);
    if (!w->pos || (size_t)(w->end - w->pos) < size)
        return PUSHER_ETOOSMALL;
    rc = pusher__encrypt_json(client, p->channels[0], p->data, nonce, w->pos);
    w->pos += size;
    return rc;
}

static int write_payload(const struct pusher_client *client, const struct payload *p,
                         const unsigned char *nonce, char *buf, size_t size)
{
    struct writer w = {buf, buf + size};
    PUT(&w, NAME);
    put_escaped(&w, p->name);
    put_channels(&w, p);
    int rc = put_data(&w, client, p, nonce);
    if (rc != 0)
        return rc;
    if (p->socket_id.ptr) {
        PUT(&w, SOCKET_ID);
        put(&w, p->socket_id.ptr, p->socket_id.len);
    }
    if (p->info.ptr) {
        PUT(&w, INFO);
        put(&w, p->info.ptr, p->info.len);
    }
    PUT(&w, END);
    return w.pos == w.end ? 0 : PUSHER_ETOOSMALL;
}

int pusher_event_check(const struct pusher_client *client, const struct pusher_event *event,
                       size_t *ret_size, struct pusher_error *ret_error)
{
    struct payload payload = payload_of_event(event);
    return check_payload(client, &payload, ret_size, ret_error);
}

int pusher_event_encode(const struct pusher_client *client, const struct pusher_event *event,
                        const unsigned char *nonce, char *buf, size_t size)
{
    struct payload payload = payload_of_event(event);
    return write_payload(client, &payload, nonce, buf, size);
}

int pusher_trigger_check(const struct pusher_client *client, const struct pusher_trigger *trigger,
                         size_t *ret_size, struct pusher_error *ret_error)
{
    struct payload payload = payload_of_trigger(trigger);
    return check_payload(client, &payload, ret_size, ret_error);
}

int pusher_trigger_encode(const struct pusher_client *client, const struct pusher_trigger *trigger,
                          const unsigned char *nonce, char *buf, size_t size)
{
    struct payload payload = payload_of_trigger(trigger);
    return write_payload(client, &payload, nonce, buf, size);
}
