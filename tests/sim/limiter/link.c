#include "tests/sim/limiter/link.h"

/* splitmix64 */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static uint64_t below(struct link *link, uint64_t n)
{
    return n > 0 ? next_random(&link->random) % n : 0;
}

static void plan_pause(struct link *link, uint64_t after_us)
{
    if (link->options->pauses_per_s == 0)
        return;
    link->pause_us = after_us + below(link, 2000000 / link->options->pauses_per_s);
    link->resume_us = link->pause_us + below(link, link->options->longest_pause_us);
}

void link_init(struct link *link, const struct link_options *options, uint64_t seed)
{
    *link = (struct link){.options = options, .random = seed};
    link->pause_us = link->resume_us = UINT64_MAX;
    plan_pause(link, 0);
}

/* When something that would happen at `at_us` does, if nothing moves meanwhile. */
static uint64_t held_up(struct link *link, uint64_t at_us)
{
    const struct link_options *options = link->options;

    if (at_us >= options->stall_from_us && at_us < options->stall_to_us)
        at_us = options->stall_to_us;
    if (at_us >= link->pause_us && at_us < link->resume_us)
        return link->resume_us;
    return at_us;
}

/* When the first free worker has done it. */
static uint64_t work(struct link *link, uint64_t arrives_us)
{
    const struct link_options *options = link->options;
    unsigned first = 0;
    uint64_t *free_us;

    for (unsigned i = 1; i < options->workers; i++)
        first = link->free_us[i] < link->free_us[first] ? i : first;
    free_us = &link->free_us[first];
    if (options->workers == 0 || *free_us < arrives_us)
        *free_us = arrives_us;
    *free_us += options->work_us;
    return *free_us;
}

static bool exceeds_rate(struct link *link, uint64_t now_us)
{
    uint64_t cost_us, ahead_us = 50000; /* what may be used at once */

    if (link->options->max_per_s == 0)
        return false;
    cost_us = 1000000 / link->options->max_per_s;
    if (link->tokens_us + ahead_us < now_us + cost_us)
        link->tokens_us = now_us + cost_us - ahead_us;
    if (link->tokens_us > now_us)
        return true;
    link->tokens_us += cost_us;
    return false;
}

static enum link_answer decide(struct link *link, uint64_t now_us)
{
    const struct link_options *options = link->options;

    if (exceeds_rate(link, now_us))
        return LINK_RATE_LIMITED;
    if (options->max_at_once > 0 && link->n_at_server >= options->max_at_once)
        return options->drops ? LINK_NO_ANSWER : LINK_SERVER_ERROR;
    return below(link, 1000) < options->fails_in_1000 ? LINK_SERVER_ERROR : LINK_DONE;
}

uint64_t link_send(struct link *link, uint64_t now_us, enum link_answer *ret_answer)
{
    const struct link_options *options = link->options;
    bool is_changed = options->other_way_us > 0 && now_us >= options->other_way_from_us;
    uint64_t way_us = is_changed ? options->other_way_us : options->way_us;
    uint64_t at_us;

    if (link->resume_us <= now_us)
        plan_pause(link, now_us);
    *ret_answer = decide(link, now_us);
    at_us = *ret_answer == LINK_DONE ? work(link, now_us) : now_us;
    at_us = held_up(link, at_us + way_us + below(link, options->jitter_us + 1));
    if (at_us - now_us >= LINK_TIMEOUT_US)
        *ret_answer = LINK_NO_ANSWER;
    if (*ret_answer == LINK_NO_ANSWER)
        return now_us + LINK_TIMEOUT_US;
    link->n_at_server += *ret_answer == LINK_DONE;
    return at_us;
}

void link_answered(struct link *link, enum link_answer answer)
{
    link->n_at_server -= answer == LINK_DONE;
}
