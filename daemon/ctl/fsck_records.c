/* Consumers with their claims, and the records of jobs that wait with the sets that say when. Both
 * are read in pieces; each piece is checked by one call of fsck.lua. */
#include <string.h>

#include "daemon/ctl/fsck.h"
#include "proto/record.h"

#define PIECE_RECORDS "50" /* about as many at a time: each holds a whole job */
#define PIECE_MEMBERS "500"

/* ---- consumers */

/* Takes the jobs of a consumer that fsck.lua gave a lease that has run out. Should a daemon have
 * done it meanwhile, or the consumer be back, the script does nothing. */
static int reap(struct fsck *fsck, const char *consumer)
{
    struct call call = {.n = 0};
    call_script(&call, &script_reap, 5);
    call_key(&call, fsck->list, KEYS_LEASES);
    call_consumer_key(&call, fsck->list, KEYS_INFLIGHT, consumer);
    call_key(&call, fsck->list, KEYS_RETRY);
    call_key(&call, fsck->list, KEYS_RETRY_JOBS);
    call_key(&call, fsck->list, KEYS_FAILURES);
    call_text(&call, consumer);
    call_text(&call, "0");
    call_number(&call, fsck->config->max_orphanings);
    call_number(&call, fsck->config->results_max_entries);
    redisReply *reply = call_send(&call, fsck->link);
    freeReplyObject(reply);
    return reply ? 0 : -1;
}

static bool is_spoilt(const struct fsck *fsck, const char *consumer)
{
    for (size_t i = 0; i < fsck->spoilt.n; i++)
        if (strcmp(fsck->spoilt.items[i], consumer) == 0)
            return true;
    return false;
}

static int check_consumer(struct fsck *fsck, const char *consumer)
{
    struct call call = {.n = 0};
    uint64_t before = fsck->findings[FSCK_NO_LEASE].mended;
    fsck_begin(fsck, &call, 0);
    fsck_look(fsck, &call, "consumers");
    call_text(&call, consumer);
    int rc = fsck_send(fsck, &call, FSCK_NO_LEASE);
    if (rc == 0 && fsck->findings[FSCK_NO_LEASE].mended > before)
        rc = reap(fsck, consumer);
    return rc;
}

/* ---- records */

/* Notes a record that no daemon can read the header of. It is not lost: a daemon that claims it
 * takes the whole of it for the job, and says what is wrong with that in the failures. */
static int check_header(struct fsck *fsck, const char *key, const redisReply *id,
                        const redisReply *value)
{
    struct record record;
    char text[KEYS_KEY_MAX + 64];
    if (record_read(value->str, value->len, &record) == 0)
        return 0;
    int len = snprintf(text, sizeof text, "%.40s in %s", id->str, key);
    return fsck_note(fsck, FSCK_UNREADABLE, text, (size_t)len, false);
}

/* Reads a hash or sorted set in pieces, and hands each to `take`: members and values in turn. */
static int scan(struct fsck *fsck, const char *command, const char *key, const char *count,
                int (*take)(struct fsck *fsck, const char *key, const redisReply *piece))
{
    char cursor[24] = "0";
    int rc = 0;
    do {
        redisReply *reply = link_call(fsck->link, command, key, cursor, "COUNT", count, NULL);
        reply = link_check(fsck->link, reply, command, "sS", "");
        if (!reply)
            return fsck_excuse(fsck);
        snprintf(cursor, sizeof cursor, "%s", reply->element[0]->str);
        if (reply->element[1]->elements > 0)
            rc = take(fsck, key, reply->element[1]);
        freeReplyObject(reply);
    } while (rc == 0 && strcmp(cursor, "0") != 0);
    return rc;
}

static int check_headers(struct fsck *fsck, const char *key, const redisReply *piece)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i + 1 < piece->elements; i += 2)
        rc = check_header(fsck, key, piece->element[i], piece->element[i + 1]);
    return rc;
}

static void add_members(struct call *call, const redisReply *piece)
{
    for (size_t i = 0; i + 1 < piece->elements; i += 2)
        call_add(call, piece->element[i]->str, piece->element[i]->len);
}

static int check_waiting(struct fsck *fsck, const char *key, const redisReply *piece)
{
    struct call call = {.n = 0};
    char parked[KEYS_KEY_MAX];
    fsck_begin(fsck, &call, fsck->parked_apps.n);
    for (size_t i = 0; i < fsck->parked_apps.n; i++) {
        fsck_parked_key(fsck, fsck->parked_apps.items[i], parked);
        call_text(&call, parked);
    }
    fsck_look(fsck, &call, "records");
    add_members(&call, piece);
    int rc = fsck_send(fsck, &call, FSCK_RECORD);
    return rc == 0 ? check_headers(fsck, key, piece) : rc;
}

static int check_members(struct fsck *fsck, const char *key, const redisReply *piece)
{
    struct call call = {.n = 0};
    fsck_begin(fsck, &call, 1);
    call_text(&call, key);
    fsck_look(fsck, &call, "members");
    add_members(&call, piece);
    return fsck_send(fsck, &call, FSCK_MEMBER);
}

static int check_apps(struct fsck *fsck)
{
    struct call call = {.n = 0};
    if (fsck->parked_apps.n == 0)
        return 0;
    fsck_begin(fsck, &call, 0);
    fsck_look(fsck, &call, "apps");
    for (size_t i = 0; i < fsck->parked_apps.n; i++)
        call_text(&call, fsck->parked_apps.items[i]);
    return fsck_send(fsck, &call, FSCK_APP);
}

int fsck_check_consumers(struct fsck *fsck)
{
    char key[KEYS_KEY_MAX];
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < fsck->consumers.n; i++) {
        if (is_spoilt(fsck, fsck->consumers.items[i]))
            continue;
        keys_consumer(fsck->list, KEYS_INFLIGHT, fsck->consumers.items[i], key);
        rc = scan(fsck, "HSCAN", key, PIECE_RECORDS, check_headers);
        if (rc == 0)
            rc = check_consumer(fsck, fsck->consumers.items[i]);
    }
    return rc;
}

int fsck_check_records(struct fsck *fsck)
{
    char key[KEYS_KEY_MAX];
    keys_queue(fsck->list, KEYS_RETRY_JOBS, key);
    int rc = scan(fsck, "HSCAN", key, PIECE_RECORDS, check_waiting);
    keys_queue(fsck->list, KEYS_RETRY, key);
    if (rc == 0)
        rc = scan(fsck, "ZSCAN", key, PIECE_MEMBERS, check_members);
    for (size_t i = 0; rc == 0 && i < fsck->parked_apps.n; i++) {
        fsck_parked_key(fsck, fsck->parked_apps.items[i], key);
        rc = scan(fsck, "ZSCAN", key, PIECE_MEMBERS, check_members);
    }
    return rc == 0 ? check_apps(fsck) : rc; /* last: a set may have lost its last member */
}
