/* The figures of a run, as a table and as one line of JSON; and whether they keep the promises. */
#ifndef TESTS_CHAOS_REPORT_H
#define TESTS_CHAOS_REPORT_H

#include "ledger.h"
#include "trouble.h"

struct run_figures {
    double seconds;
    size_t counts[4]; /* troubles by kind */
    unsigned n_died;  /* daemons that ended by themselves, or not with 0 when asked to */
    unsigned n_sanitizer_reports;
    size_t n_left; /* keys left in Redis */
};

/* Prints; true if every promise was kept. */
bool report(const struct chaos_options *options, const struct ledger *ledger,
            const struct account *account, const struct run_figures *figures);

/* A line that is written over, of how far the run is. */
void report_progress(const struct chaos_options *options, const struct ledger *ledger,
                     const size_t counts[4], double seconds);

#endif
