/* Spool files: written, locked, found, refused, removed. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/clock.h"
#include "daemon/config/redis_url.h"
#include "daemon/spool.h"
#include "tests/support/wait.h"

#define LIST      "a:list"
#define CONSUMER  "host.boot-1:2:00000003"
#define MAX_BYTES 65536
#define WAIT_MS   10000

static char dir[64];
static const struct spool_place place = {dir, "0123456789abcdef", LIST};
static uv_loop_t loop;
static struct spool_journal journal;

static void open_dir(void)
{
    strcpy(dir, "/tmp/spool-XXXXXX");
    cr_assert(mkdtemp(dir));
    cr_assert_eq(uv_loop_init(&loop), 0);
    spool_journal_init(&journal, &loop, &place, MAX_BYTES, CONSUMER);
}

static void close_dir(void)
{
    char path[SPOOL_PATH_MAX];
    spool_journal_deinit(&journal);
    cr_expect_eq(uv_loop_close(&loop), 0);
    spool_path(&place, CONSUMER, path, sizeof(path));
    (void)unlink(path);
    cr_expect_eq(rmdir(dir), 0, "files are left in %s", dir);
}

TestSuite(spool_journal, .init = open_dir, .fini = close_dir, .timeout = 60);
TestSuite(spool_dir, .init = open_dir, .fini = close_dir, .timeout = 60);

static struct spool_bytes frame_of(const char *text, size_t len)
{
    struct spool_bytes out = {0};
    size_t begin = spool_frame_begin(&out);
    spool_frame_string(&out, text, len);
    spool_frame_end(&out, begin);
    return out;
}

static int add_bytes(const char *text, size_t len)
{
    struct spool_bytes frame = frame_of(text, len);
    int added = spool_journal_add(&journal, frame.bytes, frame.len);
    spool_bytes_deinit(&frame);
    return added;
}

static int add(const char *text)
{
    return add_bytes(text, strlen(text));
}

/* One turn: what run() starts is finished. */
static void run(void)
{
    spool_journal_run(&journal, clock_ms());
    uv_run(&loop, UV_RUN_DEFAULT);
}

static void drop(void)
{
    spool_journal_drop(&journal);
    run();
}

static struct spool_found *first_found;
static size_t n_found;

static void on_scanned(struct spool_scan *scan)
{
    struct list *link;
    while ((link = list_pop(&scan->found))) {
        struct spool_found *found = LIST_ENTRY(link, struct spool_found, link);
        if (n_found++ == 0) {
            first_found = found;
        } else {
            spool_found_free(found);
        }
    }
}

/* What a scan finds; the caller frees the first. */
static size_t scan_at(const struct spool_place *at, struct spool_scan *scan)
{
    n_found = 0;
    first_found = NULL;
    spool_scan_start(scan, &loop, at, on_scanned, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    return n_found;
}

static size_t scan_for(const char *list, struct spool_scan *scan)
{
    return scan_at(&(struct spool_place){dir, place.server, list}, scan);
}

static size_t n_frames(const struct spool_found *found)
{
    struct pusher_string bytes = {found->bytes, found->len}, payload;
    size_t pos = found->first, n = 0;
    while (spool_frame_next(bytes, &pos, &payload) == SPOOL_FRAME) {
        n++;
    }
    return n;
}

static void let_go(void)
{
    spool_journal_close(&journal);
    uv_run(&loop, UV_RUN_DEFAULT);
}

Test(spool_journal, makes_no_file_before_it_must)
{
    struct stat status;
    run();
    cr_expect_neq(stat(journal.path, &status), 0);
    cr_expect(spool_journal_is_idle(&journal));
}

Test(spool_journal, is_readable_by_its_owner_only)
{
    struct stat status;
    umask(0);
    cr_assert_eq(add("one"), SPOOL_ADDED);
    run();
    cr_assert_eq(stat(journal.path, &status), 0);
    cr_expect_eq(status.st_mode & 0777, 0600);
    cr_expect(spool_journal_is_synced(&journal));
}

Test(spool_journal, is_found_with_all_frames_once_its_daemon_is_gone)
{
    struct spool_scan scan;
    cr_assert_eq(add("one"), SPOOL_ADDED);
    cr_assert_eq(add("two"), SPOOL_ADDED);
    run();
    cr_assert_eq(add("three"), SPOOL_ADDED);
    run();
    let_go();
    cr_assert_eq(scan_for(LIST, &scan), 1);
    cr_expect_str_eq(first_found->consumer, CONSUMER);
    cr_expect_eq(n_frames(first_found), 3);
    cr_expect_eq(first_found->n_damaged, 0);
    spool_found_free(first_found);
}

/* Another Redis cannot settle it; its daemons are told of it once there is nobody left. */
Test(spool_journal, is_left_where_it_is_by_daemons_of_another_redis)
{
    struct spool_place elsewhere = {dir, "fedcba9876543210", LIST};
    struct spool_scan scan;
    cr_assert_eq(add("one"), SPOOL_ADDED);
    run();
    cr_expect_eq(scan_at(&elsewhere, &scan), 0);
    cr_expect_eq(scan.n_elsewhere, 0);
    let_go();
    cr_expect_eq(scan_at(&elsewhere, &scan), 0);
    cr_expect_eq(scan.n_elsewhere, 1);
    cr_assert_eq(scan_for(LIST, &scan), 1);
    cr_expect_eq(scan.n_elsewhere, 0);
    spool_found_free(first_found);
}

/* The name of a file may be what somebody made it. */
Test(spool_journal, is_not_believed_under_the_name_of_another_redis)
{
    struct spool_place elsewhere = {dir, "fedcba9876543210", LIST};
    struct spool_scan scan;
    char path[SPOOL_PATH_MAX];
    cr_assert_eq(add("one"), SPOOL_ADDED);
    run();
    let_go();
    spool_path(&elsewhere, CONSUMER, path, sizeof(path));
    cr_assert_eq(rename(journal.path, path), 0);
    cr_expect_eq(scan_at(&elsewhere, &scan), 0);
    cr_expect_eq(scan.n_foreign, 1);
    (void)unlink(path);
}

Test(spool_journal, is_nobody_elses_while_it_is_open)
{
    struct spool_scan scan;
    cr_assert_eq(add("one"), SPOOL_ADDED);
    run();
    cr_expect_eq(spool_look(journal.path), SPOOL_LOCKED);
    cr_expect_eq(scan_for(LIST, &scan), 0);
    let_go();
    cr_expect_eq(spool_look(journal.path), SPOOL_FREE);
}

Test(spool_journal, of_another_list_is_left_alone)
{
    struct spool_scan scan;
    cr_assert_eq(add("one"), SPOOL_ADDED);
    run();
    let_go();
    cr_expect_eq(scan_for("another:list", &scan), 0);
    cr_expect_eq(spool_look(journal.path), SPOOL_FREE);
}

Test(spool_journal, writes_what_is_left_when_it_is_closed)
{
    struct spool_scan scan;
    cr_assert_eq(add("one"), SPOOL_ADDED);
    spool_journal_run(&journal, clock_ms()); /* a write is under way */
    cr_assert_eq(add("two"), SPOOL_ADDED);
    let_go();
    cr_assert_eq(scan_for(LIST, &scan), 1);
    cr_expect_eq(n_frames(first_found), 2);
    spool_found_free(first_found);
}

Test(spool_journal, is_removed_when_dropped_and_can_begin_anew)
{
    struct spool_scan scan;
    cr_assert_eq(add("one"), SPOOL_ADDED);
    run();
    spool_journal_drop(&journal);
    cr_assert_eq(add("two"), SPOOL_ADDED); /* before the file is gone */
    run();
    cr_expect_eq(spool_look(journal.path), SPOOL_ABSENT);
    run();
    let_go();
    cr_assert_eq(scan_for(LIST, &scan), 1);
    cr_expect_eq(n_frames(first_found), 1);
    spool_found_free(first_found);
}

Test(spool_journal, says_when_it_is_full)
{
    char big[4096] = "";
    size_t n = 0;
    while (n < 100 && add_bytes(big, sizeof(big)) == SPOOL_ADDED) {
        n++;
    }
    cr_expect_eq(n, MAX_BYTES / (sizeof(big) + 24));
    run();
    cr_expect_eq(add_bytes(big, sizeof(big)), SPOOL_FULL, "the cap holds for what is written, too");
    drop();
    cr_expect_eq(add_bytes(big, sizeof(big)), SPOOL_ADDED);
    run();
}

static void limit_files(rlim_t bytes)
{
    struct rlimit limit = {.rlim_cur = bytes, .rlim_max = RLIM_INFINITY};
    signal(SIGXFSZ, SIG_IGN);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static bool repeats_until_written(void)
{
    return wait_until((run(), spool_journal_is_synced(&journal)), WAIT_MS);
}

/* A disk that is full in the middle of a frame, and then is not. */
/* What found no memory is not in the journal; what comes after it may be. */
Test(spool_journal, goes_on_when_there_is_memory_again)
{
    journal.waiting.out_of_memory = true; /* as realloc() leaves it */
    cr_assert_eq(add_bytes("lost", 4), SPOOL_NO_MEMORY);
    cr_assert_eq(add_bytes("kept", 4), SPOOL_ADDED);
    cr_expect_eq(journal.waiting.len, 4u + 24u);
}

Test(spool_journal, mends_a_write_that_failed_half_way)
{
    struct spool_scan scan;
    char big[1000] = "";
    cr_assert_eq(add("one"), SPOOL_ADDED);
    run();
    limit_files(journal.size + 500);
    cr_assert_eq(add_bytes(big, sizeof(big)), SPOOL_ADDED);
    run();
    cr_expect_eq(journal.error, EFBIG);
    cr_expect(!spool_journal_is_synced(&journal));
    limit_files(RLIM_INFINITY);
    cr_assert(repeats_until_written());
    let_go();
    cr_assert_eq(scan_for(LIST, &scan), 1);
    cr_expect_eq(n_frames(first_found), 2);
    spool_found_free(first_found);
}

Test(spool_journal, torn_by_a_crash_gives_what_was_whole)
{
    struct spool_scan scan;
    cr_assert_eq(add("one"), SPOOL_ADDED);
    cr_assert_eq(add("two"), SPOOL_ADDED);
    run();
    cr_assert_eq(truncate(journal.path, (off_t)journal.size - 1), 0);
    let_go();
    cr_assert_eq(scan_for(LIST, &scan), 1);
    cr_expect_eq(n_frames(first_found), 1);
    cr_expect_gt(first_found->n_damaged, 0);
    spool_found_free(first_found);
}

Test(spool_journal, torn_in_its_head_is_removed)
{
    struct spool_scan scan;
    cr_assert_eq(add("one"), SPOOL_ADDED);
    run();
    cr_assert_eq(truncate(journal.path, 10), 0);
    let_go();
    cr_expect_eq(scan_for(LIST, &scan), 0);
    cr_expect_eq(spool_look(journal.path), SPOOL_ABSENT);
}

Test(spool_journal, of_another_version_is_left_and_counted)
{
    struct spool_scan scan;
    struct spool_bytes frame = frame_of("pusherd-spool", 13);
    FILE *file = fopen(journal.path, "we");
    cr_assert(file);
    cr_assert_eq(fwrite(frame.bytes, 1, frame.len, file), frame.len);
    fclose(file);
    spool_bytes_deinit(&frame);
    cr_assert_eq(chmod(journal.path, 0600), 0); /* whatever the umask is */
    cr_expect_eq(scan_for(LIST, &scan), 0);
    cr_expect_eq(scan.n_foreign, 1);
    cr_expect_eq(spool_look(journal.path), SPOOL_FREE);
}

Test(spool_journal, whose_directory_is_gone_says_so)
{
    cr_assert_eq(rmdir(dir), 0);
    cr_assert_eq(add("one"), SPOOL_ADDED);
    run();
    cr_expect_eq(journal.error, ENOENT);
    cr_assert_eq(mkdir(dir, 0700), 0);
    cr_expect(repeats_until_written());
}

/* ---- the directory */

static void name_server(const char *url, char ret_server[SPOOL_SERVER_MAX])
{
    struct redis_config redis;
    char why[REDIS_URL_WHY_MAX];
    cr_assert_eq(redis_url_parse(url, &redis, why), 0, "%s: %s", url, why);
    spool_server(&redis, ret_server);
    cr_expect_eq(strlen(ret_server), SPOOL_SERVER_MAX - 1);
    redis_config_deinit(&redis);
}

static void expect_servers(const char *url, const char *other_url, bool are_one)
{
    char server[SPOOL_SERVER_MAX], other[SPOOL_SERVER_MAX];
    name_server(url, server);
    name_server(other_url, other);
    cr_expect_eq(strcmp(server, other) == 0, are_one, "%s and %s", url, other_url);
}

Test(spool_server, is_known_by_its_address_and_database)
{
    expect_servers("redis://h", "redis://user:password@h:6379/0", true);
    expect_servers("redis://h", "redis://i", false);
    expect_servers("redis://h", "redis://h:6635", false);
    expect_servers("redis://h/0", "redis://h/256", false);
    expect_servers("unix:///a/b", "unix:///a/b?db=0", true);
    expect_servers("unix:///a/b", "unix:///a/c", false);
    expect_servers("unix:///a/b", "unix:///a/b?db=1", false);
    expect_servers("redis://m", "sentinel://h/m", false);
}

Test(spool_server, is_known_by_the_name_of_its_master_where_there_are_sentinels)
{
    expect_servers("sentinel://a,b:2/m", "sentinel://b:2,c/m", true);
    expect_servers("sentinel://a,b:2/m", "sentinel://a,b:2/n", false);
}

Test(spool_dir, is_made_for_its_owner_only)
{
    char path[80], why[SPOOL_WHY_MAX];
    struct stat status;
    snprintf(path, sizeof(path), "%s/sub", dir);
    cr_expect_eq(spool_check_dir(path, false, why), 0);
    cr_expect_neq(stat(path, &status), 0, "a check makes nothing");
    cr_assert_eq(spool_check_dir(path, true, why), 0);
    cr_assert_eq(stat(path, &status), 0);
    cr_expect_eq(status.st_mode & 0777, 0700);
    cr_expect_eq(spool_check_dir(path, true, why), 0);
    rmdir(path);
}

static pthread_barrier_t at_once;

static void *make_dir_at_once(void *arg)
{
    char why[SPOOL_WHY_MAX];
    pthread_barrier_wait(&at_once);
    return spool_check_dir(arg, true, why) == 0 ? arg : NULL;
}

Test(spool_dir, is_made_by_several_daemons_at_once)
{
    enum { N_DAEMONS = 8, N_ROUNDS = 300 };
    char path[80];
    size_t n_made = 0;
    snprintf(path, sizeof(path), "%s/sub", dir);
    cr_assert_eq(pthread_barrier_init(&at_once, NULL, N_DAEMONS), 0);
    for (int round = 0; round < N_ROUNDS; round++) {
        pthread_t threads[N_DAEMONS];
        void *made;
        for (size_t i = 0; i < N_DAEMONS; i++)
            cr_assert_eq(pthread_create(&threads[i], NULL, make_dir_at_once, path), 0);
        for (size_t i = 0; i < N_DAEMONS; i++) {
            pthread_join(threads[i], &made);
            n_made += made != NULL;
        }
        rmdir(path);
    }
    pthread_barrier_destroy(&at_once);
    cr_expect_eq(n_made, N_DAEMONS * N_ROUNDS);
}

Test(spool_dir, that_cannot_be_is_refused_with_the_reason)
{
    char path[80], why[SPOOL_WHY_MAX];
    snprintf(path, sizeof(path), "%s/no/sub", dir);
    cr_expect_neq(spool_check_dir(path, false, why), 0);
    cr_expect(strstr(why, path) && strstr(why, "No such file or directory"), "%s", why);
    cr_expect_neq(spool_check_dir(path, true, why), 0);
    cr_expect_neq(spool_check_dir("/dev/null", true, why), 0);
    cr_expect(strstr(why, "/dev/null is not a directory"), "%s", why);
    cr_expect_neq(spool_check_dir("/dev/null/spool", false, why), 0);
}
