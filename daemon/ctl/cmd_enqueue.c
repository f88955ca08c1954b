/* enqueue: JSON lines on standard input become elements of the list. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "daemon/ctl/command.h"
#include "daemon/ctl/feed.h"
#include "daemon/ctl/lines.h"
#include "daemon/ctl/pack.h"
#include "daemon/ctl/progress.h"
#include "daemon/ctl/stop.h"

#define LINE_MAX_BYTES ((size_t)64 << 20)

struct enqueue {
    bool as_msgpack;
    struct lines lines;
    struct feed feed;
    int rc; /* of the feed */
    struct progress progress;
};

static bool is_blank(const char *line, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (line[i] != ' ' && line[i] != '\t' && line[i] != '\r')
            return false;
    return true;
}

/* Writes the job of a line to the feed. */
static int convert(struct enqueue *enqueue, const char *line, size_t len)
{
    char why[PACK_WHY_MAX];
    msgpack_sbuffer *buffer = feed_buffer(&enqueue->feed);
    int rc =
        enqueue->as_msgpack ? pack_msgpack(line, len, buffer, why) : pack_check(line, len, why);
    if (rc != 0)
        return ctl_fail(CTL_FAILED, "line %" PRIu64 ": %s; nothing from it on was sent",
                        enqueue->lines.number, why);
    if (!enqueue->as_msgpack && msgpack_sbuffer_write(buffer, line, len) != 0)
        return ctl_fail(CTL_FAILED, "out of memory");
    return CTL_DONE;
}

static void show_progress(struct enqueue *enqueue)
{
    progress_update(&enqueue->progress, enqueue->lines.n_read, enqueue->feed.n_done);
}

static int take_line(struct enqueue *enqueue, const char *line, size_t len)
{
    if (is_blank(line, len))
        return CTL_DONE;
    int status = convert(enqueue, line, len);
    if (status != CTL_DONE)
        return status;
    enqueue->rc = feed_add(&enqueue->feed, enqueue->lines.number);
    show_progress(enqueue);
    return enqueue->rc == 0 ? CTL_DONE : CTL_FAILED;
}

/* Waits for input, and takes the answers that come meanwhile. */
static int poll_input(struct enqueue *enqueue, int timeout_ms, bool *ret_ready)
{
    struct pollfd fds[2] = {{.fd = enqueue->lines.fd, .events = POLLIN}};
    feed_poll(&enqueue->feed, &fds[1]);
    int n = stop_poll(fds, 2, timeout_ms);
    if (n > 0 && fds[1].revents)
        enqueue->rc = feed_take(&enqueue->feed);
    show_progress(enqueue);
    *ret_ready = fds[0].revents != 0;
    return enqueue->rc == 0 && !stop_is_asked() ? 0 : -1;
}

/* Before each read. Nothing is held back while input is awaited: a slow producer's job goes out at
 * once, and what Redis says of it is heard. While there is input, commands become full. */
static int await_input(void *data)
{
    struct enqueue *enqueue = data;
    bool is_ready;
    int rc = poll_input(enqueue, 0, &is_ready);
    if (rc == 0 && !is_ready)
        rc = enqueue->rc = feed_flush(&enqueue->feed);
    while (rc == 0 && !is_ready)
        rc = poll_input(enqueue, -1, &is_ready);
    return rc;
}

static int fail_read(const struct enqueue *enqueue, int rc)
{
    if (rc == LINES_STOPPED && enqueue->rc != 0)
        return CTL_FAILED; /* which the feed has told */
    if (rc == LINES_STOPPED)
        return ctl_fail(CTL_FAILED, "ended by a signal; nothing behind line %" PRIu64 " was sent",
                        enqueue->lines.number);
    if (rc == LINES_TOO_LONG)
        return ctl_fail(CTL_FAILED,
                        "line %" PRIu64 ": longer than %zu bytes; nothing from it on was sent",
                        enqueue->lines.number, LINE_MAX_BYTES);
    if (rc == LINES_IO)
        return ctl_fail(CTL_FAILED, "standard input: %s", strerror(errno));
    return ctl_fail(CTL_FAILED, "out of memory");
}

static int take_lines(struct enqueue *enqueue)
{
    const char *line;
    size_t len;
    int rc, status = CTL_DONE;
    while (status == CTL_DONE && (rc = lines_next(&enqueue->lines, &line, &len)) != LINES_END)
        status = rc == LINES_LINE ? take_line(enqueue, line, len) : fail_read(enqueue, rc);
    return status;
}

/* After an error, too, what was taken before it is sent, answered and counted. */
static int finish(struct enqueue *enqueue, int status)
{
    enqueue->rc = feed_finish(&enqueue->feed, enqueue->rc);
    progress_end(&enqueue->progress, enqueue->lines.n_read, enqueue->feed.n_done);
    if (enqueue->rc == FEED_LOST || enqueue->rc == FEED_UNFIT)
        return CTL_UNAVAILABLE;
    return enqueue->rc == 0 ? status : CTL_FAILED;
}

static int run(struct ctl *ctl, struct enqueue *enqueue, const char *list)
{
    struct link link;
    if (link_open(&link, &ctl->config->redis) != 0)
        return ctl_fail(CTL_UNAVAILABLE, "%s", link.why);
    if (link_aim(&link, list) != 0) {
        link_close(&link);
        return ctl_fail(link_status(&link), "%s", link.why);
    }
    stop_catch();
    lines_init(&enqueue->lines, STDIN_FILENO, LINE_MAX_BYTES);
    lines_set_wait(&enqueue->lines, await_input, enqueue);
    feed_init(&enqueue->feed, &link, list);
    progress_init(&enqueue->progress, STDIN_FILENO);
    int status = finish(enqueue, take_lines(enqueue));
    fprintf(ctl->out, "{\"enqueued\":%" PRIu64 "}\n", enqueue->feed.n_done);
    feed_deinit(&enqueue->feed);
    lines_deinit(&enqueue->lines);
    link_close(&link);
    return status;
}

int cmd_enqueue(struct ctl *ctl, const struct command_args *args)
{
    static struct enqueue enqueue;
    const char *list, *format = command_value(args, "format");
    enqueue.as_msgpack = format && strcmp(format, "msgpack") == 0;
    if (format && !enqueue.as_msgpack && strcmp(format, "json") != 0)
        return ctl_fail(CTL_USAGE, "--format is json or msgpack");
    int status = ctl_load(ctl, true);
    if (status == CTL_DONE)
        status = ctl_pick_list(ctl, &list);
    return status == CTL_DONE ? run(ctl, &enqueue, list) : status;
}
