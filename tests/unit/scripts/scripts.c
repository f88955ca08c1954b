#include "tests/unit/scripts/scripts.h"

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "proto/scripts.h"
#include "tests/unit/scripts/key_guard.h"

struct redis scripts_server;

void scripts_open(void)
{
    redis_start(&scripts_server, NULL);
    key_guard_clock(NULL);
    key_guard_short_long(false);
    redis_do(&scripts_server, "SET %s 7000000000000000", key_of(KEYS_SEQ));
}

void scripts_close(void)
{
    redis_stop(&scripts_server);
}

static long long server_ms(void)
{
    redisReply *reply = redis_cmd(&scripts_server, "TIME");
    long long ms = strtoll(reply->element[0]->str, NULL, 10) * 1000 +
                   strtoll(reply->element[1]->str, NULL, 10) / 1000;

    freeReplyObject(reply);
    return ms;
}

void scripts_wait_for_next_ms(void)
{
    long long now = server_ms();

    while (server_ms() <= now)
        continue;
}

static char *key_buffer(void)
{
    static char buffers[16][KEYS_KEY_MAX];
    static unsigned next;

    return buffers[next++ % 16];
}

const char *key_of(enum keys_queue which)
{
    char *key = key_buffer();

    keys_queue(LIST, which, key);
    return key;
}

const char *key_of_consumer(enum keys_consumer which, const char *consumer)
{
    char *key = key_buffer();

    keys_consumer(LIST, which, consumer, key);
    return key;
}

void push_bytes(const char *job, size_t len)
{
    redis_do(&scripts_server, "RPUSH " LIST " %b", job, len);
}

void push(const char *job)
{
    push_bytes(job, strlen(job));
}

void push_jobs(int first, int last)
{
    char job[16];

    for (int i = first; i <= last; i++) {
        (void)snprintf(job, sizeof(job), "job%d", i);
        push(job);
    }
}

#define MAX_KEYS 8

/* EVAL, with the texts up to a NULL as arguments, or with those of `args`. */
static redisReply *run(const char *script, const char *const *keys, const struct settle_args *args)
{
    const char *argv[2048 + MAX_KEYS + 3];
    size_t len[2048 + MAX_KEYS + 3], n = 3, n_keys = 0;
    char count[8];
    redisReply *reply;

    argv[0] = "EVAL";
    argv[1] = key_guard(script);
    argv[2] = count;
    for (; keys[n_keys]; n_keys++)
        argv[n++] = keys[n_keys];
    (void)snprintf(count, sizeof(count), "%zu", n_keys);
    for (size_t i = 0; i < n; i++)
        len[i] = strlen(argv[i]);
    for (size_t i = 0; i < args->n; i++, n++) {
        argv[n] = args->argv[i];
        len[n] = args->len[i];
    }
    reply = redisCommandArgv(scripts_server.client, (int)n, argv, len);
    cr_assert(reply, "no reply: %s", scripts_server.client->errstr);
    return key_guard_check(reply);
}

void settle_add_bytes(struct settle_args *args, const char *bytes, size_t len)
{
    cr_assert_lt(args->n, 2048);
    args->argv[args->n] = bytes;
    args->len[args->n++] = len;
}

void settle_add(struct settle_args *args, ...)
{
    const char *text;
    va_list texts;

    va_start(texts, args);
    while ((text = va_arg(texts, const char *)))
        settle_add_bytes(args, text, strlen(text));
    va_end(texts);
}

redisReply *lease(const char *op, const char *consumer)
{
    return lease_of(op, consumer, "0", "0");
}

redisReply *lease_of(const char *op, const char *consumer, const char *exclusive, const char *owned)
{
    const char *keys[] = {key_of(KEYS_LEASES),  LIST,
                          key_of(KEYS_RETRY),   key_of_consumer(KEYS_INFLIGHT, consumer),
                          key_of(KEYS_PAUSED),  key_of(KEYS_PARKED),
                          key_of(KEYS_WAITING), NULL};
    struct settle_args args = {.n = 0};

    settle_add(&args, op, consumer, LEASE_MS, exclusive, owned, NULL);
    return run(script_lease.text, keys, &args);
}

redisReply *claim_bytes(const char *consumer, unsigned n, size_t max_bytes, bool at_least_one)
{
    const char *keys[] = {LIST,
                          key_of_consumer(KEYS_INFLIGHT, consumer),
                          key_of(KEYS_RETRY),
                          key_of(KEYS_RETRY_JOBS),
                          key_of(KEYS_LEASES),
                          key_of(KEYS_SEQ),
                          key_of(KEYS_PAUSED),
                          key_of(KEYS_FAILURES),
                          NULL};
    struct settle_args args = {.n = 0};
    char most[16], bytes[24];

    (void)snprintf(most, sizeof(most), "%u", n);
    (void)snprintf(bytes, sizeof(bytes), "%zu", max_bytes);
    settle_add(&args, consumer, most, bytes, LEASE_MS, MAX_JOB_TEXT, MAX_ENTRIES,
               at_least_one ? "1" : "0", NULL);
    return run(script_claim.text, keys, &args);
}

redisReply *claim(const char *consumer, unsigned n)
{
    return claim_bytes(consumer, n, MAX_CLAIM, true);
}

redisReply *reap(const char *consumer, const char *grace_ms)
{
    const char *keys[] = {key_of(KEYS_LEASES),   key_of_consumer(KEYS_INFLIGHT, consumer),
                          key_of(KEYS_RETRY),    key_of(KEYS_RETRY_JOBS),
                          key_of(KEYS_FAILURES), NULL};
    struct settle_args args = {.n = 0};
    char orphaned[8];

    (void)snprintf(orphaned, sizeof(orphaned), "%d", MAX_ORPHANED);
    settle_add(&args, consumer, grace_ms, orphaned, MAX_ENTRIES, NULL);
    return run(script_reap.text, keys, &args);
}

long long reap_all(const char *consumer)
{
    redisReply *reply = reap(consumer, "dead");
    long long n = reply->integer;

    cr_assert_eq(reply->type, REDIS_REPLY_INTEGER, "%s", reply->str);
    freeReplyObject(reply);
    return n;
}

redisReply *settle(struct settle_args *args, const char *consumer)
{
    return settle_bounded(args, consumer, MAX_ENTRIES);
}

redisReply *settle_bounded(struct settle_args *args, const char *consumer, const char *max_entries)
{
    const char *keys[] = {key_of_consumer(KEYS_INFLIGHT, consumer),
                          key_of(KEYS_RETRY),
                          key_of(KEYS_RETRY_JOBS),
                          key_of(KEYS_RESULTS),
                          key_of(KEYS_FAILURES),
                          LIST,
                          key_of(KEYS_PARKED),
                          key_of(KEYS_SEEN),
                          NULL};
    struct settle_args with_limit = {.n = 0};
    redisReply *reply;

    settle_add(&with_limit, max_entries, NULL);
    for (size_t i = 0; i < args->n; i++)
        settle_add_bytes(&with_limit, args->argv[i], args->len[i]);
    reply = run(script_settle.text, keys, &with_limit);
    args->n = 0;
    return reply;
}

void settle_expecting(struct settle_args *args, const char *consumer, size_t n_gone)
{
    redisReply *reply = settle(args, consumer);

    cr_assert_eq(reply->type, REDIS_REPLY_ARRAY, "%s", reply->str);
    cr_assert_eq(reply->elements, n_gone, "%zu are gone, not %zu", reply->elements, n_gone);
    freeReplyObject(reply);
}

redisReply *unpark(const char *app, const char *n)
{
    const char *keys[] = {key_of(KEYS_PARKED), key_of(KEYS_RETRY), NULL};
    struct settle_args args = {.n = 0};

    settle_add(&args, app, n, NULL);
    return run(script_unpark.text, keys, &args);
}

redisReply *recover(const char *consumer, const char *limit, const char *known)
{
    const char *keys[] = {key_of_consumer(KEYS_INFLIGHT, consumer), NULL};
    struct settle_args args = {.n = 0};
    size_t len;

    settle_add_bytes(&args, limit, strlen(limit));
    for (; *known; known += len + (known[len] == ' ')) {
        len = strcspn(known, " ");
        settle_add_bytes(&args, known, len);
    }
    return run(script_recover.text, keys, &args);
}

redisReply *dedupe(struct settle_args *args)
{
    const char *keys[] = {key_of(KEYS_SEEN), NULL};
    redisReply *reply = run(script_dedupe.text, keys, args);

    args->n = 0;
    return reply;
}

void open_consumer(const char *consumer)
{
    freeReplyObject(lease("open", consumer));
}

size_t n_claimed(const redisReply *reply)
{
    cr_assert_eq(reply->type, REDIS_REPLY_ARRAY, "%s", reply->str);
    cr_assert_geq(reply->elements, 5);
    cr_assert_eq(reply->elements % 2, 1);
    return (reply->elements - 5) / 2;
}

const char *id_at(const redisReply *reply, size_t index)
{
    cr_assert_lt(index, n_claimed(reply));
    return reply->element[5 + 2 * index]->str;
}

const char *record_at(const redisReply *reply, size_t index)
{
    cr_assert_lt(index, n_claimed(reply));
    return reply->element[6 + 2 * index]->str;
}

void claim_one(const char *consumer, char ret_id[24])
{
    redisReply *reply = claim(consumer, 1);

    cr_assert_eq(n_claimed(reply), 1);
    (void)snprintf(ret_id, 24, "%s", id_at(reply, 0));
    freeReplyObject(reply);
}

long long n_in(const char *command, const char *key)
{
    return redis_int(&scripts_server, "%s %s", command, key);
}

long long n_listed(void)
{
    return n_in("LLEN", LIST);
}

long long n_inflight(const char *consumer)
{
    return n_in("HLEN", key_of_consumer(KEYS_INFLIGHT, consumer));
}

long long n_results(void)
{
    return n_in("XLEN", key_of(KEYS_RESULTS));
}

long long n_failures(void)
{
    return n_in("XLEN", key_of(KEYS_FAILURES));
}

static const char *field_of(const redisReply *entry, const char *field)
{
    const redisReply *fields = entry->element[1];

    for (size_t i = 0; i + 1 < fields->elements; i += 2) {
        if (strcmp(fields->element[i]->str, field) == 0)
            return fields->element[i + 1]->str;
    }
    return NULL;
}

const char *last_entry(const char *stream, const char *field)
{
    static char value[4096];
    redisReply *reply = redis_cmd(&scripts_server, "XREVRANGE %s + - COUNT 1", stream);
    const char *found;

    cr_assert_eq(reply->elements, 1, "%s is empty", stream);
    found = field_of(reply->element[0], field);
    (void)snprintf(value, sizeof(value), "%s", found ? found : "");
    freeReplyObject(reply);
    return found ? value : NULL;
}

const char *listed_at(const char *list, int index)
{
    static char value[4096];
    redisReply *reply = redis_cmd(&scripts_server, "LINDEX %s %d", list, index);
    bool found = reply->type == REDIS_REPLY_STRING;

    (void)snprintf(value, sizeof(value), "%s", found ? reply->str : "");
    freeReplyObject(reply);
    return found ? value : NULL;
}
