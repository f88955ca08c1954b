#include "daemon/ctl/command.h"

#include <string.h>

#define REQUIRED_STRING OPTION_REQUIRED, FORM_STRING
#define REQUIRED_JSON   OPTION_REQUIRED, FORM_JSON
#define STRING          0, FORM_STRING
#define JSON            0, FORM_JSON

#define CHANNEL                                                                                    \
    {                                                                                              \
        "channel", "C", "the channel", REQUIRED_STRING, "channel"                                  \
    }
#define EVENT                                                                                      \
    {                                                                                              \
        "event", "E", "the name of the event", REQUIRED_STRING, "event"                            \
    }
#define DATA                                                                                       \
    {                                                                                              \
        "data", "D", "the data, sent as it is", REQUIRED_STRING, "data"                            \
    }
#define SOCKET_ID                                                                                  \
    {                                                                                              \
        "socket-id", "S", "a connection that shall not receive it", STRING, "socketId"             \
    }
#define SOCKET                                                                                     \
    {                                                                                              \
        "socket-id", "S", "the connection", REQUIRED_STRING, "socketId"                            \
    }
#define USER_ID                                                                                    \
    {                                                                                              \
        "user-id", "U", "the user", REQUIRED_STRING, "userId"                                      \
    }
#define INFO                                                                                       \
    {                                                                                              \
        "info", "I", "attributes to return: user_count,subscription_count", STRING, "info"         \
    }
#define NAME                                                                                       \
    {                                                                                              \
        "channel-name", "C", "the channel", REQUIRED_STRING, "channelName"                         \
    }
#define PATH                                                                                       \
    {                                                                                              \
        "path", "P", "the path behind /apps/ID, such as /channels", REQUIRED_STRING, "path"        \
    }
#define PARAMS                                                                                     \
    {                                                                                              \
        "params", "JSON", "parameters of the query, an object", JSON, "params"                     \
    }

/* clang-format off */
const struct command commands[] = {
    {.name = "trigger-event", .operation = "triggerEvent", .run = cmd_operation,
     .summary = "send an event to a channel",
     .options = {CHANNEL, EVENT, DATA, SOCKET_ID, INFO}},

    {.name = "trigger-multiple-channels", .operation = "triggerMultipleChannels",
     .run = cmd_operation, .summary = "send one event to several channels",
     .options = {{"channels", "A,B", "the channels", OPTION_REQUIRED, FORM_NAMES, "channels"},
                 EVENT, DATA, SOCKET_ID, INFO}},

    {.name = "trigger-batch", .operation = "triggerBatch", .run = cmd_operation,
     .summary = "send several events",
     .options = {{"events", "JSON", "an array of {channel, event, data, socketId?, info?}",
                  REQUIRED_JSON, "events"}}},

    {.name = "send-to-user", .operation = "sendToUser", .run = cmd_operation,
     .summary = "send an event to a signed-in user",
     .options = {USER_ID, EVENT, DATA}},

    {.name = "list-channels", .operation = "listChannels", .run = cmd_operation,
     .summary = "list the channels that are occupied",
     .options = {{"filter-by-prefix", "P", "only channels that begin so", STRING, "filterByPrefix"},
                 {"info", "I", "attributes to return: user_count", STRING, "info"}}},

    {.name = "get-channel", .operation = "getChannel", .run = cmd_operation,
     .summary = "show the state of a channel", .options = {NAME, INFO}},

    {.name = "get-channel-users", .operation = "getChannelUsers", .run = cmd_operation,
     .summary = "list the users of a presence channel", .options = {NAME}},

    {.name = "authenticate-user", .operation = "authenticateUser", .run = cmd_operation,
     .summary = "sign in a user: prints what the client needs",
     .options = {SOCKET, {"user-data", "JSON", "an object with a string \"id\", signed as it is",
                          REQUIRED_STRING, "userData"}}},

    {.name = "authorize-channel", .operation = "authorizeChannel", .run = cmd_operation,
     .summary = "let a connection into a channel: prints what the client needs",
     .options = {SOCKET, CHANNEL,
                 {"channel-data", "JSON", "of a presence channel, signed as it is", STRING,
                  "channelData"}}},

    {.name = "terminate-user-connections", .operation = "terminateUserConnections",
     .run = cmd_operation, .summary = "close all connections of a user", .options = {USER_ID}},

    {.name = "validate-webhook", .operation = "validateWebhook", .run = cmd_operation,
     .summary = "check the signature of a webhook: exit status 1 if it is not valid",
     .options = {{"headers", "JSON", "an object, its keys in lower case", REQUIRED_JSON, "headers"},
                 {"raw-body", "BODY", "the body, byte for byte", REQUIRED_STRING, "rawBody"},
                 {"additional-tokens", "JSON", "an array of {key, secret}", JSON,
                  "additionalTokens"}}},

    {.name = "create-signed-query-string", .operation = "createSignedQueryString",
     .run = cmd_operation, .summary = "sign a request of your own: prints the query string",
     .options = {{"method", "M", "GET, POST, ...", REQUIRED_STRING, "method"},
                 {"path", "P", "the whole path, such as /apps/3/events", REQUIRED_STRING, "path"},
                 {"body", "B", "the body, byte for byte", STRING, "body"}, PARAMS}},

    {.name = "custom-get", .operation = "customGet", .run = cmd_operation,
     .summary = "GET any path of the API", .options = {PATH, PARAMS}},

    {.name = "custom-post", .operation = "customPost", .run = cmd_operation,
     .summary = "POST to any path of the API",
     .options = {PATH, PARAMS, {"body", "JSON", "the body, byte for byte", STRING, "body"}}},

    {.name = "enqueue", .run = cmd_enqueue,
     .summary = "put jobs from standard input on the list: JSON objects, one a line",
     .details =
         "Prints {\"enqueued\":N}. Stops at the first line that is not a JSON object; those before\n"
         "it are on the list then, and N says how many. Empty lines are skipped.\n",
     .options = {{"format", "F", "json (default): the bytes of the line; or msgpack", OPTION_PLAIN,
                  FORM_NONE, NULL}}},

    {.name = "status", .run = cmd_status,
     .summary = "show what stands in Redis: backlogs, claims, retries, outcomes",
     .details = "A table on a terminal, else JSON. With --list that one list, else every queue of\n"
                "the configuration.\n",
     .options = {{"json", NULL, "JSON on a terminal, too", OPTION_FLAG, FORM_NONE, NULL}}},

    {.name = "help", .run = cmd_help, .summary = "show this, or the help of a command",
     .max_rest = 1},
};

const struct option_row operation_options[] = {
    {"queue", NULL, "put the job on the list, wait for its outcome, print that", OPTION_FLAG,
     FORM_NONE, NULL},
    {"wait", "SECONDS", "with --queue: how long to wait for it (30)", OPTION_PLAIN, FORM_NONE,
     NULL},
    {.name = NULL},
};
/* clang-format on */

const size_t n_commands = sizeof commands / sizeof commands[0];

const struct command *command_find(const char *name)
{
    for (size_t i = 0; i < n_commands; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

const struct option_row *command_option(const struct command *command, size_t i)
{
    size_t own = 0;
    while (command->options[own].name)
        own++;
    if (i < own)
        return &command->options[i];
    const struct option_row *shared = operation_options;
    for (size_t left = i - own; command->operation && shared->name; left--, shared++)
        if (left == 0)
            return shared;
    return NULL;
}

const char *command_value(const struct command_args *args, const char *name)
{
    const struct option_row *row;
    for (size_t i = 0; (row = command_option(args->command, i)) != NULL; i++)
        if (strcmp(row->name, name) == 0)
            return args->values[i];
    return NULL;
}
