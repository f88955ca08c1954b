/* /_fake/...: what came in, and the rules. Unsigned, never recorded. */
#include <stdlib.h>
#include <string.h>

#include "fake.h"

static uint64_t query_number(const struct request *request, const char *key, uint64_t otherwise)
{
    const char *text = query_get(&request->query, key);
    return text ? strtoull(text, NULL, 10) : otherwise;
}

static json_t *get_stats(struct request *request)
{
    return recorder_stats(&request->fake->recorder);
}

static json_t *get_events(struct request *request)
{
    return recorder_events(&request->fake->recorder, query_number(request, "from", 1),
                           query_number(request, "limit", SIZE_MAX));
}

static json_t *get_requests(struct request *request)
{
    return recorder_requests(&request->fake->recorder, query_number(request, "from", 1),
                             query_number(request, "limit", SIZE_MAX));
}

static json_t *get_rules(struct request *request)
{
    return rules_json(&request->fake->rules);
}

static json_t *set_rules(struct request *request)
{
    json_error_t error;
    char text[256];
    struct rules rules;
    json_t *array = json_loadb(request->body ? request->body : "", request->body_len, 0, &error);
    if (!array || rules_parse(array, &rules, text, sizeof(text))) {
        answer_text(&request->answer, 400, "%s", array ? text : error.text);
        json_decref(array);
        return NULL;
    }
    rules_deinit(&request->fake->rules);
    request->fake->rules = rules;
    json_decref(array);
    return json_object();
}

static json_t *delete_rules(struct request *request)
{
    rules_deinit(&request->fake->rules);
    return json_object();
}

static json_t *reset(struct request *request)
{
    rules_deinit(&request->fake->rules);
    recorder_reset(&request->fake->recorder);
    request->fake->n_requests = 0;
    return json_object();
}

static const struct {
    const char *method;
    const char *path;
    json_t *(*handle)(struct request *request); /* under the lock; NULL: it has answered */
    bool releases;                              /* whoever hangs is let go */
} routes[] = {
    {"GET", "/_fake/stats", get_stats, false},       {"GET", "/_fake/events", get_events, false},
    {"GET", "/_fake/requests", get_requests, false}, {"GET", "/_fake/rules", get_rules, false},
    {"POST", "/_fake/rules", set_rules, false},      {"DELETE", "/_fake/rules", delete_rules, true},
    {"POST", "/_fake/reset", reset, true},
};

static void handle_route(struct request *request, size_t i)
{
    pthread_mutex_lock(&request->fake->lock);
    json_t *body = routes[i].handle(request);
    pthread_mutex_unlock(&request->fake->lock);
    if (body) {
        answer_json(&request->answer, 200, body);
        json_decref(body);
    }
    if (routes[i].releases) {
        later_release(&request->fake->later);
    }
}

void control_handle(struct request *request)
{
    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
        if (strcmp(routes[i].method, request->method) == 0 &&
            strcmp(routes[i].path, request->path) == 0) {
            handle_route(request, i);
            return;
        }
    }
    answer_text(&request->answer, 404, "%s %s is not among the fake's own routes", request->method,
                request->path);
}
