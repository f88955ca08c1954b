/* The terminal as one screen that is drawn anew again and again.
 *
 *   screen_open(&screen, stdout)     the other screen, keys without Enter, no cursor
 *   screen_draw(&screen, text)       lines of text; those that do not fit are left out
 *   screen_wait(&screen, ms)         until a key, a signal, a new size, or the time is over
 *   screen_close(&screen)            as it was before
 *
 * Between open and close, SIGINT, SIGTERM, SIGHUP and SIGQUIT end the wait, not the process. */
#ifndef DAEMON_CTL_SCREEN_H
#define DAEMON_CTL_SCREEN_H

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <termios.h>

struct screen {
    FILE *out;              /* borrowed */
    bool is_shown;          /* false: nothing is drawn, screen_wait() only waits for signals */
    bool has_keys;          /* standard input is the terminal, too */
    unsigned columns, rows; /* as of the last draw */
    struct termios before;
    sigset_t while_waiting; /* signals that are blocked then */
};

enum screen_event { SCREEN_TIME, SCREEN_RESIZED, SCREEN_KEY, SCREEN_END };

/* `shown` only where `out` is a terminal. */
void screen_open(struct screen *screen, FILE *out, bool shown);
void screen_close(struct screen *screen);

/* Asks the terminal for its size. */
void screen_measure(struct screen *screen);

/* Draws lines, which end with '\n' and must fit the columns. 0, or -1 if it cannot be written. */
int screen_draw(struct screen *screen, const char *text);

/* The key is in *ret_key. */
enum screen_event screen_wait(struct screen *screen, unsigned ms, char *ret_key);

#endif
