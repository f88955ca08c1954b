/* Jobs that are wrong in one field: each field of each operation in every way there is, in both
 * formats. Each fails alone, with its code and a text that names the field; good jobs between them
 * are delivered, and nothing that a producer writes gets into the log or a request as more than a
 * value. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/scene.h"

#define GOOD_EVERY 10 /* one good job before so many bad ones */

static struct scene scene;
static size_t n_good, n_bad;

static void open_scene(void)
{
    scene_open(&scene, &(struct scene_options){.ini = "[log]\nlevel = debug\n"});
    n_good = n_bad = 0;
}

static void close_scene(void)
{
    scene_close(&scene);
}

TestSuite(hostile_fields, .init = open_scene, .fini = close_scene, .timeout = 120);

/* One good job of each operation with all its fields. */
static const struct base {
    const char *job; /* ' for " */
    const char *required;
} bases[] = {
    {"{'op':'triggerEvent','channel':'a','event':'e','data':'x','socketId':'1.2',"
     "'info':'user_count','app':'main','replyTo':'r','orderKey':'k','expiresAt':4000000000000,"
     "'deliverAt':1}",
     "channel event data"},
    {"{'op':'triggerMultipleChannels','channels':['a','b'],'event':'e','data':'x',"
     "'socketId':'1.2','info':'user_count'}",
     "channels event data"},
    {"{'op':'triggerBatch','events':[{'channel':'a','event':'e','data':'x'}]}", "events"},
    {"{'op':'sendToUser','userId':'u','event':'e','data':'x'}", "userId event data"},
    {"{'op':'listChannels','filterByPrefix':'presence-','info':'user_count'}", ""},
    {"{'op':'getChannel','channelName':'a','info':'user_count'}", "channelName"},
    {"{'op':'getChannelUsers','channelName':'presence-a'}", "channelName"},
    {"{'op':'authenticateUser','socketId':'1.2','userData':{'id':'u'}}", "socketId userData"},
    {"{'op':'authorizeChannel','socketId':'1.2','channel':'presence-a',"
     "'channelData':{'user_id':'u'}}",
     "socketId channel"},
    {"{'op':'terminateUserConnections','userId':'u'}", "userId"},
    {"{'op':'validateWebhook','headers':{'x-pusher-key':'k'},'rawBody':'{}',"
     "'additionalTokens':[{'key':'k','secret':'s'}]}",
     "headers rawBody"},
    {"{'op':'createSignedQueryString','method':'GET','path':'/channels','params':{'a':'b'},"
     "'body':'{}'}",
     "method path"},
    {"{'op':'customGet','path':'/channels','params':{'a':'b'}}", "path"},
    {"{'op':'customPost','path':'/events','params':{'a':'b'},'body':{}}", "path"},
};
#define N_BASES (sizeof(bases) / sizeof(bases[0]))

/* Values that the field cannot have, whatever the operation: a JSON array of them. */
static const struct {
    const char *field, *values;
} wrong_types[] = {
    {"op", "[7,true,1.5,[],{}]"},
    {"id", "[true,1.5,[],{},'',1e30,'a\\nb','\\u0000','a\\u007f','\\u001b[31m']"},
    {"app", "[7,true,1.5,[],{}]"},
    {"replyTo", "[7,true,1.5,[],{},'','pusher:jobs','{pusher:jobs}:results']"},
    {"orderKey", "[7,true,1.5,[],{},'']"},
    {"expiresAt", "['soon',true,-1,1.5,[],{},1e30]"},
    {"deliverAt", "['soon',true,-1,1.5,[],{},1e30]"},
    {"channel", "[7,true,1.5,[],{}]"},
    {"event", "[7,true,1.5,[],{}]"},
    {"socketId", "[7,true,1.5,[],{}]"},
    {"info", "[7,true,1.5,[],{}]"},
    {"channelName", "[7,true,1.5,[],{}]"},
    {"filterByPrefix", "[7,true,1.5,[],{}]"},
    {"rawBody", "[7,true,1.5,[],{}]"},
    {"method", "[7,true,1.5,[],{}]"},
    {"path", "[7,true,1.5,[],{}]"},
    {"userId", "[true,1.5,[],{}]"},
    {"userData", "[7,true,1.5,[]]"},
    {"channels", "['a',7,true,{},[],[7],[null],[[]],['a',{}]]"},
    {"events", "['a',7,true,{},[]]"},
    {"params", "[7,true,1.5,[],'x','[]',{'a':[]},{'a':{}}]"},
    {"headers", "[7,true,1.5,[],'x','[]',{'a':[]},{'a':{}}]"},
    {"additionalTokens", "[7,true,1.5,{},'x','{}',[7],[{'key':'k'}]]"},
};

static json_t *parse(const char *text)
{
    char *json = strdup(text);
    for (char *quote = json; (quote = strchr(quote, '\''));) {
        *quote = '"';
    }
    json_t *value = json_loads(json, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    cr_assert(value, "not JSON: %s", text);
    free(json);
    return value;
}

static void push_bad(const json_t *job)
{
    char *json = json_dumps(job, JSON_COMPACT);
    size_t len;
    char *packed = job_to_msgpack(json, &len);
    if (n_bad % GOOD_EVERY == 0) {
        job_push_many(&scene.redis, JOB_JSON, n_good++, 1, 1);
    }
    job_push_bytes(&scene.redis, JOB_LIST, json, strlen(json));
    job_push_bytes(&scene.redis, JOB_LIST, packed, len);
    n_bad += 2;
    free(packed);
    free(json);
}

/* The id of a bad job says what is wrong: "FIELD CODE NUMBER". */
static void push_wrong(const json_t *base, const char *field, json_t *value, const char *code)
{
    char id[64];
    json_t *job = json_deep_copy(base);
    snprintf(id, sizeof(id), "%s %s %zu", field, code, n_bad);
    json_object_set_new(job, "id", json_string(id));
    if (value) {
        json_object_set(job, field, value);
    } else {
        json_object_del(job, field);
    }
    push_bad(job);
    json_decref(job);
}

/* Where the id itself is wrong, the daemon has made one. */
static void expect_as_the_id_says(const struct outcomes *failures, size_t i)
{
    char field[24] = "id", expected[32] = "invalid_job";
    const char *id = outcomes_get(failures, i, "id", NULL);
    const char *code = outcomes_get(failures, i, "code", NULL);
    const char *error = outcomes_get(failures, i, "error", NULL);
    if (strncmp(id, "pd-", 3) != 0) {
        sscanf(id, "%23s %31s", field, expected);
    }
    cr_expect_str_eq(code, expected, "%s: %s %s", id, code, error);
    if (strcmp(field, "params") != 0) { /* of which libpusher names the one that is wrong */
        cr_expect(strcmp(code, "invalid_job") != 0 || strstr(error, field), "%s: %s", id, error);
    }
    for (const char *at = error; *at; at++) {
        cr_expect((unsigned char)*at >= ' ', "%s: a control character in the error", id);
    }
    cr_expect_str_eq(outcomes_get(failures, i, "http", NULL), "0", "%s", id);
}

/* Names the jobs that should have failed. */
static void expect_good_results(void)
{
    struct outcomes results;
    outcomes_read(&scene.redis, RESULTS, &results);
    for (size_t i = 0; i < results.n; i++) {
        const char *id = outcomes_get(&results, i, "id", NULL);
        cr_expect(!strchr(id, ' '), "it was done: %s", id);
    }
    outcomes_deinit(&results);
}

static void expect_all_failed_alone(void)
{
    struct outcomes failures;
    scene_start_pusherd(&scene);
    cr_assert(scene_drains(&scene, n_good + n_bad));
    expect_good_results();
    cr_expect_eq(outcomes_count(&scene.redis, RESULTS), n_good);
    outcomes_read(&scene.redis, FAILURES, &failures);
    for (size_t i = 0; i < failures.n; i++) {
        expect_as_the_id_says(&failures, i);
    }
    outcomes_deinit(&failures);
    cr_expect_eq(fake_server_events(&scene.fake), n_good);
    cr_expect_eq(fake_server_stat(&scene.fake, "bad_signatures"), 0);
}

Test(hostile_fields, of_a_wrong_type)
{
    for (size_t b = 0; b < N_BASES; b++) {
        json_t *base = parse(bases[b].job);
        json_object_set_new(base, "id", json_string("7"));
        for (size_t f = 0; f < sizeof(wrong_types) / sizeof(wrong_types[0]); f++) {
            json_t *values = parse(wrong_types[f].values), *value;
            size_t i;
            json_array_foreach(values, i, value)
            {
                if (json_object_get(base, wrong_types[f].field)) {
                    push_wrong(base, wrong_types[f].field, value, "invalid_job");
                }
            }
            json_decref(values);
        }
        json_decref(base);
    }
    cr_assert_gt(n_bad, 700);
    expect_all_failed_alone();
}

Test(hostile_fields, that_are_missing)
{
    for (size_t b = 0; b < N_BASES; b++) {
        json_t *base = parse(bases[b].job), *null = json_null();
        char *required = strdup(bases[b].required), *rest = required, *field;
        while ((field = strsep(&rest, " ")) && *field) {
            push_wrong(base, field, NULL, "invalid_job");
            if (strcmp(field, "data") != 0) {
                push_wrong(base, field, null, "invalid_job");
            }
        }
        free(required);
        json_decref(base);
    }
    expect_all_failed_alone();
}

/* A name with a line end could be a header, one with dots another path. */
static const struct {
    const char *field, *values, *code;
} wrong_names[] = {
    {"channel",
     "['','.','..','../b','a/b','a b','a\\u0000b','a\\nb','a\\r\\nX-Evil: 1','a?b','a%2fb','é',"
     "'#server-to-user-','\\u202e','\\u007f']",
     "invalid_channel"},
    {"channelName", "['','.','..','../users','a/b','a b','a\\u0000b','a\\r\\nX-Evil: 1','a?b']",
     "invalid_channel"},
    {"event", "['','a\\n','a\\r\\nX-Evil: 1','\\u0000','\\u007f','\\u001b[31m']", "invalid_event"},
    {"socketId", "['','1','1.','.1','1.2\\n','1.2\\r\\nX-Evil: 1','1.2\\u0000','-1.2']",
     "invalid_socket_id"},
    {"filterByPrefix", "['a b','a\\r\\nX-Evil: 1','a&b=c','é']", "invalid_channel"},
    {"userId", "['','.','..','a/b','a b','a\\n','a\\u0000','../../apps']", "invalid_user_id"},
    {"info", "['a&b','user_count\\r\\n','user_count,user_count','user_count&auth_key=1']",
     "invalid_info"},
    {"path",
     "['','channels','/../x','/a/../../x','/.','/a b','/a#b','/a?b=1','/a\\nb',"
     "'/a\\r\\nX-Evil: 1','/a\\u0000b','//evil.example/é']",
     "invalid_job"},
    {"method", "['','GE T','GET\\r\\nX-Evil: 1','G\\u0000']", "invalid_job"},
    {"params",
     "[{'auth_key':'x'},{'body_md5':'x'},{'AUTH_SIGNATURE':'x'},{'':'x'},{'A':'1','a':'2'}]",
     "invalid_job"},
    {"app", "['','nobody','main\\nlevel=error tag=evil','../main','main\\u0000']", "unknown_app"},
    {"op", "['','trigger','TriggerEvent','x\\nlevel=error tag=evil','triggerEvent\\u0000']",
     "unknown_op"},
};

Test(hostile_fields, that_are_no_names)
{
    for (size_t b = 0; b < N_BASES; b++) {
        json_t *base = parse(bases[b].job);
        for (size_t f = 0; f < sizeof(wrong_names) / sizeof(wrong_names[0]); f++) {
            json_t *values = parse(wrong_names[f].values), *value;
            size_t i;
            json_array_foreach(values, i, value)
            {
                if (json_object_get(base, wrong_names[f].field)) {
                    push_wrong(base, wrong_names[f].field, value, wrong_names[f].code);
                }
            }
            json_decref(values);
        }
        json_decref(base);
    }
    expect_all_failed_alone();
}

/* Each line of the log is one that the daemon wrote. */
static void expect_a_clean_log(void)
{
    char line[4096];
    FILE *file = fopen(scene.log, "re");
    cr_assert(file);
    while (fgets(line, sizeof(line), file)) {
        cr_expect(strncmp(line, "time=", 5) == 0, "%s", line);
        cr_expect(!strpbrk(line, "\r\t\x1b"), "%s", line);
    }
    fclose(file);
}

static void expect_requests_of_the_app_alone(void)
{
    json_t *requests = fake_server_get(&scene.fake, "requests?from=1"), *request;
    size_t i;
    json_array_foreach(requests, i, request)
    {
        const char *path = json_string_value(json_object_get(request, "path"));
        cr_expect(strncmp(path, "/apps/app-id/", 13) == 0, "%s", path);
        cr_expect(!strstr(path, ".."), "%s", path);
    }
    json_decref(requests);
}

/* What is allowed to hold anything arrives as it was, and nowhere else. */
Test(hostile_fields, of_free_text_stay_values)
{
    static const char arrives[] = "\r\nlevel=error tag=evil\0\x1b[31m";
    const char *evil = "\\r\\nlevel=error tag=evil\\u0000\\u001b[31m";
    const char *in_query = "\\r\\nlevel=error tag=evil\\u001b[31m&auth_key=x#";
    job_push(&scene.redis, JOB_JSON,
             "{'channel':'a','event':'e','data':'%s','orderKey':'k%s','replyTo':'r%s'}", evil, evil,
             evil);
    job_push(&scene.redis, JOB_JSON, "{'op':'customGet','path':'/channels','params':{'q':'%s'}}",
             in_query);
    scene_start_pusherd(&scene);
    cr_assert(scene_settles(&scene, 2, 0));
    json_t *event = scene_event(&scene, 0), *data = json_object_get(event, "data");
    cr_expect_eq(json_string_length(data), sizeof(arrives) - 1);
    cr_expect(memcmp(json_string_value(data), arrives, sizeof(arrives) - 1) == 0);
    json_decref(event);
    expect_requests_of_the_app_alone();
    expect_a_clean_log();
}

Test(hostile_fields, that_are_refused_leave_no_line_in_the_log)
{
    fake_server_set_rules(&scene.fake, "[{'match':{'contains':'poison'},'action':{'status':400,"
                                       "'body':'no\\r\\nlevel=error tag=evil \\u001b[31m'}}]");
    job_push(&scene.redis, JOB_JSON, "{'channel':'a','event':'poison','data':1}");
    job_push(&scene.redis, JOB_JSON,
             "{'app':'x\\nlevel=error tag=evil','channel':'a','event':"
             "'e','data':1}");
    scene_start_pusherd(&scene);
    cr_assert(scene_settles(&scene, 0, 2));
    expect_a_clean_log();
}
