/* Programs that were built with a shorter or a longer struct pusher_config than the library was. */
#include <stddef.h>

#include "tests/unit/lib/vectors.h"

static int make(const struct pusher_config *config, struct pusher_error *ret_error)
{
    struct pusher_client *client = NULL;
    int rc = pusher_client_new(config, &client, ret_error);
    pusher_client_free(client);
    return rc;
}

static void fill_in(struct pusher_config *config)
{
    config->app_id = "3";
    config->key = "k";
    config->secret = "s";
    config->cluster = "eu";
}

/* The struct of a program that knows only what is before the field: in a block that ends there. */
static struct pusher_config *older(size_t offset)
{
    struct pusher_config *config = malloc(offset);
    pusher_config_init_sized(config, offset);
    fill_in(config);
    return config;
}

Test(config_size, only_the_struct_of_the_program_is_written)
{
    unsigned char bytes[sizeof(struct pusher_config)];
    size_t size = offsetof(struct pusher_config, max_request_bytes);
    struct pusher_config config;
    memset(bytes, 0xa5, sizeof(bytes));
    pusher_config_init_sized((void *)bytes, size);
    for (size_t i = size; i < sizeof(bytes); i++)
        cr_assert_eq(bytes[i], 0xa5);
    pusher_config_init(&config);
    cr_assert_eq(config.size, sizeof(config));
}

Test(config_size, what_an_older_program_does_not_know_has_its_default)
{
    struct pusher_config *config = older(offsetof(struct pusher_config, timeout_ms));
    struct pusher_client *client = make_client(config);
    cr_assert(pusher_client_use_tls(client));
    cr_assert(pusher_client_keep_alive(client));
    cr_assert_eq(pusher_client_timeout_ms(client), 5000);
    cr_assert_eq(pusher_client_max_request_bytes(client), 0);
    pusher_client_free(client);
    free(config);
}

Test(config_size, an_older_program_keeps_what_it_sets)
{
    struct pusher_config *config = older(offsetof(struct pusher_config, ca_file));
    config->use_tls = false;
    config->port = 8080;
    struct pusher_client *client = make_client(config);
    cr_assert_str_eq(pusher_client_base_url(client), "http://api-eu.pusher.com:8080");
    pusher_client_free(client);
    free(config);
}

Test(config_size, a_newer_program_may_not_set_what_is_not_known)
{
    struct {
        struct pusher_config known;
        bool strict;
    } newer;
    struct pusher_error error;
    memset(&newer, 0xa5, sizeof(newer));
    pusher_config_init_sized(&newer.known, sizeof(newer));
    fill_in(&newer.known);
    cr_assert_eq(make(&newer.known, &error), 0);
    newer.strict = true;
    cr_assert_eq(make(&newer.known, &error), PUSHER_ECONFIG);
    cr_assert_str_eq(error.text, "a field is set that libpusher " PUSHER_VERSION " does not know");
}

/* Else it would mean: no TLS. */
Test(config_size, a_struct_that_was_not_initialised_is_refused)
{
    struct pusher_config config = {.size = 0};
    struct pusher_error error;
    fill_in(&config);
    cr_assert_eq(make(&config, &error), PUSHER_ECONFIG);
    cr_assert_str_eq(error.text, "not initialised: pusher_config_init() was not called");
    config.size = SIZE_MAX / 2;
    cr_assert_eq(make(&config, &error), PUSHER_ECONFIG);
    config.size = 1;
    cr_assert_eq(make(&config, &error), PUSHER_ECONFIG);
}
