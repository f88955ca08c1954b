/* Texts of answers. Whoever is sent one has a reference; a long one is also kept for KEEP_MS, and
 * who asks for the same path then gets the same. So neither the time that it takes to make long
 * texts, nor the memory that those hold who read them slowly, grows with how many ask: there are
 * never more of a path than are made, one each KEEP_MS, until the first reader is cut off. */
#include <stdlib.h>

#include "daemon/clock.h"
#include "daemon/status_private.h"

#define SHORT_BYTES (256 << 10)
#define KEEP_MS     1000

struct status_text *status_text_new(unsigned http, char *bytes, size_t len)
{
    struct status_text *text = bytes ? malloc(sizeof(*text)) : NULL;

    if (!text) {
        free(bytes);
        return NULL;
    }
    *text = (struct status_text){.n_refs = 1, .http = http, .bytes = bytes, .len = len};
    return text;
}

void status_text_unref(void *text_cls)
{
    struct status_text *text = text_cls;

    if (!text || --text->n_refs > 0)
        return;
    free(text->bytes);
    free(text);
}

static struct status_text *ref(struct status_text *text)
{
    text->n_refs++;
    return text;
}

void status_text_keep(struct status *status, size_t path, struct status_text *text)
{
    if (text->len <= SHORT_BYTES)
        return;
    status_text_unref(status->kept[path]);
    status->kept[path] = ref(text);
    text->until_ms = clock_ms() + KEEP_MS;
}

struct status_text *status_text_kept(struct status *status, size_t path)
{
    struct status_text *text = status->kept[path];

    return text && clock_ms() < text->until_ms ? ref(text) : NULL;
}

void status_texts_drop(struct status *status, uint64_t now_ms)
{
    for (size_t i = 0; i < STATUS_PATHS_MAX; i++) {
        if (status->kept[i] && status->kept[i]->until_ms <= now_ms) {
            status_text_unref(status->kept[i]);
            status->kept[i] = NULL;
        }
    }
}

uint64_t status_texts_left_ms(const struct status *status)
{
    uint64_t now_ms = clock_ms(), first_ms = STATUS_NO_DEADLINE;

    for (size_t i = 0; i < STATUS_PATHS_MAX; i++) {
        if (status->kept[i] && status->kept[i]->until_ms < first_ms)
            first_ms = status->kept[i]->until_ms;
    }
    if (first_ms == STATUS_NO_DEADLINE)
        return STATUS_NO_DEADLINE;
    return first_ms > now_ms ? first_ms - now_ms : 0;
}
