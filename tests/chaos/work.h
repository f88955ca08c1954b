/* The jobs of a run, made from their numbers alone.
 *
 * Most hold one event; every 40th is a triggerBatch of twelve. Events are numbered through the
 * jobs; the channel of event e is e modulo the number of channels, so that each channel's events
 * are queued in the order of their numbers. A few jobs are poison: the fake refuses any request
 * that holds one, and they must end as `rejected`. */
#ifndef TESTS_CHAOS_WORK_H
#define TESTS_CHAOS_WORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WORK_POISON  "poison" /* stands in the data of a poisonous event */
#define WORK_MAX_JOB 2048

struct work {
    size_t n_jobs;
    size_t n_events;
    unsigned n_channels;
    uint32_t *job_of; /* owned; by event */
    uint32_t *first;  /* owned; by job: its first event; n_jobs + 1 of them */
};

void work_init(struct work *work, size_t n_jobs, unsigned n_channels);
void work_deinit(struct work *work);

bool work_is_poison(size_t job);

/* The job's JSON; its id is its number. Returns the length. */
size_t work_write(const struct work *work, size_t job, char ret_text[WORK_MAX_JOB]);

/* The event's number from its data; false if it is none of ours. */
bool work_read_event(const struct work *work, const char *data, size_t *ret_event);

#endif
