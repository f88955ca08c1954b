/* /api/failures?queue=Q[&count=N][&before=ID]: the newest failures, as `pusherctl failures list`
 * prints them, but with values cut at MAX_VALUE bytes. */
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/status_private.h"
#include "daemon/view/entry.h"
#include "proto/text_out.h"

#define DEFAULT_COUNT 20
#define MAX_COUNT     50
#define MAX_VALUE     2048
#define ARENA_MAX     (4u << 20)

static void put_entries(FILE *out, const redisReply *entries, bool more)
{
    struct stream_entry entry;
    struct arena arena;
    const char *before = "";

    arena_init(&arena, ARENA_MAX);
    fputs("{\"failures\":[", out);
    for (size_t i = 0; i < entries->elements; i++) {
        if (!stream_entry_read(entries->element[i], &entry))
            continue;
        fputs(before, out);
        entry_json(out, &entry, &arena);
        before = ",\n";
    }
    (void)fprintf(out, "],\"more\":%s}\n", more ? "true" : "false");
    arena_deinit(&arena);
}

static void on_peeked(struct status_request *request, const redisReply *reply)
{
    struct text_out text = {.file = NULL};
    size_t len = 0;
    bool more;
    const redisReply *entries = stream_peeked(reply, &more);
    FILE *out = entries ? text_out_open(&text) : NULL;
    char *whole;

    if (out)
        put_entries(out, entries, more);
    whole = text_out_close(&text, &len);
    status_answer(request, MHD_HTTP_OK, STATUS_TYPE_JSON, whole, len);
}

/* A number from 1 to MAX_COUNT; 0 if it is none. */
static unsigned read_count(const struct status_request *request)
{
    const char *text = status_parameter(request, "count");
    size_t len = text ? strlen(text) : 0;
    unsigned long count = DEFAULT_COUNT;

    if (text)
        count = len <= 4 && strspn(text, "0123456789") == len ? strtoul(text, NULL, 10) : 0;
    return count <= MAX_COUNT ? (unsigned)count : 0;
}

void console_failures(struct status_request *request)
{
    const char *before_text = status_parameter(request, "before");
    char before[STREAM_ID_MAX] = "+";
    unsigned count = read_count(request);
    struct source *source = status_find_queue(request, status_parameter(request, "queue"));
    struct script_call *call;

    if (!source)
        return;
    if (count == 0 || (before_text && !stream_id_read(before_text, before))) {
        status_answer_error(request, MHD_HTTP_BAD_REQUEST,
                            count == 0 ? "count: a number from 1 to 50 is wanted"
                                       : "before: not the id of an entry");
        return;
    }
    call = script_call_new(&script_peek);
    if (call) {
        script_key(call, source->list_key[KEYS_FAILURES]);
        script_arg_text(call, before);
        script_arg_number(call, count);
        script_arg_number(call, MAX_VALUE);
    }
    status_ask_script(request, source, call, on_peeked);
}
