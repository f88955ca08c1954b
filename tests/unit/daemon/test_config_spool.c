/* [spool]: where its directory comes from. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/daemon/config_fixture.h"

TestSuite(config_spool, .fini = fixture_remove);

/* The directory in force, in a static buffer; "" for none. */
static const char *dir_of(const char *spool, const char *const *environ)
{
    static char dir[512];
    char ini[256];
    snprintf(ini, sizeof(ini), ONE_APP "%s", spool);
    struct config *config = fixture_load(ini, NULL, environ);
    snprintf(dir, sizeof(dir), "%s", config->spool_dir ? config->spool_dir : "");
    config_free(config);
    return dir;
}

Test(config_spool, is_off_by_itself)
{
    cr_expect_str_eq(dir_of("", NULL), "");
}

Test(config_spool, is_on_where_systemd_gives_a_state_directory)
{
    cr_expect_str_eq(dir_of("", ENVIRON("STATE_DIRECTORY=/var/lib/pusherd")),
                     "/var/lib/pusherd/spool");
    cr_expect_str_eq(dir_of("", ENVIRON("STATE_DIRECTORY=/var/lib/a:/var/lib/b")),
                     "/var/lib/a/spool");
}

Test(config_spool, is_where_the_variable_or_the_file_says)
{
    const char *const *both = ENVIRON("STATE_DIRECTORY=/a", "PUSHERD_SPOOL_DIR=/b");
    cr_expect_str_eq(dir_of("", both), "/b");
    cr_expect_str_eq(dir_of("[spool]\ndir = /c\n", both), "/c");
    cr_expect_str_eq(dir_of("[spool]\ndir = off\n", both), "off");
}

Test(config_spool, is_relative_to_the_file)
{
    const char *dir = dir_of("[spool]\ndir = sub/spool\n", NULL);
    cr_expect(dir[0] == '/' && strstr(dir, "/sub/spool"), "%s", dir);
}

Test(config_spool, is_dumped_as_it_reads_back)
{
    const char *const *environ = ENVIRON("STATE_DIRECTORY=/a");
    struct config *config =
        fixture_load(ONE_APP "[spool]\ndir = off\nmax_bytes = 70000\n", NULL, environ);
    char *dump = fixture_dump(config);
    cr_expect(strstr(dump, "\n[spool]\ndir = off\nmax_bytes = 70000\n"), "%s", dump);
    free(dump);
    config_free(config);
}

Test(config_spool, is_not_too_small)
{
    const char *error = fixture_error(ONE_APP "[spool]\nmax_bytes = 1000\n", NULL, NULL);
    cr_expect(strstr(error, "pusherd.conf:7: [spool] max_bytes: "), "%s", error);
}
