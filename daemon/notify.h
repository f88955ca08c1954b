/* What the service manager is told, see sd_notify(3): that the daemon is ready, how it is doing,
 * that its loop turns, that it reads its configuration again, and that it stops.
 *
 *     notify_start(&notify, loop, describe, data)
 *     notify_turn(&notify)       in each turn of the loop
 *     notify_ready(&notify)      once
 *     notify_reloading(&notify), notify_reloaded(&notify)   around each reload
 *     notify_stopping(&notify)   once
 *     notify_close(&notify)      the handle is gone when the loop has run out
 *
 * Where there is no service manager ($NOTIFY_SOCKET), or no libsystemd, nothing is sent and no
 * timer runs. The watchdog ($WATCHDOG_USEC) is fed twice in its interval or more often, and only if
 * the loop has turned since: a callback that does not return, or timers that keep each other going,
 * starve it. */
#ifndef DAEMON_NOTIFY_H
#define DAEMON_NOTIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "daemon/notify_socket.h"

#define NOTIFY_STATUS_MAX 300

/* Writes one line about how the daemon is doing, NUL-terminated. Called once a second at most, and
 * for notify_reloaded() and notify_stopping(). */
typedef void (*notify_describe_cb)(void *data, char *ret_text, size_t size);

struct notify {
    uv_timer_t timer;
    struct notify_socket socket;
    notify_describe_cb describe;
    void *data;
    bool has_watchdog;
    bool is_ready;
    bool tells_reload;              /* the manager has heard that one began */
    bool is_fed;                    /* the loop has not turned since the watchdog was last fed */
    uint64_t next_status_ms;        /* no status before this */
    char status[NOTIFY_STATUS_MAX]; /* as last sent */
};

void notify_start(struct notify *notify, uv_loop_t *loop, notify_describe_cb describe, void *data);
void notify_turn(struct notify *notify);
void notify_ready(struct notify *notify);
void notify_reloading(struct notify *notify);
void notify_reloaded(struct notify *notify); /* sends the status as well */
void notify_stopping(struct notify *notify);
void notify_close(struct notify *notify);

#endif
