#include "verify.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int take_field(const char **text, char *field, size_t size, bool last)
{
    size_t len = strcspn(*text, last ? "" : ":");
    if (len == 0 || len >= size || (!last && (*text)[len] != ':')) {
        return -1;
    }
    memcpy(field, *text, len);
    field[len] = '\0';
    *text += len + (last ? 0 : 1);
    return 0;
}

int app_parse(const char *text, struct app *ret_app)
{
    struct app app;
    if (take_field(&text, app.id, sizeof(app.id), false) ||
        take_field(&text, app.key, sizeof(app.key), false) ||
        take_field(&text, app.secret, sizeof(app.secret), true)) {
        return -1;
    }
    *ret_app = app;
    return 0;
}

static void to_hex(const unsigned char *bytes, size_t len, char *hex)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        hex[2 * i] = digits[bytes[i] >> 4];
        hex[2 * i + 1] = digits[bytes[i] & 15];
    }
    hex[2 * len] = '\0';
}

void verify_md5(const char *bytes, size_t len, char ret_hex[33])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int n = 0;
    if (!EVP_Digest(bytes, len, digest, &n, EVP_md5(), NULL) || n != 16) {
        abort();
    }
    to_hex(digest, n, ret_hex);
}

void verify_hmac(const char *secret, const char *text, char ret_hex[65])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int n = 0;
    if (!HMAC(EVP_sha256(), secret, (int)strlen(secret), (const unsigned char *)text, strlen(text),
              digest, &n) ||
        n != 32) {
        abort();
    }
    to_hex(digest, n, ret_hex);
}

static bool same(const char *a, const char *b)
{
    size_t len = strlen(a);
    return len == strlen(b) && CRYPTO_memcmp(a, b, len) == 0;
}

static char *wrong_md5(const char *expected)
{
    char *text;
    if (asprintf(&text, "Invalid body_md5: the MD5 of the body is %s", expected) < 0) {
        abort();
    }
    return text;
}

static void iso8601(int64_t unix_s, char ret_text[32])
{
    struct tm tm;
    time_t when = (time_t)unix_s;
    if (!gmtime_r(&when, &tm)) {
        tm = (struct tm){.tm_mday = 1, .tm_year = 70};
    }
    strftime(ret_text, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

static char *check_time(const char *stamp, int64_t now_s)
{
    if (!stamp) {
        return strdup("Timestamp required");
    }
    int64_t given_s = strtoll(stamp, NULL, 10);
    if (given_s > now_s - VERIFY_GRACE_S && given_s < now_s + VERIFY_GRACE_S) {
        return NULL;
    }
    char given[32];
    char now[32];
    char *text;
    iso8601(given_s, given);
    iso8601(now_s, now);
    if (asprintf(&text,
                 "Timestamp expired: Given timestamp (%s) not within %ds of server time (%s)",
                 given, VERIFY_GRACE_S, now) < 0) {
        abort();
    }
    return text;
}

/* The body's digest is a parameter as the others are, so that the signature covers the body. */
static char *check_body(const struct verify_input *input)
{
    const char *given = query_get(input->query, "body_md5");
    if (!given) {
        return input->body_len ? strdup("Missing parameter: body_md5") : NULL;
    }
    char md5[33];
    verify_md5(input->body, input->body_len, md5);
    return same(given, md5) ? NULL : wrong_md5(md5);
}

static char *string_to_sign(const struct verify_input *input)
{
    char *text;
    char *params = query_canonical(input->query);
    if (asprintf(&text, "%s\n%s\n%s", input->method, input->path, params) < 0) {
        abort();
    }
    free(params);
    return text;
}

/* As Ruby's inspect prints a string: the text is what users of hosted Pusher see. */
static char *inspect(const char *text)
{
    char *quoted = malloc(2 * strlen(text) + 3);
    char *out = quoted;
    *out++ = '"';
    for (; *text; text++) {
        if (*text == '\n' || *text == '"' || *text == '\\') {
            *out++ = '\\';
        }
        *out++ = *text == '\n' ? 'n' : *text;
    }
    *out++ = '"';
    *out = '\0';
    return quoted;
}

static char *wrong_signature(const char *signed_text, const char *given)
{
    char *expected = inspect(signed_text);
    char *sent = inspect(given);
    char *text;
    if (asprintf(&text,
                 "Invalid signature: you should have sent HmacSHA256Hex(%s, your_secret_key), but "
                 "you sent %s",
                 expected, sent) < 0) {
        abort();
    }
    free(expected);
    free(sent);
    return text;
}

static char *check_signature(const struct app *app, const struct verify_input *input)
{
    const char *given = query_get(input->query, "auth_signature");
    char *text = string_to_sign(input);
    char expected[65];
    verify_hmac(app->secret, text, expected);
    char *error = given && same(given, expected) ? NULL : wrong_signature(text, given ? given : "");
    free(text);
    return error;
}

static char *check_key(const struct app *app, const struct query *query)
{
    const char *key = query_get(query, "auth_key");
    if (!key) {
        return strdup("Missing parameter: auth_key");
    }
    return same(key, app->key) ? NULL : strdup("Unknown auth_key");
}

static char *check_version(const struct query *query)
{
    const char *version = query_get(query, "auth_version");
    if (!version) {
        return strdup("Version required");
    }
    return same(version, "1.0") ? NULL : strdup("Version not supported");
}

char *verify_request(const struct app *app, const struct verify_input *input)
{
    char *error = check_key(app, input->query);
    if (!error) {
        error = check_version(input->query);
    }
    if (!error && input->checks_time) {
        error = check_time(query_get(input->query, "auth_timestamp"), input->now_s);
    }
    if (!error) {
        error = check_body(input);
    }
    return error ? error : check_signature(app, input);
}
