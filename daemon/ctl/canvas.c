/* A line is cut to the width of the screen; a name takes what the columns of its row leave of it.
 */
#include "daemon/ctl/canvas.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/view/text.h"
#include "proto/text_out.h"

#define CANVAS_PLAIN "\033[0m"

/* ---- cells */

void canvas_put_count(uint64_t n, char cell[CANVAS_CELL])
{
    if (n < 1000000)
        snprintf(cell, CANVAS_CELL, "%" PRIu64, n);
    else if (n < 1000000000)
        snprintf(cell, CANVAS_CELL, "%.1fM", (double)n / 1e6);
    else
        snprintf(cell, CANVAS_CELL, "%.1fG", (double)n / 1e9);
}

void canvas_put_rate(double rate, char cell[CANVAS_CELL])
{
    if (rate < 9.95)
        snprintf(cell, CANVAS_CELL, rate > 0 ? "%.1f" : "0", rate);
    else
        canvas_put_count((uint64_t)(rate + 0.5), cell);
}

void canvas_put_time(double ms, char cell[CANVAS_CELL])
{
    if (ms < 0)
        snprintf(cell, CANVAS_CELL, "-");
    else if (ms < 9.95)
        snprintf(cell, CANVAS_CELL, "%.1f ms", ms);
    else if (ms < 999.5)
        snprintf(cell, CANVAS_CELL, "%.0f ms", ms);
    else if (ms < 99950)
        snprintf(cell, CANVAS_CELL, "%.1f s", ms / 1000);
    else
        snprintf(cell, CANVAS_CELL, "%.0f min", ms / 60000);
}

/* ---- lines */

static bool begin_line(struct canvas *canvas)
{
    return canvas->used < canvas->rows && ++canvas->used;
}

static unsigned put_cut(FILE *out, const char *text, unsigned width)
{
    struct text_out cut;
    size_t len;
    unsigned n = 0;
    FILE *memory = text_out_open(&cut);
    if (memory)
        text_clean(memory, pusher_str(text), width);
    char *clean = text_out_close(&cut, &len);
    for (size_t i = 0; clean && i < len; i++)
        n += (clean[i] & 0xc0) != 0x80; /* characters */
    if (clean)
        fputs(clean, out);
    free(clean);
    return n;
}

void canvas_put_line(struct canvas *canvas, const char *style, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (!begin_line(canvas))
        return;
    fputs(style, canvas->out);
    unsigned n = put_cut(canvas->out, text, canvas->columns);
    fprintf(canvas->out, "%*s%s\n",
            strcmp(style, CANVAS_HEAD) == 0 ? (int)(canvas->columns - n) : 0, "",
            *style ? CANVAS_PLAIN : "");
}

void canvas_put_row(struct canvas *canvas, const char *style, const char *name,
                    const struct canvas_column *columns, size_t n, char cells[][CANVAS_CELL])
{
    unsigned taken = 0;
    if (!begin_line(canvas))
        return;
    for (size_t i = 0; i < n; i++)
        taken += canvas->columns >= columns[i].from ? columns[i].width : 0;
    unsigned room = canvas->columns - taken;
    fputs(style, canvas->out);
    fprintf(canvas->out, "%*s", (int)(room - put_cut(canvas->out, name, room)), "");
    for (size_t i = 0; i < n; i++)
        if (canvas->columns >= columns[i].from)
            fprintf(canvas->out, "%*s", (int)columns[i].width, cells ? cells[i] : columns[i].title);
    fprintf(canvas->out, "%s\n", *style ? CANVAS_PLAIN : "");
}
