/* The memory doubles. Once it cannot, nothing more is taken. */
#include "proto/text_out.h"

#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#define FIRST_BYTES 256

/* Room for n more bytes and a NUL. */
static bool make_room(struct text_out *text, size_t n)
{
    size_t size = text->size > 0 ? text->size : FIRST_BYTES;
    char *bytes;

    while (size - text->len <= n)
        size *= 2;
    if (size == text->size)
        return true;
    bytes = realloc(text->bytes, size);
    if (!bytes)
        return false;
    text->bytes = bytes;
    text->size = size;
    return true;
}

/* What is written counts as an error of the stream if it is not taken. */
static ssize_t take(void *cookie, const char *bytes, size_t n)
{
    struct text_out *text = cookie;

    text->is_cut = text->is_cut || !make_room(text, n);
    if (text->is_cut)
        return 0;
    memcpy(text->bytes + text->len, bytes, n);
    text->len += n;
    return (ssize_t)n;
}

FILE *text_out_open(struct text_out *text)
{
    *text = (struct text_out){.file = NULL};
    text->file = fopencookie(text, "w", (cookie_io_functions_t){.write = take});
    return text->file;
}

static void give_back_the_rest(struct text_out *text)
{
    char *bytes = realloc(text->bytes, text->len + 1);

    if (bytes)
        text->bytes = bytes;
}

char *text_out_close(struct text_out *text, size_t *ret_len)
{
    if (!text->file)
        return NULL;
    if (fclose(text->file) != 0 || text->is_cut || !make_room(text, 0)) {
        free(text->bytes);
        return NULL;
    }
    text->bytes[text->len] = '\0';
    give_back_the_rest(text);
    *ret_len = text->len;
    return text->bytes;
}
