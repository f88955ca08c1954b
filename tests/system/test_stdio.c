/* Standard input, output and error that are closed, or cannot be written to. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
