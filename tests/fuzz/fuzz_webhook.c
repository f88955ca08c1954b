/* A webhook: any body, signed well, and any headers. */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "lib/json_load.h"
#include "pusher/webhook.h"
#include "tests/fuzz/fuzz.h"

#define KEY    "278d425bdf160c739803"
#define SECRET "7ad3773142a6692b25b8"

static struct pusher_client *new_client(void)
{
    struct pusher_config config;
    struct pusher_client *client = NULL;

    pusher_config_init(&config);
    config.app_id = "3";
    config.key = KEY;
    config.secret = SECRET;
    config.cluster = "eu";
    config.encryption_master_key_base64 = FUZZ_MASTER_KEY;
    MUST(pusher_init() == 0 && pusher_client_new(&config, &client, NULL) == 0);
    return client;
}

static void sign(struct pusher_string body, char ret_hex[2 * crypto_auth_hmacsha256_BYTES + 1])
{
    crypto_auth_hmacsha256_state state;
    unsigned char mac[crypto_auth_hmacsha256_BYTES];

    crypto_auth_hmacsha256_init(&state, (const unsigned char *)SECRET, strlen(SECRET));
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)body.ptr, body.len);
    crypto_auth_hmacsha256_final(&state, mac);
    sodium_bin2hex(ret_hex, 2 * sizeof(mac) + 1, mac, sizeof(mac));
}

/* No data of an encrypted channel is taken for plain. */
static void check_events(const json_t *events)
{
    size_t i;
    const json_t *event;

    MUST(json_is_array(events));
    json_array_foreach(events, i, event)
    {
        if (json_object_get(event, "encrypted_data"))
            MUST(json_object_get(event, "data"));
    }
}

static int read_webhook(const struct pusher_client *client, const struct pusher_param *headers,
                        size_t n_headers, struct pusher_string body)
{
    struct pusher_webhook webhook = {.headers = headers, .n_headers = n_headers, .body = body};
    struct pusher_error error = {.code = 0};
    char *json = NULL;
    int rc = pusher_webhook_read(client, &webhook, &json, &error);

    if (rc != 0) {
        MUST(!json && error.code == rc && error.text[0] != '\0');
        MUST(fuzz_is_line(error.text, sizeof(error.text)));
        MUST(!strstr(error.text, SECRET));
        return rc;
    }
    json_t *object = json_loads(json, JSON_ALLOW_NUL, NULL);
    MUST(json_is_integer(json_object_get(object, "time_ms")));
    check_events(json_object_get(object, "events"));
    json_decref(object);
    free(json);
    return 0;
}

/* What is JSON, and what it says, is the same for jansson, except that this takes a NUL for the
 * end. */
static void check_json(const char *text, size_t len)
{
    json_t *ours = NULL;
    int rc = pusher__json_load(text, len, 0, &ours, NULL);

    if (!memchr(text, '\0', len)) {
        json_t *theirs = json_loadb(text, len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);

        MUST(rc == (theirs ? 0 : PUSHER_EDATA));
        MUST(!theirs || json_equal(ours, theirs));
        json_decref(theirs);
    }
    json_decref(ours);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct pusher_client *client;
    char signature[2 * crypto_auth_hmacsha256_BYTES + 1];
    struct pusher_string body = {(const char *)bytes, len}, rest = body;
    struct pusher_param headers[2];

    if (!client)
        client = new_client();
    if (len > 0)
        check_json(body.ptr, body.len);
    sign(body, signature);
    headers[0] = (struct pusher_param){pusher_str("x-pusher-key"), pusher_str(KEY)};
    headers[1] = (struct pusher_param){pusher_str("X-Pusher-Signature"), pusher_str(signature)};
    int rc = read_webhook(client, headers, 2, body);
    MUST(rc == 0 || rc == (len == 0 ? PUSHER_ESIGNATURE : PUSHER_EDATA));
    signature[5] = signature[5] == '0' ? '1' : '0';
    MUST(read_webhook(client, headers, 2, body) == PUSHER_ESIGNATURE);
    for (size_t i = 0; i < 2; i++) {
        headers[i].name = fuzz_field(&rest);
        headers[i].value = fuzz_field(&rest);
    }
    MUST(read_webhook(client, headers, 2, rest) == PUSHER_ESIGNATURE);
    return 0;
}
