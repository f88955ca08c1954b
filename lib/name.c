/* Checks of names, by hand: a regular expression's "$" lets a line end through. */
#include "lib/name.h"

#include "lib/report.h"
#include "lib/utf8.h"
#include "pusher/event.h"

bool pusher__is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool pusher__is_channel_char(char c)
{
    return pusher__is_alnum(c) || c == '_' || c == '-' || c == '=' || c == '@' || c == ',' ||
           c == '.' || c == ';';
}

size_t pusher__channel_span(struct pusher_string s)
{
    size_t n = 0;
    while (n < s.len && pusher__is_channel_char(s.ptr[n]))
        n++;
    return n;
}

bool pusher__is_dots(struct pusher_string s)
{
    return (s.len == 1 || s.len == 2) && s.ptr[0] == '.' && s.ptr[s.len - 1] == '.';
}

bool pusher__begins_with(struct pusher_string s, const char *prefix)
{
    size_t len = strlen(prefix);
    return s.len >= len && memcmp(s.ptr, prefix, len) == 0;
}

bool pusher__equals(struct pusher_string s, const char *text)
{
    return s.len == strlen(text) && (s.len == 0 || memcmp(s.ptr, text, s.len) == 0);
}

bool pusher_channel_is_encrypted(struct pusher_string channel)
{
    return pusher__begins_with(channel, "private-encrypted-");
}

/* The rules that channels and user ids share. `what` is the word for the text. */
static int check_charset(const char *what, int code, struct pusher_string s, size_t max,
                         struct pusher_error *error)
{
    char shown[PUSHER__SHOWN_MAX];
    if (!s.ptr || s.len == 0)
        return pusher__fail(error, code, "the %s is missing or empty", what);
    if (s.len > max)
        return pusher__fail(error, code, "the %s is %zu bytes long, at most %zu are allowed", what,
                            s.len, max);
    size_t span = pusher__channel_span(s);
    if (span < s.len)
        return pusher__fail(error, code,
                            "%s \"%s\": byte %zu is not one of A-Z a-z 0-9 _ - = @ , . ;", what,
                            pusher__shown(s, shown), span);
    if (pusher__is_dots(s))
        return pusher__fail(error, code, "the %s \"%s\" cannot stand in a URL", what,
                            pusher__shown(s, shown));
    return 0;
}

int pusher_channel_check(const struct pusher_client *client, struct pusher_string channel,
                         struct pusher_error *ret_error)
{
    if (pusher__begins_with(channel, PUSHER__USER_CHANNEL_PREFIX)) {
        size_t skip = sizeof(PUSHER__USER_CHANNEL_PREFIX) - 1;
        struct pusher_string user_id = {channel.ptr + skip, channel.len - skip};
        return check_charset("user id of the channel", PUSHER_ECHANNEL, user_id, PUSHER_USER_ID_MAX,
                             ret_error);
    }
    return check_charset("channel", PUSHER_ECHANNEL, channel,
                         pusher_client_max_channel_name(client), ret_error);
}

int pusher_user_id_check(struct pusher_string user_id, struct pusher_error *ret_error)
{
    return check_charset("user id", PUSHER_EUSERID, user_id, PUSHER_USER_ID_MAX, ret_error);
}

size_t pusher_user_channel(struct pusher_string user_id, char ret_channel[PUSHER_USER_CHANNEL_MAX])
{
    size_t prefix = sizeof(PUSHER__USER_CHANNEL_PREFIX) - 1;
    size_t len = user_id.len < PUSHER_USER_ID_MAX ? user_id.len : PUSHER_USER_ID_MAX;
    memcpy(ret_channel, PUSHER__USER_CHANNEL_PREFIX, prefix);
    memcpy(ret_channel + prefix, user_id.ptr, len);
    ret_channel[prefix + len] = '\0';
    return prefix + len;
}

static size_t skip_digits(struct pusher_string s, size_t from)
{
    while (from < s.len && s.ptr[from] >= '0' && s.ptr[from] <= '9')
        from++;
    return from;
}

int pusher_socket_id_check(struct pusher_string socket_id, struct pusher_error *ret_error)
{
    char shown[PUSHER__SHOWN_MAX];
    if (!socket_id.ptr || socket_id.len == 0)
        return pusher__fail(ret_error, PUSHER_ESOCKETID, "the socket id is missing or empty");
    if (socket_id.len > PUSHER_SOCKET_ID_MAX)
        return pusher__fail(ret_error, PUSHER_ESOCKETID,
                            "the socket id is %zu bytes long, at most %d are allowed",
                            socket_id.len, PUSHER_SOCKET_ID_MAX);
    size_t dot = skip_digits(socket_id, 0);
    bool fits = dot > 0 && dot + 1 < socket_id.len && socket_id.ptr[dot] == '.' &&
                skip_digits(socket_id, dot + 1) == socket_id.len;
    if (!fits)
        return pusher__fail(ret_error, PUSHER_ESOCKETID,
                            "socket id \"%s\" is not digits, a dot, digits",
                            pusher__shown(socket_id, shown));
    return 0;
}

/* Control characters are legal JSON, but no client can have meant them: a name that holds one is a
 * producer's mistake (a line end read along, a binary field), and would never match a binding. */
int pusher__event_name_check(struct pusher_string name, struct pusher_error *ret_error)
{
    if (!name.ptr || name.len == 0)
        return pusher__fail(ret_error, PUSHER_EEVENT, "the event name is missing or empty");
    if (name.len > PUSHER_EVENT_NAME_MAX)
        return pusher__fail(ret_error, PUSHER_EEVENT,
                            "the event name is %zu bytes long, at most %d are allowed", name.len,
                            PUSHER_EVENT_NAME_MAX);
    if (!pusher__utf8_valid(name.ptr, name.len))
        return pusher__fail(ret_error, PUSHER_EEVENT, "the event name is not valid UTF-8");
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.ptr[i];
        if (c < ' ' || c == 0x7f)
            return pusher__fail(ret_error, PUSHER_EEVENT,
                                "byte %zu of the event name is a control character", i);
    }
    return 0;
}

/* The index of the attribute in `allowed`, or -1. */
static int find_attribute(struct pusher_string attribute, const char *const *allowed)
{
    for (int i = 0; allowed[i]; i++) {
        if (pusher__equals(attribute, allowed[i]))
            return i;
    }
    return -1;
}

int pusher__info_check(struct pusher_string info, const char *const *allowed,
                       struct pusher_error *ret_error)
{
    char shown[PUSHER__SHOWN_MAX];
    unsigned seen = 0;
    for (size_t from = 0; from <= info.len;) {
        const char *comma = info.len > from ? memchr(info.ptr + from, ',', info.len - from) : NULL;
        size_t to = comma ? (size_t)(comma - info.ptr) : info.len;
        struct pusher_string attribute = {info.ptr + from, to - from};
        int i = find_attribute(attribute, allowed);
        if (i < 0)
            return pusher__fail(ret_error, PUSHER_EINFO, "info: \"%s\" is no attribute to ask for",
                                pusher__shown(attribute, shown));
        if (seen & 1U << i)
            return pusher__fail(ret_error, PUSHER_EINFO, "info: \"%s\" stands there twice",
                                allowed[i]);
        seen |= 1U << i;
        from = to + 1;
    }
    return 0;
}
