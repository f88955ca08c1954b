#include "proto/record.h"

#include <stdio.h>
#include <string.h>

#include "lib/hex.h"

#define NUMBERS_MAX 48 /* two numbers of 10 digits, one of 20, four colons, rounded up */

static int read_number(const char **pos, const char *end, uint64_t max, uint64_t *ret_number)
{
    uint64_t number = 0;
    const char *p = *pos;

    for (; p < end && *p >= '0' && *p <= '9'; p++) {
        number = number * 10 + (uint64_t)(*p - '0');
        if (number > max)
            return -1;
    }
    if (p == *pos || p == end || *p != ':')
        return -1;
    *pos = p + 1;
    *ret_number = number;
    return 0;
}

static bool is_lower_hex(char c)
{
    return hex_value(c) >= 0 && (c < 'A' || c > 'F');
}

int record_read(const char *bytes, size_t len, struct record *ret_record)
{
    const char *pos = bytes, *end = bytes + len, *hex;
    uint64_t attempts, orphanings, first_ms;

    if (read_number(&pos, end, UINT32_MAX, &attempts) != 0 ||
        read_number(&pos, end, UINT32_MAX, &orphanings) != 0 ||
        read_number(&pos, end, INT64_MAX / 10, &first_ms) != 0)
        return -1;
    for (hex = pos; pos < end && is_lower_hex(*pos); pos++)
        ;
    if (pos == end || *pos != ':')
        return -1;
    ret_record->attempts = (unsigned)attempts;
    ret_record->orphanings = (unsigned)orphanings;
    ret_record->first_ms = first_ms;
    ret_record->progress = (struct pusher_string){hex, (size_t)(pos - hex)};
    ret_record->job = (struct pusher_string){pos + 1, (size_t)(end - pos - 1)};
    return 0;
}

bool record_is_delivered(struct pusher_string progress, size_t index)
{
    if (index / 4 >= progress.len)
        return false;
    return (hex_value(progress.ptr[index / 4]) >> (index % 4)) & 1;
}

size_t record_header_max(size_t n_items)
{
    return NUMBERS_MAX + (n_items + 7) / 8 * 2;
}

size_t record_write_header(char *buf, unsigned attempts, unsigned orphanings, uint64_t first_ms,
                           const uint8_t *delivered, size_t n_items)
{
    static const char digits[] = "0123456789abcdef";
    size_t len = (size_t)snprintf(buf, NUMBERS_MAX, "%u:%u:%llu:", attempts, orphanings,
                                  (unsigned long long)first_ms);
    size_t n_bytes = delivered ? (n_items + 7) / 8 : 0;

    for (size_t i = 0; i < n_bytes; i++) {
        buf[len++] = digits[delivered[i] & 15];
        buf[len++] = digits[delivered[i] >> 4];
    }
    buf[len++] = ':';
    buf[len] = '\0';
    return len;
}
