#include "tests/unit/daemon/config_fixture.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];

const char *fixture_file(const char *name, unsigned mode, const char *text)
{
    static char paths[16][128]; /* the last so many that were asked for */
    static unsigned n;
    char *path = paths[n++ % 16];
    if (folder[0] == '\0') {
        strcpy(folder, "/tmp/pusherd-config-XXXXXX");
        cr_assert_not_null(mkdtemp(folder));
    }
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    cr_assert(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    cr_assert_eq(fchmod(fd, mode), 0);
    close(fd);
    return path;
}

static int on_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

void fixture_remove(void)
{
    if (folder[0] != '\0')
        nftw(folder, on_entry, 4, FTW_DEPTH | FTW_PHYS);
}

static int load(const char *ini, const char *json, const char *const *environ,
                struct config **ret_config, struct config_error *ret_error)
{
    struct config_source source = {.environ = (char *const *)(uintptr_t)environ};
    if (ini)
        source.file = fixture_file("pusherd.conf", 0600, ini);
    if (json)
        source.app_json_file = fixture_file("app.json", 0600, json);
    return config_load(&source, ret_config, ret_error);
}

struct config *fixture_load(const char *ini, const char *json, const char *const *environ)
{
    struct config *config = NULL;
    struct config_error error = {""};
    cr_assert_eq(load(ini, json, environ, &config, &error), 0, "%s", error.text);
    return config;
}

const char *fixture_error(const char *ini, const char *json, const char *const *environ)
{
    static struct config_error error;
    struct config *config = NULL;
    if (load(ini, json, environ, &config, &error) == 0) {
        config_free(config);
        return "";
    }
    cr_assert_null(config, "a configuration was given together with an error");
    for (char *at = error.text; folder[0] != '\0' && (at = strstr(at, folder)) != NULL;)
        memmove(at, at + strlen(folder) + 1, strlen(at + strlen(folder) + 1) + 1);
    return error.text;
}

char *fixture_dump(const struct config *config)
{
    char *text;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    cr_assert_not_null(out);
    config_dump(config, out);
    fclose(out);
    return text;
}
