/* fake-pusher: see tests/fake/README.md */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "fake.h"

#define MAX_APPS        64
#define MAX_TLS_BYTES   (256u << 10)
#define DEFAULT_RECORDS 500000
#define EXIT_USAGE      64
#define EXIT_LISTEN     71

static const char usage[] =
    "usage: fake-pusher [options]\n"
    "Imitates a Pusher server on 127.0.0.1; prints \"listening on 127.0.0.1:PORT\" when ready.\n"
    "  --port N               0 (default): any free port\n"
    "  --app ID:KEY:SECRET    an app, again for more; default app-id:app-key:app-secret\n"
    "  --flavor hosted|soketi whom to imitate; default hosted\n"
    "  --max-channels N       that a trigger may have; default 100\n"
    "  --keep-alive on|off    default on\n"
    "  --seed N               of the rules that have a probability; default 1\n"
    "  --record N             keep the last N events and requests; default 500000, 0 none\n"
    "  --tls-cert F --tls-key F   PEM files: speak TLS\n";

struct settings {
    struct fake_options options;
    struct app apps[MAX_APPS];
    struct flavor flavor;
    size_t max_channels; /* 0: as the flavor has it */
    char *tls_cert;      /* owned */
    char *tls_key;       /* owned */
};

static void __attribute__((noreturn)) fail_usage(const char *what, const char *value)
{
    fprintf(stderr, "fake-pusher: %s: %s\n%s", what, value, usage);
    exit(EXIT_USAGE);
}

static unsigned long parse_number(const char *what, const char *text, unsigned long max)
{
    char *end;
    errno = 0;
    unsigned long value = strtoul(text, &end, 10);
    if (errno || *end || end == text || value > max) {
        fail_usage(what, text);
    }
    return value;
}

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "re");
    char *text = calloc(1, MAX_TLS_BYTES + 1);
    if (!file || fread(text, 1, MAX_TLS_BYTES, file) == 0) {
        fail_usage("cannot read", path);
    }
    fclose(file);
    return text;
}

static void add_app(struct settings *settings, const char *text)
{
    size_t n = settings->options.api.n_apps;
    if (n == MAX_APPS || app_parse(text, &settings->apps[n])) {
        fail_usage("--app", text);
    }
    settings->options.api.n_apps = n + 1;
}

static void set_option(struct settings *settings, int option, const char *value)
{
    struct fake_options *options = &settings->options;
    switch (option) {
    case 'p':
        options->port = (unsigned)parse_number("--port", value, 65535);
        break;
    case 'a':
        add_app(settings, value);
        break;
    case 'f':
        options->api.flavor = flavor_find(value);
        break;
    case 'm':
        settings->max_channels = parse_number("--max-channels", value, 10000);
        break;
    case 'k':
        options->keep_alive = strcmp(value, "off") != 0;
        break;
    case 'r':
        options->max_records = parse_number("--record", value, 100000000);
        break;
    case 'S':
        options->seed = parse_number("--seed", value, ULONG_MAX) | 1u << 31;
        break;
    case 'c':
        settings->tls_cert = read_file(value);
        break;
    case 's':
        settings->tls_key = read_file(value);
        break;
    default:
        fail_usage("options", "see below");
    }
    if (!options->api.flavor) {
        fail_usage("--flavor", value);
    }
}

static void parse_options(int argc, char **argv, struct settings *settings)
{
    static const struct option longs[] = {{"port", required_argument, NULL, 'p'},
                                          {"app", required_argument, NULL, 'a'},
                                          {"flavor", required_argument, NULL, 'f'},
                                          {"keep-alive", required_argument, NULL, 'k'},
                                          {"record", required_argument, NULL, 'r'},
                                          {"seed", required_argument, NULL, 'S'},
                                          {"tls-cert", required_argument, NULL, 'c'},
                                          {"tls-key", required_argument, NULL, 's'},
                                          {"max-channels", required_argument, NULL, 'm'},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
    *settings = (struct settings){
        .options = {.keep_alive = true, .max_records = DEFAULT_RECORDS, .seed = 1}};
    settings->options.api.flavor = flavor_find("hosted");
    settings->options.api.apps = settings->apps;
    for (int option; (option = getopt_long(argc, argv, "", longs, NULL)) != -1;) {
        if (option == 'h') {
            fputs(usage, stdout);
            exit(0);
        }
        set_option(settings, option, optarg);
    }
    if (optind < argc) {
        fail_usage("argument", argv[optind]);
    }
    if (settings->options.api.n_apps == 0) {
        add_app(settings, "app-id:app-key:app-secret");
    }
    settings->flavor = *settings->options.api.flavor;
    if (settings->max_channels > 0) {
        settings->flavor.max_channels = settings->max_channels;
    }
    settings->options.api.flavor = &settings->flavor;
    settings->options.tls_cert = settings->tls_cert;
    settings->options.tls_key = settings->tls_key;
}

/* Signals are waited for in main(); the threads inherit the mask. A fake must not outlive the test
 * that started it. */
static void prepare_process(sigset_t *ret_signals)
{
    struct rlimit files;
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    sigemptyset(ret_signals);
    sigaddset(ret_signals, SIGTERM);
    sigaddset(ret_signals, SIGINT);
    sigprocmask(SIG_BLOCK, ret_signals, NULL);
    signal(SIGPIPE, SIG_IGN);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
}

int main(int argc, char **argv)
{
    struct settings settings;
    struct fake fake;
    sigset_t signals;
    unsigned port;
    int received;
    parse_options(argc, argv, &settings);
    prepare_process(&signals);
    if (fake_start(&fake, &settings.options, &port)) {
        fprintf(stderr, "fake-pusher: cannot listen on 127.0.0.1:%u\n", settings.options.port);
        return EXIT_LISTEN;
    }
    printf("listening on 127.0.0.1:%u\n", port);
    fflush(stdout);
    sigwait(&signals, &received);
    fake_stop(&fake);
    free(settings.tls_cert);
    free(settings.tls_key);
    return 0;
}
