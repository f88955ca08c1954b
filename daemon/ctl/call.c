#include "daemon/ctl/call.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static bool grow(struct call *call)
{
    size_t size = call->size ? 2 * call->size : 64;
    const char **argv = reallocarray(call->argv, size, sizeof *argv);
    if (argv)
        call->argv = argv;
    size_t *lens = argv ? reallocarray(call->lens, size, sizeof *lens) : NULL;
    if (!lens)
        return false;
    call->lens = lens;
    call->size = size;
    return true;
}

void call_add(struct call *call, const char *bytes, size_t len)
{
    char *copy = call->n < call->size || grow(call) ? malloc(len + 1) : NULL;
    call->failed |= !copy;
    if (!copy)
        return;
    memcpy(copy, bytes, len);
    call->argv[call->n] = copy;
    call->lens[call->n++] = len;
}

void call_text(struct call *call, const char *text)
{
    call_add(call, text, strlen(text));
}

void call_number(struct call *call, uint64_t number)
{
    char text[24];
    int len = snprintf(text, sizeof text, "%" PRIu64, number);
    call_add(call, text, (size_t)len);
}

void call_script(struct call *call, const struct lua_script *script, unsigned n_keys)
{
    call_text(call, "EVAL");
    call_text(call, script->text);
    call_number(call, n_keys);
}

void call_key(struct call *call, const char *list, enum keys_queue which)
{
    char key[KEYS_KEY_MAX];
    size_t len = keys_queue(list, which, key);
    call_add(call, key, len);
}

void call_consumer_key(struct call *call, const char *list, enum keys_consumer which,
                       const char *consumer)
{
    char key[KEYS_KEY_MAX];
    size_t len = keys_consumer(list, which, consumer, key);
    call_add(call, key, len);
}

redisReply *call_send(struct call *call, struct link *link)
{
    redisReply *reply = NULL;
    if (call->failed)
        snprintf(link->why, sizeof link->why, "out of memory");
    else
        reply = link_call_words(link, (int)call->n, call->argv, call->lens);
    call_clear(call);
    return reply;
}

void call_clear(struct call *call)
{
    for (size_t i = 0; i < call->n; i++)
        free((void *)(uintptr_t)call->argv[i]);
    free(call->argv);
    free(call->lens);
    *call = (struct call){.n = 0};
}
