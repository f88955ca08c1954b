/* An HTTP server for tests of the blocking transport: it answers by a script, on the loopback, and
 * keeps what it was sent. One connection at a time; one step of the script for each request. */
#ifndef TESTS_UNIT_LIB_SERVER_H
#define TESTS_UNIT_LIB_SERVER_H

#include <openssl/ssl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#define SERVER_REQUESTS_MAX 64

enum server_after {
    SERVER_KEEP = 0, /* the connection stays */
    SERVER_CLOSE,    /* it is closed behind the answer */
    SERVER_HANG,     /* nothing more is sent; the client must give up */
};

struct server_step {
    const char *answer; /* raw; repeated for all requests if the script has only this one */
    enum server_after after;
    size_t n_filler; /* this many bytes "x" follow the answer */
};

struct server {
    unsigned port;
    const struct server_step *steps;
    size_t n_steps;
    SSL_CTX *tls; /* NULL: plain */

    /* Written by the server's thread; read it after server_stop(). */
    char *requests[SERVER_REQUESTS_MAX]; /* head and body, NUL-terminated */
    size_t n_requests, n_connections;

    int listener;
    pthread_t thread;
};

/* Listens on 127.0.0.1 and answers; `port` is set. `tls` is taken if it is not NULL. */
void server_start(struct server *server, const struct server_step *steps, size_t n_steps,
                  SSL_CTX *tls);

/* Ends the thread. The requests stay until server_free(). */
void server_stop(struct server *server);
void server_free(struct server *server);

/* A TLS server with a new certificate of its own for `name`, which is written as PEM to `pem_file`.
 */
SSL_CTX *server_tls(const char *name, const char *pem_file);

#endif
