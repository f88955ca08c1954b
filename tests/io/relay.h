/* An HTTP proxy for one CONNECT: answers it and carries the bytes to a port of 127.0.0.1. */
#ifndef TESTS_IO_RELAY_H
#define TESTS_IO_RELAY_H

#include <pthread.h>

struct relay {
    unsigned port, target_port;
    const char *answer;
    char request[1024]; /* read it after relay_close() */
    int listener;
    pthread_t thread;
};

void relay_open(struct relay *relay, unsigned target_port, const char *answer);
/* Waits until the client has closed its connection. */
void relay_close(struct relay *relay);

#endif
