/* Operations called directly: the built program against one answer, and vectors of the protocol.
 * Vectors: Pusher's documentation and the tests of pusher-http-node and pusher-http-go. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/unit/daemon/ctl_fixture.h"

TestSuite(ctl_direct, .init = fixture_setenv_app, .fini = fixture_end, .timeout = 60);

static struct run run;

#define expect(wanted_status, wanted_out)                                                          \
    do {                                                                                           \
        cr_expect_eq(run.status, wanted_status, "status %d: %s", run.status, run.err);             \
        cr_expect_str_eq(run.out, wanted_out);                                                     \
    } while (0)

#define expect_error(text) cr_expect(strstr(run.err, text), "%s", run.err)

Test(ctl_direct, sends_a_signed_event)
{
    fixture_setenv("PUSHER_AUTH_TIMESTAMP=1353088179");
    fixture_api("200 OK", "{}\n");
    fixture_run(&run, NULL, "trigger-event", "--channel", "c", "--event", "e", "--data",
                "{\"a\":1}", NULL);
    const char *request = fixture_api_request();
    expect(0, "{}\n");
    cr_expect(strncmp(request,
                      "POST /apps/3/events?auth_key=278d425bdf160c739803&auth_timestamp="
                      "1353088179&auth_version=1.0&body_md5=",
                      100) == 0,
              "%s", request);
    cr_expect(strstr(request, "{\\\"a\\\":1}"), "%s", request);
}

Test(ctl_direct, prints_what_was_asked_for)
{
    fixture_api("200 OK", "{\"occupied\":true,\"user_count\":42}");
    fixture_run(&run, NULL, "get-channel", "--channel-name", "presence-x", "--info", "user_count",
                NULL);
    cr_expect(strstr(fixture_api_request(), "GET /apps/3/channels/presence-x?"));
    expect(0, "{\"occupied\":true,\"user_count\":42}\n");
}

Test(ctl_direct, takes_a_custom_path_with_parameters)
{
    fixture_api("200 OK", "{\"channels\":{}}");
    fixture_run(&run, NULL, "custom-get", "--path", "/channels", "--params",
                "{\"filter_by_prefix\":\"a b\",\"n\":1}", NULL);
    const char *request = fixture_api_request();
    cr_expect(strstr(request, "GET /apps/3/channels?"), "%s", request);
    cr_expect(strstr(request, "filter_by_prefix=a%20b&n=1"), "%s", request);
    expect(0, "{\"channels\":{}}\n");
}

Test(ctl_direct, says_what_is_wrong_without_steering_the_terminal)
{
    fixture_run(&run, NULL, "--app", "a\x1b]0;b\x07\u202e\xff\nc", "get-channel", "--channel-name",
                "c", NULL);
    cr_expect_eq(run.status, 78);
    expect_error("pusherctl: there is no app a?]0;b??? c in the configuration\n");
}

Test(ctl_direct, fails_with_1_when_the_api_refuses)
{
    fixture_api("400 Bad Request", "Users can only be retrieved for presence channels\n");
    fixture_run(&run, NULL, "get-channel-users", "--channel-name", "c", NULL);
    fixture_api_request();
    expect(1, "");
    expect_error("Users can only be retrieved for presence channels");
}

Test(ctl_direct, fails_with_1_before_anything_is_sent)
{
    fixture_run(&run, NULL, "trigger-event", "--channel", "a b", "--event", "e", "--data", "d",
                NULL);
    expect(1, "");
    expect_error("pusherctl: invalid_channel: ");
}

Test(ctl_direct, fails_with_64_for_usage)
{
    fixture_run(&run, NULL, "trigger-event", "--channel", "c", NULL);
    expect(64, "");
    expect_error("pusherctl: trigger-event needs --event E");
    fixture_run(&run, NULL, "no-such", NULL);
    expect(64, "");
    fixture_run(&run, NULL, "--list", "l", NULL);
    expect(64, "");
}

Test(ctl_direct, reads_standard_input_for_one_option_only)
{
    fixture_run(&run, "{}", "custom-post", "--path", "/events", "--params", "@-", "--body", "@-",
                NULL);
    expect(64, "");
    expect_error("--body: standard input was read already");
}

Test(ctl_direct, fails_with_69_when_nothing_listens)
{
    fixture_setenv("PUSHER_HOST=127.0.0.1");
    fixture_setenv("PUSHER_PORT=1");
    fixture_setenv("PUSHER_SCHEME=http");
    fixture_run(&run, NULL, "list-channels", NULL);
    expect(69, "");
    expect_error("pusherctl: unreachable: ");
}

Test(ctl_direct, fails_with_78_for_the_configuration)
{
    fixture_setenv("PUSHER_PORT=70000");
    fixture_run(&run, NULL, "list-channels", NULL);
    expect(78, "");
    expect_error("environment: PUSHER_PORT: 70000 is over 65535");
    fixture_run(&run, NULL, "list-channels", "--config", "/none", NULL);
    expect(78, "");
    expect_error("/none: cannot be read: No such file or directory");
}

Test(ctl_direct, chooses_an_app)
{
    const char *file = fixture_path("conf", "[app a]\napp_id=1\nkey=ka\nsecret=s\ncluster=eu\n"
                                            "[app b]\napp_id=2\nkey=kb\nsecret=s\ncluster=eu\n");
    fixture_run(&run, NULL, "authorize-channel", "--socket-id", "1.2", "--channel", "private-c",
                "--config", file, "--app", "b", NULL);
    cr_expect(strstr(run.out, "{\"auth\":\"kb:"), "%s%s", run.out, run.err);
    fixture_run(&run, NULL, "authorize-channel", "--socket-id", "1.2", "--channel", "private-c",
                "--config", file, NULL);
    expect(64, "");
    expect_error("choose one with --app");
    fixture_run(&run, NULL, "list-channels", "--config", file, "--app", "c", NULL);
    expect(78, "");
}

Test(ctl_direct, takes_an_app_in_its_json_form)
{
    const char *file = fixture_path(
        "app.json",
        "{\"provider\":\"Pusher\",\"configuration\":[{\"name\":\"appId\",\"value\":\"9\"},"
        "{\"name\":\"key\",\"value\":\"jk\"},{\"name\":\"secret\",\"value\":\"s\"},"
        "{\"name\":\"cluster\",\"value\":\"eu\"},{\"name\":\"port\",\"value\":0}]}");
    fixture_run(&run, NULL, "authorize-channel", "--socket-id", "1.2", "--channel", "private-c",
                "--app-json", file, NULL);
    cr_expect(strstr(run.out, "{\"auth\":\"jk:"), "%s%s", run.out, run.err);
}

Test(ctl_direct, authorizes_channels_and_authenticates_users)
{
    fixture_run(&run, NULL, "authorize-channel", "--socket-id", "1234.1234", "--channel",
                "private-foobar", NULL);
    expect(0, "{\"auth\":\"278d425bdf160c739803:"
              "58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4\"}\n");
    fixture_run(&run, NULL, "authorize-channel", "--socket-id", "1234.1234", "--channel",
                "presence-foobar", "--channel-data",
                "{\"user_id\":10,\"user_info\":{\"name\":\"Mr. Pusher\"}}", NULL);
    expect(0, "{\"auth\":\"278d425bdf160c739803:"
              "afaed3695da2ffd16931f457e338e6c9f2921fa133ce7dac49f529792be6304c\","
              "\"channel_data\":\"{\\\"user_id\\\":10,\\\"user_info\\\":{\\\"name\\\":\\\"Mr. "
              "Pusher\\\"}}\"}\n");
    fixture_run(&run, NULL, "authenticate-user", "--socket-id", "1234.1234", "--user-data",
                "{\"id\":\"12345\"}", NULL);
    expect(0, "{\"auth\":\"278d425bdf160c739803:"
              "4708d583dada6a56435fb8bc611c77c359a31eebde13337c16ab43aa6de336ba\","
              "\"user_data\":\"{\\\"id\\\":\\\"12345\\\"}\"}\n");
}

Test(ctl_direct, signs_a_query_string_at_a_fixed_time)
{
    fixture_setenv("PUSHER_AUTH_TIMESTAMP=1353088179");
    fixture_run(
        &run, NULL, "create-signed-query-string", "--method", "POST", "--path", "/apps/3/events",
        "--body",
        "{\"name\":\"foo\",\"channels\":[\"project-3\"],\"data\":\"{\\\"some\\\":\\\"data\\\"}"
        "\"}",
        NULL);
    expect(0, "\"auth_key=278d425bdf160c739803&auth_timestamp=1353088179&auth_version=1.0&body_md5="
              "ec365a775a4cd0599faeb73354201b6f&auth_signature="
              "da454824c97ba181a32ccc17a72625ba02771f50b50e1e7430e47a1f3f457e6c\"\n");
    fixture_setenv("PUSHER_AUTH_TIMESTAMP=soon");
    fixture_run(&run, NULL, "list-channels", NULL);
    expect(78, "");
}

#define WEBHOOK                                                                                    \
    "{\"time_ms\":1403175510755,\"events\":[{\"channel\":\"test_channel\",\"name\":"               \
    "\"channel_vacated\"}]}"
#define HEADERS                                                                                    \
    "{\"x-pusher-key\":\"f00d\",\"x-pusher-signature\":"                                           \
    "\"c17257e92037cd7de407ebc1ed174ceb7b2e518db127f44411b9ffc4f5b28cc5\"}"

Test(ctl_direct, validates_a_webhook_from_standard_input)
{
    fixture_run(&run, WEBHOOK, "validate-webhook", "--headers", HEADERS, "--raw-body", "@-",
                "--additional-tokens", "[{\"key\":\"f00d\",\"secret\":\"tofu\"}]", NULL);
    expect(0, "{\"valid\":true,\"time_ms\":1403175510755,\"events\":[{\"channel\":"
              "\"test_channel\",\"name\":\"channel_vacated\"}]}\n");
}

Test(ctl_direct, fails_with_1_for_a_webhook_that_is_not_valid)
{
    fixture_run(&run, WEBHOOK " ", "validate-webhook", "--headers", HEADERS, "--raw-body", "@-",
                "--additional-tokens", "[{\"key\":\"f00d\",\"secret\":\"tofu\"}]", NULL);
    expect(1, "{\"valid\":false}\n");
    fixture_run(&run, WEBHOOK, "validate-webhook", "--headers", HEADERS, "--raw-body", "@-", NULL);
    expect(1, "{\"valid\":false}\n");
}

Test(ctl_direct, refuses_parameters_and_tokens_that_are_none)
{
    fixture_run(&run, NULL, "custom-get", "--path", "/channels", "--params", "{\"a\":[1]}", NULL);
    expect(1, "");
    expect_error("params: a value is an array");
    fixture_run(&run, NULL, "validate-webhook", "--headers", "{}", "--raw-body", "x",
                "--additional-tokens", "[{\"key\":\"k\"}]", NULL);
    expect(1, "");
    expect_error("additionalTokens: each must be {\"key\":..,\"secret\":..}");
}

Test(ctl_direct, explains_itself)
{
    fixture_run(&run, NULL, "--version", NULL);
    cr_expect(run.status == 0 && strncmp(run.out, "pusherctl ", 10) == 0, "%s", run.out);
    fixture_run(&run, NULL, "--help", NULL);
    cr_expect(run.status == 0 && strstr(run.out, "  trigger-event "), "%s", run.out);
    fixture_run(&run, NULL, "trigger-event", "--help", NULL);
    cr_expect(run.status == 0 && strstr(run.out, "  --socket-id S "), "%s", run.out);
    fixture_run(&run, NULL, "help", "enqueue", NULL);
    cr_expect(run.status == 0 && strstr(run.out, "  --format F "), "%s", run.out);
    fixture_run(&run, NULL, "help", "no-such", NULL);
    cr_expect_eq(run.status, 64);
}
