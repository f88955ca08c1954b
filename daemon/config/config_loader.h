/* One load of the configuration while it is under way.
 *
 * Sources are layers, and are read from the highest to the lowest: the JSON form of an app, the
 * file, the variables, PUSHER_URL, the defaults. A key that a layer has set is not touched by those
 * under it, so each field is set once. Then the drafts of apps and queues are checked as a whole
 * and become the arrays of struct config. */
#ifndef DAEMON_CONFIG_CONFIG_LOADER_H
#define DAEMON_CONFIG_CONFIG_LOADER_H

#include "daemon/config/config_error.h"
#include "daemon/config/config_keys.h"
#include "daemon/config/config_settings.h"

#define CONFIG_APP_NAME_MAX 64 /* bytes */
#define CONFIG_DEFAULT_APP  "default"
#define CONFIG_DEFAULT_LIST "pusher:jobs"

enum config_layer {
    LAYER_NONE,
    LAYER_DEFAULT,
    LAYER_URL, /* PUSHER_URL */
    LAYER_ENVIRONMENT,
    LAYER_FILE,
    LAYER_JSON,
};

struct config_origin {
    enum config_layer layer;
    unsigned line;
};

/* Something that keys are set in: an app, a queue, or the configuration itself. */
struct config_draft {
    enum config_layer layer;        /* what brought it up */
    unsigned line;                  /* of its section; 0: not from the file */
    char *name;                     /* owned; NULL for the configuration itself */
    char *label;                    /* owned; "app main", for error texts; NULL as above */
    void *object;                   /* as config_keys.h says; owned for apps and queues */
    enum config_layer server_layer; /* which layer set host or cluster */
    struct config_origin origins[CONFIG_MAX_KEYS]; /* by config_key_slot() */
};

/* The secrets in a file that all users may read, or such files with one each. */
struct config_exposed {
    unsigned mode;                /* of the file, or the first one; 0: not read */
    unsigned n_secrets;           /* the first of which is: */
    const struct config_key *key; /* borrowed, as what follows */
    struct config_where where;
    const char *name;
};

struct config_loader {
    const struct config_source *source;
    struct config *config; /* owned until the load is done */
    struct config_error *error;
    char *folder;            /* owned; of the file */
    const char *credentials; /* $CREDENTIALS_DIRECTORY, or NULL */
    unsigned section_lines[SECTION_COUNT];
    struct config_exposed exposed_file, exposed_json, exposed_secrets;
    struct config_draft globals;
    struct config_draft *apps, *queues; /* owned */
    size_t n_apps, n_queues;
};

/* The variable's value, or NULL if it is not set or empty. */
const char *config_getenv(const struct config_loader *loader, const char *name);

/* Adds a draft of an app or a queue; NULL and an error when there are too many. The pointer is good
 * until the next one is added. */
struct config_draft *config_draft_add(struct config_loader *loader, enum config_section section,
                                      const char *name, enum config_layer layer, unsigned line);

/* The draft of this name, or NULL. */
struct config_draft *config_draft_find(struct config_loader *loader, enum config_section section,
                                       const char *name);

/* Frees the draft's strings, and its object if it still has it. */
void config_draft_deinit(struct config_draft *draft, enum config_section section);

/* Sets a key unless a higher layer did; an error if this layer did. */
int config_set(struct config_loader *loader, struct config_draft *draft,
               const struct config_key *key, const char *value, enum config_layer layer,
               unsigned line) __attribute__((warn_unused_result));

/* Counts the secret, if the value is one and all users may read the layer's file. */
void config_note_secret(struct config_loader *loader, enum config_layer layer,
                        const struct config_key *key, const char *value,
                        const struct config_where *where, const char *name);

/* Counts the file that a key was taken from, if all users may read it. */
void config_note_secret_file(struct config_loader *loader, const char *path,
                             const struct config_where *where, const char *name);

/* Writes the warnings of the configuration. */
void config_warn_of_secrets(struct config_loader *loader);

/* Sets every key of the section that no layer has set and that has a default. */
int config_set_defaults(struct config_loader *loader, struct config_draft *draft,
                        enum config_section section) __attribute__((warn_unused_result));

/* Writes an error about a key, at the place where it was set, or at its section. Returns -1. */
int config_fail_key(struct config_loader *loader, const struct config_draft *draft,
                    const struct config_key *key, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The steps of config_load(), in this order. */
int config_read_json(struct config_loader *loader) __attribute__((warn_unused_result));
int config_read_ini(struct config_loader *loader) __attribute__((warn_unused_result));
int config_read_environment(struct config_loader *loader) __attribute__((warn_unused_result));
int config_check_redis(struct config_loader *loader) __attribute__((warn_unused_result));
int config_finish_apps(struct config_loader *loader) __attribute__((warn_unused_result));
int config_finish_queues(struct config_loader *loader) __attribute__((warn_unused_result));

#endif
