/* pusherctl in a scene, on the scene's configuration. The program is $PUSHERCTL_BIN, or else the
 * neighbour of $PUSHERD_BIN. */
#ifndef TESTS_SUPPORT_CTL_H
#define TESTS_SUPPORT_CTL_H

#include <jansson.h>

#include "scene.h"

/* Runs it with words up to NULL and gives its exit status; *ret_out is its standard output,
 * malloc'ed and NUL-terminated, and may be NULL. Standard error is in scene->log. */
int ctl_run(struct scene *scene, char **ret_out, const char *word, ...) __attribute__((sentinel));

/* Runs it; the exit status must be this one, and its output one JSON value: a new reference. */
json_t *ctl_json(struct scene *scene, int status, const char *word, ...) __attribute__((sentinel));

/* The same in two steps, for several at once. */
void ctl_start(struct scene *scene, struct proc *ret_proc, const char *word, ...)
    __attribute__((sentinel));
json_t *ctl_finish(struct proc *proc, int status);

/* An integer of a JSON object; fails the test if it has none. */
json_int_t ctl_number(const json_t *object, const char *name);

#endif
