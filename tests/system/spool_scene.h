/* What the tests of the spool stand on: a scene with a spool, what is in its files, and what came
 * of the jobs. */
#ifndef SYSTEM_SPOOL_SCENE_H
#define SYSTEM_SPOOL_SCENE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/support/scene.h"

#define N_JOBS    200
#define SPOOL_DIR "spool"
#define DELIVERY  "[delivery]\nlease_ms = 9000\nmax_orphanings = 100\n"
#define SPOOL     "[spool]\ndir = " SPOOL_DIR "\n"
#define SLOWLY    "[{'action':{'delay_ms':1500}}]"
#define QUICKLY   "[{'action':{'delay_ms':5}}]"

extern struct scene scene;

void open_with(const char *ini);
void open_scene(void);
void close_scene(void);

/* Outcomes in all files, without the heads; *ret_files counts these. */
size_t n_spooled(size_t *ret_files);
bool spool_has(size_t n);
bool spool_is_empty(void);

/* The jobs 0 to n - 1 are settled, each has one result, and was sent once; the spool is empty. */
void expect_each_once(size_t n);

/* All jobs are claimed and the first requests are out, unanswered. */
void claim_all(void);
void wait_until_claimed(void); /* the same of a daemon that was just started */

/* All of them are answered. */
void answer_all(void);
void spool_all_while_redis_is_down(void);
void wait_for(uint64_t ms);

#endif
