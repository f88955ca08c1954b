/* The server that tests talk to: $REDIS_SERVER_BIN, such as valkey-server, or else redis-server. */
#ifndef TESTS_SUPPORT_REDIS_PROGRAM_H
#define TESTS_SUPPORT_REDIS_PROGRAM_H

#include <stdlib.h>

static inline const char *redis_program(void)
{
    const char *program = getenv("REDIS_SERVER_BIN");
    return program && program[0] ? program : "redis-server";
}

#endif
