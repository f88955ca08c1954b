#include "tests/unit/scripts/ctl_scripts.h"

#include <criterion/criterion.h>
#include <stdarg.h>
#include <string.h>

#include "proto/scripts.h"
#include "tests/unit/scripts/key_guard.h"

#define MAX_WORDS 64

/* EVAL and its words: script, number of keys, keys, arguments. */
struct words {
    const char *argv[MAX_WORDS];
    int n;
};

static void add(struct words *words, const char *word)
{
    cr_assert_lt(words->n, MAX_WORDS);
    words->argv[words->n++] = word;
}

static void begin(struct words *words, const struct lua_script *script, const char *n_keys)
{
    *words = (struct words){.n = 0};
    add(words, "EVAL");
    add(words, key_guard(script->text));
    add(words, n_keys);
}

static redisReply *send(const struct words *words)
{
    const char *argv[MAX_WORDS];
    redisReply *reply;

    memcpy(argv, words->argv, sizeof(argv));
    reply = redisCommandArgv(scripts_server.client, words->n, argv, NULL);
    cr_assert(reply, "no reply: %s", scripts_server.client->errstr);
    return key_guard_check(reply);
}

void add_failure(const char *job, size_t len, char ret_id[FAILURE_ID_MAX])
{
    redisReply *reply = redis_cmd(&scripts_server, "XADD %s * id j code rejected job %b",
                                  key_of(KEYS_FAILURES), job, len);

    (void)snprintf(ret_id, FAILURE_ID_MAX, "%s", reply->str);
    freeReplyObject(reply);
}

static void begin_replay(struct words *words)
{
    begin(words, &script_replay, "5");
    add(words, key_of(KEYS_FAILURES));
    add(words, LIST);
    add(words, key_of(KEYS_RETRY));
    add(words, key_of(KEYS_RETRY_JOBS));
    add(words, key_of(KEYS_SEQ));
}

redisReply *replay(const char *id, ...)
{
    struct words words;
    va_list args;

    begin_replay(&words);
    va_start(args, id);
    for (const char *word = id; word; word = va_arg(args, const char *))
        add(&words, word);
    va_end(args);
    return send(&words);
}

void replay_append(redisContext *connection, const char *id, const char *header)
{
    struct words words;

    begin_replay(&words);
    add(&words, id);
    add(&words, header);
    redisAppendCommandArgv(connection, words.n, words.argv, NULL);
}

void replay_expecting(size_t n_gone, const char *id, const char *header)
{
    redisReply *reply = replay(id, header, NULL);

    cr_assert_eq(reply->type, REDIS_REPLY_ARRAY, "%s", reply->str);
    cr_expect_eq(reply->elements, n_gone);
    freeReplyObject(reply);
}

static long long run_pause(const char *op, const char *app, const char *reason)
{
    struct words words;
    redisReply *reply;
    long long changed;

    begin(&words, &script_pause, "1");
    add(&words, key_of(KEYS_PAUSED));
    add(&words, op);
    add(&words, app);
    add(&words, reason);
    reply = send(&words);
    cr_assert_eq(reply->type, REDIS_REPLY_INTEGER, "%s", reply->str);
    changed = reply->integer;
    freeReplyObject(reply);
    return changed;
}

long long pause_it(const char *app, const char *reason)
{
    return run_pause("pause", app, reason);
}

long long resume_it(const char *app)
{
    return run_pause("resume", app, "");
}

size_t fsck(const char *what, bool mends, const char *set, const char *ids)
{
    char copy[512], *save = NULL;
    struct words words;
    redisReply *reply;
    size_t n;

    (void)snprintf(copy, sizeof(copy), "%s", ids);
    begin(&words, &script_fsck, set ? "5" : "4");
    add(&words, key_of(KEYS_LEASES));
    add(&words, key_of(KEYS_RETRY_JOBS));
    add(&words, key_of(KEYS_RETRY));
    add(&words, key_of(KEYS_PARKED));
    if (set)
        add(&words, set);
    add(&words, what);
    add(&words, mends ? "1" : "0");
    for (char *id = strtok_r(copy, " ", &save); id; id = strtok_r(NULL, " ", &save))
        add(&words, id);
    reply = send(&words);
    cr_assert_eq(reply->type, REDIS_REPLY_ARRAY, "%s", reply->str);
    n = reply->elements;
    freeReplyObject(reply);
    return n;
}

const char *parked_key(const char *app)
{
    static char key[KEYS_KEY_MAX + 64];

    (void)snprintf(key, sizeof(key), "%s:%s", key_of(KEYS_PARKED), app);
    return key;
}
