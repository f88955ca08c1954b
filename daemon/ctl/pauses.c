#include "daemon/ctl/pauses.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/view/text.h"
#include "proto/keys.h"

/* What is no value of ours was put there by hand: it pauses all the same. */
static void read_value(const redisReply *value, struct pause *pause)
{
    json_t *root = json_loadb(value->str, value->len, 0, NULL);
    const char *reason = json_string_value(json_object_get(root, "reason"));
    json_int_t since_ms = json_integer_value(json_object_get(root, "since_ms"));
    pause->since_ms = since_ms > 0 ? (uint64_t)since_ms : 0;
    pause->reason = strdup(reason ? reason : "");
    json_decref(root);
}

static int compare(const void *a, const void *b)
{
    const struct pause *x = a, *y = b;
    bool x_first = strcmp(x->app, PAUSES_QUEUE) == 0, y_first = strcmp(y->app, PAUSES_QUEUE) == 0;
    return x_first != y_first ? y_first - x_first : strcmp(x->app, y->app);
}

int pauses_read(struct link *link, const char *list, struct pauses *ret_pauses)
{
    char key[KEYS_KEY_MAX];
    struct pauses pauses = {.n = 0};
    keys_queue(list, KEYS_PAUSED, key);
    pauses.reply = link_check(link, link_call(link, "HGETALL", key, NULL), "HGETALL", "", "ss");
    if (!pauses.reply)
        return -1;
    size_t n = pauses.reply->elements / 2;
    pauses.items = calloc(n + 1, sizeof *pauses.items);
    for (size_t i = 0; pauses.items && i < n; i++) {
        pauses.items[pauses.n].app = pauses.reply->element[2 * i]->str;
        read_value(pauses.reply->element[2 * i + 1], &pauses.items[pauses.n++]);
    }
    if (pauses.n > 1)
        qsort(pauses.items, pauses.n, sizeof *pauses.items, compare);
    *ret_pauses = pauses;
    return 0;
}

void pauses_deinit(struct pauses *pauses)
{
    for (size_t i = 0; i < pauses->n; i++)
        free(pauses->items[i].reason);
    free(pauses->items);
    freeReplyObject(pauses->reply);
    *pauses = (struct pauses){.n = 0};
}

const struct pause *pauses_find(const struct pauses *pauses, const char *app)
{
    for (size_t i = 0; i < pauses->n; i++)
        if (strcmp(pauses->items[i].app, app) == 0)
            return &pauses->items[i];
    return NULL;
}

void pauses_print_json(const struct pauses *pauses, FILE *out)
{
    fputc('[', out);
    for (size_t i = 0; i < pauses->n; i++) {
        const struct pause *pause = &pauses->items[i];
        fputs(i > 0 ? ",{\"app\":" : "{\"app\":", out);
        if (strcmp(pause->app, PAUSES_QUEUE) == 0)
            fputs("null", out);
        else
            text_json(out, pusher_str(pause->app));
        fprintf(out, ",\"since_ms\":%" PRIu64 ",\"reason\":", pause->since_ms);
        text_json(out, pusher_str(pause->reason ? pause->reason : ""));
        fputc('}', out);
    }
    fputc(']', out);
}

static void print_since(const struct pause *pause, uint64_t now_ms, FILE *out)
{
    char since[TEXT_TIME_MAX], ago[TEXT_TIME_MAX];
    if (pause->since_ms == 0)
        return;
    text_time(pause->since_ms, true, since);
    text_duration(now_ms > pause->since_ms ? now_ms - pause->since_ms : 0, ago);
    fprintf(out, " since %s (%s)", since, ago);
}

void pauses_print(const struct pauses *pauses, uint64_t now_ms, const char *indent, FILE *out)
{
    for (size_t i = 0; i < pauses->n; i++) {
        const struct pause *pause = &pauses->items[i];
        bool is_queue = strcmp(pause->app, PAUSES_QUEUE) == 0;
        fputs(indent, out);
        if (!is_queue)
            fputs("app ", out);
        text_clean(out, pusher_str(is_queue ? "the queue" : pause->app), 80);
        fputs(" is paused", out);
        print_since(pause, now_ms, out);
        if (pause->reason && pause->reason[0] != '\0') {
            fputs(": ", out);
            text_clean(out, pusher_str(pause->reason), 200);
        }
        fputc('\n', out);
    }
}
