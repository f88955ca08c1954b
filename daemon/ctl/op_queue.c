#include "daemon/ctl/op_queue.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/ctl/job_text.h"
#include "daemon/ctl/link.h"
#include "daemon/view/reply.h"
#include "lib/name.h"
#include "proto/keys.h"
#include "proto/reader.h"

#define SPARE_MS 5000 /* what Redis's answer may take beyond the time it waits */

/* A list beside the queue's own keys, so that it shares their slot: {L}:reply:RANDOM. */
static void make_reply_key(const char *list, char ret_key[KEYS_KEY_MAX])
{
    unsigned char random[16];
    char hex[2 * sizeof random + 1];
    randombytes_buf(random, sizeof random);
    sodium_bin2hex(hex, sizeof hex, random, sizeof random);
    keys_queue(list, KEYS_SEQ, ret_key);
    char *suffix = strrchr(ret_key, ':') + 1;
    snprintf(suffix, KEYS_KEY_MAX - (size_t)(suffix - ret_key), "reply:%s", hex);
}

static int read_wait(const struct command_args *args, unsigned *ret_s)
{
    const char *text = command_value(args, "wait");
    unsigned long s = text && strlen(text) <= 6 ? strtoul(text, NULL, 10) : 0;
    if (text && (s < 1 || s > OP_QUEUE_WAIT_S_MAX || text[strspn(text, "0123456789")] != '\0'))
        return ctl_fail(CTL_USAGE, "--wait is a number of seconds from 1 to %d",
                        OP_QUEUE_WAIT_S_MAX);
    *ret_s = text ? (unsigned)s : OP_QUEUE_WAIT_S;
    return CTL_DONE;
}

static int push(struct link *link, const char *list, const char *job, size_t len)
{
    const char *argv[] = {"RPUSH", list, job};
    const size_t lens[] = {5, strlen(list), len};
    redisReply *reply = link_call_words(link, 3, argv, lens);
    if (!reply)
        return ctl_fail(link_status(link), "%s", link->why);
    freeReplyObject(reply);
    return CTL_DONE;
}

/* Reads no further than `ok`: in the `result` behind it anything may be that the API has answered,
 * a number or a nesting beyond what a reader takes. */
static bool is_ok(const char *text, size_t len)
{
    struct reader reader;
    struct value key, value;
    reader_init(&reader, READER_JSON, text, len);
    int rc = reader_open(&reader, VALUE_MAP);
    while (rc >= 0 && reader_next(&reader, &key) == READER_ITEM) {
        rc = reader_value(&reader, &value);
        if (rc >= 0 && pusher__equals(key.text, "ok"))
            return pusher__equals(value.raw, "true");
    }
    return false;
}

static int print_outcome(struct ctl *ctl, const char *text, size_t len)
{
    fwrite(text, 1, len, ctl->out);
    fputc('\n', ctl->out);
    return is_ok(text, len) ? CTL_DONE : CTL_FAILED;
}

static int await(struct ctl *ctl, struct link *link, const char *key, unsigned wait_s)
{
    char seconds[16];
    snprintf(seconds, sizeof seconds, "%u", wait_s);
    if (link_set_timeout(link, wait_s * 1000 + SPARE_MS) != 0)
        return ctl_fail(CTL_UNAVAILABLE, "%s", link->why);
    redisReply *reply = link_call(link, "BLPOP", key, seconds, NULL);
    if (!reply)
        return ctl_fail(link_status(link), "%s", link->why);
    int status;
    if (reply_fits(reply, "ss", ""))
        status = print_outcome(ctl, reply->element[1]->str, reply->element[1]->len);
    else
        status = ctl_fail(CTL_FAILED,
                          "no outcome within %u s; the job stays queued. Is a pusherd running on "
                          "this list? (pusherctl status)",
                          wait_s);
    freeReplyObject(reply);
    return status;
}

static int run(struct ctl *ctl, const struct command_args *args, const char *list, unsigned wait_s)
{
    char key[KEYS_KEY_MAX];
    struct link link;
    char *job;
    size_t len;
    make_reply_key(list, key);
    int status = job_text(args, ctl->app_name, key, &job, &len);
    if (status != CTL_DONE)
        return status;
    if (link_open(&link, &ctl->config->redis) == 0)
        status = push(&link, list, job, len);
    else
        status = ctl_fail(CTL_UNAVAILABLE, "%s", link.why);
    free(job);
    if (status == CTL_DONE)
        status = await(ctl, &link, key, wait_s);
    link_close(&link);
    return status;
}

int op_queue(struct ctl *ctl, const struct command_args *args)
{
    const char *list;
    unsigned wait_s;
    int status = read_wait(args, &wait_s);
    if (status == CTL_DONE)
        status = ctl_load(ctl, true);
    if (status == CTL_DONE)
        status = ctl_pick_list(ctl, &list);
    return status == CTL_DONE ? run(ctl, args, list, wait_s) : status;
}
