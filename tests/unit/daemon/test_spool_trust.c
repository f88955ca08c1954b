/* Directories and files that others could have written are not believed. Those that belong to
 * another user only root can make: elsewhere these tests are skipped. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/clock.h"
#include "daemon/spool.h"

#define LIST     "a:list"
#define CONSUMER "host.boot-1:2:00000003"
#define NOBODY   65534

static char dir[64], path[SPOOL_PATH_MAX];
static const struct spool_place place = {dir, "0123456789abcdef", LIST};
static uv_loop_t loop;

static void open_dir(void)
{
    strcpy(dir, "/tmp/spool-XXXXXX");
    cr_assert(mkdtemp(dir));
    cr_assert_eq(uv_loop_init(&loop), 0);
    spool_path(&place, CONSUMER, path, sizeof(path));
}

static void close_dir(void)
{
    cr_expect_eq(uv_loop_close(&loop), 0);
    (void)unlink(path);
    cr_expect_eq(rmdir(dir), 0, "files are left in %s", dir);
}

TestSuite(spool_trust, .init = open_dir, .fini = close_dir, .timeout = 60);

static void give_away(const char *name)
{
    if (geteuid() != 0) {
        cr_skip("only root can give a file to another user");
    }
    cr_assert_eq(lchown(name, NOBODY, (gid_t)-1), 0);
}

/* A file of a dead daemon, of one outcome. */
static void write_file(mode_t mode)
{
    struct spool_bytes bytes = {0};
    spool_head_write(&bytes, &place, CONSUMER);
    size_t begin = spool_frame_begin(&bytes);
    spool_frame_string(&bytes, "one", 3);
    spool_frame_end(&bytes, begin);
    FILE *file = fopen(path, "we");
    cr_assert(file);
    cr_assert_eq(fwrite(bytes.bytes, 1, bytes.len, file), bytes.len);
    fclose(file);
    spool_bytes_deinit(&bytes);
    cr_assert_eq(chmod(path, mode), 0);
}

static size_t n_found;
static char refused_why[128], refused_path[SPOOL_PATH_MAX];

static void on_scanned(struct spool_scan *scan)
{
    struct list *link;
    n_found = 0;
    refused_why[0] = '\0';
    while ((link = list_pop(&scan->found))) {
        spool_found_free(LIST_ENTRY(link, struct spool_found, link));
        n_found++;
    }
    while ((link = list_pop(&scan->refused))) {
        struct spool_refused *refused = LIST_ENTRY(link, struct spool_refused, link);
        snprintf(refused_why, sizeof(refused_why), "%s", refused->why);
        snprintf(refused_path, sizeof(refused_path), "%s", refused->path);
        free(refused);
    }
}

static void scan_dir(void)
{
    struct spool_scan scan;
    spool_scan_start(&scan, &loop, &place, on_scanned, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
}

static void expect_refused(const char *why)
{
    struct stat status;
    scan_dir();
    cr_expect_eq(n_found, 0);
    cr_expect_str_eq(refused_path, path);
    cr_expect(strstr(refused_why, why), "%s", refused_why);
    cr_expect_eq(lstat(path, &status), 0, "it is left where it is");
}

/* ---- files that are found */

Test(spool_trust, a_file_that_only_its_owner_writes_is_believed)
{
    write_file(0644);
    scan_dir();
    cr_expect_eq(n_found, 1);
    cr_expect_str_eq(refused_why, "");
    cr_expect_eq(spool_look(path), SPOOL_FREE);
}

Test(spool_trust, a_file_that_the_group_can_write_is_not_believed)
{
    write_file(0660);
    expect_refused("can be written to by its group or by others");
    cr_expect_eq(spool_look(path), SPOOL_REFUSED);
}

Test(spool_trust, a_file_that_others_can_write_is_not_believed)
{
    write_file(0602);
    expect_refused("can be written to by its group or by others");
    cr_expect_eq(spool_look(path), SPOOL_REFUSED);
}

Test(spool_trust, a_file_of_another_user_is_not_believed)
{
    write_file(0600);
    give_away(path);
    expect_refused("belongs to another user");
    cr_expect_eq(spool_look(path), SPOOL_REFUSED);
}

Test(spool_trust, a_lock_of_whoever_wrote_it_is_not_waited_for)
{
    write_file(0606);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    cr_assert_eq(spool_lock(fd), 0);
    expect_refused("can be written to by its group or by others");
    cr_expect_eq(spool_look(path), SPOOL_REFUSED);
    close(fd);
}

Test(spool_trust, a_symbolic_link_is_not_followed)
{
    cr_assert_eq(symlink("/etc/passwd", path), 0);
    expect_refused("is a symbolic link");
    cr_expect_eq(spool_look(path), SPOOL_ABSENT);
}

Test(spool_trust, a_pipe_is_not_waited_for)
{
    cr_assert_eq(mkfifo(path, 0600), 0);
    expect_refused("is not a regular file");
    cr_expect_eq(spool_look(path), SPOOL_REFUSED);
}

/* ---- the file that is written */

/* Says why one turn of a journal could not write. */
static void expect_not_written(const char *why)
{
    struct spool_journal journal;
    spool_journal_init(&journal, &loop, &place, 65536, CONSUMER);
    cr_assert_eq(spool_journal_add(&journal, "frame", 5), SPOOL_ADDED);
    spool_journal_run(&journal, clock_ms());
    uv_run(&loop, UV_RUN_DEFAULT);
    cr_expect_neq(journal.error, 0);
    cr_expect(strstr(spool_journal_why(&journal), why), "%s", spool_journal_why(&journal));
    spool_journal_deinit(&journal);
}

static void expect_size(off_t size)
{
    struct stat status;
    cr_assert_eq(stat(path, &status), 0);
    cr_expect_eq(status.st_size, size, "%lld bytes", (long long)status.st_size);
}

Test(spool_trust, nothing_is_written_to_a_file_that_others_can_write)
{
    fclose(fopen(path, "we"));
    cr_assert_eq(chmod(path, 0666), 0);
    expect_not_written("can be written to by its group or by others");
    expect_size(0);
}

Test(spool_trust, nothing_is_written_to_a_file_that_another_user_has_laid_there)
{
    fclose(fopen(path, "we"));
    give_away(path);
    expect_not_written("belongs to another user");
    expect_size(0);
}

Test(spool_trust, nothing_is_written_through_a_link)
{
    cr_assert_eq(symlink("elsewhere", path), 0);
    expect_not_written("symbolic link");
}

/* ---- the directory */

static void expect_dir_refused(bool may_make, const char *why)
{
    char got[SPOOL_WHY_MAX] = "";
    cr_expect_neq(spool_check_dir(dir, may_make, got), 0);
    cr_expect(strstr(got, dir) && strstr(got, why), "%s", got);
}

Test(spool_trust, a_directory_that_others_can_write_to_is_refused)
{
    static const mode_t modes[] = {0770, 0702, 01777, 02775};
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        cr_assert_eq(chmod(dir, modes[i]), 0);
        expect_dir_refused(true, "can be written to by its group or by others: chmod go-w");
        expect_dir_refused(false, "can be written to by its group or by others: chmod go-w");
    }
}

Test(spool_trust, a_directory_that_others_can_read_is_taken)
{
    char why[SPOOL_WHY_MAX];
    cr_assert_eq(chmod(dir, 0755), 0);
    cr_expect_eq(spool_check_dir(dir, true, why), 0);
    cr_expect_eq(spool_check_dir(dir, false, why), 0);
}

/* Root, who only checks, does so for the daemon's user. */
Test(spool_trust, a_directory_of_another_user_is_refused_to_whoever_runs)
{
    char why[SPOOL_WHY_MAX];
    give_away(dir);
    expect_dir_refused(true, "belongs to another user");
    cr_expect_eq(spool_check_dir(dir, false, why), 0);
    cr_assert_eq(seteuid(NOBODY - 1), 0);
    expect_dir_refused(false, "belongs to another user");
    cr_assert_eq(seteuid(0), 0);
}

Test(spool_trust, a_directory_of_root_is_taken_by_others)
{
    char why[SPOOL_WHY_MAX];
    if (geteuid() != 0) {
        cr_skip("only root can be another user");
    }
    cr_assert_eq(seteuid(NOBODY), 0); /* who is still root for access() */
    cr_expect_eq(spool_check_dir(dir, true, why), 0);
    cr_assert_eq(seteuid(0), 0);
}
