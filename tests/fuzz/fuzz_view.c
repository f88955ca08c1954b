/* A producer's bytes as pusherctl shows them: to programs as JSON, to people without anything that
 * could steer a terminal. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/view/job_view.h"
#include "daemon/view/text.h"
#include "tests/fuzz/fuzz.h"

#define ARENA_BYTES (1u << 20)

/* At most four bytes a column. */
static void check_clean(struct pusher_string text, size_t columns)
{
    char *shown = NULL;
    size_t len;
    FILE *out = open_memstream(&shown, &len);
    MUST(out);
    text_clean(out, text, columns);
    fclose(out);
    MUST(fuzz_is_line(shown, len + 1) && strlen(shown) == len);
    MUST(len <= 4 * columns + 3);
    free(shown);
}

static void check_json(struct pusher_string text)
{
    char *json = NULL;
    size_t len;
    FILE *out = open_memstream(&json, &len);
    MUST(out);
    text_json(out, text);
    fclose(out);
    json_t *value = json_loadb(json, len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    MUST(json_is_string(value) && !memchr(json, '\n', len));
    json_decref(value);
    free(json);
}

/* White space around tokens goes; the value stays. */
static void check_compact(struct pusher_string text)
{
    char *compact = NULL;
    size_t len;
    FILE *out = open_memstream(&compact, &len);
    MUST(out);
    text_json_compact(out, text);
    fclose(out);
    MUST(len <= text.len && !memchr(compact, '\n', len));
    int flags = JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL;
    json_t *a = json_loadb(text.ptr, text.len, flags, NULL);
    json_t *b = json_loadb(compact, len, flags, NULL);
    MUST((a == NULL) == (b == NULL) && (!a || json_equal(a, b)));
    json_decref(a);
    json_decref(b);
    free(compact);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct pusher_string input = {(const char *)bytes, len};
    struct job_view view;
    struct arena arena;

    arena_init(&arena, ARENA_BYTES);
    if (job_view(input, &arena, &view) == 0) {
        MUST(job_view_format_name(view.format) && fuzz_is_text(view.text));
        if (view.format == JOB_VIEW_JSON || view.format == JOB_VIEW_MSGPACK)
            check_compact(view.text);
    }
    check_clean(input, len > 0 ? bytes[0] : 1);
    check_json(input);
    arena_deinit(&arena);
    return 0;
}
