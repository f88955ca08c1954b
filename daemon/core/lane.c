/* The table chains lanes in buckets. A lane exists while it has entries or holders, so the table's
 * size follows what is in memory, not the number of channels in the world.
 *
 * part->n_first counts the lanes in which a part is first: head_gains() counts when an entry
 * becomes the head of a free lane. It never stops to be that but by leaving its lanes, all at once.
 */
#include "daemon/core/lane.h"

#include <stdlib.h>
#include <string.h>

#include "lib/require.h"

static size_t buckets_for(size_t n_lanes)
{
    size_t n_buckets = 64;

    while (n_buckets < n_lanes)
        n_buckets *= 2;
    return n_buckets;
}

int lanes_init(struct lanes *lanes, size_t n_lanes)
{
    size_t n_buckets = buckets_for(n_lanes);

    memset(lanes, 0, sizeof(*lanes));
    lanes->buckets = calloc(n_buckets, sizeof(struct lane *));
    if (!lanes->buckets)
        return -1;
    lanes->n_buckets = n_buckets;
    return 0;
}

void lanes_deinit(struct lanes *lanes)
{
    REQUIRE(lanes->n_lanes == 0);
    while (lanes->spare) {
        struct lane *lane = lanes->spare;

        lanes->spare = lane->next;
        free(lane);
    }
    free(lanes->buckets);
    lanes->buckets = NULL;
}

static struct lane **bucket_of(struct lanes *lanes, uint64_t key)
{
    return &lanes->buckets[key & (lanes->n_buckets - 1)];
}

void lanes_grow(struct lanes *lanes, size_t n_lanes)
{
    struct lanes grown = *lanes;

    grown.n_buckets = buckets_for(n_lanes);
    if (grown.n_buckets <= lanes->n_buckets ||
        !(grown.buckets = calloc(grown.n_buckets, sizeof(struct lane *))))
        return;
    for (size_t i = 0; i < lanes->n_buckets; i++) {
        for (struct lane *lane = lanes->buckets[i], *next; lane; lane = next) {
            struct lane **bucket = bucket_of(&grown, lane->key);

            next = lane->next;
            lane->next = *bucket;
            *bucket = lane;
        }
    }
    free(lanes->buckets);
    *lanes = grown;
}

static struct lane *add_lane(struct lanes *lanes, uint64_t key)
{
    struct lane **bucket = bucket_of(lanes, key);
    struct lane *lane = lanes->spare;

    if (lane)
        lanes->spare = lane->next;
    else if (!(lane = malloc(sizeof(*lane))))
        return NULL;
    lane->key = key;
    lane->n_holders = 0;
    list_init(&lane->entries);
    lane->next = *bucket;
    *bucket = lane;
    lanes->n_lanes++;
    return lane;
}

static struct lane *find_lane(struct lanes *lanes, uint64_t key)
{
    struct lane *lane = *bucket_of(lanes, key);

    while (lane && lane->key != key)
        lane = lane->next;
    return lane ? lane : add_lane(lanes, key);
}

static void drop_lane_if_unused(struct lanes *lanes, struct lane *lane)
{
    struct lane **at = bucket_of(lanes, lane->key);

    if (lane->n_holders > 0 || !list_empty(&lane->entries))
        return;
    while (*at != lane)
        at = &(*at)->next;
    *at = lane->next;
    lane->next = lanes->spare;
    lanes->spare = lane;
    lanes->n_lanes--;
}

static struct part *head_of(const struct lane *lane)
{
    if (list_empty(&lane->entries))
        return NULL;
    return LIST_ENTRY(lane->entries.next, struct lane_entry, link)->part;
}

/* The head of the free lane, if any, is first there; tells whether it may be sent now. */
static bool head_gains(const struct lane *lane)
{
    struct part *head = head_of(lane);

    return lane->n_holders == 0 && head && ++head->n_first == head->n_entries;
}

/* Every entry is given its lane before any joins it, so that running out of memory changes nothing.
 */
static int find_lanes(struct lanes *lanes, struct part *part)
{
    for (uint32_t i = 0; i < part->n_entries; i++) {
        struct lane *lane = find_lane(lanes, part->entries[i].key);

        if (!lane) {
            while (i-- > 0) {
                drop_lane_if_unused(lanes, part->entries[i].lane);
                part->entries[i].lane = NULL;
            }
            return -1;
        }
        part->entries[i].lane = lane;
    }
    return 0;
}

int lanes_push(struct lanes *lanes, struct part *part)
{
    if (find_lanes(lanes, part) != 0)
        return -1;
    part->n_first = 0;
    for (uint32_t i = 0; i < part->n_entries; i++) {
        struct lane_entry *entry = &part->entries[i];

        list_push(&entry->lane->entries, &entry->link);
        if (head_of(entry->lane) == part && entry->lane->n_holders == 0)
            part->n_first++;
    }
    return part->n_first == part->n_entries;
}

void lanes_take(struct part *part)
{
    for (uint32_t i = 0; i < part->n_entries; i++) {
        struct lane_entry *entry = &part->entries[i];

        REQUIRE(entry->lane->entries.next == &entry->link);
        list_remove(&entry->link);
        entry->lane->n_holders++;
    }
    part->n_first = 0;
}

struct part *lanes_follower(const struct part *part)
{
    struct part *next;

    if (part->n_entries != 1)
        return NULL;
    next = head_of(part->entries[0].lane);
    return next && next->n_entries == 1 ? next : NULL;
}

static void unhold(struct lanes *lanes, struct lane_entry *entry, struct list *ready)
{
    struct lane *lane = entry->lane;

    REQUIRE(lane->n_holders > 0);
    lane->n_holders--;
    if (head_gains(lane))
        list_push(ready, &head_of(lane)->ready_link);
    drop_lane_if_unused(lanes, lane);
}

void lanes_release(struct lanes *lanes, struct part *part, struct list *ready)
{
    for (uint32_t i = 0; i < part->n_entries; i++) {
        unhold(lanes, &part->entries[i], ready);
        part->entries[i].lane = NULL;
    }
}

void lanes_put_back(struct lanes *lanes, struct part *part, struct list *ready)
{
    for (uint32_t i = 0; i < part->n_entries; i++)
        list_push_front(&part->entries[i].lane->entries, &part->entries[i].link);
    for (uint32_t i = 0; i < part->n_entries; i++)
        unhold(lanes, &part->entries[i], ready);
    if (part->n_entries == 0)
        list_push(ready, &part->ready_link);
}

void lanes_remove(struct lanes *lanes, struct part *part, struct list *ready)
{
    for (uint32_t i = 0; i < part->n_entries; i++) {
        struct lane_entry *entry = &part->entries[i];
        struct lane *lane = entry->lane;
        bool was_head = lane->entries.next == &entry->link;

        list_remove(&entry->link);
        if (was_head && head_gains(lane))
            list_push(ready, &head_of(lane)->ready_link);
        entry->lane = NULL;
        drop_lane_if_unused(lanes, lane);
    }
    part->n_first = 0;
}

uint64_t lane_key(uint64_t seed, unsigned app, const char *text, size_t len)
{
    uint64_t hash = seed ^ ((uint64_t)app * 0x9e3779b97f4a7c15u);

    for (; len >= 8; text += 8, len -= 8) {
        uint64_t word;

        memcpy(&word, text, 8);
        hash = (hash ^ word) * 0xff51afd7ed558ccdu;
        hash ^= hash >> 32;
    }
    for (; len > 0; text++, len--)
        hash = (hash ^ (unsigned char)*text) * 0xff51afd7ed558ccdu;
    hash ^= hash >> 29;
    hash *= 0xc4ceb9fe1a85ec53u;
    return hash ^ (hash >> 32);
}
