/* First every app and queue of the new configuration gets a slot, its old one if it has one; what
 * differs there says config_compare.c. Then the new configuration is laid out by the slots. */
#include "daemon/config/config_diff.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/config/config_compare.h"
#include "daemon/config/config_error.h"

/* ---- slots */

/* Gives the slot to the new configuration's index `from`. */
static void assign(struct config_slot *slot, size_t from, unsigned changes)
{
    slot->from = from;
    slot->changes = changes;
}

static size_t free_slot(const struct config_slot *slots, size_t n, const bool *is_free)
{
    for (size_t i = 0; i < n; i++) {
        if (is_free[i] && slots[i].from == CONFIG_NOT_THERE)
            return i;
    }
    return CONFIG_NOT_THERE;
}

/* What has no slot yet gets one that is free, or a new one. */
static int place_the_rest(struct config_slot *slots, size_t *n_slots, size_t max,
                          const bool *is_free, const bool *is_placed, size_t n_new)
{
    for (size_t i = 0; i < n_new; i++) {
        size_t at;

        if (is_placed[i])
            continue;
        at = free_slot(slots, *n_slots, is_free);
        if (at == CONFIG_NOT_THERE && *n_slots < max)
            at = (*n_slots)++;
        if (at == CONFIG_NOT_THERE)
            return -1;
        assign(&slots[at], i, CONFIG_ADDED | CONFIG_CHANGED);
    }
    return 0;
}

struct placing {
    bool is_free[CONFIG_MAX_APP_SLOTS];   /* slots */
    bool is_placed[CONFIG_MAX_APP_SLOTS]; /* of the new configuration */
};

static int place_apps(struct config_diff *diff, const struct config *old, const struct config *new_,
                      struct placing *placing)
{
    for (size_t i = 0; i < old->n_apps; i++) {
        const struct app_config *app = &old->apps[i];
        size_t at = config_find_app(new_, app->name, strlen(app->name));

        placing->is_free[i] = app->drained;
        if (at == CONFIG_NOT_THERE || placing->is_placed[at] || placing->is_free[i])
            continue;
        placing->is_placed[at] = true;
        assign(&diff->apps[i], at,
               config_compare_apps(app->settings, new_->apps[at].settings) |
                   (app->removed ? (unsigned)CONFIG_CHANGED : 0));
    }
    return place_the_rest(diff->apps, &diff->n_apps, CONFIG_MAX_APP_SLOTS, placing->is_free,
                          placing->is_placed, new_->n_apps);
}

static size_t find_list(const struct config *config, const char *list)
{
    for (size_t i = 0; i < config->n_queues; i++) {
        if (strcmp(config->queues[i].list, list) == 0)
            return i;
    }
    return CONFIG_NOT_THERE;
}

static int place_queues(struct config_diff *diff, const struct config *old,
                        const struct config *new_, struct placing *placing)
{
    for (size_t i = 0; i < old->n_queues; i++) {
        const struct queue_config *queue = &old->queues[i];
        size_t at = find_list(new_, queue->list);

        placing->is_free[i] = queue->drained;
        if (at == CONFIG_NOT_THERE || placing->is_placed[at] || queue->closing)
            continue;
        placing->is_placed[at] = true;
        assign(&diff->queues[i], at,
               config_compare_queues(queue, &new_->queues[at]) |
                   (queue->removed ? (unsigned)CONFIG_CHANGED : 0));
    }
    return place_the_rest(diff->queues, &diff->n_queues, CONFIG_MAX_QUEUE_SLOTS, placing->is_free,
                          placing->is_placed, new_->n_queues);
}

/* The slot of an app of the new configuration, by its index there. */
static size_t slot_of_app(const struct config_diff *diff, size_t from)
{
    for (size_t i = 0; from != CONFIG_NOT_THERE && i < diff->n_apps; i++) {
        if (diff->apps[i].from == from)
            return i;
    }
    return CONFIG_NOT_THERE;
}

/* Which default apps changed, and which apps and queues are removed, is known when all have their
 * slots. */
static void compare_the_rest(struct config_diff *diff, const struct config *old,
                             const struct config *new_)
{
    for (size_t i = 0; i < old->n_apps; i++) {
        if (diff->apps[i].from == CONFIG_NOT_THERE && !old->apps[i].removed)
            diff->apps[i].changes = CONFIG_REMOVED;
    }
    for (size_t i = 0; i < old->n_queues; i++) {
        struct config_slot *slot = &diff->queues[i];

        if (slot->from == CONFIG_NOT_THERE && !old->queues[i].removed)
            slot->changes = CONFIG_REMOVED;
        else if (slot->from != CONFIG_NOT_THERE && !(slot->changes & CONFIG_ADDED) &&
                 slot_of_app(diff, new_->queues[slot->from].app) != old->queues[i].app)
            slot->changes |= CONFIG_CHANGED | CONFIG_EVENTS_CHANGED;
    }
    for (size_t i = 0; i < diff->n_apps; i++)
        diff->n_apps_changed += diff->apps[i].changes != 0;
    for (size_t i = 0; i < diff->n_queues; i++)
        diff->n_queues_changed += diff->queues[i].changes != 0;
}

static struct config_slot *new_slots(size_t n)
{
    struct config_slot *slots = malloc(n * sizeof *slots);

    for (size_t i = 0; slots && i < n; i++)
        slots[i] = (struct config_slot){CONFIG_NOT_THERE, 0};
    return slots;
}

static int fail_places(struct config_error *error, const char *what)
{
    (void)snprintf(error->text, sizeof error->text,
                   "too many %s, with those that were removed and still have jobs: try again when "
                   "these are settled",
                   what);
    return -1;
}

static int place(struct config_diff *diff, const struct config *old, const struct config *new_,
                 struct config_error *ret_error)
{
    struct placing *placing = calloc(2, sizeof *placing);
    int rc = 0;

    if (!placing)
        return config_fail_memory(ret_error);
    if (place_apps(diff, old, new_, &placing[0]) != 0)
        rc = fail_places(ret_error, "apps");
    else if (place_queues(diff, old, new_, &placing[1]) != 0)
        rc = fail_places(ret_error, "queues");
    free(placing);
    return rc;
}

int config_diff_make(struct config_diff *diff, const struct config *old, const struct config *new_,
                     struct config_error *ret_error)
{
    *diff = (struct config_diff){.n_apps = old->n_apps, .n_queues = old->n_queues};
    if (config_refuse_restart(old, new_, ret_error) != 0)
        return -1;
    diff->apps = new_slots(CONFIG_MAX_APP_SLOTS);
    diff->queues = new_slots(CONFIG_MAX_QUEUE_SLOTS);
    diff->merged_apps = calloc(old->n_apps + new_->n_apps, sizeof *diff->merged_apps);
    diff->merged_queues = calloc(CONFIG_MAX_QUEUE_SLOTS, sizeof *diff->merged_queues);
    if (!diff->apps || !diff->queues || !diff->merged_apps || !diff->merged_queues) {
        config_diff_free(diff);
        return config_fail_memory(ret_error);
    }
    if (place(diff, old, new_, ret_error) != 0) {
        config_diff_free(diff);
        return -1;
    }
    compare_the_rest(diff, old, new_);
    return 0;
}

/* ---- merging */

static void merge_apps(struct config_diff *diff, struct config *old, struct config *new_)
{
    for (size_t i = 0; i < diff->n_apps; i++) {
        size_t from = diff->apps[i].from;

        if (from != CONFIG_NOT_THERE) {
            diff->merged_apps[i] = new_->apps[from];
            continue;
        }
        diff->merged_apps[i] = old->apps[i];
        diff->merged_apps[i].removed = true;
        old->apps[i] = (struct app_config){.name = NULL};
    }
    free(new_->apps);
    new_->apps = diff->merged_apps;
    new_->n_apps = diff->n_apps;
    diff->merged_apps = NULL;
}

static void merge_queues(struct config_diff *diff, struct config *old, struct config *new_)
{
    for (size_t i = 0; i < diff->n_queues; i++) {
        size_t from = diff->queues[i].from;

        if (from != CONFIG_NOT_THERE) {
            diff->merged_queues[i] = new_->queues[from];
            diff->merged_queues[i].app = slot_of_app(diff, new_->queues[from].app);
            continue;
        }
        diff->merged_queues[i] = old->queues[i];
        diff->merged_queues[i].removed = true;
        old->queues[i] = (struct queue_config){.name = NULL};
    }
    free(new_->queues);
    new_->queues = diff->merged_queues;
    new_->n_queues = diff->n_queues;
    diff->merged_queues = NULL;
}

/* A thread may be reading these: the new configuration keeps the old text, which is the same. */
static void keep_borrowed(const struct config_diff *diff, struct config *old, struct config *new_)
{
    char *dir = old->spool_dir;

    old->spool_dir = new_->spool_dir;
    new_->spool_dir = dir;
    for (size_t i = 0; i < old->n_queues; i++) {
        struct queue_config *now = &new_->queues[i], *before = &old->queues[i];
        char *list = before->list;

        if (diff->queues[i].from == CONFIG_NOT_THERE || (diff->queues[i].changes & CONFIG_ADDED))
            continue;
        before->list = now->list;
        now->list = list;
    }
}

void config_diff_merge(struct config_diff *diff, struct config *old, struct config *new_)
{
    merge_apps(diff, old, new_);
    merge_queues(diff, old, new_);
    keep_borrowed(diff, old, new_);
}

void config_diff_free(struct config_diff *diff)
{
    free(diff->apps);
    free(diff->queues);
    free(diff->merged_apps);
    free(diff->merged_queues);
    *diff = (struct config_diff){.apps = NULL};
}
