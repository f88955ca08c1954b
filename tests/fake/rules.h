/* Rules make the fake misbehave. They are given as a JSON array, described in tests/fake/README.md:
 *   [{"match": {"contains": "poison"}, "times": 3, "action": {"status": 503}}, ...]
 * The first rule that matches a request and is not used up decides it. */
#ifndef TESTS_FAKE_RULES_H
#define TESTS_FAKE_RULES_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum publish {
    PUBLISH_USUAL, /* what is answered with 2xx is published */
    PUBLISH_NONE,
    PUBLISH_ALL,
    PUBLISH_PREFIX, /* the first `prefix` events */
};

struct action {
    json_t *source;   /* reference, owned: body and headers stand in it; NULL: no rule applies */
    unsigned status;  /* 0: as usual */
    const char *body; /* NULL: as usual, or empty if there is a status */
    json_t *headers;  /* borrowed object of strings, or NULL */
    int64_t delay_ms;
    int64_t jitter_ms; /* up to so much more delay, at random */
    int64_t drip_ms;   /* between the bytes of the body; 0: all at once */
    int64_t truncate;  /* bytes of the body before the connection is cut; -1: none */
    int64_t stall;     /* bytes of the body before nothing more comes; -1: none */
    int64_t skew_s;    /* the server's clock runs this much ahead */
    bool reset;        /* RST instead of an answer, or where it is truncated */
    bool close;        /* FIN instead of an answer */
    bool hang;         /* no answer, the connection stays open */
    enum publish publish;
    size_t prefix;
};

void action_deinit(struct action *action);

struct rule_input {
    const char *path;
    const char *app; /* "" if unknown */
    const char *body;
    size_t body_len;
    uint64_t number;  /* of the request, from 1 */
    bool reused;      /* not the first request of its connection */
    uint64_t *random; /* state of the dice */
};

struct rules {
    struct rule *list; /* owned */
    size_t n;
};

/* Returns 0, or -1 and one line that says which rule is wrong and why. */
int rules_parse(json_t *array, struct rules *ret_rules, char *ret_error, size_t error_size);
void rules_deinit(struct rules *rules);

/* The action of the first rule that applies, counted as used; an action without source if none. */
struct action rules_apply(struct rules *rules, const struct rule_input *input);

/* [{"rule": .., "matched": n, "applied": n}]; a new reference. */
json_t *rules_json(const struct rules *rules);

#endif
