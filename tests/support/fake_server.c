#include "fake_server.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http.h"
#include "wait.h"

#define MAX_ARGS 16

void fake_server_start(struct fake_server *fake, const char *const *args)
{
    char line[64];
    const char *argv[MAX_ARGS + 2] = {getenv("FAKE_PUSHER_BIN")};
    cr_assert(argv[0], "FAKE_PUSHER_BIN is not set");
    for (size_t i = 0; args && args[i]; i++) {
        cr_assert(i < MAX_ARGS);
        argv[i + 1] = args[i];
    }
    proc_start(&fake->proc, &(struct proc_options){.argv = argv, .capture_out = true});
    cr_assert(proc_read_line(&fake->proc, line, sizeof(line), WAIT_LONG_MS),
              "fake-pusher does not listen");
    cr_assert_eq(sscanf(line, "listening on 127.0.0.1:%u", &fake->port), 1, "%s", line);
    snprintf(fake->url, sizeof(fake->url), "http://127.0.0.1:%u", fake->port);
}

void fake_server_stop(struct fake_server *fake)
{
    int status = proc_stop(&fake->proc, SIGTERM, WAIT_LONG_MS);
    cr_expect_eq(status, 0, "fake-pusher ended with %d", status);
}

static json_t *request(const struct fake_server *fake, const char *method, const char *what,
                       const char *body)
{
    char url[256];
    struct http_answer answer;
    snprintf(url, sizeof(url), "%s/_fake/%s", fake->url, what);
    http_perform(
        &(struct http_request){
            .method = method, .url = url, .body = body, .body_len = body ? strlen(body) : 0},
        &answer);
    cr_assert_eq(answer.status, 200, "%s %s: %ld %s", method, url, answer.status, answer.body);
    json_t *value = json_loadb(answer.body, answer.len, JSON_ALLOW_NUL, NULL);
    http_answer_deinit(&answer);
    cr_assert(value, "%s %s: no JSON", method, url);
    return value;
}

void fake_server_set_rules(const struct fake_server *fake, const char *rules)
{
    char *body = strdup(rules);
    for (char *quote = body; (quote = strchr(quote, '\'')) != NULL;) {
        *quote = '"';
    }
    json_decref(request(fake, "POST", "rules", body));
    free(body);
}

void fake_server_delete_rules(const struct fake_server *fake)
{
    json_decref(request(fake, "DELETE", "rules", NULL));
}

void fake_server_reset(const struct fake_server *fake)
{
    json_decref(request(fake, "POST", "reset", ""));
}

json_t *fake_server_get(const struct fake_server *fake, const char *what)
{
    return request(fake, "GET", what, NULL);
}

double fake_server_stat(const struct fake_server *fake, const char *name)
{
    json_t *stats = fake_server_get(fake, "stats");
    char table[32];
    size_t len = strcspn(name, ".");
    snprintf(table, sizeof(table), "%.*s", (int)len, name);
    json_t *value = json_object_get(stats, table);
    if (name[len] == '.') {
        value = json_object_get(value, name + len + 1);
    }
    double number = json_number_value(value);
    json_decref(stats);
    return number;
}

size_t fake_server_events(const struct fake_server *fake)
{
    return (size_t)fake_server_stat(fake, "events");
}
