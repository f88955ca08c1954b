/* A private redis-server (or another, see redis_program.h) on a unix socket, and a client of it
 * that waits for its answers. */
#ifndef TESTS_SUPPORT_REDIS_H
#define TESTS_SUPPORT_REDIS_H

#include <hiredis/hiredis.h>
#include <stddef.h>

#include "folder.h"
#include "proc.h"

#define REDIS_MAX_ARGS 24

struct redis {
    struct folder folder; /* owned: socket, data, log */
    struct proc proc;
    redisContext *client; /* owned; NULL while the server is down */
    const char *args[REDIS_MAX_ARGS + 1];
    char socket[FOLDER_PATH_MAX + 16];
    char url[FOLDER_PATH_MAX + 32]; /* unix:///... */
};

/* `args`: more of its command line, NULL-terminated, e.g. {"--appendonly", "yes", NULL}; or NULL.
 * By default nothing is saved. Returns when it answers. */
void redis_start(struct redis *redis, const char *const *args);

/* Kills the server, or lets it stop in order (SIGTERM); redis_start_again() brings it back on the
 * same socket with what it had saved. */
void redis_kill(struct redis *redis);
void redis_shut_down(struct redis *redis);
void redis_start_again(struct redis *redis);

/* Connects the client anew, after the server has cut it off. */
void redis_connect_again(struct redis *redis);

/* Stops it and removes its folder. Nothing if it is zeroed. */
void redis_stop(struct redis *redis);

/* A command as for redisCommand(); fails the test if there is no answer. An error reply is
 * returned. The caller frees it. */
redisReply *redis_cmd(struct redis *redis, const char *format, ...);

/* The same for a command whose answer does not matter, but must be no error. */
void redis_do(struct redis *redis, const char *format, ...);

/* The same for a command that answers with an integer. */
long long redis_int(struct redis *redis, const char *format, ...);

/* How many clients wait in a command that blocks: of a daemon, one for each queue that it has found
 * empty. */
unsigned redis_n_blocked(struct redis *redis);

#endif
