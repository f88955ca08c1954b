#include "daemon/ctl/entry_print.h"

#include <inttypes.h>
#include <string.h>

#include "daemon/ctl/job_view.h"
#include "daemon/ctl/text.h"
#include "proto/reader.h"

#define ARENA_MAX ((size_t)2 << 30)
#define UNCUT     SIZE_MAX

void entry_printer_init(struct entry_printer *printer, FILE *out, enum entry_style style)
{
    *printer = (struct entry_printer){.out = out, .style = style};
    arena_init(&printer->arena, ARENA_MAX);
}

void entry_printer_finish(struct entry_printer *printer)
{
    if (printer->style == ENTRY_JSON_ARRAY)
        fputs(printer->n > 0 ? "]\n" : "[]\n", printer->out);
    arena_deinit(&printer->arena);
}

/* A number as pusherd writes them: it may stand in JSON as it is. */
static bool is_number(struct pusher_string text)
{
    return text.len > 0 && text.len <= 19 && strspn(text.ptr, "0123456789") >= text.len &&
           (text.ptr[0] != '0' || text.len == 1);
}

static bool is_json(struct pusher_string text)
{
    struct reader reader;
    struct value value;
    reader_init(&reader, READER_JSON, text.ptr, text.len);
    return reader_value(&reader, &value) == 0 && reader_finish(&reader) == 0 && !value.flaw.at;
}

static bool is_one_of(const char *name, const char *const *names)
{
    while (*names && strcmp(*names, name) != 0)
        names++;
    return *names != NULL;
}

static void print_job(struct entry_printer *printer, struct pusher_string bytes)
{
    struct job_view view;
    FILE *out = printer->out;
    arena_reset(&printer->arena);
    if (job_view(bytes, &printer->arena, &view) != 0) {
        fputs("\"format\":\"raw\",\"job\":null", out);
        return;
    }
    fprintf(out, "\"format\":\"%s\",\"job%s\":", job_view_format_name(view.format),
            view.format == JOB_VIEW_RAW ? "_base64" : "");
    if (view.format == JOB_VIEW_JSON || view.format == JOB_VIEW_MSGPACK)
        text_json_compact(out, view.text);
    else
        text_json(out, view.text);
}

static void print_field(struct entry_printer *printer, const char *name, struct pusher_string value)
{
    static const char *const numbers[] = {"http", "attempts", "ms", NULL};
    static const char *const json[] = {"result", "parts", NULL};
    if (strcmp(name, "job") == 0) {
        print_job(printer, value);
        return;
    }
    text_json(printer->out, pusher_str(name));
    fputc(':', printer->out);
    if (is_one_of(name, numbers) && is_number(value))
        fwrite(value.ptr, 1, value.len, printer->out);
    else if (is_one_of(name, json) && is_json(value))
        text_json_compact(printer->out, value);
    else
        text_json(printer->out, value);
}

static void print_object(struct entry_printer *printer, const struct stream_entry *entry)
{
    const redisReply *fields = entry->fields;
    char time[TEXT_TIME_MAX];
    text_time(entry->unix_ms, false, time);
    fprintf(printer->out, "{\"stream_id\":\"%s\",\"time\":\"%s\",\"time_ms\":%" PRIu64, entry->id,
            time, entry->unix_ms);
    for (size_t i = 0; i + 1 < fields->elements; i += 2) {
        const redisReply *name = fields->element[i], *value = fields->element[i + 1];
        if (name->type != REDIS_REPLY_STRING || value->type != REDIS_REPLY_STRING)
            continue;
        fputc(',', printer->out);
        print_field(printer, name->str, (struct pusher_string){value->str, value->len});
    }
    fputc('}', printer->out);
}

void entry_print_json(struct entry_printer *printer, const struct stream_entry *entry)
{
    print_object(printer, entry);
    fputc('\n', printer->out);
}

static void print_text(FILE *out, const struct stream_entry *entry, const char *before,
                       const char *name)
{
    struct pusher_string value = stream_field(entry, name);
    if (!value.ptr || value.len == 0)
        return;
    fputs(before, out);
    text_clean(out, value, 48);
}

/* "TIME  STREAM ID  code 400  op app  id X  3 attempts  12 ms" */
static void print_head(FILE *out, const struct stream_entry *entry)
{
    char time[TEXT_TIME_MAX];
    struct pusher_string http = stream_field(entry, "http");
    text_time(entry->unix_ms, true, time);
    fprintf(out, "%s  %-18s", time, entry->id);
    print_text(out, entry, "  ", "code");
    if (http.ptr && strcmp(http.ptr, "0") != 0)
        print_text(out, entry, "  HTTP ", "http");
    print_text(out, entry, "  ", "op");
    print_text(out, entry, "  app ", "app");
    print_text(out, entry, "  id ", "id");
    print_text(out, entry, "  attempts ", "attempts");
    print_text(out, entry, "  ms ", "ms");
    fputc('\n', out);
}

static void print_line(FILE *out, const char *name, struct pusher_string value, size_t columns)
{
    int used = fprintf(out, "  %-8s ", name);
    size_t left = columns > (size_t)used + 8 ? columns - (size_t)used : 8;
    text_clean(out, value, columns == UNCUT ? UNCUT : left);
    fputc('\n', out);
}

static void print_job_line(struct entry_printer *printer, struct pusher_string bytes,
                           size_t columns)
{
    struct job_view view;
    char name[16] = "job";
    arena_reset(&printer->arena);
    if (job_view(bytes, &printer->arena, &view) != 0)
        view = (struct job_view){JOB_VIEW_TEXT, pusher_str("(too large to show)")};
    if (view.format == JOB_VIEW_MSGPACK || view.format == JOB_VIEW_RAW)
        snprintf(name, sizeof name, "%s", view.format == JOB_VIEW_RAW ? "base64" : "msgpack");
    print_line(printer->out, name, view.text, columns);
}

static void print_for_people(struct entry_printer *printer, const struct stream_entry *entry,
                             size_t columns)
{
    static const char *const names[] = {"error", "parts", "result"};
    struct pusher_string job = stream_field(entry, "job");
    print_head(printer->out, entry);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct pusher_string value = stream_field(entry, names[i]);
        if (value.ptr && value.len > 0)
            print_line(printer->out, names[i], value, columns);
    }
    if (job.ptr)
        print_job_line(printer, job, columns);
}

void entry_print(struct entry_printer *printer, const struct stream_entry *entry)
{
    if (printer->style == ENTRY_PEOPLE) {
        print_for_people(printer, entry, text_columns(printer->out));
    } else {
        if (printer->style == ENTRY_JSON_ARRAY)
            fputs(printer->n > 0 ? ",\n " : "[", printer->out);
        print_object(printer, entry);
        if (printer->style == ENTRY_JSON_LINES)
            fputc('\n', printer->out);
    }
    printer->n++;
}

void entry_print_whole(struct entry_printer *printer, const struct stream_entry *entry)
{
    print_for_people(printer, entry, UNCUT);
}
