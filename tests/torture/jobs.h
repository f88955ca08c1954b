/* The jobs of a round, one of every kind, and what is to become of each, whatever happens. */
#ifndef TESTS_TORTURE_JOBS_H
#define TESTS_TORTURE_JOBS_H

#include <stdbool.h>

#include "tests/support/redis.h"

/* They need a server that refuses what contains "poison" and answers paths with "/channels" by
 * JOBS_ANSWER. */
void jobs_push(struct redis *redis);
#define JOBS_ANSWER "{'channels':{'a':{'subscription_count':3}}}"

/* Nothing is left to do, and as much was told as should be. `successes_are_none`: those that return
 * nothing are only counted. */
bool jobs_are_over(struct redis *redis, bool successes_are_none);

/* Fails the test unless each has ended as it should, with the whole of its result, or of its failed
 * parts; and whoever waits for a reply has been told the same, once. `at` is for the messages. */
void jobs_expect(struct redis *redis, bool successes_are_none, unsigned long at);

#endif
