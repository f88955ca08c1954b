/* The signals are blocked between the look at what was noted and the wait, so that none comes
 * unnoticed just before it. Elsewhere they are not: the second one must end any wait.
 *
 * SA_RESTART is for writing: stdio drops what it holds when a write is interrupted, and a line
 * would be cut. ppoll() is never restarted. */
#include "daemon/ctl/stop.h"

#include <signal.h>
#include <time.h>

static const int signals[] = {SIGINT, SIGTERM};
#define N_SIGNALS (sizeof signals / sizeof signals[0])

static volatile sig_atomic_t is_asked;

static void on_signal(int number)
{
    if (is_asked) {
        signal(number, SIG_DFL);
        raise(number); /* comes as soon as this has returned */
    }
    is_asked = 1;
}

void stop_catch(void)
{
    struct sigaction ours = {.sa_handler = on_signal, .sa_flags = SA_RESTART}, before;
    for (size_t i = 0; i < N_SIGNALS; i++)
        if (sigaction(signals[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
            sigaction(signals[i], &ours, NULL);
}

bool stop_is_asked(void)
{
    return is_asked;
}

int stop_poll(struct pollfd *fds, nfds_t n, int timeout_ms)
{
    const struct timespec timeout = {.tv_sec = timeout_ms / 1000,
                                     .tv_nsec = (long)(timeout_ms % 1000) * 1000000};
    sigset_t ours, before;
    sigemptyset(&ours);
    for (size_t i = 0; i < N_SIGNALS; i++)
        sigaddset(&ours, signals[i]);
    sigprocmask(SIG_BLOCK, &ours, &before);
    int rc = is_asked ? -1 : ppoll(fds, n, timeout_ms < 0 ? NULL : &timeout, &before);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return rc;
}
