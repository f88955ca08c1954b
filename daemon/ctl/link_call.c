/* Commands, and what their answers are. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/ctl/ctl.h"
#include "daemon/ctl/link.h"
#include "daemon/tls/redis_tls.h"
#include "daemon/view/reply.h"

#define MAX_WORDS 16

redisReply *link_call(struct link *link, const char *word, ...)
{
    const char *argv[MAX_WORDS];
    size_t lens[MAX_WORDS];
    va_list args;
    int argc = 0;
    va_start(args, word);
    for (; word && argc < MAX_WORDS; word = va_arg(args, const char *)) {
        argv[argc] = word;
        lens[argc++] = strlen(word);
    }
    va_end(args);
    return link_call_words(link, argc, argv, lens);
}

/* Errors that say that the server, as it is now, serves nobody like us. */
static bool is_of_server(const char *error)
{
    static const char *const names[] = {
        "NOAUTH", "WRONGPASS", "LOADING",    "MASTERDOWN", "READONLY", "UNBLOCKED", "CLUSTERDOWN",
        "MOVED",  "BUSY",      "NOREPLICAS", "MISCONF",    "ASK ",     "TRYAGAIN"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strncmp(error, names[i], strlen(names[i])) == 0)
            return true;
    return false;
}

int link_refuse(struct link *link, const char *error)
{
    link->was_refused = !is_of_server(error);
    if (strncmp(error, "ASK ", 4) == 0 || strncmp(error, "TRYAGAIN", 8) == 0)
        return link_fail(link, "the queue is on its way to another node, try again (%s)", error);
    return link_fail(link, "%s", error);
}

/* An error of Redis is a failure. */
static redisReply *refuse_error(struct link *link, redisReply *reply)
{
    if (reply->type != REDIS_REPLY_ERROR)
        return reply;
    link_refuse(link, reply->str);
    freeReplyObject(reply);
    return NULL;
}

redisReply *link_call_words(struct link *link, int argc, const char **argv, const size_t *lens)
{
    redisReply *reply;
    link->was_refused = false;
    if (link_ask(link, argc, argv, lens, &reply) != 0)
        return NULL;
    return refuse_error(link, reply);
}

redisReply *link_answer(struct link *link)
{
    redisReply *reply;
    link->was_refused = false;
    if (link_read(link, &reply) != 0)
        return NULL;
    return refuse_error(link, reply);
}

int link_misfit(struct link *link, const char *command)
{
    link->was_refused = false;
    return link_fail(link, "this is not the answer of %s", command);
}

redisReply *link_check(struct link *link, redisReply *reply, const char *command, const char *head,
                       const char *rest)
{
    if (!reply || reply_fits(reply, head, rest))
        return reply;
    freeReplyObject(reply);
    link_misfit(link, command);
    return NULL;
}

int link_status(const struct link *link)
{
    return link->was_refused ? CTL_FAILED : CTL_UNAVAILABLE;
}

int link_time(struct link *link, uint64_t *ret_unix_ms)
{
    redisReply *reply = link_check(link, link_call(link, "TIME", NULL), "TIME", "ss", "");
    if (!reply)
        return -1;
    *ret_unix_ms = strtoull(reply->element[0]->str, NULL, 10) * 1000 +
                   strtoull(reply->element[1]->str, NULL, 10) / 1000;
    freeReplyObject(reply);
    return 0;
}

int link_append(struct link *link, int argc, const char **argv, const size_t *lens)
{
    if (link->asking && redisAppendCommand(link->redis, "ASKING") != REDIS_OK)
        return link_fail_io(link);
    if (redisAppendCommandArgv(link->redis, argc, argv, lens) == REDIS_OK)
        return 0;
    return link_fail_io(link);
}

int link_flush(struct link *link)
{
    int done = 0;
    errno = 0;
    redis_tls_before();
    while (!done)
        if (redisBufferWrite(link->redis, &done) != REDIS_OK)
            return link_fail_io(link);
    return 0;
}

bool link_has_read_ahead(const struct link *link)
{
    return link->redis->reader->len > link->redis->reader->pos;
}

/* hiredis from 1.0 on reads it, whether or not it was asked for; nobody here does. */
static bool has_resp3(const redisReply *reply)
{
    bool has = reply->type > REDIS_REPLY_ERROR;
    for (size_t i = 0; !has && reply->type == REDIS_REPLY_ARRAY && i < reply->elements; i++)
        has = has_resp3(reply->element[i]);
    return has;
}

static int read_reply(struct link *link, redisReply **ret_reply)
{
    void *reply = NULL;
    errno = 0;
    redis_tls_before();
    if (redisGetReply(link->redis, &reply) != REDIS_OK)
        return link_fail_io(link);
    if (has_resp3(reply)) {
        freeReplyObject(reply);
        return link_fail(link, "the server answers in RESP3, which it was not asked for");
    }
    *ret_reply = reply;
    return 0;
}

int link_read(struct link *link, redisReply **ret_reply)
{
    if (link->asking) {
        if (read_reply(link, ret_reply) != 0)
            return -1;
        freeReplyObject(*ret_reply); /* of ASKING; what it refuses, the command's own tells */
    }
    return read_reply(link, ret_reply);
}
