/* What goes back to the queue when the daemon stops keeps its order: to the front of the list, or
 * among the retries. */
#include <stdlib.h>

#include "daemon/source_private.h"

static int younger_first(const void *a, const void *b)
{
    const struct delivery *x = *(struct delivery *const *)a, *y = *(struct delivery *const *)b;

    return (x->job.claim_id < y->job.claim_id) - (x->job.claim_id > y->job.claim_id);
}

/* Jobs that were claimed and are not here yet are younger, and go back later: to the front. */
static bool has_more_claimed(const struct source *source)
{
    return source->claim_is_out || source->claim_in_doubt || source->recovery_is_out;
}

/* Jobs with a history wait among the retries, which are claimed before the list: what stood before
 * one of them must join it there, or it would be passed. So must what stood before jobs that are
 * still to come; and jobs whose claim id is remembered: in the list they would lose it, and their
 * place before others that are parked. */
static void keep_places(const struct source *source, struct delivery **deliveries, size_t n)
{
    bool is_passed = has_more_claimed(source);

    for (size_t i = 0; i < n; i++) {
        struct job *job = &deliveries[i]->job;

        is_passed |= job->fate == JOB_LATER && job->due_ms == 0;
        if (job->fate == JOB_HANDED_BACK &&
            (is_passed || source->queue->dedupe_ms > 0 || source_has_parked(source, job->app)))
            job->fate = JOB_LATER;
    }
}

/* Jobs that are handed back are pushed to the front of the list one by one: the oldest must be the
 * last. */
void source_sort_returns(struct source *source)
{
    struct delivery **deliveries;
    size_t n = 0;

    for (struct list *link = source->unsettled.next; link != &source->unsettled; link = link->next)
        n++;
    if (n == 0 || !(deliveries = calloc(n, sizeof(struct delivery *))))
        return;
    for (size_t i = 0; i < n; i++)
        deliveries[i] = LIST_ENTRY(list_pop(&source->unsettled), struct delivery, link);
    qsort(deliveries, n, sizeof(struct delivery *), younger_first);
    keep_places(source, deliveries, n);
    for (size_t i = 0; i < n; i++)
        list_push(&source->unsettled, &deliveries[i]->link);
    free(deliveries);
}

/* What goes back to the queue waits until nothing is in flight any more: a request that is refused
 * meanwhile has jobs that stood before it. */
void source_set_aside_returns(struct source *source, struct list *later)
{
    LIST_FOREACH(link, &source->unsettled)
    {
        const struct job *job = &LIST_ENTRY(link, struct delivery, link)->job;

        if (job->fate != JOB_HANDED_BACK && !(job->fate == JOB_LATER && job->due_ms == 0))
            continue;
        list_remove(link);
        list_push(later, link);
    }
}
