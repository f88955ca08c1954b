/* What the tests of SIGHUP stand on: a scene whose configuration is written anew, and what was
 * published at the end. */
#ifndef SYSTEM_RELOAD_SCENE_H
#define SYSTEM_RELOAD_SCENE_H

#include <stddef.h>

#include "tests/support/scene.h"

#define N_CHANNELS 50
#define TAKEN      "read again and is in force"
#define MORE_LIST  "more:jobs"

extern struct scene scene;
extern struct fake_server second; /* the same app, with another secret; not started by itself */

void open_scene(void);
void close_scene(void);
void start(void);

/* Lines of the log. */
size_t n_taken(void);
size_t n_refused(void);

/* Writes the configuration with these lines of [app main], and these sections. */
void write_config(const char *app, const char *ini);

/* The whole file anew, with another secret and server for [app main]. */
void write_whole(const char *secret, unsigned port, const char *more);

/* Sends the signal; */
void hang_up(void);

/* ... and the daemon takes what it writes, */
void take(const char *app, const char *ini);

/* ... or refuses what was written, for this reason. */
void refuse(const char *why);

/* An event to an app. */
void push_one(const char *app);

/* The section of a second app of the scene's server. */
const char *other_app(const char *more);

/* Each of the events 0 to n - 1 was published once, and those of a channel in order: first by the
 * scene's server, then by the second, if it runs. The first n_first came through one queue. */
void expect_each_once_in_order(size_t n, size_t n_first);

void slow_down(const struct fake_server *fake, unsigned delay_ms);

#endif
