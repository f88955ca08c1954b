#include "daemon/view/text.h"

#include <inttypes.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "lib/utf8.h"
#include "proto/json_write.h"

#define DEFAULT_COLUMNS 80
#define PIECE           128 /* bytes of a text, between two characters */
#define PIECE_GROWTH    6   /* a control character becomes \u00XX */

bool text_for_people(FILE *out, bool wants_json)
{
    return !wants_json && isatty(fileno(out));
}

size_t text_columns(FILE *out)
{
    struct winsize size;
    if (ioctl(fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    return DEFAULT_COLUMNS;
}

/* Needs no memory, so that the daemon can always say what it has to. */
void text_json(FILE *out, struct pusher_string text)
{
    char json[PIECE * PIECE_GROWTH + 2];
    fputc('"', out);
    for (size_t at = 0, n; at < text.len; at += n) {
        struct json_sink sink = json_sink_into(json, sizeof(json));
        n = pusher__utf8_cut(text.ptr + at, text.len - at, PIECE);
        n = n > 0 ? n : PIECE; /* nothing in it is UTF-8 */
        json_write_string(&sink, (struct pusher_string){text.ptr + at, n});
        fwrite(json + 1, 1, sink.len - 2, out);
    }
    fputc('"', out);
}

void text_json_compact(FILE *out, struct pusher_string json)
{
    bool in_string = false;
    for (size_t i = 0; i < json.len; i++) {
        char c = json.ptr[i];
        if (c == '"')
            in_string = !in_string;
        if (!in_string && (c == ' ' || c == '\t' || c == '\n' || c == '\r'))
            continue;
        fputc(c, out);
        if (in_string && c == '\\' && i + 1 < json.len)
            fputc(json.ptr[++i], out);
    }
}

/* The first `columns` characters of `text`; *ret_cut tells whether more follow. Wide characters
 * count as one: they may wrap, which only looks bad. */
static size_t fit(struct pusher_string text, size_t columns, bool *ret_cut)
{
    const char *at = text.ptr, *end = text.ptr + text.len, *cut = at;
    size_t n = 0;
    for (; at < end && n < columns; n++) {
        size_t len = pusher__utf8_char(at, end);
        at += len > 0 ? len : 1;
        if (n + 3 < columns)
            cut = at;
    }
    *ret_cut = at < end;
    return (size_t)((*ret_cut ? cut : at) - text.ptr);
}

void text_clean(FILE *out, struct pusher_string text, size_t columns)
{
    bool cut;
    size_t n = text.ptr ? fit(text, columns, &cut) : 0;
    for (size_t i = 0; i < n;) {
        size_t len = pusher__utf8_char(text.ptr + i, text.ptr + n);
        if (len == 0 || pusher__utf8_is_hidden(text.ptr + i, len))
            fputc(len == 1 && strchr("\t\r\n", text.ptr[i]) ? ' ' : '?', out);
        else
            fwrite(text.ptr + i, 1, len, out);
        i += len > 0 ? len : 1;
    }
    if (n > 0 && cut)
        fputs("...", out);
}

void text_time(uint64_t unix_ms, bool for_people, char ret_text[TEXT_TIME_MAX])
{
    time_t unix_s = (time_t)(unix_ms / 1000);
    struct tm tm;
    bool is_known = (for_people ? localtime_r(&unix_s, &tm) : gmtime_r(&unix_s, &tm)) != NULL;
    if (!is_known || unix_ms / 1000 > 253402300799) {
        snprintf(ret_text, TEXT_TIME_MAX, "%" PRIu64, unix_ms);
        return;
    }
    size_t len = strftime(ret_text, TEXT_TIME_MAX,
                          for_people ? "%Y-%m-%d %H:%M:%S" : "%Y-%m-%dT%H:%M:%S", &tm);
    if (!for_people)
        snprintf(ret_text + len, TEXT_TIME_MAX - len, ".%03uZ", (unsigned)(unix_ms % 1000));
}

void text_duration(uint64_t ms, char ret_text[TEXT_TIME_MAX])
{
    static const struct {
        uint64_t ms;
        const char *unit;
    } units[] = {{86400000, "d"}, {3600000, "h"}, {60000, "min"}, {1000, "s"}, {1, "ms"}};
    size_t i = 0;
    while (i + 1 < sizeof units / sizeof units[0] && ms < 2 * units[i].ms)
        i++;
    snprintf(ret_text, TEXT_TIME_MAX, "%" PRIu64 " %s", ms / units[i].ms, units[i].unit);
}
