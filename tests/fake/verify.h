/* Is a request signed as Pusher asks? (pusher.com/docs, "HTTP API", Authentication; the order of
 * the checks and their texts are those of Pusher's own checker, github.com/pusher/pusher-signature)
 */
#ifndef TESTS_FAKE_VERIFY_H
#define TESTS_FAKE_VERIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "query.h"

#define APP_ID_MAX     64
#define APP_KEY_MAX    64
#define APP_SECRET_MAX 128

#define VERIFY_GRACE_S 600 /* "not within 600s of server time" */

struct app {
    char id[APP_ID_MAX];
    char key[APP_KEY_MAX];
    char secret[APP_SECRET_MAX];
};

/* Reads "ID:KEY:SECRET". Returns 0, or -1 if it is not that. */
int app_parse(const char *text, struct app *ret_app);

struct verify_input {
    const char *method;
    const char *path; /* as received, not decoded */
    const struct query *query;
    const char *body;
    size_t body_len;
    int64_t now_s;
    bool checks_time;
};

/* Returns NULL if the request is signed by the app, else the reason as a text that is malloc'ed. */
char *verify_request(const struct app *app, const struct verify_input *input);

/* Lower-case hexadecimal; 32 and 64 characters and a NUL. */
void verify_md5(const char *bytes, size_t len, char ret_hex[33]);
void verify_hmac(const char *secret, const char *text, char ret_hex[65]);

#endif
