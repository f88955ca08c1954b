/* A server for tests, on the loop of what it tests: each connection goes through a script.
 *
 *     static const struct peer_step script[] = {
 *         STEP(HTTP), SAY("HTTP/1.1 204 No Content\r\n\r\n"), STEP(CLOSE)};
 *     struct peer peer;  peer_open(&peer, &loop, script)
 *     peer_close(&peer)  and everything of it is gone when the loop has run out */
#ifndef TESTS_IO_PEER_H
#define TESTS_IO_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#define PEER_SCRIPTS_MAX 4

enum peer_verb {
    PEER_HOLD = 0,   /* the end of the script: the connection stays, what comes is read */
    PEER_HTTP,       /* waits for a whole HTTP request */
    PEER_HEAD,       /* waits for the head of one */
    PEER_COMMAND,    /* waits for a whole command of Redis */
    PEER_SEND,       /* `bytes`, `len` of them, or as text if that is 0 */
    PEER_GATE,       /* waits for peer_let_go() */
    PEER_AGAIN,      /* back to the start of the script */
    PEER_DEAF,       /* reads no more; the end of the script */
    PEER_HALF_CLOSE, /* FIN; the end of the script */
    PEER_CLOSE,      /* the end of the script */
    PEER_RESET,      /* RST; the end of the script */
};

struct peer_step {
    enum peer_verb verb;
    const char *bytes;
    size_t len;
};

/* For tables of steps. */
#define STEP(name)                                                                                 \
    {                                                                                              \
        .verb = PEER_##name                                                                        \
    }
#define SAY(text)                                                                                  \
    {                                                                                              \
        .verb = PEER_SEND, .bytes = text                                                           \
    }
#define SAY_BYTES(start, n)                                                                        \
    {                                                                                              \
        .verb = PEER_SEND, .bytes = start, .len = n                                                \
    }

struct peer_connection;

struct peer {
    unsigned port;
    const struct peer_step *scripts[PEER_SCRIPTS_MAX]; /* for the 1st connection, the 2nd... */
    unsigned n_scripts;                                /* the last is for all further ones */

    unsigned n_connections; /* accepted so far */
    unsigned n_open;
    unsigned n_waiting;  /* at a gate */
    unsigned n_requests; /* HTTP requests, or commands */
    char *request;       /* the last of them, NUL-terminated; owned */
    size_t request_len;

    uv_tcp_t listener;
    struct peer_connection *connections; /* list */
};

/* Listens on 127.0.0.1, or on ::1. */
void peer_open(struct peer *peer, uv_loop_t *loop, const struct peer_step *script);
void peer_open_ipv6(struct peer *peer, uv_loop_t *loop, const struct peer_step *script);

/* The script for the next connection that has none yet, and for those after it. */
void peer_then(struct peer *peer, const struct peer_step *script);

/* Those that wait at a gate go on. */
void peer_let_go(struct peer *peer);

/* Takes no more connections; those that are open stay. */
void peer_stop_listening(struct peer *peer);
void peer_close(struct peer *peer);

#endif
