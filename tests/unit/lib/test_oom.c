/* Every allocation that the library makes itself fails once: the call must say so, leak nothing and
 * stay usable. The linker puts our functions in the place of the C library's (--wrap). */
#include <openssl/evp.h>
#include <stdarg.h>

#include "tests/unit/lib/vectors.h"

static int countdown; /* the allocation that fails; 0: none */
static bool has_failed;

static bool fails(void)
{
    if (countdown == 0 || --countdown > 0)
        return false;
    has_failed = true;
    return true;
}

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size)
{
    return fails() ? NULL : __real_calloc(n, size);
}

char *__real_strdup(const char *text);
char *__wrap_strdup(const char *text);
char *__wrap_strdup(const char *text)
{
    return fails() ? NULL : __real_strdup(text);
}

char *__real_strndup(const char *text, size_t n);
char *__wrap_strndup(const char *text, size_t n);
char *__wrap_strndup(const char *text, size_t n)
{
    return fails() ? NULL : __real_strndup(text, n);
}

int __wrap_vasprintf(char **ret, const char *format, va_list args);
int __real_vasprintf(char **ret, const char *format, va_list args);
__attribute__((format(printf, 2, 0))) int __wrap_vasprintf(char **ret, const char *format,
                                                           va_list args)
{
    return fails() ? -1 : __real_vasprintf(ret, format, args);
}

/* Needs memory of libcrypto's own. */
int __real_EVP_Digest(const void *data, size_t n, unsigned char *md, unsigned *size,
                      const EVP_MD *type, ENGINE *impl);
int __wrap_EVP_Digest(const void *data, size_t n, unsigned char *md, unsigned *size,
                      const EVP_MD *type, ENGINE *impl);
int __wrap_EVP_Digest(const void *data, size_t n, unsigned char *md, unsigned *size,
                      const EVP_MD *type, ENGINE *impl)
{
    return fails() ? 0 : __real_EVP_Digest(data, n, md, size, type, impl);
}

static struct pusher_client *client; /* made before anything fails */

/* One call: its code, and nothing left allocated. */
typedef int (*operation)(struct pusher_error *error);

/* Fails the 1st, 2nd, ... allocation, until the call needs fewer. Gives the number of them. */
static int sweep(operation run)
{
    client = encrypting_client();
    for (int n = 1; n < 1000; n++) {
        struct pusher_error error = {.code = 0};
        countdown = n;
        has_failed = false;
        int rc = run(&error);
        countdown = 0;
        if (!has_failed) {
            cr_assert_eq(rc, 0);
            pusher_client_free(client);
            return n - 1;
        }
        cr_assert_eq(rc, PUSHER_ENOMEM, "allocation %d: %d, %s", n, rc, error.text);
    }
    cr_assert_fail("it never succeeds");
    return -1;
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
