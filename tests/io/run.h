/* A loop of a test, run until something holds, with a bound:
 *
 *     struct run run;                          run_init(&run)
 *     cr_assert(run_until(&run, n_done == 1))  turns the loop; false if it takes too long
 *     run_end(&run)                            fails the test if a handle was left open */
#ifndef TESTS_IO_RUN_H
#define TESTS_IO_RUN_H

#include <stdbool.h>
#include <uv.h>

#define RUN_BOUND_MS 30000 /* more than anything here takes on a slow, busy machine */

struct run {
    uv_loop_t loop;
    uv_timer_t bound;
    bool is_over; /* the bound was reached */
};

/* Ignores SIGPIPE as well, as the daemon does. */
void run_init(struct run *run);
void run_end(struct run *run);

/* For callbacks that may run before the loop waits: it is not to wait, but to look at the
 * condition. */
void run_wake(struct run *run);

void run_start_bound(struct run *run);
/* One turn, which waits for something to happen; false if the bound was reached. */
bool run_turn(struct run *run);

#define run_until(run, condition)                                                                  \
    __extension__({                                                                                \
        bool run_holds_;                                                                           \
        run_start_bound(run);                                                                      \
        while (!(run_holds_ = (condition)) && run_turn(run))                                       \
            continue;                                                                              \
        run_holds_ || (condition);                                                                 \
    })

#endif
