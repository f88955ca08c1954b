/* What failures, results, status, pause and fsck print and read: text for terminals, times, jobs,
 * headers.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/ctl/ctl.h"
#include "daemon/ctl/names.h"
#include "daemon/ctl/span.h"
#include "daemon/ctl/status.h"
#include "daemon/ctl/stream.h"
#include "daemon/view/job_view.h"
#include "daemon/view/replay_header.h"
#include "daemon/view/text.h"
#include "proto/json_write.h"
#include "proto/record.h"
#include "proto/text_out.h"

#define BYTES(literal) ((struct pusher_string){literal, sizeof(literal) - 1})

/* What a printer writes, in a static buffer. */
static const char *clean(struct pusher_string text, size_t columns)
{
    static char buf[256];
    buf[0] = '\0'; /* where nothing is written, nothing is changed */
    FILE *out = fmemopen(buf, sizeof buf, "w");
    text_clean(out, text, columns);
    fclose(out);
    return buf;
}

static const char *compact(const char *json)
{
    static char buf[256];
    buf[0] = '\0'; /* where nothing is written, nothing is changed */
    FILE *out = fmemopen(buf, sizeof buf, "w");
    text_json_compact(out, pusher_str(json));
    fclose(out);
    return buf;
}

static void expect_json(const char *text, size_t len)
{
    char wanted[2048], *got;
    size_t n;
    struct json_sink sink = json_sink_into(wanted, sizeof(wanted));
    struct text_out file;
    json_write_string(&sink, (struct pusher_string){text, len});
    text_json(text_out_open(&file), (struct pusher_string){text, len});
    got = text_out_close(&file, &n);
    cr_assert(got);
    cr_assert_eq(n, sink.len, "%zu bytes of text: %s", len, got);
    cr_assert_eq(memcmp(got, wanted, n), 0, "%zu bytes of text: %s", len, got);
    free(got);
}

/* It is written in pieces, which must not show. */
Test(ctl_text, json_of_a_long_text_is_that_of_a_short_one)
{
    static const char *const kinds[] = {"a",
                                        "\x01",
                                        "\"\\",
                                        "ż",
                                        "€",
                                        "\xf0\x9f\x98\x80",
                                        "\x80",
                                        "\xf0\x9f\x98",
                                        "a\xe2\x82"
                                        "b"};
    for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
        char text[300];
        size_t n = strlen(kinds[k]);
        for (size_t i = 0; i < sizeof(text); i++)
            text[i] = kinds[k][i % n];
        for (size_t len = 0; len <= sizeof(text); len++)
            expect_json(text, len);
    }
}

Test(ctl_text, steers_no_terminal)
{
    cr_expect_str_eq(clean(BYTES("a\x1b[31mb\x07\r\n\tc\xc2\x9b"
                                 "d\x7f\xff"),
                           80),
                     "a?[31mb?   c?d??");
    cr_expect_str_eq(clean(pusher_str("żółw €"), 80), "żółw €");
}

/* What is shown of this text between "<" and ">". */
static const char *between(const char *hidden)
{
    char text[64];
    snprintf(text, sizeof text, "<%s>", hidden);
    return clean(pusher_str(text), 80);
}

Test(ctl_text, hides_nothing_from_its_reader)
{
    static const char *const hidden[] = {
        "\u00ad",   "\u034f",     "\u061c",     "\u115f",     "\u17b4",     "\u180e",
        "\u200b",   "\u200c",     "\u200d",     "\u200e",     "\u200f",     "\u2028",
        "\u2029",   "\u202a",     "\u202e",     "\u2060",     "\u2064",     "\u2066",
        "\u2069",   "\u206f",     "\u3164",     "\ufe0f",     "\ufeff",     "\uffa0",
        "\ufff9",   "\U0001d173", "\U000e0001", "\U000e0041", "\U000e007f", "\U000e01ef",
        "\xc2\x80", "\xc2\x9f",
    };
    for (size_t i = 0; i < sizeof hidden / sizeof hidden[0]; i++)
        cr_expect_str_eq(between(hidden[i]), "<?>", "%zu: %s", i, between(hidden[i]));
}

Test(ctl_text, lets_through_what_is_seen)
{
    static const char *const seen[] = {"\u00a0", "¡",      "ü",      "\u0301", "ש",
                                       "ش",      "中",     "\u2010", "\u2027", "\u202f",
                                       "\u205f", "\u2070", "\ufffd", "😀",      "\U000e1000"};
    for (size_t i = 0; i < sizeof seen / sizeof seen[0]; i++)
        cr_expect_eq(strlen(between(seen[i])), strlen(seen[i]) + 2, "%zu", i);
}

Test(ctl_text, is_cut_between_characters)
{
    cr_expect_str_eq(clean(pusher_str("12345678"), 8), "12345678");
    cr_expect_str_eq(clean(pusher_str("123456789"), 8), "12345...");
    cr_expect_str_eq(clean(pusher_str("żółwżółwż"), 8), "żółwż...");
    cr_expect_str_eq(clean(pusher_str(""), 8), "");
}

Test(ctl_text, of_json_loses_nothing_but_white_space)
{
    cr_expect_str_eq(compact(" { \"a b\" : [ 1.00 ,\n\t\"x \\\" y\\\\\" ] , \"c\" : \"\\\\\" } "),
                     "{\"a b\":[1.00,\"x \\\" y\\\\\"],\"c\":\"\\\\\"}");
}

Test(ctl_text, times_and_durations)
{
    char text[TEXT_TIME_MAX];
    text_time(1795516639776, false, text);
    cr_expect_str_eq(text, "2026-11-24T10:37:19.776Z");
    text_time(UINT64_MAX, false, text);
    cr_expect_str_eq(text, "18446744073709551615");
    text_duration(999, text);
    cr_expect_str_eq(text, "999 ms");
    text_duration(7300000, text);
    cr_expect_str_eq(text, "2 h");
}

/* Names come from Redis, and whoever may write there has chosen them. */
Test(ctl_status, of_names_that_would_steer_a_terminal)
{
    struct parked_status parked = {.app = (char[]){"a\x1b]0;x\x07"}, .jobs = 3};
    struct consumer_status consumer = {.name = (char[]){"h\x1b[2J\n\xe2\x80\xaey"}, .held = 2};
    struct queue_status queue = {.name = "q",
                                 .list = "l\x1b[31m",
                                 .parked = &parked,
                                 .n_parked = 1,
                                 .consumers = &consumer,
                                 .n_consumers = 1};
    char buf[1024] = "";
    FILE *out = fmemopen(buf, sizeof buf, "w");
    status_print_table(&queue, 1, out);
    fclose(out);
    cr_expect_null(strchr(buf, '\x1b'), "%s", buf);
    cr_expect(strstr(buf, "\nl?[31m                            0"), "%s", buf);
    cr_expect(strstr(buf, "\n  app a?]0;x?: 3 jobs parked\n"), "%s", buf);
    cr_expect(strstr(buf, "\n  consumer h?[2J ?y               2 held, "), "%s", buf);
}

static void print_report(const char *report, int64_t lease_ms, char *ret_text, size_t size)
{
    struct consumer_status consumer = {
        .name = (char[]){"c"}, .lease_ms = lease_ms, .report = json_loads(report, 0, NULL)};
    struct queue_status queue = {
        .name = "q", .list = "l", .consumers = &consumer, .n_consumers = 1};
    FILE *out = fmemopen(ret_text, size, "w");
    status_print_table(&queue, 1, out);
    fclose(out);
    json_decref(consumer.report);
}

Test(ctl_status, of_apps_that_may_not_send_says_why)
{
    static const char report[] =
        "{\"gates\":[{\"app\":\"a\",\"cause\":\"refused\","
        "\"text\":\"no\\u001b[2J\"},{\"app\":\"b\",\"cause\":\"down\",\"text\":"
        "\"\"},3],\"more_gates\":2}";
    char buf[1024] = "";
    print_report(report, 1, buf, sizeof buf);
    cr_expect(strstr(buf, "\n    app a may not send: refused: no?[2J\n"), "%s", buf);
    cr_expect(strstr(buf, "\n    app b may not send: down: ?\n"), "%s", buf);
    cr_expect(strstr(buf, "\n    app ? may not send: ?: ?\n"), "%s", buf);
    cr_expect(strstr(buf, "\n    and 2 more apps may not send\n"), "%s", buf);
    print_report(report, -1, buf, sizeof buf); /* it is gone, or hangs */
    cr_expect(!strstr(buf, "may not send"), "%s", buf);
}

Test(ctl_span, reads_times_and_so_long_ago)
{
    uint64_t ms = 1;
    cr_expect_eq(span_time("since", "1700000000000", 0, &ms), CTL_DONE);
    cr_expect_eq(ms, 1700000000000);
    cr_expect_eq(span_time("since", "15m", 1000000, &ms), CTL_DONE);
    cr_expect_eq(ms, 100000);
    cr_expect_eq(span_time("since", "999999999999999w", 1000000, &ms), CTL_DONE);
    cr_expect_eq(ms, 0);
    cr_expect_eq(span_time("since", NULL, 0, &ms), CTL_DONE);
    static const char *const bad[] = {"", "m", "1x", "-1s", "1 s", "9999999999999999", "1.5h"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_expect_eq(span_time("since", bad[i], 0, &ms), CTL_USAGE, "%s", bad[i]);
}

Test(ctl_stream, reads_ids_of_entries)
{
    char id[STREAM_ID_MAX];
    cr_expect(stream_id_read("12-3", id));
    cr_expect_str_eq(id, "12-3");
    cr_expect(stream_id_read("12", id));
    cr_expect_str_eq(id, "12-0");
    static const char *const bad[] = {"",      "-", "1-",   "-1",   "1-x",
                                      "1-2-3", "+", "(1-1", " 1-1", "111111111111111111111-1"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_expect_not(stream_id_read(bad[i], id), "%s", bad[i]);
}

static void expect_view(struct pusher_string bytes, enum job_view_format format, const char *text)
{
    struct arena arena;
    struct job_view view;
    arena_init(&arena, 1 << 20);
    cr_assert_eq(job_view(bytes, &arena, &view), 0);
    cr_expect_eq(view.format, format, "%s", job_view_format_name(view.format));
    cr_expect(view.text.len == strlen(text) && memcmp(view.text.ptr, text, view.text.len) == 0,
              "%.*s", (int)view.text.len, view.text.ptr);
    arena_deinit(&arena);
}

Test(ctl_job_view, tells_what_the_bytes_are)
{
    expect_view(BYTES("{\"a\": 1.0}"), JOB_VIEW_JSON, "{\"a\": 1.0}");
    expect_view(BYTES("\x81\xa1\x61\xa1\x62"), JOB_VIEW_MSGPACK, "{\"a\":\"b\"}");
    expect_view(BYTES("[1]"), JOB_VIEW_TEXT, "[1]");
    expect_view(BYTES("{\"a\":"), JOB_VIEW_TEXT, "{\"a\":");
    expect_view(BYTES(""), JOB_VIEW_TEXT, "");
    expect_view(BYTES("\x81\xa1\x61\xc4\x01\x62"), JOB_VIEW_RAW, "gaFhxAFi");
    expect_view(BYTES("\xff\xfe\0"), JOB_VIEW_RAW, "//4A");
}

#define EVENT   "{\"channel\":\"c\",\"event\":\"e\",\"data\":\"\"}"
#define EVENTS3 "{\"events\":[" EVENT "," EVENT "," EVENT "]}"

/* The header for these parts of a job, in a static buffer; "!" if there is none. */
static const char *header(const char *job, const char *parts)
{
    static char buf[256];
    char why[REPLAY_WHY_MAX], *text = NULL;
    struct arena arena;
    arena_init(&arena, 1 << 20);
    int rc = replay_header(pusher_str(job), pusher_str(parts), &arena, &text, why);
    snprintf(buf, sizeof buf, "%s", rc == 0 ? text : "!");
    free(text);
    arena_deinit(&arena);
    return buf;
}

Test(ctl_replay_header, marks_all_parts_but_those_that_failed)
{
    cr_expect_str_eq(header(EVENTS3, "[{\"index\":1}]"), "0:0:0:50:");
    cr_expect_str_eq(header(EVENTS3, "[{\"index\":0},{\"index\":1},{\"index\":2}]"), "");
    cr_expect_str_eq(header("{\"channels\":[\"a\",\"b\",\"c\",\"d\",\"e\",\"f\",\"g\",\"h\",\"i\"],"
                            "\"event\":\"e\",\"data\":\"\"}",
                            "[{\"index\":8}]"),
                     "0:0:0:ff00:");
}

/* As the daemon will read it. */
Test(ctl_replay_header, is_one_of_a_record)
{
    struct record record;
    char text[64];
    snprintf(text, sizeof text, "%sjob", header(EVENTS3, "[{\"index\":2}]"));
    cr_assert_eq(record_read(text, strlen(text), &record), 0);
    cr_expect(record_is_delivered(record.progress, 0));
    cr_expect(record_is_delivered(record.progress, 1));
    cr_expect_not(record_is_delivered(record.progress, 2));
    cr_expect_not(record_is_delivered(record.progress, 3));
    cr_expect_eq(record.attempts + record.orphanings + record.first_ms, 0);
}

Test(ctl_replay_header, is_refused_for_parts_of_another_job)
{
    static const char *const bad[] = {
        "[{\"index\":3}]", "[{\"index\":-1}]", "[{\"index\":\"1\"}]", "[]", "{}", "", "[1]",
        "[{\"index\":1}"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_expect_str_eq(header(EVENTS3, bad[i]), "!", "%s", bad[i]);
    cr_expect_str_eq(header(EVENT, "[{\"index\":0}]"), "!");
    cr_expect_str_eq(header("nonsense", "[{\"index\":0}]"), "!");
}

Test(ctl_names, are_sorted_and_there_once)
{
    struct names names = {.n = 0};
    static const char *const given[] = {"b", "a", "b", "c", "a"};
    for (size_t i = 0; i < 5; i++)
        cr_assert_eq(names_add(&names, given[i], 1), 0);
    names_sort(&names);
    cr_assert_eq(names.n, 3);
    cr_expect_str_eq(names.items[0], "a");
    cr_expect_str_eq(names.items[2], "c");
    names_deinit(&names);
}
