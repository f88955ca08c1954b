/* Each text is written twice by the same code: once to learn its size, once into memory. */
#include "proto/outcome.h"

#include <stdlib.h>
#include <string.h>

#include "lib/utf8.h"
#include "proto/json_write.h"
#include "proto/reader.h"

static void write_literal(struct json_sink *sink, const char *text)
{
    struct pusher_string literal = pusher_str(text);

    json_write_raw(sink, literal.ptr, literal.len);
}

static void write_error(struct json_sink *sink, struct pusher_string error)
{
    if (error.len > OUTCOME_TEXT_MAX)
        error.len = pusher__utf8_cut(error.ptr, error.len, OUTCOME_TEXT_MAX);
    (void)json_write_string(sink, error);
}

static void write_part(struct json_sink *sink, const struct outcome_part *part)
{
    write_literal(sink, "{\"index\":");
    json_write_integer(sink, false, part->index);
    write_literal(sink, ",\"code\":");
    (void)json_write_string(sink, pusher_str(part->code));
    write_literal(sink, ",\"error\":");
    write_error(sink, part->error);
    write_literal(sink, "}");
}

static void write_parts(struct json_sink *sink, const struct outcome_part *parts, size_t n_parts)
{
    write_literal(sink, "[");
    for (size_t i = 0; i < n_parts; i++) {
        if (i > 0)
            write_literal(sink, ",");
        write_part(sink, &parts[i]);
    }
    write_literal(sink, "]");
}

static void write_number(struct json_sink *sink, const char *name, uint64_t number)
{
    write_literal(sink, name);
    json_write_integer(sink, false, number);
}

static void write_reply(struct json_sink *sink, const struct outcome *outcome)
{
    write_literal(sink, "{\"id\":");
    (void)json_write_string(sink, outcome->id);
    write_literal(sink, ",\"op\":");
    (void)json_write_string(sink, outcome->op);
    write_literal(sink, ",\"app\":");
    (void)json_write_string(sink, outcome->app);
    write_literal(sink, outcome->code ? ",\"ok\":false,\"code\":" : ",\"ok\":true");
    if (outcome->code)
        (void)json_write_string(sink, pusher_str(outcome->code));
    write_number(sink, ",\"http\":", outcome->http);
    if (outcome->code) {
        write_literal(sink, ",\"error\":");
        write_error(sink, outcome->error);
    }
    write_number(sink, ",\"attempts\":", outcome->attempts);
    write_number(sink, ",\"ms\":", outcome->ms);
    if (outcome->n_parts > 0) {
        write_literal(sink, ",\"parts\":");
        write_parts(sink, outcome->parts, outcome->n_parts);
    }
    if (outcome->result.ptr) {
        write_literal(sink, ",\"result\":");
        json_write_raw(sink, outcome->result.ptr, outcome->result.len);
    }
    write_literal(sink, "}");
}

/* A sink with memory for what `measured` counted and a NUL; its `ptr` is NULL without memory. */
static struct json_sink new_text(struct json_sink measured)
{
    return json_sink_into(malloc(measured.len + 1), measured.len);
}

static char *finish(struct json_sink sink, size_t *ret_len)
{
    sink.ptr[sink.len] = '\0';
    *ret_len = sink.len;
    return sink.ptr;
}

char *outcome_parts_json(const struct outcome_part *parts, size_t n_parts, size_t *ret_len)
{
    struct json_sink sink = JSON_SINK_COUNTS;

    write_parts(&sink, parts, n_parts);
    sink = new_text(sink);
    if (!sink.ptr)
        return NULL;
    write_parts(&sink, parts, n_parts);
    return finish(sink, ret_len);
}

char *outcome_reply_json(const struct outcome *outcome, size_t *ret_len)
{
    struct json_sink sink = JSON_SINK_COUNTS;

    write_reply(&sink, outcome);
    sink = new_text(sink);
    if (!sink.ptr)
        return NULL;
    write_reply(&sink, outcome);
    return finish(sink, ret_len);
}

/* An object or an array, sound to its end: what the API answers with. */
static bool is_json(struct pusher_string text)
{
    bool is_map = text.ptr[0] == '{';
    struct reader reader;
    struct value key, value;
    int rc;

    reader_init(&reader, READER_JSON, text.ptr, text.len);
    rc = reader_open(&reader, is_map ? VALUE_MAP : VALUE_ARRAY);
    while (rc >= 0 && (rc = reader_next(&reader, is_map ? &key : NULL)) == READER_ITEM)
        rc = reader_value(&reader, &value);
    return rc == READER_END && reader_finish(&reader) >= 0 &&
           pusher__utf8_valid(text.ptr, text.len);
}

static struct pusher_string trim(struct pusher_string text)
{
    while (text.len > 0 && memchr(" \t\r\n", text.ptr[0], 4)) {
        text.ptr++;
        text.len--;
    }
    while (text.len > 0 && memchr(" \t\r\n", text.ptr[text.len - 1], 4))
        text.len--;
    return text;
}

char *outcome_result_json(const char *text, size_t len)
{
    struct pusher_string trimmed = trim((struct pusher_string){text, len});
    struct json_sink sink = JSON_SINK_COUNTS;
    char *json;

    if (trimmed.len == 0)
        return strdup("null");
    if (is_json(trimmed))
        return strndup(trimmed.ptr, trimmed.len);
    (void)json_write_string(&sink, trimmed);
    json = malloc(sink.len + 1);
    if (!json)
        return NULL;
    json[sink.len] = '\0';
    sink = json_sink_into(json, sink.len);
    (void)json_write_string(&sink, trimmed);
    return json;
}
