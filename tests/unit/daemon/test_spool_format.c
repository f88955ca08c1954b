/* The format of spool files: whatever a crash leaves of one, the frames before it are read. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/spool_format.h"

TestSuite(spool_format, .timeout = 60);

#define N_FRAMES 5

static const struct spool_place place = {"/spool", "0123456789abcdef", "a:list"};

static void add_frame(struct spool_bytes *out, const char *first, const char *second, size_t len)
{
    size_t begin = spool_frame_begin(out);
    spool_frame_string(out, first, strlen(first));
    spool_frame_string(out, second, len);
    spool_frame_end(out, begin);
}

/* A head and N_FRAMES frames; ends[i] is where the i-th thing ends. */
static struct spool_bytes make_file(size_t ends[N_FRAMES + 1])
{
    struct spool_bytes out = {0};
    spool_head_write(&out, &place, "host.boot-1:2:3");
    ends[0] = out.len;
    for (int i = 1; i <= N_FRAMES; i++) {
        char text[64];
        int len = snprintf(text, sizeof(text), "frame %d with a NUL%c and more", i, 0);
        add_frame(&out, "D", text, (size_t)len);
        ends[i] = out.len;
    }
    cr_assert(!out.out_of_memory);
    return out;
}

/* How many frames are read, the head included; *ret_end says how it ends. */
static size_t count(const char *bytes, size_t len, int *ret_end)
{
    struct pusher_string all = {bytes, len}, payload;
    size_t pos = 0, n = 0;
    while ((*ret_end = spool_frame_next(all, &pos, &payload)) == SPOOL_FRAME) {
        n++;
    }
    return n;
}

Test(spool_format, gives_back_what_was_written)
{
    struct spool_bytes out = {0};
    struct pusher_string payload, string;
    size_t pos = 0;
    add_frame(&out, "", "a\0b", 3);
    cr_assert_eq(spool_frame_next((struct pusher_string){out.bytes, out.len}, &pos, &payload),
                 SPOOL_FRAME);
    cr_assert(spool_string_next(&payload, &string) && string.len == 0);
    cr_assert(spool_string_next(&payload, &string));
    cr_expect_eq(string.len, 3);
    cr_expect_arr_eq(string.ptr, "a\0b", 3);
    cr_expect(!spool_string_next(&payload, &string));
    spool_bytes_deinit(&out);
}

Test(spool_format, knows_its_head)
{
    struct spool_bytes out = {0};
    struct pusher_string payload;
    struct spool_head head;
    size_t pos = 0;
    spool_head_write(&out, &place, "me");
    cr_assert_eq(spool_frame_next((struct pusher_string){out.bytes, out.len}, &pos, &payload),
                 SPOOL_FRAME);
    cr_assert_eq(spool_head_read(payload, &head), 0);
    cr_expect_eq(head.list.len, 6);
    cr_expect_arr_eq(head.list.ptr, "a:list", 6);
    cr_expect_arr_eq(head.server.ptr, "0123456789abcdef", 16);
    cr_expect_arr_eq(head.consumer.ptr, "me", 2);
    spool_bytes_deinit(&out);
}

Test(spool_format, takes_no_other_frame_for_a_head)
{
    struct spool_bytes out = {0};
    struct pusher_string payload;
    struct spool_head head;
    size_t pos = 0;
    add_frame(&out, "pusherd-spool", "3", 1);
    cr_assert_eq(spool_frame_next((struct pusher_string){out.bytes, out.len}, &pos, &payload),
                 SPOOL_FRAME);
    cr_expect_neq(spool_head_read(payload, &head), 0);
    spool_bytes_deinit(&out);
}

/* Each length is a copy of its own, so that ASan sees what is read behind it. */
Test(spool_format, reads_what_stands_before_a_torn_tail_at_every_byte)
{
    size_t ends[N_FRAMES + 1], whole = 0;
    struct spool_bytes file = make_file(ends);
    for (size_t len = 0; len <= file.len; len++) {
        char *torn = malloc(len + (len == 0));
        int end;
        memcpy(torn, file.bytes, len);
        whole += whole <= N_FRAMES && len >= ends[whole];
        cr_expect_eq(count(torn, len, &end), whole, "at %zu of %zu", len, file.len);
        bool at_end = len == 0 || (whole > 0 && len == ends[whole - 1]);
        cr_expect_eq(end, at_end ? SPOOL_END : SPOOL_DAMAGED, "at %zu", len);
        free(torn);
    }
    spool_bytes_deinit(&file);
}

Test(spool_format, notices_every_changed_bit_and_keeps_the_frames_before_it)
{
    size_t ends[N_FRAMES + 1], frame = 0;
    struct spool_bytes file = make_file(ends);
    for (size_t i = 0; i < file.len; i++) {
        int end;
        frame += i >= ends[frame];
        for (int bit = 0; bit < 8; bit++) {
            file.bytes[i] = (char)(file.bytes[i] ^ (1 << bit));
            cr_expect_eq(count(file.bytes, file.len, &end), frame, "byte %zu bit %d", i, bit);
            cr_expect_eq(end, SPOOL_DAMAGED);
            file.bytes[i] = (char)(file.bytes[i] ^ (1 << bit));
        }
    }
    spool_bytes_deinit(&file);
}

/* As a file system may leave it after a power cut. */
Test(spool_format, ends_at_zeros)
{
    size_t ends[N_FRAMES + 1];
    struct spool_bytes file = make_file(ends);
    static const char zeros[512];
    int end;
    spool_bytes_add(&file, zeros, sizeof(zeros));
    cr_expect_eq(count(file.bytes, file.len, &end), N_FRAMES + 1);
    cr_expect_eq(end, SPOOL_DAMAGED);
    spool_bytes_deinit(&file);
}

/* The checksum is right, the strings are not. */
Test(spool_format, refuses_a_payload_whose_strings_do_not_fit)
{
    struct spool_bytes out = {0};
    size_t begin = spool_frame_begin(&out);
    int end;
    spool_bytes_add(&out, "\x09\0\0\0abc", 7);
    spool_frame_end(&out, begin);
    cr_expect_eq(count(out.bytes, out.len, &end), 0);
    cr_expect_eq(end, SPOOL_DAMAGED);
    spool_bytes_deinit(&out);
}
