/* Every allocation that the library makes itself fails: the call must say so, leak nothing and stay
 * usable. */
#include <sodium.h>

#include "lib/reply_info.h"
#include "tests/unit/lib/oom.h"
#include "tests/unit/lib/vectors.h"

static struct pusher_client *client; /* made before anything fails */

static int sweep(oom_operation run)
{
    client = encrypting_client();
    int n = oom_sweep(run);
    pusher_client_free(client);
    return n;
}

static int make_and_free(struct pusher_error *error)
{
    struct pusher_config config = some_config();
    struct pusher_client *made;
    config.ca_file = "/x";
    config.host = "[::1]";
    config.path_prefix = "/p";
    int rc = pusher_client_new(&config, &made, error);
    if (rc == 0)
        pusher_client_free(made);
    return rc;
}

static int encrypt_large(struct pusher_error *error)
{
    (void)error;
    static char data[20000], buf[40000];
    struct pusher_event event = {.channel = pusher_str("private-encrypted-x"),
                                 .name = pusher_str("e"),
                                 .data = {data, sizeof(data)}};
    /* Not checked, since 20000 bytes are over this client's limit: encoding has none. */
    size_t size = strlen("{\"name\":\"e\",\"channel\":\"private-encrypted-x\",\"data\":\"\"}") +
                  pusher_encrypted_size(sizeof(data)) + 8;
    return pusher_event_encode(client, &event, NULL, buf, size);
}

static int sign(struct pusher_error *error)
{
    (void)error;
    char target[PUSHER_TARGET_MAX];
    return pusher_request_target(client, "POST", "/apps/3/events", NULL, 0, "{}", 2, 1, target,
                                 sizeof(target));
}

static int open_http(struct pusher_error *error)
{
    struct pusher_http *http;
    int rc = pusher_http_new(client, &http, error);
    if (rc == 0)
        pusher_http_free(http);
    return rc;
}

static int quote(struct pusher_error *error)
{
    (void)error;
    char *json = pusher_reply_json("no json", 7);
    free(json);
    return json ? 0 : PUSHER_ENOMEM;
}

/* A webhook with a client event that is encrypted, and what else JSON has. */
static struct pusher_webhook *make_webhook(void)
{
    static char body[2048], hex[65], event[1024];
    static struct pusher_param headers[2];
    static struct pusher_webhook webhook;
    struct pusher_client *encrypting = encrypting_client();
    struct pusher_config config = some_config();
    struct pusher_event sent = {.channel = pusher_str("private-encrypted-x"),
                                .name = pusher_str("client-e"),
                                .data = pusher_str("longer than the sixteen bytes of a token")};
    unsigned char mac[crypto_auth_hmacsha256_BYTES];
    crypto_auth_hmacsha256_state state;
    size_t size;

    cr_assert_eq(pusher_event_check(encrypting, &sent, &size, NULL), 0);
    cr_assert_eq(pusher_event_encode(encrypting, &sent, NULL, event, size), 0);
    snprintf(body, sizeof(body),
             "{\"time_ms\":1327078148132,\"events\":[{\"name\":\"client_event\",\"event\":%.*s,"
             "{\"name\":\"\\u00e9 and \\ud83d\\ude00, thirty bytes\",\"n\":[1.5e10,true,null,{},"
             "1000000000000000000000000000000000000000000000000000000000000000000000000000.5]}]}",
             (int)size - 8, event + 8);
    crypto_auth_hmacsha256_init(&state, (const unsigned char *)config.secret,
                                strlen(config.secret));
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)body, strlen(body));
    crypto_auth_hmacsha256_final(&state, mac);
    sodium_bin2hex(hex, sizeof(hex), mac, sizeof(mac));
    headers[0] = (struct pusher_param){pusher_str("x-pusher-key"), pusher_str(config.key)};
    headers[1] = (struct pusher_param){pusher_str("x-pusher-signature"), pusher_str(hex)};
    webhook = (struct pusher_webhook){.headers = headers, .n_headers = 2, .body = pusher_str(body)};
    pusher_client_free(encrypting);
    return &webhook;
}

static const struct pusher_webhook *webhook;

static int read_webhook(struct pusher_error *error)
{
    char *json;
    int rc = pusher_webhook_read(client, webhook, &json, error);
    if (rc == 0) {
        cr_assert(strstr(json, "\"data\":\"longer than the sixteen bytes of a token\""), "%s",
                  json);
        cr_assert(strstr(json, "\"\u00e9 and \U0001f600, thirty bytes\""), "%s", json);
        free(json);
    }
    return rc;
}

static int authenticate(struct pusher_error *error)
{
    char *json;
    int rc = pusher_authenticate_user(
        client, pusher_str("1.2"),
        pusher_str("{\"id\":\"7\",\"info\":[\"longer than sixteen bytes\",1.5]}"), &json, error);
    if (rc == 0)
        free(json);
    return rc;
}

static int authorize(const char *channel, const char *data, struct pusher_error *error)
{
    char *json;
    int rc = pusher_authorize_channel(client, pusher_str("1.2"), pusher_str(channel),
                                      pusher_str(data), &json, error);
    if (rc == 0)
        free(json);
    return rc;
}

static int authorize_presence(struct pusher_error *error)
{
    return authorize("presence-x", "{\"user_id\":12345678901234567890}", error);
}

static int authorize_encrypted(struct pusher_error *error)
{
    return authorize("private-encrypted-x", NULL, error);
}

Test(oom, a_webhook_is_read_and_decrypted_or_not_at_all)
{
    webhook = make_webhook();
    json_set_alloc_funcs(__wrap_malloc, free);
    cr_assert_gt(sweep(read_webhook), 30);
}

Test(oom, a_user_is_authenticated_or_not_at_all)
{
    json_set_alloc_funcs(__wrap_malloc, free);
    cr_assert_gt(sweep(authenticate), 10);
}

Test(oom, a_channel_is_authorized_or_not_at_all)
{
    json_set_alloc_funcs(__wrap_malloc, free);
    cr_assert_gt(sweep(authorize_presence), 5);
    cr_assert_gt(sweep(authorize_encrypted), 5);
}

static int keep_json(struct pusher_error *error)
{
    (void)error;
    static const char body[] = "{\"users\":[{\"id\":\"longer than sixteen bytes\"},12.5]}";
    char *json = pusher_reply_json(body, strlen(body));
    cr_assert(!json || strcmp(json, body) == 0, "%s", json);
    free(json);
    return json ? 0 : PUSHER_ENOMEM;
}

/* Info that is not there is another thing than info that found no memory. */
static int keep_info(struct pusher_error *error)
{
    (void)error;
    static const char body[] = "{\"batch\":[{},{\"words\":\"longer than sixteen bytes\"}],"
                               "\"channels\":{\"a\":{\"user_count\":3}}}";
    json_t *root;
    char *texts[3] = {NULL};
    int rc = pusher__reply_load(body, strlen(body), &root);
    for (size_t i = 0; i < 2 && rc == 0; i++)
        rc = pusher__reply_batch_info(root, i, &texts[i]);
    if (rc == 0)
        rc = pusher__reply_channels_info(root, &texts[2]);
    json_decref(root);
    cr_assert_null(texts[0]);
    cr_assert(rc || strcmp(texts[1], "{\"words\":\"longer than sixteen bytes\"}") == 0);
    cr_assert(rc || strcmp(texts[2], "{\"a\":{\"user_count\":3}}") == 0);
    free(texts[1]);
    free(texts[2]);
    return rc;
}

/* An error that a server hides in a 200. */
static int read_hidden(struct pusher_error *error)
{
    (void)error;
    static const char body[] = "{\"error\":{\"words\":\"longer than sixteen bytes\"},\"code\":413}";
    struct pusher_reply reply;
    pusher_reply_read(200, body, strlen(body), &reply);
    if (reply.class_ == PUSHER_REPLY_RETRY)
        return PUSHER_ENOMEM;
    cr_assert(reply.class_ == PUSHER_REPLY_REFUSED && reply.status == 413, "%u", reply.status);
    return 0;
}

/* What has a status needs no memory. */
static int read_unknown_app(struct pusher_error *error)
{
    (void)error;
    static const char body[] = "{\"error\":{\"words\":\"No matching application for ID\"}}";
    struct pusher_reply reply;
    pusher_reply_read(404, body, strlen(body), &reply);
    cr_assert_eq(reply.class_, PUSHER_REPLY_FORBIDDEN);
    return oom_has_failed() ? PUSHER_ENOMEM : 0;
}

Test(oom, an_answer_is_kept_as_it_is_or_not_at_all)
{
    json_set_alloc_funcs(__wrap_malloc, free);
    cr_assert_gt(sweep(keep_json), 5);
}

Test(oom, info_is_kept_or_not_there)
{
    json_set_alloc_funcs(__wrap_malloc, free);
    cr_assert_gt(sweep(keep_info), 5);
}

Test(oom, an_error_in_an_answer_is_not_taken_for_success)
{
    json_set_alloc_funcs(__wrap_malloc, free);
    cr_assert_gt(sweep(read_hidden), 5);
    cr_assert_gt(sweep(read_unknown_app), 5);
}

Test(oom, a_client_is_made_whole_or_not_at_all)
{
    cr_assert_gt(sweep(make_and_free), 4);
}

Test(oom, large_data_is_encrypted_or_refused)
{
    cr_assert_eq(sweep(encrypt_large), 2); /* the key as well */
}

Test(oom, a_request_is_signed_or_not_made)
{
    cr_assert_eq(sweep(sign), 1);
}

Test(oom, a_transport_is_opened_whole_or_not_at_all)
{
    cr_assert_gt(sweep(open_http), 1);
}

Test(oom, text_is_quoted_or_refused)
{
    cr_assert_gt(sweep(quote), 1);
}
