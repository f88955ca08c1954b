/* A scene: a private Redis, a fake Pusher, and pusherd between them. The program is $PUSHERD_BIN.
 *
 *   static struct scene scene;
 *   static void open(void)  { scene_open(&scene, NULL); scene_start_pusherd(&scene); }
 *   static void close(void) { scene_close(&scene); }
 *   TestSuite(delivery, .init = open, .fini = close);
 */
#ifndef TESTS_SUPPORT_SCENE_H
#define TESTS_SUPPORT_SCENE_H

#include <jansson.h>
#include <stddef.h>

#include "fake_server.h"
#include "folder.h"
#include "job.h"
#include "outcomes.h"
#include "redis.h"
#include "wait.h"

/* 32 bytes in base64: the master key of the scene's app. */
#define SCENE_MASTER_KEY "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="

/* All may be NULL. */
struct scene_options {
    const char *app; /* more lines of [app main], the scene's app */
    const char *ini; /* more sections */
    const char *const *redis_args;
    const char *const *fake_args;
};

struct scene {
    struct scene_options options; /* borrowed texts */
    struct folder folder;
    struct redis redis;
    struct fake_server fake;
    struct proc pusherd;
    char config[FOLDER_PATH_MAX + 32]; /* pusherd's configuration file */
    char log[FOLDER_PATH_MAX + 32];    /* standard error of every pusherd */
};

/* Starts Redis and the fake, writes the configuration. */
void scene_open(struct scene *scene, const struct scene_options *options);
void scene_start_pusherd(struct scene *scene);

/* Writes the configuration again, with another Redis than the scene's own. */
void scene_point_at(struct scene *scene, const char *redis_url);

/* One more daemon on the same configuration, for the caller to stop; before scene_close(). */
void scene_start_other(struct scene *scene, struct proc *ret_proc);

/* Runs pusherd with these arguments and this environment (both NULL-terminated, without the name of
 * the program; the environment may be NULL) to its end; its standard error is in scene->log. */
int scene_run_pusherd(struct scene *scene, const char *const *args, const char *const *env);
void scene_start_pusherd_with(struct scene *scene, const char *const *args, const char *const *env,
                              struct proc *ret_proc);

/* Stops all of it. Fails the test unless a pusherd that still runs ends with 0, and if a sanitizer
 * has reported anything. */
void scene_close(struct scene *scene);

/* True once results and failures hold exactly this many entries; waits for it. */
bool scene_settles(struct scene *scene, size_t n_results, size_t n_failures);

/* True once nothing is left in the list, in flight or waiting, and the streams hold `n` together.
 */
bool scene_drains(struct scene *scene, size_t n);

/* How often each event {"n":id} of job_push_many() was published: counts[0] to counts[n - 1]. */
void scene_count_published(struct scene *scene, unsigned *counts, size_t n);

/* The i-th event published, from 0: a new reference. */
json_t *scene_event(struct scene *scene, size_t i);

/* True if the i-th event published is this one. */
bool scene_event_is(struct scene *scene, size_t i, const char *channel, const char *name,
                    const char *data);

#endif
