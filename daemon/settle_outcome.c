/* What is told of a job that is over: an entry in the stream of results or of failures, and the
 * reply that somebody may wait for. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/settle.h"
#include "proto/outcome.h"

/* ---- results */

struct text {
    char *bytes; /* owned; NULL when memory ran out */
    size_t len;
};

static void append(FILE *out, const char *bytes, size_t len)
{
    (void)fwrite(bytes, 1, len, out);
}

/* {"channels":{...}} from the attributes of each channel, or {"batch":[...]} in the order of the
 * events. Channel names passed the check of libpusher: none needs escaping. */
static void write_channels(FILE *out, const struct delivery *delivery)
{
    const char *comma = "";

    append(out, "{\"channels\":{", 13);
    for (uint32_t i = 0; i < delivery->job.n_parts; i++) {
        const struct part *part = &delivery->job.parts[i];
        struct pusher_string name = delivery->item_names[part->first_item];

        if (!part->result)
            continue;
        if (part->alone) /* {"a":{..},"b":{..}} of one request: its members */
            (void)fprintf(out, "%s%.*s", comma, (int)strlen(part->result) - 2, part->result + 1);
        else
            (void)fprintf(out, "%s\"%.*s\":%s", comma, (int)name.len, name.ptr, part->result);
        comma = ",";
    }
    append(out, "}}", 2);
}

static void write_batch(FILE *out, const struct delivery *delivery)
{
    append(out, "{\"batch\":[", 10);
    for (uint32_t i = 0; i < delivery->job.n_parts; i++) {
        const char *result = delivery->job.parts[i].result;

        (void)fprintf(out, "%s%s", i ? "," : "", result ? result : "{}");
    }
    append(out, "]}", 2);
}

static struct text result_of(const struct delivery *delivery)
{
    struct text text = {NULL, 0};
    FILE *out;

    if (delivery->is_duplicate) {
        text.bytes = strdup("{\"duplicate\":true}");
        text.len = text.bytes ? strlen(text.bytes) : 0;
        return text;
    }
    if (!delivery_is_trigger(delivery->op)) {
        const char *result = delivery->job.n_parts > 0 ? delivery->job.parts[0].result : NULL;

        text.bytes = result ? strdup(result) : NULL;
        text.len = text.bytes ? strlen(text.bytes) : 0;
        return text;
    }
    if (!delivery->item_names)
        return text;
    out = open_memstream(&text.bytes, &text.len);
    if (!out)
        return text;
    if (delivery->op == JOB_OP_TRIGGER_BATCH)
        write_batch(out, delivery);
    else
        write_channels(out, delivery);
    (void)fclose(out);
    return text;
}

/* ---- outcomes */

/* The failed parts, an entry for each item; *ret_n counts them. NULL when out of memory. */
static struct outcome_part *failed_items(const struct delivery *delivery, size_t *ret_n)
{
    const struct job *job = &delivery->job;
    struct outcome_part *parts;
    size_t n = 0;

    for (uint32_t i = 0; i < job->n_parts; i++)
        n += job->parts[i].state == PART_FAILED ? job->parts[i].n_items : 0;
    parts = calloc(n + 1, sizeof(*parts));
    *ret_n = n;
    n = 0;
    for (uint32_t i = 0; parts && i < job->n_parts; i++) {
        const struct part *part = &job->parts[i];

        for (uint32_t k = 0; part->state == PART_FAILED && k < part->n_items; k++)
            parts[n++] = (struct outcome_part){delivery->items[part->first_item + k], part->code,
                                               pusher_str(part->error ? part->error : "")};
    }
    return parts;
}

static const struct part *first_failed(const struct job *job)
{
    for (uint32_t i = 0; i < job->n_parts; i++) {
        if (job->parts[i].state == PART_FAILED)
            return &job->parts[i];
    }
    return NULL;
}

static struct outcome outcome_of(const struct delivery *delivery, struct text result)
{
    const struct job *job = &delivery->job;
    const struct part *part = first_failed(job);
    struct outcome outcome = {
        .id = delivery->id,
        .op = delivery->op_name,
        .app = delivery->app_name,
        .attempts = job->attempts,
        .ms = job->answered_ms - job->claimed_ms,
        .result = {result.bytes, result.len},
    };

    if (part) {
        outcome.code = part->code;
        outcome.error = pusher_str(part->error ? part->error : part->code);
    } else if (job->n_parts > 0) {
        part = &job->parts[0];
    }
    outcome.http = part ? part->http : 0;
    return outcome;
}

static void add_string(struct script_call *call, struct pusher_string text)
{
    script_arg(call, text.ptr ? text.ptr : "", text.len);
}

static void add_done(struct script_call *call, const struct settlement *settlement,
                     const struct delivery *delivery, const struct outcome *outcome)
{
    bool is_written = settlement->config->results_successes || outcome->result.ptr;

    script_arg(call, is_written ? (outcome->result.ptr ? "V" : "D") : "N", 1);
    settle_add_claim_id(call, delivery);
    if (!is_written)
        return;
    add_string(call, outcome->id);
    add_string(call, outcome->op);
    add_string(call, outcome->app);
    script_arg_number(call, outcome->http);
    script_arg_number(call, outcome->attempts);
    script_arg_number(call, outcome->ms);
    if (outcome->result.ptr)
        add_string(call, outcome->result);
}

static void add_failed(struct script_call *call, const struct delivery *delivery,
                       const struct outcome *outcome)
{
    struct text parts = {NULL, 0};

    if (delivery->n_items > 1 && outcome->n_parts > 0)
        parts.bytes = outcome_parts_json(outcome->parts, outcome->n_parts, &parts.len);
    script_arg(call, "F", 1);
    settle_add_claim_id(call, delivery);
    add_string(call, outcome->id);
    add_string(call, outcome->op);
    add_string(call, outcome->app);
    script_arg_text(call, outcome->code);
    script_arg_number(call, outcome->http);
    add_string(call, outcome->error);
    script_arg_number(call, outcome->attempts);
    script_arg(call, parts.bytes ? parts.bytes : "", parts.len);
    free(parts.bytes);
}

static void add_reply(struct script_call *call, const struct delivery *delivery,
                      const struct outcome *outcome)
{
    struct text json = {NULL, 0};

    if (!delivery->reply_to.ptr)
        return;
    json.bytes = outcome_reply_json(outcome, &json.len);
    if (json.bytes) {
        script_arg(call, "L", 1);
        add_string(call, delivery->reply_to);
        script_arg(call, json.bytes, json.len);
    }
    free(json.bytes);
}

/* What failed for good may be enqueued again. */
static void add_unseen(struct script_call *call, const struct settlement *settlement,
                       const struct delivery *delivery)
{
    if (!settlement->dedupes || !delivery->has_own_id)
        return;
    script_arg(call, "U", 1);
    add_string(call, delivery->id);
}

void settle_add_outcome(struct script_call *call, const struct settlement *settlement,
                        const struct delivery *delivery)
{
    bool is_done = delivery->job.fate == JOB_DONE;
    struct text result = is_done ? result_of(delivery) : (struct text){NULL, 0};
    struct outcome outcome = outcome_of(delivery, result);
    struct outcome_part *parts = NULL;

    if (!is_done) {
        parts = failed_items(delivery, &outcome.n_parts);
        outcome.parts = parts;
        outcome.n_parts = parts && delivery->n_items > 1 ? outcome.n_parts : 0;
    }
    if (is_done)
        add_done(call, settlement, delivery, &outcome);
    else
        add_failed(call, delivery, &outcome);
    add_reply(call, delivery, &outcome);
    if (!is_done)
        add_unseen(call, settlement, delivery);
    free(parts);
    free(result.bytes);
}
