/* The built pusherctl, a Redis of its own, and an API that gives one answer.
 *
 * Each Criterion test is a process of its own: what is started here is ended by fixture_end(), the
 * .fini of every suite. */
#ifndef TESTS_CTL_FIXTURE_H
#define TESTS_CTL_FIXTURE_H

#include <sys/types.h>

/* What a run of pusherctl left behind. */
struct run {
    int status;
    char out[65536], err[65536]; /* NUL-terminated; a longer output fails the test */
};

/* Runs it with words up to NULL. `input` (NULL: none) is its standard input. Variables come from
 * fixture_setenv() alone. Whatever it does, it is awaited until it ends. */
void fixture_run(struct run *run, const char *input, const char *word, ...)
    __attribute__((sentinel));

/* The same in steps. fixture_finish() awaits its end; its input stays open until then, unless
 * fixture_end_input() was called. */
struct child {
    pid_t pid;
    int in, out, err; /* our ends of its pipes */
};

void fixture_start(struct child *child, const char *word, ...) __attribute__((sentinel));
void fixture_write(const struct child *child, const char *text);
void fixture_end_input(struct child *child);
void fixture_finish(struct child *child, struct run *ret_run);

/* Sets a variable, "NAME=value", for the runs to come. */
void fixture_setenv(const char *variable);

/* An app: PUSHER_APP_ID=3 and the key and secret of Pusher's documentation. */
void fixture_setenv_app(void);

/* Starts a redis-server on a unix socket, sets REDIS_URL, and connects to it. */
void fixture_redis(void);

const char *fixture_redis_socket(void);

/* Runs a command of Redis and gives its integer, or its string in a static buffer. */
long long fixture_redis_integer(const char *format, ...);
const char *fixture_redis_string(const char *format, ...);

/* Answers one HTTP request on loopback, on a thread; points PUSHER_HOST, PUSHER_PORT and
 * PUSHER_SCHEME at it. fixture_api_request() then gives the request as it came. */
void fixture_api(const char *status_line, const char *body);
const char *fixture_api_request(void);

/* Takes one job from the list, on a thread, and answers `outcome` to its replyTo, as a pusherd
 * would. fixture_worker_job() then gives the job. */
void fixture_worker(const char *list, const char *outcome);
const char *fixture_worker_job(void);

/* Writes a file and gives its path. */
const char *fixture_path(const char *name, const char *text);

void fixture_end(void);

#endif
