/* A private redis-server, on a unix socket and on a port of 127.0.0.1. */
#ifndef TESTS_IO_REDIS_SERVER_H
#define TESTS_IO_REDIS_SERVER_H

#include <hiredis/hiredis.h>

#include "tests/support/folder.h"
#include "tests/support/proc.h"

#define SERVER_ARGS_MAX 8

struct redis_server {
    struct folder folder;
    struct proc proc;
    unsigned port;
    char socket[FOLDER_PATH_MAX + 16];
    const char *args[SERVER_ARGS_MAX + 1]; /* more of its command line */
};

/* Where it will be: nothing runs yet. */
void server_prepare(struct redis_server *server);

/* Returns when it listens. May be called again after server_kill(). */
void server_run(struct redis_server *server);
void server_kill(struct redis_server *server);

/* Removes what is left of it. */
void server_end(struct redis_server *server);

/* A command as for redisCommand(), on a connection of its own; gives the integer, if it is one. */
long long server_do(struct redis_server *server, const char *format, ...);

/* What the server calls the connection of this name, which must be there. */
long long server_client_id(struct redis_server *server, const char *name);

#endif
