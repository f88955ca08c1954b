#include "answer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct flavor flavors[] = {
    {.name = "hosted",
     .ok_body = "{}",
     .checks_time = true,
     .checks_names = true,
     .takes_empty_data = true,
     .gives_info = true,
     .max_event_bytes = 10240,
     .max_channels = 100},
    {.name = "soketi",
     .ok_body = "{\"ok\":true}",
     .errors_as_200 = true,
     .closes = true,
     .max_event_bytes = 100 * 1024,
     .max_channels = 100},
};

static const struct {
    unsigned status;
    const char *soketi_text;
} refusals[] = {
#define REFUSAL_ROW(name, status, text) {status, text},
    REFUSAL_MAP(REFUSAL_ROW)
#undef REFUSAL_ROW
};

const struct flavor *flavor_find(const char *name)
{
    for (size_t i = 0; i < sizeof(flavors) / sizeof(flavors[0]); i++) {
        if (strcmp(flavors[i].name, name) == 0) {
            return &flavors[i];
        }
    }
    return NULL;
}

void answer_deinit(struct answer *answer)
{
    free(answer->body);
    *answer = (struct answer){0};
}

static void set_body(struct answer *answer, unsigned status, char *body, bool json)
{
    free(answer->body);
    answer->status = status;
    answer->body = body;
    answer->len = strlen(body);
    answer->json = json;
}

void answer_json_text(struct answer *answer, unsigned status, char *body)
{
    set_body(answer, status, body, true);
}

void answer_json(struct answer *answer, unsigned status, const json_t *value)
{
    set_body(answer, status, json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY), true);
}

static char *format_line(const char *format, va_list args)
{
    char *text = NULL;
    char *line = NULL;
    if (vasprintf(&text, format, args) < 0 || asprintf(&line, "%s\n", text) < 0) {
        abort();
    }
    free(text);
    return line;
}

void answer_text(struct answer *answer, unsigned status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    set_body(answer, status, format_line(format, args), false);
    va_end(args);
}

void answer_ok(struct answer *answer, const struct flavor *flavor)
{
    set_body(answer, 200, strdup(flavor->ok_body), true);
}

static void refuse_as_soketi(struct answer *answer, enum refusal why)
{
    json_t *body = json_pack("{s:s, s:i}", "error", refusals[why].soketi_text, "code",
                             (int)refusals[why].status);
    answer_json(answer, why == REFUSE_NO_ROUTE ? 404 : 200, body);
    json_decref(body);
}

void answer_refuse(struct answer *answer, const struct flavor *flavor, enum refusal why,
                   const char *hosted_format, ...)
{
    answer->refused = true;
    answer->bad_signature = why == REFUSE_AUTH;
    if (flavor->errors_as_200) {
        refuse_as_soketi(answer, why);
        return;
    }
    va_list args;
    va_start(args, hosted_format);
    set_body(answer, refusals[why].status, format_line(hosted_format, args), false);
    va_end(args);
}
