/* A folder of files to read a configuration from, and what a test wants to know of the result.
 *
 * Each Criterion test is a process of its own, so the folder is a global of this file, made by the
 * first fixture_file() and removed by fixture_remove(), the .fini of every suite. */
#ifndef TESTS_CONFIG_FIXTURE_H
#define TESTS_CONFIG_FIXTURE_H

#include "daemon/config/config.h"

#define ONE_APP "[app main]\napp_id=3\nkey=k\nsecret=s\ncluster=eu\n" /* five lines */

/* Writes a file of the folder and gives its path, which is good until 16 others were written. */
const char *fixture_file(const char *name, unsigned mode, const char *text);
void fixture_remove(void);

/* Reads `ini` (may be NULL), the JSON form `json` (may be NULL) and the variables; aborts the test
 * with the error's text if that fails. The caller frees it. */
struct config *fixture_load(const char *ini, const char *json, const char *const *environ);

/* The error's text, the folder taken out of it: "pusherd.conf:3: ..."; "" if there was none. */
const char *fixture_error(const char *ini, const char *json, const char *const *environ);

/* What config_dump() prints; the caller frees it. */
char *fixture_dump(const struct config *config);

#define ENVIRON(...) ((const char *const[]){__VA_ARGS__, NULL})

#endif
