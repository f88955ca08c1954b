/* The bodies of POST events and batch_events: what would be published, or why they are refused. */
#ifndef TESTS_FAKE_PUBLISH_H
#define TESTS_FAKE_PUBLISH_H

#include <jansson.h>
#include <stddef.h>

#include "answer.h"
#include "record.h"

struct publication {
    json_t *body;         /* reference, owned: the texts of the events stand in it */
    struct event *events; /* owned; one for each channel of each event */
    size_t n_events;
};

void publication_deinit(struct publication *publication);

/* Read a body and set the answer. Refused: answer->refused, and nothing is to be published; what
 * could be read is in *ret_publication all the same. */
void publish_trigger(const struct flavor *flavor, const char *body, size_t len,
                     struct publication *ret_publication, struct answer *answer);
void publish_batch(const struct flavor *flavor, const char *body, size_t len,
                   struct publication *ret_publication, struct answer *answer);

/* {"user_count":2,..}, the fake's made-up facts on a channel for a list as "user_count,cache"; NULL
 * and answer->refused if an attribute does not fit the channel. A new reference. */
json_t *channel_facts(const struct flavor *flavor, const char *channel, const char *info,
                      struct answer *answer);

#endif
