#include "audit.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void audit_results(struct redis *redis, const char *results, size_t n)
{
    struct outcomes outcomes;
    unsigned *seen = calloc(n, sizeof(unsigned));
    outcomes_read(redis, results, &outcomes);
    for (size_t i = 0; i < outcomes.n; i++) {
        size_t id = strtoul(outcomes_get(&outcomes, i, "id", NULL), NULL, 10);
        cr_assert_lt(id, n);
        seen[id]++;
    }
    for (size_t i = 0; i < n; i++)
        cr_expect_eq(seen[i], 1, "%u results of job %zu", seen[i], i);
    outcomes_deinit(&outcomes);
    free(seen);
}

size_t audit_published_twice(struct scene *scene, size_t n)
{
    unsigned *counts = calloc(n, sizeof(unsigned));
    size_t n_twice = 0;
    scene_count_published(scene, counts, n);
    for (size_t i = 0; i < n; i++) {
        cr_expect_geq(counts[i], 1u, "event %zu is lost", i);
        n_twice += counts[i] > 1;
    }
    free(counts);
    return n_twice;
}

size_t audit_each_once(struct scene *scene, struct redis *redis, const char *results, size_t n)
{
    audit_results(redis, results, n);
    return audit_published_twice(scene, n);
}

bool audit_recovers(struct redis *redis, const char *results, const char *what, uint64_t from_ms,
                    uint64_t limit_ms)
{
    size_t before = outcomes_count(redis, results);
    if (!wait_until(outcomes_count(redis, results) > before, limit_ms))
        return false;
    uint64_t took_ms = wait_now_ms() - from_ms;
    fprintf(stderr, "recovered from %s in %u ms\n", what, (unsigned)took_ms);
    return took_ms <= limit_ms;
}

bool audit_logs(struct scene *scene, const char *text)
{
    return wait_until(proc_logged(&scene->pusherd, text), WAIT_LONG_MS);
}

size_t audit_log_lines(const struct scene *scene, const char *text)
{
    char line[1024];
    size_t n = 0;
    FILE *file = fopen(scene->log, "re");
    while (file && fgets(line, sizeof(line), file))
        n += strstr(line, text) != NULL;
    if (file)
        fclose(file);
    return n;
}
