/* Both functions check, sign "SOCKET_ID:..." and build a small object; neither is on a hot path, so
 * jansson writes the JSON. The data is read only to check it: what is signed are the bytes given.
 */
#include "pusher/auth.h"

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/json_dump.h"
#include "lib/json_load.h"
#include "lib/name.h"
#include "lib/report.h"
#include "lib/sign.h"
#include "lib/utf8.h"
#include "pusher/crypto.h"
#include "pusher/event.h"

static int check_text(const char *what, struct pusher_string text, struct pusher_error *error)
{
    if (text.len > PUSHER_AUTH_DATA_MAX)
        return pusher__fail(error, PUSHER_ETOOLARGE, "%s: %zu bytes, at most %d are allowed", what,
                            text.len, PUSHER_AUTH_DATA_MAX);
    if (!pusher__utf8_valid(text.ptr, text.len))
        return pusher__fail(error, PUSHER_EDATA, "%s: is not valid UTF-8", what);
    return 0;
}

static bool is_id_text(const json_t *id)
{
    return json_string_length(id) > 0;
}

/* Numbers are read as reals, so that no size of integer is an error; from 2^53 on all are whole. */
static bool is_id_number(const json_t *id)
{
    const double whole = 9007199254740992.0;
    double value = json_real_value(id);
    if (!json_is_real(id))
        return false;
    return value >= whole || value <= -whole || (double)(int64_t)value == value;
}

/* An object with an id. A name that stands there twice is refused: who reads it may take the other
 * one than we checked. */
static int check_object(const char *what, const char *id_name, bool takes_number,
                        struct pusher_string text, struct pusher_error *error)
{
    struct pusher__json_flaw flaw;
    json_t *object = NULL;
    int rc = pusher__json_load(text.ptr, text.len,
                               PUSHER__JSON_UNIQUE_KEYS | PUSHER__JSON_INT_AS_REAL, &object, &flaw);
    const json_t *id = json_object_get(object, id_name);
    if (rc == PUSHER_EDATA)
        rc = pusher__fail(error, rc, "%s: is not a JSON object (%s, byte %zu)", what, flaw.what,
                          flaw.at);
    else if (rc != 0)
        rc = pusher__fail_plain(error, rc);
    else if (!json_is_object(object))
        rc = pusher__fail(error, PUSHER_EDATA, "%s: is not a JSON object", what);
    else if (!is_id_text(id) && !(takes_number && is_id_number(id)))
        rc = pusher__fail(error, PUSHER_EUSERID, "%s: \"%s\" must be a string that is not empty%s",
                          what, id_name, takes_number ? ", or an integer" : "");
    json_decref(object);
    return rc;
}

static int check_channel(const struct pusher_client *client, struct pusher_string channel,
                         struct pusher_error *error)
{
    int rc = pusher_channel_check(client, channel, error);
    if (rc != 0)
        return rc;
    if (!pusher__begins_with(channel, "private-") && !pusher__begins_with(channel, "presence-"))
        return pusher__fail(error, PUSHER_ECHANNEL,
                            "only private- and presence- channels need authorization");
    if (pusher_channel_is_encrypted(channel) && !pusher_client_can_encrypt(client))
        return pusher__fail_plain(error, PUSHER_ENOKEY);
    return 0;
}

static int check_channel_data(struct pusher_string channel, struct pusher_string data,
                              struct pusher_error *error)
{
    bool is_presence = pusher__begins_with(channel, "presence-");
    if (!data.ptr && is_presence)
        return pusher__fail(error, PUSHER_EDATA, "a presence channel needs channel_data");
    if (!data.ptr)
        return 0;
    int rc = check_text("channel_data", data, error);
    if (rc == 0 && is_presence)
        rc = check_object("channel_data", "user_id", true, data, error);
    return rc;
}

/* "KEY:SIGNATURE" of the pieces in a row. */
static json_t *make_auth(const struct pusher_client *client, const struct pusher_string *pieces,
                         size_t n)
{
    struct pusher__signer signer;
    char hex[PUSHER__HEX_BYTES];
    pusher__signer_init(&signer, client);
    for (size_t i = 0; i < n; i++)
        pusher__signer_add(&signer, pieces[i]);
    pusher__signer_finish(&signer, hex);
    return json_sprintf("%s:%.*s", pusher_client_key(client), PUSHER__HEX_BYTES, hex);
}

/* Takes `object`, whose members were all set if `rc` is 0. */
static int finish(int rc, json_t *object, char **ret_json, struct pusher_error *error)
{
    char *json = rc == 0 ? pusher__json_dump(object) : NULL;
    json_decref(object);
    if (!json)
        return pusher__fail_plain(error, rc ? rc : PUSHER_ENOMEM);
    *ret_json = json;
    return 0;
}

static int set_text(json_t *object, const char *name, struct pusher_string text)
{
    return json_object_set_new(object, name, json_stringn(text.ptr, text.len)) ? PUSHER_ENOMEM : 0;
}

static int set_shared_secret(json_t *object, const struct pusher_client *client,
                             struct pusher_string channel)
{
    unsigned char secret[PUSHER_SECRET_BYTES];
    char base64[sodium_base64_ENCODED_LEN(PUSHER_SECRET_BYTES, sodium_base64_VARIANT_ORIGINAL)];
    int rc = pusher_shared_secret(client, channel, secret);
    if (rc == 0) {
        sodium_bin2base64(base64, sizeof(base64), secret, sizeof(secret),
                          sodium_base64_VARIANT_ORIGINAL);
        rc = set_text(object, "shared_secret", pusher_str(base64));
    }
    sodium_memzero(secret, sizeof(secret));
    sodium_memzero(base64, sizeof(base64));
    return rc;
}

int pusher_authorize_channel(const struct pusher_client *client, struct pusher_string socket_id,
                             struct pusher_string channel, struct pusher_string channel_data,
                             char **ret_json, struct pusher_error *ret_error)
{
    int rc = pusher_socket_id_check(socket_id, ret_error);
    if (rc == 0)
        rc = check_channel(client, channel, ret_error);
    if (rc == 0)
        rc = check_channel_data(channel, channel_data, ret_error);
    if (rc != 0)
        return rc;
    struct pusher_string colon = pusher_str(":");
    struct pusher_string pieces[] = {socket_id, colon, channel, colon, channel_data};
    json_t *object = json_object();
    if (json_object_set_new(object, "auth", make_auth(client, pieces, channel_data.ptr ? 5 : 3)))
        rc = PUSHER_ENOMEM;
    if (rc == 0 && channel_data.ptr)
        rc = set_text(object, "channel_data", channel_data);
    if (rc == 0 && pusher_channel_is_encrypted(channel))
        rc = set_shared_secret(object, client, channel);
    return finish(rc, object, ret_json, ret_error);
}

int pusher_authenticate_user(const struct pusher_client *client, struct pusher_string socket_id,
                             struct pusher_string user_data, char **ret_json,
                             struct pusher_error *ret_error)
{
    int rc = pusher_socket_id_check(socket_id, ret_error);
    if (rc == 0 && !user_data.ptr)
        rc = pusher__fail(ret_error, PUSHER_EDATA, "user_data is missing");
    if (rc == 0)
        rc = check_text("user_data", user_data, ret_error);
    if (rc == 0)
        rc = check_object("user_data", "id", false, user_data, ret_error);
    if (rc != 0)
        return rc;
    struct pusher_string pieces[] = {socket_id, pusher_str("::user::"), user_data};
    json_t *object = json_object();
    if (json_object_set_new(object, "auth", make_auth(client, pieces, 3)))
        rc = PUSHER_ENOMEM;
    if (rc == 0)
        rc = set_text(object, "user_data", user_data);
    return finish(rc, object, ret_json, ret_error);
}
