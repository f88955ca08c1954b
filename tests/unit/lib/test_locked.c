/* What is said of locked memory. Locking is done by the kernel here, also where a sanitizer puts a
 * function of its own in front, which locks nothing: --wrap, and then the system call. Root may
 * lock what it likes, so it is another user while a limit is to hold. */
#include "tests/unit/lib/vectors.h"

#include <sodium.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/client_private.h"
#include "lib/locked.h"
#include "lib/sealer.h"

#define NOBODY 65534

int __wrap_sodium_mlock(void *block, size_t size);
int __wrap_sodium_mlock(void *block, size_t size)
{
    return (int)syscall(SYS_mlock, block, size);
}

static size_t page;

static void limit_to(rlim_t bytes)
{
    struct rlimit limit;
    cr_assert_eq(getrlimit(RLIMIT_MEMLOCK, &limit), 0);
    limit.rlim_cur = bytes;
    cr_assert_eq(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
    if (geteuid() == 0) {
        cr_assert_eq(seteuid(NOBODY), 0);
    }
}

static void open_locked(void)
{
    page = (size_t)sysconf(_SC_PAGESIZE);
    cr_assert_eq(pusher_init(), 0);
}

TestSuite(locked, .init = open_locked);

static struct pusher_client *client_of(const char *master_key)
{
    struct pusher_config config = some_config();
    config.encryption_master_key_base64 = master_key;
    struct pusher_client *client = make_client(&config);
    cr_assert_eq(pusher__client_keep_keys(client), 0);
    return client;
}

static struct pusher__locked locked_of(const struct pusher_client *client)
{
    struct pusher__locked locked = {0};
    pusher__client_add_locked(client, &locked);
    return locked;
}

static void use_keys(struct pusher_client *client)
{
    unsigned char secret[PUSHER_SECRET_BYTES];
    cr_assert_eq(
        pusher__sealer_secret(client->sealer, client, pusher_str("private-encrypted-a"), secret),
        0);
}

Test(locked, an_app_that_encrypts_nothing_takes_a_page)
{
    struct pusher_client *client = client_of(NULL);
    limit_to(page);
    cr_expect_eq(locked_of(client).needed, page);
    cr_expect_eq(locked_of(client).missing, 0);
    pusher_client_free(client);
}

Test(locked, asking_again_counts_nothing_twice)
{
    struct pusher_client *client = client_of(NULL);
    limit_to(page);
    for (int i = 0; i < 100; i++) {
        cr_expect_eq(locked_of(client).missing, 0);
    }
    pusher_client_free(client);
}

Test(locked, what_the_limit_forbids_is_missing_until_it_does_not)
{
    struct pusher_client *client = client_of(NULL);
    cr_assert_eq(syscall(SYS_munlock, client->secrets, (size_t)1), 0);
    limit_to(0);
    cr_expect_eq(locked_of(client).missing, page);
    limit_to(page);
    cr_expect_eq(locked_of(client).missing, 0);
    pusher_client_free(client);
}

Test(locked, keys_of_channels_are_missing_until_the_first_is_used)
{
    struct pusher_client *client = client_of(SOME_MASTER_KEY);
    size_t keys = locked_of(client).needed - page;
    cr_expect_geq(keys, 48 * PUSHER__SEALER_KEYS);
    cr_expect_leq(keys, 48 * PUSHER__SEALER_KEYS + 2 * page);
    cr_expect_eq(locked_of(client).missing, keys);
    use_keys(client);
    limit_to(keys + page);
    cr_expect_eq(locked_of(client).missing, 0);
    cr_expect_eq(locked_of(client).needed, keys + page);
    pusher_client_free(client);
}

Test(locked, keys_that_are_wiped_need_nothing)
{
    struct pusher_client *client = client_of(SOME_MASTER_KEY);
    pusher__client_forget_keys(client);
    cr_expect_eq(locked_of(client).needed, 0);
    cr_expect_eq(locked_of(client).missing, 0);
    pusher_client_free(client);
}
