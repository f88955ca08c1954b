#include "daemon/io/redis_objects.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES  (64u << 10)
#define KEPT_BYTES   (256u << 10)
#define ELEMENTS_MAX (1u << 20) /* of an array; a claim has some thousand */

#if HIREDIS_MAJOR >= 1
typedef size_t array_size;
#else
typedef int array_size;
#endif

struct redis_block {
    struct redis_block *next;
    size_t used, size;
    _Alignas(max_align_t) char bytes[];
};

/* hiredis frees a reply by its pointer alone. */
struct root {
    struct redis_objects *objects;
    redisReply reply;
};

static struct redis_block *add_block(struct redis_objects *objects, size_t size)
{
    struct redis_block *block;

    if (size < BLOCK_BYTES)
        size = BLOCK_BYTES;
    block = malloc(sizeof(*block) + size);
    if (!block)
        return NULL;
    block->used = 0;
    block->size = size;
    if (objects->current) {
        block->next = objects->current->next;
        objects->current->next = block;
    } else {
        block->next = objects->blocks;
        objects->blocks = block;
    }
    return block;
}

static bool has_room(struct redis_objects *objects, size_t size)
{
    size_t max = objects->max_bytes;

    if (max > 0 && (size > max || objects->n_bytes > max - size))
        objects->is_full = true;
    return !objects->is_full;
}

static void *allocate(struct redis_objects *objects, size_t size)
{
    struct redis_block *block = objects->current;
    void *memory;

    size = (size + _Alignof(max_align_t) - 1) & ~(_Alignof(max_align_t) - 1);
    if (!has_room(objects, size))
        return NULL;
    if (!block || block->size - block->used < size) {
        block = block ? block->next : objects->blocks;
        if ((!block || block->size < size) && !(block = add_block(objects, size)))
            return NULL;
        objects->current = block;
        block->used = 0;
    }
    memory = block->bytes + block->used;
    block->used += size;
    objects->n_bytes += size;
    return memory;
}

static void free_blocks(struct redis_block **at)
{
    while (*at) {
        struct redis_block *block = *at;

        *at = block->next;
        free(block);
    }
}

static void reset(struct redis_objects *objects)
{
    struct redis_block **at = &objects->blocks;
    size_t kept = 0;

    while (*at && kept + (*at)->size <= KEPT_BYTES) {
        kept += (*at)->size;
        at = &(*at)->next;
    }
    free_blocks(at);
    objects->current = NULL;
    objects->n_bytes = 0;
}

/* The types of RESP2 come first in hiredis, and an error is the last of them. */
static bool is_of_resp3(int type)
{
    return type > REDIS_REPLY_ERROR;
}

/* A reply of the task's type, in its place. */
static redisReply *new_reply(const redisReadTask *task, int type)
{
    struct redis_objects *objects = task->privdata;
    redisReply *reply;

    objects->has_resp3 |= is_of_resp3(type);
    if (task->parent) {
        redisReply *parent = task->parent->obj;

        reply = allocate(objects, sizeof(*reply));
        if (reply)
            parent->element[task->idx] = reply;
    } else {
        struct root *root = allocate(objects, sizeof(*root));

        if (!root)
            return NULL;
        root->objects = objects;
        reply = &root->reply;
    }
    if (reply) {
        memset(reply, 0, sizeof(*reply));
        reply->type = type;
    }
    return reply;
}

static void *create_string(const redisReadTask *task, char *text, size_t len)
{
    char *copy = allocate(task->privdata, len + 1);
    redisReply *reply = copy ? new_reply(task, task->type) : NULL;

    if (!reply)
        return NULL;
    memcpy(copy, text, len);
    copy[len] = '\0';
    reply->str = copy;
    reply->len = len;
    return reply;
}

static void *create_array(const redisReadTask *task, array_size n)
{
    redisReply *reply;
    struct redisReply **elements;

    if ((size_t)n > ELEMENTS_MAX)
        return NULL;
    elements = allocate(task->privdata, (size_t)n * sizeof(struct redisReply *));
    reply = elements ? new_reply(task, task->type) : NULL;
    if (!reply)
        return NULL;
    memset(elements, 0, (size_t)n * sizeof(struct redisReply *));
    reply->element = elements;
    reply->elements = (size_t)n;
    return reply;
}

static void *create_integer(const redisReadTask *task, long long number)
{
    redisReply *reply = new_reply(task, REDIS_REPLY_INTEGER);

    if (reply)
        reply->integer = number;
    return reply;
}

static void *create_nil(const redisReadTask *task)
{
    return new_reply(task, REDIS_REPLY_NIL);
}

/* hiredis frees replies whole, never a part of one. */
static void free_object(void *object)
{
    struct root *root;

    if (!object)
        return;
    root = (struct root *)(void *)((char *)object - offsetof(struct root, reply));
    reset(root->objects);
}

#if HIREDIS_MAJOR >= 1
static void *create_double(const redisReadTask *task, double number, char *text, size_t len)
{
    redisReply *reply = create_string(task, text, len);

    if (reply)
        reply->dval = number;
    return reply;
}

static void *create_bool(const redisReadTask *task, int is_true)
{
    redisReply *reply = new_reply(task, REDIS_REPLY_BOOL);

    if (reply)
        reply->integer = is_true != 0;
    return reply;
}
#endif

/* For a type without a function hiredis gives its number in the place of a pointer. */
static redisReplyObjectFunctions functions = {
#if HIREDIS_MAJOR >= 1
    .createDouble = create_double,
    .createBool = create_bool,
#endif
    .createString = create_string,
    .createArray = create_array,
    .createInteger = create_integer,
    .createNil = create_nil,
    .freeObject = free_object,
};

void redis_objects_attach(struct redis_objects *objects, redisReader *reader)
{
    reset(objects);
    objects->has_resp3 = objects->is_full = false;
    reader->fn = &functions;
    reader->privdata = objects;
}

void redis_objects_deinit(struct redis_objects *objects)
{
    free_blocks(&objects->blocks);
    objects->current = NULL;
}
