/* A fuzzer without libFuzzer: runs it on the files that are named, and on those in folders.
 * Prints how many; none at all is an error. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/fuzz/fuzz.h"

static unsigned n_files;

static void die(const char *path)
{
    perror(path);
    exit(2);
}

/* The bytes get memory of exactly their length, so that a sanitizer sees what lies behind it. */
static void replay_file(const char *path, size_t len)
{
    FILE *file = fopen(path, "rb");
    uint8_t *bytes = malloc(len);
    if (!file || (len > 0 && (!bytes || fread(bytes, 1, len, file) != len)))
        die(path);
    fclose(file);
    fprintf(stderr, "%s\n", path);
    LLVMFuzzerTestOneInput(bytes, len);
    free(bytes);
    n_files++;
}

static void replay(const char *path);

static void replay_folder(const char *path)
{
    struct dirent **entries;
    int n = scandir(path, &entries, NULL, alphasort);
    if (n < 0)
        die(path);
    for (int i = 0; i < n; i++) {
        char *inner = NULL;
        if (entries[i]->d_name[0] != '.' && asprintf(&inner, "%s/%s", path, entries[i]->d_name) > 0)
            replay(inner);
        free(inner);
        free(entries[i]);
    }
    free(entries);
}

static void replay(const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0)
        die(path);
    if (S_ISDIR(status.st_mode))
        replay_folder(path);
    else
        replay_file(path, (size_t)status.st_size);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        replay(argv[i]);
    printf("%u inputs\n", n_files);
    return n_files > 0 ? 0 : 2;
}
