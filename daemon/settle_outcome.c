/* What is told of a job that is over: an entry in the stream of results or of failures, and the
 * reply that somebody may wait for. All of it, or nothing: where there is no memory for a text, the
 * call fails. */
#include <stdlib.h>
#include <string.h>

#include "daemon/settle.h"
#include "proto/json_write.h"
#include "proto/outcome.h"

/* ---- results */

static void write_text(struct json_sink *sink, const char *text)
{
    json_write_raw(sink, text, strlen(text));
}

/* {"channels":{...}} from the attributes of each channel, or {"batch":[...]} in the order of the
 * events. Channel names passed the check of libpusher: none needs escaping. */
static void write_channels(struct json_sink *sink, const struct delivery *delivery)
{
    const char *comma = "";

    write_text(sink, "{\"channels\":{");
    for (uint32_t i = 0; i < delivery->job.n_parts; i++) {
        const struct part *part = &delivery->job.parts[i];
        struct pusher_string name = delivery->item_names[part->first_item];

        if (!part->result)
            continue;
        write_text(sink, comma);
        comma = ",";
        if (part->alone) { /* {"a":{..},"b":{..}} of one request: its members */
            json_write_raw(sink, part->result + 1, strlen(part->result) - 2);
            continue;
        }
        write_text(sink, "\"");
        json_write_raw(sink, name.ptr, name.len);
        write_text(sink, "\":");
        write_text(sink, part->result);
    }
    write_text(sink, "}}");
}

static void write_batch(struct json_sink *sink, const struct delivery *delivery)
{
    write_text(sink, "{\"batch\":[");
    for (uint32_t i = 0; i < delivery->job.n_parts; i++) {
        const char *result = delivery->job.parts[i].result;

        write_text(sink, i ? "," : "");
        write_text(sink, result ? result : "{}");
    }
    write_text(sink, "]}");
}

static void write_info(struct json_sink *sink, const struct delivery *delivery)
{
    if (delivery->op == JOB_OP_TRIGGER_BATCH)
        write_batch(sink, delivery);
    else
        write_channels(sink, delivery);
}

/* Written twice: to learn its size, and into memory, which is the caller's: *ret_bytes. */
static struct pusher_string info_of(struct script_call *call, const struct delivery *delivery,
                                    char **ret_bytes)
{
    struct json_sink sink = JSON_SINK_COUNTS;

    write_info(&sink, delivery);
    sink = json_sink_into(malloc(sink.len), sink.len);
    *ret_bytes = sink.ptr;
    if (sink.ptr)
        write_info(&sink, delivery);
    else
        script_fail(call);
    return (struct pusher_string){sink.ptr, sink.len};
}

/* Absent if there is none. *ret_bytes: what of it is to be freed. */
static struct pusher_string result_of(struct script_call *call, const struct delivery *delivery,
                                      char **ret_bytes)
{
    const struct job *job = &delivery->job;

    if (job->fate != JOB_DONE)
        return (struct pusher_string){NULL, 0};
    if (delivery->is_duplicate)
        return pusher_str("{\"duplicate\":true}");
    if (delivery_is_trigger(delivery->op) && delivery->item_names)
        return info_of(call, delivery, ret_bytes);
    if (delivery_is_trigger(delivery->op) || job->n_parts == 0 || !job->parts[0].result)
        return (struct pusher_string){NULL, 0};
    return pusher_str(job->parts[0].result);
}

/* ---- outcomes */

/* The failed parts of several, an entry for each item; *ret_n counts them. NULL if there are none,
 * or when out of memory. */
static struct outcome_part *failed_items(struct script_call *call, const struct delivery *delivery,
                                         size_t *ret_n)
{
    const struct job *job = &delivery->job;
    struct outcome_part *parts;
    size_t n = 0;

    for (uint32_t i = 0; i < job->n_parts; i++)
        n += job->parts[i].state == PART_FAILED ? job->parts[i].n_items : 0;
    if (n == 0 || delivery->n_items <= 1)
        return NULL;
    parts = calloc(n, sizeof(*parts));
    if (!parts) {
        script_fail(call);
        return NULL;
    }
    *ret_n = n;
    n = 0;
    for (uint32_t i = 0; i < job->n_parts; i++) {
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

static struct outcome outcome_of(const struct delivery *delivery, struct pusher_string result)
{
    const struct job *job = &delivery->job;
    const struct part *part = first_failed(job);
    struct outcome outcome = {
        .id = delivery->id,
        .op = delivery->op_name,
        .app = delivery->app_name,
        .attempts = job->attempts,
        .ms = job->answered_ms - job->claimed_ms,
        .result = result,
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
    char *parts = NULL;
    size_t len = 0;

    if (outcome->n_parts > 0) {
        parts = outcome_parts_json(outcome->parts, outcome->n_parts, &len);
        if (!parts)
            script_fail(call);
    }
    script_arg(call, "F", 1);
    settle_add_claim_id(call, delivery);
    add_string(call, outcome->id);
    add_string(call, outcome->op);
    add_string(call, outcome->app);
    script_arg_text(call, outcome->code);
    script_arg_number(call, outcome->http);
    add_string(call, outcome->error);
    script_arg_number(call, outcome->attempts);
    script_arg(call, parts ? parts : "", len);
    free(parts);
}

static void add_reply(struct script_call *call, const struct delivery *delivery,
                      const struct outcome *outcome)
{
    char *json;
    size_t len;

    if (!delivery->reply_to.ptr)
        return;
    json = outcome_reply_json(outcome, &len);
    if (!json) {
        script_fail(call);
        return;
    }
    script_arg(call, "L", 1);
    add_string(call, delivery->reply_to);
    script_arg(call, json, len);
    free(json);
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
    char *result = NULL;
    struct outcome outcome = outcome_of(delivery, result_of(call, delivery, &result));
    struct outcome_part *parts = failed_items(call, delivery, &outcome.n_parts);

    outcome.parts = parts;
    if (is_done)
        add_done(call, settlement, delivery, &outcome);
    else
        add_failed(call, delivery, &outcome);
    add_reply(call, delivery, &outcome);
    if (!is_done)
        add_unseen(call, settlement, delivery);
    free(parts);
    free(result);
}
