#include <criterion/criterion.h>
#include <string.h>

#include "ring.h"

Test(ring, keeps_the_last_entries_and_counts_on)
{
    struct ring ring;
    ring_init(&ring, 3);
    for (int i = 1; i <= 5; i++) {
        memcpy(ring_add(&ring, sizeof(i)), &i, sizeof(i));
    }
    cr_expect_eq(ring.first, 3);
    cr_expect_eq(ring.next, 6);
    cr_expect_eq(*(const int *)ring_get(&ring, 3), 3);
    cr_expect_eq(*(const int *)ring_get(&ring, 5), 5);
    ring_deinit(&ring);
}

/* A fifth of the mapping each, so that entries wrap around often; every byte tells its owner. */
Test(ring, drops_whatever_a_new_entry_overwrites)
{
    struct ring ring;
    size_t len = RING_BYTES / 5 + 1000;
    ring_init(&ring, 100);
    for (unsigned char i = 1; i <= 13; i++) {
        memset(ring_add(&ring, len), i, len);
    }
    cr_expect_eq(ring.next, 14);
    cr_expect_eq(ring.next - ring.first, 4);
    for (uint64_t seq = ring.first; seq < ring.next; seq++) {
        const unsigned char *entry = ring_get(&ring, seq);
        cr_expect_eq(entry[0], seq);
        cr_expect_eq(entry[len - 1], seq);
    }
    ring_deinit(&ring);
}

Test(ring, of_no_entries_only_counts)
{
    struct ring ring;
    ring_init(&ring, 0);
    cr_expect_null(ring_add(&ring, 8));
    cr_expect_null(ring_add(&ring, 8));
    cr_expect_eq(ring.next, 3);
    cr_expect_eq(ring.first, 3);
    ring_deinit(&ring);
}
