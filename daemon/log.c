#include "daemon/log.h"

#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "daemon/log_repeat.h"
#include "lib/utf8.h"

#define LINE_MAX_BYTES 16384 /* of a field that would be beyond it nothing is written */

struct line {
    char bytes[LINE_MAX_BYTES];
    size_t len;
    bool is_full;
};

static struct {
    int level;
    enum log_format format;
    bool to_journal;
    uint64_t second;
    unsigned n_lines, n_suppressed;
    struct log_kinds kinds;
} log_state = {.level = LOG_INFO};

/* By device and inode, as systemd.exec(5) has it: the variable is inherited by whoever is started
 * from a service, with standard error elsewhere. */
static bool is_journal(const char *stream)
{
    struct stat status;
    char own[64];

    if (!stream || fstat(STDERR_FILENO, &status) != 0)
        return false;
    snprintf(own, sizeof(own), "%ju:%ju", (uintmax_t)status.st_dev, (uintmax_t)status.st_ino);
    return strcmp(stream, own) == 0;
}

void log_init(int level, enum log_format format)
{
    log_state.level = level;
    log_state.format = format;
    log_state.to_journal = is_journal(getenv("JOURNAL_STREAM"));
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

/* Two bytes of the line are kept for its end. */
static void put(struct line *line, const char *bytes, size_t len)
{
    if (len > sizeof(line->bytes) - 2 - line->len) {
        line->is_full = true;
        return;
    }
    memcpy(line->bytes + line->len, bytes, len);
    line->len += len;
}

static void put_text(struct line *line, const char *text)
{
    put(line, text, strlen(text));
}

static bool needs_quotes(struct pusher_string text)
{
    const char *end = text.ptr + text.len;
    size_t len;

    for (const char *at = text.ptr; at < end; at += len) {
        len = pusher__utf8_char(at, end);
        if (len == 0 || pusher__utf8_is_hidden(at, len) || strchr(" \"=\\", *at))
            return true;
    }
    return text.len == 0;
}

/* As JSON has it: two of them for what is over U+FFFF. */
static void put_escape(struct line *line, unsigned code_point)
{
    char escape[16];
    int len;

    if (code_point < 0x10000)
        len = snprintf(escape, sizeof(escape), "\\u%04x", code_point);
    else
        len = snprintf(escape, sizeof(escape), "\\u%04x\\u%04x", 0xd7c0 + (code_point >> 10),
                       0xdc00 | (code_point & 0x3ff));
    put(line, escape, (size_t)len);
}

/* What terminals obey, or nobody sees, is shown by its number. */
static void put_char(struct line *line, const char *at, size_t len)
{
    if (len == 0) {
        put_text(line, "\xef\xbf\xbd"); /* U+FFFD */
    } else if (pusher__utf8_is_hidden(at, len)) {
        put_escape(line, pusher__utf8_code_point(at, len));
    } else {
        if (*at == '"' || *at == '\\')
            put(line, "\\", 1);
        put(line, at, len);
    }
}

static void put_quoted(struct line *line, struct pusher_string text)
{
    const char *end = text.ptr + text.len;

    put(line, "\"", 1);
    for (const char *at = text.ptr; at < end;) {
        size_t len = pusher__utf8_char(at, end);

        put_char(line, at, len);
        at += len > 0 ? len : 1;
    }
    put(line, "\"", 1);
}

static struct pusher_string cut(struct pusher_string text)
{
    text.len = pusher__utf8_cut(text.ptr, text.len, LOG_TEXT_MAX);
    return text;
}

static void put_field(struct line *line, const struct log_field *field)
{
    bool json = log_state.format == LOG_FORMAT_JSON;
    size_t begin = line->len;
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
    if (line->is_full)
        line->len = begin;
    line->is_full = false;
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

/* False while a pipe or socket is full, whose reader is slow or hangs. */
static bool can_write(void)
{
    struct pollfd out = {.fd = STDERR_FILENO, .events = POLLOUT};

    return poll(&out, 1, 0) != 0;
}

/* A log that cannot be written must not stop deliveries: then the line is only counted. */
static void write_line(int level, const char *tag, const char *message,
                       const struct log_field *fields)
{
    struct log_field tag_field = LOG_TEXT("tag", tag), message_field = LOG_TEXT("msg", message);
    struct line line = {.len = 0};

    if (!can_write()) {
        log_state.n_suppressed++;
        return;
    }
    put_head(&line, level);
    put_field(&line, &tag_field);
    for (; fields->key; fields++)
        put_field(&line, fields);
    put_field(&line, &message_field);
    if (log_state.format == LOG_FORMAT_JSON)
        put(&line, "}", 1);
    line.bytes[line.len++] = '\n';
    if (write(STDERR_FILENO, line.bytes, line.len) < 0)
        return;
}

static const struct log_field no_field = {0};

static uint64_t now_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (uint64_t)now.tv_sec;
}

static void write_more(const struct log_kind *kind)
{
    struct log_field fields[3] = {{0}};
    size_t n = 0;

    if (kind->subject_key)
        fields[n++] = LOG_TEXT(kind->subject_key, kind->subject);
    fields[n] = LOG_NUMBER("repeated", kind->n_more);
    write_line(kind->level, kind->tag, kind->message, fields);
}

static void write_suppressed(void)
{
    struct log_field count[] = {LOG_NUMBER("lines", log_state.n_suppressed), no_field};

    log_state.n_lines = 0;
    if (log_state.n_suppressed == 0 || !can_write())
        return;
    log_state.n_suppressed = 0;
    write_line(LOG_WARNING, "log", "lines were not written", count);
}

static bool is_suppressed(uint64_t second)
{
    if (second != log_state.second)
        write_suppressed();
    log_state.second = second;
    if (++log_state.n_lines <= LOG_LINES_PER_S)
        return false;
    log_state.n_suppressed++;
    return true;
}

void log_fields(int level, const char *tag, const char *message, const struct log_field *fields)
{
    uint64_t second = now_s();

    if (log_is_on(level) &&
        log_kinds_take(&log_state.kinds, level, tag, message, fields, second, write_more) &&
        !is_suppressed(second))
        write_line(level, tag, message, fields);
}

bool log_has_more(void)
{
    return log_state.n_suppressed > 0 || log_kinds_have_more(&log_state.kinds);
}

static void flush(uint64_t second)
{
    log_kinds_flush(&log_state.kinds, second, write_more);
    if (log_state.second < second)
        write_suppressed();
}

void log_flush(void)
{
    if (log_has_more())
        flush(now_s());
}

void log_flush_all(void)
{
    flush(UINT64_MAX);
}
