/* A byte that says what the server answers, and any bytes as a record that a claim gave: through
 * admission, the engine, the request and the settlement. What is sent is sound, and every job gets
 * one outcome. */
#include <string.h>

#include "daemon/admit.h"
#include "daemon/delivery.h"
#include "daemon/delivery_pool.h"
#include "daemon/settle.h"
#include "pusher/event.h"
#include "pusher/request.h"
#include "tests/fuzz/fuzz.h"

#define NOW_MS      UINT64_C(100000)
#define SERVER_MS   UINT64_C(1700000000000)
#define ARENA_BYTES (1u << 20)
#define CLAIM_ID    7

static const char ini[] = "[app main]\n"
                          "app_id = 3\n"
                          "key = k\n"
                          "secret = s\n"
                          "cluster = eu\n"
                          "encryption_master_key_base64 = " FUZZ_MASTER_KEY "\n"
                          "[app plain]\n"
                          "app_id = 4\n"
                          "key = k\n"
                          "secret = s\n"
                          "cluster = eu\n"
                          "[queue q]\n"
                          "list = pusher:jobs\n"
                          "app = main\n";

static struct engine *new_engine(void)
{
    const struct engine_limits limits = {
        .max_jobs = 10,
        .max_attempts = 2,
        .retry_base_ms = 100,
        .retry_cap_ms = 1000,
        .retry_for_ms = 60000,
        .lane_hold_ms = 5000,
        .seed = 1,
    };
    const struct engine_app_limits app = {.max_in_flight = 4, .max_events = 10};
    const struct engine_app_limits apps[] = {app, app};
    struct engine *engine = engine_new(&limits, apps, 2);
    MUST(engine);
    return engine;
}

/* An element of a batch, or the body of a trigger. */
static void check_event(const struct pusher_client *client, const struct part *part)
{
    json_t *event = json_loadb(part->bytes, part->size, JSON_ALLOW_NUL, NULL);
    const json_t *channel = json_object_get(event, "channel"), *data;
    struct pusher_string name = {json_string_value(channel), json_string_length(channel)};

    MUST(json_is_object(event) && json_is_string(json_object_get(event, "name")));
    data = json_object_get(event, "data");
    MUST(json_is_string(data));
    MUST(!part->alone == (channel != NULL));
    MUST(part->alone || pusher_channel_check(client, name, NULL) == 0);
    if (!part->alone && pusher_channel_is_encrypted(name))
        MUST(strncmp(json_string_value(data), "{\"nonce\":\"", 10) == 0);
    json_decref(event);
}

/* It stands in a request line: no space, no line end, no way up. */
static void check_target(const struct pusher_client *client, const struct part *part)
{
    const struct delivery_call *call = part->call;
    char target[1 << 16];

    MUST(!strcmp(call->method, "GET") || !strcmp(call->method, "POST"));
    MUST(call->target_size <= sizeof(target) || part->size > 1000 || call->n_params > 0);
    if (call->target_size > sizeof(target))
        return;
    MUST(pusher_request_target(client, call->method, call->path, call->params, call->n_params,
                               part->bytes, part->size, 1700000000, target,
                               call->target_size) == 0);
    MUST(target[0] == '/' && fuzz_is_line(target, sizeof(target)));
    MUST(!strpbrk(target, " #"));
    MUST(strstr(target, "auth_signature="));
    *strchr(target, '?') = '\0';
    MUST(!strstr(target, "/../") && !strstr(target, "/./"));
}

static void check_part(const struct config *config, const struct delivery *delivery,
                       const struct part *part)
{
    const struct pusher_client *client;

    MUST(part->state != PART_FAILED ||
         (part->code && part->error && part->error[0] && fuzz_is_line(part->error, 1024)));
    MUST(part->state != PART_DELIVERED || !delivery_is_trigger(delivery->op));
    MUST(part->first_item + part->n_items <= delivery->n_items);
    for (uint32_t k = 0; k < part->n_items; k++)
        MUST(delivery->items[part->first_item + k] < delivery->n_items);
    if (part->state != PART_WAITING)
        return;
    MUST(delivery->job.app < config->n_apps);
    client = config->apps[delivery->job.app].client;
    if (part->call)
        check_target(client, part);
    if (delivery_is_trigger(delivery->op))
        check_event(client, part);
}

static const struct answer *answer_of(uint8_t kind)
{
    static const struct answer answers[] = {
        {ANSWER_DONE, 200, -1, ""},           {ANSWER_RETRY, 503, -1, "busy"},
        {ANSWER_REFUSED, 400, -1, "bad"},     {ANSWER_FORBIDDEN, 403, -1, "no"},
        {ANSWER_CLOCK, 401, -1, "late"},      {ANSWER_RETRY, 429, 60000, "slower"},
        {ANSWER_CANCELLED, 0, -1, "leaving"}, {ANSWER_NOT_SENT, 0, -1, "no memory"},
    };
    return &answers[kind % (sizeof(answers) / sizeof(answers[0]))];
}

/* Until the job is settled; a gate or a long wait ends with the engine's stop. */
static void run(struct engine *engine, struct delivery *delivery, uint8_t kind)
{
    uint64_t now_ms = NOW_MS;
    struct request *request;
    struct job *job = NULL;

    engine_add(engine, &delivery->job, now_ms);
    for (unsigned turn = 0; turn < 40 && !job; turn++) {
        while ((request = engine_next_request(engine, now_ms))) {
            MUST(request->n_parts >= 1 && request->n_parts <= 10);
            engine_answer(engine, request, answer_of(kind), now_ms);
        }
        now_ms += 700;
        if (turn == 38)
            engine_stop(engine);
        job = engine_next_settled(engine);
    }
    MUST(job == &delivery->job && !engine_next_settled(engine));
    engine_release(engine, job);
}

static void on_arg(const char *bytes, size_t len, void *data)
{
    size_t *n = data;
    MUST(len == 0 || bytes);
    ++*n;
}

static void settle(const struct config *config, const struct delivery *delivery)
{
    const struct settlement settlement = {config, true, NOW_MS, SERVER_MS};
    struct script_call *call = script_call_new(&script_settle);
    size_t n_args = 0;

    MUST(call);
    settle_add(call, &settlement, delivery);
    MUST(script_each_arg(call, 0, on_arg, &n_args) && n_args >= 2);
    script_call_free(call);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct config *config;
    struct arena arena;

    if (len < 1)
        return 0;
    if (!config)
        config = fuzz_config(ini);
    arena_init(&arena, ARENA_BYTES);
    struct engine *engine = new_engine();
    const struct admission admission = {
        .config = config,
        .engine = engine,
        .queue = &config->queues[0],
        .arena = &arena,
        .max_bytes = SIZE_MAX,
        .now_ms = NOW_MS,
        .server_now_ms = SERVER_MS,
    };
    struct delivery *delivery = admit(&admission, CLAIM_ID, (const char *)bytes + 1, len - 1);
    MUST(delivery && fuzz_is_text(delivery->id) && fuzz_is_text(delivery->op_name));
    MUST(fuzz_is_text(delivery->app_name) && fuzz_is_text(delivery->reply_to));
    for (uint32_t i = 0; i < delivery->job.n_parts; i++)
        check_part(config, delivery, &delivery->job.parts[i]);
    run(engine, delivery, bytes[0]);
    if (delivery->job.fate != JOB_ABANDONED)
        settle(config, delivery);
    delivery_free(delivery);
    delivery_pool_clear(); /* so that a sanitizer sees who uses it after that */
    engine_free(engine);
    arena_deinit(&arena);
    return 0;
}
