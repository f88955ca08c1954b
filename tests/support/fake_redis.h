/* A server that is no Redis: on a port of 127.0.0.1 or a unix socket, on a thread, it answers each
 * command with a text of the protocol that the test has given for its name, e.g. {"TIME",
 * ":5\r\n"}. */
#ifndef TESTS_SUPPORT_FAKE_REDIS_H
#define TESTS_SUPPORT_FAKE_REDIS_H

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#define FAKE_REDIS_PEERS 16
#define FAKE_REDIS_FLOOD (256u << 20) /* bytes at most behind an answer that is to be endless */

struct redisReader;

/* `name` is that of a command, or of a script that is called (proto/scripts.h). `text` NULL: it is
 * not answered. A table ends with a name that is NULL; what is in none of them gets +OK. */
struct fake_redis_answer {
    const char *name, *text;
};

struct fake_redis {
    unsigned port; /* 0: a unix socket */
    bool is_running;
    pthread_t thread;
    atomic_bool is_ending;
    const struct fake_redis_answer *usual;          /* borrowed */
    const struct fake_redis_answer *_Atomic before; /* borrowed; looked at first; or NULL */
    _Atomic(const char *) endless; /* borrowed; the name of what is answered without end; or NULL */
    struct pollfd fds[1 + FAKE_REDIS_PEERS];
    struct redisReader *readers[1 + FAKE_REDIS_PEERS];
};

/* `path` NULL: on a port. */
void fake_redis_start(struct fake_redis *fake, const char *path,
                      const struct fake_redis_answer *usual);
void fake_redis_stop(struct fake_redis *fake);

#endif
