/* Random consumers at work on one queue, beside a model of where each job is. soak.c makes the
 * steps, soak_check.c compares Redis with the model. */
#ifndef TESTS_UNIT_SCRIPTS_SOAK_H
#define TESTS_UNIT_SCRIPTS_SOAK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/unit/scripts/scripts.h"

#define SOAK_MAX_JOBS      20000
#define SOAK_MAX_CONSUMERS 1000
#define SOAK_MAX_HELD      400
#define SOAK_ALIVE         4
#define SOAK_TAG           8 /* bytes at the end of each job: its number */

enum soak_place {
    SOAK_LISTED,
    SOAK_INFLIGHT,
    SOAK_RETRY,
    SOAK_RESULT,    /* an entry in results */
    SOAK_FAILURE,   /* an entry in failures */
    SOAK_FORGOTTEN, /* settled without an entry */
};

struct soak_job {
    char *bytes; /* owned */
    size_t len;
    enum soak_place place;
    unsigned consumer; /* INFLIGHT */
    char id[24];       /* INFLIGHT, RETRY */
    unsigned attempts, orphanings;
    uint64_t first_ms;
    char progress[20]; /* hex */
};

/* What a consumer believes to have claimed: it may be gone since. */
struct soak_held {
    char id[24];
    unsigned job;
};

struct soak_consumer {
    bool has_lease; /* as far as Redis knows */
    struct soak_held held[SOAK_MAX_HELD];
    unsigned n_held;
};

struct soak {
    uint64_t random;
    struct soak_job jobs[SOAK_MAX_JOBS];
    unsigned n_jobs;
    struct soak_consumer consumers[SOAK_MAX_CONSUMERS];
    unsigned n_consumers;
    unsigned alive[SOAK_ALIVE];
    unsigned list[3 * SOAK_MAX_JOBS]; /* jobs in the list, from list[head] on, n_listed */
    unsigned head, n_listed;
    unsigned n_replies;
    bool paused;
    char seq[24]; /* a counter of claim ids that was, as an older snapshot has it */
};

void soak_begin(struct soak *soak, uint64_t seed);
void soak_end(struct soak *soak);

/* One random step. */
void soak_step(struct soak *soak);

/* Kills every consumer, has them reaped, and settles everything by a last one. */
void soak_drain(struct soak *soak);

/* Every job is in exactly one place, the one of the model, with its bytes. */
void soak_check(struct soak *soak);

/* The number at the end of a job. */
unsigned soak_tag(const char *bytes, size_t len);

/* True if the record is the job's, as the model has it. */
bool soak_is_record(const struct soak_job *job, const char *record, size_t len);

const char *soak_name(unsigned consumer);

#endif
