/* An event is a small map of the same fields as a job, so it is read and converted in the same way,
 * but with an error of its own. The values were read before, as one: no syntax error is left. */
#include "proto/job_lists.h"

#define F(field) JOB_FIELD_BIT(JOB_FIELD_##field)

static enum job_code check_list(struct job_context *ctx, enum job_field field,
                                const struct value *value)
{
    if (value->kind != VALUE_ARRAY)
        return job_fail_kind(ctx, field, "an array", value);
    return value->n_items == 0 ? job_fail_field(ctx, field, "empty") : JOB_OK;
}

static enum job_code convert_each_channel(struct job_context *ctx, const struct value *value,
                                          struct pusher_string *channels)
{
    enum job_code code = JOB_OK;
    struct reader reader;
    struct value item;

    reader_enter(&reader, value);
    ctx->list = JOB_FIELD_CHANNELS;
    for (ctx->index = 0; code == JOB_OK && reader_next(&reader, NULL) == READER_ITEM;
         ctx->index++) {
        (void)reader_value(&reader, &item);
        code = job_convert_text(ctx, JOB_FIELD_CHANNEL, &item, &channels[ctx->index]);
    }
    ctx->list = JOB_FIELD_COUNT;
    return code;
}

enum job_code job_convert_channels(struct job_context *ctx, const struct value *value,
                                   struct job_spec *spec)
{
    enum job_code code = check_list(ctx, JOB_FIELD_CHANNELS, value);
    struct pusher_string *channels;

    if (code != JOB_OK)
        return code;
    channels = arena_alloc(ctx->arena, value->n_items * sizeof(*channels));
    if (!channels)
        return job_fail_memory(ctx, JOB_FIELD_CHANNELS);
    code = convert_each_channel(ctx, value, channels);
    if (code != JOB_OK)
        return code;
    spec->channels = channels;
    spec->n_channels = value->n_items;
    return JOB_OK;
}

static enum job_code convert_field(struct job_context *ctx, const struct job_members *members,
                                   enum job_field field, bool required,
                                   struct pusher_string *ret_text)
{
    if (job_members_has(members, field))
        return job_convert_text(ctx, field, &members->values[field], ret_text);
    return required ? job_fail_missing(ctx, field) : JOB_OK;
}

static void convert_members(struct job_context *ctx, const struct job_members *members,
                            struct job_spec_event *event)
{
    if (job_check_keys(ctx, members) == JOB_OK &&
        convert_field(ctx, members, JOB_FIELD_CHANNEL, true, &event->channel) == JOB_OK &&
        convert_field(ctx, members, JOB_FIELD_EVENT, true, &event->name) == JOB_OK &&
        convert_field(ctx, members, JOB_FIELD_DATA, true, &event->data) == JOB_OK &&
        convert_field(ctx, members, JOB_FIELD_SOCKET_ID, false, &event->socket_id) == JOB_OK &&
        convert_field(ctx, members, JOB_FIELD_INFO, false, &event->info) == JOB_OK)
        (void)job_check_unused(ctx, members,
                               F(CHANNEL) | F(EVENT) | F(DATA) | F(SOCKET_ID) | F(INFO));
}

/* The item in front of which `list` stands; moves behind it. */
static void convert_event(struct job_context *ctx, struct reader *list,
                          struct job_spec_event *event)
{
    struct reader reader = *list;

    if (reader_at_map(list)) {
        struct job_members members;
        (void)reader_open(&reader, VALUE_MAP);
        (void)job_members_read(&reader, &members);
        convert_members(ctx, &members, event);
    } else {
        struct value item;
        (void)reader_value(&reader, &item);
        (void)job_fail(ctx, JOB_INVALID, "events[%zu]: expected an object, got %s", ctx->index,
                       value_kind_name(item.kind));
    }
    list->at = reader.at;
}

static bool keep_error(struct job_context *ctx, struct job_spec_event *event)
{
    struct job_error *error;

    if (ctx->error->code == JOB_OK)
        return true;
    error = arena_alloc(ctx->arena, sizeof(*error));
    if (!error)
        return false;
    *error = *ctx->error;
    event->error = error;
    return true;
}

/* False without memory. */
static bool convert_each_event(const struct job_context *ctx, const struct value *value,
                               struct job_spec_event *events)
{
    struct job_context inner = *ctx;
    struct job_error error;
    struct reader reader;

    inner.error = &error;
    inner.list = JOB_FIELD_EVENTS;
    reader_enter(&reader, value);
    for (inner.index = 0; reader_next(&reader, NULL) == READER_ITEM; inner.index++) {
        struct job_spec_event *event = &events[inner.index];
        error.code = JOB_OK;
        *event = (struct job_spec_event){.error = NULL};
        convert_event(&inner, &reader, event);
        if (inner.out_of_memory || !keep_error(&inner, event))
            return false;
    }
    return true;
}

enum job_code job_convert_events(struct job_context *ctx, const struct value *value,
                                 struct job_spec *spec)
{
    enum job_code code = check_list(ctx, JOB_FIELD_EVENTS, value);
    struct job_spec_event *events;

    if (code != JOB_OK)
        return code;
    events = arena_alloc(ctx->arena, value->n_items * sizeof(*events));
    if (!events || !convert_each_event(ctx, value, events))
        return job_fail_memory(ctx, JOB_FIELD_EVENTS);
    spec->events = events;
    spec->n_events = value->n_items;
    return JOB_OK;
}
