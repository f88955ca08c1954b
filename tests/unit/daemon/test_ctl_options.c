/* The command line: rows of options, values from files, and the job that they make. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/ctl/job_text.h"
#include "daemon/ctl/options.h"
#include "proto/job_spec.h"
#include "tests/unit/daemon/ctl_fixture.h"

TestSuite(ctl_options, .fini = fixture_end);

#define MAX_WORDS 20

/* Reads words up to NULL, the first being the command. */
static int read_words(struct ctl *ctl, struct command_args *args, const char *word, ...)
{
    static char words[MAX_WORDS][256];
    char *argv[MAX_WORDS + 1];
    int argc = 0;
    va_list list;
    va_start(list, word);
    for (; word; word = va_arg(list, const char *)) {
        cr_assert_lt(argc, MAX_WORDS);
        argv[argc] = words[argc];
        strcpy(words[argc++], word);
    }
    va_end(list);
    argv[argc] = NULL;
    const struct command *command = command_find(argv[0]);
    cr_assert_not_null(command, "no command %s", argv[0]);
    return options_read(argc, argv, command, ctl, args);
}

/* The job that the words make, in a static buffer. */
#define JOB(...) job_of(__VA_ARGS__, NULL)
static const char *job_of(const char *command, const char *a, const char *b, const char *c,
                          const char *d, const char *e, const char *f, ...)
{
    static char text[4096];
    struct ctl ctl = {.out = stdout};
    struct command_args args;
    char *job;
    size_t len;
    cr_assert_eq(read_words(&ctl, &args, command, a, b, c, d, e, f, NULL), OPTIONS_RUN);
    cr_assert_eq(job_text(&args, NULL, NULL, &job, &len), CTL_DONE);
    snprintf(text, sizeof text, "%s", job);
    free(job);
    options_free(&args);
    return text;
}

Test(ctl_options, takes_global_options_behind_the_command_too)
{
    struct ctl ctl = {.out = stdout};
    struct command_args args;
    cr_assert_eq(read_words(&ctl, &args, "status", "--redis=redis://h", "--json", "--list", "l",
                            "--config", "f", "--app-json", "j", "--app", "a", NULL),
                 OPTIONS_RUN);
    cr_expect_str_eq(ctl.redis_url, "redis://h");
    cr_expect_str_eq(ctl.list, "l");
    cr_expect_str_eq(ctl.config_file, "f");
    cr_expect_str_eq(ctl.app_json_file, "j");
    cr_expect_str_eq(ctl.app_name, "a");
    cr_expect_not_null(command_value(&args, "json"));
    options_free(&args);
    ctl_deinit(&ctl);
}

/* What stands in argv, every user of the machine can read. */
Test(ctl_options, wipes_the_address_of_redis_from_the_command_line)
{
    char global[] = "--redis=redis://:first@h", word[] = "--redis", url[] = "redis://:second@h";
    char name[] = "pusherctl", command[] = "status";
    char *argv[] = {name, global, word, url, command, NULL};
    struct ctl ctl = {.out = stdout};
    int next;
    cr_assert_eq(options_read_global(5, argv, &ctl, &next), OPTIONS_RUN);
    cr_expect_str_eq(ctl.redis_url, "redis://:second@h");
    cr_expect_str_eq(global, "--redis=xxxxxxxxxxxxxxxx");
    cr_expect_str_eq(url, "xxxxxxxxxxxxxxxxx");
    ctl_deinit(&ctl);
}

Test(ctl_options, stops_reading_global_options_at_the_command)
{
    char words[][16] = {"pusherctl", "--list", "l", "status", "--json"};
    char *argv[] = {words[0], words[1], words[2], words[3], words[4], NULL};
    struct ctl ctl = {.out = stdout};
    int next;
    cr_expect_eq(options_read_global(5, argv, &ctl, &next), OPTIONS_RUN);
    cr_expect_eq(next, 3);
    cr_expect_str_eq(ctl.list, "l");
}

Test(ctl_options, refuses_what_makes_no_command)
{
    struct ctl ctl = {.out = stdout};
    struct command_args args;
    cr_expect_eq(read_words(&ctl, &args, "get-channel", NULL), CTL_USAGE);
    cr_expect_eq(read_words(&ctl, &args, "get-channel", "--chanel-name", "c", NULL), CTL_USAGE);
    cr_expect_eq(read_words(&ctl, &args, "get-channel", "--channel-name", NULL), CTL_USAGE);
    cr_expect_eq(read_words(&ctl, &args, "get-channel", "--channel-name", "c", "more", NULL),
                 CTL_USAGE);
    cr_expect_eq(
        read_words(&ctl, &args, "get-channel", "--channel-name", "c", "--channel-name", "c", NULL),
        CTL_USAGE);
    cr_expect_eq(read_words(&ctl, &args, "get-channel", "--channel-name", "@/none/x", NULL),
                 CTL_USAGE);
    cr_expect_eq(read_words(&ctl, &args, "get-channel", "--help", NULL), OPTIONS_HELP);
    cr_expect_eq(read_words(&ctl, &args, "get-channel", "-h", NULL), OPTIONS_HELP);
    cr_expect_eq(read_words(&ctl, &args, "get-channel", "--version", NULL), OPTIONS_VERSION);
}

Test(ctl_options, reads_values_from_files_byte_for_byte)
{
    char at[160];
    snprintf(at, sizeof at, "@%s", fixture_path("value", " d\n"));
    cr_expect_str_eq(JOB("trigger-event", "--channel=c", "--event=@@e", "--data", at, NULL, NULL),
                     "{\"op\":\"triggerEvent\",\"channel\":\"c\",\"event\":\"@e\",\"data\":\" "
                     "d\\n\"}");
}

Test(ctl_options, leaves_the_data_of_an_event_a_string)
{
    cr_expect_str_eq(
        JOB("trigger-event", "--channel=c", "--event=e", "--data={\"a\": 1.0}", "--socket-id=1.2",
            "--info=user_count", NULL),
        "{\"op\":\"triggerEvent\",\"channel\":\"c\",\"event\":\"e\",\"data\":\"{\\\"a\\\": "
        "1.0}\",\"socketId\":\"1.2\",\"info\":\"user_count\"}");
}

Test(ctl_options, makes_an_array_of_channels)
{
    cr_expect(strstr(JOB("trigger-multiple-channels", "--channels=a,b", "--event=e", "--data=d",
                         NULL, NULL, NULL),
                     "\"channels\":[\"a\",\"b\"],"));
    cr_expect(strstr(JOB("trigger-multiple-channels", "--channels=[\"a,b\"]", "--event=e",
                         "--data=d", NULL, NULL, NULL),
                     "\"channels\":[\"a,b\"],"));
}

Test(ctl_options, embeds_json_as_it_is)
{
    cr_expect_str_eq(JOB("trigger-batch", "--events=[ 1.0 ]", NULL, NULL, NULL, NULL, NULL),
                     "{\"op\":\"triggerBatch\",\"events\":[ 1.0 ]}");
}

Test(ctl_options, refuses_json_and_text_that_is_none)
{
    struct ctl ctl = {.out = stdout};
    struct command_args args;
    char *job;
    size_t len;
    cr_assert_eq(read_words(&ctl, &args, "trigger-batch", "--events=[", NULL), OPTIONS_RUN);
    cr_expect_eq(job_text(&args, NULL, NULL, &job, &len), CTL_USAGE);
    cr_assert_eq(read_words(&ctl, &args, "get-channel", "--channel-name=\xff", NULL), OPTIONS_RUN);
    cr_expect_eq(job_text(&args, NULL, NULL, &job, &len), CTL_USAGE);
}

/* A value that suits every option of operations. */
static const char *sample(const struct option_row *row)
{
    if (row->form != FORM_JSON)
        return "\"x\"";
    bool is_array = strcmp(row->name, "events") == 0 || strcmp(row->name, "additional-tokens") == 0;
    return is_array ? "[]" : "{}";
}

Test(ctl_options, make_a_job_that_can_be_read_of_every_operation_with_all_its_options)
{
    size_t n_operations = 0;
    for (size_t i = 0; i < n_commands; i++) {
        struct command_args args = {.command = &commands[i]};
        const struct option_row *row;
        struct arena arena;
        struct job_spec spec;
        struct job_error error;
        char *job;
        size_t len;
        if (!commands[i].operation)
            continue;
        n_operations++;
        for (size_t j = 0; (row = command_option(&commands[i], j)) != NULL; j++)
            args.values[j] = row->field ? sample(row) : NULL;
        cr_assert_eq(job_text(&args, "app", "reply", &job, &len), CTL_DONE);
        arena_init(&arena, 1 << 20);
        enum job_code code = job_spec_decode(job, len, &arena, &spec, &error);
        bool is_empty_batch = strcmp(commands[i].name, "trigger-batch") == 0;
        cr_expect(code == JOB_OK || is_empty_batch, "%s: %s: %s", commands[i].name, job,
                  error.text);
        cr_expect_str_eq(job_op_name(spec.op), commands[i].operation);
        cr_expect(spec.app.len == 3 && spec.reply_to.len == 5);
        arena_deinit(&arena);
        free(job);
    }
    cr_expect_eq(n_operations, JOB_OP_COUNT - 1);
}

Test(ctl_options, fit_their_table)
{
    for (size_t i = 0; i < n_commands; i++) {
        size_t n = 0;
        while (command_option(&commands[i], n))
            n++;
        cr_expect_lt(n, COMMAND_MAX_OPTIONS, "%s", commands[i].name);
    }
}
