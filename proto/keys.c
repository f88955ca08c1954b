/* Redis Cluster hashes only the tag of a key: what stands between the first '{' and the first '}'
 * behind it, if that is not empty (cluster-spec, "Hash tags"). A list with a tag keeps its keys
 * together by it. Any other list becomes the tag itself, between braces, which goes wrong only if
 * it has a '}': the tag would end there, and the keys would share a slot the list is not in. */
#include "proto/keys.h"

#include <stdio.h>
#include <string.h>

static const char *const queue_suffix[] = {
#define SUFFIX(name, suffix) suffix,
    KEYS_QUEUE_MAP(SUFFIX)};

static const char *const consumer_prefix[] = {KEYS_CONSUMER_MAP(SUFFIX)};
#undef SUFFIX

static bool has_tag(const char *list)
{
    const char *open = strchr(list, '{');
    const char *close = open ? strchr(open, '}') : NULL;

    return close && close > open + 1;
}

bool keys_list_ok(const char *list)
{
    size_t len = strlen(list);

    if (len == 0 || len > KEYS_NAME_MAX)
        return false;
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)list[i] < 0x20 || list[i] == 0x7f)
            return false;
    }
    return has_tag(list) || !strchr(list, '}');
}

/* "{L}:" or "L:"; returns its length. */
static size_t write_prefix(const char *list, char ret_key[KEYS_KEY_MAX])
{
    if (has_tag(list))
        return (size_t)snprintf(ret_key, KEYS_KEY_MAX, "%s:", list);
    return (size_t)snprintf(ret_key, KEYS_KEY_MAX, "{%s}:", list);
}

size_t keys_queue(const char *list, enum keys_queue which, char ret_key[KEYS_KEY_MAX])
{
    size_t len = write_prefix(list, ret_key);

    return len + (size_t)snprintf(ret_key + len, KEYS_KEY_MAX - len, "%s", queue_suffix[which]);
}

size_t keys_consumer(const char *list, enum keys_consumer which, const char *consumer,
                     char ret_key[KEYS_KEY_MAX])
{
    size_t len = write_prefix(list, ret_key);

    return len + (size_t)snprintf(ret_key + len, KEYS_KEY_MAX - len, "%s:%.*s",
                                  consumer_prefix[which], KEYS_CONSUMER_MAX, consumer);
}

static bool is_suffix(const char *suffix, size_t len)
{
    static const char *const prefixes[] = {"parked:", "seen:"};

    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        size_t n = strlen(prefixes[i]);
        if (len > n && memcmp(prefixes[i], suffix, n) == 0)
            return true;
    }
    for (size_t i = 0; i < KEYS_QUEUE_COUNT; i++) {
        if (strlen(queue_suffix[i]) == len && memcmp(queue_suffix[i], suffix, len) == 0)
            return true;
    }
    for (size_t i = 0; i < KEYS_CONSUMER_COUNT; i++) {
        size_t n = strlen(consumer_prefix[i]);
        if (len > n && memcmp(consumer_prefix[i], suffix, n) == 0 && suffix[n] == ':')
            return true;
    }
    return false;
}

bool keys_is_own(const char *list, const char *key, size_t len)
{
    char prefix[KEYS_KEY_MAX];
    size_t n = write_prefix(list, prefix);

    if (len == strlen(list) && memcmp(key, list, len) == 0)
        return true;
    return len > n && memcmp(key, prefix, n) == 0 && is_suffix(key + n, len - n);
}
