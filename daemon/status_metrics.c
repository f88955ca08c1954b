/* /metrics: the state of the whole daemon as text. Families are tables, a row for each; what they
 * mean is said in docs/metrics.md. Those of queues and of apps have files of their own; here are
 * those of the process. */
#include <microhttpd.h>
#include <stdio.h>
#include <unistd.h>

#include "daemon/metrics_text.h"
#include "daemon/pusherd.h"
#include "daemon/status_private.h"
#include "proto/text_out.h"

static void put_one(FILE *out, const char *name, const char *type, const char *help, uint64_t value)
{
    metrics_text_family(out, name, type, help);
    metrics_text_sample(out, name, NO_LABELS, value);
}

static uint64_t resident_bytes(void)
{
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");

    if (file && fscanf(file, "%*u %lu", &pages) != 1)
        pages = 0;
    if (file)
        (void)fclose(file);
    return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void put_process(FILE *out, const struct pusherd *pusherd)
{
    const struct metrics *metrics = &pusherd->metrics;

    metrics_text_family(out, "pusherd_build_info", "gauge", "1, and the version.");
    metrics_text_sample(out, "pusherd_build_info", LABELS({"version", PUSHERD_VERSION}), 1);
    put_one(out, "pusherd_start_time_seconds", "gauge", "When it was started, since 1970.",
            (uint64_t)metrics->start_unix_s);
    metrics_text_family(out, "pusherd_config_reloads_total", "counter",
                        "Times that the configuration was read again, by what came of it.");
    metrics_text_sample(out, "pusherd_config_reloads_total", LABELS({"result", "taken"}),
                        metrics->reloads);
    metrics_text_sample(out, "pusherd_config_reloads_total", LABELS({"result", "refused"}),
                        metrics->reloads_refused);
    put_one(out, "pusherd_config_last_reload_failed", "gauge",
            "Whether the last of them was refused.", metrics->last_reload_failed);
    put_one(out, "pusherd_config_loaded_time_seconds", "gauge",
            "When the configuration in force was read, since 1970.",
            (uint64_t)metrics->loaded_unix_s);
    put_one(out, "pusherd_resident_memory_bytes", "gauge", "Memory in use.", resident_bytes());
    put_one(out, "pusherd_isolations_total", "counter",
            "Refused batches that were halved, to find the event that is bad.",
            engine_counters(pusherd->engine)->isolations);
    metrics_text_family(out, "pusherd_loop_turn_seconds", "histogram",
                        "Turns of the loop, without the time that they waited.");
    metrics_text_histogram(out, "pusherd_loop_turn_seconds", NO_LABELS, &metrics->turns);
    metrics_text_family(out, "pusherd_redis_script_seconds", "histogram",
                        "From sending a script to its reply; settle acknowledges outcomes.");
    for (size_t i = 0; i < N_SCRIPTS; i++)
        metrics_text_histogram(out, "pusherd_redis_script_seconds",
                               LABELS({"script", all_scripts[i]->name}), &metrics->scripts[i]);
}

unsigned status_metrics(const struct pusherd *pusherd, char **ret_text, size_t *ret_len)
{
    struct text_out text;
    FILE *out = text_out_open(&text);
    char *whole;

    if (!out)
        return 0;
    put_process(out, pusherd);
    status_metrics_queues(out, pusherd);
    status_metrics_apps(out, pusherd);
    whole = text_out_close(&text, ret_len);
    if (whole)
        *ret_text = whole;
    return whole ? MHD_HTTP_OK : 0;
}
