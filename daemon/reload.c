#include "daemon/reload.h"

#include <string.h>

#include "daemon/clock.h"
#include "daemon/config/config_diff.h"
#include "daemon/log.h"
#include "daemon/memlock.h"
#include "daemon/pusherd.h"
#include "daemon/settings.h"

_Static_assert(CONFIG_MAX_APP_SLOTS <= ENGINE_MAX_APPS, "the engine has room for all apps");

/* ---- what may fail */

static int read_config(const struct pusherd *pusherd, struct config **ret_config,
                       struct config_error *ret_error)
{
    struct config_source source = *pusherd->config_source;

    if (!source.file)
        source.file = config_default_file();
    return config_load(&source, ret_config, ret_error);
}

static bool is_held(const struct pusherd *pusherd, size_t app)
{
    for (size_t i = 0; i < pusherd->config->n_queues; i++) {
        if (pusherd_has_queue(pusherd, i) && source_holds_app(&pusherd->sources[i], (unsigned)app))
            return true;
    }
    return false;
}

/* Nobody needs the slot and the keys of an app that was removed and of which no jobs are held.
 * There will be none: jobs that name it now are those of an unknown app. */
static void find_drained_apps(struct pusherd *pusherd)
{
    for (size_t i = 0; i < pusherd->config->n_apps; i++) {
        struct app_config *app = &pusherd->config->apps[i];

        if (!app->removed || app->drained || is_held(pusherd, i))
            continue;
        app->drained = true;
        dispatch_end_app(&pusherd->dispatch, (unsigned)i);
        config_forget_app(app);
        log_event(LOG_NOTICE, "reload", "the app that was removed is settled, its keys are wiped",
                  LOG_TEXT("app", app->name));
    }
}

static int reserve(struct pusherd *pusherd, const struct config_diff *diff)
{
    for (size_t i = 0; i < diff->n_queues; i++) {
        bool is_used = pusherd_has_queue(pusherd, i) || (diff->queues[i].changes & CONFIG_ADDED);

        if (is_used && source_reserve(&pusherd->sources[i], diff->n_apps) != 0)
            return -1;
    }
    return metrics_grow(&pusherd->metrics, diff->n_apps, diff->n_queues);
}

static int prepare(struct pusherd *pusherd, const struct config *new_config,
                   struct config_diff *diff, struct config_error *ret_error)
{
    find_drained_apps(pusherd);
    if (config_diff_make(diff, pusherd->config, new_config, ret_error) != 0)
        return -1;
    if (reserve(pusherd, diff) == 0 && dispatch_prepare(&pusherd->dispatch, new_config, diff) == 0)
        return 0;
    config_diff_free(diff);
    (void)snprintf(ret_error->text, sizeof(ret_error->text), "out of memory");
    return -1;
}

/* ---- what may not */

static void change_app(struct pusherd *pusherd, unsigned app, unsigned changes)
{
    struct engine_app_limits limits = settings_app(&pusherd->config->apps[app]);

    engine_set_app(pusherd->engine, app, &limits);
    if (changes & CONFIG_ADDED) {
        engine_forget_app(pusherd->engine, app);
        metrics_clear_app(&pusherd->metrics.apps[app]);
    }
    for (size_t i = 0; (changes & CONFIG_ADDED) && i < pusherd->config->n_queues; i++) {
        if (pusherd_has_queue(pusherd, i))
            source_expect_app(&pusherd->sources[i], app);
    }
    if (changes & (CONFIG_SERVER_CHANGED | CONFIG_SIGNATURE_CHANGED))
        engine_try_app(pusherd->engine, app, clock_ms());
}

static void change_queue(struct pusherd *pusherd, size_t i, unsigned changes, bool was_removed)
{
    const struct queue_config *queue = &pusherd->config->queues[i];
    struct source *source = &pusherd->sources[i];

    if (changes & CONFIG_ADDED) {
        pusherd->metrics.queues[i] = (struct metrics_queue){{0}, {0}};
        source_init(source, &pusherd->context, &pusherd->loop, queue, (unsigned)i);
        return;
    }
    if (!source->context) /* it is gone */
        return;
    source_change(source, queue);
    if (changes & CONFIG_REMOVED)
        source_leave(source);
    else if (was_removed && !queue->removed)
        source_come_back(source);
}

/* Jobs that were made by what does not hold any more. */
static void remake(struct pusherd *pusherd, const struct config_diff *diff)
{
    for (size_t i = 0; i < diff->n_queues; i++) {
        bool all = diff->queues[i].changes & CONFIG_EVENTS_CHANGED;

        for (size_t app = 0; app < diff->n_apps && pusherd_has_queue(pusherd, i); app++) {
            unsigned changes = diff->apps[app].changes;

            if (!(changes & CONFIG_ADDED) &&
                (all || (changes & (CONFIG_REMOVED | CONFIG_EVENTS_CHANGED))))
                source_remake(&pusherd->sources[i], (unsigned)app);
        }
    }
}

static void log_apps(const struct config *config, const struct config_diff *diff)
{
    for (size_t i = 0; i < diff->n_apps; i++) {
        unsigned changes = diff->apps[i].changes;

        if (changes != 0)
            log_event(LOG_NOTICE, "reload",
                      changes & CONFIG_ADDED     ? "the app was added"
                      : changes & CONFIG_REMOVED ? "the app was removed"
                                                 : "the app was changed",
                      LOG_TEXT("app", config->apps[i].name));
    }
}

static void log_queues(const struct config *config, const struct config_diff *diff)
{
    for (size_t i = 0; i < diff->n_queues; i++) {
        unsigned changes = diff->queues[i].changes;

        if (changes != 0 && !(changes & CONFIG_REMOVED)) /* which source_leave() tells */
            log_event(LOG_NOTICE, "reload",
                      changes & CONFIG_ADDED ? "the queue was added" : "the queue was changed",
                      LOG_TEXT("queue", config->queues[i].name));
    }
}

static void take(struct pusherd *pusherd, struct config *new_config, struct config_diff *diff)
{
    struct config *old = pusherd->config;
    bool was_removed[CONFIG_MAX_QUEUE_SLOTS] = {false};
    struct engine_limits limits;

    for (size_t i = 0; i < old->n_queues; i++)
        was_removed[i] = old->queues[i].removed;
    config_diff_merge(diff, old, new_config);
    pusherd->config = new_config;
    limits = settings_engine(new_config);
    log_init(new_config->log_level, new_config->log_format);
    settings_sources(&pusherd->context, new_config);
    engine_set_limits(pusherd->engine, &limits);
    dispatch_change(&pusherd->dispatch, new_config, diff);
    for (size_t i = 0; i < diff->n_apps; i++)
        change_app(pusherd, (unsigned)i, diff->apps[i].changes);
    for (size_t i = 0; i < diff->n_queues; i++)
        change_queue(pusherd, i, diff->queues[i].changes, was_removed[i]);
    remake(pusherd, diff);
    config_free(old);
}

/* ---- the whole */

static void refuse(struct pusherd *pusherd, const char *why)
{
    log_event(LOG_ERR, "reload", "the configuration is refused, the one before stays in force",
              LOG_TEXT("error", why));
    pusherd->metrics.reloads_refused++;
    pusherd->metrics.last_reload_failed = true;
    (void)snprintf(pusherd->refusal, sizeof(pusherd->refusal), "%s", why);
}

void reload_log_warnings(const struct pusherd *pusherd)
{
    for (size_t i = 0; i < pusherd->config->n_warnings; i++)
        log_event(LOG_WARNING, "config", "secrets stand where all users may read them",
                  LOG_TEXT("warning", pusherd->config->warnings[i].text));
}

static void confirm(struct pusherd *pusherd, const struct config_diff *diff)
{
    log_event(LOG_NOTICE, "reload", "the configuration was read again and is in force",
              LOG_NUMBER("apps_changed", diff->n_apps_changed),
              LOG_NUMBER("queues_changed", diff->n_queues_changed));
    log_apps(pusherd->config, diff);
    log_queues(pusherd->config, diff);
    memlock_check(&pusherd->unlocked_is_told, pusherd->config);
    reload_log_warnings(pusherd);
    pusherd->metrics.reloads++;
    pusherd->metrics.last_reload_failed = false;
    pusherd->metrics.loaded_unix_s = clock_unix_s();
    pusherd->refusal[0] = '\0';
}

static void try(struct pusherd *pusherd)
{
    struct config *new_config;
    struct config_error error;
    struct config_diff diff;

    if (read_config(pusherd, &new_config, &error) != 0) {
        refuse(pusherd, error.text);
        return;
    }
    if (prepare(pusherd, new_config, &diff, &error) != 0) {
        refuse(pusherd, error.text);
        config_free(new_config);
        return;
    }
    take(pusherd, new_config, &diff);
    confirm(pusherd, &diff);
    config_diff_free(&diff);
}

void reload(struct pusherd *pusherd)
{
    if (pusherd->phase != PUSHERD_RUNNING) {
        log_event(LOG_WARNING, "reload", "stopping: the configuration is not read again");
        return;
    }
    notify_reloading(&pusherd->notify);
    try(pusherd);
    notify_reloaded(&pusherd->notify);
}

static void end_removed(struct pusherd *pusherd, size_t i)
{
    struct queue_config *queue = &pusherd->config->queues[i];
    struct source *source = &pusherd->sources[i];

    if (source->is_open && source_is_done(source)) {
        queue->closing = true;
        source_end(source);
    } else if (queue->closing && source_is_gone(source)) {
        source_deinit(source);
        queue->drained = true;
        log_event(LOG_NOTICE, "reload", "the queue that was removed is settled",
                  LOG_TEXT("queue", queue->name));
    }
}

void reload_turn(struct pusherd *pusherd)
{
    for (size_t i = 0; i < pusherd->config->n_queues; i++) {
        const struct queue_config *queue = &pusherd->config->queues[i];

        if (queue->removed && !queue->drained)
            end_removed(pusherd, i);
    }
    find_drained_apps(pusherd);
}
