#include "daemon/view/replay_header.h"

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/job_spec.h"
#include "proto/record.h"

static int fail(char why[REPLAY_WHY_MAX], const char *text, const char *more)
{
    snprintf(why, REPLAY_WHY_MAX, "%s%s", text, more);
    return -1;
}

/* How many events or channels the job has. */
static int count_items(struct pusher_string job, struct arena *arena, size_t *ret_n,
                       char why[REPLAY_WHY_MAX])
{
    struct job_spec spec;
    struct job_error error;
    arena_reset(arena);
    if (job_spec_decode(job.ptr, job.len, arena, &spec, &error) != JOB_OK)
        return fail(why, "it failed in part, but the job cannot be read: ", error.text);
    *ret_n = job_spec_n_items(&spec);
    return *ret_n > 0 ? 0 : fail(why, "it failed in part, but is no job of several parts", "");
}

static void clear_bit(uint8_t *bits, size_t i)
{
    bits[i / 8] &= (uint8_t) ~(1u << (i % 8));
}

/* Leaves in `delivered` the items that no part names. */
static int clear_failed(const json_t *parts, uint8_t *delivered, size_t n_items)
{
    const json_t *part;
    size_t i;
    json_array_foreach(parts, i, part)
    {
        const json_t *index = json_object_get(part, "index");
        json_int_t number = json_integer_value(index);
        if (!json_is_integer(index) || number < 0 || (size_t)number >= n_items)
            return -1;
        clear_bit(delivered, (size_t)number);
    }
    return json_array_size(parts) > 0 ? 0 : -1;
}

static int write_header(const uint8_t *delivered, size_t n_items, char **ret_header,
                        char why[REPLAY_WHY_MAX])
{
    bool any = false;
    for (size_t i = 0; i < (n_items + 7) / 8; i++)
        any |= delivered[i] != 0;
    char *header = malloc(record_header_max(n_items));
    if (!header)
        return fail(why, "out of memory", "");
    header[0] = '\0';
    if (any)
        record_write_header(header, 0, 0, 0, delivered, n_items);
    *ret_header = header;
    return 0;
}

int replay_header(struct pusher_string job, struct pusher_string parts, struct arena *arena,
                  char **ret_header, char ret_why[REPLAY_WHY_MAX])
{
    size_t n_items = 0;
    if (count_items(job, arena, &n_items, ret_why) != 0)
        return -1;
    uint8_t *delivered = malloc(n_items / 8 + 1);
    json_t *array = json_loadb(parts.ptr, parts.len, 0, NULL);
    int rc = -1;
    if (delivered) {
        memset(delivered, 0xff, n_items / 8 + 1);
        for (size_t i = n_items; i < (n_items / 8 + 1) * 8; i++)
            clear_bit(delivered, i);
        rc = clear_failed(array, delivered, n_items);
    }
    if (rc == 0)
        rc = write_header(delivered, n_items, ret_header, ret_why);
    else
        fail(ret_why, "its parts are not those of its job", "");
    json_decref(array);
    free(delivered);
    return rc;
}
