/* Tells Redis what is delivered of jobs that are not done, so that who has them next does not send
 * it again. It says all that is delivered of a job: what is told later makes up for what was not
 * sent, as too much was on its way. */
#include "daemon/clock.h"
#include "daemon/script.h"
#include "daemon/settle.h"
#include "daemon/source_private.h"
#include "daemon/source_spool.h"

/* A lost reply leaves it to source_spool.c, or else a crash would repeat a part of one job. */
static void on_progress(const redisReply *reply, void *data)
{
    struct source *source = data;

    (void)reply;
    source->progress_since_ms = clock_ms();
    if (--source->n_progress == 0)
        source->n_progress_bytes = 0;
}

static void send_progress(struct source *source, const struct delivery *delivery)
{
    struct settlement settlement = source_settlement(source);
    struct script_call *call = source_settle_call(source, source->spool->inflight_key);
    size_t size;

    if (!call)
        return;
    settle_add_progress(call, &settlement, delivery);
    size = script_size(call);
    if (script_send(call, &source->commands, SOURCE_TIMEOUT_MS, on_progress, source) != 0)
        return;
    source->n_progress_bytes += size;
    if (source->n_progress++ == 0)
        source->progress_since_ms = clock_ms();
}

void source_keep_progress(struct source *source, struct delivery *delivery)
{
    source_spool_progress(source, delivery);
    if (source->lease != LEASE_HELD || delivery->job.abandoned)
        return;
    delivery->owes_progress = source->n_progress_bytes >= SOURCE_PROGRESS_BYTES;
    if (delivery->owes_progress)
        source->owes_progress = true;
    else
        send_progress(source, delivery);
}

void source_send_progress(struct source *source)
{
    if (!source->owes_progress || source->n_progress > 0)
        return;
    source->owes_progress = false;
    LIST_FOREACH(link, &source->held)
    {
        struct delivery *delivery = LIST_ENTRY(link, struct delivery, held_link);

        if (delivery->owes_progress)
            source_keep_progress(source, delivery);
    }
}
