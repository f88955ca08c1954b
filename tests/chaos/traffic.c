/* The producer counts in Redis what it has pushed, in the same script: a push whose answer is lost
 * is repeated, and does nothing if it was done. */
#include "traffic.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/job.h"
#include "tests/support/outcomes.h"

#define PUSHED_KEY   "chaos:pushed"
#define PUSH_AT_ONCE 200
#define PUSH_ROUNDS  10 /* a turn */
#define FULL         3000
#define READ_MAX     "5000"
#define TRIM_EVERY   20000
#define PAGE         5000
#define HUNG_MS      30000 /* a request that has not ended by then never will */

static const char push_script[] =
    "local n = tonumber(redis.call('GET', KEYS[2]) or '0')\n"
    "if n == tonumber(ARGV[1]) then\n"
    "  for i = 2, #ARGV do redis.call('RPUSH', KEYS[1], ARGV[i]) end\n"
    "  n = n + #ARGV - 1\n"
    "  redis.call('SET', KEYS[2], n)\n"
    "end\n"
    "return {n, redis.call('LLEN', KEYS[1])}";

static const char *const streams[] = {RESULTS, FAILURES};

void traffic_init(struct traffic *traffic, struct stage *stage, const struct work *work,
                  struct ledger *ledger, uint64_t seed)
{
    *traffic = (struct traffic){.stage = stage,
                                .work = work,
                                .ledger = ledger,
                                .random = seed,
                                .last_ids = {"0-0", "0-0"},
                                .next_event = 1,
                                .next_request = 1};
}

/* ---- jobs in */

/* Every other job is msgpack. */
static char *make_job(const struct work *work, size_t job, size_t *ret_len)
{
    char text[WORK_MAX_JOB];
    *ret_len = work_write(work, job, text);
    return job % 2 == 0 ? strndup(text, *ret_len) : job_to_msgpack(text, ret_len);
}

static void push(struct traffic *traffic, size_t n)
{
    char before[24];
    const char *argv[6 + PUSH_AT_ONCE] = {"EVAL", push_script, "2", JOB_LIST, PUSHED_KEY, before};
    size_t lengths[6 + PUSH_AT_ONCE];
    char *jobs[PUSH_AT_ONCE];
    snprintf(before, sizeof(before), "%zu", traffic->n_pushed);
    for (size_t i = 0; i < 6; i++) {
        lengths[i] = strlen(argv[i]);
    }
    for (size_t i = 0; i < n; i++) {
        argv[6 + i] = jobs[i] = make_job(traffic->work, traffic->n_pushed + i, &lengths[6 + i]);
    }
    redisReply *reply = stage_redis(traffic->stage, (int)(6 + n), argv, lengths);
    for (size_t i = 0; i < n; i++) {
        free(jobs[i]);
    }
    if (!reply) {
        return;
    }
    size_t n_in = (size_t)reply->element[0]->integer;
    traffic->backlog = (size_t)reply->element[1]->integer;
    freeReplyObject(reply);
    for (; traffic->n_pushed < n_in; traffic->n_pushed++) {
        ledger_pushed(traffic->ledger, traffic->n_pushed);
    }
}

static void change_pace(struct traffic *traffic)
{
    int64_t now_ms = unix_ms();
    if (now_ms < traffic->change_ms) {
        return;
    }
    traffic->trickles = traffic->change_ms > 0 && !traffic->trickles;
    traffic->change_ms = now_ms + (traffic->trickles ? dice_between(&traffic->random, 200, 800)
                                                     : dice_between(&traffic->random, 1000, 5000));
}

static size_t at_once(struct traffic *traffic)
{
    size_t left = traffic->work->n_jobs - traffic->n_pushed;
    size_t n = PUSH_AT_ONCE;
    if (traffic->trickles) {
        n = traffic->backlog > 0 ? 0 : (size_t)dice_between(&traffic->random, 1, 20);
    } else if (traffic->backlog >= FULL) {
        n = 0;
    }
    return n < left ? n : left;
}

void traffic_feed(struct traffic *traffic)
{
    change_pace(traffic);
    for (size_t i = 0; i < PUSH_ROUNDS; i++) {
        size_t n = at_once(traffic);
        if (n > 0 || i == 0) {
            push(traffic, n);
        }
        if (n == 0 || traffic->trickles) {
            break;
        }
    }
}

/* ---- outcomes out */

static const char *field_of(const redisReply *entry, const char *name)
{
    const redisReply *pairs = entry->element[1];
    for (size_t i = 0; i + 1 < pairs->elements; i += 2) {
        if (strcmp(pairs->element[i]->str, name) == 0) {
            return pairs->element[i + 1]->str;
        }
    }
    return NULL;
}

static void take_entries(struct traffic *traffic, size_t stream, const redisReply *entries)
{
    for (size_t i = 0; i < entries->elements; i++) {
        const redisReply *entry = entries->element[i];
        const char *id = field_of(entry, "id");
        size_t n_open = traffic->n_pushed - traffic->ledger->n_decided;
        snprintf(traffic->last_ids[stream], sizeof(traffic->last_ids[stream]), "%s",
                 entry->element[0]->str);
        if (!ledger_decided(traffic->ledger, id, stream == 1,
                            strtoll(entry->element[0]->str, NULL, 10), n_open > 1)) {
            printf("an outcome of no job of ours: id %s, code %s\n", id ? id : "none",
                   stream == 1 ? field_of(entry, "code") : "none");
        }
    }
    traffic->n_since_trim += entries->elements;
}

static void trim(struct traffic *traffic)
{
    for (size_t stream = 0; stream < 2; stream++) {
        const char *argv[] = {"XTRIM", streams[stream], "MINID", traffic->last_ids[stream]};
        freeReplyObject(stage_redis(traffic->stage, 4, argv, NULL));
    }
    traffic->n_since_trim = 0;
}

void traffic_harvest(struct traffic *traffic)
{
    const char *argv[] = {"XREAD",
                          "COUNT",
                          READ_MAX,
                          "STREAMS",
                          streams[0],
                          streams[1],
                          traffic->last_ids[0],
                          traffic->last_ids[1]};
    redisReply *reply = stage_redis(traffic->stage, 8, argv, NULL);
    for (size_t i = 0; reply && reply->type == REDIS_REPLY_ARRAY && i < reply->elements; i++) {
        const redisReply *stream = reply->element[i];
        take_entries(traffic, strcmp(stream->element[0]->str, FAILURES) == 0 ? 1 : 0,
                     stream->element[1]);
    }
    freeReplyObject(reply);
    if (traffic->n_since_trim >= TRIM_EVERY) {
        trim(traffic);
    }
}

/* ---- the fake's record */

static json_int_t number_of(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static void take_event(struct traffic *traffic, const json_t *entry)
{
    size_t event;
    const char *data = json_string_value(json_object_get(entry, "data"));
    traffic->next_event++;
    if (work_read_event(traffic->work, data, &event)) {
        ledger_delivered(traffic->ledger, event, (size_t)number_of(entry, "request"));
    } else {
        printf("an event of no job of ours: %s\n", data ? data : "none");
    }
}

/* True if its daemon cannot have given it up for lost. It was sent at some time of the second in
 * which it was signed: on a busy machine long before it was received. */
static bool was_in_time(const json_t *entry, const struct call *call)
{
    return call->ended_ms - call->received_ms < CHAOS_TIMEOUT_MS / 2 &&
           call->ended_ms - number_of(entry, "signed_s") * 1000 < CHAOS_TIMEOUT_MS;
}

/* False if it has not ended and may still. */
static bool take_request(struct traffic *traffic, const json_t *entry, bool all)
{
    struct call call = {.received_ms = number_of(entry, "received_us") / 1000,
                        .ended_ms = number_of(entry, "ended_us") / 1000};
    const char *outcome = json_string_value(json_object_get(entry, "outcome"));
    if (call.ended_ms == 0 && !all && unix_ms() - call.received_ms < HUNG_MS) {
        return false;
    }
    call.slot = (int8_t)stage_slot_of(json_string_value(json_object_get(entry, "app")));
    call.clean = call.ended_ms > 0 && strcmp(outcome, "answered") == 0 &&
                 json_is_true(json_object_get(entry, "sent")) && number_of(entry, "status") < 300 &&
                 was_in_time(entry, &call);
    ledger_called(traffic->ledger, (size_t)number_of(entry, "request"), &call);
    traffic->next_request++;
    return true;
}

static json_t *page_of(struct traffic *traffic, const char *what, uint64_t from)
{
    char path[64];
    snprintf(path, sizeof(path), "%s?from=%llu&limit=%d", what, (unsigned long long)from, PAGE);
    json_t *page = fake_server_get(&traffic->stage->fake, path);
    json_int_t first = number_of(json_array_get(page, 0), "seq");
    if (json_array_size(page) > 0 && (uint64_t)first != from) {
        fprintf(stderr, "chaos: the fake's record of %s has a gap at %llu\n", what,
                (unsigned long long)from);
        abort();
    }
    return page;
}

void traffic_read_record(struct traffic *traffic, bool all)
{
    size_t n = PAGE;
    while (n == PAGE) {
        json_t *page = page_of(traffic, "events", traffic->next_event);
        n = json_array_size(page);
        for (size_t i = 0; i < n; i++) {
            take_event(traffic, json_array_get(page, i));
        }
        json_decref(page);
    }
    for (n = PAGE; n == PAGE;) {
        json_t *page = page_of(traffic, "requests", traffic->next_request);
        n = json_array_size(page);
        for (size_t i = 0; i < n; i++) {
            if (!take_request(traffic, json_array_get(page, i), all)) {
                n = 0;
            }
        }
        json_decref(page);
    }
}

/* ---- what is left */

static bool is_leftover(const char *key)
{
    return strcmp(key, RESULTS) != 0 && strcmp(key, FAILURES) != 0 &&
           strcmp(key, PUSHED_KEY) != 0 && !strstr(key, ":seq");
}

size_t traffic_count_left(struct traffic *traffic, bool say)
{
    size_t n_left = 0;
    const char *argv[] = {"KEYS", "*"};
    redisReply *reply = stage_redis(traffic->stage, 2, argv, NULL);
    for (size_t i = 0; reply && i < reply->elements; i++) {
        const char *key = reply->element[i]->str;
        n_left += is_leftover(key);
        if (say && is_leftover(key)) {
            printf("left in Redis: %s\n", key);
        }
    }
    freeReplyObject(reply);
    return n_left;
}
