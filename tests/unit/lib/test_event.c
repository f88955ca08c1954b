#include "tests/unit/lib/vectors.h"

static struct pusher_event some_event(void)
{
    return (struct pusher_event){
        .channel = pusher_str("my-channel"),
        .name = pusher_str("my_event"),
        .data = pusher_str("{\"some\":\"data \"}"),
    };
}

/* Checks and encodes into a buffer of exactly the size told. The text is malloc'ed. */
static char *encode(const struct pusher_client *client, const struct pusher_event *event)
{
    struct pusher_error error;
    size_t size = 0;
    cr_assert_eq(pusher_event_check(client, event, &size, &error), 0, "%s", error.text);
    char *exact = malloc(size);
    cr_assert_eq(pusher_event_encode(client, event, NULL, exact, size), 0);
    char *text = strndup(exact, size);
    free(exact);
    return text;
}

static void expect_event(const struct pusher_event *event, const char *want)
{
    struct pusher_client *client = some_client();
    char *text = encode(client, event);
    cr_assert_str_eq(text, want);
    free(text);
    pusher_client_free(client);
}

Test(event, is_written_as_json)
{
    struct pusher_event event = some_event();
    expect_event(
        &event,
        "{\"name\":\"my_event\",\"channel\":\"my-channel\",\"data\":\"{\\\"some\\\":\\\"data \\\"}\"}");
}

Test(event, has_socket_id_and_info_where_they_are_given)
{
    struct pusher_event event = some_event();
    event.data = pusher_str("");
    event.socket_id = pusher_str("123.567");
    expect_event(
        &event,
        "{\"name\":\"my_event\",\"channel\":\"my-channel\",\"data\":\"\",\"socket_id\":\"123.567\"}");
    event.info = pusher_str("user_count,subscription_count");
    expect_event(
        &event,
        "{\"name\":\"my_event\",\"channel\":\"my-channel\",\"data\":\"\",\"socket_id\":\"123.567\",\"info\":\"user_count,subscription_count\"}");
}

Test(event, text_is_escaped)
{
    struct pusher_event event = some_event();
    event.name = pusher_str("quo\"te \xc3\xa9");
    event.data = (struct pusher_string){"a\0b\n\x1f\\", 6};
    expect_event(
        &event,
        "{\"name\":\"quo\\\"te \xc3\xa9\",\"channel\":\"my-channel\",\"data\":\"a\\u0000b\\n\\u001f\\\\\"}");
}

Test(event, goes_to_a_user)
{
    struct pusher_event event = some_event();
    event.channel = pusher_str("#server-to-user-7");
    event.data = pusher_str("1");
    expect_event(&event,
                 "{\"name\":\"my_event\",\"channel\":\"#server-to-user-7\",\"data\":\"1\"}");
}

static int check(const struct pusher_event *event)
{
    struct pusher_client *client = some_client();
    struct pusher_error error = {.code = 0};
    size_t size = 77;
    int rc = pusher_event_check(client, event, &size, &error);
    cr_assert_eq(rc, error.code);
    cr_assert(rc == 0 || (size == 77 && error.text[0]), "size is written only on success");
    pusher_client_free(client);
    return rc;
}

#define EXPECT_CODE(field_, value_, code_)                                                         \
    do {                                                                                           \
        struct pusher_event event_ = some_event();                                                 \
        event_.field_ = value_;                                                                    \
        cr_assert_eq(check(&event_), code_);                                                       \
    } while (0)

Test(event, each_part_is_checked)
{
    EXPECT_CODE(channel, pusher_str("a b"), PUSHER_ECHANNEL);
    EXPECT_CODE(channel, pusher_str(NULL), PUSHER_ECHANNEL);
    EXPECT_CODE(socket_id, pusher_str("1.1\n"), PUSHER_ESOCKETID);
    EXPECT_CODE(socket_id, pusher_str(""), PUSHER_ESOCKETID);
    EXPECT_CODE(data, pusher_str("\xff"), PUSHER_EDATA);
    EXPECT_CODE(data, pusher_str("\xed\xa0\x80"), PUSHER_EDATA);
    EXPECT_CODE(data, pusher_str(NULL), PUSHER_EDATA);
    EXPECT_CODE(data, pusher_str(""), 0);
    EXPECT_CODE(channel, pusher_str("private-encrypted-x"), PUSHER_ENOKEY);
}

Test(event, names_are_200_bytes_of_text)
{
    char name[201];
    memset(name, 'n', sizeof(name));
    EXPECT_CODE(name, ((struct pusher_string){name, 200}), 0);
    EXPECT_CODE(name, ((struct pusher_string){name, 201}), PUSHER_EEVENT);
    EXPECT_CODE(name, pusher_str(""), PUSHER_EEVENT);
    EXPECT_CODE(name, pusher_str(NULL), PUSHER_EEVENT);
    EXPECT_CODE(name, pusher_str("a\n"), PUSHER_EEVENT);
    EXPECT_CODE(name, pusher_str("a\x7f"), PUSHER_EEVENT);
    EXPECT_CODE(name, pusher_str("\xc3"), PUSHER_EEVENT);
    EXPECT_CODE(name, pusher_str("client-\xc3\xa9t\xc3\xa9 \xf0\x9f\x98\x80"), 0);
}

Test(event, info_is_a_list_of_known_attributes)
{
    EXPECT_CODE(info, pusher_str("user_count"), 0);
    EXPECT_CODE(info, pusher_str("subscription_count,user_count"), 0);
    static const char *const bad[] = {"",
                                      ",",
                                      "user_count,",
                                      ",user_count",
                                      "user_count, subscription_count",
                                      "cache",
                                      "user_count,user_count",
                                      "USER_COUNT",
                                      "user_count\n",
                                      "user"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        EXPECT_CODE(info, pusher_str(bad[i]), PUSHER_EINFO);
}

Test(event, the_limit_is_of_the_bytes_of_the_data)
{
    static char data[10241];
    memset(data, '"', sizeof(data)); /* each is two bytes in JSON, which does not count */
    EXPECT_CODE(data, ((struct pusher_string){data, 10240}), 0);
    EXPECT_CODE(data, ((struct pusher_string){data, 10241}), PUSHER_ETOOLARGE);
}

Test(event, must_fit_a_request_alone)
{
    struct pusher_config config = some_config();
    struct pusher_event event = some_event();
    size_t size;
    struct pusher_error error;
    struct pusher_client *roomy = some_client();
    cr_assert_eq(pusher_event_check(roomy, &event, &size, NULL), 0);
    config.max_request_bytes = size + PUSHER_BATCH_OVERHEAD;
    struct pusher_client *just = make_client(&config);
    cr_assert_eq(pusher_event_check(just, &event, &size, NULL), 0);
    config.max_request_bytes--;
    struct pusher_client *narrow = make_client(&config);
    cr_assert_eq(pusher_event_check(narrow, &event, &size, &error), PUSHER_ETOOLARGE);
    cr_assert_str_eq(error.text, "the request would have 84 bytes, at most 83 are allowed");
    pusher_client_free(roomy);
    pusher_client_free(just);
    pusher_client_free(narrow);
}

Test(event, encoding_wants_exactly_its_size)
{
    struct pusher_client *client = encrypting_client();
    static const char *const channels[] = {"plain", "private-encrypted-x"};
    for (size_t i = 0; i < 2; i++) {
        struct pusher_event event = some_event();
        size_t size;
        event.channel = pusher_str(channels[i]);
        event.info = pusher_str("user_count");
        cr_assert_eq(pusher_event_check(client, &event, &size, NULL), 0);
        for (size_t wrong = 0; wrong <= size + 2; wrong++) {
            char *exact = malloc(wrong + 1);
            cr_assert_eq(pusher_event_encode(client, &event, NULL, exact, wrong),
                         wrong == size ? 0 : PUSHER_ETOOSMALL);
            free(exact);
        }
    }
    pusher_client_free(client);
}

Test(event, is_never_written_in_the_clear_without_a_key)
{
    struct pusher_client *client = some_client();
    struct pusher_event event = some_event();
    char buf[512];
    event.channel = pusher_str("private-encrypted-x");
    cr_assert_eq(pusher_event_encode(client, &event, NULL, buf, sizeof(buf)), PUSHER_ENOKEY);
    cr_assert_null(memmem(buf, sizeof(buf), "some", 4));
    pusher_client_free(client);
}

static struct pusher_trigger some_trigger(const struct pusher_string *channels, size_t n)
{
    return (struct pusher_trigger){
        .channels = channels,
        .n_channels = n,
        .name = pusher_str("e"),
        .data = pusher_str("d"),
    };
}

static int check_trigger(const struct pusher_client *client, const struct pusher_trigger *trigger)
{
    struct pusher_error error = {.code = 0};
    size_t size;
    int rc = pusher_trigger_check(client, trigger, &size, &error);
    cr_assert_eq(rc, error.code);
    return rc;
}

Test(trigger, names_its_channels)
{
    struct pusher_client *client = some_client();
    struct pusher_string channels[] = {pusher_str("a"), pusher_str("b"), pusher_str("a")};
    struct pusher_trigger trigger = some_trigger(channels, 3);
    trigger.socket_id = pusher_str("1.2");
    size_t size;
    cr_assert_eq(pusher_trigger_check(client, &trigger, &size, NULL), 0);
    char *buf = malloc(size);
    cr_assert_eq(pusher_trigger_encode(client, &trigger, NULL, buf, size), 0);
    const char want[] =
        "{\"name\":\"e\",\"channels\":[\"a\",\"b\",\"a\"],\"data\":\"d\",\"socket_id\":\"1.2\"}";
    cr_assert_eq(size, strlen(want));
    cr_assert_arr_eq(buf, want, size);
    free(buf);
    pusher_client_free(client);
}

Test(trigger, takes_1_to_100_channels)
{
    struct pusher_client *client = some_client();
    struct pusher_string channels[101];
    for (size_t i = 0; i < 101; i++)
        channels[i] = pusher_str("c");
    struct pusher_trigger trigger = some_trigger(channels, 100);
    cr_assert_eq(check_trigger(client, &trigger), 0);
    trigger.n_channels = 101;
    cr_assert_eq(check_trigger(client, &trigger), PUSHER_ECHANNEL);
    trigger.n_channels = 0;
    cr_assert_eq(check_trigger(client, &trigger), PUSHER_ECHANNEL);
    channels[99] = pusher_str("c c");
    trigger.n_channels = 100;
    cr_assert_eq(check_trigger(client, &trigger), PUSHER_ECHANNEL);
    pusher_client_free(client);
}

Test(trigger, an_encrypted_channel_is_allowed_alone)
{
    struct pusher_client *client = encrypting_client();
    struct pusher_string channels[] = {pusher_str("private-encrypted-x"), pusher_str("b")};
    struct pusher_trigger trigger = some_trigger(channels, 1);
    cr_assert_eq(check_trigger(client, &trigger), 0);
    trigger.n_channels = 2;
    cr_assert_eq(check_trigger(client, &trigger), PUSHER_ENOTENCRYPTABLE);
    channels[0] = pusher_str("a");
    channels[1] = pusher_str("private-encrypted-x");
    cr_assert_eq(check_trigger(client, &trigger), PUSHER_ENOTENCRYPTABLE);
    char buf[256];
    cr_assert_eq(pusher_trigger_encode(client, &trigger, NULL, buf, sizeof(buf)),
                 PUSHER_ENOTENCRYPTABLE);
    pusher_client_free(client);
}

Test(trigger, must_fit_a_request)
{
    struct pusher_config config = some_config();
    config.max_request_bytes = 40;
    struct pusher_client *client = make_client(&config);
    struct pusher_string channels[] = {pusher_str("a"), pusher_str("b"), pusher_str("c")};
    struct pusher_trigger trigger = some_trigger(channels, 1);
    cr_assert_eq(check_trigger(client, &trigger), 0);
    trigger.n_channels = 3;
    cr_assert_eq(check_trigger(client, &trigger), PUSHER_ETOOLARGE);
    pusher_client_free(client);
}

Test(batch, joins_events)
{
    struct pusher_string events[] = {pusher_str("{\"a\":1}"), pusher_str("{}"),
                                     pusher_str("{\"b\":2}")};
    char buf[64];
    size_t size = pusher_batch_size(events, 3);
    cr_assert_eq(pusher_batch_encode(events, 3, buf), size);
    buf[size] = '\0';
    cr_assert_str_eq(buf, "{\"batch\":[{\"a\":1},{},{\"b\":2}]}");
    size = pusher_batch_encode(events, 1, buf);
    cr_assert_eq(size, pusher_batch_size(events, 1));
    cr_assert_arr_eq(buf, "{\"batch\":[{\"a\":1}]}", size);
    cr_assert_eq(pusher_batch_size(events, 0), PUSHER_BATCH_OVERHEAD);
}
