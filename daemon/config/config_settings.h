/* What the sections [app NAME] and [queue NAME] hold, as it was written. */
#ifndef DAEMON_CONFIG_CONFIG_SETTINGS_H
#define DAEMON_CONFIG_CONFIG_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SECRET_PRINT_BYTES 16

/* Every string is owned, and NULL where it is not set. */
struct app_settings {
    char *app_id, *key;
    char *secret; /* wiped, and then "", once the client is made */
    unsigned char secret_print[SECRET_PRINT_BYTES]; /* what it was, to tell it from another */
    char *secret_file;                              /* where it came from */
    char *cluster, *host;
    unsigned port; /* once the client is made: the one in force */
    bool use_tls;
    char *ca_file;
    char *encryption_key; /* as secret */
    unsigned char encryption_print[SECRET_PRINT_BYTES];
    char *encryption_key_file;
    char *proxy; /* may hold a password; wiped when freed */
    char *proxy_file;
    unsigned timeout_ms;
    bool keep_alive;
    char *path_prefix;
    bool sign_prefix;
    unsigned max_in_flight;
    bool adaptive;
    unsigned max_events_per_batch, max_channels;
    size_t max_event_bytes, max_channel_name, max_request_bytes;
};

struct queue_settings {
    char *list;
    char *app; /* the name of an app */
    unsigned weight;
    bool ordered;
    uint64_t dedupe_ms;
    unsigned partitions;
    uint32_t operations; /* bits of JOB_OP_BIT() */
};

struct app_settings *app_settings_new(void);

/* Takes a print of each secret, by a key of this process: equal prints are equal secrets. */
void app_settings_print_secrets(struct app_settings *settings);
void app_settings_wipe_secrets(struct app_settings *settings);
void app_settings_free(struct app_settings *settings); /* wipes; NULL is allowed */
void queue_settings_deinit(struct queue_settings *settings);

#endif
