/* The linker puts functions of ours in front of three others (--wrap): one counts the keys that are
 * computed, two refuse memory. */
#include "tests/unit/lib/vectors.h"

#include <openssl/evp.h>
#include <sodium.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/client_private.h"
#include "lib/sealer.h"

static unsigned n_computed;
static bool is_refused; /* memory that is locked, or wiped on a fork */

int __real_EVP_Digest(const void *data, size_t len, unsigned char *md, unsigned *size,
                      const EVP_MD *type, ENGINE *engine);
int __wrap_EVP_Digest(const void *data, size_t len, unsigned char *md, unsigned *size,
                      const EVP_MD *type, ENGINE *engine);
int __wrap_EVP_Digest(const void *data, size_t len, unsigned char *md, unsigned *size,
                      const EVP_MD *type, ENGINE *engine)
{
    n_computed++;
    return __real_EVP_Digest(data, len, md, size, type, engine);
}

void *__real_sodium_malloc(size_t size);
void *__wrap_sodium_malloc(size_t size);
void *__wrap_sodium_malloc(size_t size)
{
    return is_refused ? NULL : __real_sodium_malloc(size);
}

int __real_madvise(void *memory, size_t size, int advice);
int __wrap_madvise(void *memory, size_t size, int advice);
int __wrap_madvise(void *memory, size_t size, int advice)
{
    return is_refused ? -1 : __real_madvise(memory, size, advice);
}

static struct pusher_client *keeping_client(const char *master_key)
{
    struct pusher_config config = some_config();
    config.encryption_master_key_base64 = master_key;
    struct pusher_client *client = make_client(&config);
    cr_assert_eq(pusher__client_keep_keys(client), 0);
    return client;
}

static struct pusher_string channel_of(unsigned i, char name[64])
{
    return (struct pusher_string){name,
                                  (size_t)snprintf(name, 64, "private-encrypted-channel-%u", i)};
}

/* Of channels first to last, each of which must have the key that the library computes. */
static void use_channels(struct pusher_client *client, unsigned first, unsigned last)
{
    for (unsigned i = first; i < last; i++) {
        unsigned char kept[PUSHER_SECRET_BYTES], computed[PUSHER_SECRET_BYTES];
        char name[64];
        struct pusher_string channel = channel_of(i, name);
        cr_assert_eq(pusher__sealer_secret(client->sealer, client, channel, kept), 0);
        unsigned before = n_computed;
        cr_assert_eq(pusher_shared_secret(client, channel, computed), 0);
        n_computed = before;
        cr_assert_arr_eq(kept, computed, sizeof(kept), "channel %u", i);
    }
}

Test(sealer, a_channel_that_was_used_has_its_key_at_hand)
{
    struct pusher_client *client = keeping_client(SOME_MASTER_KEY);
    use_channels(client, 0, 20);
    cr_assert_eq(n_computed, 20);
    use_channels(client, 0, 20);
    cr_assert_eq(n_computed, 20);
    pusher_client_free(client);
}

Test(sealer, keeps_so_many_and_no_more)
{
    struct pusher_client *client = keeping_client(SOME_MASTER_KEY);
    const unsigned n = 3 * PUSHER__SEALER_KEYS;
    use_channels(client, 0, n);
    n_computed = 0;
    use_channels(client, 0, n);
    cr_assert_geq(n_computed, n - PUSHER__SEALER_KEYS);
    n_computed = 0;
    use_channels(client, n - 100, n);
    cr_assert_leq(n_computed, 10, "the last ones are still there, but for a few");
    pusher_client_free(client);
}

/* What a changed configuration does: a client is made with the new key, the old one freed. */
Test(sealer, another_master_key_gives_other_keys)
{
    unsigned char before[PUSHER_SECRET_BYTES], after[PUSHER_SECRET_BYTES];
    struct pusher_string channel = pusher_str("private-encrypted-a");
    struct pusher_client *old = keeping_client(SOME_MASTER_KEY);
    struct pusher_client *new = keeping_client("MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=");
    cr_assert_eq(pusher__sealer_secret(old->sealer, old, channel, before), 0);
    cr_assert_eq(pusher__sealer_secret(new->sealer, new, channel, after), 0);
    cr_assert_arr_neq(before, after, sizeof(before));
    pusher_client_free(old);
    use_channels(new, 0, 10);
    pusher_client_free(new);
}

Test(sealer, a_name_that_cannot_be_is_refused_each_time)
{
    struct pusher_client *client = keeping_client(SOME_MASTER_KEY);
    unsigned char secret[PUSHER_SECRET_BYTES];
    static char name[1001];
    memset(name, 'c', sizeof(name));
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(pusher__sealer_secret(client->sealer, client,
                                           (struct pusher_string){name, 1001}, secret),
                     PUSHER_ECHANNEL);
        cr_assert_eq(pusher__sealer_secret(client->sealer, client, pusher_str(NULL), secret),
                     PUSHER_ECHANNEL);
    }
    pusher_client_free(client);
}

static int compare_nonces(const void *a, const void *b)
{
    return memcmp(a, b, PUSHER_NONCE_BYTES);
}

static void expect_different(unsigned char nonces[][PUSHER_NONCE_BYTES], size_t n)
{
    qsort(nonces, n, PUSHER_NONCE_BYTES, compare_nonces);
    for (size_t i = 0; i < n; i++) {
        cr_assert_not(sodium_is_zero(nonces[i], PUSHER_NONCE_BYTES));
        cr_assert(i == 0 || memcmp(nonces[i - 1], nonces[i], PUSHER_NONCE_BYTES) != 0);
    }
}

Test(sealer, no_nonce_comes_twice)
{
    static unsigned char nonces[20000][PUSHER_NONCE_BYTES];
    struct pusher_client *clients[] = {keeping_client(SOME_MASTER_KEY),
                                       keeping_client(SOME_MASTER_KEY)};
    for (size_t i = 0; i < 20000; i++)
        pusher__sealer_nonce(clients[i % 2]->sealer, nonces[i]);
    expect_different(nonces, 20000);
    pusher_client_free(clients[0]);
    pusher_client_free(clients[1]);
}

#define DRAWN 300

static void draw(const struct pusher_client *client, unsigned char nonces[][PUSHER_NONCE_BYTES])
{
    for (size_t i = 0; i < DRAWN; i++)
        pusher__sealer_nonce(client->sealer, nonces[i]);
}

Test(sealer, a_child_has_no_nonce_of_its_parent)
{
    static unsigned char nonces[2 * DRAWN][PUSHER_NONCE_BYTES];
    struct pusher_client *client = keeping_client(SOME_MASTER_KEY);
    int ends[2], status;
    cr_assert_eq(pipe(ends), 0);
    pusher__sealer_nonce(client->sealer, nonces[0]); /* many are drawn now */
    pid_t child = fork();
    if (child == 0) {
        draw(client, nonces);
        _exit(write(ends[1], nonces, sizeof(nonces) / 2) == (ssize_t)sizeof(nonces) / 2 ? 0 : 1);
    }
    cr_assert(child > 0 && waitpid(child, &status, 0) == child && status == 0);
    cr_assert_eq(read(ends[0], nonces, sizeof(nonces) / 2), (ssize_t)sizeof(nonces) / 2);
    draw(client, nonces + DRAWN);
    expect_different(nonces, 2 * DRAWN);
    close(ends[0]);
    close(ends[1]);
    pusher_client_free(client);
}

/* An event of `len` bytes; buf is large enough. Gives its size. */
static size_t encode(const struct pusher_client *client, size_t len, const unsigned char *nonce,
                     char *buf)
{
    static char text[1000];
    memset(text, 'x', sizeof(text));
    struct pusher_event event = {
        .channel = pusher_str("private-encrypted-a"), .name = pusher_str("e"), .data = {text, len}};
    size_t size;
    cr_assert_eq(pusher_event_check(client, &event, &size, NULL), 0);
    cr_assert_eq(pusher_event_encode(client, &event, nonce, buf, size), 0);
    return size;
}

Test(sealer, an_event_is_the_same_with_a_key_at_hand)
{
    static const unsigned char nonce[PUSHER_NONCE_BYTES] = {1};
    static char kept[4000], computed[4000];
    struct pusher_client *client = keeping_client(SOME_MASTER_KEY), *other = encrypting_client();
    for (size_t len = 0; len <= 1000; len++) {
        size_t size = encode(client, len, nonce, kept);
        cr_assert_eq(encode(other, len, nonce, computed), size);
        cr_assert_arr_eq(kept, computed, size);
    }
    cr_assert_neq(encode(client, 10, NULL, kept), 0);
    cr_assert_neq(encode(client, 10, NULL, computed), 0);
    cr_assert_str_neq(kept, computed);
    pusher_client_free(client);
    pusher_client_free(other);
}

Test(sealer, without_memory_it_computes_and_draws)
{
    static unsigned char nonces[2][PUSHER_NONCE_BYTES];
    struct pusher_client *client = keeping_client(SOME_MASTER_KEY);
    is_refused = true;
    use_channels(client, 0, 10);
    use_channels(client, 0, 10);
    cr_assert_eq(n_computed, 20);
    pusher__sealer_nonce(client->sealer, nonces[0]);
    pusher__sealer_nonce(client->sealer, nonces[1]);
    expect_different(nonces, 2);
    pusher_client_free(client);
}

Test(sealer, a_client_without_a_key_keeps_none)
{
    struct pusher_client *client = some_client();
    cr_assert_eq(pusher__client_keep_keys(client), 0);
    cr_assert_null(client->sealer);
    pusher_client_free(client);
}
