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
/* Of the commands that are no operations. */
#define FILTER(name, value, help) {name, value, help, OPTION_PLAIN, FORM_NONE, NULL}
#define FLAG(name, help)          {name, NULL, help, OPTION_FLAG, FORM_NONE, NULL}
#define SINCE                     FILTER("since", "TIME", "not before this time")
#define UNTIL                     FILTER("until", "TIME", "not after this time")
#define JSON_FLAG                 FLAG("json", "JSON on a terminal, too")

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
         "it are on the list then, and N says how many. Empty lines are skipped. A signal ends it\n"
         "in good order: what was taken is on the list, and N counts it.\n",
     .options = {{"format", "F", "json (default): the bytes of the line; or msgpack", OPTION_PLAIN,
                  FORM_NONE, NULL}}},

    {.name = "status", .run = cmd_status,
     .summary = "show what stands in Redis: backlogs, claims, retries, outcomes, pauses",
     .details = "A table on a terminal, else JSON. With --list that one list, else every queue of\n"
                "the configuration. Held are jobs that were claimed and are not settled; in JSON they\n"
                "are in_flight of a queue or consumer, while that of a report counts requests.\n",
     .options = {JSON_FLAG}},

    {.name = "top", .run = cmd_top,
     .summary = "watch the daemons of a queue at work: rates, batches, latency, backlog, gates",
     .details = "Drawn again and again on a terminal: q quits, space looks at once. Elsewhere, or with\n"
                "--json, a JSON object a line. With --list that one list, else every queue of the\n"
                "configuration.\n",
     .options = {FILTER("interval", "SECONDS", "how often to look (2)"),
                 FILTER("count", "N", "look so many times, then end"), JSON_FLAG}},

    {.name = "failures", .run = cmd_failures, .max_rest = 10000,
     .rest = "list|show|replay|drop [STREAM_ID...]",
     .summary = "list the jobs that failed, show one, replay or drop them",
     .details =
         "  list    the last 20, the newest first; --follow goes on with those to come\n"
         "  show    one entry whole: that of a STREAM_ID, or the last one of --id\n"
         "  replay  put jobs back on the list; of a job that failed in part, only the parts that\n"
         "          failed are sent again. The entries are removed\n"
         "  drop    remove entries, and so the jobs\n"
         "replay and drop take STREAM_IDs, filters, or --all; --app NAME is a filter, too. TIME is\n"
         "unix milliseconds, or a time that long ago: 90s, 15m, 2h, 7d.\n",
     .options = {FILTER("code", "CODE", "only with this code, such as rejected"),
                 FILTER("op", "OP", "only of this operation, such as triggerEvent"),
                 FILTER("id", "ID", "only of the job with this id"),
                 SINCE, UNTIL,
                 FILTER("limit", "N", "list: at most so many (20); replay, drop: all"),
                 FLAG("oldest", "list: the oldest first"),
                 FLAG("follow", "list: go on with those to come, until Ctrl-C"),
                 FLAG("all", "replay, drop: every entry that there is now"),
                 FLAG("dry-run", "replay, drop: only count"),
                 FLAG("yes", "drop --all: do not ask"), JSON_FLAG}},

    {.name = "results", .run = cmd_results,
     .summary = "show the last jobs that succeeded, and with --follow those to come",
     .details = "With --follow, JSON is one object a line, until Ctrl-C; a connection that fails is\n"
                "opened again. --app NAME shows that app's only. TIME as for failures.\n",
     .options = {FLAG("follow", "go on with those to come"),
                 FILTER("limit", "N", "at most so many of those that are there (20)"),
                 FILTER("op", "OP", "only of this operation, such as triggerEvent"),
                 FILTER("id", "ID", "only of the job with this id"), SINCE, UNTIL, JSON_FLAG}},

    {.name = "pause", .run = cmd_pause,
     .summary = "pause a queue, or with --app one app of it: its jobs wait in Redis",
     .details = "What is in flight ends; nothing more is sent until it is resumed.\n",
     .options = {FILTER("reason", "TEXT", "for status to show"),
                 FLAG("force", "even if the configuration has no such app"), JSON_FLAG}},

    {.name = "resume", .run = cmd_pause,
     .summary = "let a paused queue, or with --app one app of it, go on", .options = {JSON_FLAG}},

    {.name = "fsck", .run = cmd_fsck,
     .summary = "count the jobs of a queue, and find those that are astray",
     .details = "May run while pusherd works. Exit status 1 if something is wrong, and was not\n"
                "repaired. With --list that one list, else every queue of the configuration.\n",
     .options = {FLAG("repair", "put what is astray back to where it is found"), JSON_FLAG}},

    {.name = "help", .run = cmd_help, .summary = "show this, or the help of a command",
     .max_rest = 1, .rest = "[COMMAND]"},
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
