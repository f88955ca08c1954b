#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "proto/record.h"
#include "tests/unit/scripts/soak.h"

bool soak_is_record(const struct soak_job *job, const char *bytes, size_t len)
{
    struct record record;

    if (record_read(bytes, len, &record) != 0)
        return false;
    return record.attempts == job->attempts && record.orphanings == job->orphanings &&
           record.first_ms == job->first_ms && record.progress.len == strlen(job->progress) &&
           memcmp(record.progress.ptr, job->progress, record.progress.len) == 0 &&
           record.job.len == job->len && memcmp(record.job.ptr, job->bytes, job->len) == 0;
}

struct count {
    struct soak *soak;
    unsigned char seen[SOAK_MAX_JOBS];
};

static struct soak_job *see(struct count *count, unsigned number, enum soak_place place)
{
    struct soak_job *job = &count->soak->jobs[number];

    cr_assert_lt(number, count->soak->n_jobs);
    cr_assert_eq(job->place, place, "job %u is in place %d, not in %d", number, place, job->place);
    count->seen[number]++;
    return job;
}

static void see_element(struct count *count, const redisReply *element, enum soak_place place)
{
    const struct soak_job *job = see(count, soak_tag(element->str, element->len), place);

    cr_assert_eq(element->len, job->len);
    cr_assert_arr_eq(element->str, job->bytes, job->len);
}

static void see_list(struct count *count, const char *key, enum soak_place place)
{
    redisReply *reply = redis_cmd(&scripts_server, "LRANGE %s 0 -1", key);

    for (size_t i = 0; i < reply->elements; i++) {
        see_element(count, reply->element[i], place);
        if (place == SOAK_LISTED)
            cr_assert_eq(soak_tag(reply->element[i]->str, reply->element[i]->len),
                         count->soak->list[count->soak->head + i], "the list is out of order");
    }
    freeReplyObject(reply);
}

static void see_records(struct count *count, const char *key, enum soak_place place)
{
    redisReply *reply = redis_cmd(&scripts_server, "HGETALL %s", key);

    for (size_t i = 0; i < reply->elements; i += 2) {
        const redisReply *record = reply->element[i + 1];
        const struct soak_job *job = see(count, soak_tag(record->str, record->len), place);

        cr_assert(soak_is_record(job, record->str, record->len));
        cr_assert_str_eq(reply->element[i]->str, job->id);
        if (place == SOAK_RETRY)
            cr_assert_eq(redis_int(&scripts_server, "EXISTS %s", key_of(KEYS_RETRY)), 1);
    }
    freeReplyObject(reply);
}

/* Fields are id, op, app and so on; the job's bytes are behind "job". */
static void see_failure(struct count *count, const redisReply *fields)
{
    for (size_t i = 0; i + 1 < fields->elements; i += 2) {
        if (strcmp(fields->element[i]->str, "job") == 0) {
            see_element(count, fields->element[i + 1], SOAK_FAILURE);
            return;
        }
    }
    cr_assert_fail("a failure without its job");
}

static void see_stream(struct count *count, const char *key, enum soak_place place)
{
    redisReply *reply = redis_cmd(&scripts_server, "XRANGE %s - +", key);

    for (size_t i = 0; i < reply->elements; i++) {
        const redisReply *fields = reply->element[i]->element[1];

        if (place == SOAK_FAILURE)
            see_failure(count, fields);
        else
            see(count, (unsigned)strtoul(fields->element[1]->str + strlen("job-"), NULL, 10),
                place);
    }
    freeReplyObject(reply);
}

void soak_check(struct soak *soak)
{
    struct count *count = calloc(1, sizeof(*count));

    cr_assert(count);
    count->soak = soak;
    see_list(count, LIST, SOAK_LISTED);
    cr_assert_eq(n_listed(), soak->n_listed);
    for (unsigned i = 0; i < soak->n_consumers; i++) {
        see_records(count, key_of_consumer(KEYS_INFLIGHT, soak_name(i)), SOAK_INFLIGHT);
    }
    see_records(count, key_of(KEYS_RETRY_JOBS), SOAK_RETRY);
    cr_assert_eq(n_in("ZCARD", key_of(KEYS_RETRY)), n_in("HLEN", key_of(KEYS_RETRY_JOBS)));
    see_stream(count, key_of(KEYS_RESULTS), SOAK_RESULT);
    see_stream(count, key_of(KEYS_FAILURES), SOAK_FAILURE);
    for (unsigned i = 0; i < soak->n_jobs; i++)
        cr_assert_eq(count->seen[i], soak->jobs[i].place != SOAK_FORGOTTEN,
                     "job %u is in %u places, not in place %d", i, count->seen[i],
                     soak->jobs[i].place);
    cr_assert_eq(n_in("LLEN", "replies"), soak->n_replies);
    free(count);
}
