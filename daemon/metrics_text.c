/* With a thousand apps there are tens of thousands of samples, and all of them are written in one
 * turn of the loop: so they are put together here rather than by printf, and the stream takes them
 * without its lock. Numbers are written from integers: no locale changes them. */
#include "daemon/metrics_text.h"

#include <inttypes.h>
#include <string.h>

#define NUMBER_MAX 32 /* bytes of a number, or of a time in seconds */

void metrics_text_family(FILE *out, const char *name, const char *type, const char *help)
{
    (void)fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void put(FILE *out, const char *text)
{
    (void)fputs_unlocked(text, out);
}

static void put_value(FILE *out, const char *value)
{
    for (;;) {
        size_t plain = strcspn(value, "\n\"\\");

        (void)fwrite_unlocked(value, 1, plain, out);
        value += plain;
        if (*value == '\0')
            return;
        put(out, *value == '\n' ? "\\n" : *value == '"' ? "\\\"" : "\\\\");
        value++;
    }
}

/* `le` is the bound of a bucket; NULL: the sample is none. */
static void put_labels(FILE *out, const struct metrics_label *labels, const char *le)
{
    const char *before = "{";

    for (; labels->name; labels++) {
        put(out, before);
        put(out, labels->name);
        put(out, "=\"");
        put_value(out, labels->value);
        put(out, "\"");
        before = ",";
    }
    if (le) {
        put(out, before);
        put(out, "le=\"");
        put(out, le);
        put(out, "\"");
    }
    if (le || *before == ',')
        put(out, "}");
}

/* The digits, from the end of the text on to the left. */
static const char *digits(uint64_t number, char text[NUMBER_MAX])
{
    char *at = text + NUMBER_MAX - 1;

    *at = '\0';
    do {
        *--at = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    return at;
}

/* 2500 as 0.0025. */
static void seconds(uint64_t us, char ret_text[NUMBER_MAX])
{
    int len = snprintf(ret_text, NUMBER_MAX, "%" PRIu64 ".%06" PRIu64, us / 1000000, us % 1000000);

    while (ret_text[len - 1] == '0')
        ret_text[--len] = '\0';
    if (ret_text[len - 1] == '.')
        ret_text[len - 1] = '\0';
}

static void put_sample(FILE *out, const char *name, const char *suffix,
                       const struct metrics_label *labels, const char *le, const char *value)
{
    put(out, name);
    put(out, suffix);
    put_labels(out, labels, le);
    put(out, " ");
    put(out, value);
    put(out, "\n");
}

void metrics_text_sample(FILE *out, const char *name, const struct metrics_label *labels,
                         uint64_t value)
{
    char text[NUMBER_MAX];

    put_sample(out, name, "", labels, NULL, digits(value, text));
}

void metrics_text_time(FILE *out, const char *name, const struct metrics_label *labels,
                       uint64_t value_us)
{
    char text[NUMBER_MAX];

    seconds(value_us, text);
    put_sample(out, name, "", labels, NULL, text);
}

void metrics_text_histogram(FILE *out, const char *name, const struct metrics_label *labels,
                            const struct metrics_histogram *histogram)
{
    const struct metrics_scale *scale = histogram->scale;
    uint64_t below = 0;
    char text[NUMBER_MAX];

    for (unsigned i = 0; i < scale->n; i++) {
        below += histogram->counts[i];
        put_sample(out, name, "_bucket", labels, scale->bounds[i].text, digits(below, text));
    }
    below += histogram->counts[scale->n];
    put_sample(out, name, "_bucket", labels, "+Inf", digits(below, text));
    if (scale->is_time)
        seconds(histogram->sum, text);
    put_sample(out, name, "_sum", labels, NULL,
               scale->is_time ? text : digits(histogram->sum, text));
    put_sample(out, name, "_count", labels, NULL, digits(below, text));
}
