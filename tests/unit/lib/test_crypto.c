#include "tests/unit/lib/vectors.h"

#include <sodium.h>

static struct pusher_client *client_of(const json_t *row)
{
    struct pusher_config config = some_config();
    config.encryption_master_key_base64 = vector_text(row, "master_key").ptr;
    return make_client(&config);
}

static void expect_secret(const json_t *row)
{
    struct pusher_client *client = client_of(row);
    unsigned char secret[PUSHER_SECRET_BYTES];
    char base64[64];
    cr_assert_eq(pusher_shared_secret(client, vector_text(row, "channel"), secret), 0);
    sodium_bin2base64(base64, sizeof(base64), secret, sizeof(secret),
                      sodium_base64_VARIANT_ORIGINAL);
    cr_assert_str_eq(base64, vector_text(row, "shared_secret").ptr);
    pusher_client_free(client);
}

Test(crypto, shared_secrets_are_those_of_the_sdks)
{
    json_t *rows = load_vectors("encryption.json"), *row;
    size_t i;
    json_array_foreach(rows, i, row) expect_secret(row);
    json_decref(rows);
}

Test(crypto, opens_what_other_libraries_sealed)
{
    json_t *rows = load_vectors("encryption.json"), *row;
    size_t i, n_opened = 0;
    json_array_foreach(rows, i, row)
    {
        char data[512], *plaintext;
        size_t len;
        if (!vector_text(row, "nonce").ptr)
            continue;
        struct pusher_client *client = client_of(row);
        snprintf(data, sizeof(data), "{\"ciphertext\":\"%s\", \"nonce\":\"%s\"}",
                 vector_text(row, "ciphertext").ptr, vector_text(row, "nonce").ptr);
        cr_assert_eq(
            pusher_decrypt(client, vector_text(row, "channel"), pusher_str(data), &plaintext, &len),
            0);
        cr_assert_str_eq(plaintext, vector_text(row, "plaintext").ptr);
        cr_assert_eq(len, vector_text(row, "plaintext").len);
        free(plaintext);
        pusher_client_free(client);
        n_opened++;
    }
    cr_assert_eq(n_opened, 2);
    json_decref(rows);
}

/* The data string of an encoded event; the caller drops the event. */
static json_t *encode(const struct pusher_client *client, struct pusher_string data,
                      const unsigned char *nonce)
{
    struct pusher_event event = {
        pusher_str("private-encrypted-bla"), pusher_str("e"), data, {NULL, 0}, {NULL, 0}};
    size_t size;
    cr_assert_eq(pusher_event_check(client, &event, &size, NULL), 0);
    char *buf = malloc(size); /* exactly: ASan sees any byte more */
    cr_assert_eq(pusher_event_encode(client, &event, nonce, buf, size), 0);
    json_t *object = json_loadb(buf, size, 0, NULL);
    cr_assert_not_null(object);
    free(buf);
    return object;
}

Test(crypto, seals_as_another_library_does)
{
    json_t *rows = load_vectors("encryption.json");
    const json_t *row = json_array_get(rows, 2);
    struct pusher_client *client = client_of(row);
    unsigned char nonce[PUSHER_NONCE_BYTES];
    for (unsigned char i = 0; i < sizeof(nonce); i++)
        nonce[i] = i;
    json_t *event = encode(client, vector_text(row, "plaintext"), nonce);
    char want[256];
    snprintf(want, sizeof(want), "{\"nonce\":\"%s\",\"ciphertext\":\"%s\"}",
             vector_text(row, "nonce").ptr, vector_text(row, "ciphertext").ptr);
    cr_assert_str_eq(vector_text(event, "data").ptr, want);
    json_decref(event);
    json_decref(rows);
    pusher_client_free(client);
}

Test(crypto, every_length_comes_back)
{
    struct pusher_client *client = encrypting_client();
    char text[600];
    memset(text, 'x', sizeof(text));
    for (size_t len = 0; len < sizeof(text); len++) {
        struct pusher_string data = {text, len};
        char *plaintext;
        size_t got;
        json_t *event = encode(client, data, NULL);
        cr_assert_eq(vector_text(event, "data").len, pusher_encrypted_size(len));
        cr_assert_eq(pusher_decrypt(client, pusher_str("private-encrypted-bla"),
                                    vector_text(event, "data"), &plaintext, &got),
                     0);
        cr_assert(got == len && memcmp(plaintext, text, len) == 0 && plaintext[len] == '\0');
        free(plaintext);
        json_decref(event);
    }
    pusher_client_free(client);
}

Test(crypto, nonces_are_drawn_anew)
{
    struct pusher_client *client = encrypting_client();
    json_t *a = encode(client, pusher_str("x"), NULL), *b = encode(client, pusher_str("x"), NULL);
    cr_assert_str_neq(vector_text(a, "data").ptr, vector_text(b, "data").ptr);
    json_decref(a);
    json_decref(b);
    pusher_client_free(client);
}

Test(crypto, data_that_does_not_fit_the_stack_is_sealed_too)
{
    struct pusher_config config = some_config();
    config.encryption_master_key_base64 = SOME_MASTER_KEY;
    config.max_event_bytes = 1 << 20;
    struct pusher_client *client = make_client(&config);
    char *text = malloc(500000), *plaintext;
    size_t len;
    memset(text, 'y', 500000);
    json_t *event = encode(client, (struct pusher_string){text, 500000}, NULL);
    cr_assert_eq(pusher_decrypt(client, pusher_str("private-encrypted-bla"),
                                vector_text(event, "data"), &plaintext, &len),
                 0);
    cr_assert(len == 500000 && memcmp(text, plaintext, len) == 0);
    free(plaintext);
    free(text);
    json_decref(event);
    pusher_client_free(client);
}

Test(crypto, the_limit_is_of_the_encrypted_data)
{
    struct pusher_client *client = encrypting_client();
    static char text[7620];
    memset(text, 'x', sizeof(text));
    struct pusher_event event = {
        pusher_str("private-encrypted-bla"), pusher_str("e"), {text, 7619}, {NULL, 0}, {NULL, 0}};
    size_t size;
    struct pusher_error error;
    cr_assert_eq(pusher_encrypted_size(0), 84);
    cr_assert_eq(pusher_encrypted_size(7000), 9416);
    cr_assert_eq(pusher_event_check(client, &event, &size, NULL), 0);
    event.data.len = 7620;
    cr_assert_eq(pusher_event_check(client, &event, &size, &error), PUSHER_ETOOLARGE);
    cr_assert_str_eq(error.text,
                     "the data has 10244 bytes when encrypted, at most 10240 are allowed");
    pusher_client_free(client);
}

static int decrypt(const struct pusher_client *client, const char *channel, const char *data)
{
    char *plaintext = NULL;
    size_t len;
    int rc = pusher_decrypt(client, pusher_str(channel), pusher_str(data), &plaintext, &len);
    free(plaintext);
    return rc;
}

Test(crypto, what_was_changed_or_has_another_key_is_not_opened)
{
    struct pusher_client *client = encrypting_client();
    json_t *event = encode(client, pusher_str("hello"), NULL);
    char *data = strdup(vector_text(event, "data").ptr);
    cr_assert_eq(decrypt(client, "private-encrypted-bla", data), 0);
    cr_assert_eq(decrypt(client, "private-encrypted-blb", data), PUSHER_ESIGNATURE);
    char *c = strstr(data, "ciphertext") + strlen("ciphertext\":\"");
    *c = *c == 'A' ? 'B' : 'A';
    cr_assert_eq(decrypt(client, "private-encrypted-bla", data), PUSHER_ESIGNATURE);
    free(data);
    json_decref(event);
    pusher_client_free(client);
}

Test(crypto, what_is_no_encrypted_data_is_told)
{
    struct pusher_client *client = encrypting_client();
    static const char *const bad[] = {
        "",
        "hello",
        "{}",
        "[]",
        "{\"nonce\":1,\"ciphertext\":2}",
        "{\"nonce\":\"AAAA\",\"ciphertext\":\"AAAA\"}",
        "{\"nonce\":\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYX\",\"ciphertext\":\"AAAA\"}",
        "{\"nonce\":\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYX\",\"ciphertext\":\"!!\"}",
        "{\"nonce\":\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYX\"}"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        cr_assert_eq(decrypt(client, "private-encrypted-bla", bad[i]), PUSHER_EDATA, "%s", bad[i]);
    cr_assert_eq(decrypt(client, "private-encrypted-bla", NULL), PUSHER_EDATA);
    pusher_client_free(client);
}

Test(crypto, a_channel_has_a_limit)
{
    struct pusher_client *client = encrypting_client();
    unsigned char secret[PUSHER_SECRET_BYTES];
    static char name[1001];
    memset(name, 'c', sizeof(name));
    cr_assert_eq(pusher_shared_secret(client, (struct pusher_string){name, 1000}, secret), 0);
    cr_assert_eq(pusher_shared_secret(client, (struct pusher_string){name, 1001}, secret),
                 PUSHER_ECHANNEL);
    cr_assert_eq(pusher_shared_secret(client, pusher_str(NULL), secret), PUSHER_ECHANNEL);
    pusher_client_free(client);
}

Test(crypto, nothing_works_without_a_key)
{
    struct pusher_client *client = some_client();
    unsigned char secret[PUSHER_SECRET_BYTES];
    cr_assert_eq(pusher_shared_secret(client, pusher_str("private-encrypted-x"), secret),
                 PUSHER_ENOKEY);
    cr_assert_eq(decrypt(client, "private-encrypted-x", "{}"), PUSHER_ENOKEY);
    pusher_client_free(client);
}
