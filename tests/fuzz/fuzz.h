/* What the fuzzers share.
 *
 * A fuzzer is one function, LLVMFuzzerTestOneInput(), in a file fuzz_NAME.c. Built by clang with
 * the preset `fuzz` libFuzzer calls it (scripts/fuzz); built by any compiler replay.c does, with
 * the files of corpus/NAME, as a test.
 *
 * A fuzzer says what must hold for any input, by MUST(); that nothing crashes is the least. */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/config/config.h"
#include "pusher/string.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* Ends the run, and says where and why. */
#define MUST(condition) ((condition) ? (void)0 : fuzz_fail(#condition, __FILE__, __LINE__))
_Noreturn void fuzz_fail(const char *condition, const char *file, int line);

/* UTF-8, or absent. */
bool fuzz_is_text(struct pusher_string text);

/* Fit for a log: UTF-8, NUL-terminated within `size` bytes, no control characters. */
bool fuzz_is_line(const char *text, size_t size);

/* The rest of the input up to the next byte 0xff, which is taken off; "" at its end. For inputs of
 * several texts: 0xff is in no UTF-8. */
struct pusher_string fuzz_field(struct pusher_string *input);

/* A malloc'ed copy with a NUL behind it. */
char *fuzz_copy(const void *bytes, size_t len);

/* A file in memory with these bytes; open until fuzz_file_close(). */
struct fuzz_file {
    int fd;
    char path[32]; /* under /proc */
};
struct fuzz_file fuzz_file_open(const void *bytes, size_t len);
void fuzz_file_close(struct fuzz_file *file);

/* The configuration of an INI text, which must be good. */
struct config *fuzz_config(const char *ini);

/* A master key, in base64. */
#define FUZZ_MASTER_KEY "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="

#endif
