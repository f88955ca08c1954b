#include "tests/unit/lib/vectors.h"

static const struct pusher_string absent = {NULL, 0};

/* The answer that a vector must give, in the order of its members; the caller frees it. */
static char *expected(const json_t *row, const char *data_name)
{
    json_t *object = json_object();
    json_object_set_new(
        object, "auth",
        json_sprintf("%s:%s", vector_text(row, "key").ptr, vector_text(row, "signature").ptr));
    if (vector_text(row, data_name).ptr)
        json_object_set(object, data_name, json_object_get(row, data_name));
    if (vector_text(row, "shared_secret").ptr)
        json_object_set(object, "shared_secret", json_object_get(row, "shared_secret"));
    char *text = json_dumps(object, JSON_COMPACT);
    json_decref(object);
    return text;
}

Test(auth, channels_are_authorized_as_in_the_docs_and_sdks)
{
    json_t *rows = load_vectors("channel_auth.json"), *row;
    size_t i;
    json_array_foreach(rows, i, row)
    {
        struct pusher_client *client = vector_client(row);
        struct pusher_error error = {.code = 0};
        char *json = NULL, *want = expected(row, "channel_data");
        cr_assert_eq(pusher_authorize_channel(client, vector_text(row, "socket_id"),
                                              vector_text(row, "channel"),
                                              vector_text(row, "channel_data"), &json, &error),
                     0, "%s", error.text);
        cr_assert_str_eq(json, want, "%s", vector_text(row, "source").ptr);
        free(json);
        free(want);
        pusher_client_free(client);
    }
    json_decref(rows);
}

Test(auth, users_are_authenticated_as_in_the_docs)
{
    json_t *rows = load_vectors("user_auth.json"), *row;
    size_t i;
    json_array_foreach(rows, i, row)
    {
        struct pusher_client *client = vector_client(row);
        char *json = NULL, *want = expected(row, "user_data");
        cr_assert_eq(pusher_authenticate_user(client, vector_text(row, "socket_id"),
                                              vector_text(row, "user_data"), &json, NULL),
                     0);
        cr_assert_str_eq(json, want, "%s", vector_text(row, "source").ptr);
        free(json);
        free(want);
        pusher_client_free(client);
    }
    json_decref(rows);
}

static int authorize(const char *socket_id, const char *channel, const char *data)
{
    struct pusher_client *client = some_client();
    struct pusher_error error = {.code = 0};
    char *json = NULL;
    int rc = pusher_authorize_channel(client, pusher_str(socket_id), pusher_str(channel),
                                      pusher_str(data), &json, &error);
    cr_assert_eq(rc, error.code);
    cr_assert_eq(rc == 0, json != NULL);
    free(json);
    pusher_client_free(client);
    return rc;
}

Test(auth, only_channels_that_need_it_are_authorized)
{
    static const char *const bad[] = {"public",      "private", "Private-x", "#server-to-user-1",
                                      "private-a b", "",        NULL};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        cr_assert_eq(authorize("1.1", bad[i], NULL), PUSHER_ECHANNEL, "%s",
                     bad[i] ? bad[i] : "NULL");
    cr_assert_eq(authorize("1.1", "private-x", NULL), 0);
    cr_assert_eq(authorize("1.1", "private-cache-x", NULL), 0);
}

Test(auth, a_presence_channel_needs_a_user)
{
    cr_assert_eq(authorize("1.1", "presence-x", NULL), PUSHER_EDATA);
    cr_assert_eq(authorize("1.1", "presence-x", ""), PUSHER_EDATA);
    cr_assert_eq(authorize("1.1", "presence-x", "[]"), PUSHER_EDATA);
    cr_assert_eq(authorize("1.1", "presence-x", "{\"user_id\":1"), PUSHER_EDATA);
    cr_assert_eq(authorize("1.1", "presence-x", "{\"user_id\":\"1\",\"user_id\":\"2\"}"),
                 PUSHER_EDATA);
    cr_assert_eq(authorize("1.1", "presence-x", "{}"), PUSHER_EUSERID);
    cr_assert_eq(authorize("1.1", "presence-x", "{\"user_id\":\"\"}"), PUSHER_EUSERID);
    cr_assert_eq(authorize("1.1", "presence-x", "{\"user_id\":null}"), PUSHER_EUSERID);
    cr_assert_eq(authorize("1.1", "presence-x", "{\"user_id\":1.5}"), PUSHER_EUSERID);
    cr_assert_eq(authorize("1.1", "presence-x", "{\"user_id\":18446744073709551616}"), 0);
    cr_assert_eq(authorize("1.1", "presence-x", "{\"user_id\":\"0\"}"), 0);
}

Test(auth, an_encrypted_channel_needs_a_master_key)
{
    cr_assert_eq(authorize("1.1", "private-encrypted-x", NULL), PUSHER_ENOKEY);
}

Test(auth, bad_socket_ids_are_refused)
{
    json_t *rows = load_vectors("socket_ids.json"), *row;
    struct pusher_client *client = some_client();
    size_t i;
    json_array_foreach(rows, i, row)
    {
        char *json = NULL;
        int want = json_is_true(json_object_get(row, "good")) ? 0 : PUSHER_ESOCKETID;
        cr_assert_eq(pusher_authorize_channel(client, vector_text(row, "socket_id"),
                                              pusher_str("private-x"), absent, &json, NULL),
                     want);
        free(json);
        json = NULL;
        cr_assert_eq(pusher_authenticate_user(client, vector_text(row, "socket_id"),
                                              pusher_str("{\"id\":\"1\"}"), &json, NULL),
                     want);
        free(json);
    }
    pusher_client_free(client);
    json_decref(rows);
}

static int authenticate(const char *user_data)
{
    struct pusher_client *client = some_client();
    struct pusher_error error = {.code = 0};
    char *json = NULL;
    int rc =
        pusher_authenticate_user(client, pusher_str("1.1"), pusher_str(user_data), &json, &error);
    cr_assert_eq(rc, error.code);
    free(json);
    pusher_client_free(client);
    return rc;
}

Test(auth, a_user_is_an_object_with_an_id)
{
    cr_assert_eq(authenticate("{\"id\":\"0\"}"), 0);
    cr_assert_eq(authenticate(NULL), PUSHER_EDATA);
    cr_assert_eq(authenticate("null"), PUSHER_EDATA);
    cr_assert_eq(authenticate("{\"id\":\"1\"} x"), PUSHER_EDATA);
    cr_assert_eq(authenticate("{\"id\":\"\xff\"}"), PUSHER_EDATA);
    cr_assert_eq(authenticate("{\"id\":\"\",\"id\":\"a\"}"), PUSHER_EDATA);
    cr_assert_eq(authenticate("{}"), PUSHER_EUSERID);
    cr_assert_eq(authenticate("{\"id\":\"\"}"), PUSHER_EUSERID);
    cr_assert_eq(authenticate("{\"id\":1}"), PUSHER_EUSERID);
    cr_assert_eq(authenticate("{\"ID\":\"1\"}"), PUSHER_EUSERID);
}

Test(auth, data_has_a_limit)
{
    size_t size = PUSHER_AUTH_DATA_MAX + 2;
    char *data = malloc(size);
    memset(data, ' ', size);
    memcpy(data, "{\"id\":\"1\"}", 10);
    data[PUSHER_AUTH_DATA_MAX] = '\0';
    cr_assert_eq(authenticate(data), 0);
    data[PUSHER_AUTH_DATA_MAX] = ' ';
    data[PUSHER_AUTH_DATA_MAX + 1] = '\0';
    cr_assert_eq(authenticate(data), PUSHER_ETOOLARGE);
    free(data);
}

Test(auth, what_is_returned_is_what_was_signed)
{
    struct pusher_client *client = some_client();
    static const char data[] =
        "{ \"id\":\"\\u0061\\/\", \"n\": 1.0e+2, \"b\":123456789012345678901234567890 }\n";
    char *json = NULL;
    cr_assert_eq(pusher_authenticate_user(client, pusher_str("1.1"), pusher_str(data), &json, NULL),
                 0);
    json_t *object = json_loads(json, 0, NULL);
    cr_assert_str_eq(vector_text(object, "user_data").ptr, data);
    json_decref(object);
    free(json);
    pusher_client_free(client);
}
