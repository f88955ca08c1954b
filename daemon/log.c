#include "daemon/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES 4096

struct line {
    char bytes[LINE_MAX_BYTES];
    size_t len;
};

static struct {
    int level;
    enum log_format format;
    bool to_journal;
    time_t second;
    unsigned n_lines, n_suppressed;
} log_state = {.level = LOG_INFO};

void log_init(int level, enum log_format format)
{
    log_state.level = level;
    log_state.format = format;
    log_state.to_journal = getenv("JOURNAL_STREAM") != NULL;
}

bool log_is_on(int level)
{
    return level <= log_state.level;
}

static const char *level_name(int level)
{
    if (level <= LOG_ERR)
        return "error";
    if (level == LOG_WARNING)
        return "warn";
    return level == LOG_DEBUG ? "debug" : "info";
}

/* One byte of the line is kept for its end. */
static void put(struct line *line, const char *bytes, size_t len)
{
    size_t room = sizeof(line->bytes) - 1 - line->len;

    if (len > room)
        len = room;
    memcpy(line->bytes + line->len, bytes, len);
    line->len += len;
}

static void put_text(struct line *line, const char *text)
{
    put(line, text, strlen(text));
}

static bool needs_quotes(struct pusher_string text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];

        if (c <= ' ' || c == '"' || c == '=' || c == '\\' || c == 0x7f)
            return true;
    }
    return text.len == 0;
}

static void put_quoted(struct line *line, struct pusher_string text)
{
    char escape[8];

    put(line, "\"", 1);
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];

        if (c == '"' || c == '\\') {
            put(line, "\\", 1);
            put(line, &text.ptr[i], 1);
        } else if (c < ' ' || c == 0x7f) {
            put(line, escape, (size_t)snprintf(escape, sizeof(escape), "\\u%04x", c));
        } else {
            put(line, &text.ptr[i], 1);
        }
    }
    put(line, "\"", 1);
}

static struct pusher_string cut(struct pusher_string text)
{
    if (text.len > LOG_TEXT_MAX)
        text.len = LOG_TEXT_MAX;
    while (text.len > 0 && text.len == LOG_TEXT_MAX && (text.ptr[text.len] & 0xc0) == 0x80)
        text.len--;
    return text;
}

static void put_field(struct line *line, const struct log_field *field)
{
    bool json = log_state.format == LOG_FORMAT_JSON;
    char number[24];

    put_text(line, json ? ",\"" : " ");
    put_text(line, field->key);
    put_text(line, json ? "\":" : "=");
    if (!field->text.ptr)
        put(line, number, (size_t)snprintf(number, sizeof(number), "%lld", field->number));
    else if (json || needs_quotes(field->text))
        put_quoted(line, cut(field->text));
    else
        put(line, field->text.ptr, cut(field->text).len);
}

static void put_head(struct line *line, int level)
{
    bool json = log_state.format == LOG_FORMAT_JSON;
    struct timespec now;
    struct tm utc;
    char text[64];
    size_t len;

    if (log_state.to_journal) {
        put(line, text, (size_t)snprintf(text, sizeof(text), "<%d>", level));
        put_text(line, json ? "{\"level\":" : "level=");
    } else {
        clock_gettime(CLOCK_REALTIME, &now);
        gmtime_r(&now.tv_sec, &utc);
        len = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &utc);
        len += (size_t)snprintf(text + len, sizeof(text) - len, ".%03ldZ", now.tv_nsec / 1000000);
        put_text(line, json ? "{\"time\":\"" : "time=");
        put(line, text, len);
        put_text(line, json ? "\",\"level\":" : " level=");
    }
    put_text(line, json ? "\"" : "");
    put_text(line, level_name(level));
    put_text(line, json ? "\"" : "");
}

static void write_line(int level, const char *tag, const char *message,
                       const struct log_field *fields)
{
    struct log_field tag_field = LOG_TEXT("tag", tag), message_field = LOG_TEXT("msg", message);
    struct line line = {.len = 0};

    put_head(&line, level);
    put_field(&line, &tag_field);
    for (; fields->key; fields++)
        put_field(&line, fields);
    put_field(&line, &message_field);
    if (log_state.format == LOG_FORMAT_JSON)
        put(&line, "}", 1);
    line.bytes[line.len++] = '\n';
    /* A log that cannot be written must not stop deliveries. */
    if (write(STDERR_FILENO, line.bytes, line.len) < 0)
        return;
}

static bool is_suppressed(void)
{
    static const struct log_field none = {0};
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    if (now.tv_sec != log_state.second) {
        struct log_field count[] = {LOG_NUMBER("lines", log_state.n_suppressed), none};

        if (log_state.n_suppressed > 0)
            write_line(LOG_WARNING, "log", "lines were not written", count);
        log_state.second = now.tv_sec;
        log_state.n_lines = log_state.n_suppressed = 0;
    }
    if (++log_state.n_lines <= LOG_LINES_PER_S)
        return false;
    log_state.n_suppressed++;
    return true;
}

void log_fields(int level, const char *tag, const char *message, const struct log_field *fields)
{
    if (log_is_on(level) && !is_suppressed())
        write_line(level, tag, message, fields);
}
