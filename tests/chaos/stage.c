#include "stage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "tests/support/wait.h"
#include "work.h"

#define MAX_RECORDS "4000000"
#define REPLY_S     5

/* What a request can meet, and how often, in parts of a million. Those marked `rare` make the whole
 * app wait. */
static const struct {
    unsigned per_million;
    bool rare;
    const char *rule; /* without its braces */
} faults[] = {
    {8000, false, "'action':{'delay_ms':30,'jitter_ms':270}"},
    {3000, false, "'action':{'status':500}"},
    {2000, false, "'action':{'status':502,'body':'<html>bad gateway</html>'}"},
    {2000, false,
     "'action':{'status':200,'body':'{\\'error\\':\\'later\\',\\'code\\':500}',"
     "'publish':'none'}"},
    {1000, false, "'action':{'status':503,'publish':'prefix:3'}"},
    {2000, false, "'action':{'reset':true}"},
    {2000, false, "'action':{'reset':true,'publish':'all'}"},
    {2000, false, "'action':{'close':true}"},
    {3000, false, "'match':{'reused':true},'action':{'close':true}"},
    {2000, false, "'match':{'reused':true},'action':{'reset':true,'publish':'all'}"},
    {2000, false, "'action':{'truncate':1}"},
    {2000, false, "'action':{'truncate':1,'reset':true}"},
    {500, false, "'action':{'stall':0}"},
    {500, false, "'action':{'hang':true}"},
    {500, false, "'action':{'hang':true,'publish':'all'}"},
    {500, false, "'action':{'drip_ms':1000}"},
    {1000, false, "'action':{'drip_ms':100}"},
    {200, true, "'action':{'status':503,'headers':{'Retry-After':'1'}}"},
    {100, true, "'action':{'status':429,'headers':{'Retry-After':'1'}}"},
    {100, true, "'action':{'status':401,'body':'Unknown auth_key'}"},
};

/* Quotes inside of a body are written \' above and must reach the fake as \". */
static void set_rules(struct stage *stage, const struct chaos_options *options)
{
    char *rules = NULL;
    size_t len;
    FILE *text = open_memstream(&rules, &len);
    fputs("[{'match':{'contains':'" WORK_POISON "'},'action':{'status':400,'body':'bad event'}}",
          text);
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]) && options->http_faults > 0; i++) {
        double often = faults[i].rare ? 1 : options->http_faults;
        fprintf(text, ",{'probability':%f,%s}", faults[i].per_million * often / 1e6,
                faults[i].rule);
    }
    fputs(",{'action':{'delay_ms':1,'jitter_ms':8}}]", text); /* the way to a server takes time */
    fclose(text);
    fake_server_set_rules(&stage->fake, rules);
    free(rules);
}

static void start_fake(struct stage *stage, const struct chaos_options *options)
{
    char apps[CHAOS_MAX_DAEMONS][48];
    char seed[24];
    const char *args[6] = {"--record", MAX_RECORDS, "--seed", seed, NULL};
    const char *all[8 + 2 * CHAOS_MAX_DAEMONS];
    size_t n = 0;
    snprintf(seed, sizeof(seed), "%u", (unsigned)(options->seed & 0x7fffffff));
    for (; args[n]; n++) {
        all[n] = args[n];
    }
    for (unsigned i = 0; i < options->n_daemons; i++) {
        snprintf(apps[i], sizeof(apps[i]), "d%u:key-%u:secret-%u", i, i, i);
        all[n++] = "--app";
        all[n++] = apps[i];
    }
    all[n] = NULL;
    fake_server_start(&stage->fake, all);
    set_rules(stage, options);
}

static void open_slot(struct stage *stage, unsigned i)
{
    char name[32];
    char path[FOLDER_PATH_MAX + 32];
    char ini[1024];
    struct slot *slot = &stage->slots[i];
    snprintf(name, sizeof(name), "relay-%u", i);
    folder_path(&stage->folder, name, path, sizeof(path));
    relay_open(&slot->relay, path, stage->redis.socket);
    snprintf(ini, sizeof(ini),
             "[redis]\nurl = unix://%s\n[app main]\napp_id = d%u\nkey = key-%u\nsecret = "
             "secret-%u\nhost = 127.0.0.1\nport = %u\nuse_tls = off\ntimeout_ms = %d\n"
             "max_in_flight = %d\n[results]\nmax_entries = 1000000000\n[delivery]\nlease_ms = %d\n"
             "max_orphanings = 1000\nmax_attempts = 1000\nretry_base_ms = 20\nretry_cap_ms = 500\n"
             "retry_for_ms = 604800000\nlane_hold_ms = 3600000\n[log]\nlevel = warn\n",
             path, i, i, i, stage->fake.port, CHAOS_TIMEOUT_MS, CHAOS_MAX_IN_FLIGHT,
             CHAOS_LEASE_MS);
    snprintf(name, sizeof(name), "daemon-%u.conf", i);
    folder_write(&stage->folder, name, ini, slot->config, sizeof(slot->config));
    snprintf(name, sizeof(name), "daemon-%u.log", i);
    folder_path(&stage->folder, name, slot->log, sizeof(slot->log));
    stage_start_daemon(stage, i);
}

void stage_open(struct stage *stage, const struct chaos_options *options)
{
    static const char *const redis_args[] = {"--appendonly", "yes", "--appendfsync", "always",
                                             NULL};
    *stage = (struct stage){.n_slots = options->n_daemons, .redis_is_up = true};
    folder_make(&stage->folder);
    redis_start(&stage->redis, redis_args);
    start_fake(stage, options);
    for (unsigned i = 0; i < stage->n_slots; i++) {
        open_slot(stage, i);
    }
}

void stage_start_daemon(struct stage *stage, unsigned i)
{
    struct slot *slot = &stage->slots[i];
    const char *argv[] = {getenv("PUSHERD_BIN"), "--config", slot->config, NULL};
    proc_start(&slot->proc, &(struct proc_options){.argv = argv, .log = slot->log});
    slot->start_ms = 0;
}

unsigned stage_stop_daemons(struct stage *stage)
{
    unsigned n_bad = 0;
    for (unsigned i = 0; i < stage->n_slots; i++) {
        proc_signal(&stage->slots[i].proc, SIGTERM);
    }
    for (unsigned i = 0; i < stage->n_slots; i++) {
        struct proc *proc = &stage->slots[i].proc;
        bool ran = proc->pid > 0;
        int status = proc_wait(proc, WAIT_LONG_MS); /* a second signal would shorten the drain */
        if (ran && status != 0) {
            fprintf(stderr, "chaos: daemon %u ended with %d\n", i, status);
            n_bad++;
        }
    }
    return n_bad;
}

static void show(const char *path)
{
    char line[1024];
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof(line), file)) {
        fputs(line, stderr);
    }
    if (file) {
        fclose(file);
    }
}

unsigned stage_count_reports(const struct stage *stage)
{
    unsigned n = 0;
    for (unsigned i = 0; i < stage->n_slots; i++) {
        struct proc proc = {0};
        memcpy(proc.log, stage->slots[i].log, sizeof(stage->slots[i].log));
        if (proc_logged(&proc, "Sanitizer") || proc_logged(&proc, "runtime error:")) {
            show(proc.log);
            n++;
        }
    }
    return n;
}

void stage_close(struct stage *stage, bool keep)
{
    for (unsigned i = 0; i < stage->n_slots; i++) {
        proc_kill(&stage->slots[i].proc);
        relay_close(&stage->slots[i].relay);
    }
    fake_server_stop(&stage->fake);
    redis_kill(&stage->redis);
    if (keep) {
        printf("kept: %s (daemons), %s (Redis)\n", stage->folder.path, stage->redis.folder.path);
        return;
    }
    folder_remove(&stage->redis.folder);
    folder_remove(&stage->folder);
}

int stage_slot_of(const char *app)
{
    unsigned slot;
    return app && sscanf(app, "d%u", &slot) == 1 && slot < CHAOS_MAX_DAEMONS ? (int)slot : -1;
}

static bool reconnect(struct stage *stage)
{
    struct timeval timeout = {.tv_sec = REPLY_S};
    redisFree(stage->redis.client);
    stage->redis.client = redisConnectUnixWithTimeout(stage->redis.socket, timeout);
    if (!stage->redis.client || stage->redis.client->err) {
        return false;
    }
    return redisSetTimeout(stage->redis.client, timeout) == REDIS_OK;
}

redisReply *stage_redis(struct stage *stage, int argc, const char **argv, const size_t *lengths)
{
    if (!stage->redis_is_up) {
        return NULL;
    }
    if ((!stage->redis.client || stage->redis.client->err) && !reconnect(stage)) {
        return NULL;
    }
    redisReply *reply = redisCommandArgv(stage->redis.client, argc, argv, lengths);
    if (reply && reply->type == REDIS_REPLY_ERROR) {
        fprintf(stderr, "chaos: redis: %s: %s\n", argv[0], reply->str);
        freeReplyObject(reply);
        return NULL;
    }
    return reply;
}
