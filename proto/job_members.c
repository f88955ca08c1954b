/* Values are slices, so members are kept by field, in a row of the table for each. */
#include "proto/job_members.h"

#include "proto/json_string.h"

#define KEY_BYTES_MAX 96 /* of a field's name with each character written as \uXXXX */

/* By the name a key has when its escapes are resolved. Rare, so its buffer stays out of the way. */
__attribute__((cold, noinline)) static enum job_field find_escaped(const struct value *key)
{
    char name[KEY_BYTES_MAX];

    if (key->text.len > sizeof(name) || key->flaw.at)
        return JOB_FIELD_COUNT;
    return job_field_find(name, json_string_unescape(key->text, name));
}

static enum job_field find_field(const struct value *key)
{
    if (key->format == READER_JSON && key->escaped)
        return find_escaped(key);
    return job_field_find(key->text.ptr, key->text.len);
}

static bool is_flawed(const struct value *value)
{
    return value->format == READER_JSON && value->flaw.at;
}

static void note_flaw(struct job_members *members, const struct value *value)
{
    if (is_flawed(value) && !members->flaw.at)
        members->flaw = value->flaw;
}

static int read_other(struct job_members *members, struct reader *reader)
{
    struct value value;

    if (reader_value(reader, &value) < 0)
        return READER_SYNTAX;
    note_flaw(members, &value);
    return 0;
}

/* Of a field that is there twice, the first value is kept. */
static int read_field(struct job_members *members, struct reader *reader, enum job_field field)
{
    struct value *value = &members->values[field];

    if (members->seen & JOB_FIELD_BIT(field)) {
        if (members->duplicate == JOB_FIELD_COUNT)
            members->duplicate = field;
        return read_other(members, reader);
    }
    if (reader_value(reader, value) < 0)
        return READER_SYNTAX;
    members->seen |= JOB_FIELD_BIT(field);
    if (is_flawed(value))
        members->flawed |= JOB_FIELD_BIT(field);
    return 0;
}

static int read_member(struct job_members *members, struct reader *reader, const struct value *key)
{
    enum job_field field;

    if (key->kind != VALUE_STRING) {
        if (!members->odd_key)
            members->odd_key = key->raw.ptr;
        return read_other(members, reader);
    }
    note_flaw(members, key);
    field = find_field(key);
    if (field == JOB_FIELD_COUNT)
        return read_other(members, reader);
    return read_field(members, reader, field);
}

int job_members_read(struct reader *reader, struct job_members *ret_members)
{
    struct value key;
    int rc;

    ret_members->seen = 0;
    ret_members->flawed = 0;
    ret_members->duplicate = JOB_FIELD_COUNT;
    ret_members->odd_key = NULL;
    ret_members->flaw.at = NULL;
    while ((rc = reader_next(reader, &key)) == READER_ITEM) {
        if (read_member(ret_members, reader, &key) < 0)
            return READER_SYNTAX;
    }
    return rc;
}

bool job_members_has(const struct job_members *members, enum job_field field)
{
    if (!(members->seen & JOB_FIELD_BIT(field)))
        return false;
    return members->values[field].kind != VALUE_NULL || field == JOB_FIELD_DATA;
}
