#include "folder.h"

#include <criterion/criterion.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

void folder_make(struct folder *folder)
{
    const char *base = getenv("TMPDIR");
    snprintf(folder->path, sizeof(folder->path), "%s/pusherd-test-XXXXXX", base ? base : "/tmp");
    cr_assert(mkdtemp(folder->path), "no temporary folder %s", folder->path);
}

static int remove_entry(const char *path, const struct stat *stat, int kind, struct FTW *where)
{
    (void)stat;
    (void)kind;
    (void)where;
    return remove(path);
}

void folder_remove(struct folder *folder)
{
    if (folder->path[0] && !getenv("TESTS_KEEP")) {
        nftw(folder->path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    }
    folder->path[0] = '\0';
}

void folder_path(const struct folder *folder, const char *name, char *ret_path, size_t size)
{
    int len = snprintf(ret_path, size, "%s/%s", folder->path, name);
    cr_assert(len > 0 && (size_t)len < size, "the path of %s is too long", name);
}

void folder_write(const struct folder *folder, const char *name, const char *content,
                  char *ret_path, size_t size)
{
    folder_path(folder, name, ret_path, size);
    FILE *file = fopen(ret_path, "we");
    cr_assert(file, "cannot write %s", ret_path);
    cr_assert_eq(fchmod(fileno(file), 0600), 0); /* it may hold a secret */
    cr_assert_eq(fwrite(content, 1, strlen(content), file), strlen(content));
    cr_assert_eq(fclose(file), 0);
}
