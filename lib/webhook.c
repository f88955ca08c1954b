/* Nothing of the body is read before its signature was found good. The text of a refusal never says
 * which signature would have been right. */
#include "pusher/webhook.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/client_private.h"
#include "lib/json_dump.h"
#include "lib/json_load.h"
#include "lib/name.h"
#include "lib/report.h"
#include "lib/request_private.h"
#include "lib/utf8.h"
#include "pusher/crypto.h"
#include "pusher/event.h"

#define KEY_HEADER       "X-Pusher-Key"
#define SIGNATURE_HEADER "X-Pusher-Signature"

static struct pusher_string trim(struct pusher_string s)
{
    while (s.len > 0 && (s.ptr[0] == ' ' || s.ptr[0] == '\t')) {
        s.ptr++;
        s.len--;
    }
    while (s.len > 0 && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t'))
        s.len--;
    return s;
}

/* The next header of this name from *index on, which moves behind it; absent if there is none. */
static struct pusher_string next_header(const struct pusher_webhook *webhook, const char *name,
                                        size_t *index)
{
    while (*index < webhook->n_headers) {
        const struct pusher_param *header = &webhook->headers[(*index)++];
        if (header->value.ptr && pusher__param_compare(header->name, pusher_str(name)) == 0)
            return trim(header->value);
    }
    return (struct pusher_string){NULL, 0};
}

static bool has_header(const struct pusher_webhook *webhook, const char *name)
{
    size_t index = 0;
    return next_header(webhook, name, &index).ptr != NULL;
}

static bool token_has_key(const struct pusher_token *token, struct pusher_string key)
{
    bool usable = token->key.ptr && token->secret.ptr && token->secret.len > 0;
    return usable && token->key.len == key.len && memcmp(token->key.ptr, key.ptr, key.len) == 0;
}

/* The HMAC state of the next secret of this key: the client's own at index 0, then those of the
 * tokens. *index moves behind it; false if there is none. */
static bool next_secret(const struct pusher_client *client, const struct pusher_webhook *webhook,
                        struct pusher_string key, size_t *index,
                        crypto_auth_hmacsha256_state *ret_state)
{
    while (*index <= webhook->n_tokens) {
        size_t i = (*index)++;
        if (i == 0 && pusher__equals(key, client->key)) {
            *ret_state = client->secrets->hmac;
            return true;
        }
        if (i > 0 && token_has_key(&webhook->tokens[i - 1], key)) {
            struct pusher_string secret = webhook->tokens[i - 1].secret;
            crypto_auth_hmacsha256_init(ret_state, (const unsigned char *)secret.ptr, secret.len);
            return true;
        }
    }
    return false;
}

/* Takes upper-case hex too, as one of the official libraries does. */
static bool signature_equals(struct pusher_string hex,
                             const unsigned char mac[crypto_auth_hmacsha256_BYTES])
{
    unsigned char given[crypto_auth_hmacsha256_BYTES];
    size_t len;
    return sodium_hex2bin(given, sizeof(given), hex.ptr, hex.len, NULL, &len, NULL) == 0 &&
           len == sizeof(given) && sodium_memcmp(given, mac, sizeof(given)) == 0;
}

static bool any_signature_equals(const struct pusher_webhook *webhook,
                                 crypto_auth_hmacsha256_state *state)
{
    unsigned char mac[crypto_auth_hmacsha256_BYTES];
    struct pusher_string signature;
    bool found = false;
    size_t index = 0;
    crypto_auth_hmacsha256_update(state, (const unsigned char *)webhook->body.ptr,
                                  webhook->body.len);
    crypto_auth_hmacsha256_final(state, mac);
    while ((signature = next_header(webhook, SIGNATURE_HEADER, &index)).ptr)
        found |= signature_equals(signature, mac);
    sodium_memzero(mac, sizeof(mac));
    sodium_memzero(state, sizeof(*state));
    return found;
}

/* True if one of the secrets of this key has made one of the signatures. */
static bool signed_by_key(const struct pusher_client *client, const struct pusher_webhook *webhook,
                          struct pusher_string key, bool *ret_known)
{
    crypto_auth_hmacsha256_state state;
    size_t index = 0;
    while (next_secret(client, webhook, key, &index, &state)) {
        *ret_known = true;
        if (any_signature_equals(webhook, &state))
            return true;
    }
    return false;
}

/* True if a key header in front of the one that ends at `index` names the same key. */
static bool is_repeated(const struct pusher_webhook *webhook, struct pusher_string key,
                        size_t index)
{
    struct pusher_string other;
    for (size_t i = 0; (other = next_header(webhook, KEY_HEADER, &i)).ptr && i < index;) {
        if (other.len == key.len && memcmp(other.ptr, key.ptr, key.len) == 0)
            return true;
    }
    return false;
}

/* A header may come several times: one key that we know, with one signature of it, is enough. Each
 * key is tried once, and so each secret: whoever sends the headers cannot have the body hashed more
 * often than there are secrets. */
static int check_signature(const struct pusher_client *client, const struct pusher_webhook *webhook,
                           struct pusher_error *error)
{
    struct pusher_string key;
    bool knows_key = false;
    size_t index = 0;
    while ((key = next_header(webhook, KEY_HEADER, &index)).ptr) {
        if (!is_repeated(webhook, key, index) && signed_by_key(client, webhook, key, &knows_key))
            return 0;
    }
    return pusher__fail(error, PUSHER_ESIGNATURE,
                        knows_key ? "the signature is not that of this body"
                                  : KEY_HEADER " names a key that is not ours");
}

static int check_presence(const struct pusher_webhook *webhook, struct pusher_error *error)
{
    if (!has_header(webhook, KEY_HEADER))
        return pusher__fail(error, PUSHER_ESIGNATURE, "the header " KEY_HEADER " is missing");
    if (!has_header(webhook, SIGNATURE_HEADER))
        return pusher__fail(error, PUSHER_ESIGNATURE, "the header " SIGNATURE_HEADER " is missing");
    if (!webhook->body.ptr || webhook->body.len == 0)
        return pusher__fail(error, PUSHER_ESIGNATURE, "the body is missing");
    return 0;
}

static int check_age(const struct pusher_webhook *webhook, json_int_t time_ms,
                     struct pusher_error *error)
{
    if (webhook->max_age_ms <= 0)
        return 0;
    if (time_ms >= 0 && webhook->unix_ms >= 0) {
        json_int_t away = time_ms - webhook->unix_ms;
        if (away <= webhook->max_age_ms && -away <= webhook->max_age_ms)
            return 0;
    }
    return pusher__fail(error, PUSHER_ESIGNATURE,
                        "the webhook is of another time: more than %lld ms away",
                        (long long)webhook->max_age_ms);
}

/* 0 if the data is now as a client meant it, else a negative code. */
static int replace_data(const struct pusher_client *client, json_t *event,
                        struct pusher_string channel, const json_t *data)
{
    char *plaintext;
    size_t len;
    struct pusher_string sealed = {json_string_value(data), json_string_length(data)};
    int rc = pusher_decrypt(client, channel, sealed, &plaintext, &len);
    if (rc != 0)
        return rc;
    if (!pusher__utf8_valid(plaintext, len))
        rc = PUSHER_EDATA;
    else if (json_object_set_new(event, "data", json_stringn_nocheck(plaintext, len)) != 0)
        rc = PUSHER_ENOMEM;
    sodium_memzero(plaintext, len);
    free(plaintext);
    return rc;
}

/* Data that cannot be decrypted is not taken for data, and is no error. */
static int decrypt_event(const struct pusher_client *client, json_t *event)
{
    json_t *data = json_object_get(event, "data");
    const json_t *name = json_object_get(event, "name");
    const json_t *channel_value = json_object_get(event, "channel");
    struct pusher_string channel = {json_string_value(channel_value),
                                    json_string_length(channel_value)};
    bool is_client_event = json_is_string(name) && !strcmp(json_string_value(name), "client_event");
    if (!data || !is_client_event || !channel.ptr || !pusher_channel_is_encrypted(channel))
        return 0;
    int rc = replace_data(client, event, channel, data);
    if (rc == 0 || rc == PUSHER_ENOMEM)
        return rc;
    bool is_set = json_object_set(event, "encrypted_data", data) == 0 &&
                  json_object_set_new(event, "data", json_null()) == 0;
    return is_set ? 0 : PUSHER_ENOMEM;
}

static int decrypt_events(const struct pusher_client *client, json_t *events)
{
    size_t i;
    json_t *event;
    json_array_foreach(events, i, event)
    {
        int rc = decrypt_event(client, event);
        if (rc != 0)
            return rc;
    }
    return 0;
}

static int make_json(const struct pusher_client *client, json_t *time_ms, json_t *events,
                     char **ret_json, struct pusher_error *error)
{
    char *json = NULL;
    json_t *object = json_object();
    if (decrypt_events(client, events) == 0 && json_object_set(object, "time_ms", time_ms) == 0 &&
        json_object_set(object, "events", events) == 0)
        json = pusher__json_dump(object);
    json_decref(object);
    if (!json)
        return pusher__fail_plain(error, PUSHER_ENOMEM);
    *ret_json = json;
    return 0;
}

int pusher_webhook_read(const struct pusher_client *client, const struct pusher_webhook *webhook,
                        char **ret_json, struct pusher_error *ret_error)
{
    int rc = check_presence(webhook, ret_error);
    if (rc == 0)
        rc = check_signature(client, webhook, ret_error);
    if (rc != 0)
        return rc;
    json_t *root = NULL;
    rc = pusher__json_load(webhook->body.ptr, webhook->body.len, 0, &root, NULL);
    if (rc == PUSHER_ENOMEM)
        return pusher__fail_plain(ret_error, rc);
    json_t *time_ms = json_object_get(root, "time_ms"), *events = json_object_get(root, "events");
    if (rc != 0 || !json_is_integer(time_ms) || !json_is_array(events))
        rc = pusher__fail(ret_error, PUSHER_EDATA,
                          "the body is signed, but has no time_ms and events");
    if (rc == 0)
        rc = check_age(webhook, json_integer_value(time_ms), ret_error);
    if (rc == 0)
        rc = make_json(client, time_ms, events, ret_json, ret_error);
    json_decref(root);
    return rc;
}
