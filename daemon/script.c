#include "daemon/script.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/metrics.h"

#define FIRST_BYTES     1024
#define FIRST_ARGS      32
#define LOAD_TIMEOUT_MS 5000
#define N_HEAD          3 /* EVALSHA, hash, number of keys */

/* Arguments stand one behind the other in `bytes`; pointers are made when the call is sent. */
struct script_call {
    const struct lua_script *script;
    char *bytes; /* owned */
    size_t n_bytes, bytes_size;
    size_t *lengths; /* owned; the first N_HEAD are filled in when it is sent */
    size_t n_args, args_size;
    unsigned n_keys;
    bool out_of_memory;
    bool by_text; /* sent with EVAL */
    uint64_t timeout_ms;
    uint64_t sent_ns;
    script_reply_cb reply_cb;
    void *data;
};

static struct metrics *measured; /* borrowed; of the process, as the log is */

void script_measure(struct metrics *metrics)
{
    measured = metrics;
}

static void on_loaded(struct redis *redis, const redisReply *reply, void *data)
{
    /* Without the right to SCRIPT LOAD, the first call of each script brings its text. */
    (void)redis;
    (void)reply;
    (void)data;
}

void script_load_all(struct redis *redis)
{
    for (size_t i = 0; i < N_SCRIPTS; i++) {
        const char *argv[] = {"SCRIPT", "LOAD", all_scripts[i]->text};
        size_t lengths[] = {6, 4, strlen(all_scripts[i]->text)};

        /* Not sent: the connection is lost, or the calls bring the text themselves. */
        (void)!redis_command(redis, 3, argv, lengths, LOAD_TIMEOUT_MS, on_loaded, NULL);
    }
}

struct script_call *script_call_new(const struct lua_script *script)
{
    struct script_call *call = calloc(1, sizeof(*call));

    if (!call)
        return NULL;
    call->script = script;
    call->n_args = N_HEAD;
    return call;
}

void script_call_free(struct script_call *call)
{
    if (!call)
        return;
    free(call->bytes);
    free(call->lengths);
    free(call);
}

static int grow(void **memory, size_t *size, size_t wanted, size_t first, size_t item)
{
    size_t n = *size ? *size : first;
    void *larger;

    while (n < wanted)
        n *= 2;
    if (n == *size)
        return 0;
    larger = realloc(*memory, n * item);
    if (!larger)
        return -1;
    *memory = larger;
    *size = n;
    return 0;
}

void script_arg(struct script_call *call, const char *bytes, size_t len)
{
    if (grow((void **)&call->bytes, &call->bytes_size, call->n_bytes + len + 1, FIRST_BYTES, 1) !=
            0 ||
        grow((void **)&call->lengths, &call->args_size, call->n_args + 1, FIRST_ARGS,
             sizeof(*call->lengths)) != 0) {
        call->out_of_memory = true;
        return;
    }
    if (len > 0)
        memcpy(call->bytes + call->n_bytes, bytes, len);
    call->n_bytes += len;
    call->lengths[call->n_args++] = len;
}

void script_arg_text(struct script_call *call, const char *text)
{
    script_arg(call, text, strlen(text));
}

void script_arg_number(struct script_call *call, uint64_t number)
{
    char text[24];

    script_arg(call, text, (size_t)snprintf(text, sizeof(text), "%" PRIu64, number));
}

void script_key(struct script_call *call, const char *key)
{
    script_arg_text(call, key);
    call->n_keys++;
}

bool script_each_arg(const struct script_call *call, size_t n, script_arg_cb arg_cb, void *data)
{
    const char *pos = call->bytes;

    if (call->out_of_memory)
        return false;
    for (size_t i = N_HEAD; i < call->n_args; i++) {
        if (i >= N_HEAD + call->n_keys + n)
            arg_cb(pos, call->lengths[i], data);
        pos += call->lengths[i];
    }
    return true;
}

static void on_reply(struct redis *redis, const redisReply *reply, void *data);

static int send_call(struct script_call *call, struct redis *redis)
{
    const char **argv = malloc(call->n_args * sizeof(*argv));
    const char *pos = call->bytes;
    char n_keys[16];
    int status;

    if (!argv)
        return -1;
    (void)snprintf(n_keys, sizeof(n_keys), "%u", call->n_keys);
    argv[0] = call->by_text ? "EVAL" : "EVALSHA";
    argv[1] = call->by_text ? call->script->text : call->script->sha1;
    argv[2] = n_keys;
    for (size_t i = 0; i < N_HEAD; i++)
        call->lengths[i] = strlen(argv[i]);
    for (size_t i = N_HEAD; i < call->n_args; i++) {
        argv[i] = pos;
        pos += call->lengths[i];
    }
    status = redis_command(redis, (int)call->n_args, argv, call->lengths, call->timeout_ms,
                           on_reply, call);
    free(argv);
    return status;
}

static void on_reply(struct redis *redis, const redisReply *reply, void *data)
{
    struct script_call *call = data;

    if (reply && reply->type == REDIS_REPLY_ERROR && !call->by_text &&
        strncmp(reply->str, "NOSCRIPT", 8) == 0) {
        call->by_text = true;
        if (send_call(call, redis) == 0)
            return;
        reply = NULL;
    }
    if (reply && measured)
        metrics_script(measured, call->script, (uv_hrtime() - call->sent_ns) / 1000);
    call->reply_cb(reply, call->data);
    script_call_free(call);
}

int script_send(struct script_call *call, struct redis *redis, uint64_t timeout_ms,
                script_reply_cb reply_cb, void *data)
{
    call->timeout_ms = timeout_ms;
    call->sent_ns = uv_hrtime();
    call->reply_cb = reply_cb;
    call->data = data;
    if (!call->out_of_memory && call->lengths && send_call(call, redis) == 0)
        return 0;
    script_call_free(call);
    return -1;
}
