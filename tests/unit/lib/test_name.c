#include "tests/unit/lib/vectors.h"

static int check_channel(const struct pusher_client *client, const char *channel)
{
    struct pusher_error error = {.code = 0};
    int rc = pusher_channel_check(client, pusher_str(channel), &error);
    cr_assert_eq(rc, error.code);
    return rc;
}

Test(name, takes_channels_of_every_kind)
{
    struct pusher_client *client = some_client();
    static const char *const good[] = {"a",
                                       "my-channel",
                                       "private-x",
                                       "presence-x_=@,.;9",
                                       "...",
                                       "private-encrypted-cache-x",
                                       "#server-to-user-0",
                                       "#server-to-user-a@b.c"};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        cr_assert_eq(check_channel(client, good[i]), 0, "%s", good[i]);
    pusher_client_free(client);
}

Test(name, refuses_bad_channels)
{
    struct pusher_client *client = some_client();
    static const char *const bad[] = {"",
                                      ".",
                                      "..",
                                      "a b",
                                      "a\n",
                                      "a/b",
                                      "a:b",
                                      "a#b",
                                      "#a",
                                      "caf\xc3\xa9",
                                      "#server-to-user-",
                                      "#server-to-user-a b",
                                      "#server-to-user-..",
                                      "#Server-to-user-1",
                                      "a%2e",
                                      "a?b",
                                      "a\x7f"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        cr_assert_eq(check_channel(client, bad[i]), PUSHER_ECHANNEL, "%s", bad[i]);
    cr_assert_eq(check_channel(client, NULL), PUSHER_ECHANNEL);
    cr_assert_eq(pusher_channel_check(client, (struct pusher_string){"a\0b", 3}, NULL),
                 PUSHER_ECHANNEL);
    pusher_client_free(client);
}

Test(name, only_the_listed_bytes_may_be_in_a_channel)
{
    struct pusher_client *client = some_client();
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-=@,.;";
    for (int c = 0; c < 256; c++) {
        char name[2] = {'x', (char)c};
        bool good = c && strchr(allowed, c);
        int rc = pusher_channel_check(client, (struct pusher_string){name, 2}, NULL);
        cr_assert_eq(rc, good ? 0 : PUSHER_ECHANNEL, "%02x", c);
    }
    pusher_client_free(client);
}

Test(name, the_length_of_a_channel_is_the_clients)
{
    struct pusher_config config = some_config();
    config.max_channel_name = 164;
    struct pusher_client *client = make_client(&config);
    struct pusher_error error;
    char name[165];
    memset(name, 'c', sizeof(name));
    cr_assert_eq(pusher_channel_check(client, (struct pusher_string){name, 164}, NULL), 0);
    cr_assert_eq(pusher_channel_check(client, (struct pusher_string){name, 165}, &error),
                 PUSHER_ECHANNEL);
    cr_assert_str_eq(error.text, "the channel is 165 bytes long, at most 164 are allowed");
    pusher_client_free(client);
}

Test(name, an_error_names_the_byte)
{
    struct pusher_client *client = some_client();
    struct pusher_error error;
    cr_assert_eq(pusher_channel_check(client, pusher_str("foo bar"), &error), PUSHER_ECHANNEL);
    cr_assert_str_eq(error.text,
                     "channel \"foo bar\": byte 3 is not one of A-Z a-z 0-9 _ - = @ , . ;");
    pusher_client_free(client);
}

Test(name, user_ids_have_the_characters_of_channels)
{
    char id[129];
    memset(id, 'u', sizeof(id));
    cr_assert_eq(pusher_user_id_check(pusher_str("0"), NULL), 0);
    cr_assert_eq(pusher_user_id_check((struct pusher_string){id, 128}, NULL), 0);
    cr_assert_eq(pusher_user_id_check((struct pusher_string){id, 129}, NULL), PUSHER_EUSERID);
    static const char *const bad[] = {"", ".", "..", "a b", "a/b", "#a", "a\n"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        cr_assert_eq(pusher_user_id_check(pusher_str(bad[i]), NULL), PUSHER_EUSERID, "%s", bad[i]);
    cr_assert_eq(pusher_user_id_check(pusher_str(NULL), NULL), PUSHER_EUSERID);
}

Test(name, a_users_channel_is_written_with_its_prefix)
{
    char channel[PUSHER_USER_CHANNEL_MAX], id[PUSHER_USER_ID_MAX];
    memset(id, 'u', sizeof(id));
    cr_assert_eq(pusher_user_channel(pusher_str("12"), channel), 18);
    cr_assert_str_eq(channel, "#server-to-user-12");
    cr_assert_eq(pusher_user_channel((struct pusher_string){id, sizeof(id)}, channel),
                 PUSHER_USER_CHANNEL_MAX - 1);
    cr_assert_eq(channel[PUSHER_USER_CHANNEL_MAX - 1], '\0');
}

Test(name, socket_ids_as_the_sdks_test_them)
{
    json_t *rows = load_vectors("socket_ids.json"), *row;
    size_t i;
    json_array_foreach(rows, i, row)
    {
        struct pusher_error error = {.code = 0};
        struct pusher_string id = vector_text(row, "socket_id");
        bool good = json_is_true(json_object_get(row, "good"));
        int rc = pusher_socket_id_check(id, &error);
        cr_assert_eq(rc, good ? 0 : PUSHER_ESOCKETID, "row %zu: %s", i, id.ptr ? id.ptr : "null");
        cr_assert_eq(rc, error.code);
    }
    json_decref(rows);
}

Test(name, encrypted_channels_are_known_by_their_prefix)
{
    cr_assert(pusher_channel_is_encrypted(pusher_str("private-encrypted-x")));
    cr_assert(pusher_channel_is_encrypted(pusher_str("private-encrypted-cache-x")));
    cr_assert_not(pusher_channel_is_encrypted(pusher_str("private-encrypted")));
    cr_assert_not(pusher_channel_is_encrypted(pusher_str("private-Encrypted-x")));
    cr_assert_not(pusher_channel_is_encrypted(pusher_str("xprivate-encrypted-x")));
    cr_assert_not(pusher_channel_is_encrypted(pusher_str("")));
}
