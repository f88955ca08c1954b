/* Keys: a table of sets of a few slots, in locked memory. A channel stands in the set that its tag
 * names, SipHash of its name with a key of our own: 128 bits that nobody outside can compute, so
 * that no two channels have the same. In a full set the new key overwrites another, in turns. A
 * tag of zeros is that of an empty slot.
 *
 * Nonces: a seed from the kernel is expanded to a page of them, and each is wiped when it is taken.
 * The kernel gives a child zeros in place of that page: also in n_left, so that it draws its own.
 * Where the kernel does not know how (before Linux 4.14), nothing is drawn ahead. */
#include "lib/sealer.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "lib/client_private.h"

#define WAYS   4
#define SETS   (PUSHER__SEALER_KEYS / WAYS)
#define NONCES 128

struct slot {
    unsigned char tag[crypto_shorthash_siphashx24_BYTES];
    unsigned char secret[PUSHER_SECRET_BYTES];
};

struct keyring {
    unsigned char tag_key[crypto_shorthash_siphashx24_KEYBYTES];
    struct slot sets[SETS][WAYS];
};

struct drawn {
    size_t n_left;
    unsigned char nonces[NONCES][PUSHER_NONCE_BYTES];
};

struct pusher__sealer {
    struct keyring *keyring; /* owned, of sodium_malloc(); NULL: none */
    struct drawn *drawn;     /* owned, of mmap(); NULL: none */
    unsigned next_way;
    bool is_open;
};

_Static_assert(sizeof(struct keyring) % _Alignof(max_align_t) == 0, "see sodium_malloc()");
_Static_assert(sizeof(struct drawn) <= 4096, "a page");

int pusher__client_keep_keys(struct pusher_client *client)
{
    if (!client->can_encrypt || client->sealer)
        return 0;
    client->sealer = calloc(1, sizeof(*client->sealer));
    return client->sealer ? 0 : PUSHER_ENOMEM;
}

void pusher__sealer_free(struct pusher__sealer *sealer)
{
    if (!sealer)
        return;
    sodium_free(sealer->keyring);
    if (sealer->drawn)
        munmap(sealer->drawn, sizeof(*sealer->drawn));
    free(sealer);
}

static struct keyring *open_keyring(void)
{
    struct keyring *keyring = sodium_malloc(sizeof(*keyring));
    if (!keyring)
        return NULL;
    sodium_memzero(keyring, sizeof(*keyring));
    randombytes_buf(keyring->tag_key, sizeof(keyring->tag_key));
    return keyring;
}

static struct drawn *open_drawn(void)
{
    struct drawn *drawn =
        mmap(NULL, sizeof(*drawn), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (drawn == MAP_FAILED)
        return NULL;
    if (madvise(drawn, sizeof(*drawn), MADV_WIPEONFORK) != 0) {
        munmap(drawn, sizeof(*drawn));
        return NULL;
    }
    return drawn;
}

static void open_once(struct pusher__sealer *sealer)
{
    if (sealer->is_open)
        return;
    sealer->is_open = true;
    sealer->keyring = open_keyring();
    sealer->drawn = open_drawn();
}

void pusher__sealer_add_locked(const struct pusher__sealer *sealer, struct pusher__locked *sum)
{
    if (sealer && (sealer->keyring || !sealer->is_open)) /* else there was no memory for one */
        pusher__locked_add(sum, sealer->keyring, sizeof(*sealer->keyring));
}

static struct slot *set_of(struct keyring *keyring, const unsigned char *tag)
{
    return keyring->sets[((unsigned)tag[0] << 8 | tag[1]) % SETS];
}

static struct slot *find(struct slot *set, const unsigned char *tag)
{
    for (size_t i = 0; i < WAYS; i++) {
        if (memcmp(set[i].tag, tag, sizeof(set[i].tag)) == 0)
            return &set[i];
    }
    return NULL;
}

static void keep(struct pusher__sealer *sealer, struct slot *set, const struct slot *new)
{
    static const unsigned char no_tag[sizeof(new->tag)];
    struct slot *slot = find(set, no_tag);
    if (!slot)
        slot = &set[sealer->next_way++ % WAYS];
    *slot = *new;
}

int pusher__sealer_secret(struct pusher__sealer *sealer, const struct pusher_client *client,
                          struct pusher_string channel,
                          unsigned char ret_secret[PUSHER_SECRET_BYTES])
{
    struct slot new;
    open_once(sealer);
    if (!sealer->keyring || !channel.ptr)
        return pusher_shared_secret(client, channel, ret_secret);
    crypto_shorthash_siphashx24(new.tag, (const unsigned char *)channel.ptr, channel.len,
                                sealer->keyring->tag_key);
    struct slot *set = set_of(sealer->keyring, new.tag);
    const struct slot *known = find(set, new.tag);
    if (known) {
        memcpy(ret_secret, known->secret, sizeof(known->secret));
        return 0;
    }
    int rc = pusher_shared_secret(client, channel, new.secret);
    if (rc == 0) {
        memcpy(ret_secret, new.secret, sizeof(new.secret));
        keep(sealer, set, &new);
    }
    sodium_memzero(new.secret, sizeof(new.secret));
    return rc;
}

static void draw(struct drawn *drawn)
{
    unsigned char seed[randombytes_SEEDBYTES];
    randombytes_buf(seed, sizeof(seed));
    randombytes_buf_deterministic(drawn->nonces, sizeof(drawn->nonces), seed);
    sodium_memzero(seed, sizeof(seed));
    drawn->n_left = NONCES;
}

void pusher__sealer_nonce(struct pusher__sealer *sealer,
                          unsigned char ret_nonce[PUSHER_NONCE_BYTES])
{
    open_once(sealer);
    if (!sealer->drawn) {
        randombytes_buf(ret_nonce, PUSHER_NONCE_BYTES);
        return;
    }
    if (sealer->drawn->n_left == 0)
        draw(sealer->drawn);
    unsigned char *nonce = sealer->drawn->nonces[--sealer->drawn->n_left];
    memcpy(ret_nonce, nonce, PUSHER_NONCE_BYTES);
    sodium_memzero(nonce, PUSHER_NONCE_BYTES);
}
