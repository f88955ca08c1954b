/* Where JSON text is written to. What the text is, the tests of those who write it show. */
#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

#include "proto/json_write.h"

Test(json_write, fills_the_memory_that_was_counted)
{
    const char *text = "a\n\"\xff";
    char memory[32];
    struct json_sink sink = JSON_SINK_COUNTS;

    json_write_string(&sink, pusher_str(text));
    cr_assert_eq(sink.len, 10);
    sink = json_sink_into(memory, sink.len);
    json_write_string(&sink, pusher_str(text));
    cr_expect_eq(sink.len, 10);
    cr_expect_eq(memcmp(memory, "\"a\\n\\\"\xef\xbf\xbd\"", 10), 0);
}

/* A double is counted as the longest one. */
Test(json_write, may_need_less_than_was_counted)
{
    char memory[JSON_DOUBLE_MAX];
    struct json_sink sink = JSON_SINK_COUNTS;

    json_write_double(&sink, 0.5);
    cr_assert_eq(sink.len, JSON_DOUBLE_MAX);
    sink = json_sink_into(memory, sink.len);
    json_write_double(&sink, 0.5);
    cr_expect_eq(sink.len, 3);
}

/* Whose text grew between counting and writing. */
Test(json_write, ends_the_process_rather_than_write_behind_the_memory, .signal = SIGABRT)
{
    char memory[8];
    struct json_sink sink = json_sink_into(memory, 5);

    json_write_raw(&sink, "true", 4);
    json_write_raw(&sink, "\"}", 2);
}
