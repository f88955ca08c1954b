#include "daemon/script.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/metrics.h"
#include "lib/decimal.h"

#define FIRST_BYTES     4096
#define HEAD_ROOM       128                   /* of a call by hash */
#define LENGTH_ROOM     (1 + DECIMAL_MAX + 2) /* "$", a length, CR LF */
#define LOAD_TIMEOUT_MS 5000

/* Arguments are written as Redis reads them, "$LENGTH\r\nBYTES\r\n", since having hiredis format
 * hundreds of them costs as much as all else together. They begin at HEAD_ROOM: how many they are
 * is known when the call is sent, and the head, which tells that, is then put right before them. */
struct script_call {
    const struct lua_script *script;
    char *bytes; /* owned */
    size_t n_bytes, size;
    unsigned n_args, n_keys; /* keys are arguments as well */
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
    call->n_bytes = HEAD_ROOM;
    return call;
}

void script_call_free(struct script_call *call)
{
    if (!call)
        return;
    free(call->bytes);
    free(call);
}

static bool reserve(struct script_call *call, size_t len)
{
    size_t size = call->size ? call->size : FIRST_BYTES;
    char *larger;

    while (size < call->n_bytes + len)
        size *= 2;
    if (size == call->size)
        return true;
    larger = realloc(call->bytes, size);
    if (!larger) {
        call->out_of_memory = true;
        return false;
    }
    call->bytes = larger;
    call->size = size;
    return true;
}

/* "$LENGTH\r\nBYTES\r\n"; gives how many bytes that is. */
static size_t write_arg(char *out, const char *bytes, size_t len)
{
    size_t n = 1;

    out[0] = '$';
    n += decimal_write(out + n, len);
    memcpy(out + n, "\r\n", 2);
    n += 2;
    if (len > 0)
        memcpy(out + n, bytes, len);
    memcpy(out + n + len, "\r\n", 2);
    return n + len + 2;
}

void script_arg(struct script_call *call, const char *bytes, size_t len)
{
    if (!reserve(call, LENGTH_ROOM + len + 2))
        return;
    call->n_bytes += write_arg(call->bytes + call->n_bytes, bytes, len);
    call->n_args++;
}

void script_arg_text(struct script_call *call, const char *text)
{
    script_arg(call, text, strlen(text));
}

void script_arg_number(struct script_call *call, uint64_t number)
{
    char digits[DECIMAL_MAX];

    script_arg(call, digits, decimal_write(digits, number));
}

void script_fail(struct script_call *call)
{
    call->out_of_memory = true;
}

void script_key(struct script_call *call, const char *key)
{
    script_arg_text(call, key);
    call->n_keys++;
}

size_t script_size(const struct script_call *call)
{
    return call->n_bytes;
}

bool script_each_arg(const struct script_call *call, size_t n, script_arg_cb arg_cb, void *data)
{
    char *pos;

    if (call->out_of_memory || call->n_args == 0)
        return false;
    pos = call->bytes + HEAD_ROOM;
    for (size_t i = 0; i < call->n_args; i++) {
        size_t len = strtoul(pos + 1, &pos, 10);

        pos += 2;
        if (i >= call->n_keys + n)
            arg_cb(pos, len, data);
        pos += len + 2;
    }
    return true;
}

/* "*N", the command, the script or its hash, and the number of keys. */
static size_t write_head(const struct script_call *call, char *out)
{
    const char *script = call->by_text ? call->script->text : call->script->sha1;
    char n_keys[DECIMAL_MAX];
    size_t n = 1;

    out[0] = '*';
    n += decimal_write(out + n, call->n_args + 3);
    memcpy(out + n, "\r\n", 2);
    n += 2;
    n += call->by_text ? write_arg(out + n, "EVAL", 4) : write_arg(out + n, "EVALSHA", 7);
    n += write_arg(out + n, script, strlen(script));
    size_t len = decimal_write(n_keys, call->n_keys);
    return n + write_arg(out + n, n_keys, len);
}

static void on_reply(struct redis *redis, const redisReply *reply, void *data);

static int send_by_hash(struct script_call *call, struct redis *redis)
{
    char head[HEAD_ROOM];
    size_t len = write_head(call, head);
    size_t at = HEAD_ROOM - len;

    memcpy(call->bytes + at, head, len);
    return redis_send(redis, call->bytes + at, call->n_bytes - at, call->timeout_ms, on_reply,
                      call);
}

static int send_by_text(struct script_call *call, struct redis *redis)
{
    size_t n_args = call->n_bytes - HEAD_ROOM, len;
    char *bytes = malloc(HEAD_ROOM + strlen(call->script->text) + n_args);
    int status;

    if (!bytes)
        return -1;
    call->by_text = true;
    len = write_head(call, bytes);
    memcpy(bytes + len, call->bytes + HEAD_ROOM, n_args);
    status = redis_send(redis, bytes, len + n_args, call->timeout_ms, on_reply, call);
    free(bytes);
    return status;
}

static void on_reply(struct redis *redis, const redisReply *reply, void *data)
{
    struct script_call *call = data;

    if (reply && reply->type == REDIS_REPLY_ERROR && !call->by_text &&
        strncmp(reply->str, "NOSCRIPT", 8) == 0) {
        if (send_by_text(call, redis) == 0)
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
    if (!call->out_of_memory && call->n_args > 0 && send_by_hash(call, redis) == 0)
        return 0;
    script_call_free(call);
    return -1;
}
