#include "gauge.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define MIB (1024.0 * 1024.0)

/* How much each may be over its level after the warm-up; README.md has why. */
#define RSS_MARGIN_KIB     2048
#define DESCRIPTORS_MARGIN 16
#define REDIS_MARGIN       (1u << 20)
#define KEYS_MARGIN        0

void gauge_init(struct gauge *gauge, struct scene *scene)
{
    *gauge = (struct gauge){.scene = scene, .begun_ms = wait_now_ms()};
    printf("%10s %8s %8s %12s %9s %5s\n", "events", "seconds", "RSS MB", "descriptors", "Redis MB",
           "keys");
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

void gauge_look(struct gauge *gauge)
{
    struct sample *sample = &gauge->samples[gauge->n];
    sample->rss_kib = larger(sample->rss_kib, proc_rss_kib(&gauge->scene->pusherd));
    sample->descriptors = larger(sample->descriptors, proc_descriptors(&gauge->scene->pusherd));
}

static size_t redis_memory(struct redis *redis)
{
    size_t bytes = 0;
    redisReply *info = redis_cmd(redis, "INFO memory");
    const char *field = info->type == REDIS_REPLY_ERROR ? NULL : strstr(info->str, "used_memory:");
    cr_assert(field && sscanf(field, "used_memory:%zu", &bytes) == 1, "Redis: used_memory");
    freeReplyObject(info);
    return bytes;
}

void gauge_end_slice(struct gauge *gauge, size_t n_events)
{
    struct redis *redis = &gauge->scene->redis;
    struct sample *sample = &gauge->samples[gauge->n];
    gauge_look(gauge);
    sample->n_events = n_events;
    sample->seconds = (double)(wait_now_ms() - gauge->begun_ms) / 1000;
    sample->redis_bytes = redis_memory(redis);
    sample->redis_keys = (size_t)redis_int(redis, "DBSIZE");
    printf("%10zu %8.1f %8.2f %12zu %9.2f %5zu\n", n_events, sample->seconds,
           (double)sample->rss_kib / 1024, sample->descriptors, (double)sample->redis_bytes / MIB,
           sample->redis_keys);
    fflush(stdout);
    cr_assert_lt(++gauge->n, GAUGE_MAX_SLICES);
}

struct sample gauge_level(const struct gauge *gauge, size_t n_warm_up)
{
    struct sample level = gauge->samples[0];
    for (size_t i = 1; i < n_warm_up; i++) {
        const struct sample *sample = &gauge->samples[i];
        level.rss_kib = larger(level.rss_kib, sample->rss_kib);
        level.descriptors = larger(level.descriptors, sample->descriptors);
        level.redis_bytes = larger(level.redis_bytes, sample->redis_bytes);
        level.redis_keys = larger(level.redis_keys, sample->redis_keys);
    }
    return level;
}

static bool is_flat(const char *what, size_t level, size_t last, size_t margin)
{
    if (last > level + margin)
        fprintf(stderr, "soak: %s grew from %zu to %zu, and may by %zu\n", what, level, last,
                margin);
    return last <= level + margin;
}

bool gauge_is_flat(const struct gauge *gauge, size_t n_warm_up)
{
    struct sample level = gauge_level(gauge, n_warm_up);
    const struct sample *last = &gauge->samples[gauge->n - 1];
    bool flat = is_flat("the RSS in KiB", level.rss_kib, last->rss_kib, RSS_MARGIN_KIB);
    flat &= is_flat("the number of descriptors", level.descriptors, last->descriptors,
                    DESCRIPTORS_MARGIN);
    flat &= is_flat("Redis's memory in bytes", level.redis_bytes, last->redis_bytes, REDIS_MARGIN);
    return is_flat("the number of Redis's keys", level.redis_keys, last->redis_keys, KEYS_MARGIN) &&
           flat;
}
