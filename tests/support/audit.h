/* Whether the jobs of job_push_many() met the guarantees. */
#ifndef TESTS_SUPPORT_AUDIT_H
#define TESTS_SUPPORT_AUDIT_H

#include <stddef.h>

#include "scene.h"

/* Fails the test unless each of the jobs 0 to n - 1 has one result in this stream. */
void audit_results(struct redis *redis, const char *results, size_t n);

/* Fails the test unless the event of each of these jobs was published. Gives how many were more
 * than once. */
size_t audit_published_twice(struct scene *scene, size_t n);

/* Both. */
size_t audit_each_once(struct scene *scene, struct redis *redis, const char *results, size_t n);

/* Waits until this stream has more entries than now, and says on standard error how long that took
 * since the time `from_ms` of wait_now_ms(). False if it takes longer than `limit_ms`. */
bool audit_recovers(struct redis *redis, const char *results, const char *what, uint64_t from_ms,
                    uint64_t limit_ms);

/* True once the daemon's log has this text; waits for it. */
bool audit_logs(struct scene *scene, const char *text);

/* Lines of the daemon's log with this text. */
size_t audit_log_lines(const struct scene *scene, const char *text);

#endif
