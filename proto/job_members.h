/* The members of one map of a job, the top one or an item of `events`: read, not converted. */
#ifndef PROTO_JOB_MEMBERS_H
#define PROTO_JOB_MEMBERS_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/job_fields.h"
#include "proto/reader.h"

struct job_members {
    uint32_t seen;            /* fields that are there */
    uint32_t flawed;          /* ... and have a flaw that their syntax does not show */
    enum job_field duplicate; /* the first field that is there twice, or JOB_FIELD_COUNT */
    const char *odd_key;      /* the first key that is not a string, or NULL */
    struct value_flaw flaw;   /* the first in a key, or in the value of no field */
    struct value values[JOB_FIELD_COUNT]; /* of the fields that were seen */
};

/* Reads the members of a map that is open, to its end. 0 or READER_SYNTAX; what was read before a
 * syntax error stands. */
int job_members_read(struct reader *reader, struct job_members *ret_members);

/* True if the field is there and not null. Only `data` can be null: for it null is a value. */
bool job_members_has(const struct job_members *members, enum job_field field);

#endif
