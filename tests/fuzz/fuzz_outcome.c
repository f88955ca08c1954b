/* Outcomes and records: any texts in them, and any bytes as a record. */
#include <stdlib.h>
#include <string.h>

#include "proto/outcome.h"
#include "proto/record.h"
#include "tests/fuzz/fuzz.h"

#define ITEMS_MAX 64

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    MUST(text);
    return text;
}

/* The text itself if it is UTF-8. */
static void check_kept(const json_t *object, const char *name, struct pusher_string text)
{
    const json_t *value = json_object_get(object, name);
    MUST(json_is_string(value));
    if (fuzz_is_text(text) && text.len <= OUTCOME_TEXT_MAX)
        MUST(json_string_length(value) == text.len &&
             memcmp(json_string_value(value), text.ptr, text.len) == 0);
}

static void check_reply(const struct outcome *outcome)
{
    size_t len;
    char *json = outcome_reply_json(outcome, &len);
    MUST(json && strlen(json) == len && fuzz_is_text((struct pusher_string){json, len}));
    json_t *object = json_loadb(json, len, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, NULL);
    MUST(json_is_object(object));
    check_kept(object, "id", outcome->id);
    check_kept(object, "op", outcome->op);
    check_kept(object, "app", outcome->app);
    MUST(json_is_true(json_object_get(object, "ok")) == !outcome->code);
    if (outcome->code) {
        MUST(strcmp(text_of(object, "code"), outcome->code) == 0);
        check_kept(object, "error", outcome->error);
    }
    json_decref(object);
    free(json);
}

static void check_outcome(struct pusher_string input)
{
    struct outcome_part parts[2] = {{.index = 3, .code = "rejected"}, {.code = "invalid_channel"}};
    struct outcome outcome = {.http = 400, .attempts = 2, .ms = 7};
    size_t len;
    char *result;

    outcome.id = fuzz_field(&input);
    outcome.op = fuzz_field(&input);
    outcome.app = fuzz_field(&input);
    outcome.error = parts[0].error = fuzz_field(&input);
    parts[1].error = fuzz_field(&input);
    result = outcome_result_json(input.ptr, input.len);
    MUST(result);
    free(result);
    check_reply(&outcome);
    outcome.code = "rejected";
    outcome.parts = parts;
    outcome.n_parts = 2;
    check_reply(&outcome);
    char *json = outcome_parts_json(parts, 2, &len);
    json_t *array = json_loadb(json, len, JSON_ALLOW_NUL, NULL);
    MUST(json_array_size(array) == 2);
    json_decref(array);
    free(json);
}

/* What is read of a header, written again, reads equal. */
static void check_record(const char *bytes, size_t len)
{
    char header[256];
    uint8_t delivered[ITEMS_MAX / 8] = {0};
    struct record record, again;

    if (record_read(bytes, len, &record) != 0)
        return;
    MUST(record.job.ptr + record.job.len == bytes + len && record.job.len < len);
    for (size_t i = 0; i < ITEMS_MAX; i++) {
        if (record_is_delivered(record.progress, i))
            delivered[i / 8] |= (uint8_t)(1u << (i % 8));
    }
    MUST(record_header_max(ITEMS_MAX) <= sizeof(header));
    size_t n = record_write_header(header, record.attempts, record.orphanings, record.first_ms,
                                   delivered, ITEMS_MAX);
    MUST(n < record_header_max(ITEMS_MAX) && header[n] == '\0');
    MUST(record_read(header, n, &again) == 0 && again.job.len == 0);
    MUST(again.attempts == record.attempts && again.orphanings == record.orphanings);
    MUST(again.first_ms == record.first_ms);
    for (size_t i = 0; i < ITEMS_MAX; i++)
        MUST(record_is_delivered(again.progress, i) == record_is_delivered(record.progress, i));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    check_record((const char *)bytes, len);
    check_outcome((struct pusher_string){(const char *)bytes, len});
    return 0;
}
