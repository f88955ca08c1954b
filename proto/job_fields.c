/* Names are found by their length first: at most four share one. */
#include "proto/job_fields.h"

#include <stdbool.h>
#include <string.h>

#define LEN_MAX 16 /* of a field's name */

const struct job_field_row job_fields[JOB_FIELD_COUNT] = {
#define FIELD_ROW(field, name, kind, member)                                                       \
    [JOB_FIELD_##                                                                                  \
        field] = {name, sizeof(name) - 1, JOB_KIND_##kind, offsetof(struct job_spec, member)},
    JOB_FIELD_MAP(FIELD_ROW)
#undef FIELD_ROW
};

/* The first field whose name has that length or more. */
static const uint8_t first_of_len[LEN_MAX + 2] = {
    0,
    0,
    JOB_FIELD_OP,
    JOB_FIELD_APP,
    JOB_FIELD_INFO,
    JOB_FIELD_EVENT,
    JOB_FIELD_EVENTS,
    JOB_FIELD_CHANNEL,
    JOB_FIELD_CHANNELS,
    JOB_FIELD_DELIVER_AT,
    JOB_FIELD_CHANNEL_DATA,
    JOB_FIELD_CHANNEL_DATA,
    JOB_FIELD_FILTER_BY_PREFIX,
    JOB_FIELD_FILTER_BY_PREFIX,
    JOB_FIELD_FILTER_BY_PREFIX,
    JOB_FIELD_ADDITIONAL_TOKENS,
    JOB_FIELD_ADDITIONAL_TOKENS,
    JOB_FIELD_COUNT,
};

#define F(field)   JOB_FIELD_BIT(JOB_FIELD_##field)
#define NAME(name) name, sizeof(name) - 1

const struct job_op_row job_ops[JOB_OP_COUNT] = {
    [JOB_OP_NONE] = {NAME(""), 0, 0},
    [JOB_OP_TRIGGER_EVENT] = {NAME("triggerEvent"), F(CHANNEL) | F(EVENT) | F(DATA),
                              F(SOCKET_ID) | F(INFO)},
    [JOB_OP_TRIGGER_MULTIPLE_CHANNELS] = {NAME("triggerMultipleChannels"),
                                          F(CHANNELS) | F(EVENT) | F(DATA), F(SOCKET_ID) | F(INFO)},
    [JOB_OP_TRIGGER_BATCH] = {NAME("triggerBatch"), F(EVENTS), 0},
    [JOB_OP_SEND_TO_USER] = {NAME("sendToUser"), F(USER_ID) | F(EVENT) | F(DATA), 0},
    [JOB_OP_LIST_CHANNELS] = {NAME("listChannels"), 0, F(FILTER_BY_PREFIX) | F(INFO)},
    [JOB_OP_GET_CHANNEL] = {NAME("getChannel"), F(CHANNEL_NAME), F(INFO)},
    [JOB_OP_GET_CHANNEL_USERS] = {NAME("getChannelUsers"), F(CHANNEL_NAME), 0},
    [JOB_OP_AUTHENTICATE_USER] = {NAME("authenticateUser"), F(SOCKET_ID) | F(USER_DATA), 0},
    [JOB_OP_AUTHORIZE_CHANNEL] = {NAME("authorizeChannel"), F(SOCKET_ID) | F(CHANNEL),
                                  F(CHANNEL_DATA)},
    [JOB_OP_TERMINATE_USER_CONNECTIONS] = {NAME("terminateUserConnections"), F(USER_ID), 0},
    [JOB_OP_VALIDATE_WEBHOOK] = {NAME("validateWebhook"), F(HEADERS) | F(RAW_BODY),
                                 F(ADDITIONAL_TOKENS)},
    [JOB_OP_CREATE_SIGNED_QUERY_STRING] = {NAME("createSignedQueryString"), F(METHOD) | F(PATH),
                                           F(BODY) | F(PARAMS)},
    [JOB_OP_CUSTOM_GET] = {NAME("customGet"), F(PATH), F(PARAMS)},
    [JOB_OP_CUSTOM_POST] = {NAME("customPost"), F(PATH), F(PARAMS) | F(BODY)},
};

enum job_field job_field_find(const char *name, size_t len)
{
    if (len > LEN_MAX)
        return JOB_FIELD_COUNT;
    for (unsigned i = first_of_len[len]; i < first_of_len[len + 1]; i++) {
        if (job_fields[i].name[0] == name[0] && memcmp(job_fields[i].name, name, len) == 0)
            return (enum job_field)i;
    }
    return JOB_FIELD_COUNT;
}

enum job_op job_op_find(const char *name, size_t len)
{
    for (unsigned op = 1; op < JOB_OP_COUNT; op++) {
        if (job_ops[op].name_len == len && memcmp(job_ops[op].name, name, len) == 0)
            return (enum job_op)op;
    }
    return JOB_OP_NONE;
}
