/* Keys are locked in memory as far as the limit allows; where it does not, the log says so, once.
 */
#include <criterion/criterion.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/support/scene.h"

#define KIB     1024u
#define WARNING "cannot all be locked in memory"

static struct scene scene;

static void open_scene(void)
{
    scene_open(&scene, NULL);
}

static void close_scene(void)
{
    scene_close(&scene);
}

TestSuite(memlock, .init = open_scene, .fini = close_scene, .timeout = 120);

/* Of the programs that are started from now on; root's as well, which may lock what it likes. */
static void limit_to(rlim_t bytes)
{
    struct rlimit limit = {.rlim_cur = bytes, .rlim_max = bytes};
    (void)prctl(PR_CAPBSET_DROP, CAP_IPC_LOCK, 0, 0, 0); /* who is not root has it not */
    cr_assert_eq(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
}

static size_t n_logged(const char *text)
{
    char line[4096];
    size_t n = 0;
    FILE *log = fopen(scene.log, "re");
    while (log && fgets(line, sizeof(line), log)) {
        n += strstr(line, text) != NULL;
    }
    if (log) {
        fclose(log);
    }
    return n;
}

static void start(void)
{
    scene_start_pusherd(&scene);
    cr_assert(wait_until(n_logged("msg=\"pusherd ") == 1, WAIT_LONG_MS));
    job_push_many(&scene.redis, JOB_JSON, 0, 10, 1); /* what it says at the start is said by then */
    cr_assert(scene_settles(&scene, 10, 0));
}

/* One more app with encrypted channels. */
static void add_app(const char *name)
{
    FILE *file = fopen(scene.config, "ae");
    cr_assert(file);
    fprintf(file,
            "[app %s]\napp_id = other\nkey = k\nsecret = s\nhost = 127.0.0.1\nport = 9\n"
            "use_tls = off\nencryption_master_key_base64 = " SCENE_MASTER_KEY "\n",
            name);
    cr_assert_eq(fclose(file), 0);
}

static void reload(size_t n)
{
    proc_signal(&scene.pusherd, SIGHUP);
    cr_assert(wait_until(n_logged("read again and is in force") == n, WAIT_LONG_MS));
}

Test(memlock, what_the_limit_allows_is_not_worth_a_word)
{
    limit_to(256 * KIB);
    start();
    cr_expect_eq(n_logged(WARNING), 0);
}

/* A page for the app, and those of 4096 keys of 48 bytes, which are not there yet. */
static size_t needed_bytes(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    return page + (48 * 4096 / page + 1) * page;
}

Test(memlock, a_limit_that_will_not_be_enough_is_told_at_the_start)
{
    char needed[64];
    snprintf(needed, sizeof(needed), "needed_bytes=%zu ", needed_bytes());
    limit_to(64 * KIB);
    start();
    cr_expect_eq(n_logged(WARNING), 1);
    cr_expect_eq(n_logged("limit_bytes=65536"), 1);
    cr_expect_eq(n_logged(needed), 1);
}

Test(memlock, an_app_too_many_is_told_at_the_reload_that_brings_it)
{
    limit_to(256 * KIB);
    scene.options.ini = "[queue pusher:jobs]\napp = main\n";
    scene_point_at(&scene, scene.redis.url);
    start();
    cr_expect_eq(n_logged(WARNING), 0);
    add_app("other");
    reload(1);
    cr_assert(wait_until(n_logged(WARNING) == 1, WAIT_LONG_MS));
    add_app("third");
    reload(2);
    proc_stop(&scene.pusherd, SIGTERM, WAIT_LONG_MS);
    cr_expect_eq(n_logged(WARNING), 1, "it is told once");
}
