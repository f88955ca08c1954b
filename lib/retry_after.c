#include <curl/curl.h>
#include <stdbool.h>
#include <string.h>

#include "pusher/reply.h"

#define DATE_MAX 64 /* "Wednesday, 09-Nov-94 08:49:37 GMT" and some room */

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static int64_t seconds_to_ms(int64_t seconds, int64_t max_ms)
{
    if (seconds <= 0)
        return 0;
    return seconds > max_ms / 1000 ? max_ms : seconds * 1000;
}

/* -1 if it is no number; a number that is too long counts as endless. */
static int64_t read_seconds(const char *value, size_t len)
{
    int64_t seconds = 0;
    for (size_t i = 0; i < len; i++) {
        if (value[i] < '0' || value[i] > '9')
            return -1;
        if (seconds < INT64_MAX / 100)
            seconds = seconds * 10 + (value[i] - '0');
    }
    return seconds;
}

/* The three forms of an HTTP date all begin with the day of the week. */
static int64_t read_date(const char *value, size_t len)
{
    char text[DATE_MAX];
    if (len >= sizeof(text) || !strchr("MTWFS", value[0]))
        return -1;
    memcpy(text, value, len);
    text[len] = '\0';
    return strlen(text) == len ? (int64_t)curl_getdate(text, NULL) : -1;
}

int64_t pusher_retry_after_ms(const char *value, size_t len, int64_t unix_s, int64_t max_ms)
{
    while (len > 0 && is_space(value[0])) {
        value++;
        len--;
    }
    while (len > 0 && is_space(value[len - 1]))
        len--;
    if (len == 0)
        return -1;
    int64_t seconds = read_seconds(value, len);
    if (seconds >= 0)
        return seconds_to_ms(seconds, max_ms);
    int64_t date = read_date(value, len);
    return date < 0 ? -1 : seconds_to_ms(date - unix_s, max_ms);
}
