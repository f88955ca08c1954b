/* Any bytes as a spool file, and as strings that are written to one. */
#include <string.h>

#include "daemon/spool_format.h"
#include "tests/fuzz/fuzz.h"

static void check_inside(struct pusher_string whole, struct pusher_string part)
{
    MUST(part.ptr >= whole.ptr && part.len <= whole.len);
    MUST((size_t)(part.ptr - whole.ptr) <= whole.len - part.len);
}

/* What is read, written again, gives the same bytes. */
static size_t read_file(struct pusher_string file, struct spool_bytes *copy)
{
    struct pusher_string payload, string;
    struct spool_head head;
    size_t pos = 0, n = 0;

    while (spool_frame_next(file, &pos, &payload) == SPOOL_FRAME) {
        check_inside(file, payload);
        MUST(pos <= file.len);
        if (spool_head_read(payload, &head) == 0) {
            check_inside(payload, head.server);
            check_inside(payload, head.list);
            check_inside(payload, head.consumer);
        }
        size_t begin = spool_frame_begin(copy);
        while (spool_string_next(&payload, &string)) {
            check_inside(file, string);
            spool_frame_string(copy, string.ptr, string.len);
        }
        spool_frame_end(copy, begin);
        n++;
    }
    MUST(copy->len == pos && (pos == 0 || memcmp(copy->bytes, file.ptr, pos) == 0));
    return n;
}

/* A fuzzer finds no checksum: the input is also taken as strings, one a frame. */
static void write_file(struct pusher_string input, struct spool_bytes *out, size_t *ret_n)
{
    *ret_n = 1;
    spool_head_write(out, &(struct spool_place){"/spool", "0123456789abcdef", "pusher:jobs"},
                     "host.boot-1:2:00000003");
    while (input.len > 0) {
        struct pusher_string field = fuzz_field(&input);
        size_t begin = spool_frame_begin(out);
        spool_frame_string(out, field.ptr, field.len);
        spool_frame_string(out, "", 0);
        spool_frame_end(out, begin);
        ++*ret_n;
    }
}

/* The frames before a damaged one are good; the rest is not. */
static void damage(struct spool_bytes *file, size_t n, const uint8_t *bytes, size_t len)
{
    struct spool_bytes copy = {0};
    size_t at = len > 1 ? (size_t)(bytes[0] << 8 | bytes[1]) % file->len : 0;

    file->bytes[at] = (char)(file->bytes[at] ^ 1);
    MUST(read_file((struct pusher_string){file->bytes, file->len}, &copy) < n);
    MUST(copy.len <= at);
    spool_bytes_deinit(&copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct pusher_string input = {(const char *)bytes, len};
    struct spool_bytes file = {0}, copy = {0};
    struct pusher_string payload = input, string;
    size_t n;

    while (spool_string_next(&payload, &string))
        check_inside(input, string);
    (void)read_file(input, &copy);
    spool_bytes_deinit(&copy);

    write_file(input, &file, &n);
    MUST(read_file((struct pusher_string){file.bytes, file.len}, &copy) == n);
    MUST(copy.len == file.len);
    damage(&file, n, bytes, len);
    spool_bytes_deinit(&copy);
    spool_bytes_deinit(&file);
    return 0;
}
