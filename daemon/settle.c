/* The operations of the settle script, proto/scripts/settle.lua, one for each fate. */
#include "daemon/settle.h"

#include <stdlib.h>
#include <string.h>

#include "lib/decimal.h"
#include "lib/require.h"
#include "proto/record.h"

void settle_add_claim_id(struct script_call *call, const struct delivery *delivery)
{
    char id[DECIMAL_MAX];

    script_arg(call, id, decimal_write_padded(id, delivery->job.claim_id, 16));
}

static uint64_t to_unix(const struct settlement *settlement, uint64_t ms)
{
    return settlement->server_now_ms + ms - settlement->now_ms;
}

/* The header of a job that is to be claimed again, or goes on: with everything delivered so far. */
static void add_header(struct script_call *call, const struct settlement *settlement,
                       const struct delivery *delivery)
{
    const struct job *job = &delivery->job;
    size_t n_bytes = (delivery->n_items + 7) / 8;
    char *header = malloc(record_header_max(delivery->n_items) + n_bytes);
    uint8_t *delivered;
    bool any = false;
    uint64_t first_ms = delivery->first_ms;

    if (!header) { /* without it the job's history would be lost */
        script_fail(call);
        return;
    }
    delivered = (uint8_t *)header + record_header_max(delivery->n_items);
    memcpy(delivered, delivery->delivered, n_bytes);
    for (uint32_t i = 0; i < job->n_parts; i++) {
        const struct part *part = &job->parts[i];

        for (uint32_t k = 0; part->state == PART_DELIVERED && k < part->n_items; k++) {
            uint32_t item = delivery->items[part->first_item + k];

            delivered[item / 8] |= (uint8_t)(1u << (item % 8));
        }
    }
    for (size_t i = 0; i < n_bytes; i++)
        any |= delivered[i] != 0;
    if (first_ms == 0 && job->first_attempt_ms != 0)
        first_ms = to_unix(settlement, job->first_attempt_ms);
    script_arg(call, header,
               record_write_header(header, job->attempts, delivery->orphanings, first_ms,
                                   any ? delivered : NULL, delivery->n_items));
    free(header);
}

void settle_add(struct script_call *call, const struct settlement *settlement,
                const struct delivery *delivery)
{
    const struct job *job = &delivery->job;

    switch (job->fate) {
    case JOB_DONE:
    case JOB_FAILED:
        settle_add_outcome(call, settlement, delivery);
        break;
    case JOB_LATER:
        script_arg(call, "R", 1);
        settle_add_claim_id(call, delivery);
        script_arg_number(call, job->due_ms == 0 ? 0 : to_unix(settlement, job->due_ms));
        add_header(call, settlement, delivery);
        break;
    case JOB_PARKED:
        script_arg(call, "K", 1);
        settle_add_claim_id(call, delivery);
        add_header(call, settlement, delivery);
        script_arg_text(call, settlement->config->apps[job->app].name);
        break;
    case JOB_HANDED_BACK:
        if (delivery->orphanings > 0 || delivery->first_ms > 0) {
            script_arg(call, "R", 1);
            settle_add_claim_id(call, delivery);
            script_arg_number(call, 0);
            add_header(call, settlement, delivery);
        } else {
            script_arg(call, "B", 1);
            settle_add_claim_id(call, delivery);
        }
        break;
    case JOB_OPEN:
    case JOB_ABANDONED:
        REQUIRE(!"a job that is open or abandoned is not settled");
    }
}

void settle_add_progress(struct script_call *call, const struct settlement *settlement,
                         const struct delivery *delivery)
{
    script_arg(call, "P", 1);
    settle_add_claim_id(call, delivery);
    add_header(call, settlement, delivery);
}
