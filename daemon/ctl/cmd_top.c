/* top: the daemons of a queue at work, drawn again and again.
 *
 * What the daemons say stands in Redis (daemon/report.h); the key `watched` asks them to say it
 * every second. When Redis is away, the last picture stays and the head says what is wrong. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "daemon/clock.h"
#include "daemon/ctl/call.h"
#include "daemon/ctl/command.h"
#include "daemon/ctl/screen.h"
#include "daemon/ctl/span.h"
#include "daemon/ctl/top.h"
#include "daemon/view/text.h"

#define ANSWER_MS      3000 /* a key should not have to wait longer */
#define WATCH_MS       "10000"
#define DEFAULT_S      2
#define MAX_INTERVAL_S 3600
#define MAX_COUNT      1000000000
#define MAX_VALUE      "200" /* bytes of a failure's text */
#define TEXT_OF(n)     #n
#define COUNT_TEXT(n)  TEXT_OF(n)

struct top {
    struct ctl *ctl;
    struct link link;
    struct screen screen;
    struct top_look look;
    const char *list; /* NULL: every queue of the configuration */
    bool for_people, is_lost;
    uint64_t interval_s, count; /* 0: without end */
};

/* ---- looking */

static void forget(struct top_look *look)
{
    for (size_t i = 0; i < look->n; i++) {
        status_deinit(&look->queues[i]);
        freeReplyObject(look->failures[i]);
    }
    look->n = 0;
}

/* A right that is missing costs only what needs it: then the daemons speak more rarely. */
static int ask_to_speak(struct link *link, const char *list)
{
    char key[KEYS_KEY_MAX];
    keys_queue(list, KEYS_WATCHED, key);
    redisReply *reply = link_call(link, "SET", key, "1", "PX", WATCH_MS, NULL);
    if (!reply && !link->was_refused)
        return -1;
    freeReplyObject(reply);
    return 0;
}

static int read_failures(struct link *link, const char *list, redisReply **ret_reply)
{
    struct call call = {.n = 0};
    call_script(&call, &script_peek, 1);
    call_key(&call, list, KEYS_FAILURES);
    call_text(&call, "+");
    call_text(&call, COUNT_TEXT(TOP_FAILURES));
    call_text(&call, MAX_VALUE);
    *ret_reply = call_send(&call, link);
    return *ret_reply || link->was_refused ? 0 : -1;
}

static int look_at(struct top *top, const char *name, const char *list, struct top_look *look)
{
    redisReply **failures = &look->failures[look->n];
    *failures = NULL;
    if (ask_to_speak(&top->link, list) != 0 ||
        status_read(&top->link, name, list, &look->queues[look->n]) != 0)
        return -1;
    look->n++;
    if (!top->for_people || look->queues[look->n - 1].failures == 0)
        return 0;
    return read_failures(&top->link, list, failures);
}

static int look_around(struct top *top, struct top_look *look)
{
    const struct config *config = top->ctl->config;
    int rc = 0;
    look->n = 0;
    if (top->list)
        return look_at(top, top->list, top->list, look);
    for (size_t i = 0; i < config->n_queues && rc == 0; i++)
        rc = look_at(top, config->queues[i].name, config->queues[i].list, look);
    return rc;
}

static int connect_to(struct top *top)
{
    if (link_open(&top->link, &top->ctl->config->redis) != 0)
        return -1;
    return link_set_timeout(&top->link, ANSWER_MS);
}

/* A new picture, if there is one to be had; false if Redis cannot be asked. */
static bool refresh(struct top *top)
{
    struct top_look *look = malloc(sizeof *look);
    if (!look)
        return false;
    if (top->is_lost) {
        link_close(&top->link);
        top->is_lost = connect_to(top) != 0;
    }
    look->n = 0;
    if (!top->is_lost && look_around(top, look) != 0)
        top->is_lost = true;
    if (top->is_lost) {
        forget(look);
    } else {
        forget(&top->look);
        top->look = *look;
    }
    free(look);
    return !top->is_lost;
}

/* ---- showing */

static int draw(struct top *top)
{
    screen_measure(&top->screen);
    struct top_frame frame = {
        .columns = top->screen.columns,
        .rows = top->screen.rows,
        .where = top->link.where,
        .trouble = top->is_lost ? top->link.why : NULL,
        .interval_ms = (unsigned)top->interval_s * 1000,
    };
    char *text = top_draw(&top->look, &frame);
    int rc = text ? screen_draw(&top->screen, text) : -1;
    free(text);
    return rc;
}

static int show(struct top *top)
{
    if (top->for_people)
        return draw(top);
    if (top->is_lost)
        ctl_warn("%s; trying again", top->link.why);
    else
        top_print_json(&top->look, top->ctl->out);
    return fflush(top->ctl->out) == 0 ? 0 : -1;
}

/* Until the interval is over, or somebody asks for it sooner. False: that was all. */
static bool await_next(struct top *top)
{
    uint64_t end_ms = clock_ms() + top->interval_s * 1000;
    for (;;) {
        uint64_t now = clock_ms();
        char key = '\0';
        enum screen_event event =
            screen_wait(&top->screen, end_ms > now ? (unsigned)(end_ms - now) : 0, &key);
        if (event == SCREEN_END || (event == SCREEN_KEY && (key == 'q' || key == 'Q')))
            return false;
        if (event == SCREEN_TIME || (event == SCREEN_KEY && key == ' '))
            return true;
        if (event == SCREEN_RESIZED && top->for_people && draw(top) != 0)
            return false;
    }
}

static void run(struct top *top)
{
    for (uint64_t n = 1;; n++) {
        if (n > 1)
            refresh(top);
        if (show(top) != 0 || n == top->count || !await_next(top))
            return;
    }
}

/* ---- the command */

static int read_options(struct top *top, const struct command_args *args)
{
    top->interval_s = DEFAULT_S;
    int status =
        span_count("interval", command_value(args, "interval"), MAX_INTERVAL_S, &top->interval_s);
    if (status == CTL_DONE)
        status = span_count("count", command_value(args, "count"), MAX_COUNT, &top->count);
    if (status == CTL_DONE && top->interval_s == 0)
        return ctl_fail(CTL_USAGE, "--interval is at least 1 second");
    top->for_people = text_for_people(top->ctl->out, command_value(args, "json") != NULL);
    return status;
}

int cmd_top(struct ctl *ctl, const struct command_args *args)
{
    struct top *top = calloc(1, sizeof *top);
    if (!top)
        return ctl_fail(CTL_FAILED, "out of memory");
    top->ctl = ctl;
    int status = read_options(top, args);
    if (status == CTL_DONE)
        status = ctl_load(ctl, true);
    if (status == CTL_DONE && ctl->list)
        status = ctl_pick_list(ctl, &top->list);
    if (status == CTL_DONE && (connect_to(top) != 0 || !refresh(top)))
        status = ctl_fail(link_status(&top->link), "%s", top->link.why);
    if (status == CTL_DONE) {
        screen_open(&top->screen, ctl->out, top->for_people);
        run(top);
        screen_close(&top->screen);
    }
    forget(&top->look);
    link_close(&top->link);
    free(top);
    return status;
}
