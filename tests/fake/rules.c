#include "rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct rule {
    json_t *source; /* reference, owned: the strings below stand in it */
    const char *path;
    const char *contains;
    const char *app;
    json_int_t from;  /* the n-th request and later ones */
    json_int_t skip;  /* matches that are let through first */
    json_int_t times; /* -1: for ever */
    double probability;
    int reused; /* -1: does not matter */
    json_int_t matched;
    json_int_t applied;
    struct action action;
};

void action_deinit(struct action *action)
{
    json_decref(action->source);
    action->source = NULL;
}

static int parse_publish(const char *text, struct action *action)
{
    if (!text) {
        action->publish = PUBLISH_USUAL;
    } else if (strcmp(text, "none") == 0) {
        action->publish = PUBLISH_NONE;
    } else if (strcmp(text, "all") == 0) {
        action->publish = PUBLISH_ALL;
    } else if (sscanf(text, "prefix:%zu", &action->prefix) == 1) {
        action->publish = PUBLISH_PREFIX;
    } else {
        return -1;
    }
    return 0;
}

static int check_action(const struct action *action)
{
    const char *key;
    json_t *value;
    json_object_foreach(action->headers, key, value)
    {
        if (!json_is_string(value)) {
            return -1;
        }
    }
    bool status_ok = action->status == 0 || (action->status >= 200 && action->status < 600);
    bool times_ok = action->delay_ms >= 0 && action->jitter_ms >= 0 && action->drip_ms >= 0;
    return status_ok && times_ok && action->truncate >= -1 && action->stall >= -1 ? 0 : -1;
}

static int parse_action(json_t *source, struct action *action, json_error_t *error)
{
    int status = 0;
    int reset = 0;
    int hang = 0;
    int close = 0;
    json_int_t delay_ms = 0;
    json_int_t drip_ms = 0;
    json_int_t truncate = -1;
    json_int_t jitter_ms = 0;
    json_int_t stall = -1;
    json_int_t skew_s = 0;
    const char *publish = NULL;
    if (json_unpack_ex(source, error, 0,
                       "{s?i, s?s, s?o, s?I, s?I, s?I, s?I, s?I, s?I, s?b, s?b, s?b, s?s !}",
                       "status", &status, "body", &action->body, "headers", &action->headers,
                       "delay_ms", &delay_ms, "drip_ms", &drip_ms, "truncate", &truncate, "skew_s",
                       &skew_s, "jitter_ms", &jitter_ms, "stall", &stall, "reset", &reset, "hang",
                       &hang, "close", &close, "publish", &publish)) {
        return -1;
    }
    action->status = (unsigned)status;
    action->delay_ms = delay_ms;
    action->drip_ms = drip_ms;
    action->truncate = truncate;
    action->skew_s = skew_s;
    action->reset = reset != 0;
    action->hang = hang != 0;
    action->close = close != 0;
    action->jitter_ms = jitter_ms;
    action->stall = stall;
    snprintf(error->text, sizeof(error->text), "a value of the action is not allowed");
    return parse_publish(publish, action) || check_action(action) ? -1 : 0;
}

static int parse_rule(json_t *source, struct rule *rule, json_error_t *error)
{
    json_t *match = NULL;
    json_t *action = NULL;
    rule->times = -1;
    rule->probability = 1;
    rule->reused = -1;
    if (json_unpack_ex(source, error, 0, "{s?o, s?I, s?F, s?I, s:o !}", "match", &match, "times",
                       &rule->times, "probability", &rule->probability, "skip", &rule->skip,
                       "action", &action)) {
        return -1;
    }
    if (match && json_unpack_ex(match, error, 0, "{s?s, s?s, s?s, s?I, s?b !}", "path", &rule->path,
                                "contains", &rule->contains, "app", &rule->app, "from", &rule->from,
                                "reused", &rule->reused)) {
        return -1;
    }
    if (!(rule->probability >= 0 && rule->probability <= 1)) {
        snprintf(error->text, sizeof(error->text), "the probability is not from 0 to 1");
        return -1;
    }
    return parse_action(action, &rule->action, error);
}

int rules_parse(json_t *array, struct rules *ret_rules, char *ret_error, size_t error_size)
{
    if (!json_is_array(array)) {
        snprintf(ret_error, error_size, "rules must be a JSON array");
        return -1;
    }
    struct rules rules = {.list = calloc(json_array_size(array) + 1, sizeof(struct rule))};
    for (size_t i = 0; i < json_array_size(array); i++) {
        json_error_t error;
        json_t *source = json_array_get(array, i);
        struct rule *rule = &rules.list[rules.n++];
        rule->source = json_incref(source);
        if (parse_rule(source, rule, &error)) {
            snprintf(ret_error, error_size, "rule %zu: %s", i, error.text);
            rules_deinit(&rules);
            return -1;
        }
    }
    *ret_rules = rules;
    return 0;
}

void rules_deinit(struct rules *rules)
{
    for (size_t i = 0; i < rules->n; i++) {
        json_decref(rules->list[i].source);
    }
    free(rules->list);
    *rules = (struct rules){0};
}

static bool matches(const struct rule *rule, const struct rule_input *input)
{
    if (rule->path && !strstr(input->path, rule->path)) {
        return false;
    }
    if (rule->app && strcmp(rule->app, input->app) != 0) {
        return false;
    }
    if (rule->from > 0 && input->number < (uint64_t)rule->from) {
        return false;
    }
    if (rule->reused >= 0 && (rule->reused != 0) != input->reused) {
        return false;
    }
    return !rule->contains ||
           (input->body_len > 0 &&
            memmem(input->body, input->body_len, rule->contains, strlen(rule->contains)));
}

/* xorshift64*: from 0 to 1. */
static double throw_dice(uint64_t *random)
{
    *random ^= *random >> 12;
    *random ^= *random << 25;
    *random ^= *random >> 27;
    return (double)((*random * 0x2545f4914f6cdd1du) >> 11) * 0x1p-53;
}

static bool is_due(struct rule *rule, uint64_t *random)
{
    if (rule->matched++ < rule->skip || (rule->times >= 0 && rule->applied >= rule->times)) {
        return false;
    }
    if (rule->probability < 1 && throw_dice(random) >= rule->probability) {
        return false;
    }
    rule->applied++;
    return true;
}

struct action rules_apply(struct rules *rules, const struct rule_input *input)
{
    struct action action = {.truncate = -1, .stall = -1};
    for (size_t i = 0; i < rules->n; i++) {
        struct rule *rule = &rules->list[i];
        if (matches(rule, input) && is_due(rule, input->random)) {
            action = rule->action;
            action.source = json_incref(rule->source);
            if (action.jitter_ms > 0) {
                action.delay_ms +=
                    (int64_t)(throw_dice(input->random) * (double)(action.jitter_ms + 1));
            }
            break;
        }
    }
    return action;
}

json_t *rules_json(const struct rules *rules)
{
    json_t *array = json_array();
    for (size_t i = 0; i < rules->n; i++) {
        const struct rule *rule = &rules->list[i];
        json_array_append_new(array, json_pack("{s:O, s:I, s:I}", "rule", rule->source, "matched",
                                               rule->matched, "applied", rule->applied));
    }
    return array;
}
