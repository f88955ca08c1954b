#include "tests/system/spool_scene.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/audit.h"
#include "tests/support/scene.h"

struct scene scene;

void open_with(const char *ini)
{
    static const char *const args[] = {"--appendonly", "yes", "--appendfsync", "always", NULL};
    scene_open(&scene, &(struct scene_options){.app = "timeout_ms = 4000\nmax_in_flight = 8\n",
                                               .ini = ini,
                                               .redis_args = args});
}

void open_scene(void)
{
    open_with(DELIVERY SPOOL);
}

void close_scene(void)
{
    scene_close(&scene);
}

/* ---- what is in the files: frames of a length, 16 bytes of checksum, and that many bytes */

static size_t count_frames(FILE *file)
{
    unsigned char head[20];
    size_t n = 0;
    while (fread(head, 1, sizeof(head), file) == sizeof(head)) {
        long len = head[0] | head[1] << 8 | head[2] << 16 | head[3] << 24;
        if (fseek(file, len, SEEK_CUR) != 0) {
            break;
        }
        n++;
    }
    return n;
}

size_t n_spooled(size_t *ret_files)
{
    char path[512];
    size_t n = 0;
    folder_path(&scene.folder, SPOOL_DIR, path, sizeof(path));
    DIR *dir = opendir(path);
    *ret_files = 0;
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        snprintf(path, sizeof(path), "%s/" SPOOL_DIR "/%s", scene.folder.path, entry->d_name);
        FILE *file = strstr(entry->d_name, ".spool") ? fopen(path, "re") : NULL;
        if (file) {
            size_t n_frames = count_frames(file);
            n += n_frames > 0 ? n_frames - 1 : 0;
            *ret_files += 1;
            fclose(file);
        }
    }
    if (dir) {
        closedir(dir);
    }
    return n;
}

bool spool_has(size_t n)
{
    size_t files;
    return n_spooled(&files) >= n;
}

bool spool_is_empty(void)
{
    size_t files;
    return n_spooled(&files) == 0 && files == 0;
}

/* ---- what came of the jobs */

void expect_each_once(size_t n)
{
    cr_assert(scene_settles(&scene, n, 0));
    size_t n_twice = audit_each_once(&scene, &scene.redis, RESULTS, n);
    cr_expect_eq(n_twice, 0, "%zu events were sent twice", n_twice);
    cr_expect(wait_until(spool_is_empty(), WAIT_LONG_MS), "files are left in the spool");
}

/* ---- how it comes about */

/* The list is empty a moment before the daemon has read what it claimed: what is lost with Redis in
 * that moment is claimed again when Redis is back. It waits for more once it has read all. */
void wait_until_claimed(void)
{
    cr_assert(wait_until(redis_int(&scene.redis, "LLEN " JOB_LIST) == 0, WAIT_LONG_MS));
    cr_assert(wait_until(redis_n_blocked(&scene.redis) == 1, WAIT_LONG_MS));
    cr_assert(wait_until(fake_server_events(&scene.fake) > 0, WAIT_LONG_MS));
    cr_assert_eq(outcomes_count(&scene.redis, RESULTS), 0);
}

/* All jobs are claimed and the first requests are out, unanswered, when Redis goes away; all are
 * answered while it is. */
void claim_all(void)
{
    fake_server_set_rules(&scene.fake, SLOWLY);
    job_push_many(&scene.redis, JOB_JSON, 0, N_JOBS, 50);
    scene_start_pusherd(&scene);
    wait_until_claimed();
}

void answer_all(void)
{
    fake_server_set_rules(&scene.fake, QUICKLY);
    cr_assert(wait_until(fake_server_events(&scene.fake) == N_JOBS, WAIT_LONG_MS));
}

void spool_all_while_redis_is_down(void)
{
    claim_all();
    redis_kill(&scene.redis);
    answer_all();
    cr_assert(wait_until(spool_has(N_JOBS), WAIT_LONG_MS), "not all outcomes are in the spool");
}

void wait_for(uint64_t ms)
{
    uint64_t end_ms = wait_now_ms() + ms;
    cr_assert(wait_until(wait_now_ms() >= end_ms, ms + 1000));
}
