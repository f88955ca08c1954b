/* Numbers are written from integers: no locale changes them. */
#include "daemon/metrics_text.h"

#include <inttypes.h>

#define TIME_MAX 32 /* bytes of a time in seconds */

void metrics_text_family(FILE *out, const char *name, const char *type, const char *help)
{
    (void)fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void put_value(FILE *out, const char *value)
{
    for (; *value; value++) {
        if (*value == '\n')
            (void)fputs("\\n", out);
        else if (*value == '"' || *value == '\\')
            (void)fprintf(out, "\\%c", *value);
        else
            (void)fputc(*value, out);
    }
}

/* `le` is the bound of a bucket; NULL: the sample is none. */
static void put_labels(FILE *out, const struct metrics_label *labels, const char *le)
{
    const char *before = "{";

    for (; labels->name; labels++) {
        (void)fprintf(out, "%s%s=\"", before, labels->name);
        put_value(out, labels->value);
        (void)fputc('"', out);
        before = ",";
    }
    if (le)
        (void)fprintf(out, "%sle=\"%s\"", before, le);
    if (le || *before == ',')
        (void)fputc('}', out);
}

static void put_sample(FILE *out, const char *name, const char *suffix,
                       const struct metrics_label *labels, const char *le, uint64_t value)
{
    (void)fprintf(out, "%s%s", name, suffix);
    put_labels(out, labels, le);
    (void)fprintf(out, " %" PRIu64 "\n", value);
}

/* 2500 as 0.0025. */
static void seconds(uint64_t us, char ret_text[TIME_MAX])
{
    int len = snprintf(ret_text, TIME_MAX, "%" PRIu64 ".%06" PRIu64, us / 1000000, us % 1000000);

    while (ret_text[len - 1] == '0')
        ret_text[--len] = '\0';
    if (ret_text[len - 1] == '.')
        ret_text[len - 1] = '\0';
}

void metrics_text_sample(FILE *out, const char *name, const struct metrics_label *labels,
                         uint64_t value)
{
    put_sample(out, name, "", labels, NULL, value);
}

static void put_time(FILE *out, const char *name, const char *suffix,
                     const struct metrics_label *labels, uint64_t value_us)
{
    char text[TIME_MAX];

    seconds(value_us, text);
    (void)fprintf(out, "%s%s", name, suffix);
    put_labels(out, labels, NULL);
    (void)fprintf(out, " %s\n", text);
}

void metrics_text_time(FILE *out, const char *name, const struct metrics_label *labels,
                       uint64_t value_us)
{
    put_time(out, name, "", labels, value_us);
}

void metrics_text_histogram(FILE *out, const char *name, const struct metrics_label *labels,
                            const struct metrics_histogram *histogram)
{
    const struct metrics_scale *scale = histogram->scale;
    uint64_t below = 0;
    char bound[TIME_MAX];

    for (unsigned i = 0; i < scale->n; i++) {
        below += histogram->counts[i];
        seconds(scale->is_time ? scale->bounds[i] : scale->bounds[i] * 1000000, bound);
        put_sample(out, name, "_bucket", labels, bound, below);
    }
    put_sample(out, name, "_bucket", labels, "+Inf", metrics_count(histogram));
    if (scale->is_time)
        put_time(out, name, "_sum", labels, histogram->sum);
    else
        put_sample(out, name, "_sum", labels, NULL, histogram->sum);
    put_sample(out, name, "_count", labels, NULL, metrics_count(histogram));
}
