/* Each operation's fields, and that both formats say the same. */
#include <criterion/criterion.h>

#include "job_examples.h"
#include "job_fixture.h"

static struct job decoded(int op)
{
    struct job job = job_decode_text(job_examples[op]);

    cr_assert_eq(job.code, JOB_OK, "%s: %s", job_op_name(op), job.error.text);
    cr_assert_eq(job.spec.op, (enum job_op)op);
    return job;
}

static bool same_text(struct pusher_string a, struct pusher_string b)
{
    if (!a.ptr || !b.ptr)
        return a.ptr == b.ptr;
    return a.len == b.len && memcmp(a.ptr, b.ptr, a.len) == 0;
}

static bool same_event(const struct job_spec_event *a, const struct job_spec_event *b)
{
    if (a->error || b->error)
        return a->error && b->error && strcmp(a->error->text, b->error->text) == 0;
    return same_text(a->channel, b->channel) && same_text(a->name, b->name) &&
           same_text(a->data, b->data) && same_text(a->socket_id, b->socket_id) &&
           same_text(a->info, b->info);
}

static bool same_lists(const struct job_spec *a, const struct job_spec *b)
{
    if (a->n_channels != b->n_channels || a->n_events != b->n_events)
        return false;
    for (size_t i = 0; i < a->n_channels; i++) {
        if (!same_text(a->channels[i], b->channels[i]))
            return false;
    }
    for (size_t i = 0; i < a->n_events; i++) {
        if (!same_event(&a->events[i], &b->events[i]))
            return false;
    }
    return true;
}

static bool same_spec(const struct job_spec *a, const struct job_spec *b)
{
    return a->op == b->op && a->expires_at_ms == b->expires_at_ms &&
           a->deliver_at_ms == b->deliver_at_ms && same_text(a->op_name, b->op_name) &&
           same_text(a->id, b->id) && same_text(a->app, b->app) &&
           same_text(a->reply_to, b->reply_to) && same_text(a->order_key, b->order_key) &&
           same_text(a->event, b->event) && same_text(a->data, b->data) &&
           same_text(a->socket_id, b->socket_id) && same_text(a->info, b->info) &&
           same_text(a->channel, b->channel) && same_text(a->user_id, b->user_id) &&
           same_text(a->channel_name, b->channel_name) &&
           same_text(a->filter_by_prefix, b->filter_by_prefix) &&
           same_text(a->user_data, b->user_data) && same_text(a->channel_data, b->channel_data) &&
           same_text(a->method, b->method) && same_text(a->path, b->path) &&
           same_text(a->params, b->params) && same_text(a->body, b->body) &&
           same_text(a->headers, b->headers) && same_text(a->raw_body, b->raw_body) &&
           same_text(a->additional_tokens, b->additional_tokens) && same_lists(a, b);
}

Test(job_ops, say_the_same_in_both_formats)
{
    for (int op = 1; op < JOB_OP_COUNT; op++) {
        struct job json = decoded(op), msgpack = job_decode_msgpack_of(job_examples[op]);
        cr_assert_eq(msgpack.code, JOB_OK, "%s: %s", job_op_name(op), msgpack.error.text);
        cr_assert(same_spec(&json.spec, &msgpack.spec), "%s", job_op_name(op));
        job_free(&json);
        job_free(&msgpack);
    }
}

Test(job_ops, share_their_common_fields)
{
    for (int op = 1; op < JOB_OP_COUNT; op++) {
        struct job job = decoded(op);
        cr_assert(text_is(job.spec.op_name, job_op_name(op)));
        cr_assert(text_is(job.spec.id, "j1") && text_is(job.spec.app, "main"));
        cr_assert(text_is(job.spec.reply_to, "r") && text_is(job.spec.order_key, "k"));
        cr_assert_eq(job.spec.expires_at_ms, 1700000000000);
        cr_assert_eq(job.spec.deliver_at_ms, 1);
        job_free(&job);
    }
}

Test(job_ops, that_trigger_have_channels_event_and_data)
{
    struct job one = decoded(JOB_OP_TRIGGER_EVENT);
    struct job many = decoded(JOB_OP_TRIGGER_MULTIPLE_CHANNELS);
    struct job user = decoded(JOB_OP_SEND_TO_USER);

    cr_assert(text_is(one.spec.channel, "c") && text_is(one.spec.event, "e"));
    cr_assert(text_is(one.spec.data, "{\"a\":[1,2.5]}"));
    cr_assert(text_is(one.spec.socket_id, "1.2") && text_is(one.spec.info, "user_count"));
    cr_assert_eq(many.spec.n_channels, 2);
    cr_assert(text_is(many.spec.channels[1], "b") && text_is(many.spec.data, "d\xc3\xa9"));
    cr_assert(text_is(many.spec.socket_id, "1.2") && text_is(many.spec.info, "user_count"));
    cr_assert(text_is(user.spec.user_id, "u") && text_is(user.spec.data, "[true,false]"));
    job_free(&one);
    job_free(&many);
    job_free(&user);
}

Test(job_ops, that_batch_have_events)
{
    struct job job = decoded(JOB_OP_TRIGGER_BATCH);
    const struct job_spec_event *events = job.spec.events;

    cr_assert_eq(job.spec.n_events, 3);
    cr_assert(text_is(events[0].channel, "a") && text_is(events[0].data, "null"));
    cr_assert(text_is(events[0].socket_id, "1.2") && text_is(events[0].info, "user_count"));
    cr_assert_str_eq(events[1].error->text, "events[1]: data is missing");
    cr_assert_str_eq(events[2].error->text, "events[2]: expected an object, got a number");
    job_free(&job);
}

Test(job_ops, that_ask_have_their_questions)
{
    struct job list = decoded(JOB_OP_LIST_CHANNELS), get = decoded(JOB_OP_GET_CHANNEL);
    struct job users = decoded(JOB_OP_GET_CHANNEL_USERS);

    cr_assert(text_is(list.spec.filter_by_prefix, "presence-"));
    cr_assert(text_is(list.spec.info, "user_count"));
    cr_assert(text_is(get.spec.channel_name, "c") && text_is(get.spec.info, "user_count"));
    cr_assert(text_is(users.spec.channel_name, "presence-c"));
    job_free(&list);
    job_free(&get);
    job_free(&users);
}

Test(job_ops, that_sign_have_what_is_signed)
{
    struct job user = decoded(JOB_OP_AUTHENTICATE_USER);
    struct job channel = decoded(JOB_OP_AUTHORIZE_CHANNEL);
    struct job query = decoded(JOB_OP_CREATE_SIGNED_QUERY_STRING);

    cr_assert(text_is(user.spec.socket_id, "1.2"));
    cr_assert(text_is(user.spec.user_data, "{\"id\":\"u\"}"));
    cr_assert(text_is(channel.spec.channel, "presence-c"));
    cr_assert(text_is(channel.spec.channel_data, "{\"user_id\":\"u\"}"));
    cr_assert(text_is(query.spec.method, "GET") && text_is(query.spec.path, "/p"));
    cr_assert(text_is(query.spec.body, "b") && text_is(query.spec.params, "{\"a\":1}"));
    job_free(&user);
    job_free(&channel);
    job_free(&query);
}

Test(job_ops, that_are_left_have_theirs)
{
    struct job terminate = decoded(JOB_OP_TERMINATE_USER_CONNECTIONS);
    struct job webhook = decoded(JOB_OP_VALIDATE_WEBHOOK);
    struct job get = decoded(JOB_OP_CUSTOM_GET), post = decoded(JOB_OP_CUSTOM_POST);

    cr_assert(text_is(terminate.spec.user_id, "12"));
    cr_assert(text_is(webhook.spec.headers, "{\"x-pusher-key\":\"k\"}"));
    cr_assert(text_is(webhook.spec.raw_body, "{}"));
    cr_assert(text_is(webhook.spec.additional_tokens, "[{\"key\":\"k\",\"secret\":\"s\"}]"));
    cr_assert(text_is(get.spec.path, "/p") && text_is(get.spec.params, "{\"a\":\"b\"}"));
    cr_assert(text_is(post.spec.params, "{}") && text_is(post.spec.body, "{\"x\":[1]}"));
    job_free(&terminate);
    job_free(&webhook);
    job_free(&get);
    job_free(&post);
}

/* JSON that arrives in a string is that string: it is signed as the bytes that are returned. */
Test(job_ops, take_json_in_a_string_as_it_is)
{
    static const char element[] = "{\"op\":\"authorizeChannel\",\"socketId\":\"1.2\","
                                  "\"channel\":\"c\",\"channelData\":\"{\\\"a\\\" :1}\"}";
    struct job jobs[] = {job_decode_text(element), job_decode_msgpack_of(element)};

    for (int i = 0; i < 2; i++) {
        cr_assert(text_is(jobs[i].spec.channel_data, "{\"a\" :1}"));
        job_free(&jobs[i]);
    }
}
