/* REQUIRE(x): for states that cannot happen unless the program is wrong, never for input. Always
 * on: it names the place and aborts, since going on would mean guessing with other people's events.
 */
#ifndef LIB_REQUIRE_H
#define LIB_REQUIRE_H

#include <stdio.h>
#include <stdlib.h>

#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (__builtin_expect(!(condition), 0))                                                     \
            require_failed(__FILE__, __LINE__, #condition);                                        \
    } while (0)

__attribute__((noreturn, cold, unused)) static void require_failed(const char *file, int line,
                                                                   const char *condition)
{
    (void)fprintf(stderr, "%s:%d: impossible state, this must hold: %s\n", file, line, condition);
    abort();
}

#endif
