#include "daemon/config/config_keys.h"

#include <string.h>
#include <strings.h>

#include "daemon/config/config.h"
#include "daemon/config/config_error.h"
#include "daemon/config/config_settings.h"
#include "daemon/config/redis_url.h"

#define FIELD(type, field) .offset = offsetof(type, field), .size = sizeof(((type *)NULL)->field)
#define GLOBAL(field)      FIELD(struct config, field)
#define APP(field)         .section = SECTION_APP, FIELD(struct app_settings, field)
#define QUEUE(field)       .section = SECTION_QUEUE, FIELD(struct queue_settings, field)
#define APP_PATH(field)    .path_offset = offsetof(struct app_settings, field)
#define RANGE(low, high)   .kind = KIND_NUMBER, .min = (low), .max = (high)

#define MINUTE_MS 60000u
#define HOUR_MS   (60 * MINUTE_MS)
#define MIB       (1024u * 1024u)

static const struct config_choice scheme_choices[] = {{"http", 0}, {"https", 1}, {NULL, 0}};
static const struct config_choice successes_choices[] = {{"none", 0}, {"all", 1}, {NULL, 0}};
static const struct config_choice concurrency_choices[] = {
    {"fixed", 0}, {"adaptive", 1}, {NULL, 0}};
static const struct config_choice order_choices[] = {{"none", 0}, {"channel", 1}, {NULL, 0}};
static const struct config_choice level_choices[] = {
    {"error", 3}, {"warn", 4}, {"info", 6}, {"debug", 7}, {NULL, 0}};
static const struct config_choice format_choices[] = {
    {"text", LOG_FORMAT_TEXT}, {"json", LOG_FORMAT_JSON}, {NULL, 0}};

/* clang-format off */
const struct config_key config_keys[] = {
    {.section = SECTION_REDIS, .name = "url", .env = "REDIS_URL", .kind = KIND_REDIS_URL,
     .flags = KEY_RESTART, GLOBAL(redis), .initial = REDIS_DEFAULT_URL},
    {.section = SECTION_REDIS, .name = "url_file", .kind = KIND_REDIS_URL, .flags = KEY_FROM_FILE,
     GLOBAL(redis), .path_offset = offsetof(struct config, redis.url_file)},

    {.section = SECTION_REDIS, .name = "ca_file", .env = "PUSHERD_REDIS_CA_FILE",
     GLOBAL(redis_ca_file), .kind = KIND_FILE},
    {.section = SECTION_REDIS, .name = "cert_file", .env = "PUSHERD_REDIS_CERT_FILE",
     GLOBAL(redis_cert_file), .kind = KIND_FILE},
    {.section = SECTION_REDIS, .name = "key_file", .env = "PUSHERD_REDIS_KEY_FILE",
     GLOBAL(redis_key_file), .kind = KIND_FILE},

    /* The eleven parameters of an app, and what self-hosted servers need. */
    {APP(app_id), .name = "app_id", .env = "PUSHER_APP_ID", .json = "appId", .kind = KIND_TEXT,
     .flags = KEY_REQUIRED | KEY_CHANGES_SIGNATURE | KEY_CHANGES_EVENTS},
    {APP(key), .name = "key", .env = "PUSHER_APP_KEY", .json = "key", .kind = KIND_TEXT,
     .flags = KEY_REQUIRED | KEY_CHANGES_SIGNATURE},
    {APP(secret), .name = "secret", .env = "PUSHER_APP_SECRET", .json = "secret",
     .kind = KIND_SECRET, .flags = KEY_REQUIRED | KEY_CHANGES_SIGNATURE},
    {APP(secret), .name = "secret_file", .kind = KIND_SECRET, .flags = KEY_FROM_FILE,
     APP_PATH(secret_file)},
    {APP(cluster), .name = "cluster", .env = "PUSHER_APP_CLUSTER", .json = "cluster",
     .kind = KIND_TEXT, .flags = KEY_NAMES_SERVER | KEY_CHANGES_SERVER},
    {APP(host), .name = "host", .env = "PUSHER_HOST", .json = "host", .kind = KIND_TEXT,
     .flags = KEY_NAMES_SERVER | KEY_CHANGES_SERVER},
    {APP(port), .name = "port", .env = "PUSHER_PORT", .json = "port", RANGE(0, 65535),
     .flags = KEY_OF_SERVER | KEY_CHANGES_SERVER, .initial = "0"},
    {APP(use_tls), .name = "use_tls", .json = "useTLS", .kind = KIND_BOOL,
     .flags = KEY_OF_SERVER | KEY_CHANGES_SERVER, .initial = "on"},
    {APP(use_tls), .env = "PUSHER_SCHEME", .kind = KIND_CHOICE, .choices = scheme_choices,
     .flags = KEY_OF_SERVER},
    {APP(encryption_key), .name = "encryption_master_key_base64",
     .env = "PUSHER_ENCRYPTION_MASTER_KEY_BASE64", .json = "encryptionMasterKeyBase64",
     .kind = KIND_SECRET, .flags = KEY_CHANGES_EVENTS},
    {APP(encryption_key), .name = "encryption_master_key_base64_file", .kind = KIND_SECRET,
     .flags = KEY_FROM_FILE, APP_PATH(encryption_key_file)},
    {APP(proxy), .name = "proxy", .env = "PUSHER_PROXY", .json = "proxy", .kind = KIND_PROXY,
     .flags = KEY_CHANGES_SERVER},
    {APP(proxy), .name = "proxy_file", .kind = KIND_PROXY, .flags = KEY_FROM_FILE,
     APP_PATH(proxy_file)},
    {APP(timeout_ms), .name = "timeout_ms", .env = "PUSHER_TIMEOUT_MS", .json = "timeout",
     RANGE(0, 10 * MINUTE_MS), .flags = KEY_CHANGES_SERVER, .initial = "5000", .unit = "ms"},
    {APP(keep_alive), .name = "keep_alive", .env = "PUSHER_KEEP_ALIVE", .json = "keepAlive",
     .kind = KIND_BOOL, .flags = KEY_CHANGES_SERVER, .initial = "on"},
    {APP(path_prefix), .name = "path_prefix", .kind = KIND_TEXT, .flags = KEY_CHANGES_SIGNATURE},
    {APP(sign_prefix), .name = "sign_prefix", .kind = KIND_BOOL, .flags = KEY_CHANGES_SIGNATURE,
     .initial = "on"},
    {APP(ca_file), .name = "ca_file", .kind = KIND_FILE, .flags = KEY_CHANGES_SERVER},
    {APP(max_in_flight), .name = "max_in_flight", RANGE(1, 1000), .initial = "32",
     .unit = "requests"},
    {APP(adaptive), .name = "concurrency", .kind = KIND_CHOICE, .choices = concurrency_choices,
     .initial = "adaptive"},
    {APP(max_events_per_batch), .name = "max_events_per_batch", RANGE(1, 1000),
     .flags = KEY_CHANGES_EVENTS, .initial = "10",
     .unit = "events"},
    {APP(max_channels), .name = "max_channels", RANGE(1, 1000),
     .flags = KEY_CHANGES_EVENTS, .initial = "100",
     .unit = "channels"},
    {APP(max_event_bytes), .name = "max_event_bytes", RANGE(1, 64 * MIB),
     .flags = KEY_CHANGES_EVENTS, .initial = "10240",
     .unit = "bytes"},
    {APP(max_channel_name), .name = "max_channel_name", RANGE(1, 512),
     .flags = KEY_CHANGES_EVENTS, .initial = "200",
     .unit = "bytes"},
    {APP(max_request_bytes), .name = "max_request_bytes", RANGE(0, 1024 * MIB),
     .flags = KEY_CHANGES_EVENTS, .initial = "0",
     .unit = "bytes"},

    {QUEUE(list), .name = "list", .kind = KIND_LIST},
    {QUEUE(app), .name = "app", .kind = KIND_TEXT},
    {QUEUE(weight), .name = "weight", RANGE(1, 100), .initial = "1"},
    {QUEUE(ordered), .name = "order", .kind = KIND_CHOICE, .choices = order_choices,
     .initial = "channel"},
    {QUEUE(partitions), .name = "partitions", RANGE(0, CONFIG_MAX_QUEUES), .initial = "0"},
    {QUEUE(dedupe_ms), .name = "dedupe_ms", RANGE(0, 7 * 24 * HOUR_MS), .initial = "0",
     .unit = "ms"},
    {QUEUE(operations), .name = "operations", .kind = KIND_OP_NAMES, .initial = "all"},

    {.section = SECTION_RESULTS, .name = "max_entries", GLOBAL(results_max_entries),
     RANGE(1, 1000000000), .initial = "100000", .unit = "entries"},
    {.section = SECTION_RESULTS, .name = "successes", GLOBAL(results_successes),
     .kind = KIND_CHOICE, .choices = successes_choices, .initial = "all"},

    {.section = SECTION_DELIVERY, .name = "lease_ms", GLOBAL(lease_ms), RANGE(3000, HOUR_MS),
     .initial = "15000", .unit = "ms"},
    {.section = SECTION_DELIVERY, .name = "max_orphanings", GLOBAL(max_orphanings),
     RANGE(1, 1000), .initial = "5"},
    {.section = SECTION_DELIVERY, .name = "max_attempts", GLOBAL(max_attempts), RANGE(1, 1000),
     .initial = "12"},
    {.section = SECTION_DELIVERY, .name = "retry_base_ms", GLOBAL(retry_base_ms),
     RANGE(1, 10 * MINUTE_MS), .initial = "200", .unit = "ms"},
    {.section = SECTION_DELIVERY, .name = "retry_cap_ms", GLOBAL(retry_cap_ms),
     RANGE(1, HOUR_MS), .initial = "30000", .unit = "ms"},
    {.section = SECTION_DELIVERY, .name = "retry_for_ms", GLOBAL(retry_for_ms),
     RANGE(0, 24 * 7 * HOUR_MS), .initial = "600000", .unit = "ms"},
    {.section = SECTION_DELIVERY, .name = "lane_hold_ms", GLOBAL(lane_hold_ms),
     RANGE(0, HOUR_MS), .initial = "30000", .unit = "ms"},
    {.section = SECTION_DELIVERY, .name = "drain_ms", GLOBAL(drain_ms), RANGE(0, HOUR_MS),
     .initial = "10000", .unit = "ms"},
    {.section = SECTION_DELIVERY, .name = "max_claimed_bytes", GLOBAL(max_claimed_bytes),
     RANGE(64 * 1024, 4096ull * MIB), .initial = "16777216", .unit = "bytes"},
    {.section = SECTION_DELIVERY, .name = "max_job_bytes", GLOBAL(max_job_bytes),
     RANGE(1024, 256 * MIB), .initial = "1048576", .unit = "bytes"},

    {.section = SECTION_SPOOL, .name = "dir", .env = "PUSHERD_SPOOL_DIR", GLOBAL(spool_dir),
     .kind = KIND_DIR, .flags = KEY_RESTART},
    {.section = SECTION_SPOOL, .name = "max_bytes", GLOBAL(spool_max_bytes),
     RANGE(64 * 1024, 1024 * MIB), .initial = "67108864", .unit = "bytes"},

    {.section = SECTION_STATUS, .name = "listen", .env = "PUSHERD_STATUS_LISTEN",
     GLOBAL(status_listen), .kind = KIND_LISTEN, .flags = KEY_RESTART},
    {.section = SECTION_STATUS, .name = "token", .env = "PUSHERD_STATUS_TOKEN",
     GLOBAL(status_token), .kind = KIND_SECRET, .flags = KEY_RESTART},
    {.section = SECTION_STATUS, .name = "token_file", GLOBAL(status_token), .kind = KIND_SECRET,
     .flags = KEY_FROM_FILE | KEY_RESTART, .path_offset = offsetof(struct config, status_token_file)},

    {.section = SECTION_LOG, .name = "level", .env = "PUSHERD_LOG_LEVEL", GLOBAL(log_level),
     .kind = KIND_CHOICE, .choices = level_choices, .initial = "info"},
    {.section = SECTION_LOG, .name = "format", .env = "PUSHERD_LOG_FORMAT", GLOBAL(log_format),
     .kind = KIND_CHOICE, .choices = format_choices, .initial = "text"},
};
/* clang-format on */

const size_t config_n_keys = sizeof config_keys / sizeof config_keys[0];
_Static_assert(sizeof config_keys / sizeof config_keys[0] <= CONFIG_MAX_KEYS, "too many keys");

static const char *const section_names[SECTION_COUNT] = {
    [SECTION_REDIS] = "redis",     [SECTION_APP] = "app",           [SECTION_QUEUE] = "queue",
    [SECTION_RESULTS] = "results", [SECTION_DELIVERY] = "delivery", [SECTION_STATUS] = "status",
    [SECTION_LOG] = "log",         [SECTION_SPOOL] = "spool",
};

bool config_kind_is_string(enum config_kind kind)
{
    return kind != KIND_NUMBER && kind != KIND_BOOL && kind != KIND_CHOICE &&
           kind != KIND_OP_NAMES && kind != KIND_REDIS_URL;
}

const char *config_section_name(enum config_section section)
{
    return section_names[section];
}

bool config_section_is_named(enum config_section section)
{
    return section == SECTION_APP || section == SECTION_QUEUE;
}

enum config_section config_section_find(const char *word, size_t len)
{
    for (int i = 0; i < SECTION_COUNT; i++)
        if (strlen(section_names[i]) == len && memcmp(section_names[i], word, len) == 0)
            return (enum config_section)i;
    return SECTION_COUNT;
}

const struct config_key *config_key_find(enum config_section section, const char *name)
{
    for (size_t i = 0; i < config_n_keys; i++) {
        const struct config_key *key = &config_keys[i];
        if (key->section == section && key->name && strcmp(key->name, name) == 0)
            return key;
    }
    return NULL;
}

const struct config_key *config_key_find_json(const char *name)
{
    for (size_t i = 0; i < config_n_keys; i++)
        if (config_keys[i].json && strcmp(config_keys[i].json, name) == 0)
            return &config_keys[i];
    return NULL;
}

bool config_key_may_show(const char *name)
{
    for (size_t i = 0; i < config_n_keys; i++) {
        const char *const ours[] = {config_keys[i].name, config_keys[i].env, config_keys[i].json};
        for (size_t j = 0; j < sizeof ours / sizeof ours[0]; j++)
            if (ours[j] && strcasecmp(ours[j], name) == 0)
                return true;
    }
    return config_is_plain(name, strlen(name), "_-.");
}

size_t config_key_slot(const struct config_key *key)
{
    size_t i = 0;
    while (config_keys[i].section != key->section || config_keys[i].offset != key->offset)
        i++;
    return i;
}
