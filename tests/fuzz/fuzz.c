#include "tests/fuzz/fuzz.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/utf8.h"

_Noreturn void fuzz_fail(const char *condition, const char *file, int line)
{
    fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, condition);
    abort();
}

static const char *random_name(void)
{
    return "fuzz";
}

/* Knuth's linear congruential generator: nothing here is secret. */
static uint32_t random_word(void)
{
    static uint64_t state = 1;
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(state >> 32);
}

static void random_fill(void *const bytes, const size_t len)
{
    for (size_t i = 0; i < len; i++)
        ((unsigned char *)bytes)[i] = (unsigned char)random_word();
}

/* Nonces and seeds of hash tables are the same in every run, so that an input that fails fails
 * again. */
__attribute__((constructor)) static void choose_random(void)
{
    static struct randombytes_implementation fixed = {
        .implementation_name = random_name, .random = random_word, .buf = random_fill};
    randombytes_set_implementation(&fixed);
    json_object_seed(1);
}

bool fuzz_is_text(struct pusher_string text)
{
    return !text.ptr || pusher__utf8_valid(text.ptr, text.len);
}

bool fuzz_is_line(const char *text, size_t size)
{
    size_t len = strnlen(text, size);
    if (len == size || !pusher__utf8_valid(text, len))
        return false;
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
            return false;
    }
    return true;
}

struct pusher_string fuzz_field(struct pusher_string *input)
{
    const char *end = input->len > 0 ? memchr(input->ptr, 0xff, input->len) : NULL;
    struct pusher_string field = {input->ptr, end ? (size_t)(end - input->ptr) : input->len};
    size_t taken = field.len + (end ? 1 : 0);
    if (taken > 0)
        input->ptr += taken;
    input->len -= taken;
    if (field.len == 0)
        field.ptr = "";
    return field;
}

char *fuzz_copy(const void *bytes, size_t len)
{
    char *copy = malloc(len + 1);
    MUST(copy);
    if (len > 0)
        memcpy(copy, bytes, len);
    copy[len] = '\0';
    return copy;
}

struct fuzz_file fuzz_file_open(const void *bytes, size_t len)
{
    struct fuzz_file file = {.fd = memfd_create("fuzz", MFD_CLOEXEC)};
    MUST(file.fd >= 0 && write(file.fd, bytes, len) == (ssize_t)len);
    snprintf(file.path, sizeof(file.path), "/proc/self/fd/%d", file.fd);
    return file;
}

void fuzz_file_close(struct fuzz_file *file)
{
    close(file->fd);
}

struct config *fuzz_config(const char *ini)
{
    struct fuzz_file file = fuzz_file_open(ini, strlen(ini));
    struct config_source source = {.file = file.path};
    struct config_error error;
    struct config *config = NULL;
    if (config_load(&source, &config, &error) != 0)
        fuzz_fail(error.text, __FILE__, __LINE__);
    fuzz_file_close(&file);
    return config;
}
