/* Files that the configuration is read from: itself, secrets, the JSON form. */
#ifndef DAEMON_CONFIG_CONFIG_FILE_H
#define DAEMON_CONFIG_CONFIG_FILE_H

#include <stdbool.h>
#include <stddef.h>

#define CONFIG_FILE_MAX     (1024u * 1024u) /* bytes of an INI file */
#define CONFIG_JSON_MAX     (64u * 1024u)
#define CONFIG_SECRET_MAX   4096u
#define CONFIG_FILE_WHY_MAX 192

/* The whole file, with a NUL behind its *ret_len bytes; config_file_free() wipes and frees it.
 * -1 and the reason in ret_why if it cannot be read, holds a NUL or more than max_bytes, or, as one
 * of a secret, has one of the permissions `forbidden` (S_IROTH, S_IWOTH). */
int config_file_read(const char *path, size_t max_bytes, unsigned forbidden, char **ret_text,
                     size_t *ret_len, char ret_why[CONFIG_FILE_WHY_MAX])
    __attribute__((warn_unused_result));

/* The permissions of a file; 0 if it is none, or they cannot be read. */
unsigned config_file_mode(const char *path);

void config_file_free(char *text, size_t len);

/* The path with ${CREDENTIALS_DIRECTORY} at its start replaced, and from `folder` if it is
 * relative; malloc'ed. `credentials` and `folder` may be NULL. NULL and the reason in ret_why. */
char *config_path_resolve(const char *path, const char *folder, const char *credentials,
                          char ret_why[CONFIG_FILE_WHY_MAX]);

#endif
