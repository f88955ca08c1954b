/* A screen full of lines, drawn from the top: none is longer than the screen is wide, and what
 * comes when it is full is left out. Rows have columns of numbers; those that a narrow screen has
 * no room for are left out, too.
 *
 *     struct canvas canvas = {.out = file, .columns = 80, .rows = 24};
 *     char cells[1][CANVAS_CELL];
 *     canvas_put_row(&canvas, CANVAS_HEAD, "queue", columns, 1, NULL);   the titles
 *     canvas_put_count(n, cells[0]);
 *     canvas_put_row(&canvas, "", name, columns, 1, cells); */
#ifndef DAEMON_CTL_CANVAS_H
#define DAEMON_CTL_CANVAS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Styles; "" is plain. */
#define CANVAS_HEAD  "\033[7m" /* reverse */
#define CANVAS_ALARM "\033[1m" /* bold */

#define CANVAS_CELL 16 /* bytes of a number as text */

struct canvas_column {
    const char *title;
    unsigned width;
    unsigned from; /* columns that the screen must have */
};

struct canvas {
    FILE *out;
    unsigned columns, rows, used;
};

/* ---- cells */

void canvas_put_count(uint64_t n, char cell[CANVAS_CELL]);

/* Of something a second. */
void canvas_put_rate(double rate, char cell[CANVAS_CELL]);

/* Negative: there is none. */
void canvas_put_time(double ms, char cell[CANVAS_CELL]);

/* ---- lines */

/* A line of text; control characters are made harmless. */
void canvas_put_line(struct canvas *canvas, const char *style, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A name and n cells, one for each column. `cells` NULL: the titles of the columns. */
void canvas_put_row(struct canvas *canvas, const char *style, const char *name,
                    const struct canvas_column *columns, size_t n, char cells[][CANVAS_CELL]);

#endif
