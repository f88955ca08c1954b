#include "report.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

/* A daemon has so many events in flight or unsettled at most. The fake, which counts them, sees a
 * request end later than the daemon that gave it up, and another daemon may have it by then. */
#define MOST_AT_ONE_KILL (2 * CHAOS_MAX_IN_FLIGHT * CHAOS_BATCH)

struct row {
    const char *name; /* in JSON */
    const char *text;
    json_int_t value;
    json_int_t most; /* what is promised; -1: nothing */
};

static bool is_kept(const struct row *row)
{
    return row->most < 0 || row->value <= row->most;
}

static void print_row(const struct row *row)
{
    printf("  %-58s %12lld", row->text, (long long)row->value);
    if (row->most >= 0) {
        printf("  %s %lld", is_kept(row) ? "of at most" : "BROKEN: at most", (long long)row->most);
    }
    printf("\n");
}

static bool print_rows(const struct row *rows, size_t n, json_t *json)
{
    bool kept = true;
    for (size_t i = 0; i < n; i++) {
        print_row(&rows[i]);
        json_object_set_new(json, rows[i].name, json_integer(rows[i].value));
        kept &= is_kept(&rows[i]);
    }
    return kept;
}

static bool print_run(const struct chaos_options *options, const struct ledger *ledger,
                      const struct run_figures *figures, json_t *json)
{
    const struct row rows[] = {
        {"jobs", "jobs", (json_int_t)ledger->work->n_jobs, -1},
        {"events", "events in them", (json_int_t)ledger->work->n_events, -1},
        {"failures", "jobs that failed, as they should", (json_int_t)ledger->n_failures, -1},
        {"daemons", "daemons", options->n_daemons, -1},
        {"kills", "daemons killed", (json_int_t)figures->counts[TROUBLE_KILL], -1},
        {"freezes", "daemons frozen", (json_int_t)figures->counts[TROUBLE_FREEZE], -1},
        {"redis_restarts", "Redis killed and restarted", (json_int_t)figures->counts[TROUBLE_REDIS],
         -1},
        {"wire_faults", "wires to Redis cut, stalled, slowed, deafened",
         (json_int_t)figures->counts[TROUBLE_WIRE], -1},
        {"milliseconds", "milliseconds", (json_int_t)(figures->seconds * 1000), -1},
    };
    return print_rows(rows, sizeof(rows) / sizeof(rows[0]), json);
}

static bool print_promises(const struct chaos_options *options, const struct account *account,
                           const struct run_figures *figures, json_t *json)
{
    const struct row rows[] = {
        {"lost", "jobs lost", (json_int_t)account->lost, 0},
        {"outcomes_twice", "jobs with several outcomes", (json_int_t)account->twice, 0},
        {"wrong_stream", "jobs in the wrong stream", (json_int_t)account->wrong_stream, 0},
        {"not_delivered", "results whose events were not all delivered",
         (json_int_t)account->never_delivered, 0},
        {"sent_again", "deliveries of events that had been delivered", (json_int_t)account->repeats,
         -1},
        {"sent_again_by_answer", "  since the answer was faulty, late or missing",
         (json_int_t)account->repeats_by_answer, -1},
        {"sent_again_by_trouble", "  since a kill, a freeze or an outage came before the outcome",
         (json_int_t)account->repeats_by_trouble, -1},
        {"in_flight_at_one_kill", "    in flight at one kill, at most",
         (json_int_t)account->most_in_flight, MOST_AT_ONE_KILL},
        {"unsettled_at_one_kill", "    answered, not yet settled at one kill, at most",
         (json_int_t)account->most_unsettled_calm, MOST_AT_ONE_KILL},
        {"unsettled_at_one_kill_any", "    the same, Redis or its wire being out of order",
         (json_int_t)account->most_unsettled, -1},
        {"sent_again_unexplained", "  for no such reason", (json_int_t)account->unexplained, 0},
        {"order_violations", "events that overtook one of their channel",
         (json_int_t)account->order_violations, options->check_order ? 0 : -1},
        {"left_in_redis", "keys left in Redis", (json_int_t)figures->n_left, 0},
        {"daemons_died", "daemons that ended by themselves", figures->n_died, 0},
        {"sanitizer_reports", "logs with a report of a sanitizer", figures->n_sanitizer_reports, 0},
    };
    size_t n = sizeof(rows) / sizeof(rows[0]);
    return print_rows(rows, n, json);
}

static bool print_times(const struct ledger *ledger, const struct account *account, json_t *json)
{
    const struct row rows[] = {
        {"longest_recovery_ms", "longest from a kill to the next outcome, ms",
         (json_int_t)account->longest_recovery_ms, -1},
        {"longest_recovery_any_ms", "  while other things went wrong, too, ms",
         (json_int_t)account->longest_recovery_any_ms, -1},
        {"longest_silence_ms", "longest without an outcome while jobs waited, ms",
         (json_int_t)ledger->longest_silence_ms, -1},
        {"slowest_job_ms", "slowest job, ms", (json_int_t)ledger->slowest_job_ms, -1},
    };
    return print_rows(rows, sizeof(rows) / sizeof(rows[0]), json);
}

bool report(const struct chaos_options *options, const struct ledger *ledger,
            const struct account *account, const struct run_figures *figures)
{
    json_t *json = json_pack("{s:I}", "seed", (json_int_t)options->seed);
    bool kept = print_run(options, ledger, figures, json);
    kept &= print_promises(options, account, figures, json);
    kept &= print_times(ledger, account, json);
    json_object_set_new(json, "kept", json_boolean(kept));
    char *line = json_dumps(json, JSON_COMPACT);
    printf("%s\n%s\n", line, kept ? "every promise was kept" : "PROMISES WERE BROKEN");
    free(line);
    json_decref(json);
    return kept;
}

void report_progress(const struct chaos_options *options, const struct ledger *ledger,
                     const size_t counts[4], double seconds)
{
    printf("\r%3.0f s  %zu of %zu jobs  %zu kills  %zu freezes  %zu Redis restarts  %zu wire "
           "faults ",
           seconds, ledger->n_decided, options->n_jobs, counts[TROUBLE_KILL],
           counts[TROUBLE_FREEZE], counts[TROUBLE_REDIS], counts[TROUBLE_WIRE]);
    fflush(stdout);
}
