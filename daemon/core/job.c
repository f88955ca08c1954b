#include "daemon/core/job.h"

#include <stdlib.h>
#include <string.h>

#include "lib/require.h"

static int compare_keys(const void *a, const void *b)
{
    uint64_t x = ((const struct lane_entry *)a)->key, y = ((const struct lane_entry *)b)->key;

    return (x > y) - (x < y);
}

/* A part stands in a lane once, even if it names a channel twice or two of its keys collide. */
static void drop_duplicate_entries(struct part *part)
{
    uint32_t n_kept = 0;

    if (part->n_entries < 2)
        return;
    qsort(part->entries, part->n_entries, sizeof(part->entries[0]), compare_keys);
    for (uint32_t i = 0; i < part->n_entries; i++) {
        if (i == 0 || part->entries[i].key != part->entries[n_kept - 1].key)
            part->entries[n_kept++] = part->entries[i];
    }
    part->n_entries = n_kept;
}

void job_init(struct job *job)
{
    list_init(&job->link);
    list_init(&job->progress_link);
    job->n_unresolved = job->n_parts;
    job->attempts = job->attempts_before;
    for (uint32_t i = 0; i < job->n_parts; i++) {
        struct part *part = &job->parts[i];

        part->job = job;
        part->state = PART_WAITING;
        part->batch_cap = UINT16_MAX;
        part->retries = job->attempts_before;
        drop_duplicate_entries(part);
        list_init(&part->ready_link);
        for (uint32_t k = 0; k < part->n_entries; k++) {
            part->entries[k].part = part;
            list_init(&part->entries[k].link);
        }
    }
}

void job_deinit(struct job *job)
{
    for (uint32_t i = 0; i < job->n_parts; i++) {
        free(job->parts[i].error);
        free(job->parts[i].result);
        job->parts[i].error = NULL;
        job->parts[i].result = NULL;
    }
}

void part_take(struct part *part)
{
    REQUIRE(part->state == PART_WAITING || part->state == PART_READY);
    part->state = PART_TAKEN;
    part->job->n_taken++;
}

void part_untake(struct part *part)
{
    REQUIRE(part->state == PART_TAKEN);
    part->state = PART_WAITING;
    part->job->n_taken--;
}

static void resolve(struct part *part, enum part_state state)
{
    struct job *job = part->job;

    REQUIRE(part->state <= PART_TAKEN);
    REQUIRE(job->n_unresolved > 0);
    if (part->state == PART_TAKEN)
        job->n_taken--;
    part->state = state;
    job->n_unresolved--;
}

void part_deliver(struct part *part)
{
    resolve(part, PART_DELIVERED);
}

void part_fail(struct part *part, const char *code, const char *error)
{
    resolve(part, PART_FAILED);
    part->code = code;
    part->error = strdup(error);
}

void part_park(struct part *part, uint64_t due_ms)
{
    resolve(part, PART_PARKED);
    if (part->job->due_ms < due_ms)
        part->job->due_ms = due_ms;
}

enum job_fate job_decide(const struct job *job)
{
    enum job_fate fate = JOB_DONE;

    REQUIRE(job->n_unresolved == 0);
    for (uint32_t i = 0; i < job->n_parts; i++) {
        if (job->parts[i].state == PART_PARKED)
            return JOB_LATER;
        if (job->parts[i].state == PART_FAILED)
            fate = JOB_FAILED;
    }
    return fate;
}
