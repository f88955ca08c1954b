/* A job of every operation, with every field it can have. */
#ifndef TESTS_UNIT_PROTO_JOB_EXAMPLES_H
#define TESTS_UNIT_PROTO_JOB_EXAMPLES_H

#include "proto/job_spec.h"

#define JOB_EXAMPLE(op, fields)                                                                    \
    "{\"op\":\"" op "\",\"id\":\"j1\",\"app\":\"main\",\"replyTo\":\"r\",\"orderKey\":\"k\","      \
    "\"expiresAt\":1700000000000,\"deliverAt\":1,\"extra\":[{}],\n" fields "}"

static const char *const job_examples[JOB_OP_COUNT] = {
    [JOB_OP_TRIGGER_EVENT] =
        JOB_EXAMPLE("triggerEvent", "\"channel\":\"c\",\"event\":\"e\",\"data\":{\"a\":[1,2.5]},"
                                    "\"socketId\":\"1.2\",\"info\":\"user_count\""),
    [JOB_OP_TRIGGER_MULTIPLE_CHANNELS] =
        JOB_EXAMPLE("triggerMultipleChannels", "\"channels\":[\"a\",\"b\"],\"event\":\"e\","
                                               "\"data\":\"d\\u00e9\",\"socketId\":\"1.2\","
                                               "\"info\":\"user_count\""),
    [JOB_OP_TRIGGER_BATCH] =
        JOB_EXAMPLE("triggerBatch", "\"events\":[{\"channel\":\"a\",\"event\":\"e\",\"data\":null,"
                                    "\"socketId\":\"1.2\",\"info\":\"user_count\"},"
                                    "{\"channel\":\"b\",\"event\":\"e\"},7]"),
    [JOB_OP_SEND_TO_USER] =
        JOB_EXAMPLE("sendToUser", "\"userId\":\"u\",\"event\":\"e\",\"data\":[true,false]"),
    [JOB_OP_LIST_CHANNELS] =
        JOB_EXAMPLE("listChannels", "\"filterByPrefix\":\"presence-\",\"info\":\"user_count\""),
    [JOB_OP_GET_CHANNEL] =
        JOB_EXAMPLE("getChannel", "\"channelName\":\"c\",\"info\":\"user_count\""),
    [JOB_OP_GET_CHANNEL_USERS] = JOB_EXAMPLE("getChannelUsers", "\"channelName\":\"presence-c\""),
    [JOB_OP_AUTHENTICATE_USER] =
        JOB_EXAMPLE("authenticateUser", "\"socketId\":\"1.2\",\"userData\":{\"id\":\"u\"}"),
    [JOB_OP_AUTHORIZE_CHANNEL] =
        JOB_EXAMPLE("authorizeChannel", "\"socketId\":\"1.2\",\"channel\":\"presence-c\","
                                        "\"channelData\":{\"user_id\":\"u\"}"),
    [JOB_OP_TERMINATE_USER_CONNECTIONS] = JOB_EXAMPLE("terminateUserConnections", "\"userId\":12"),
    [JOB_OP_VALIDATE_WEBHOOK] =
        JOB_EXAMPLE("validateWebhook", "\"headers\":{\"x-pusher-key\":\"k\"},\"rawBody\":\"{}\","
                                       "\"additionalTokens\":[{\"key\":\"k\",\"secret\":\"s\"}]"),
    [JOB_OP_CREATE_SIGNED_QUERY_STRING] =
        JOB_EXAMPLE("createSignedQueryString", "\"method\":\"GET\",\"path\":\"/p\",\"body\":\"b\","
                                               "\"params\":{\"a\":1}"),
    [JOB_OP_CUSTOM_GET] = JOB_EXAMPLE("customGet", "\"path\":\"/p\",\"params\":{\"a\":\"b\"}"),
    [JOB_OP_CUSTOM_POST] =
        JOB_EXAMPLE("customPost", "\"path\":\"/p\",\"params\":{},\"body\":{\"x\":[1]}"),
};

#endif
