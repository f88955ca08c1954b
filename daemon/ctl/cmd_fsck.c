/* fsck: one list, or every queue of the configuration. As JSON they are printed when all are read:
 * a list of some would say that there are no others. */
#include <stdlib.h>

#include "daemon/ctl/command.h"
#include "daemon/ctl/fsck.h"
#include "daemon/view/text.h"
#include "proto/text_out.h"

struct checking {
    struct ctl *ctl;
    FILE *out;
    struct link link;
    bool mends, for_people;
    bool all_clean;
    size_t n; /* printed */
};

/* Half of a queue that is on its way to another node would be counted, and half be strays. */
static int aim(struct link *link, const char *list)
{
    if (link_aim(link, list) != 0)
        return -1;
    return link->asking ? link_refuse(link, "ASK of its list") : 0;
}

static int check_list(struct checking *checking, const char *list)
{
    FILE *out = checking->out;
    struct fsck fsck = {
        .link = &checking->link,
        .config = checking->ctl->config,
        .list = list,
        .mends = checking->mends,
    };
    int status = CTL_DONE;
    if (aim(&checking->link, list) != 0 || fsck_run(&fsck) != 0) {
        status = ctl_fail(link_status(&checking->link), "%s", checking->link.why);
    } else if (checking->for_people) {
        fsck_print(&fsck, out);
    } else {
        fputs(checking->n++ > 0 ? ",\n " : "", out);
        fsck_print_json(&fsck, out);
    }
    checking->all_clean &= fsck_is_clean(&fsck);
    fsck_deinit(&fsck);
    return status;
}

static int check_all(struct checking *checking)
{
    const struct config *config = checking->ctl->config;
    const char *list = NULL;
    int status = CTL_DONE;
    if (checking->ctl->list) {
        status = ctl_pick_list(checking->ctl, &list);
        return status == CTL_DONE ? check_list(checking, list) : status;
    }
    for (size_t i = 0; i < config->n_queues && status == CTL_DONE; i++)
        status = check_list(checking, config->queues[i].list);
    return status;
}

static int print_json(struct checking *checking)
{
    struct text_out text;
    size_t len;
    checking->out = text_out_open(&text);
    if (!checking->out)
        return ctl_fail(CTL_FAILED, "out of memory");
    fputs("{\"queues\":[", checking->out);
    int status = check_all(checking);
    fputs("]}\n", checking->out);
    char *json = text_out_close(&text, &len);
    if (!json && status == CTL_DONE)
        status = ctl_fail(CTL_FAILED, "out of memory");
    if (status == CTL_DONE)
        fwrite(json, 1, len, checking->ctl->out);
    free(json);
    return status;
}

int cmd_fsck(struct ctl *ctl, const struct command_args *args)
{
    struct checking checking = {
        .ctl = ctl,
        .out = ctl->out,
        .mends = command_value(args, "repair") != NULL,
        .for_people = text_for_people(ctl->out, command_value(args, "json") != NULL),
        .all_clean = true,
    };
    int status = ctl_load(ctl, true);
    if (status != CTL_DONE)
        return status;
    if (link_open(&checking.link, &ctl->config->redis) != 0)
        return ctl_fail(CTL_UNAVAILABLE, "%s", checking.link.why);
    status = checking.for_people ? check_all(&checking) : print_json(&checking);
    link_close(&checking.link);
    return status == CTL_DONE && !checking.all_clean ? CTL_FAILED : status;
}
