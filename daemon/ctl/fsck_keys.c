/* The queue's keys: those with fixed names, and by SCAN those of consumers and apps. A key of
 * another type is noted, and left out of all that follows. */
#include <string.h>

#include "daemon/ctl/fsck.h"

static const char *const queue_type[KEYS_QUEUE_COUNT] = {
    [KEYS_RESULTS] = "stream",  [KEYS_FAILURES] = "stream", [KEYS_RETRY] = "zset",
    [KEYS_RETRY_JOBS] = "hash", [KEYS_LEASES] = "zset",     [KEYS_SEQ] = "string",
    [KEYS_PAUSED] = "hash",     [KEYS_PARKED] = "set",      [KEYS_SEEN] = "string",
    [KEYS_WAITING] = "hash",    [KEYS_DAEMONS] = "hash",    [KEYS_WATCHED] = "string",
};

static int check_type(struct fsck *fsck, const char *key, const char *wanted, bool *ret_ok)
{
    char text[KEYS_KEY_MAX + 64];
    redisReply *reply = link_call(fsck->link, "TYPE", key, NULL);
    int rc = 0;
    if (!reply)
        return -1;
    if (reply->type != REDIS_REPLY_STATUS) {
        freeReplyObject(reply);
        return link_misfit(fsck->link, "TYPE");
    }
    *ret_ok = strcmp(reply->str, "none") == 0 || strcmp(reply->str, wanted) == 0;
    if (!*ret_ok) {
        int len = snprintf(text, sizeof text, "%s is a %.20s, not a %s", key, reply->str, wanted);
        rc = fsck_note(fsck, FSCK_WRONG_TYPE, text, (size_t)len, false);
    }
    freeReplyObject(reply);
    return rc;
}

static int check_queue_keys(struct fsck *fsck)
{
    char key[KEYS_KEY_MAX];
    bool ok;
    int rc = check_type(fsck, fsck->list, "list", &ok);
    for (size_t i = 0; rc == 0 && i < KEYS_QUEUE_COUNT; i++) {
        keys_queue(fsck->list, (enum keys_queue)i, key);
        rc = check_type(fsck, key, queue_type[i], &fsck->has_type[i]);
    }
    return rc;
}

/* "{L}:", of which every key of the queue but the list begins. */
static size_t key_prefix(const struct fsck *fsck, char ret_prefix[KEYS_KEY_MAX])
{
    size_t len = keys_queue(fsck->list, KEYS_SEQ, ret_prefix) - strlen("seq");
    ret_prefix[len] = '\0';
    return len;
}

/* The prefix as a pattern of SCAN that matches nothing but what begins with it. */
static void make_pattern(const struct fsck *fsck, char ret_pattern[2 * KEYS_KEY_MAX])
{
    char prefix[KEYS_KEY_MAX];
    size_t n = 0, len = key_prefix(fsck, prefix);
    for (size_t i = 0; i < len; i++) {
        if (strchr("*?[]\\^-", prefix[i]))
            ret_pattern[n++] = '\\';
        ret_pattern[n++] = prefix[i];
    }
    strcpy(ret_pattern + n, "*");
}

/* Adds what stands behind the prefix, if the key has it, to the names; or to those that are spoilt.
 */
static int take_key(struct fsck *fsck, const redisReply *key, const char *prefix, const char *type,
                    struct names *names, struct names *spoilt)
{
    size_t len = strlen(prefix);
    bool ok = false;
    if (key->len <= len || memcmp(key->str, prefix, len) != 0 || strlen(key->str) != key->len)
        return 0;
    int rc = check_type(fsck, key->str, type, &ok);
    if (rc == 0 && names_add(ok ? names : spoilt, key->str + len, key->len - len) != 0)
        return fsck_fail_memory(fsck);
    return rc;
}

static int take_keys(struct fsck *fsck, const redisReply *keys)
{
    char inflight[KEYS_KEY_MAX], parked[KEYS_KEY_MAX];
    int rc = 0;
    keys_consumer(fsck->list, KEYS_INFLIGHT, "", inflight);
    fsck_parked_key(fsck, "", parked);
    for (size_t i = 0; rc == 0 && i < keys->elements; i++) {
        rc = take_key(fsck, keys->element[i], inflight, "hash", &fsck->consumers, &fsck->spoilt);
        if (rc == 0)
            rc = take_key(fsck, keys->element[i], parked, "zset", &fsck->parked_apps,
                          &fsck->spoilt_apps);
    }
    return rc;
}

static int scan(struct fsck *fsck)
{
    char pattern[2 * KEYS_KEY_MAX], cursor[24] = "0";
    int rc = 0;
    make_pattern(fsck, pattern);
    do {
        redisReply *reply =
            link_call(fsck->link, "SCAN", cursor, "MATCH", pattern, "COUNT", "1000", NULL);
        reply = link_check(fsck->link, reply, "SCAN", "sS", "");
        if (!reply)
            return -1;
        snprintf(cursor, sizeof cursor, "%s", reply->element[0]->str);
        rc = take_keys(fsck, reply->element[1]);
        freeReplyObject(reply);
    } while (rc == 0 && strcmp(cursor, "0") != 0);
    return rc;
}

/* Consumers that have a lease, and apps that are listed, but no keys. */
static int add_members(struct fsck *fsck, enum keys_queue which, struct names *names)
{
    char key[KEYS_KEY_MAX];
    int rc = 0;
    if (!fsck->has_type[which])
        return 0;
    keys_queue(fsck->list, which, key);
    redisReply *reply = which == KEYS_LEASES ? link_call(fsck->link, "ZRANGE", key, "0", "-1", NULL)
                                             : link_call(fsck->link, "SMEMBERS", key, NULL);
    reply = link_check(fsck->link, reply, which == KEYS_LEASES ? "ZRANGE" : "SMEMBERS", "", "s");
    for (size_t i = 0; reply && rc == 0 && i < reply->elements; i++)
        rc = names_add(names, reply->element[i]->str, reply->element[i]->len);
    if (rc != 0)
        fsck_fail_memory(fsck);
    rc = reply ? rc : -1;
    freeReplyObject(reply);
    return rc;
}

int fsck_find_keys(struct fsck *fsck)
{
    if (check_queue_keys(fsck) != 0 || scan(fsck) != 0 ||
        add_members(fsck, KEYS_LEASES, &fsck->consumers) != 0 ||
        add_members(fsck, KEYS_PARKED, &fsck->parked_apps) != 0)
        return -1;
    names_sort(&fsck->consumers);
    names_sort(&fsck->parked_apps);
    return 0;
}
