/* Entries of the books, and times that are best measured as they come. */
#include "ledger.h"

#include <stdlib.h>
#include <string.h>

#define MAX_TROUBLES 100000

void ledger_init(struct ledger *ledger, const struct work *work)
{
    *ledger = (struct ledger){.work = work};
    ledger->jobs = calloc(work->n_jobs + 1, sizeof(ledger->jobs[0]));
    ledger->troubles = calloc(MAX_TROUBLES, sizeof(ledger->troubles[0]));
}

void ledger_deinit(struct ledger *ledger)
{
    free(ledger->jobs);
    free(ledger->deliveries);
    free(ledger->calls);
    free(ledger->troubles);
    *ledger = (struct ledger){0};
}

static void *grow(void *array, size_t *max, size_t needed, size_t size)
{
    size_t old = *max;
    if (needed <= old) {
        return array;
    }
    *max = needed * 2 + 1024;
    array = realloc(array, *max * size);
    if (!array) {
        abort();
    }
    memset((char *)array + old * size, 0, (*max - old) * size);
    return array;
}

/* ---- entries */

void ledger_pushed(struct ledger *ledger, size_t job)
{
    int64_t now_ms = unix_ms();
    ledger->jobs[job].pushed_ms = now_ms;
    if (ledger->last_outcome_ms == 0) {
        ledger->last_outcome_ms = now_ms;
    }
}

/* Recoveries are measured while there is something to do. */
static void note_time(struct ledger *ledger, int64_t now_ms, bool has_backlog)
{
    int64_t silence_ms = ledger->last_outcome_ms > 0 ? now_ms - ledger->last_outcome_ms : 0;
    if (silence_ms > ledger->longest_silence_ms) {
        ledger->longest_silence_ms = silence_ms;
    }
    ledger->last_outcome_ms = has_backlog ? now_ms : 0;
    for (size_t i = ledger->n_troubles; i-- > 0 && i + 64 > ledger->n_troubles;) {
        struct trouble *trouble = &ledger->troubles[i];
        if (trouble->recovered_ms == 0 && trouble->to_ms > 0 && now_ms >= trouble->to_ms) {
            trouble->recovered_ms = now_ms;
        }
        trouble->had_backlog &= has_backlog || trouble->recovered_ms > 0;
    }
}

bool ledger_decided(struct ledger *ledger, const char *id, bool failed, int64_t now_ms,
                    bool has_backlog)
{
    char *end;
    size_t job = id ? strtoull(id, &end, 10) : SIZE_MAX;
    note_time(ledger, now_ms, has_backlog);
    if (job >= ledger->work->n_jobs || *end || end == id) {
        return false;
    }
    struct job_books *books = &ledger->jobs[job];
    ledger->n_decided += books->n_results + books->n_failures == 0;
    ledger->n_failures += failed;
    if (now_ms - books->pushed_ms > ledger->slowest_job_ms && books->pushed_ms > 0) {
        ledger->slowest_job_ms = now_ms - books->pushed_ms;
    }
    *(failed ? &books->n_failures : &books->n_results) += 1;
    return true;
}

void ledger_called(struct ledger *ledger, size_t number, const struct call *call)
{
    ledger->calls = grow(ledger->calls, &ledger->n_calls, number + 1, sizeof(*call));
    ledger->calls[number] = *call;
}

void ledger_delivered(struct ledger *ledger, size_t event, size_t number)
{
    ledger->deliveries = grow(ledger->deliveries, &ledger->max_deliveries, ledger->n_deliveries + 1,
                              sizeof(ledger->deliveries[0]));
    ledger->deliveries[ledger->n_deliveries++] =
        (struct delivery){.event = (uint32_t)event, .call = (uint32_t)number};
}

size_t ledger_trouble(struct ledger *ledger, enum trouble_kind kind, uint32_t slot,
                      bool has_backlog)
{
    if (ledger->n_troubles == MAX_TROUBLES) {
        abort();
    }
    ledger->troubles[ledger->n_troubles] = (struct trouble){
        .kind = kind, .slot = slot, .from_ms = unix_ms(), .had_backlog = has_backlog};
    return ledger->n_troubles++;
}

void ledger_trouble_began(struct ledger *ledger, size_t trouble, int64_t began_ms)
{
    ledger->troubles[trouble].from_ms = began_ms > 0 ? began_ms : unix_ms();
}

void ledger_trouble_over(struct ledger *ledger, size_t trouble)
{
    ledger->troubles[trouble].to_ms = unix_ms();
}
