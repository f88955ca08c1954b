/* What apps that may not send keep for their probes; why, is in core/parking.h.
 *
 * All that such apps of a queue keep is to take an eighth of its room, or the others would have
 * little left as long as those are refused. But each keeps two jobs at least, whatever they take:
 * one alone may be refused for a reason of its own, and then no probe would ever succeed. */
#include "daemon/source_private.h"

#define SHARE    8
#define KEPT_MIN 2

size_t source_n_probe(const struct source *source, size_t app)
{
    return pusher_client_max_events_per_batch(source->context->config->apps[app].client);
}

/* Jobs of an app that was removed are brought back to fail. */
bool source_gate_is_open(const struct source *source, size_t app)
{
    const char *text;

    return source->context->config->apps[app].removed ||
           engine_gate(source->context->engine, (unsigned)app, &text)->state == GATE_OPEN;
}

/* Whether jobs of the app are held, or will be, for probes. */
static bool has_probes(const struct source *source, size_t app)
{
    const struct parking_app *parking = &source->parking[app];

    return !parking->is_paused &&
           (parking->n_active > 0 || parking->lowest_stored != PARKING_NONE) &&
           !source_gate_is_open(source, app);
}

struct probe_quota source_probe_quota(const struct source *source)
{
    size_t n = 0;

    for (size_t i = 0; i < source->context->config->n_apps; i++)
        n += has_probes(source, i);
    n = n > 0 ? n : 1;
    return (struct probe_quota){source->max_jobs / SHARE / n, source->max_bytes / SHARE / n};
}

size_t source_n_kept(const struct source *source, size_t app, const struct probe_quota *quota)
{
    size_t max = quota->n_jobs > KEPT_MIN ? quota->n_jobs : KEPT_MIN, n = 0, bytes = 0;

    if (max > source_n_probe(source, app))
        max = source_n_probe(source, app);
    LIST_FOREACH(link, &source->held)
    {
        const struct job *job = &LIST_ENTRY(link, struct delivery, held_link)->job;

        if (job->app != app || job->parked)
            continue;
        bytes += job->bytes;
        if (n == max || (n >= KEPT_MIN && bytes > quota->n_bytes))
            break;
        n++;
    }
    return parking_keeps(&source->parking[app], n);
}

/* Jobs of apps that may not send, if none of these has more than a probe has need of. */
static size_t n_probes_held(const struct source *source)
{
    size_t n = 0;

    for (size_t i = 0; i < source->context->config->n_apps; i++) {
        size_t n_active = source->parking[i].n_active;

        if (n_active > 0 && n_active <= source_n_probe(source, i) &&
            !source_gate_is_open(source, i))
            n += n_active;
    }
    return n;
}

/* With one app there is nobody to claim for. */
bool source_holds_probes_only(const struct source *source)
{
    struct probe_quota quota;

    if (source->n_held == 0)
        return true;
    if (source->context->config->n_apps < 2 || n_probes_held(source) != source->n_held)
        return false;
    quota = source_probe_quota(source);
    for (size_t i = 0; i < source->context->config->n_apps; i++) {
        if (source->parking[i].n_active > 0 &&
            source->parking[i].n_active > source_n_kept(source, i, &quota))
            return false; /* others are parked */
    }
    return true;
}
