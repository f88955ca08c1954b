/* Standard input, output and error that are closed, or cannot be written to. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/scene.h"

static struct scene scene;

static void open_scene(void)
{
    scene_open(&scene, NULL);
}

static void close_scene(void)
{
    scene_close(&scene);
}

TestSuite(stdio, .init = open_scene, .fini = close_scene, .timeout = 120);

/* Runs `$0 --config $1 ...` of a shell, with redirections. */
static void start(struct proc *ret_proc, const char *program, const char *script)
{
    const char *argv[] = {"sh", "-c", script, getenv(program), scene.config, NULL};
    proc_start(ret_proc, &(struct proc_options){.argv = argv, .log = scene.log});
}

static int run(const char *program, const char *script)
{
    struct proc proc;
    start(&proc, program, script);
    return proc_wait(&proc, WAIT_LONG_MS);
}

static bool logged(const char *text)
{
    struct proc proc = {0};
    snprintf(proc.log, sizeof(proc.log), "%s", scene.log);
    return proc_logged(&proc, text);
}

Test(stdio, that_is_full_is_told_with_74)
{
    cr_expect_eq(run("PUSHERD_BIN", "\"$0\" --dump-config --config \"$1\" >/dev/full"), 74);
    cr_expect(logged("pusherd: standard output cannot be written to"));
    cr_expect_eq(run("PUSHERD_BIN", "\"$0\" --version >/dev/full"), 74);
    cr_expect_eq(run("PUSHERD_BIN", "\"$0\" --help >/dev/full"), 74);
    cr_expect_eq(run("PUSHERD_BIN", "\"$0\" --check-config --config \"$1\" >/dev/full"), 0);
}

/* What a descriptor of the process is. */
static const char *target(const struct proc *proc, int fd)
{
    static char text[256];
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)proc->pid, fd);
    ssize_t n = readlink(path, text, sizeof(text) - 1);
    text[n > 0 ? n : 0] = '\0';
    return text;
}

Test(stdio, that_is_closed_is_no_place_for_connections_of_the_daemon)
{
    start(&scene.pusherd, "PUSHERD_BIN", "exec \"$0\" --config \"$1\" <&- >&- 2>&-");
    job_push_many(&scene.redis, JOB_JSON, 0, 1, 1);
    cr_assert(scene_settles(&scene, 1, 0));
    for (int fd = 0; fd <= 2; fd++) {
        cr_expect_str_eq(target(&scene.pusherd, fd), "/dev/null", "%d", fd);
    }
}

/* Bytes that Redis has read since its statistics were reset. */
static long n_redis_read(void)
{
    redisReply *reply = redis_cmd(&scene.redis, "INFO stats");
    const char *at = strstr(reply->str, "total_net_input_bytes:");
    long n = at ? strtol(strchr(at, ':') + 1, NULL, 10) : -1;
    freeReplyObject(reply);
    return n;
}

/* The payload would go to Redis, which would take it for commands. */
Test(stdio, that_is_closed_is_no_place_for_connections_of_pusherctl)
{
    static char payload[100001];
    memset(payload, 'x', sizeof(payload) - 1);
    redis_do(&scene.redis, "XADD " FAILURES " * id 1 job %s", payload);
    redis_do(&scene.redis, "CONFIG RESETSTAT");
    cr_expect_eq(run("PUSHERCTL_BIN", "\"$0\" --config \"$1\" failures list >&-"), 1);
    cr_expect(logged("pusherctl: standard output cannot be written to"));
    cr_expect(n_redis_read() > 0 && n_redis_read() < 10000, "%ld bytes", n_redis_read());
    cr_expect_eq(run("PUSHERCTL_BIN", "\"$0\" --config \"$1\" enqueue <&- >/dev/null"), 1);
    cr_expect(logged("pusherctl: standard input: Bad file descriptor"));
    cr_expect_eq(run("PUSHERCTL_BIN", "\"$0\" --config \"$1\" fsck >/dev/null 2>&-"), 0);
}
