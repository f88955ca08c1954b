#include "work.h"

#include <stdio.h>
#include <stdlib.h>

#define BATCH_EVERY  40
#define BATCH_AT     7
#define BATCH_EVENTS 12
#define POISON_EVERY 997
#define POISON_AT    500

static size_t events_of(size_t job)
{
    return job % BATCH_EVERY == BATCH_AT && !work_is_poison(job) ? BATCH_EVENTS : 1;
}

void work_init(struct work *work, size_t n_jobs, unsigned n_channels)
{
    *work = (struct work){.n_jobs = n_jobs, .n_channels = n_channels};
    work->first = calloc(n_jobs + 1, sizeof(work->first[0]));
    for (size_t job = 0; job < n_jobs; job++) {
        work->first[job] = (uint32_t)work->n_events;
        work->n_events += events_of(job);
    }
    work->first[n_jobs] = (uint32_t)work->n_events;
    work->job_of = calloc(work->n_events + 1, sizeof(work->job_of[0]));
    for (size_t job = 0; job < n_jobs; job++) {
        for (uint32_t event = work->first[job]; event < work->first[job + 1]; event++) {
            work->job_of[event] = (uint32_t)job;
        }
    }
}

void work_deinit(struct work *work)
{
    free(work->first);
    free(work->job_of);
    *work = (struct work){0};
}

bool work_is_poison(size_t job)
{
    return job % POISON_EVERY == POISON_AT;
}

static int write_event(const struct work *work, uint32_t event, bool poison, char *text,
                       size_t size)
{
    return snprintf(text, size, "\"channel\":\"c-%u\",\"event\":\"e\",\"data\":{\"n\":%u%s}",
                    event % work->n_channels, event, poison ? ",\"" WORK_POISON "\":1" : "");
}

size_t work_write(const struct work *work, size_t job, char ret_text[WORK_MAX_JOB])
{
    uint32_t first = work->first[job];
    size_t n_events = work->first[job + 1] - first;
    int len = snprintf(ret_text, WORK_MAX_JOB, "{\"id\":\"%zu\",%s", job,
                       n_events > 1 ? "\"events\":[" : "");
    for (uint32_t i = 0; i < n_events; i++) {
        len += snprintf(ret_text + len, WORK_MAX_JOB - (size_t)len, "%s%s", i > 0 ? "," : "",
                        n_events > 1 ? "{" : "");
        len += write_event(work, first + i, work_is_poison(job), ret_text + len,
                           WORK_MAX_JOB - (size_t)len);
        len += snprintf(ret_text + len, WORK_MAX_JOB - (size_t)len, n_events > 1 ? "}" : "");
    }
    len += snprintf(ret_text + len, WORK_MAX_JOB - (size_t)len, n_events > 1 ? "]}" : "}");
    return (size_t)len;
}

bool work_read_event(const struct work *work, const char *data, size_t *ret_event)
{
    size_t event;
    if (!data || sscanf(data, "{\"n\":%zu", &event) != 1 || event >= work->n_events) {
        return false;
    }
    *ret_event = event;
    return true;
}
