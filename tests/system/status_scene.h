/* What the tests of the status server stand on: a scene whose daemon listens, and questions to it.
 */
#ifndef SYSTEM_STATUS_SCENE_H
#define SYSTEM_STATUS_SCENE_H

#include <stdbool.h>

#include "tests/support/http.h"
#include "tests/support/scene.h"

extern struct scene scene;
extern unsigned port;
extern char ini[512];

/* `more`: lines behind [status]. */
void open_listening(const char *address, const char *more);

void open_scene(void); /* at a port of 127.0.0.1, which is `port` */
void close_scene(void);

/* Opens a scene whose daemon listens at status.sock in a folder of its own, which is socket_path.
 */
void open_unix(struct folder *folder);
extern char socket_path[FOLDER_PATH_MAX + 32];

/* To `port`. */
struct http_answer ask(const char *method, const char *path);
long status_of(const char *method, const char *path);

/* True if /readyz answers this, with the text in its JSON. */
bool readyz_is(long status, const char *text);

/* True if /readyz answers 200 at socket_path. */
bool answers_unix(void);

#define becomes_ready() wait_until(readyz_is(200, "{\"ready\":true}"), WAIT_LONG_MS)

void start_ready(void);

#endif
