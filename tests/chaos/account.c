/* The account: each delivery is looked at once, in the order of arrival, beside the one of the same
 * event before it. */
#include <stdio.h>
#include <stdlib.h>

#include "ledger.h"

#define IN_FLIGHT_MS 1000 /* a request may arrive so long after its daemon was stopped */
#define MIN_LEASE_MS (CHAOS_LEASE_MS - 1500) /* the last renewal may be as old as a third of it */

/* ---- what a repeat is owed to */

static bool overlaps(const struct trouble *trouble, int8_t slot, int64_t from_ms, int64_t to_ms)
{
    return (trouble->slot == LEDGER_ALL || (int8_t)trouble->slot == slot) &&
           trouble->from_ms <= to_ms && (trouble->to_ms == 0 || trouble->to_ms >= from_ms);
}

static bool is_outage(const struct trouble *trouble)
{
    return trouble->kind == TROUBLE_REDIS || trouble->kind == TROUBLE_WIRE;
}

/* Until when the outcome of a call may not have been in Redis. */
static int64_t settled_by(const struct ledger *ledger, const struct call *call,
                          struct trouble **ret_outage)
{
    int64_t by_ms = (call->ended_ms > 0 ? call->ended_ms : call->received_ms) + LEDGER_SETTLE_MS;
    *ret_outage = NULL;
    for (size_t i = 0; i < ledger->n_troubles; i++) {
        struct trouble *trouble = &ledger->troubles[i];
        if (is_outage(trouble) && overlaps(trouble, call->slot, call->received_ms, by_ms) &&
            trouble->to_ms + LEDGER_RECONNECT_MS > by_ms) {
            by_ms = trouble->to_ms + LEDGER_RECONNECT_MS;
            *ret_outage = trouble;
        }
    }
    return by_ms;
}

static struct trouble *find_trouble(const struct ledger *ledger, int8_t slot, int64_t from_ms,
                                    int64_t to_ms)
{
    for (size_t i = 0; i < ledger->n_troubles; i++) {
        struct trouble *trouble = &ledger->troubles[i];
        if (!is_outage(trouble) && overlaps(trouble, slot, from_ms, to_ms)) {
            return trouble;
        }
    }
    return NULL;
}

/* True, and counted, if some trouble may have kept the outcome of this call from Redis. */
static bool owe_to_trouble(const struct ledger *ledger, const struct call *call)
{
    struct trouble *outage;
    int64_t by_ms = settled_by(ledger, call, &outage);
    struct trouble *trouble = find_trouble(ledger, call->slot, call->received_ms, by_ms);
    if (!trouble && by_ms - call->received_ms > MIN_LEASE_MS) {
        trouble = outage;
    }
    /* After the outage: what the next daemon in the slot sent is not the killed one's. */
    if (!trouble) {
        trouble = find_trouble(ledger, call->slot, call->received_ms - IN_FLIGHT_MS, by_ms);
    }
    if (trouble) {
        bool answered = call->ended_ms > 0 && call->ended_ms < trouble->from_ms;
        *(answered ? &trouble->n_unsettled : &trouble->n_in_flight) += 1;
    }
    return trouble != NULL;
}

static void say_unexplained(const struct ledger *ledger, const struct delivery *one,
                            const struct delivery *two, size_t n)
{
    const struct call *a = &ledger->calls[one->call], *b = &ledger->calls[two->call];
    if (n <= LEDGER_MAX_EXAMPLES) {
        printf("sent twice without a reason: event %u of job %u, in request %u of daemon %d at "
               "%lld.%03lld (took %lld ms) and in request %u of daemon %d %lld ms later\n",
               one->event, ledger->work->job_of[one->event], one->call, a->slot,
               (long long)a->received_ms / 1000, (long long)a->received_ms % 1000,
               (long long)(a->ended_ms - a->received_ms), two->call, b->slot,
               (long long)(b->received_ms - a->received_ms));
    }
}

static void explain(const struct ledger *ledger, const struct delivery *one,
                    const struct delivery *two, struct account *account)
{
    const struct call *a = &ledger->calls[one->call], *b = &ledger->calls[two->call];
    account->repeats++;
    if (!a->clean) {
        account->repeats_by_answer++;
    } else if (owe_to_trouble(ledger, a) || owe_to_trouble(ledger, b)) {
        account->repeats_by_trouble++;
    } else {
        say_unexplained(ledger, one, two, ++account->unexplained);
    }
}

/* ---- the account */

static void check_order(const struct ledger *ledger, uint32_t event, uint32_t *highest,
                        struct account *account)
{
    uint32_t channel = event % ledger->work->n_channels;
    if (event + 1 > highest[channel]) {
        highest[channel] = event + 1;
    } else if (++account->order_violations <= LEDGER_MAX_EXAMPLES) {
        printf("out of order: on channel c-%u event %u (job %u) came after event %u (job %u)\n",
               channel, event, ledger->work->job_of[event], highest[channel] - 1,
               ledger->work->job_of[highest[channel] - 1]);
    }
}

static void check_deliveries(const struct ledger *ledger, bool ordered, uint32_t *last,
                             struct account *account)
{
    uint32_t *highest = calloc(ledger->work->n_channels, sizeof(uint32_t));
    for (size_t i = 0; i < ledger->n_deliveries; i++) {
        const struct delivery *delivery = &ledger->deliveries[i];
        uint32_t *before = &last[delivery->event];
        if (*before > 0) {
            explain(ledger, &ledger->deliveries[*before - 1], delivery, account);
        } else if (ordered) {
            check_order(ledger, delivery->event, highest, account);
        }
        *before = (uint32_t)i + 1;
    }
    free(highest);
}

static void say_job(const char *what, size_t job, size_t n)
{
    if (n <= LEDGER_MAX_EXAMPLES) {
        printf("%s: job %zu\n", what, job);
    }
}

static void check_job(const struct ledger *ledger, size_t job, const uint32_t *last,
                      struct account *account)
{
    const struct work *work = ledger->work;
    const struct job_books *books = &ledger->jobs[job];
    unsigned n_outcomes = books->n_results + books->n_failures;
    bool missing = false;
    for (uint32_t event = work->first[job]; event < work->first[job + 1]; event++) {
        missing |= last[event] == 0;
    }
    if (n_outcomes == 0) {
        say_job("lost", job, ++account->lost);
    } else if (n_outcomes > 1) {
        say_job("several outcomes", job, ++account->twice);
    } else if ((books->n_failures == 1) != work_is_poison(job)) {
        say_job("in the wrong stream", job, ++account->wrong_stream);
    } else if (books->n_results == 1 && missing) {
        say_job("a result, but not delivered whole", job, ++account->never_delivered);
    }
}

static bool is_calm(const struct ledger *ledger, const struct trouble *kill)
{
    for (size_t i = 0; i < ledger->n_troubles; i++) {
        const struct trouble *trouble = &ledger->troubles[i];
        if (trouble != kill && trouble->kind != TROUBLE_KILL &&
            overlaps(trouble, (int8_t)kill->slot, kill->from_ms - LEDGER_RECONNECT_MS,
                     kill->from_ms)) {
            return false;
        }
    }
    return true;
}

/* Whether anything else went wrong, to its daemon or to another, before the next outcome. */
static bool is_alone(const struct ledger *ledger, const struct trouble *one)
{
    for (size_t i = 0; i < ledger->n_troubles; i++) {
        const struct trouble *trouble = &ledger->troubles[i];
        if (trouble != one && trouble->from_ms <= one->recovered_ms &&
            (trouble->to_ms == 0 || trouble->to_ms >= one->from_ms - LEDGER_RECONNECT_MS)) {
            return false;
        }
    }
    return true;
}

static void measure_recovery(const struct ledger *ledger, const struct trouble *trouble,
                             struct account *account)
{
    int64_t recovery_ms = trouble->recovered_ms - trouble->from_ms;
    bool is_kill = trouble->kind == TROUBLE_KILL || trouble->kind == TROUBLE_REDIS;
    if (!is_kill || !trouble->had_backlog || trouble->recovered_ms == 0) {
        return;
    }
    if (recovery_ms > account->longest_recovery_any_ms) {
        account->longest_recovery_any_ms = recovery_ms;
    }
    if (recovery_ms > account->longest_recovery_ms && is_alone(ledger, trouble)) {
        account->longest_recovery_ms = recovery_ms;
    }
}

static void raise_to(size_t *most, size_t n)
{
    *most = n > *most ? n : *most;
}

static void measure_troubles(const struct ledger *ledger, struct account *account)
{
    for (size_t i = 0; i < ledger->n_troubles; i++) {
        const struct trouble *trouble = &ledger->troubles[i];
        measure_recovery(ledger, trouble, account);
        if (trouble->kind != TROUBLE_KILL) {
            continue;
        }
        raise_to(&account->most_in_flight, trouble->n_in_flight);
        raise_to(&account->most_unsettled, trouble->n_unsettled);
        if (is_calm(ledger, trouble)) {
            raise_to(&account->most_unsettled_calm, trouble->n_unsettled);
        }
    }
}

void ledger_close(struct ledger *ledger, bool ordered, struct account *ret_account)
{
    struct account account = {0};
    uint32_t *last = calloc(ledger->work->n_events + 1, sizeof(uint32_t));
    check_deliveries(ledger, ordered, last, &account);
    for (size_t job = 0; job < ledger->work->n_jobs; job++) {
        check_job(ledger, job, last, &account);
    }
    measure_troubles(ledger, &account);
    free(last);
    *ret_account = account;
}
