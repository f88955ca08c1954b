/* One parser for each kind of key. Numbers, booleans and choices are all numbers of the field's
 * size, so a field may be bool, unsigned, size_t, uint64_t or an enum. */
#include "daemon/config/config_value.h"

#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/config/config_file.h"
#include "daemon/config/config_operations.h"
#include "daemon/config/redis_url.h"
#include "daemon/config/uri.h"
#include "lib/name.h"
#include "proto/job_spec.h"
#include "proto/keys.h"

#define fail(context, ...)                                                                         \
    config_fail((context)->error, &(context)->where, (context)->name, __VA_ARGS__)

static void store(void *field, size_t size, uint64_t value)
{
    if (size == sizeof(uint8_t))
        *(uint8_t *)field = (uint8_t)value;
    else if (size == sizeof(uint32_t))
        *(uint32_t *)field = (uint32_t)value;
    else
        *(uint64_t *)field = value;
}

static int parse_number(const struct config_key *key, const char *text, void *field,
                        const struct config_context *context)
{
    char quoted[CONFIG_QUOTE_MAX];
    size_t len = strlen(text);
    if (strspn(text, "0123456789") != len)
        return fail(context, "%s is not a whole number (allowed: %" PRIu64 " to %" PRIu64 ")",
                    config_quote(text, quoted), key->min, key->max);
    uint64_t value = len < 19 ? strtoull(text, NULL, 10) : UINT64_MAX;
    if (value < key->min)
        return fail(context, "%s is under %" PRIu64 " (allowed: %" PRIu64 " to %" PRIu64 ")",
                    config_quote(text, quoted), key->min, key->min, key->max);
    if (value > key->max)
        return fail(context, "%s is over %" PRIu64 " (allowed: %" PRIu64 " to %" PRIu64 ")",
                    config_quote(text, quoted), key->max, key->min, key->max);
    store(field, key->size, value);
    return 0;
}

static int parse_bool(const struct config_key *key, const char *text, void *field,
                      const struct config_context *context)
{
    static const struct config_choice words[] = {{"on", 1},   {"off", 0},   {"yes", 1}, {"no", 0},
                                                 {"true", 1}, {"false", 0}, {"1", 1},   {"0", 0}};
    char quoted[CONFIG_QUOTE_MAX];
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcasecmp(words[i].word, text) == 0) {
            store(field, key->size, words[i].value);
            return 0;
        }
    return fail(context, "%s is neither on nor off (allowed: on, off, yes, no, true, false, 1, 0)",
                config_quote(text, quoted));
}

static int parse_choice(const struct config_key *key, const char *text, void *field,
                        const struct config_context *context)
{
    char quoted[CONFIG_QUOTE_MAX], allowed[128] = "";
    for (const struct config_choice *choice = key->choices; choice->word; choice++) {
        if (strcasecmp(choice->word, text) == 0) {
            store(field, key->size, choice->value);
            return 0;
        }
        size_t used = strlen(allowed);
        snprintf(allowed + used, sizeof allowed - used, "%s%s", used > 0 ? ", " : "", choice->word);
    }
    return fail(context, "%s is not known (allowed: %s)", config_quote(text, quoted), allowed);
}

static int keep(const char *text, void *field, const struct config_context *context)
{
    char *copy = strdup(text);
    if (!copy)
        return config_fail_memory(context->error);
    *(char **)field = copy;
    return 0;
}

static int parse_text(const struct config_key *key, const char *text, void *field,
                      const struct config_context *context)
{
    (void)key;
    char quoted[CONFIG_QUOTE_MAX];
    if (!uri_is_word(text))
        return fail(context,
                    "\"%s\" holds white space or a control character (a comment begins "
                    "with ';' after a space)",
                    config_quote(text, quoted));
    return keep(text, field, context);
}

static int parse_secret(const struct config_key *key, const char *text, void *field,
                        const struct config_context *context)
{
    (void)key;
    if (!uri_is_word(text))
        return fail(context, "holds white space or a control character");
    if (strcmp(text, CONFIG_MASK) == 0)
        return fail(context, "is only a mask, as --dump-config prints it; put the real value here");
    return keep(text, field, context);
}

static int parse_proxy(const struct config_key *key, const char *text, void *field,
                       const struct config_context *context)
{
    (void)key;
    struct uri uri;
    if (!uri_split(text, &uri) || uri.authority.len == 0)
        return fail(context, "is not a URL (allowed: http://[user:password@]host:port)");
    if (uri.password.ptr && pusher__equals(uri.password, CONFIG_MASK))
        return fail(context, "its password is only a mask, as --dump-config prints it");
    return keep(text, field, context);
}

static int parse_file(const struct config_key *key, const char *text, void *field,
                      const struct config_context *context)
{
    (void)key;
    char why[CONFIG_FILE_WHY_MAX];
    char *path = config_path_resolve(text, context->folder, context->credentials, why);
    if (!path)
        return fail(context, "%s", why);
    if (access(path, R_OK) != 0) {
        int rc = fail(context, "%s cannot be read: %s", path, strerror(errno));
        free(path);
        return rc;
    }
    *(char **)field = path;
    return 0;
}

static int parse_dir(const struct config_key *key, const char *text, void *field,
                     const struct config_context *context)
{
    (void)key;
    char why[CONFIG_FILE_WHY_MAX];
    if (strcmp(text, CONFIG_SPOOL_OFF) == 0)
        return keep(text, field, context);
    char *path = config_path_resolve(text, context->folder, context->credentials, why);
    if (!path)
        return fail(context, "%s", why);
    *(char **)field = path;
    return 0;
}

static int parse_list(const struct config_key *key, const char *text, void *field,
                      const struct config_context *context)
{
    (void)key;
    char quoted[CONFIG_QUOTE_MAX];
    size_t len = strlen(text);
    if (!keys_list_ok(text) || text[0] == ' ' || text[len - 1] == ' ')
        return fail(context,
                    "%s cannot be a list (allowed: 1 to %d bytes, no control characters, and at "
                    "most one pair of braces, as in {tag}:name)",
                    config_quote(text, quoted), KEYS_NAME_MAX);
    return keep(text, field, context);
}

static int parse_listen(const struct config_key *key, const char *text, void *field,
                        const struct config_context *context)
{
    (void)key;
    char quoted[CONFIG_QUOTE_MAX];
    struct pusher_string host, port;
    unsigned number;
    bool is_unix = strncmp(text, "unix:/", 6) == 0 && text[6] != '\0';
    bool is_tcp =
        uri_split_host(pusher_str(text), &host, &port) && port.ptr && uri_port(port, &number);
    if (!uri_is_word(text) || (!is_unix && !is_tcp))
        return fail(context, "%s is no address (allowed: host:port, [v6]:port, unix:/path)",
                    config_quote(text, quoted));
    return keep(text, field, context);
}

static int parse_operations(const struct config_key *key, const char *text, void *field,
                            const struct config_context *context)
{
    char quoted[CONFIG_QUOTE_MAX], word[CONFIG_QUOTE_MAX + 1], names[CONFIG_OPERATIONS_MAX];
    struct pusher_string bad;
    uint32_t operations;
    if (config_operations_read(text, &operations, &bad) == 0) {
        store(field, key->size, operations);
        return 0;
    }
    if (bad.len == 0)
        return fail(context, "a name is missing before or behind a comma");
    snprintf(word, sizeof word, "%.*s", (int)bad.len, bad.ptr);
    return fail(context, "%s is not the name of an operation (allowed: all, or some of %s)",
                config_quote(word, quoted), config_operations_names(JOB_OPS_ALL, names));
}

static int parse_redis_url(const struct config_key *key, const char *text, void *field,
                           const struct config_context *context)
{
    (void)key;
    char why[REDIS_URL_WHY_MAX];
    return redis_url_parse(text, field, why) == 0 ? 0 : fail(context, "%s", why);
}

static int (*const parsers[])(const struct config_key *key, const char *text, void *field,
                              const struct config_context *context) = {
    [KIND_NUMBER] = parse_number, [KIND_BOOL] = parse_bool,
    [KIND_CHOICE] = parse_choice, [KIND_TEXT] = parse_text,
    [KIND_SECRET] = parse_secret, [KIND_PROXY] = parse_proxy,
    [KIND_FILE] = parse_file,     [KIND_LIST] = parse_list,
    [KIND_LISTEN] = parse_listen, [KIND_REDIS_URL] = parse_redis_url,
    [KIND_DIR] = parse_dir,       [KIND_OP_NAMES] = parse_operations,
};

static int parse_text_of(const struct config_key *key, const char *text, void *object,
                         const struct config_context *context)
{
    if (text[0] != '\0')
        return parsers[key->kind](key, text, (char *)object + key->offset, context);
    if (config_kind_is_string(key->kind) && !(key->flags & (KEY_REQUIRED | KEY_FROM_FILE)))
        return 0;
    return fail(context, "is empty");
}

/* In place of a file's name somebody may have written the secret itself. */
static bool may_show_path(const char *name, const char *path)
{
    const char *at = name + strspn(name, "./");
    return access(path, F_OK) == 0 || name[0] == '$' || config_is_plain(at, strlen(at), "/._-");
}

/* Parses what stands in a file, without the line ends at its end. */
static int parse_file_of(const struct config_key *key, const char *name, const char *path,
                         void *object, const struct config_context *context)
{
    char why[CONFIG_FILE_WHY_MAX];
    char *text;
    size_t len;
    if (config_file_read(path, CONFIG_SECRET_MAX, S_IWOTH, &text, &len, why) != 0)
        return may_show_path(name, path)
                   ? fail(context, "%s %s", path, why)
                   : fail(context, "the file %s; its name is not shown, as it may be the secret",
                          why);
    size_t end = len;
    while (end > 0 && (text[end - 1] == '\n' || text[end - 1] == '\r'))
        text[--end] = '\0';
    int rc = parse_text_of(key, text, object, context);
    config_file_free(text, len);
    return rc;
}

static int parse_from_file(const struct config_key *key, const char *name, void *object,
                           const struct config_context *context)
{
    char why[CONFIG_FILE_WHY_MAX];
    if (name[0] == '\0')
        return fail(context, "is empty");
    char *path = config_path_resolve(name, context->folder, context->credentials, why);
    if (!path)
        return fail(context, "%s", why);
    if (parse_file_of(key, name, path, object, context) != 0) {
        free(path);
        return -1;
    }
    *(char **)((char *)object + key->path_offset) = path;
    return 0;
}

int config_value_parse(const struct config_key *key, const char *text, void *object,
                       const struct config_context *context)
{
    if (key->flags & KEY_FROM_FILE)
        return parse_from_file(key, text, object, context);
    return parse_text_of(key, text, object, context);
}
