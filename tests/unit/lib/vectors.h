/* What the tests of the library share: clients to test with, and known answers from tests/vectors.
 */
#ifndef TESTS_UNIT_LIB_VECTORS_H
#define TESTS_UNIT_LIB_VECTORS_H

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "pusher/pusher.h"

/* The array of a file of tests/vectors; the caller drops it. */
static inline json_t *load_vectors(const char *file)
{
    char path[4096];
    json_error_t error;
    const char *folder = getenv("VECTORS");
    cr_assert(folder, "VECTORS must name the folder tests/vectors");
    snprintf(path, sizeof(path), "%s/%s", folder, file);
    json_t *rows = json_load_file(path, JSON_ALLOW_NUL, &error);
    cr_assert(rows, "%s:%d: %s", path, error.line, error.text);
    cr_assert(json_array_size(rows) > 0);
    return rows;
}

/* A member of a vector as text; absent if it has none. */
static inline struct pusher_string vector_text(const json_t *row, const char *member)
{
    const json_t *value = json_object_get(row, member);
    return (struct pusher_string){json_string_value(value), json_string_length(value)};
}

static inline struct pusher_client *make_client(const struct pusher_config *config)
{
    struct pusher_client *client = NULL;
    struct pusher_error error = {.code = 0};
    int rc = pusher_client_new(config, &client, &error);
    cr_assert(rc == 0, "%d: %s", rc, error.text);
    return client;
}

/* A configuration that is good; tests change the field they are about. */
static inline struct pusher_config some_config(void)
{
    struct pusher_config config;
    pusher_config_init(&config);
    config.app_id = "3";
    config.key = "278d425bdf160c739803";
    config.secret = "7ad3773142a6692b25b8";
    config.cluster = "eu";
    return config;
}

#define SOME_MASTER_KEY "zyrm8pvV2C9fJcBfhyXzvxbJVN/H7QLmbe0xJi1GhPU="

static inline struct pusher_client *some_client(void)
{
    struct pusher_config config = some_config();
    return make_client(&config);
}

static inline struct pusher_client *encrypting_client(void)
{
    struct pusher_config config = some_config();
    config.encryption_master_key_base64 = SOME_MASTER_KEY;
    return make_client(&config);
}

/* The client of a vector that names key and secret, and perhaps a master key. */
static inline struct pusher_client *vector_client(const json_t *row)
{
    struct pusher_config config = some_config();
    config.key = vector_text(row, "key").ptr;
    config.secret = vector_text(row, "secret").ptr;
    config.encryption_master_key_base64 = vector_text(row, "master_key").ptr;
    return make_client(&config);
}

#endif
