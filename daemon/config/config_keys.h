/* The keys of the configuration: one table, from which come the parser, the defaults, what
 * --dump-config prints, and (by a test) the list in docs/configuration.md.
 *
 * A key belongs to a section and stands for one field of that section's object: struct app_settings
 * for [app NAME], struct queue_settings for [queue NAME], struct config for the rest. */
#ifndef DAEMON_CONFIG_CONFIG_KEYS_H
#define DAEMON_CONFIG_CONFIG_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONFIG_MASK "********" /* what stands for a secret in a dump; refused as a value */

enum config_section {
    SECTION_REDIS,
    SECTION_APP,   /* several, named */
    SECTION_QUEUE, /* several, named */
    SECTION_RESULTS,
    SECTION_DELIVERY,
    SECTION_SPOOL,
    SECTION_STATUS,
    SECTION_LOG,
    SECTION_COUNT
};

enum config_kind {
    KIND_NUMBER,    /* decimal, min to max */
    KIND_BOOL,      /* on, off, yes, no, true, false, 1, 0 */
    KIND_CHOICE,    /* one of a few words */
    KIND_TEXT,      /* no white space, no control characters */
    KIND_SECRET,    /* as KIND_TEXT; never shown */
    KIND_PROXY,     /* a URL that may hold a password */
    KIND_FILE,      /* a file that must be readable; relative to the configuration file */
    KIND_DIR,       /* a directory, relative to the configuration file; or off */
    KIND_LIST,      /* the name of a Redis list */
    KIND_LISTEN,    /* host:port or unix:/path */
    KIND_OP_NAMES,  /* all, or names of operations; see config_operations.h */
    KIND_REDIS_URL, /* see redis_url.h; may hold a secret */
};

enum {
    KEY_FROM_FILE = 1,    /* the value is the name of a file that holds it */
    KEY_NAMES_SERVER = 2, /* host and cluster: the source that sets one decides the address... */
    KEY_OF_SERVER = 4,    /* ...so that these are not mixed in from another source */
    KEY_REQUIRED = 8,
    KEY_RESTART = 16,           /* cannot change while the daemon runs */
    KEY_CHANGES_SERVER = 32,    /* where an app's requests go, and by which connections */
    KEY_CHANGES_SIGNATURE = 64, /* what else says whether they are accepted */
    KEY_CHANGES_EVENTS = 128,   /* what jobs that were claimed before are made into */
};

struct config_choice {
    const char *word; /* NULL ends the list */
    uint64_t value;
};

struct config_key {
    enum config_section section;
    const char *name; /* NULL: not a key of the file */
    const char *env;  /* a variable, for the default app and the sections without names, or NULL */
    const char *json; /* its name in the JSON form of an app, or NULL */
    enum config_kind kind;
    unsigned flags;
    size_t offset, size; /* of the field */
    size_t path_offset;  /* KEY_FROM_FILE: of the char * that keeps the file's name */
    uint64_t min, max;
    const struct config_choice *choices;
    const char *initial; /* the default, as one would write it; NULL: none */
    const char *unit;    /* "ms", "bytes", ... for the documentation; NULL: none */
};

#define CONFIG_MAX_KEYS 64

extern const struct config_key config_keys[];
extern const size_t config_n_keys;

/* True if the field is a char *, NULL where it is not set. */
bool config_kind_is_string(enum config_kind kind);

/* "redis", "app", ... */
const char *config_section_name(enum config_section section);

/* True for [app NAME] and [queue NAME]. */
bool config_section_is_named(enum config_section section);

/* The section of this word, or SECTION_COUNT. */
enum config_section config_section_find(const char *word, size_t len);

/* The key of this name in the file, or NULL. */
const struct config_key *config_key_find(enum config_section section, const char *name);

/* The key of this name in the JSON form, or NULL. */
const struct config_key *config_key_find_json(const char *name);

/* True if a name that stands where a key should may be shown: it is one of ours, in a place where
 * it is not known, or config_is_plain() with "_-.". Anything else may be a secret on a line of its
 * own. */
bool config_key_may_show(const char *name);

/* The table's first key with the same field: secret and secret_file are one thing set two ways. */
size_t config_key_slot(const struct config_key *key);

#endif
