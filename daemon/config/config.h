/* Configuration: from an INI file, from the environment alone, or from the JSON form of one app.
 *
 * config_load() reads everything, checks everything, and gives either a whole configuration or an
 * error that names file, line and key. Nothing of it changes afterwards: a reload makes a new one.
 * Used by pusherd and pusherctl alike; described for users in docs/configuration.md.
 *
 * The keys are a table in config_keys.c; what wins over what is said in config_loader.h. */
#ifndef DAEMON_CONFIG_CONFIG_H
#define DAEMON_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "pusher/client.h"

#define CONFIG_MAX_APPS   1024
#define CONFIG_MAX_QUEUES 64

/* With those that were removed by a reload, and are still of use: see config_diff.h. */
#define CONFIG_MAX_APP_SLOTS   (2 * CONFIG_MAX_APPS)
#define CONFIG_MAX_QUEUE_SLOTS (2 * CONFIG_MAX_QUEUES)

#define CONFIG_LEASE_MARGIN_MS 2000 /* a lease outlasts the longest request by more than this */

#define CONFIG_TOKEN_MIN 16 /* bytes of [status] token: nobody guesses it */

#define CONFIG_TLS_WHY_MAX 512

#define CONFIG_SPOOL_OFF "off"

struct app_settings;

struct app_config {
    char *name;                    /* owned; "default" for the app of the environment */
    struct pusher_client *client;  /* owned; NULL if loaded for Redis alone */
    unsigned max_in_flight;        /* requests at a time; key max_in_flight, default 32 */
    bool adaptive;                 /* concurrency = adaptive (true, default) | fixed */
    struct app_settings *settings; /* owned; for config_dump(), without the secrets; or NULL: */
    bool removed;                  /* not configured any more; jobs of it may be in memory */
    bool drained;                  /* removed, and there are none: config_forget_app() was called */
};

struct queue_config {
    char *name; /* owned; of the section */
    char *list; /* owned; the Redis list; default: the section's name */
    size_t app; /* index of the default app; SIZE_MAX where jobs must name one */
    unsigned
        weight;   /* 1 to 100, default 1: its share of the claims when all queues have a backlog */
    bool ordered; /* order = channel (default) or none */
    unsigned partitions; /* 0: the list itself; else it is LIST:partition, one of so many, and */
    unsigned partition;  /* one daemon has it at a time. `name` and `list` end in ":partition" */
    unsigned family;     /* the same for all partitions of a queue */
    uint32_t operations; /* that its jobs may ask for: bits of JOB_OP_BIT(); default: all */
    uint64_t dedupe_ms;  /* a job whose id was seen so recently is not sent; default 0: off */
    bool removed;        /* not configured any more: what is claimed is being settled */
    bool closing;        /* removed, and all of it is settled: its connections are being closed */
    bool drained;        /* they are */
};

struct redis_tls;

enum redis_kind { REDIS_TCP, REDIS_UNIX, REDIS_SENTINEL };

struct redis_config {
    enum redis_kind kind;
    char *host;     /* owned; TCP: name or address. Sentinel: "host:port,host:port" */
    unsigned port;  /* TCP; default 6379 */
    char *path;     /* owned; unix socket */
    char *master;   /* owned; Sentinel's name of the master */
    char *user;     /* owned; NULL: none */
    char *password; /* owned; NULL: none; wiped when freed */
    unsigned db;
    bool tls;
    struct redis_tls *tls_setup; /* owned; made of the files of [redis]; NULL without tls */
    char *url_file;              /* owned; the file that the URL was read from; NULL: none */
};

enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

struct config_error {
    char text[512]; /* "/etc/pusherd/pusherd.conf:12: [app main] port: 70000 is over 65535" */
};

#define CONFIG_MAX_WARNINGS 3 /* of the file, the JSON form, files of secrets */

struct config {
    struct redis_config redis;
    char *redis_ca_file;     /* owned; NULL: the system's authorities */
    char *redis_cert_file;   /* owned; NULL: none, and no redis_key_file */
    char *redis_key_file;    /* owned */
    struct app_config *apps; /* owned; after a reload with those that were removed */
    size_t n_apps;
    struct queue_config *queues; /* owned; likewise; at least one that was not */
    size_t n_queues;

    /* [results] */
    uint64_t results_max_entries; /* max_entries, default 100000 */
    bool results_successes;       /* successes = all (true, default) | none */

    /* [delivery] */
    uint64_t lease_ms; /* lease_ms, default 15000; must exceed every app's timeout_ms by more than
                          2000 */
    unsigned max_orphanings;    /* default 5 */
    unsigned max_attempts;      /* default 12 */
    uint64_t retry_base_ms;     /* default 200 */
    uint64_t retry_cap_ms;      /* default 30000 */
    uint64_t retry_for_ms;      /* default 600000: give up this long after the first attempt */
    uint64_t lane_hold_ms;      /* default 30000: a retrying job holds its lane this long at most */
    uint64_t drain_ms;          /* default 10000: how long SIGTERM waits for requests in flight */
    uint64_t max_claimed_bytes; /* default 16 MiB: of jobs in memory */
    uint64_t max_job_bytes;     /* default 1 MiB: a larger element fails as payload_too_large */

    /* [spool] */
    char *spool_dir;          /* owned; dir; NULL or CONFIG_SPOOL_OFF: no spool */
    uint64_t spool_max_bytes; /* max_bytes, default 64 MiB: of one consumer's file */

    /* [status] */
    char *status_listen;     /* owned; NULL: no status server */
    char *status_token;      /* owned; token; NULL: its console only shows; wiped when freed */
    char *status_token_file; /* owned; the file that it was read from; NULL: none */

    /* [log] */
    int log_level; /* level = error 3 | warn 4 | info 6 (default) | debug 7, as syslog */
    enum log_format log_format; /* format = text (default) | json */

    struct config_error warnings[CONFIG_MAX_WARNINGS]; /* what is taken, but should not be so */
    size_t n_warnings;
};

/* What config_load() reads. Everything may be NULL; a file may be "" as well. */
struct config_source {
    const char *file;          /* INI file; NULL: the environment alone */
    const char *app_json_file; /* {"provider":"Pusher","configuration":[{"name","value"}...]} */
    char *const *environ;      /* variables "NAME=value"; values in the file win over them */
    bool apps_optional;        /* true: no app at all is no error (pusherctl status needs none) */
    bool redis_only;  /* true: for who talks to Redis alone: apps have no client, and files of [app]
                         and [status], which may be for pusherd's eyes only, are not looked at */
    bool redis_given; /* true: the caller has a URL of Redis, and url_file is not looked at */
};

/* CONFIG_DEFAULT_FILE if there is such a file, else NULL: the environment alone. */
#define CONFIG_DEFAULT_FILE "/etc/pusherd/pusherd.conf"
const char *config_default_file(void);

/* Gives a configuration that the caller frees, and whose `warnings` somebody should see, or -1 and
 * a text in *ret_error. Calls pusher_init().
 */
int config_load(const struct config_source *source, struct config **ret_config,
                struct config_error *ret_error) __attribute__((warn_unused_result));

/* Makes redis->tls_setup of the files of [redis], if it is rediss://; `redis` is config->redis, or
 * what is used in its place. 0, or -1 and the reason, and in *ret_key the key that is to blame,
 * NULL if it is none of the files. Done by config_load() for its own. */
int config_set_up_tls(const struct config *config, struct redis_config *redis, const char **ret_key,
                      char ret_why[CONFIG_TLS_WHY_MAX]) __attribute__((warn_unused_result));

void config_free(struct config *config);

/* Wipes what is secret of an app that is removed and drained; its name and its limits stay. */
void config_forget_app(struct app_config *app);

/* The index of the app of this name, or SIZE_MAX. One that was removed is not found. */
size_t config_find_app(const struct config *config, const char *name, size_t len);

/* Prints what is in force as an INI file, secrets as ********. It reads back equal; a masked secret
 * is refused there until the real one is put back, so that nobody starts with a mask by mistake.
 * Secrets that came from a file stay a reference to it. */
void config_dump(const struct config *config, FILE *out);

#endif
