#include "bench/micro_jobs.h"

#include <stdio.h>
#include <string.h>

#define HEADER   "0:0:0::"
#define TEXT_LEN 189 /* and {"text":""} around it */

_Static_assert(sizeof(HEADER) - 1 == MICRO_HEADER_LEN, "MICRO_HEADER_LEN");

const char *const micro_variant_names[MICRO_VARIANTS] = {"json", "msgpack", "encrypted"};

static char *put_map(char *at, unsigned n_members)
{
    *at = (char)(0x80 | n_members);
    return at + 1;
}

/* A msgpack str of up to 255 bytes. */
static char *put_text(char *at, const char *text)
{
    size_t len = strlen(text);

    if (len < 32) {
        *at++ = (char)(0xa0 | len);
    } else {
        *at++ = (char)0xd9;
        *at++ = (char)len;
    }
    memcpy(at, text, len);
    return at + len;
}

static size_t write_msgpack(char *start, const char *channel, const char *text)
{
    char *at = put_map(start, 3);

    at = put_text(put_text(at, "channel"), channel);
    at = put_text(put_text(at, "event"), "message");
    at = put_map(put_text(at, "data"), 1);
    at = put_text(put_text(at, "text"), text);
    return (size_t)(at - start);
}

void micro_job_write(struct micro_job *job, enum micro_variant variant, unsigned index)
{
    char channel[64], text[TEXT_LEN + 1];
    char *at = job->record + MICRO_HEADER_LEN;
    size_t size = sizeof(job->record) - MICRO_HEADER_LEN;

    memset(text, 'x', TEXT_LEN);
    text[TEXT_LEN] = '\0';
    (void)snprintf(channel, sizeof(channel), "%s%07u",
                   variant == MICRO_ENCRYPTED ? "private-encrypted-" : "channel-", index);
    memcpy(job->record, HEADER, MICRO_HEADER_LEN);
    if (variant == MICRO_MSGPACK)
        job->len = MICRO_HEADER_LEN + write_msgpack(at, channel, text);
    else
        job->len = MICRO_HEADER_LEN +
                   (size_t)snprintf(at, size,
                                    "{\"channel\":\"%s\",\"event\":\"message\",\"data\":{\"text\":"
                                    "\"%s\"}}",
                                    channel, text);
}
