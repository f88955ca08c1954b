/* pusherd: from a Redis list to Pusher Channels. Reads its arguments and its configuration, and
 * runs. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sysexits.h>

#include "daemon/config/config.h"
#include "daemon/descriptors.h"
#include "daemon/log.h"
#include "daemon/pusherd.h"
#include "daemon/spool.h"

extern char **environ;

enum action { RUN, CHECK, DUMP };

struct options {
    const char *file;
    const char *app_json_file;
    enum action action;
};

static const char usage_text[] =
    "Usage: pusherd [OPTION]...\n"
    "Deliver jobs from a Redis list to Pusher Channels.\n"
    "\n"
    "  -c, --config FILE    configuration; default " CONFIG_DEFAULT_FILE ", if it exists\n"
    "      --app-json FILE  one app, as {\"provider\":\"Pusher\",\"configuration\":[...]}\n"
    "  -t, --check-config   check the configuration and exit: 0 if it is good, else 78\n"
    "  -T, --dump-config    print the configuration in force, secrets masked, and exit\n"
    "  -V, --version        print the version and exit\n"
    "  -h, --help           print this and exit\n"
    "\n"
    "What the file does not say is taken from the environment: REDIS_URL, PUSHER_APP_ID, PUSHER_APP_KEY,\n"
    "PUSHER_APP_SECRET, PUSHER_APP_CLUSTER, ... TERM and INT end it in good order, HUP reads it all again.\n";

/* What was asked for is there, or it is said that it is not. */
static int finish_output(void)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return EX_OK;
    (void)fprintf(stderr, "pusherd: standard output cannot be written to\n");
    return EX_IOERR;
}

static int parse(int argc, char **argv, struct options *ret_options)
{
    static const struct option longs[] = {{"config", required_argument, NULL, 'c'},
                                          {"app-json", required_argument, NULL, 'j'},
                                          {"check-config", no_argument, NULL, 't'},
                                          {"dump-config", no_argument, NULL, 'T'},
                                          {"version", no_argument, NULL, 'V'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    int c;

    while ((c = getopt_long(argc, argv, "c:tTVh", longs, NULL)) != -1) {
        switch (c) {
        case 'c':
            ret_options->file = optarg;
            break;
        case 'j':
            ret_options->app_json_file = optarg;
            break;
        case 't':
            ret_options->action = CHECK;
            break;
        case 'T':
            ret_options->action = DUMP;
            break;
        case 'V':
            (void)puts("pusherd " PUSHERD_VERSION);
            exit(finish_output());
        case 'h':
            (void)fputs(usage_text, stdout);
            exit(finish_output());
        default:
            return -1;
        }
    }
    if (optind == argc)
        return 0;
    (void)fprintf(stderr, "pusherd: unexpected argument: %s\n", argv[optind]);
    return -1;
}

/* Made when the daemon runs; a check of the configuration changes nothing. */
static int check_spool(const struct config *config, enum action action)
{
    const char *dir = spool_dir(config);
    char why[SPOOL_WHY_MAX];

    if (!dir || action == DUMP || spool_check_dir(dir, action == RUN, why) == 0)
        return 0;
    (void)fprintf(stderr, "pusherd: [spool] dir: %s\n", why);
    return -1;
}

/* Of a check; the daemon logs them, at each reload as well. */
static void print_warnings(const struct config *config)
{
    for (size_t i = 0; i < config->n_warnings; i++)
        (void)fprintf(stderr, "pusherd: warning: %s\n", config->warnings[i].text);
}

static struct config *load(const struct options *options, struct config_source source)
{
    struct config_error error;
    struct config *config;

    if (!source.file)
        source.file = config_default_file();
    if (config_load(&source, &config, &error) != 0) {
        (void)fprintf(stderr, "pusherd: %s\n", error.text);
        return NULL;
    }
    if (check_spool(config, options->action) != 0) {
        config_free(config);
        return NULL;
    }
    return config;
}

/* SIGHUP before the loop runs would end the process; so it waits until pusherd_run() takes it. */
static void hold_reload(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGHUP);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
}

int main(int argc, char **argv)
{
    struct options options = {.action = RUN};
    struct config_source source = {.environ = environ};
    struct config *config;
    int status = 0;

    descriptors_hold_standard();
    hold_reload();
    /* No core dump, and no debugger or /proc file of another's, gets at the secrets. */
    (void)prctl(PR_SET_DUMPABLE, 0);
    if (parse(argc, argv, &options) != 0) {
        (void)fprintf(stderr, "Try 'pusherd --help'.\n");
        return EX_USAGE;
    }
    source.file = options.file;
    source.app_json_file = options.app_json_file;
    config = load(&options, source);
    if (!config)
        return EX_CONFIG;
    if (options.action == DUMP) {
        config_dump(config, stdout);
        status = finish_output();
    } else if (options.action == CHECK) {
        print_warnings(config);
        (void)fprintf(stderr, "pusherd: the configuration is good\n");
    } else {
        log_init(config->log_level, config->log_format);
        status = pusherd_run(config, &source);
        config = NULL; /* which it has freed */
    }
    config_free(config);
    if (status == PUSHERD_NO_LISTENER)
        return EX_CONFIG;
    return status < 0 ? EX_OSERR : status;
}
