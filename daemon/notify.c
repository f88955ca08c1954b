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

#ifdef HAVE_LIBSYSTEMD
static bool has_manager(void)
{
    const char *socket = getenv("NOTIFY_SOCKET");

    return socket && socket[0] != '\0';
}

/* 0: nobody watches this process. */
static uint64_t watchdog_us(void)
{
    uint64_t us;

    return sd_watchdog_enabled(0, &us) > 0 ? us : 0;
}

static void tell(const char *message)
{
    (void)sd_notify(0, message);
}
#else
static bool has_manager(void)
{
    return false;
}

static uint64_t watchdog_us(void)
{
    return 0;
}

static void tell(const char *message)
{
    (void)message;
}
#endif

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

    notify->describe(notify->data, text, sizeof(text));
    clean(text);
    if (strcmp(text, notify->status) == 0)
        return;
    memcpy(notify->status, text, sizeof(text));
    (void)snprintf(message, sizeof(message), "STATUS=%s", text);
    tell(message);
}

static void on_timer(uv_timer_t *timer)
{
    struct notify *notify = timer->data;
    uint64_t now_ms = clock_ms();

    if (notify->has_watchdog && !notify->is_fed) {
        notify->is_fed = true;
        tell("WATCHDOG=1");
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
    notify->is_on = has_manager();
    notify->has_watchdog = us > 0;
    if (notify->is_on)
        uv_timer_start(&notify->timer, on_timer, 0, interval_ms(us));
}

void notify_turn(struct notify *notify)
{
    notify->is_fed = false;
}

void notify_ready(struct notify *notify)
{
    notify->is_ready = true;
    if (notify->is_on)
        tell("READY=1");
}

/* A daemon that is not ready yet must not say it is when the reload is over. */
void notify_reloading(struct notify *notify)
{
    char message[64];

    (void)snprintf(message, sizeof(message), "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
                   uv_hrtime() / 1000);
    if (notify->is_on && notify->is_ready)
        tell(message);
}

void notify_reloaded(struct notify *notify)
{
    if (!notify->is_on)
        return;
    send_status(notify);
    if (notify->is_ready)
        tell("READY=1");
}

void notify_stopping(struct notify *notify)
{
    if (!notify->is_on)
        return;
    tell("STOPPING=1");
    send_status(notify);
}

void notify_close(struct notify *notify)
{
    uv_close((uv_handle_t *)&notify->timer, NULL);
}
