/* The examples and the error texts of proto/README.md are those of the code. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "job_fixture.h"

static char *read_readme(void)
{
    const char *path = getenv("JOB_FORMAT");
    FILE *file = path ? fopen(path, "r") : NULL;
    size_t size = 1 << 16, len;
    char *text = malloc(size);

    if (!file) {
        free(text);
        cr_skip("JOB_FORMAT does not name proto/README.md");
    }
    len = fread(text, 1, size - 1, file);
    fclose(file);
    text[len] = '\0';
    return text;
}

static void assert_example(const char *example, size_t len)
{
    struct job job = job_decode(example, len);

    cr_assert_eq(job.code, JOB_OK, "%.*s: %s", (int)len, example, job.error.text);
    for (size_t i = 0; i < job.spec.n_events; i++)
        cr_assert_null(job.spec.events[i].error);
    job_free(&job);
}

Test(job_readme, has_examples_that_are_jobs_of_every_operation)
{
    static const char open[] = "```json\n", close[] = "\n```";
    char *readme = read_readme(), *at = readme;
    int n = 0;

    for (; (at = strstr(at, open)); n++) {
        char *end = strstr(at += strlen(open), close);
        assert_example(at, (size_t)(end - at));
    }
    for (int op = 1; op < JOB_OP_COUNT; op++) {
        char named[64];
        snprintf(named, sizeof(named), "{\"op\":\"%s\"", job_op_name((enum job_op)op));
        cr_assert_not_null(strstr(readme, named), "no example of %s", named);
    }
    cr_assert_geq(n, JOB_OP_COUNT - 1);
    free(readme);
}

Test(job_readme, quotes_errors_as_they_are)
{
    static const char *const elements[] = {
        "[]",
        "{}",
        "{\"channel\":\"c\",\"event\":\"e\"}",
        "{\"op\":\"trigger\"}",
        "{\"channel\":[],\"event\":\"e\",\"data\":1}",
        "{\"channels\":[\"a\",\"b\",3],\"event\":\"e\",\"data\":1}",
        "{\"channel\":\"c\",\"event\":\"e\",\"data\":1,\"expiresAt\":-1}",
        "{\"events\":[1],\"events\":[]}",
        "\x81\xa2id\xda\x01\x01x",
        "\x81\x01\x02",
    };
    char *readme = read_readme();

    for (size_t i = 0; i < sizeof(elements) / sizeof(elements[0]); i++) {
        struct job job = job_decode_text(elements[i]);
        char quoted[256];
        snprintf(quoted, sizeof(quoted), "`%s`", job.error.text);
        cr_assert_not_null(strstr(readme, quoted), "%s", quoted);
        job_free(&job);
    }
    free(readme);
}
