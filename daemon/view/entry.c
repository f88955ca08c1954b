#include "daemon/view/entry.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/view/job_view.h"
#include "daemon/view/text.h"
#include "proto/reader.h"

static bool is_text(const redisReply *reply)
{
    return reply->type == REDIS_REPLY_STRING;
}

bool stream_entry_read(const redisReply *reply, struct stream_entry *ret_entry)
{
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 || !is_text(reply->element[0]) ||
        reply->element[1]->type != REDIS_REPLY_ARRAY || reply->element[0]->len >= STREAM_ID_MAX)
        return false;
    *ret_entry = (struct stream_entry){
        .id = reply->element[0]->str,
        .unix_ms = strtoull(reply->element[0]->str, NULL, 10),
        .fields = reply->element[1],
    };
    return true;
}

const redisReply *stream_peeked(const redisReply *reply, bool *ret_more)
{
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 ||
        reply->element[0]->type != REDIS_REPLY_INTEGER ||
        reply->element[1]->type != REDIS_REPLY_ARRAY)
        return NULL;
    *ret_more = reply->element[0]->integer != 0;
    return reply->element[1];
}

struct pusher_string stream_field(const struct stream_entry *entry, const char *name)
{
    const redisReply *fields = entry->fields;
    for (size_t i = 0; i + 1 < fields->elements; i += 2) {
        const redisReply *value = fields->element[i + 1];
        if (is_text(fields->element[i]) && is_text(value) &&
            strcmp(fields->element[i]->str, name) == 0)
            return (struct pusher_string){value->str, value->len};
    }
    return pusher_str(NULL);
}

bool stream_id_read(const char *text, char ret_id[STREAM_ID_MAX])
{
    size_t ms = strspn(text, "0123456789");
    bool has_seq = text[ms] == '-';
    size_t seq = has_seq ? strspn(text + ms + 1, "0123456789") : 0;
    if (ms == 0 || ms > 20 || seq > 20 || has_seq != (seq > 0) || text[ms + has_seq + seq] != '\0')
        return false;
    snprintf(ret_id, STREAM_ID_MAX, "%s%s", text, has_seq ? "" : "-0");
    return true;
}

/* A number as pusherd writes them: it may stand in JSON as it is. */
static bool is_number(struct pusher_string text)
{
    return text.len > 0 && text.len <= 19 && strspn(text.ptr, "0123456789") >= text.len &&
           (text.ptr[0] != '0' || text.len == 1);
}

static bool is_json(struct pusher_string text)
{
    struct reader reader;
    struct value value;
    reader_init(&reader, READER_JSON, text.ptr, text.len);
    return reader_value(&reader, &value) == 0 && reader_finish(&reader) == 0 && !value.flaw.at;
}

static bool is_one_of(const char *name, const char *const *names)
{
    while (*names && strcmp(*names, name) != 0)
        names++;
    return *names != NULL;
}

static void print_job(FILE *out, struct pusher_string bytes, struct arena *arena)
{
    struct job_view view;
    arena_reset(arena);
    if (job_view(bytes, arena, &view) != 0) {
        fputs("\"format\":\"raw\",\"job\":null", out);
        return;
    }
    fprintf(out, "\"format\":\"%s\",\"job%s\":", job_view_format_name(view.format),
            view.format == JOB_VIEW_RAW ? "_base64" : "");
    if (view.format == JOB_VIEW_JSON || view.format == JOB_VIEW_MSGPACK)
        text_json_compact(out, view.text);
    else
        text_json(out, view.text);
}

static void print_field(FILE *out, const char *name, struct pusher_string value,
                        struct arena *arena)
{
    static const char *const numbers[] = {"http", "attempts", "ms", "job_bytes", NULL};
    static const char *const json[] = {"result", "parts", NULL};
    if (strcmp(name, "job") == 0) {
        print_job(out, value, arena);
        return;
    }
    text_json(out, pusher_str(name));
    fputc(':', out);
    if (is_one_of(name, numbers) && is_number(value))
        fwrite(value.ptr, 1, value.len, out);
    else if (is_one_of(name, json) && is_json(value))
        text_json_compact(out, value);
    else
        text_json(out, value);
}

void entry_json(FILE *out, const struct stream_entry *entry, struct arena *arena)
{
    const redisReply *fields = entry->fields;
    char time[TEXT_TIME_MAX];
    text_time(entry->unix_ms, false, time);
    fprintf(out, "{\"stream_id\":\"%s\",\"time\":\"%s\",\"time_ms\":%" PRIu64, entry->id, time,
            entry->unix_ms);
    for (size_t i = 0; i + 1 < fields->elements; i += 2) {
        const redisReply *name = fields->element[i], *value = fields->element[i + 1];
        if (name->type != REDIS_REPLY_STRING || value->type != REDIS_REPLY_STRING)
            continue;
        fputc(',', out);
        print_field(out, name->str, (struct pusher_string){value->str, value->len}, arena);
    }
    fputc('}', out);
}
