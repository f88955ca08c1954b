#include "tests/unit/lib/oom.h"

#include <criterion/criterion.h>
#include <openssl/evp.h>
#include <stdarg.h>

static _Thread_local int countdown; /* the allocation that fails; 0: none */
static bool stays_failing, has_failed;

static bool fails(void)
{
    if (countdown == 0 || --countdown > 0)
        return false;
    has_failed = true;
    countdown = stays_failing ? 1 : 0;
    return true;
}

void *__real_malloc(size_t size);
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

/* Gives the number of allocations. */
static int sweep_once(oom_operation run)
{
    for (int n = 1; n < 1000; n++) {
        struct pusher_error error = {.code = 0};
        countdown = n;
        has_failed = false;
        int rc = run(&error);
        countdown = 0;
        if (!has_failed) {
            cr_assert_eq(rc, 0);
            return n - 1;
        }
        cr_assert_eq(rc, PUSHER_ENOMEM, "allocation %d: %d, %s", n, rc, error.text);
    }
    cr_assert_fail("it never succeeds");
    return -1;
}

int oom_sweep(oom_operation run)
{
    stays_failing = true;
    sweep_once(run);
    stays_failing = false;
    return sweep_once(run);
}

bool oom_has_failed(void)
{
    return has_failed;
}

int oom_pause(void)
{
    int paused = countdown;
    countdown = 0;
    return paused;
}

void oom_go_on(int paused)
{
    countdown = paused;
}
