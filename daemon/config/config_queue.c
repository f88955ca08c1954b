/* From the settings of a queue to its list and its default app. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/config/config_loader.h"
#include "lib/utf8.h"
#include "proto/keys.h"

/* With no [queue NAME] there is one, named like its list: PUSHERD_QUEUE or pusher:jobs. */
static int add_default(struct config_loader *loader)
{
    const char *list = config_getenv(loader, "PUSHERD_QUEUE");
    struct config_where where = {.file = NULL};
    char quoted[CONFIG_QUOTE_MAX];
    if (!list)
        list = CONFIG_DEFAULT_LIST;
    if (!keys_list_ok(list) || list[0] == ' ' || list[strlen(list) - 1] == ' ')
        return config_fail(loader->error, &where, "PUSHERD_QUEUE", "%s cannot be a list",
                           config_quote(list, quoted));
    if (!pusher__utf8_valid(list, strlen(list))) /* it is the queue's name in /metrics */
        return config_fail(loader->error, &where, "PUSHERD_QUEUE", "not UTF-8");
    return config_draft_add(loader, SECTION_QUEUE, list, LAYER_ENVIRONMENT, 0) ? 0 : -1;
}

/* An app that a queue names; else the only app, or the one named "default"; else none. */
static int find_app(struct config_loader *loader, const struct config_draft *draft, size_t *ret_app)
{
    const struct config *config = loader->config;
    const struct queue_settings *settings = draft->object;
    const char *name = settings->app ? settings->app : CONFIG_DEFAULT_APP;
    size_t app = config_find_app(config, name, strlen(name));
    if (settings->app && app == SIZE_MAX)
        return config_fail_key(loader, draft, config_key_find(SECTION_QUEUE, "app"),
                               "there is no [app %s]", settings->app);
    if (app == SIZE_MAX && config->n_apps == 1)
        app = 0;
    *ret_app = app;
    return 0;
}

static int check_list(struct config_loader *loader, const struct config_draft *draft,
                      const char *list)
{
    const struct config_key *key = config_key_find(SECTION_QUEUE, "list");
    const struct config *config = loader->config;
    for (size_t i = 0; i < config->n_queues; i++) {
        const struct queue_config *other = &config->queues[i];
        if (strcmp(other->list, list) == 0)
            return config_fail_key(loader, draft, key, "%s is the list of queue %s already", list,
                                   other->name);
        if (keys_is_own(other->list, list, strlen(list)) ||
            keys_is_own(list, other->list, strlen(other->list)))
            return config_fail_key(loader, draft, key,
                                   "%s and the list of queue %s clash: one is "
                                   "a key that belongs to the other",
                                   list, other->name);
    }
    return 0;
}

/* Partitions have names that no section says. */
static int check_name(struct config_loader *loader, const struct config_draft *draft,
                      const char *name)
{
    const struct config *config = loader->config;
    struct config_where where = {
        .file = loader->source->file, .line = draft->line, .section = draft->label};
    for (size_t i = 0; i < config->n_queues; i++)
        if (strcmp(config->queues[i].name, name) == 0)
            return config_fail(loader->error, &where, NULL,
                               "there is a queue %.80s already: partitions of a queue are named "
                               "NAME:0, NAME:1, ...",
                               name);
    return 0;
}

static char *numbered(const char *text, unsigned partition)
{
    char *copy;

    return asprintf(&copy, "%s:%u", text, partition) < 0 ? NULL : copy;
}

static int add_queue(struct config_loader *loader, const struct config_draft *draft,
                     const struct queue_config *like, const char *list)
{
    struct config *config = loader->config;
    struct queue_config *queue = &config->queues[config->n_queues];
    bool is_whole = like->partitions == 0;
    if (config->n_queues == CONFIG_MAX_QUEUES)
        return config_fail_key(loader, draft, config_key_find(SECTION_QUEUE, "partitions"),
                               "there are more than %d lists in all", CONFIG_MAX_QUEUES);
    *queue = *like;
    queue->name = is_whole ? strdup(draft->name) : numbered(draft->name, like->partition);
    queue->list = is_whole ? strdup(list) : numbered(list, like->partition);
    if (queue->name && queue->list && check_name(loader, draft, queue->name) == 0 &&
        check_list(loader, draft, queue->list) == 0) {
        config->n_queues++;
        return 0;
    }
    is_whole = !queue->name || !queue->list;
    free(queue->name);
    free(queue->list);
    return is_whole ? config_fail_memory(loader->error) : -1;
}

/* A queue, or one for each of its partitions. */
static int finish(struct config_loader *loader, struct config_draft *draft)
{
    struct queue_settings *settings = draft->object;
    const struct config_key *list = config_key_find(SECTION_QUEUE, "list");
    struct queue_config queue = {.name = NULL};
    if (config_set_defaults(loader, draft, SECTION_QUEUE) != 0)
        return -1;
    if (!settings->list &&
        config_set(loader, draft, list, draft->name, draft->layer, draft->line) != 0)
        return -1;
    if (find_app(loader, draft, &queue.app) != 0)
        return -1;
    queue.weight = settings->weight;
    queue.ordered = settings->ordered;
    queue.partitions = settings->partitions;
    queue.family = (unsigned)(draft - loader->queues);
    queue.dedupe_ms = settings->dedupe_ms;
    queue.operations = settings->operations;
    do {
        if (add_queue(loader, draft, &queue, settings->list) != 0)
            return -1;
    } while (++queue.partition < queue.partitions);
    return 0;
}

int config_finish_queues(struct config_loader *loader)
{
    struct config *config = loader->config;
    if (loader->n_queues == 0 && add_default(loader) != 0)
        return -1;
    config->queues = calloc(CONFIG_MAX_QUEUES, sizeof *config->queues);
    if (!config->queues)
        return config_fail_memory(loader->error);
    for (size_t i = 0; i < loader->n_queues; i++) {
        if (finish(loader, &loader->queues[i]) != 0)
            return -1;
    }
    return 0;
}
