/* Numbers as decimal digits, for the ways every event takes: snprintf() costs some 900 instructions
 * a number, this about 6 a digit. */
#ifndef LIB_DECIMAL_H
#define LIB_DECIMAL_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define DECIMAL_MAX 20 /* digits of the largest uint64_t */

/* Writes the digits, at least min_digits of them (at most DECIMAL_MAX) with zeros in front, and no
 * NUL. Gives their number. */
static inline size_t decimal_write_padded(char *buf, uint64_t number, size_t min_digits)
{
    char digits[DECIMAL_MAX];
    size_t n = 0;

    do
        digits[DECIMAL_MAX - ++n] = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    while (n < min_digits)
        digits[DECIMAL_MAX - ++n] = '0';
    memcpy(buf, digits + DECIMAL_MAX - n, n);
    return n;
}

static inline size_t decimal_write(char *buf, uint64_t number)
{
    return decimal_write_padded(buf, number, 1);
}

/* Of digits alone, as decimal_write() wrote them. */
static inline uint64_t decimal_read(const char *digits, size_t len)
{
    uint64_t number = 0;

    for (size_t i = 0; i < len; i++)
        number = number * 10 + (uint64_t)(digits[i] - '0');
    return number;
}

#endif
