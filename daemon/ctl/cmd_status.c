/* status: what stands in Redis, of one list or of every queue of the configuration. */
#include <stdlib.h>
#include <unistd.h>

#include "daemon/ctl/command.h"
#include "daemon/ctl/status.h"

/* Reads the queues one by one; *n counts those that were read. */
static int read_queues(struct ctl *ctl, struct link *link, struct queue_status *queues, size_t *n)
{
    const struct config *config = ctl->config;
    const char *list = NULL;
    if (ctl->list) {
        int status = ctl_pick_list(ctl, &list);
        if (status != CTL_DONE)
            return status;
    }
    size_t n_queues = list ? 1 : config->n_queues;
    for (*n = 0; *n < n_queues; (*n)++) {
        const struct queue_config *queue = &config->queues[*n];
        if (status_read(link, list ? list : queue->name, list ? list : queue->list, &queues[*n]) !=
            0)
            return ctl_fail(link_status(link), "%s", link->why);
    }
    return CTL_DONE;
}

static void print(struct ctl *ctl, const struct command_args *args,
                  const struct queue_status *queues, size_t n)
{
    if (command_value(args, "json") || !isatty(fileno(ctl->out)))
        status_print_json(queues, n, ctl->out);
    else
        status_print_table(queues, n, ctl->out);
}

int cmd_status(struct ctl *ctl, const struct command_args *args)
{
    struct queue_status queues[CONFIG_MAX_QUEUES];
    struct link link;
    size_t n = 0;
    int status = ctl_load(ctl, true);
    if (status != CTL_DONE)
        return status;
    if (link_open(&link, &ctl->config->redis) != 0)
        return ctl_fail(CTL_UNAVAILABLE, "%s", link.why);
    status = read_queues(ctl, &link, queues, &n);
    if (status == CTL_DONE)
        print(ctl, args, queues, n);
    for (size_t i = 0; i < n; i++)
        status_deinit(&queues[i]);
    link_close(&link);
    return status;
}
