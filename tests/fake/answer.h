/* What the fake answers: status, body and what follows from the flavour it imitates.
 *
 * hosted: api-CLUSTER.pusher.com. Errors are plain text that ends in a line feed, success is {}.
 * soketi: soketi 1.6. Every error is HTTP 200 with {"error","code"}, success is {"ok":true}, and
 * the connection closes after each answer. The texts of hosted Pusher are real where
 * tests/fake/README.md says so. */
#ifndef TESTS_FAKE_ANSWER_H
#define TESTS_FAKE_ANSWER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct flavor {
    const char *name;
    const char *ok_body;
    bool errors_as_200;
    bool closes;
    bool checks_time;
    bool checks_names;
    bool takes_empty_data;
    bool gives_info;
    size_t max_event_bytes;
    size_t max_channels; /* of a trigger */
};

#define ANSWER_MAX_BATCH 10
#define ANSWER_MAX_NAME  200

/* NULL if there is none of this name. */
const struct flavor *flavor_find(const char *name);

struct answer {
    unsigned status;
    char *body; /* owned, NUL-terminated */
    size_t len;
    bool json;
    bool refused;       /* the request itself is wrong: nothing of it is published */
    bool bad_signature; /* refused as unauthorised */
};

void answer_deinit(struct answer *answer);

/* Takes `body`, malloc'ed. */
void answer_json_text(struct answer *answer, unsigned status, char *body);
void answer_json(struct answer *answer, unsigned status, const json_t *value);
void answer_text(struct answer *answer, unsigned status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void answer_ok(struct answer *answer, const struct flavor *flavor);

/* Why a request is refused. X(NAME, status, "soketi's text") */
#define REFUSAL_MAP(X)                                                                             \
    X(NO_ROUTE, 404, "Not found")                                                                  \
    X(NO_APP, 404, "The app could not be found.")                                                  \
    X(AUTH, 401, "The secret authentication failed")                                               \
    X(BODY, 400, "The received data is incorrect")                                                 \
    X(BATCH_SIZE, 400, "Cannot batch-send more than 10 messages at once")                          \
    X(CHANNELS, 400, "Cannot broadcast to more than 100 channels at once")                         \
    X(EVENT_NAME, 400, "Event name is too long. Maximum allowed size is 200.")                     \
    X(DATA_SIZE, 413, "The event data should be less than 100 KB.")                                \
    X(REQUEST_SIZE, 413, "The request is too large")

enum refusal {
#define REFUSAL_ENUM(name, status, text) REFUSE_##name,
    REFUSAL_MAP(REFUSAL_ENUM)
#undef REFUSAL_ENUM
};

/* Refuses in the manner of the flavour; the text given is that of hosted Pusher, without its LF. */
void answer_refuse(struct answer *answer, const struct flavor *flavor, enum refusal why,
                   const char *hosted_format, ...) __attribute__((format(printf, 4, 5)));

#endif
