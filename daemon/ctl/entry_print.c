#include "daemon/ctl/entry_print.h"

#include <inttypes.h>
#include <string.h>

#include "daemon/view/job_view.h"
#include "daemon/view/text.h"

#define ARENA_MAX ((size_t)2 << 30)
#define UNCUT     SIZE_MAX

void entry_printer_init(struct entry_printer *printer, FILE *out, enum entry_style style)
{
    *printer = (struct entry_printer){.out = out, .style = style};
    arena_init(&printer->arena, ARENA_MAX);
}

void entry_printer_finish(struct entry_printer *printer, bool is_all)
{
    if (printer->style == ENTRY_JSON_ARRAY && (printer->n > 0 || is_all))
        fputs(printer->n > 0 ? "]\n" : "[]\n", printer->out);
    arena_deinit(&printer->arena);
}

void entry_print_json(struct entry_printer *printer, const struct stream_entry *entry)
{
    entry_json(printer->out, entry, &printer->arena);
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
        entry_json(printer->out, entry, &printer->arena);
        if (printer->style == ENTRY_JSON_LINES)
            fputc('\n', printer->out);
    }
    printer->n++;
}

void entry_print_whole(struct entry_printer *printer, const struct stream_entry *entry)
{
    print_for_people(printer, entry, UNCUT);
}
