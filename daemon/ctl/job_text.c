#include "daemon/ctl/job_text.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/ctl/pack.h"
#include "lib/utf8.h"
#include "proto/json_write.h"

static int check(const struct option_row *row, const char *value)
{
    char why[PACK_WHY_MAX];
    size_t len = strlen(value);
    size_t valid = pusher__utf8_prefix(value, len);
    if (valid < len)
        return ctl_fail(CTL_USAGE, "--%s: byte %zu is not UTF-8", row->name, valid + 1);
    bool is_json = row->form == FORM_JSON || (row->form == FORM_NAMES && value[0] == '[');
    if (is_json && pack_check_value(value, len, why) != 0)
        return ctl_fail(CTL_USAGE, "--%s is not valid JSON: %s", row->name, why);
    return CTL_DONE;
}

/* "a,b" as ["a","b"]; what begins with '[' is an array already, for names that have a comma. */
static void put_names(struct json_sink *sink, const char *names)
{
    if (names[0] == '[') {
        json_write_raw(sink, names, strlen(names));
        return;
    }
    json_write_raw(sink, "[", 1);
    for (const char *at = names;; at++) {
        size_t len = strcspn(at, ",");
        json_write_string(sink, (struct pusher_string){.ptr = at, .len = len});
        at += len;
        if (*at == '\0')
            break;
        json_write_raw(sink, ",", 1);
    }
    json_write_raw(sink, "]", 1);
}

static void put_value(struct json_sink *sink, enum option_form form, const char *value)
{
    if (form == FORM_JSON)
        json_write_raw(sink, value, strlen(value));
    else if (form == FORM_NAMES)
        put_names(sink, value);
    else
        json_write_string(sink, pusher_str(value));
}

static void put_field(struct json_sink *sink, const char *name, enum option_form form,
                      const char *value)
{
    if (!value)
        return;
    json_write_raw(sink, sink->len > 1 ? "," : "", sink->len > 1 ? 1 : 0);
    json_write_string(sink, pusher_str(name));
    json_write_raw(sink, ":", 1);
    put_value(sink, form, value);
}

static void put(struct json_sink *sink, const struct command_args *args, const char *app,
                const char *reply_to)
{
    const struct option_row *row;
    json_write_raw(sink, "{", 1);
    put_field(sink, "op", FORM_STRING, args->command->operation);
    put_field(sink, "app", FORM_STRING, app);
    put_field(sink, "replyTo", FORM_STRING, reply_to);
    for (size_t i = 0; (row = command_option(args->command, i)) != NULL; i++)
        if (row->field)
            put_field(sink, row->field, row->form, args->values[i]);
    json_write_raw(sink, "}", 1);
}

int job_text(const struct command_args *args, const char *app, const char *reply_to,
             char **ret_text, size_t *ret_len)
{
    const struct option_row *row;
    struct json_sink sink = JSON_SINK_COUNTS;
    for (size_t i = 0; (row = command_option(args->command, i)) != NULL; i++)
        if (row->field && args->values[i] && check(row, args->values[i]) != CTL_DONE)
            return CTL_USAGE;
    put(&sink, args, app, reply_to);
    char *text = malloc(sink.len + 1);
    if (!text)
        return ctl_fail(CTL_FAILED, "out of memory");
    sink = json_sink_into(text, sink.len);
    put(&sink, args, app, reply_to);
    text[sink.len] = '\0';
    *ret_text = text;
    *ret_len = sink.len;
    return CTL_DONE;
}
