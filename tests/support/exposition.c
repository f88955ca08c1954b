#include "exposition.h"

#include <criterion/criterion.h>
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http.h"

/* ---- lines */

struct reader {
    const char *at;
    const char *line; /* for messages */
    struct exposition *into;
};

static void refuse(const struct reader *reader, const char *why)
{
    cr_assert_fail("%s: %.*s", why, (int)strcspn(reader->line, "\n"), reader->line);
}

static bool skips(struct reader *reader, const char *text)
{
    size_t len = strlen(text);
    if (strncmp(reader->at, text, len) != 0) {
        return false;
    }
    reader->at += len;
    return true;
}

static void expect(struct reader *reader, const char *text)
{
    if (!skips(reader, text)) {
        refuse(reader, text);
    }
}

static void read_name(struct reader *reader, char *ret_name, size_t size)
{
    size_t len = 0;
    while (isalnum((unsigned char)reader->at[len]) || reader->at[len] == '_') {
        len++;
    }
    if (len == 0 || len >= size || isdigit((unsigned char)reader->at[0])) {
        refuse(reader, "not a name");
    }
    snprintf(ret_name, size, "%.*s", (int)len, reader->at);
    reader->at += len;
}

static void end_line(struct reader *reader)
{
    expect(reader, "\n");
}

/* ---- heads of families */

static void read_family(struct reader *reader)
{
    struct exposition *into = reader->into;
    struct exposition_family family;
    char again[EXPOSITION_NAME_MAX];

    read_name(reader, family.name, sizeof(family.name));
    expect(reader, " ");
    size_t help = strcspn(reader->at, "\n");
    if (help == 0 || memchr(reader->at, '\\', help)) {
        refuse(reader, "not a help text");
    }
    reader->at += help;
    end_line(reader);
    reader->line = reader->at;
    expect(reader, "# TYPE ");
    read_name(reader, again, sizeof(again));
    expect(reader, " ");
    read_name(reader, family.type, sizeof(family.type));
    end_line(reader);

    bool is_total = strlen(family.name) > 6 &&
                    strstr(family.name, "_total") == family.name + strlen(family.name) - 6;
    cr_assert_str_eq(family.name, again);
    cr_assert_eq(strcmp(family.type, "counter") == 0, is_total, "%s is a %s", family.name,
                 family.type);
    cr_assert(is_total || !strcmp(family.type, "gauge") || !strcmp(family.type, "histogram"));
    for (size_t i = 0; i < into->n_families; i++) {
        cr_assert_str_neq(into->families[i].name, family.name, "it comes twice");
    }
    into->families = realloc(into->families, (into->n_families + 1) * sizeof(*into->families));
    into->families[into->n_families++] = family;
}

/* ---- samples */

static void read_label_value(struct reader *reader)
{
    expect(reader, "\"");
    for (; *reader->at != '"'; reader->at++) {
        if (*reader->at == '\n' || *reader->at == '\0') {
            refuse(reader, "a label that does not end");
        }
        if (*reader->at == '\\' && !strchr("\\\"n", *++reader->at)) {
            refuse(reader, "not an escape");
        }
    }
    reader->at++;
}

static double read_number(struct reader *reader)
{
    char *end;
    double number = strtod(reader->at, &end);
    if (end == reader->at || isnan(number) || isspace((unsigned char)*reader->at)) {
        refuse(reader, "not a number");
    }
    reader->at = end;
    return number;
}

static void read_label(struct reader *reader, struct exposition_sample *sample)
{
    const char *start = reader->at;
    char name[EXPOSITION_NAME_MAX];

    read_name(reader, name, sizeof(name));
    expect(reader, "=");
    if (strcmp(name, "le") == 0) {
        expect(reader, "\"");
        sample->le = read_number(reader);
        sample->has_le = true;
        expect(reader, "\"");
        return;
    }
    read_label_value(reader);
    size_t len = strlen(sample->labels);
    cr_assert_lt(len + (size_t)(reader->at - start) + 3, sizeof(sample->labels));
    snprintf(sample->labels + len, sizeof(sample->labels) - len, "%s%.*s", len ? "," : "{",
             (int)(reader->at - start), start);
}

static void check_name(struct reader *reader, const struct exposition_sample *sample)
{
    const struct exposition_family *family = &reader->into->families[sample->family];
    size_t len = strlen(family->name);
    const char *suffix = sample->name + len;

    if (strncmp(sample->name, family->name, len) != 0) {
        refuse(reader, "a sample of another family");
    }
    if (strcmp(family->type, "histogram") != 0) {
        cr_assert(*suffix == '\0' && !sample->has_le, "%s", sample->name);
        cr_assert_geq(sample->value, 0);
        return;
    }
    cr_assert(!strcmp(suffix, "_bucket") || !strcmp(suffix, "_sum") || !strcmp(suffix, "_count"));
    cr_assert_eq(sample->has_le, strcmp(suffix, "_bucket") == 0);
}

static bool is_same_series(const struct exposition_sample *a, const struct exposition_sample *b)
{
    return strcmp(a->name, b->name) == 0 && strcmp(a->labels, b->labels) == 0 &&
           a->has_le == b->has_le && (!a->has_le || a->le == b->le);
}

static void read_sample(struct reader *reader)
{
    struct exposition *into = reader->into;
    struct exposition_sample sample = {.family = into->n_families - 1};

    cr_assert_gt(into->n_families, 0);
    read_name(reader, sample.name, sizeof(sample.name));
    if (skips(reader, "{")) {
        do {
            read_label(reader, &sample);
        } while (skips(reader, ","));
        expect(reader, "}");
        if (sample.labels[0]) {
            strcat(sample.labels, "}");
        }
    }
    expect(reader, " ");
    sample.value = read_number(reader);
    end_line(reader);
    check_name(reader, &sample);
    for (size_t i = 0; i < into->n_samples; i++) {
        if (is_same_series(&into->samples[i], &sample)) {
            refuse(reader, "it comes twice");
        }
    }
    into->samples = realloc(into->samples, (into->n_samples + 1) * sizeof(*into->samples));
    into->samples[into->n_samples++] = sample;
}

/* ---- histograms */

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text), end_len = strlen(end);
    return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

/* The buckets of one series follow each other, then come its sum and its count. */
static void check_histogram(const struct exposition *exposition, size_t *i)
{
    const struct exposition_sample *samples = exposition->samples, *first = &samples[*i];
    double below = 0, le = -INFINITY;

    for (; *i < exposition->n_samples && samples[*i].has_le; (*i)++) {
        cr_assert_str_eq(samples[*i].labels, first->labels);
        cr_assert_gt(samples[*i].le, le);
        cr_assert_geq(samples[*i].value, below, "%s is not cumulative", first->name);
        below = samples[*i].value;
        le = samples[*i].le;
    }
    cr_assert(isinf(le), "%s has no bucket for all", first->name);
    cr_assert_lt(*i + 1, exposition->n_samples);
    cr_assert(ends_with(samples[*i].name, "_sum") && ends_with(samples[*i + 1].name, "_count"));
    cr_assert_eq(samples[*i + 1].value, below);
    cr_assert_str_eq(samples[*i].labels, first->labels);
    cr_assert_str_eq(samples[*i + 1].labels, first->labels);
    *i += 2;
}

static void check_histograms(const struct exposition *exposition)
{
    for (size_t i = 0; i < exposition->n_samples;) {
        const struct exposition_sample *sample = &exposition->samples[i];
        if (strcmp(exposition->families[sample->family].type, "histogram") == 0) {
            check_histogram(exposition, &i);
        } else {
            i++;
        }
    }
}

/* ---- the whole */

void exposition_read(const char *text, struct exposition *ret_exposition)
{
    struct reader reader = {.at = text, .into = ret_exposition};
    size_t n_samples = 1;

    memset(ret_exposition, 0, sizeof(*ret_exposition));
    while (*reader.at) {
        reader.line = reader.at;
        if (skips(&reader, "# HELP ")) {
            cr_assert_gt(n_samples, 0, "a family without samples");
            read_family(&reader);
            n_samples = 0;
        } else {
            read_sample(&reader);
            n_samples++;
        }
    }
    cr_assert_gt(ret_exposition->n_samples, 0);
    check_histograms(ret_exposition);
}

void exposition_deinit(struct exposition *exposition)
{
    free(exposition->families);
    free(exposition->samples);
    memset(exposition, 0, sizeof(*exposition));
}

double exposition_value(const struct exposition *exposition, const char *series)
{
    for (size_t i = 0; i < exposition->n_samples; i++) {
        const struct exposition_sample *sample = &exposition->samples[i];
        size_t len = strlen(sample->name);
        if (!sample->has_le && strncmp(series, sample->name, len) == 0 &&
            strcmp(series + len, sample->labels) == 0) {
            return sample->value;
        }
    }
    cr_assert_fail("there is no %s", series);
    return NAN;
}

double exposition_ask(unsigned port, const char *series)
{
    struct exposition exposition;
    struct http_answer answer;
    char url[64];
    double value = -1;
    snprintf(url, sizeof(url), "http://127.0.0.1:%u/metrics", port);
    http_perform(&(struct http_request){.method = "GET", .url = url}, &answer);
    if (answer.status == 200) {
        exposition_read(answer.body, &exposition);
        value = exposition_value(&exposition, series);
        exposition_deinit(&exposition);
    }
    http_answer_deinit(&answer);
    return value;
}
