/* Whatever consumers do, and whenever they die: every job is in exactly one place, has exactly one
 * outcome in the end, and keeps its bytes. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "tests/unit/scripts/soak.h"

#define N_STEPS 4000
#define N_CHECK 250

TestSuite(scripts, .init = scripts_open, .fini = scripts_close, .timeout = 250);

static void run(uint64_t seed)
{
    struct soak *soak = malloc(sizeof(*soak));

    cr_assert(soak);
    soak_begin(soak, seed);
    for (unsigned i = 1; i <= N_STEPS; i++) {
        soak_step(soak);
        if (i % N_CHECK == 0)
            soak_check(soak);
    }
    soak_drain(soak);
    soak_check(soak);
    cr_log_info("seed %llu: %u jobs, %u consumers", (unsigned long long)seed, soak->n_jobs,
                soak->n_consumers);
    soak_end(soak);
    free(soak);
}

Test(scripts, lose_no_job_with_seed_1)
{
    run(1);
}

Test(scripts, lose_no_job_with_seed_2)
{
    run(2);
}

Test(scripts, lose_no_job_with_seed_3)
{
    run(3);
}

Test(scripts, lose_no_job_with_seed_4)
{
    run(4);
}
