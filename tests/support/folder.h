/* A temporary folder of a test. */
#ifndef TESTS_SUPPORT_FOLDER_H
#define TESTS_SUPPORT_FOLDER_H

#include <stddef.h>

#define FOLDER_PATH_MAX 128

struct folder {
    char path[FOLDER_PATH_MAX]; /* "" : none */
};

void folder_make(struct folder *folder);

/* Removes it with all that is in it, unless the environment has TESTS_KEEP. */
void folder_remove(struct folder *folder);

/* PATH/name. */
void folder_path(const struct folder *folder, const char *name, char *ret_path, size_t size);

/* Writes a file of this content, mode 0600, and gives its path. */
void folder_write(const struct folder *folder, const char *name, const char *content,
                  char *ret_path, size_t size);

#endif
