/* The jobs of the micro benchmark: one event of 200 bytes of data, as bench/run has them, in
 * channels of their own. */
#ifndef BENCH_MICRO_JOBS_H
#define BENCH_MICRO_JOBS_H

#include <stddef.h>

#define MICRO_HEADER_LEN 7 /* "0:0:0::", see proto/record.h */
#define MICRO_MASTER_KEY "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="

enum micro_variant { MICRO_JSON, MICRO_MSGPACK, MICRO_ENCRYPTED, MICRO_VARIANTS };

extern const char *const micro_variant_names[MICRO_VARIANTS];

struct micro_job {
    char record[512]; /* as a claim gives it */
    size_t len;
};

/* Writes the job of this index; one that is encrypted is JSON. */
void micro_job_write(struct micro_job *job, enum micro_variant variant, unsigned index);

#endif
