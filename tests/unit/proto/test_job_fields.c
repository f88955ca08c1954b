/* Every field of every operation, missing, null, and of every wrong type, in both formats. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "job_examples.h"
#include "job_fixture.h"

/* Letters of the types below that a field takes. */
static const struct {
    const char *name, *takes;
} fields[] = {
    {"id", "si"},         {"app", "s"},       {"replyTo", "s"}, {"orderKey", "s"},
    {"expiresAt", "i"},   {"deliverAt", "i"}, {"channel", "s"}, {"event", "s"},
    {"data", "nbidsaoO"}, {"socketId", "s"},  {"info", "s"},    {"userId", "si"},
    {"channelName", "s"}, {"channels", ""},   {"events", ""},   {"filterByPrefix", "s"},
    {"userData", "soO"},  {"method", "s"},    {"path", "s"},    {"channelData", "bidsaoO"},
    {"params", "soO"},    {"headers", "soO"}, {"rawBody", "s"}, {"additionalTokens", "sa"},
    {"body", "bidsaoO"},
};

static const struct {
    char letter;
    const char *json;
} types[] = {{'b', "true"}, {'i', "1"},  {'d', "1.5"},      {'s', "\"s\""},
             {'a', "[]"},   {'o', "{}"}, {'O', "{\"a\":1}"}};

static const char *const required[JOB_OP_COUNT] = {
    [JOB_OP_TRIGGER_EVENT] = " channel event data ",
    [JOB_OP_TRIGGER_MULTIPLE_CHANNELS] = " channels event data ",
    [JOB_OP_TRIGGER_BATCH] = " events ",
    [JOB_OP_SEND_TO_USER] = " userId event data ",
    [JOB_OP_LIST_CHANNELS] = " ",
    [JOB_OP_GET_CHANNEL] = " channelName ",
    [JOB_OP_GET_CHANNEL_USERS] = " channelName ",
    [JOB_OP_AUTHENTICATE_USER] = " socketId userData ",
    [JOB_OP_AUTHORIZE_CHANNEL] = " socketId channel ",
    [JOB_OP_TERMINATE_USER_CONNECTIONS] = " userId ",
    [JOB_OP_VALIDATE_WEBHOOK] = " headers rawBody ",
    [JOB_OP_CREATE_SIGNED_QUERY_STRING] = " method path ",
    [JOB_OP_CUSTOM_GET] = " path ",
    [JOB_OP_CUSTOM_POST] = " path ",
};

static const char *takes(const char *name)
{
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        if (strcmp(fields[i].name, name) == 0)
            return fields[i].takes;
    }
    return NULL;
}

static bool is_required(int op, const char *name)
{
    char padded[64];

    snprintf(padded, sizeof(padded), " %s ", name);
    return strstr(required[op], padded);
}

/* What decoding gives for the example with one field set to `json`, or without it. */
static struct job decode_with(int op, const char *name, const char *json, bool msgpack)
{
    json_t *element = json_loads(job_examples[op], 0, NULL);
    struct job job;
    char *text;

    if (json)
        json_object_set_new(element, name, json_loads(json, JSON_DECODE_ANY, NULL));
    else
        json_object_del(element, name);
    text = json_dumps(element, JSON_COMPACT);
    job = msgpack ? job_decode_msgpack_of(text) : job_decode_text(text);
    free(text);
    json_decref(element);
    return job;
}

/* `error` is what the text begins with, or NULL if the job is right. */
static void assert_outcome(int op, const char *name, const char *json, const char *error)
{
    for (int msgpack = 0; msgpack < 2; msgpack++) {
        struct job job = decode_with(op, name, json, msgpack);
        cr_assert_eq(job.code, error ? JOB_INVALID : JOB_OK, "%s %s=%s: %s", job_op_name(op), name,
                     json, job.error.text);
        if (error)
            cr_assert_eq(strncmp(job.error.text, error, strlen(error)), 0, "%s", job.error.text);
        job_free(&job);
    }
}

/* Calls `check` for each field of each example. */
static void for_each_field(void (*check)(int op, const char *name))
{
    for (int op = 1; op < JOB_OP_COUNT; op++) {
        json_t *element = json_loads(job_examples[op], 0, NULL);
        void *at = json_object_iter(element);
        for (; at; at = json_object_iter_next(element, at)) {
            const char *name = json_object_iter_key(at);
            if (takes(name))
                check(op, name);
        }
        json_decref(element);
    }
}

static void check_types(int op, const char *name)
{
    char error[64];

    snprintf(error, sizeof(error), "%s: ", name);
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        assert_outcome(op, name, types[i].json,
                       strchr(takes(name), types[i].letter) ? NULL : error);
}

Test(job_fields, take_the_types_they_should_and_no_other)
{
    for_each_field(check_types);
}

static void check_absence(int op, const char *name)
{
    char missing[64];

    snprintf(missing, sizeof(missing), "%s is missing", name);
    assert_outcome(op, name, NULL, is_required(op, name) ? missing : NULL);
    if (strcmp(name, "data") != 0)
        assert_outcome(op, name, "null", is_required(op, name) ? missing : NULL);
}

Test(job_fields, that_are_required_are_missed_and_no_other)
{
    for_each_field(check_absence);
}

/* One of the fields in msgpack, encoded as `bytes`. */
static void assert_msgpack_fails(const char *name, const char *bytes, size_t len, const char *error)
{
    char element[256], *at = element;
    struct job job;

    at = stpcpy(at, "\x82\xa2op\xactriggerEvent");
    *at++ = (char)(0xa0 | strlen(name));
    at = stpcpy(at, name);
    memcpy(at, bytes, len);
    job = job_decode(element, (size_t)(at - element) + len);
    cr_assert_eq(job.code, JOB_INVALID);
    cr_assert_str_eq(job.error.text, error);
    job_free(&job);
}

Test(job_fields, of_text_take_no_binary_data_and_no_extension)
{
    assert_msgpack_fails("id", "\xc4\x01x", 3,
                         "id: expected a string or an integer, got binary data");
    assert_msgpack_fails("app", "\xc4\x01x", 3, "app: expected a string, got binary data");
    assert_msgpack_fails("replyTo", "\xd4\x01x", 3,
                         "replyTo: expected a string, got an extension type");
    assert_msgpack_fails("expiresAt", "\xd6\xff\x00\x00\x00\x01", 6,
                         "expiresAt: expected an integer, got an extension type");
    assert_msgpack_fails("app",
                         "\xa2"
                         "a\xff",
                         3, "app: byte 23 is not UTF-8");
    assert_msgpack_fails("id", "\xa1\xff", 2, "id: byte 21 is not UTF-8");
}
