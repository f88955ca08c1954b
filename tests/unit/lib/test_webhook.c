#include <sodium.h>
#include <time.h>

#include "tests/unit/lib/vectors.h"

static const struct pusher_string absent = {NULL, 0};

static void sign(const char *secret, struct pusher_string body, char hex[65])
{
    crypto_auth_hmacsha256_state state;
    unsigned char mac[32];
    crypto_auth_hmacsha256_init(&state, (const unsigned char *)secret, strlen(secret));
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)body.ptr, body.len);
    crypto_auth_hmacsha256_final(&state, mac);
    sodium_bin2hex(hex, 65, mac, sizeof(mac));
}

struct hook {
    struct pusher_param headers[3];
    struct pusher_webhook webhook;
    char hex[65];
};

/* A webhook that is signed well by the client of some_config(). */
static void make_hook(struct hook *hook, const char *body)
{
    struct pusher_config config = some_config();
    *hook = (struct hook){
        .webhook = {.headers = hook->headers, .n_headers = 3, .body = pusher_str(body)}};
    sign(config.secret, hook->webhook.body, hook->hex);
    hook->headers[0] =
        (struct pusher_param){pusher_str("content-type"), pusher_str("application/json")};
    hook->headers[1] = (struct pusher_param){pusher_str("x-pusher-key"), pusher_str(config.key)};
    hook->headers[2] =
        (struct pusher_param){pusher_str("x-pusher-signature"), pusher_str(hook->hex)};
}

#define BODY                                                                                       \
    "{\"time_ms\":1327078148132,\"events\":[{\"name\":\"channel_vacated\",\"channel\":\"c\"}]}"

/* Gives the code; *ret_text is the JSON or the error's text, in static storage. */
static int read_hook(const struct pusher_client *client, const struct pusher_webhook *webhook,
                     const char **ret_text)
{
    static char text[4096];
    struct pusher_error error = {.code = 0};
    char *json = NULL;
    int rc = pusher_webhook_read(client, webhook, &json, &error);
    cr_assert_eq(rc, error.code);
    snprintf(text, sizeof(text), "%s", rc == 0 ? json : error.text);
    free(json);
    *ret_text = text;
    return rc;
}

static void expect(const struct hook *hook, int code, const char *text)
{
    struct pusher_client *client = some_client();
    const char *got;
    int rc = read_hook(client, &hook->webhook, &got);
    cr_assert_eq(rc, code, "%d: %s", rc, got);
    cr_assert_str_eq(got, text);
    pusher_client_free(client);
}

static void expect_vector(const json_t *row)
{
    struct pusher_client *client = vector_client(row);
    struct pusher_param headers[] = {
        {pusher_str("X-Pusher-Key"), vector_text(row, "key")},
        {pusher_str("X-Pusher-Signature"), vector_text(row, "signature")}};
    struct pusher_webhook webhook = {
        .headers = headers, .n_headers = 2, .body = vector_text(row, "body")};
    const json_t *want = json_object_get(row, "events");
    const char *text;
    int rc = read_hook(client, &webhook, &text);
    cr_assert_eq(rc, want ? 0 : PUSHER_EDATA, "%s: %s", vector_text(row, "source").ptr, text);
    if (want) {
        json_t *got = json_loads(text, 0, NULL);
        cr_assert(json_equal(json_object_get(got, "events"), want), "%s", text);
        cr_assert_eq(json_object_size(got), 2);
        json_decref(got);
    }
    pusher_client_free(client);
}

Test(webhook, every_kind_of_event_is_read)
{
    json_t *rows = load_vectors("webhooks.json"), *row;
    size_t i;
    json_array_foreach(rows, i, row) expect_vector(row);
    json_decref(rows);
}

Test(webhook, gives_the_time_and_the_events)
{
    struct hook hook;
    make_hook(&hook, BODY);
    expect(&hook, 0, BODY);
}

Test(webhook, a_key_that_is_not_ours_is_refused)
{
    struct hook hook;
    make_hook(&hook, BODY);
    hook.headers[1].value = pusher_str("another");
    expect(&hook, PUSHER_ESIGNATURE, "X-Pusher-Key names a key that is not ours");
}

Test(webhook, a_wrong_signature_is_refused)
{
    static const char *const bad[] = {
        "", "0", "not hex at all",
        "2677ad3e7c090b2fa2c0fb13020d66d5420879b8316eb356a2d60fb9073bc778",
        "2677ad3e7c090b2fa2c0fb13020d66d5420879b8316eb356a2d60fb9073bc77800"};
    struct hook hook;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        make_hook(&hook, BODY);
        hook.headers[2].value = pusher_str(bad[i]);
        expect(&hook, PUSHER_ESIGNATURE, "the signature is not that of this body");
    }
    make_hook(&hook, BODY);
    hook.headers[2].value.len = 63;
    expect(&hook, PUSHER_ESIGNATURE, "the signature is not that of this body");
}

Test(webhook, a_body_that_was_changed_is_refused)
{
    struct hook hook;
    make_hook(&hook, BODY);
    hook.webhook.body = pusher_str(BODY " ");
    expect(&hook, PUSHER_ESIGNATURE, "the signature is not that of this body");
}

Test(webhook, what_is_missing_is_named)
{
    struct hook hook;
    make_hook(&hook, BODY);
    hook.headers[1].name = pusher_str("x-other");
    expect(&hook, PUSHER_ESIGNATURE, "the header X-Pusher-Key is missing");
    make_hook(&hook, BODY);
    hook.webhook.n_headers = 2;
    expect(&hook, PUSHER_ESIGNATURE, "the header X-Pusher-Signature is missing");
    make_hook(&hook, BODY);
    hook.webhook.body = absent;
    expect(&hook, PUSHER_ESIGNATURE, "the body is missing");
    hook.webhook.body = pusher_str("");
    expect(&hook, PUSHER_ESIGNATURE, "the body is missing");
}

Test(webhook, headers_are_read_without_regard_to_case_and_spaces)
{
    struct hook hook;
    char padded[80], upper[65];
    make_hook(&hook, BODY);
    hook.headers[1].name = pusher_str("X-PUSHER-KEY");
    snprintf(padded, sizeof(padded), " \t%s ", hook.hex);
    hook.headers[2].value = pusher_str(padded);
    expect(&hook, 0, BODY);
    for (size_t i = 0; i < sizeof(upper); i++)
        upper[i] = (char)(hook.hex[i] >= 'a' ? hook.hex[i] - 32 : hook.hex[i]);
    hook.headers[2].value = pusher_str(upper);
    expect(&hook, 0, BODY);
}

Test(webhook, a_header_may_come_several_times)
{
    struct hook hook;
    make_hook(&hook, BODY);
    hook.headers[0] = (struct pusher_param){pusher_str("X-Pusher-Key"), pusher_str("another")};
    expect(&hook, 0, BODY);
    make_hook(&hook, BODY);
    hook.headers[0] = (struct pusher_param){pusher_str("X-Pusher-Signature"), pusher_str("00")};
    expect(&hook, 0, BODY);
}

Test(webhook, other_tokens_are_taken_where_they_are_given)
{
    struct pusher_token tokens[] = {{pusher_str("old"), pusher_str("older secret")},
                                    {pusher_str("k2"), pusher_str("s2")},
                                    {pusher_str("empty"), pusher_str("")}};
    struct hook hook;
    make_hook(&hook, BODY);
    hook.webhook.tokens = tokens;
    hook.webhook.n_tokens = 3;
    expect(&hook, 0, BODY);
    hook.headers[1].value = pusher_str("k2");
    expect(&hook, PUSHER_ESIGNATURE, "the signature is not that of this body");
    sign("s2", hook.webhook.body, hook.hex);
    expect(&hook, 0, BODY);
    hook.headers[1].value = pusher_str("empty");
    sign("", hook.webhook.body, hook.hex);
    expect(&hook, PUSHER_ESIGNATURE, "X-Pusher-Key names a key that is not ours");
}

Test(webhook, every_secret_of_the_key_is_tried)
{
    struct pusher_config config = some_config();
    struct pusher_token tokens[] = {{pusher_str("k"), pusher_str("new")},
                                    {pusher_str("k"), pusher_str("old")},
                                    {pusher_str(config.key), pusher_str("the one before")},
                                    {pusher_str("other"), pusher_str("another's")}};
    static const char *const good[] = {"new", "old"};
    struct hook hook;
    make_hook(&hook, BODY);
    hook.webhook.tokens = tokens;
    hook.webhook.n_tokens = 4;
    sign("the one before", hook.webhook.body, hook.hex);
    expect(&hook, 0, BODY);
    hook.headers[1].value = pusher_str("k");
    for (size_t i = 0; i < 2; i++) {
        sign(good[i], hook.webhook.body, hook.hex);
        expect(&hook, 0, BODY);
    }
    sign("another's", hook.webhook.body, hook.hex);
    expect(&hook, PUSHER_ESIGNATURE, "the signature is not that of this body");
    sign(config.secret, hook.webhook.body, hook.hex);
    expect(&hook, PUSHER_ESIGNATURE, "the signature is not that of this body");
}

/* Processor time for a body that nobody has signed, with so many key headers. */
static clock_t time_refusal(size_t n_keys)
{
    static char body[200000];
    struct pusher_param headers[64] = {{pusher_str("X-Pusher-Signature"), pusher_str("00")}};
    struct pusher_token tokens[32];
    struct pusher_webhook webhook = {.headers = headers,
                                     .n_headers = 1 + n_keys,
                                     .body = {body, sizeof(body)},
                                     .tokens = tokens,
                                     .n_tokens = 32};
    struct pusher_client *client = some_client();
    const char *text;
    for (size_t i = 0; i < 32; i++)
        tokens[i] = (struct pusher_token){pusher_str("k"), pusher_str("a secret")};
    for (size_t i = 0; i < n_keys; i++)
        headers[1 + i] = (struct pusher_param){pusher_str("X-Pusher-Key"), pusher_str("k")};
    clock_t begin = clock();
    cr_assert_eq(read_hook(client, &webhook, &text), PUSHER_ESIGNATURE);
    clock_t taken = clock() - begin;
    cr_assert_str_eq(text, "the signature is not that of this body");
    pusher_client_free(client);
    return taken;
}

/* The headers are a stranger's: 63 of them made a daemon hash for 15 seconds, with 64 tokens. */
Test(webhook, a_key_that_is_repeated_is_tried_once)
{
    clock_t once = time_refusal(1);
    clock_t often = time_refusal(63);
    cr_assert_lt(often, 8 * once, "%ld us for one key, %ld for 63", (long)once, (long)often);
}

Test(webhook, what_is_signed_but_no_webhook_is_told)
{
    static const char *const bad[] = {"x",
                                      "[]",
                                      "{}",
                                      "{\"time_ms\":1}",
                                      "{\"events\":[]}",
                                      "{\"time_ms\":\"1\",\"events\":[]}",
                                      "{\"time_ms\":1,\"events\":{}}",
                                      "{\"time_ms\":1,\"events\":[]"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct hook hook;
        make_hook(&hook, bad[i]);
        expect(&hook, PUSHER_EDATA, "the body is signed, but has no time_ms and events");
    }
}

Test(webhook, an_age_can_be_demanded)
{
    struct hook hook;
    make_hook(&hook, BODY);
    hook.webhook.max_age_ms = 1000;
    hook.webhook.unix_ms = 1327078148132 + 1000;
    expect(&hook, 0, BODY);
    hook.webhook.unix_ms = 1327078148132 - 1000;
    expect(&hook, 0, BODY);
    hook.webhook.unix_ms = 1327078148132 + 1001;
    expect(&hook, PUSHER_ESIGNATURE, "the webhook is of another time: more than 1000 ms away");
    hook.webhook.unix_ms = 1327078148132 - 1001;
    expect(&hook, PUSHER_ESIGNATURE, "the webhook is of another time: more than 1000 ms away");
    hook.webhook.max_age_ms = 0;
    expect(&hook, 0, BODY);
}

/* A client event with this data, read by this client: the event as it comes out; the caller drops
 * it. */
static json_t *read_client_event(const struct pusher_client *client, const char *channel,
                                 struct pusher_string data)
{
    json_t *body = json_pack("{s:i, s:[{s:s, s:s, s:s, s:s%}]}", "time_ms", 1, "events", "name",
                             "client_event", "channel", channel, "event", "client-x", "data",
                             data.ptr, data.len);
    char *text = json_dumps(body, JSON_COMPACT);
    struct hook hook;
    const char *got;
    make_hook(&hook, text);
    cr_assert_eq(read_hook(client, &hook.webhook, &got), 0, "%s", got);
    json_t *root = json_loads(got, 0, NULL);
    json_t *event = json_incref(json_array_get(json_object_get(root, "events"), 0));
    json_decref(root);
    json_decref(body);
    free(text);
    return event;
}

/* The data string of an encoded event; the caller drops the event. */
static json_t *seal(const struct pusher_client *client, const char *channel, const char *data)
{
    struct pusher_event event = {
        .channel = pusher_str(channel), .name = pusher_str("e"), .data = pusher_str(data)};
    char buf[1024];
    size_t size;
    cr_assert_eq(pusher_event_check(client, &event, &size, NULL), 0);
    cr_assert_eq(pusher_event_encode(client, &event, NULL, buf, size), 0);
    return json_loadb(buf, size, 0, NULL);
}

Test(webhook, client_events_are_decrypted)
{
    struct pusher_client *client = encrypting_client();
    json_t *sealed = seal(client, "private-encrypted-x", "{\"hello\":\"world\"}");
    json_t *event = read_client_event(client, "private-encrypted-x", vector_text(sealed, "data"));
    cr_assert_str_eq(vector_text(event, "data").ptr, "{\"hello\":\"world\"}");
    cr_assert_null(json_object_get(event, "encrypted_data"));
    json_decref(event);
    event = read_client_event(client, "private-plain", pusher_str("as it is"));
    cr_assert_str_eq(vector_text(event, "data").ptr, "as it is");
    json_decref(event);
    json_decref(sealed);
    pusher_client_free(client);
}

static void expect_undecrypted(const struct pusher_client *client, const char *channel,
                               const char *data)
{
    json_t *event = read_client_event(client, channel, pusher_str(data));
    cr_assert(json_is_null(json_object_get(event, "data")));
    cr_assert_str_eq(vector_text(event, "encrypted_data").ptr, data);
    json_decref(event);
}

Test(webhook, what_cannot_be_decrypted_is_not_taken_for_data)
{
    struct pusher_client *client = encrypting_client(), *keyless = some_client();
    json_t *sealed = seal(client, "private-encrypted-x", "secret");
    const char *data = vector_text(sealed, "data").ptr;
    expect_undecrypted(client, "private-encrypted-y", data);
    expect_undecrypted(client, "private-encrypted-x", "plain text of a liar");
    expect_undecrypted(keyless, "private-encrypted-x", data);
    json_decref(sealed);
    pusher_client_free(client);
    pusher_client_free(keyless);
}

/* What a client sealed may be no text at all. */
Test(webhook, decrypted_bytes_that_are_no_text_are_not_taken_for_data)
{
    struct pusher_client *client = encrypting_client();
    unsigned char secret[PUSHER_SECRET_BYTES], sealed[19];
    static const unsigned char nonce[PUSHER_NONCE_BYTES] = {0};
    char base64[64], data[256];
    cr_assert_eq(pusher_shared_secret(client, pusher_str("private-encrypted-x"), secret), 0);
    crypto_secretbox_easy(sealed, (const unsigned char *)"\xff\xfe!", 3, nonce, secret);
    sodium_bin2base64(base64, sizeof(base64), sealed, sizeof(sealed),
                      sodium_base64_VARIANT_ORIGINAL);
    snprintf(data, sizeof(data),
             "{\"nonce\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\",\"ciphertext\":\"%s\"}", base64);
    expect_undecrypted(client, "private-encrypted-x", data);
    pusher_client_free(client);
}
