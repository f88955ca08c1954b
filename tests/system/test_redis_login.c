/* Logging in to Redis: wrong passwords, and the rights that docs/redis.md says are needed. */
#include <criterion/criterion.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/scripts.h"
#include "tests/support/audit.h"
#include "tests/support/http.h"
#include "tests/support/port.h"
#include "tests/support/scene.h"

#define RECOVERY_MS 5000
#define URL_MAX     256

static struct scene scene;

static void open_scene(void)
{
    scene_open(&scene, &(struct scene_options){.app = "timeout_ms = 1000\n",
                                               .ini = "[delivery]\nlease_ms = 3500\n"});
}

static void close_scene(void)
{
    scene_close(&scene);
}

TestSuite(redis_login, .init = open_scene, .fini = close_scene, .timeout = 120);

static void log_in_as(const char *user_info)
{
    char url[URL_MAX];
    snprintf(url, sizeof(url), "unix://%s@%s", user_info, scene.redis.socket);
    scene_point_at(&scene, url);
}

Test(redis_login, with_a_wrong_password_is_tried_until_it_is_right)
{
    redis_do(&scene.redis, "CONFIG SET requirepass another");
    log_in_as(":secret");
    scene_start_pusherd(&scene);
    job_push_many(&scene.redis, JOB_JSON, 0, 5, 5);
    cr_assert(audit_logs(&scene, "WRONGPASS"));
    cr_expect_eq(audit_log_lines(&scene, "secret"), 0u);
    redis_do(&scene.redis, "CONFIG SET requirepass secret");
    cr_assert(
        audit_recovers(&scene.redis, RESULTS, "a wrong password", wait_now_ms(), RECOVERY_MS));
    cr_assert(scene_settles(&scene, 5, 0));
}

Test(redis_login, without_the_password_that_is_needed)
{
    redis_do(&scene.redis, "CONFIG SET requirepass secret");
    scene_start_pusherd(&scene);
    job_push_many(&scene.redis, JOB_JSON, 0, 5, 5);
    cr_assert(audit_logs(&scene, "NOAUTH"));
    redis_do(&scene.redis, "CONFIG SET requirepass %s", "");
    cr_assert(audit_recovers(&scene.redis, RESULTS, "NOAUTH", wait_now_ms(), RECOVERY_MS));
}

Test(redis_login, whose_password_changes_while_it_runs)
{
    redis_do(&scene.redis, "CONFIG SET requirepass secret");
    log_in_as(":secret");
    scene_start_pusherd(&scene);
    job_push_many(&scene.redis, JOB_JSON, 0, 5, 5);
    cr_assert(scene_settles(&scene, 5, 0));
    redis_do(&scene.redis, "CONFIG SET requirepass another");
    redis_do(&scene.redis, "CLIENT KILL TYPE normal SKIPME yes");
    job_push_many(&scene.redis, JOB_JSON, 5, 5, 5);
    cr_assert(audit_logs(&scene, "WRONGPASS"));
    redis_do(&scene.redis, "CONFIG SET requirepass secret");
    cr_assert(
        audit_recovers(&scene.redis, RESULTS, "a changed password", wait_now_ms(), RECOVERY_MS));
    cr_assert(scene_settles(&scene, 10, 0));
}

/* ---- the rights */

#define WORDS_MAX 128

static char doc[65536];              /* then cut into words */
static const char *words[WORDS_MAX]; /* ACL SETUSER pusherd ... */
static int n_words;

static void read_doc(void)
{
    char path[512];
    const char *folder = getenv("DOCS");
    cr_assert(folder, "DOCS is not set");
    snprintf(path, sizeof(path), "%s/redis.md", folder);
    FILE *in = fopen(path, "re");
    cr_assert(in, "no %s", path);
    doc[fread(doc, 1, sizeof(doc) - 1, in)] = '\0';
    fclose(in);
}

/* The command as a shell would read it: quotes and the ends of lines go, \\| becomes |. */
static void read_acl(void)
{
    read_doc();
    char *from = strstr(doc, "ACL SETUSER"), *to = from;
    cr_assert(from);
    char *end = strstr(from, "\n```");
    for (const char *at = from; at < end; at++) {
        if (at[0] == '\\' && at[1] == '\n')
            *to++ = ' ';
        else if (at[0] != '\\' && at[0] != '\'' && at[0] != '\n')
            *to++ = *at;
    }
    *to = '\0';
    n_words = 0;
    for (char *word = strtok(from, " "); word; word = strtok(NULL, " ")) {
        cr_assert_lt(n_words, WORDS_MAX);
        words[n_words++] = word;
    }
}

static void make_user(void)
{
    read_acl();
    redisReply *reply = redisCommandArgv(scene.redis.client, n_words, words, NULL);
    cr_assert(reply && reply->type == REDIS_REPLY_STATUS, "%s", reply ? reply->str : "");
    freeReplyObject(reply);
    log_in_as("pusherd:PASSWORD");
}

static bool may(const char *command)
{
    for (int i = 0; i < n_words; i++) {
        if (words[i][0] == '+' && strcasecmp(words[i] + 1, command) == 0)
            return true;
    }
    return false;
}

static bool is_option(const char *word)
{
    static const char *const options[] = {"LEFT", "RIGHT", "LIMIT", "MAXLEN", "WITHSCORES"};
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        if (strcmp(word, options[i]) == 0)
            return true;
    }
    return false;
}

/* Every word of three capitals or more in quotes is a command, or one of the options above. */
static void check_script(const struct lua_script *script)
{
    for (const char *at = script->text; (at = strchr(at, '\'')) != NULL; at++) {
        char word[32] = "";
        size_t len = 0;
        while (len < sizeof(word) - 1 && isupper((unsigned char)at[1 + len])) {
            word[len] = at[1 + len];
            len++;
        }
        if (len >= 3 && at[1 + len] == '\'' && !is_option(word))
            cr_expect(may(word), "%s of %s.lua is not in docs/redis.md", word, script->name);
    }
}

Test(redis_login, has_all_rights_that_the_scripts_need)
{
    read_acl();
    for (size_t i = 0; i < N_SCRIPTS; i++)
        check_script(all_scripts[i]);
}

static size_t n_refused(void)
{
    redisReply *log = redis_cmd(&scene.redis, "ACL LOG");
    size_t n = log->elements;
    for (size_t i = 0; i < n; i++)
        cr_log_error("refused: %s", log->element[i]->element[7]->str);
    freeReplyObject(log);
    return n;
}

/* Done, failed, tried again, handed back, reaped: all that writes. */
Test(redis_login, as_the_documented_user_does_everything)
{
    struct proc other;
    make_user();
    fake_server_set_rules(&scene.fake, "[{'times':3,'action':{'status':503}}]");
    scene_start_other(&scene, &other);
    job_push_many(&scene.redis, JOB_JSON, 0, 200, 5);
    job_push(&scene.redis, JOB_JSON, "{'id':'bad','op':'nothing'}");
    cr_assert(wait_until(fake_server_events(&scene.fake) >= 10, WAIT_LONG_MS));
    proc_kill(&other);
    scene_start_pusherd(&scene);
    cr_assert(scene_settles(&scene, 200, 1));
    cr_expect_eq(n_refused(), 0);
    cr_expect_eq(audit_log_lines(&scene, "level=error"), 0);
}

Test(redis_login, needs_no_right_that_is_documented_as_optional)
{
    make_user();
    redis_do(&scene.redis, "ACL SETUSER pusherd -client -cluster -script -role -select -info");
    scene_start_pusherd(&scene);
    job_push_many(&scene.redis, JOB_JSON, 0, 20, 5);
    cr_assert(scene_settles(&scene, 20, 0));
    cr_expect_eq(audit_log_lines(&scene, "level=error"), 0);
}

/* A right is taken away from the running daemon and given back. Not one that a script needs after
 * its first write: without LTRIM a job stands in the claim and in the list. */
static void miss(const char *command, size_t *n_done)
{
    char told[64];
    size_t before = audit_log_lines(&scene, "level=error") + audit_log_lines(&scene, "level=warn");
    redis_do(&scene.redis, "ACL SETUSER pusherd -%s", command);
    job_push_many(&scene.redis, JOB_JSON, *n_done, 1, 1);
    snprintf(told, sizeof(told), "-%s", command);
    cr_expect(
        wait_until(audit_log_lines(&scene, "level=error") + audit_log_lines(&scene, "level=warn") >
                       before,
                   WAIT_LONG_MS),
        "nothing is said about %s", told);
    redis_do(&scene.redis, "ACL SETUSER pusherd +%s", command);
    *n_done += 1;
    cr_expect(scene_settles(&scene, *n_done, 0), "without %s for a while", told);
}

Test(redis_login, says_so_when_a_right_is_missing)
{
    static const char *const commands[] = {"evalsha", "blmove", "hset",  "xadd",
                                           "zadd",    "time",   "lrange"};
    size_t n_done = 1;
    make_user();
    scene_start_pusherd(&scene);
    job_push_many(&scene.redis, JOB_JSON, 0, 1, 1);
    cr_assert(scene_settles(&scene, 1, 0));
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        miss(commands[i], &n_done);
}

static size_t n_script_calls(void)
{
    size_t n = 0;
    redisReply *reply = redis_cmd(&scene.redis, "INFO commandstats");
    const char *at = strstr(reply->str, "cmdstat_evalsha:calls=");
    if (at)
        n = strtoul(strchr(at, '=') + 1, NULL, 10);
    freeReplyObject(reply);
    return n;
}

Test(redis_login, asks_ten_times_a_second_where_it_may_not_wait)
{
    make_user();
    redis_do(&scene.redis, "ACL SETUSER pusherd -blmove");
    scene_start_pusherd(&scene);
    cr_assert(audit_logs(&scene, "cannot wait for jobs"));
    size_t before = n_script_calls();
    uint64_t start_ms = wait_now_ms();
    cr_assert(wait_until(n_script_calls() >= before + 40, WAIT_LONG_MS));
    cr_expect_lt(wait_now_ms() - start_ms, 12000, "once a second takes 20 and more");
}

/* ---- the rights of the console, which are documented apart */

#define TOKEN "a-token-for-this-test-only"

static unsigned status_port;

static void open_with_console(void)
{
    static char ini[128];
    status_port = port_pick();
    snprintf(ini, sizeof(ini), "[status]\nlisten = 127.0.0.1:%u\ntoken = " TOKEN "\n", status_port);
    scene_open(&scene, &(struct scene_options){.ini = ini});
    make_user();
}

TestSuite(redis_login_console, .init = open_with_console, .fini = close_scene, .timeout = 120);

static long ask(const char *path, const char *body)
{
    static const char *const headers[] = {"Authorization: Bearer " TOKEN,
                                          "Content-Type: application/json", NULL};
    struct http_answer answer;
    char url[128];
    snprintf(url, sizeof(url), "http://127.0.0.1:%u/api/%s", status_port, path);
    http_perform(&(struct http_request){.method = body ? "POST" : "GET",
                                        .url = url,
                                        .body = body,
                                        .body_len = body ? strlen(body) : 0,
                                        .headers = headers},
                 &answer);
    http_answer_deinit(&answer);
    return answer.status;
}

/* Replays or drops the newest failure. */
static long act(const char *path)
{
    char body[128];
    redisReply *newest = redis_cmd(&scene.redis, "XREVRANGE " FAILURES " + - COUNT 1");
    cr_assert_eq(newest->elements, 1);
    snprintf(body, sizeof(body), "{\"queue\":\"pusher:jobs\",\"id\":\"%s\"}",
             newest->element[0]->element[0]->str);
    freeReplyObject(newest);
    return ask(path, body);
}

static void fail_two_jobs(void)
{
    scene_start_pusherd(&scene);
    job_push(&scene.redis, JOB_JSON, "{'id':'1','op':'nothing'}");
    job_push(&scene.redis, JOB_JSON, "{'id':'2','op':'nothing'}");
    cr_assert(scene_settles(&scene, 0, 2));
    cr_assert(wait_until(ask("status", NULL) == 200, WAIT_LONG_MS));
}

Test(redis_login_console, has_enough_with_the_documented_ones)
{
    read_doc();
    cr_assert(
        strstr(doc, "it needs `+xrevrange` to show failures, and\n`+xrange +xdel` to replay"));
    redis_do(&scene.redis, "ACL SETUSER pusherd +xrevrange +xrange +xdel");
    fail_two_jobs();
    cr_expect_eq(ask("failures?queue=pusher:jobs", NULL), 200);
    cr_expect_eq(act("drop"), 200);
    cr_expect_eq(outcomes_count(&scene.redis, FAILURES), 1);
    cr_expect_eq(act("replay"), 200);
    cr_expect_eq(ask("pause", "{\"queue\":\"pusher:jobs\"}"), 200);
    cr_expect_eq(ask("resume", "{\"queue\":\"pusher:jobs\"}"), 200);
    cr_expect_eq(n_refused(), 0);
}

Test(redis_login_console, without_them_shows_what_redis_refuses)
{
    fail_two_jobs();
    cr_expect_eq(ask("failures?queue=pusher:jobs", NULL), 502);
    cr_expect_eq(act("drop"), 502);
    cr_expect_eq(act("replay"), 502);
    cr_expect_eq(outcomes_count(&scene.redis, FAILURES), 2, "nothing is lost by a refusal");
    cr_expect_eq(ask("status", NULL), 200);
}
