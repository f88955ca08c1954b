/* Signals are blocked but for the time that ppoll() waits, so that none comes unnoticed just before
 * it; a signal that has come is remembered, and whoever waits next is told.
 *
 * Ctrl-Z is taken for a key like any other: it would leave the terminal as it is. */
#include "daemon/ctl/screen.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define MIN_COLUMNS 20
#define MAX_COLUMNS 400
#define MIN_ROWS    3
#define MAX_ROWS    400

#define ENTER     "\033[?1049h\033[?25l\033[?7l" /* the other screen; no cursor; no wrapping */
#define LEAVE     "\033[?7h\033[?25h\033[?1049l"
#define HOME      "\033[H"
#define TO_EOL    "\033[K"
#define TO_BOTTOM "\033[J"

static volatile sig_atomic_t is_ended, is_resized;

static void on_end(int number)
{
    (void)number;
    is_ended = 1;
}

static void on_resize(int number)
{
    (void)number;
    is_resized = 1;
}

static const int ends[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
#define N_ENDS (sizeof ends / sizeof ends[0])

static void catch_signals(struct screen *screen)
{
    struct sigaction end = {.sa_handler = on_end}, resize = {.sa_handler = on_resize};
    sigset_t ours;
    sigemptyset(&ours);
    sigaddset(&ours, SIGWINCH);
    for (size_t i = 0; i < N_ENDS; i++)
        sigaddset(&ours, ends[i]);
    sigprocmask(SIG_BLOCK, &ours, &screen->while_waiting);
    sigdelset(&screen->while_waiting, SIGWINCH);
    for (size_t i = 0; i < N_ENDS; i++) {
        sigdelset(&screen->while_waiting, ends[i]);
        sigaction(ends[i], &end, NULL);
    }
    sigaction(SIGWINCH, &resize, NULL);
}

static void take_keys(struct screen *screen)
{
    screen->has_keys = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &screen->before) == 0;
    if (!screen->has_keys)
        return;
    struct termios raw = screen->before;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    raw.c_cc[VSUSP] = _POSIX_VDISABLE;
    tcsetattr(STDIN_FILENO, TCSANOW, &raw);
}

void screen_open(struct screen *screen, FILE *out, bool shown)
{
    *screen = (struct screen){.out = out, .is_shown = shown};
    catch_signals(screen);
    if (!shown)
        return;
    take_keys(screen);
    fputs(ENTER, out);
    fflush(out);
}

void screen_close(struct screen *screen)
{
    if (screen->has_keys)
        tcsetattr(STDIN_FILENO, TCSANOW, &screen->before);
    if (!screen->is_shown)
        return;
    fputs(LEAVE, screen->out);
    fflush(screen->out);
}

static unsigned bounded(unsigned n, unsigned otherwise, unsigned min, unsigned max)
{
    n = n > 0 ? n : otherwise;
    return n < min ? min : n > max ? max : n;
}

void screen_measure(struct screen *screen)
{
    struct winsize size = {0};
    (void)ioctl(fileno(screen->out), TIOCGWINSZ, &size);
    screen->columns = bounded(size.ws_col, 80, MIN_COLUMNS, MAX_COLUMNS);
    screen->rows = bounded(size.ws_row, 24, MIN_ROWS, MAX_ROWS);
}

/* Each line is cleared by itself: all at once would flicker. Before it is written, for behind its
 * last column the cursor has not left that. */
int screen_draw(struct screen *screen, const char *text)
{
    unsigned row = 0;
    fputs(HOME, screen->out);
    for (; *text && row < screen->rows; row++) {
        size_t len = strcspn(text, "\n");
        fprintf(screen->out, "%s" TO_EOL "%.*s", row > 0 ? "\r\n" : "", (int)len, text);
        text += len + (text[len] == '\n');
    }
    if (row < screen->rows)
        fputs("\r\n" TO_BOTTOM, screen->out);
    return fflush(screen->out) == 0 && !ferror(screen->out) ? 0 : -1;
}

static enum screen_event take_key(struct screen *screen, char *ret_key)
{
    if (read(STDIN_FILENO, ret_key, 1) == 1)
        return SCREEN_KEY;
    screen->has_keys = false;
    return SCREEN_END; /* the terminal is gone */
}

enum screen_event screen_wait(struct screen *screen, unsigned ms, char *ret_key)
{
    struct pollfd fds[] = {{.fd = fileno(screen->out), .events = 0},
                           {.fd = screen->has_keys ? STDIN_FILENO : -1, .events = POLLIN}};
    struct timespec timeout = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    int n = is_ended || is_resized ? -1 : ppoll(fds, 2, &timeout, &screen->while_waiting);
    if (is_ended || (n > 0 && fds[0].revents & (POLLERR | POLLNVAL)))
        return SCREEN_END;
    if (is_resized) {
        is_resized = 0;
        return SCREEN_RESIZED;
    }
    if (n > 0 && fds[1].revents)
        return take_key(screen, ret_key);
    return SCREEN_TIME;
}
