/* The table read backwards: one printer for each kind of key. */
#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/config/config.h"
#include "daemon/config/config_keys.h"
#include "daemon/config/config_operations.h"
#include "daemon/config/config_settings.h"
#include "daemon/config/redis_url.h"
#include "daemon/config/uri.h"

static uint64_t number(const void *field, size_t size)
{
    if (size == sizeof(uint8_t))
        return *(const uint8_t *)field;
    if (size == sizeof(uint32_t))
        return *(const uint32_t *)field;
    return *(const uint64_t *)field;
}

static void print_choice(const struct config_key *key, uint64_t value, FILE *out)
{
    for (const struct config_choice *choice = key->choices; choice->word; choice++)
        if (choice->value == value)
            fputs(choice->word, out);
}

static void print_proxy(const char *text, FILE *out)
{
    struct uri uri;
    if (uri_split(text, &uri) && uri.password.ptr)
        fprintf(out, "%.*s" CONFIG_MASK "%s", (int)(uri.password.ptr - text), text,
                uri.password.ptr + uri.password.len);
    else
        fputs(text, out);
}

static void print_operations(uint32_t operations, FILE *out)
{
    char text[CONFIG_OPERATIONS_MAX];
    fputs(config_operations_write(operations, text), out);
}

static void print_value(const struct config_key *key, const void *field, FILE *out)
{
    if (key->kind == KIND_NUMBER)
        fprintf(out, "%" PRIu64, number(field, key->size));
    else if (key->kind == KIND_BOOL)
        fputs(number(field, key->size) ? "on" : "off", out);
    else if (key->kind == KIND_CHOICE)
        print_choice(key, number(field, key->size), out);
    else if (key->kind == KIND_OP_NAMES)
        print_operations((uint32_t)number(field, key->size), out);
    else if (key->kind == KIND_REDIS_URL)
        redis_url_print(field, out);
    else if (key->kind == KIND_SECRET)
        fputs(CONFIG_MASK, out);
    else if (key->kind == KIND_PROXY)
        print_proxy(*(char *const *)field, out);
    else
        fputs(*(char *const *)field, out);
}

/* The file that the field of this key was read from, or NULL. */
static const char *source_file(const struct config_key *key, const char *object)
{
    for (size_t i = 0; i < config_n_keys; i++)
        if ((config_keys[i].flags & KEY_FROM_FILE) &&
            config_key_slot(&config_keys[i]) == config_key_slot(key))
            return *(char *const *)(object + config_keys[i].path_offset);
    return NULL;
}

/* Behind a blank a `;` begins a comment: a value that begins with one stands next to the `=`. */
static void print_name(const char *name, const char *value, FILE *out)
{
    fprintf(out, "%s =%s", name, value && *value == ';' ? "" : " ");
}

static void print_key(const struct config_key *key, const char *object, FILE *out)
{
    const char *path = source_file(key, object);
    const char *field = object + key->offset;
    if (key->flags & KEY_FROM_FILE) {
        if (path) {
            print_name(key->name, path, out);
            fprintf(out, "%s\n", path);
        }
        return;
    }
    bool is_string = config_kind_is_string(key->kind);
    const char *text = is_string ? *(char *const *)field : NULL;
    if (path || (is_string && !text))
        return;
    print_name(key->name, text, out);
    print_value(key, field, out);
    fputc('\n', out);
}

static void print_keys(enum config_section section, const void *object, FILE *out)
{
    for (size_t i = 0; i < config_n_keys; i++)
        if (config_keys[i].section == section && config_keys[i].name)
            print_key(&config_keys[i], object, out);
}

/* Of a partitioned queue the first partition stands for all, without its number. */
static void print_queue(const struct config *config, const struct queue_config *queue, FILE *out)
{
    size_t cut = queue->partitions > 0 ? strlen(":0") : 0;
    char *list = strndup(queue->list, strlen(queue->list) - cut);
    struct queue_settings settings = {
        .list = list,
        .app = queue->app < config->n_apps ? config->apps[queue->app].name : NULL,
        .weight = queue->weight,
        .ordered = queue->ordered,
        .partitions = queue->partitions,
        .dedupe_ms = queue->dedupe_ms,
        .operations = queue->operations,
    };
    if (queue->partition == 0 && list) {
        fprintf(out, "\n[queue %.*s]\n", (int)(strlen(queue->name) - cut), queue->name);
        print_keys(SECTION_QUEUE, &settings, out);
    }
    free(list);
}

void config_dump(const struct config *config, FILE *out)
{
    static const enum config_section rest[] = {SECTION_RESULTS, SECTION_DELIVERY, SECTION_SPOOL,
                                               SECTION_STATUS, SECTION_LOG};
    fprintf(out, "[%s]\n", config_section_name(SECTION_REDIS));
    print_keys(SECTION_REDIS, config, out);
    for (size_t i = 0; i < config->n_apps; i++) {
        fprintf(out, "\n[app %s]\n", config->apps[i].name);
        print_keys(SECTION_APP, config->apps[i].settings, out);
    }
    for (size_t i = 0; i < config->n_queues; i++)
        print_queue(config, &config->queues[i], out);
    for (size_t i = 0; i < sizeof rest / sizeof rest[0]; i++) {
        fprintf(out, "\n[%s]\n", config_section_name(rest[i]));
        print_keys(rest[i], config, out);
    }
}
