#include "pusher/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/report.h"
#include "lib/utf8.h"
#include "pusher/version.h"

const char *pusher_version(void)
{
    return PUSHER_VERSION;
}

const char *pusher_error_name(int code)
{
    switch (code) {
    case PUSHER_OK:
        return "ok";
#define NAME_CASE(code_, value, name, text)                                                        \
    case value:                                                                                    \
        return name;
        PUSHER_ERROR_MAP(NAME_CASE)
#undef NAME_CASE
    default:
        return "unknown";
    }
}

const char *pusher_error_text(int code)
{
    switch (code) {
    case PUSHER_OK:
        return "no error";
#define TEXT_CASE(code_, value, name, text)                                                        \
    case value:                                                                                    \
        return text;
        PUSHER_ERROR_MAP(TEXT_CASE)
#undef TEXT_CASE
    default:
        return "unknown error";
    }
}

int pusher__fail(struct pusher_error *error, int code, const char *format, ...)
{
    if (!error)
        return code;
    char text[2 * sizeof(error->text)];
    va_list args;
    va_start(args, format);
    int written = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (written < 0)
        text[0] = '\0';
    error->code = code;
    pusher__utf8_line(text, strlen(text), error->text, sizeof(error->text));
    return code;
}

int pusher__fail_plain(struct pusher_error *error, int code)
{
    return pusher__fail(error, code, "%s", pusher_error_text(code));
}

const char *pusher__shown(struct pusher_string s, char buf[PUSHER__SHOWN_MAX])
{
    size_t shown = pusher__utf8_line(s.ptr, s.len, buf, PUSHER__SHOWN_MAX);
    if (shown < s.len && s.len >= PUSHER__SHOWN_MAX) {
        shown = pusher__utf8_cut(buf, shown, PUSHER__SHOWN_MAX - sizeof("..."));
        memcpy(buf + shown, "...", sizeof("..."));
    }
    return buf;
}
