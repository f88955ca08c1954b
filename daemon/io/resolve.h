/* A name is resolved on a thread of its own.
 *
 * getaddrinfo() cannot be stopped, and may take half a minute when no name server answers. libuv's
 * threads are the wrong place for that: a lookup that has begun there holds the loop open and the
 * process up (exit() joins them), and four of them hold up the work of everybody else. This thread
 * is left to itself when its answer is not wanted any more: what it still holds, it frees. */
#ifndef DAEMON_IO_RESOLVE_H
#define DAEMON_IO_RESOLVE_H

#include <netdb.h>
#include <uv.h>

struct resolve;

/* `status` is 0 or an EAI_ code; `found` is freed after the callback, and NULL with a code. */
typedef void (*resolve_cb)(int status, const struct addrinfo *found, void *data);

/* Looks up the addresses of a host for TCP. The callback runs once, on the loop, and *ret_resolve
 * is not valid from then on; unless resolve_abandon() comes before. 0 or a negative UV_ code. */
int resolve_start(uv_loop_t *loop, const char *host, resolve_cb cb, void *data,
                  struct resolve **ret_resolve) __attribute__((warn_unused_result));

/* The callback will not run, and nobody waits for the thread. */
void resolve_abandon(struct resolve *resolve);

#endif
