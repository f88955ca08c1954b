/* One timer does it: every second, or twice in the watchdog's interval if that is shorter. */
#include "daemon/notify.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/clock.h"

#ifdef HAVE_LIBSYSTEMD
#include <systemd/sd-daemon.h>
#endif

#define STATUS_EVERY_MS 1000

/* Places among the messages that wait: a reload takes two, and leaves one for the end; a status
 * leaves those as well. */
#define ROOM_FOR_RELOAD 3
#define ROOM_FOR_STATUS 4

/* 0: nobody watches this process. */
static uint64_t watchdog_us(void)
{
    uint64_t us = 0;

#ifdef HAVE_LIBSYSTEMD
    if (sd_watchdog_enabled(0, &us) <= 0)
        return 0;
#endif
    return us;
}

static const char *manager(void)
{
#ifdef HAVE_LIBSYSTEMD
    return getenv("NOTIFY_SOCKET");
#else
    return NULL;
#endif
}

static bool is_on(const struct notify *notify)
{
    return notify->socket.fd >= 0;
}

/* A status that is not UTF-8, or longer than a line, is refused; what servers say may be anything.
 */
static void clean(char *text)
{
    for (; *text; text++) {
        if (*text < ' ' || *text > '~')
            *text = '?';
    }
}

static void send_status(struct notify *notify)
{
    char message[sizeof("STATUS=") + NOTIFY_STATUS_MAX];
    char text[NOTIFY_STATUS_MAX] = "";

    if (!notify_socket_has_room(&notify->socket, ROOM_FOR_STATUS))
        return; /* later: others matter more */
    notify->describe(notify->data, text, sizeof(text));
    clean(text);
    if (strcmp(text, notify->status) == 0)
        return;
    memcpy(notify->status, text, sizeof(text));
    (void)snprintf(message, sizeof(message), "STATUS=%s", text);
    notify_socket_send(&notify->socket, message);
}

static void on_timer(uv_timer_t *timer)
{
    struct notify *notify = timer->data;
    uint64_t now_ms = clock_ms();

    if (notify_socket_flush(&notify->socket) && notify->has_watchdog && !notify->is_fed) {
        notify->is_fed = true;
        notify_socket_send(&notify->socket, "WATCHDOG=1");
    }
    if (now_ms < notify->next_status_ms)
        return;
    notify->next_status_ms = now_ms + STATUS_EVERY_MS;
    send_status(notify);
}

static uint64_t interval_ms(uint64_t of_watchdog_us)
{
    uint64_t half_ms = of_watchdog_us / 2000;

    if (of_watchdog_us == 0 || half_ms > STATUS_EVERY_MS)
        return STATUS_EVERY_MS;
    return half_ms > 0 ? half_ms : 1;
}

void notify_start(struct notify *notify, uv_loop_t *loop, notify_describe_cb describe, void *data)
{
    uint64_t us = watchdog_us();

    memset(notify, 0, sizeof(*notify));
    uv_timer_init(loop, &notify->timer);
    notify->timer.data = notify;
    notify->describe = describe;
    notify->data = data;
    notify_socket_open(&notify->socket, manager());
    notify->has_watchdog = us > 0;
    if (is_on(notify))
        uv_timer_start(&notify->timer, on_timer, 0, interval_ms(us));
}

void notify_turn(struct notify *notify)
{
    notify->is_fed = false;
}

void notify_ready(struct notify *notify)
{
    notify->is_ready = true;
    notify_socket_send(&notify->socket, "READY=1");
}

/* A daemon that is not ready yet must not say it is when the reload is over. A manager that does
 * not read hears of a reload from its beginning to its end, or not at all. */
void notify_reloading(struct notify *notify)
{
    char message[64];

    notify->tells_reload =
        notify->is_ready && notify_socket_has_room(&notify->socket, ROOM_FOR_RELOAD);
    if (!notify->tells_reload)
        return;
    (void)snprintf(message, sizeof(message), "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
                   uv_hrtime() / 1000);
    notify_socket_send(&notify->socket, message);
}

void notify_reloaded(struct notify *notify)
{
    if (!is_on(notify))
        return;
    send_status(notify);
    if (notify->tells_reload)
        notify_socket_send(&notify->socket, "READY=1");
    notify->tells_reload = false;
}

void notify_stopping(struct notify *notify)
{
    if (!is_on(notify))
        return;
    notify_socket_send(&notify->socket, "STOPPING=1");
    send_status(notify);
}

void notify_close(struct notify *notify)
{
    notify_socket_close(&notify->socket);
    uv_close((uv_handle_t *)&notify->timer, NULL);
}
