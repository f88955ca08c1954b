/* The screen of top: its head, the queues, the daemons at work on them, and of the latest failures
 * as many as there are lines left. */
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "daemon/ctl/canvas.h"
#include "daemon/ctl/report_read.h"
#include "daemon/ctl/top.h"
#include "daemon/view/entry.h"
#include "daemon/view/text.h"
#include "proto/text_out.h"

#define STALE_MS 20000 /* a report that is older says nothing of now */

/* ---- queues */

enum { Q_BACKLOG, Q_HELD, Q_WAITING, Q_PARKED, Q_JOBS, Q_FAILED, Q_RESULTS, Q_FAILURES, N_Q };

static const struct canvas_column queue_columns[N_Q] = {
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
        canvas_put_line(canvas, CANVAS_ALARM, "  %s%s paused for %s%s%s",
                        is_queue ? "the queue is" : "app ", is_queue ? "" : pause->app, ago,
                        *reason ? ": " : "", reason);
    }
}

static void draw_queue(struct canvas *canvas, const struct queue_status *queue)
{
    char cells[N_Q][CANVAS_CELL];
    double jobs = 0, failed = 0;
    uint64_t parked = 0;
    for (size_t i = 0; i < queue->n_parked; i++)
        parked += queue->parked[i].jobs;
    add_rates(queue, &jobs, &failed);
    canvas_put_count(queue->backlog, cells[Q_BACKLOG]);
    canvas_put_count(queue->held, cells[Q_HELD]);
    canvas_put_count(queue->waiting, cells[Q_WAITING]);
    canvas_put_count(parked, cells[Q_PARKED]);
    canvas_put_rate(jobs, cells[Q_JOBS]);
    canvas_put_rate(failed, cells[Q_FAILED]);
    canvas_put_count(queue->results, cells[Q_RESULTS]);
    canvas_put_count(queue->failures, cells[Q_FAILURES]);
    canvas_put_row(canvas, "", queue->list, queue_columns, N_Q, cells);
    draw_pauses(canvas, queue);
    for (size_t i = 0; i < queue->n_parked; i++)
        canvas_put_line(canvas, "", "  app %s: %" PRIu64 " jobs parked", queue->parked[i].app,
                        queue->parked[i].jobs);
    if (queue->n_consumers == 0)
        canvas_put_line(canvas, CANVAS_ALARM, "  no pusherd is at work on this list");
}

/* ---- daemons */

enum { D_EVENTS, D_JOBS, D_FILL, D_P50, D_P99, D_HELD, D_OLDEST, D_SENDING, D_HEARD, N_D };

static const struct canvas_column daemon_columns[N_D] = {
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
        canvas_put_line(canvas, CANVAS_ALARM, "  app %s may not send: %s%s%s", app ? app : "?",
                        cause ? cause : "?", text && *text ? ": " : "", text ? text : "");
    }
    if (view->more_gates > 0)
        canvas_put_line(canvas, CANVAS_ALARM, "  and %" PRIu64 " more apps", view->more_gates);
}

static void draw_numbers(struct canvas *canvas, const char *name, uint64_t now_ms,
                         const struct report_view *view)
{
    char cells[N_D][CANVAS_CELL];
    canvas_put_rate(view->events, cells[D_EVENTS]);
    canvas_put_rate(view->jobs, cells[D_JOBS]);
    snprintf(cells[D_FILL], CANVAS_CELL, view->fill < 0 ? "-" : "%.1f", view->fill);
    canvas_put_time(view->p50_ms, cells[D_P50]);
    canvas_put_time(view->p99_ms, cells[D_P99]);
    canvas_put_count(view->held, cells[D_HELD]);
    canvas_put_time(view->held > 0 ? (double)view->oldest_ms : -1, cells[D_OLDEST]);
    canvas_put_count(view->in_flight, cells[D_SENDING]);
    canvas_put_time(now_ms > view->at_ms ? (double)(now_ms - view->at_ms) : 0, cells[D_HEARD]);
    canvas_put_row(canvas, "", name, daemon_columns, N_D, cells);
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
        canvas_put_line(canvas, CANVAS_ALARM, "%s  gone? Its lease ran out %s ago", name, ago);
    } else if (!is_fresh(queue, &view)) {
        canvas_put_line(canvas, "", "%s  has not said how it is doing", name);
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
            canvas_put_row(canvas, CANVAS_HEAD, title, daemon_columns, N_D, NULL);
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
        bool more;
        const redisReply *reply = look->failures[i];
        const redisReply *entries = reply ? stream_peeked(reply, &more) : NULL;
        if (!entries || next[i] >= entries->elements ||
            !stream_entry_read(entries->element[next[i]], &entry) ||
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
    canvas_put_line(canvas, "", "%s %s%s%s  %s  %s  %s  id %s", clock ? clock + 1 : time,
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
    canvas_put_line(canvas, CANVAS_HEAD, "latest failures");
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
    canvas_put_line(canvas, "", "pusherctl top  %s  every %u s  Redis %s  q quits",
                    clock ? clock + 1 : time, frame->interval_ms / 1000, frame->where);
    if (frame->trouble)
        canvas_put_line(canvas, CANVAS_ALARM, "%s; trying again. Last seen:", frame->trouble);
}

char *top_draw(const struct top_look *look, const struct top_frame *frame)
{
    struct text_out text;
    size_t len;
    struct canvas canvas = {.columns = frame->columns, .rows = frame->rows};
    canvas.out = text_out_open(&text);
    if (!canvas.out)
        return NULL;
    draw_head(&canvas, frame);
    canvas_put_row(&canvas, CANVAS_HEAD, "queue", queue_columns, N_Q, NULL);
    for (size_t i = 0; i < look->n; i++)
        draw_queue(&canvas, &look->queues[i]);
    draw_daemons(&canvas, look);
    draw_failures(&canvas, look);
    return text_out_close(&text, &len);
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
