/* Lines of text, no longer than the screen is wide: columns that a narrow one has no room for are
 * left out, and of the failures as many are shown as there are lines left. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "daemon/ctl/report_read.h"
#include "daemon/ctl/top.h"
#include "daemon/view/entry.h"
#include "daemon/view/text.h"

#define HEAD     "\033[7m" /* reverse */
#define ALARM    "\033[1m" /* bold */
#define PLAIN    "\033[0m"
#define CELL     16
#define STALE_MS 20000 /* a report that is older says nothing of now */

struct column {
    const char *title;
    unsigned width;
    unsigned from; /* columns that the screen must have */
};

struct canvas {
    FILE *out;
    unsigned columns, rows, used;
};

/* ---- cells */

static void put_count(uint64_t n, char cell[CELL])
{
    if (n < 1000000)
        snprintf(cell, CELL, "%" PRIu64, n);
    else if (n < 1000000000)
        snprintf(cell, CELL, "%.1fM", (double)n / 1e6);
    else
        snprintf(cell, CELL, "%.1fG", (double)n / 1e9);
}

static void put_rate(double rate, char cell[CELL])
{
    if (rate < 9.95)
        snprintf(cell, CELL, rate > 0 ? "%.1f" : "0", rate);
    else
        put_count((uint64_t)(rate + 0.5), cell);
}

/* Negative: there is none. */
static void put_time(double ms, char cell[CELL])
{
    if (ms < 0)
        snprintf(cell, CELL, "-");
    else if (ms < 9.95)
        snprintf(cell, CELL, "%.1f ms", ms);
    else if (ms < 999.5)
        snprintf(cell, CELL, "%.0f ms", ms);
    else if (ms < 99950)
        snprintf(cell, CELL, "%.1f s", ms / 1000);
    else
        snprintf(cell, CELL, "%.0f min", ms / 60000);
}

/* ---- lines */

static bool begin_line(struct canvas *canvas)
{
    return canvas->used < canvas->rows && ++canvas->used;
}

static unsigned put_cut(FILE *out, const char *text, unsigned width)
{
    char *clean = NULL;
    size_t len = 0;
    unsigned n = 0;
    FILE *memory = open_memstream(&clean, &len);
    if (!memory)
        return 0;
    text_clean(memory, pusher_str(text), width);
    fclose(memory);
    for (size_t i = 0; clean && i < len; i++)
        n += (clean[i] & 0xc0) != 0x80; /* characters */
    if (clean)
        fputs(clean, out);
    free(clean);
    return n;
}

static void put_line(struct canvas *canvas, const char *style, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void put_line(struct canvas *canvas, const char *style, const char *format, ...)
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
    fprintf(canvas->out, "%*s%s\n", strcmp(style, HEAD) == 0 ? (int)(canvas->columns - n) : 0, "",
            *style ? PLAIN : "");
}

static void put_row(struct canvas *canvas, const char *style, const char *name,
                    const struct column *columns, size_t n, char cells[][CELL])
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
    fprintf(canvas->out, "%s\n", *style ? PLAIN : "");
}

/* ---- queues */

enum { Q_BACKLOG, Q_HELD, Q_WAITING, Q_PARKED, Q_JOBS, Q_FAILED, Q_RESULTS, Q_FAILURES, N_Q };

static const struct column queue_columns[N_Q] = {
    [Q_BACKLOG] = {"backlog", 9, 0},    [Q_HELD] = {"held", 7, 0},
    [Q_WAITING] = {"waiting", 9, 60},   [Q_PARKED] = {"parked", 8, 70},
    [Q_JOBS] = {"jobs/s", 8, 50},       [Q_FAILED] = {"failed/s", 9, 60},
    [Q_RESULTS] = {"results", 10, 100}, [Q_FAILURES] = {"failures", 9, 0},
};

static bool is_fresh(const struct queue_status *queue, const struct report_view *view)
{
    return view->at_ms + STALE_MS > queue->now_ms;
}

static void add_rates(const struct queue_status *queue, double *ret_jobs, double *ret_failed)
{
    struct report_view view;
    for (size_t i = 0; i < queue->n_consumers; i++) {
        report_read(queue->consumers[i].report, &view);
        *ret_jobs += is_fresh(queue, &view) ? view.jobs : 0;
        *ret_failed += is_fresh(queue, &view) ? view.failed : 0;
    }
}

static void draw_pauses(struct canvas *canvas, const struct queue_status *queue)
{
    char ago[TEXT_TIME_MAX];
    for (size_t i = 0; i < queue->pauses.n; i++) {
        const struct pause *pause = &queue->pauses.items[i];
        bool is_queue = strcmp(pause->app, PAUSES_QUEUE) == 0;
        const char *reason = pause->reason ? pause->reason : "";
        text_duration(queue->now_ms > pause->since_ms ? queue->now_ms - pause->since_ms : 0, ago);
        put_line(canvas, ALARM, "  %s%s paused for %s%s%s", is_queue ? "the queue is" : "app ",
                 is_queue ? "" : pause->app, ago, *reason ? ": " : "", reason);
    }
}

static void draw_queue(struct canvas *canvas, const struct queue_status *queue)
{
    char cells[N_Q][CELL];
    double jobs = 0, failed = 0;
    uint64_t parked = 0;
    for (size_t i = 0; i < queue->n_parked; i++)
        parked += queue->parked[i].jobs;
    add_rates(queue, &jobs, &failed);
    put_count(queue->backlog, cells[Q_BACKLOG]);
    put_count(queue->held, cells[Q_HELD]);
    put_count(queue->waiting, cells[Q_WAITING]);
    put_count(parked, cells[Q_PARKED]);
    put_rate(jobs, cells[Q_JOBS]);
    put_rate(failed, cells[Q_FAILED]);
    put_count(queue->results, cells[Q_RESULTS]);
    put_count(queue->failures, cells[Q_FAILURES]);
    put_row(canvas, "", queue->list, queue_columns, N_Q, cells);
    draw_pauses(canvas, queue);
    for (size_t i = 0; i < queue->n_parked; i++)
        put_line(canvas, "", "  app %s: %" PRIu64 " jobs parked", queue->parked[i].app,
                 queue->parked[i].jobs);
    if (queue->n_consumers == 0)
        put_line(canvas, ALARM, "  no pusherd is at work on this list");
}

/* ---- daemons */

enum { D_EVENTS, D_JOBS, D_FILL, D_P50, D_P99, D_HELD, D_OLDEST, D_SENDING, D_HEARD, N_D };

static const struct column daemon_columns[N_D] = {
    [D_EVENTS] = {"events/s", 9, 0}, [D_JOBS] = {"jobs/s", 8, 60},
    [D_FILL] = {"fill", 6, 0},       [D_P50] = {"p50", 8, 60},
    [D_P99] = {"p99", 8, 0},         [D_HELD] = {"held", 7, 70},
    [D_OLDEST] = {"oldest", 8, 90},  [D_SENDING] = {"sending", 8, 80},
    [D_HEARD] = {"heard", 8, 100},
};

/* "HOST.BOOT-NAMESPACE:PID:NONCE" as "HOST:PID"; any other name as it is. */
static void shorten(const char *name, char *ret_short, size_t size)
{
    const char *nonce = strrchr(name, ':');
    const char *pid = nonce ? memrchr(name, ':', (size_t)(nonce - name)) : NULL;
    const char *dot = pid ? memrchr(name, '.', (size_t)(pid - name)) : NULL;
    if (dot)
        snprintf(ret_short, size, "%.*s%.*s", (int)(dot - name), name, (int)(nonce - pid), pid);
    else
        snprintf(ret_short, size, "%s", name);
}

static void draw_gates(struct canvas *canvas, const struct report_view *view)
{
    const json_t *gate;
    size_t i;
    json_array_foreach(view->gates, i, gate)
    {
        const char *app = json_string_value(json_object_get(gate, "app"));
        const char *cause = json_string_value(json_object_get(gate, "cause"));
        const char *text = json_string_value(json_object_get(gate, "text"));
        put_line(canvas, ALARM, "  app %s may not send: %s%s%s", app ? app : "?",
                 cause ? cause : "?", text && *text ? ": " : "", text ? text : "");
    }
    if (view->more_gates > 0)
        put_line(canvas, ALARM, "  and %" PRIu64 " more apps", view->more_gates);
}

static void draw_numbers(struct canvas *canvas, const char *name, uint64_t now_ms,
                         const struct report_view *view)
{
    char cells[N_D][CELL];
    put_rate(view->events, cells[D_EVENTS]);
    put_rate(view->jobs, cells[D_JOBS]);
    snprintf(cells[D_FILL], CELL, view->fill < 0 ? "-" : "%.1f", view->fill);
    put_time(view->p50_ms, cells[D_P50]);
    put_time(view->p99_ms, cells[D_P99]);
    put_count(view->held, cells[D_HELD]);
    put_time(view->held > 0 ? (double)view->oldest_ms : -1, cells[D_OLDEST]);
    put_count(view->in_flight, cells[D_SENDING]);
    put_time(now_ms > view->at_ms ? (double)(now_ms - view->at_ms) : 0, cells[D_HEARD]);
    put_row(canvas, "", name, daemon_columns, N_D, cells);
    draw_gates(canvas, view);
}

static void draw_daemon(struct canvas *canvas, const struct queue_status *queue,
                        const struct consumer_status *consumer)
{
    char name[256], ago[TEXT_TIME_MAX];
    struct report_view view;
    shorten(consumer->name, name, sizeof name);
    report_read(consumer->report, &view);
    if (consumer->lease_ms < 0) {
        text_duration((uint64_t)-consumer->lease_ms, ago);
        put_line(canvas, ALARM, "%s  gone? Its lease ran out %s ago", name, ago);
    } else if (!is_fresh(queue, &view)) {
        put_line(canvas, "", "%s  has not said how it is doing", name);
    } else {
        draw_numbers(canvas, name, queue->now_ms, &view);
    }
}

static void draw_daemons(struct canvas *canvas, const struct top_look *look)
{
    char title[64];
    for (size_t i = 0; i < look->n; i++) {
        const struct queue_status *queue = &look->queues[i];
        if (queue->n_consumers == 0)
            continue;
        if (i == 0 || look->n > 1) {
            snprintf(title, sizeof title, "daemon%s%.50s", look->n > 1 ? " of " : "",
                     look->n > 1 ? queue->list : "");
            put_row(canvas, HEAD, title, daemon_columns, N_D, NULL);
        }
        for (size_t k = 0; k < queue->n_consumers; k++)
            draw_daemon(canvas, queue, &queue->consumers[k]);
    }
}

/* ---- failures */

/* The queue whose next failure is the newest; its entry in *ret_entry. SIZE_MAX: there is none. */
static size_t newest(const struct top_look *look, const size_t *next,
                     struct stream_entry *ret_entry)
{
    size_t found = SIZE_MAX;
    struct stream_entry entry;
    for (size_t i = 0; i < look->n; i++) {
        const redisReply *reply = look->failures[i];
        if (!reply || reply->type != REDIS_REPLY_ARRAY || next[i] >= reply->elements ||
            !stream_entry_read(reply->element[next[i]], &entry) ||
            (found != SIZE_MAX && entry.unix_ms <= ret_entry->unix_ms))
            continue;
        *ret_entry = entry;
        found = i;
    }
    return found;
}

static const char *field(const struct stream_entry *entry, const char *name)
{
    struct pusher_string value = stream_field(entry, name);
    return value.ptr ? value.ptr : ""; /* hiredis ends it with a NUL */
}

static void draw_failure(struct canvas *canvas, const struct stream_entry *entry)
{
    char time[TEXT_TIME_MAX];
    const char *http = field(entry, "http");
    text_time(entry->unix_ms, true, time);
    const char *clock = strchr(time, ' ');
    put_line(canvas, "", "%s %s%s%s  %s  %s  %s  id %s", clock ? clock + 1 : time,
             field(entry, "code"), strcmp(http, "0") == 0 ? "" : " ",
             strcmp(http, "0") == 0 ? "" : http, field(entry, "app"), field(entry, "error"),
             field(entry, "op"), field(entry, "id"));
}

static void draw_failures(struct canvas *canvas, const struct top_look *look)
{
    size_t next[CONFIG_MAX_QUEUES] = {0};
    struct stream_entry entry;
    size_t queue = newest(look, next, &entry);
    if (queue == SIZE_MAX || canvas->used + 2 > canvas->rows)
        return;
    put_line(canvas, HEAD, "latest failures");
    for (; queue != SIZE_MAX && canvas->used < canvas->rows; queue = newest(look, next, &entry)) {
        draw_failure(canvas, &entry);
        next[queue]++;
    }
}

/* ---- all of it */

static void draw_head(struct canvas *canvas, const struct top_frame *frame)
{
    char time[TEXT_TIME_MAX];
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    text_time((uint64_t)now.tv_sec * 1000, true, time);
    const char *clock = strchr(time, ' ');
    put_line(canvas, "", "pusherctl top  %s  every %u s  Redis %s  q quits",
             clock ? clock + 1 : time, frame->interval_ms / 1000, frame->where);
    if (frame->trouble)
        put_line(canvas, ALARM, "%s; trying again. Last seen:", frame->trouble);
}

char *top_draw(const struct top_look *look, const struct top_frame *frame)
{
    char *text = NULL;
    size_t len = 0;
    struct canvas canvas = {.columns = frame->columns, .rows = frame->rows};
    canvas.out = open_memstream(&text, &len);
    if (!canvas.out)
        return NULL;
    draw_head(&canvas, frame);
    put_row(&canvas, HEAD, "queue", queue_columns, N_Q, NULL);
    for (size_t i = 0; i < look->n; i++)
        draw_queue(&canvas, &look->queues[i]);
    draw_daemons(&canvas, look);
    draw_failures(&canvas, look);
    if (fclose(canvas.out) == 0)
        return text;
    free(text);
    return NULL;
}

void top_print_json(const struct top_look *look, FILE *out)
{
    fprintf(out, "{\"time_ms\":%" PRIu64 ",\"queues\":[", look->n > 0 ? look->queues[0].now_ms : 0);
    for (size_t i = 0; i < look->n; i++) {
        fputs(i > 0 ? "," : "", out);
        status_print_queue_json(&look->queues[i], out);
    }
    fputs("]}\n", out);
}
