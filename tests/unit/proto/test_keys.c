#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>

#include "proto/keys.h"

/* The slot of a key as redis's cluster-spec, appendix A, computes it: CRC16/XMODEM of the tag. */
static uint16_t crc16(const char *bytes, size_t len)
{
    uint16_t crc = 0;

    for (size_t i = 0; i < len; i++) {
        crc = (uint16_t)(crc ^ (unsigned char)bytes[i] << 8);
        for (int bit = 0; bit < 8; bit++)
            crc = (uint16_t)(crc & 0x8000 ? crc << 1 ^ 0x1021 : crc << 1);
    }
    return crc;
}

static unsigned slot(const char *key)
{
    size_t len = strlen(key);

    for (size_t open = 0; open < len; open++) {
        if (key[open] != '{')
            continue;
        for (size_t close = open + 1; close < len; close++) {
            if (key[close] != '}')
                continue;
            if (close == open + 1)
                return crc16(key, len) % 16384;
            return crc16(key + open + 1, close - open - 1) % 16384;
        }
        break;
    }
    return crc16(key, len) % 16384;
}

/* CLUSTER KEYSLOT of redis-server 7.0.15; the check value of CRC16 is the specification's. */
Test(keys, the_slots_of_this_test_are_those_of_redis)
{
    static const struct {
        const char *key;
        unsigned slot;
    } rows[] = {
        {"foobar", 12325},       {"{foobar}:x", 12325},   {"pusher:jobs", 6176},
        {"a{b", 13340},          {"{a{b}:seq", 13340},    {"foo{}{bar}", 8363},
        {"foo{{bar}}zap", 4015}, {"foo{bar}{zap}", 5061}, {"{}x", 10595},
        {"}{a}", 15495},         {"jobs{eu}", 6893},      {"a}b", 7866},
        {"{a}b}:seq", 15495},
    };

    cr_assert_eq(crc16("123456789", 9), 0x31c3);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        cr_assert_eq(slot(rows[i].key), rows[i].slot, "%s", rows[i].key);
}

Test(keys, of_a_list_without_tag_stand_in_a_tag_made_of_it)
{
    char key[KEYS_KEY_MAX];

    cr_assert_eq(keys_queue("pusher:jobs", KEYS_RESULTS, key), strlen("{pusher:jobs}:results"));
    cr_assert_str_eq(key, "{pusher:jobs}:results");
    keys_queue("pusher:jobs", KEYS_RETRY_JOBS, key);
    cr_assert_str_eq(key, "{pusher:jobs}:retry:jobs");
    cr_assert_eq(keys_consumer("pusher:jobs", KEYS_INFLIGHT, "h-1", key), strlen(key));
    cr_assert_str_eq(key, "{pusher:jobs}:inflight:h-1");
}

Test(keys, of_a_list_with_a_tag_keep_it)
{
    char key[KEYS_KEY_MAX];

    keys_queue("jobs{eu}", KEYS_FAILURES, key);
    cr_assert_str_eq(key, "jobs{eu}:failures");
    keys_consumer("jobs{eu}", KEYS_INFLIGHT, "c", key);
    cr_assert_str_eq(key, "jobs{eu}:inflight:c");
}

static void assert_one_slot(const char *list)
{
    char key[KEYS_KEY_MAX];

    for (int which = 0; which < KEYS_QUEUE_COUNT; which++) {
        keys_queue(list, (enum keys_queue)which, key);
        cr_assert_eq(slot(key), slot(list), "%s and %s", list, key);
    }
    for (int which = 0; which < KEYS_CONSUMER_COUNT; which++) {
        keys_consumer(list, (enum keys_consumer)which, "host{1}:7", key);
        cr_assert_eq(slot(key), slot(list), "%s and %s", list, key);
    }
}

Test(keys, share_the_slot_of_their_list)
{
    static const char *const lists[] = {"pusher:jobs", "a", "{a}",      "jobs{eu}", "a{b",
                                        "a{b{c",       "{", "}{a}",     "x}{y}",    "{{a}}",
                                        "{a}{b}",      " ", "\xc3\xa9", "{a}{}",    "a{b}}"};

    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        cr_assert(keys_list_ok(lists[i]), "%s", lists[i]);
        assert_one_slot(lists[i]);
    }
}

Test(keys, of_every_short_list_that_is_ok_share_a_slot)
{
    static const char letters[] = "{}ab:";
    char list[7] = "";
    int n_ok = 0;

    for (int code = 0; code < 5 * 5 * 5 * 5 * 5 * 5; code++) {
        for (int i = 0, rest = code; i < 6; i++, rest /= 5)
            list[i] = letters[rest % 5];
        if (!keys_list_ok(list))
            continue;
        assert_one_slot(list);
        n_ok++;
    }
    cr_assert_gt(n_ok, 4096);
}

Test(keys, a_list_that_would_not_share_its_slot_is_refused)
{
    static const char *const lists[] = {"a}b", "}", "{}", "{}x", "foo{}{bar}", "a}{", "}{}"};

    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
        cr_assert_not(keys_list_ok(lists[i]), "%s", lists[i]);
}

Test(keys, a_list_is_not_empty_too_long_or_of_control_characters)
{
    char list[KEYS_NAME_MAX + 2];

    memset(list, 'a', sizeof(list));
    list[KEYS_NAME_MAX + 1] = '\0';
    cr_assert_not(keys_list_ok(list));
    list[KEYS_NAME_MAX] = '\0';
    cr_assert(keys_list_ok(list));
    cr_assert_not(keys_list_ok(""));
    cr_assert_not(keys_list_ok("a\nb"));
    cr_assert_not(keys_list_ok("a\x7f"));
}

Test(keys, fit_their_buffer_whatever_the_names)
{
    char list[KEYS_NAME_MAX + 1], consumer[2 * KEYS_KEY_MAX], key[KEYS_KEY_MAX];

    memset(list, 'a', sizeof(list) - 1);
    list[KEYS_NAME_MAX] = '\0';
    memset(consumer, 'c', sizeof(consumer) - 1);
    consumer[sizeof(consumer) - 1] = '\0';
    for (int which = 0; which < KEYS_CONSUMER_COUNT; which++) {
        size_t len = keys_consumer(list, (enum keys_consumer)which, consumer, key);
        cr_assert_eq(strlen(key), len);
        cr_assert_lt(len, KEYS_KEY_MAX);
    }
    for (int which = 0; which < KEYS_QUEUE_COUNT; which++)
        cr_assert_eq(keys_queue(list, (enum keys_queue)which, key), strlen(key));
}

static bool is_own(const char *list, const char *key)
{
    return keys_is_own(list, key, strlen(key));
}

Test(keys, knows_its_own)
{
    char key[KEYS_KEY_MAX];

    cr_assert(is_own("q", "q"));
    for (int which = 0; which < KEYS_QUEUE_COUNT; which++) {
        keys_queue("q", (enum keys_queue)which, key);
        cr_assert(is_own("q", key), "%s", key);
        keys_queue("q{t}", (enum keys_queue)which, key);
        cr_assert(is_own("q{t}", key), "%s", key);
    }
    for (int which = 0; which < KEYS_CONSUMER_COUNT; which++) {
        keys_consumer("q", (enum keys_consumer)which, "host:1", key);
        cr_assert(is_own("q", key), "%s", key);
    }
}

Test(keys, leaves_other_keys_of_the_tag_to_their_users)
{
    static const char *const keys[] = {"q2",          "",           "{q}:replies",   "{q}:results2",
                                       "{q}:",        "{q}",        "{q}:inflight2", "q:results",
                                       "{p}:results", "{q}:result", "{q}:Results"};

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        cr_assert_not(is_own("q", keys[i]), "%s", keys[i]);
    cr_assert_not(keys_is_own("q", "q\0x", 3));
}
