/* Splitting from the left: scheme, then the authority up to the first '/' or '?', then path and
 * query. Inside the authority the *last* '@' ends the user information, so that a password with a
 * bare '@' in it, a common slip, is read as it was meant. */
#include "daemon/config/uri.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "lib/hex.h"

static struct pusher_string slice(const char *from, const char *to)
{
    return (struct pusher_string){.ptr = from, .len = (size_t)(to - from)};
}

bool uri_is_word(const char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text <= ' ' || *text == 0x7f)
            return false;
    return true;
}

static void split_user(struct pusher_string info, struct uri *uri)
{
    const char *end = info.ptr + info.len;
    const char *colon = memchr(info.ptr, ':', info.len);
    uri->user = slice(info.ptr, colon ? colon : end);
    if (colon)
        uri->password = slice(colon + 1, end);
}

bool uri_split(const char *text, struct uri *ret_uri)
{
    const char *mark = strstr(text, "://");
    if (!mark || mark == text || !uri_is_word(text))
        return false;
    struct uri uri = {.scheme = slice(text, mark)};
    const char *start = mark + 3;
    const char *end = start + strcspn(start, "/?");
    const char *at = memrchr(start, '@', (size_t)(end - start));
    if (at)
        split_user(slice(start, at), &uri);
    uri.authority = slice(at ? at + 1 : start, end);
    const char *query = end + strcspn(end, "?");
    if (query > end)
        uri.path = slice(end, query);
    if (*query == '?')
        uri.query = pusher_str(query + 1);
    *ret_uri = uri;
    return true;
}

bool uri_split_host(struct pusher_string authority, struct pusher_string *ret_host,
                    struct pusher_string *ret_port)
{
    const char *end = authority.ptr + authority.len;
    bool bracketed = authority.len > 0 && authority.ptr[0] == '[';
    const char *host = bracketed ? authority.ptr + 1 : authority.ptr;
    const char *host_end = memchr(host, bracketed ? ']' : ':', (size_t)(end - host));
    if (bracketed && !host_end)
        return false;
    if (!host_end)
        host_end = end;
    const char *rest = bracketed ? host_end + 1 : host_end;
    if (host_end == host || (rest < end && *rest != ':') ||
        memchr(host, '[', (size_t)(host_end - host)))
        return false;
    *ret_host = slice(host, host_end);
    *ret_port = rest < end ? slice(rest + 1, end) : (struct pusher_string){.ptr = NULL};
    return true;
}

bool uri_port(struct pusher_string text, unsigned *ret_port)
{
    unsigned port = 0;
    if (text.len == 0 || text.len > 5)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
        port = port * 10 + (unsigned)(text.ptr[i] - '0');
    }
    if (port == 0 || port > 65535)
        return false;
    *ret_port = port;
    return true;
}

/* The byte of the escape at text[0..2], or -1. */
static int escaped_byte(const char *text, size_t len)
{
    if (len < 3)
        return -1;
    int high = hex_value(text[1]);
    int low = hex_value(text[2]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

char *uri_decode(struct pusher_string text)
{
    char *decoded = malloc(text.len + 1);
    size_t n = 0;
    if (!decoded)
        return NULL;
    for (size_t i = 0; i < text.len; i++) {
        int byte = (unsigned char)text.ptr[i];
        if (byte == '%') {
            byte = escaped_byte(text.ptr + i, text.len - i);
            i += 2;
        }
        if (byte < ' ' || byte == 0x7f) {
            sodium_memzero(decoded, n);
            free(decoded);
            return NULL;
        }
        decoded[n++] = (char)byte;
    }
    decoded[n] = '\0';
    return decoded;
}
