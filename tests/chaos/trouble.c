#include "trouble.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "relay.h"

void troubles_init(struct troubles *troubles, struct stage *stage, struct ledger *ledger,
                   const struct chaos_options *options)
{
    const unsigned counts[] = {options->n_kills, options->n_freezes, options->n_redis_restarts,
                               options->n_wire_faults};
    *troubles = (struct troubles){
        .stage = stage, .ledger = ledger, .random = options->seed, .n_jobs = options->n_jobs};
    troubles->plan = calloc(counts[0] + counts[1] + counts[2] + counts[3] + 1, 1);
    for (uint8_t kind = 0; kind < 4; kind++) {
        for (unsigned i = 0; i < counts[kind]; i++) {
            troubles->plan[troubles->n_plan++] = kind;
        }
    }
    for (size_t i = troubles->n_plan; i > 1; i--) {
        size_t k = (size_t)dice_between(&troubles->random, 0, (int64_t)i - 1);
        uint8_t kind = troubles->plan[i - 1];
        troubles->plan[i - 1] = troubles->plan[k];
        troubles->plan[k] = kind;
    }
}

void troubles_deinit(struct troubles *troubles)
{
    free(troubles->plan);
    *troubles = (struct troubles){0};
}

/* ---- each kind */

static void begin(struct troubles *troubles, struct pending *pending, enum trouble_kind kind,
                  uint32_t slot, bool has_backlog, int64_t for_ms)
{
    pending->trouble = ledger_trouble(troubles->ledger, kind, slot, has_backlog) + 1;
    pending->end_ms = unix_ms() + for_ms;
}

static void close_books(struct troubles *troubles, struct pending *pending)
{
    ledger_trouble_over(troubles->ledger, pending->trouble - 1);
    pending->trouble = 0;
}

/* A daemon that is stopped can be killed as well: then it is not to be woken any more. */
static void kill_daemon(struct troubles *troubles, uint32_t slot, bool has_backlog)
{
    begin(troubles, &troubles->killed[slot], TROUBLE_KILL, slot, has_backlog,
          dice_between(&troubles->random, 0, 300));
    proc_kill(&troubles->stage->slots[slot].proc);
    if (troubles->frozen[slot].trouble > 0) {
        close_books(troubles, &troubles->frozen[slot]);
    }
}

/* Shorter than a request's timeout, longer than that, or longer than the lease. */
static int64_t random_pause(struct troubles *troubles)
{
    static const int64_t ranges[][2] = {
        {50, CHAOS_TIMEOUT_MS / 2},
        {CHAOS_TIMEOUT_MS, CHAOS_LEASE_MS / 2},
        {CHAOS_LEASE_MS + 1500, CHAOS_LEASE_MS + 3000},
    };
    size_t i = (size_t)dice_between(&troubles->random, 0, 4);
    i = i < 3 ? 0 : i - 2;
    return dice_between(&troubles->random, ranges[i][0], ranges[i][1]);
}

static void freeze_daemon(struct troubles *troubles, uint32_t slot, bool has_backlog)
{
    begin(troubles, &troubles->frozen[slot], TROUBLE_FREEZE, slot, has_backlog,
          random_pause(troubles));
    proc_signal(&troubles->stage->slots[slot].proc, SIGSTOP);
}

static void kill_redis(struct troubles *troubles, bool has_backlog)
{
    int64_t for_ms = dice_between(&troubles->random, 0, 9) == 0
                         ? random_pause(troubles)
                         : dice_between(&troubles->random, 0, 800);
    begin(troubles, &troubles->redis, TROUBLE_REDIS, LEDGER_ALL, has_backlog, for_ms);
    troubles->stage->redis_is_up = false;
    redis_kill(&troubles->stage->redis);
}

static void break_wire(struct troubles *troubles, uint32_t slot, bool has_backlog)
{
    enum relay_fault fault =
        (enum relay_fault)dice_between(&troubles->random, RELAY_CUT, RELAY_LATE);
    int64_t for_ms = 0;
    if (fault == RELAY_STALL) {
        for_ms = random_pause(troubles);
    } else if (fault == RELAY_LATE) {
        for_ms = dice_between(&troubles->random, CHAOS_LEASE_MS + 3000, CHAOS_LEASE_MS + 4500);
    } else if (fault != RELAY_CUT) {
        for_ms = dice_between(&troubles->random, 5, fault == RELAY_DEAF ? 200 : 2000);
    }
    begin(troubles, &troubles->wire[slot], TROUBLE_WIRE, slot, has_backlog, for_ms);
    relay_fail(&troubles->stage->slots[slot].relay, fault, for_ms);
}

/* ---- endings */

/* True when it is due. */
static bool ends(const struct pending *pending)
{
    return pending->trouble > 0 && unix_ms() >= pending->end_ms;
}

static void end_wire(struct troubles *troubles, uint32_t slot)
{
    struct pending *pending = &troubles->wire[slot];
    int64_t began_ms;
    if (pending->trouble == 0 || !relay_is_sound(&troubles->stage->slots[slot].relay, &began_ms)) {
        return;
    }
    ledger_trouble_began(troubles->ledger, pending->trouble - 1, began_ms);
    close_books(troubles, pending);
}

static void end_slot(struct troubles *troubles, uint32_t slot)
{
    struct proc *proc = &troubles->stage->slots[slot].proc;
    if (ends(&troubles->frozen[slot])) {
        proc_signal(proc, SIGCONT);
        close_books(troubles, &troubles->frozen[slot]);
    }
    end_wire(troubles, slot);
    if (ends(&troubles->killed[slot])) {
        stage_start_daemon(troubles->stage, slot);
        close_books(troubles, &troubles->killed[slot]);
    } else if (troubles->killed[slot].trouble == 0 && !proc_is_running(proc)) {
        int status = proc_wait(proc, 1000);
        printf("daemon %u ended by itself with %d\n", slot, status);
        troubles->n_died++;
        stage_start_daemon(troubles->stage, slot);
    }
}

static void end_some(struct troubles *troubles)
{
    for (uint32_t slot = 0; slot < troubles->stage->n_slots; slot++) {
        end_slot(troubles, slot);
    }
    if (ends(&troubles->redis)) {
        redis_start_again(&troubles->stage->redis);
        troubles->stage->redis_is_up = true;
        close_books(troubles, &troubles->redis);
    }
}

/* ---- beginnings */

/* False if it cannot be now: the same is going on already. */
static bool begin_next(struct troubles *troubles, bool has_backlog)
{
    enum trouble_kind kind = (enum trouble_kind)troubles->plan[troubles->n_done];
    uint32_t slot = (uint32_t)dice_between(&troubles->random, 0, troubles->stage->n_slots - 1);
    if (troubles->killed[slot].trouble > 0) {
        return false;
    }
    switch (kind) {
    case TROUBLE_KILL:
        kill_daemon(troubles, slot, has_backlog);
        break;
    case TROUBLE_FREEZE:
        if (troubles->frozen[slot].trouble > 0) {
            return false;
        }
        freeze_daemon(troubles, slot, has_backlog);
        break;
    case TROUBLE_REDIS:
        if (troubles->redis.trouble > 0) {
            return false;
        }
        kill_redis(troubles, has_backlog);
        break;
    case TROUBLE_WIRE:
        if (troubles->wire[slot].trouble > 0) {
            return false;
        }
        break_wire(troubles, slot, has_backlog);
        break;
    }
    troubles->counts[kind]++;
    return true;
}

static bool is_due(const struct troubles *troubles)
{
    size_t at = (troubles->n_done + 1) * (troubles->n_jobs / (troubles->n_plan + 2));
    return (troubles->next_ms > 0 && unix_ms() >= troubles->next_ms) ||
           troubles->ledger->n_decided >= at;
}

void troubles_step(struct troubles *troubles, bool has_backlog)
{
    end_some(troubles);
    if (troubles->n_done == troubles->n_plan || !is_due(troubles) ||
        !begin_next(troubles, has_backlog)) {
        return;
    }
    troubles->n_done++;
    troubles->next_ms = dice_between(&troubles->random, 0, 3) == 0
                            ? unix_ms() + dice_between(&troubles->random, 1, 400)
                            : 0;
}

bool troubles_are_over(const struct troubles *troubles)
{
    bool pending = troubles->redis.trouble > 0;
    for (size_t slot = 0; slot < CHAOS_MAX_DAEMONS; slot++) {
        pending |= troubles->killed[slot].trouble > 0 || troubles->frozen[slot].trouble > 0 ||
                   troubles->wire[slot].trouble > 0;
    }
    return troubles->n_done == troubles->n_plan && !pending;
}
