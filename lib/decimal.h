/* Numbers as decimal digits, for the ways every event takes: snprintf() costs some 900 instructions
 * a number, this about 6 a digit. */
#ifndef LIB_DECIMAL_H
#define LIB_DECIMAL_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define DECIMAL_MAX 20 /* digits of the largest uint64_t */

/* Writes the digits, at least min_digits of them (at most DECIMAL_MAX) with zeros in front, and no
 * NUL. Gives their number. Two digits at a time: a division is most of what a digit costs. */
static inline size_t decimal_write_padded(char *buf, uint64_t number, size_t min_digits)
{
    static const char pairs[] = "00010203040506070809101112131415161718192021222324"
                                "25262728293031323334353637383940414243444546474849"
                                "50515253545556575859606162636465666768697071727374"
                                "75767778798081828384858687888990919293949596979899";
    char digits[DECIMAL_MAX];
    char *at = digits + DECIMAL_MAX;
    size_t n;

    for (; number >= 10; number /= 100) {
        at -= 2;
        memcpy(at, pairs + number % 100 * 2, 2);
    }
    if (number > 0 || at == digits + DECIMAL_MAX)
        *--at = (char)('0' + number);
    while ((n = (size_t)(digits + DECIMAL_MAX - at)) < min_digits)
        *--at = '0';
    memcpy(buf, at, n);
    return n;
}

static inline size_t decimal_write(char *buf, uint64_t number)
{
    if (number < 10) {
        *buf = (char)('0' + number);
        return 1;
    }
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
