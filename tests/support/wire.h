/* A wire to a unix socket, from a port of 127.0.0.1: it can go slow, it can break so that no end
 * notices, and it can keep a request or a reply on the way. */
#ifndef TESTS_SUPPORT_WIRE_H
#define TESTS_SUPPORT_WIRE_H

#include <pthread.h>
#include <stdatomic.h>

#define WIRE_CONNECTIONS_MAX 64

struct wire_connection {
    struct wire *wire;
    int client;
    unsigned number;
    pthread_t thread;
};

struct wire {
    unsigned port;
    char target[108];
    int listener;
    pthread_t thread;
    atomic_uint delay_ms;           /* of what comes from the socket, for each piece */
    atomic_uint bytes_per_ms;       /* of what goes to the socket, at most; 0: it is not slowed */
    atomic_uint reply_bytes_per_ms; /* likewise, of what comes from it; of each connection */
    atomic_uint n_accepted;         /* connections so far */
    atomic_uint n_dead;             /* the first so many carry nothing any more, and stay open */
    _Atomic(const char *) withheld; /* borrowed; see wire_withhold() */
    _Atomic(const char *) withheld_reply;
    atomic_uint n_withheld; /* pieces so far that were, of both */
    atomic_uint n_let_go;   /* of them, by wire_let_one_go() */
    atomic_bool is_closing;
    struct wire_connection connections[WIRE_CONNECTIONS_MAX];
};

void wire_open(struct wire *wire, const char *target);

/* What is connected now is cut off without a word; new connections work. */
void wire_break(struct wire *wire);

/* What is said to the socket from now on and has this word in it stays on the way, and all behind
 * it, until this is called with NULL. Then it arrives, though its sender may be gone. */
void wire_withhold(struct wire *wire, const char *word);

/* The same of what the socket says. What is before the word goes on. */
void wire_withhold_reply(struct wire *wire, const char *word);

/* Of what is withheld the oldest piece, with what is behind it, arrives now; the others stay. */
void wire_let_one_go(struct wire *wire);

void wire_close(struct wire *wire);

#endif
