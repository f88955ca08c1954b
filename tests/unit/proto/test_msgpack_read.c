#include <criterion/criterion.h>
#include <msgpack.h>
#include <stdlib.h>
#include <string.h>

#include "proto/reader.h"

static int read_whole(const char *bytes, size_t len, struct value *ret_value)
{
    struct reader reader;
    int rc;

    reader_init(&reader, READER_MSGPACK, bytes, len);
    rc = reader_value(&reader, ret_value);
    if (rc == 0)
        rc = reader_finish(&reader);
    return rc;
}

static bool accepts(const char *bytes, size_t len)
{
    char *copy = malloc(len ? len : 1);
    struct value value;
    int rc;

    memcpy(copy, bytes, len);
    rc = read_whole(copy, len, &value);
    free(copy);
    return rc == 0;
}

#define ACCEPTS(literal) accepts(literal, sizeof(literal) - 1)

static enum value_kind kind_of(const char *bytes, size_t len)
{
    struct value value;

    cr_assert_eq(read_whole(bytes, len, &value), 0);
    cr_assert_eq(value.raw.ptr, bytes);
    cr_assert_eq(value.raw.len, len);
    return value.kind;
}

#define KIND(literal) kind_of(literal, sizeof(literal) - 1)

/* The msgpack specification, "Formats". */
Test(msgpack_read, knows_every_format)
{
    cr_assert_eq(KIND("\x00"), VALUE_INTEGER);
    cr_assert_eq(KIND("\x7f"), VALUE_INTEGER);
    cr_assert_eq(KIND("\xe0"), VALUE_INTEGER);
    cr_assert_eq(KIND("\x80"), VALUE_MAP);
    cr_assert_eq(KIND("\x90"), VALUE_ARRAY);
    cr_assert_eq(KIND("\xa0"), VALUE_STRING);
    cr_assert_eq(KIND("\xc0"), VALUE_NULL);
    cr_assert_eq(KIND("\xc2"), VALUE_BOOL);
    cr_assert_eq(KIND("\xc3"), VALUE_BOOL);
    cr_assert_eq(KIND("\xc4\x01x"), VALUE_BIN);
    cr_assert_eq(KIND("\xc5\x00\x01x"), VALUE_BIN);
    cr_assert_eq(KIND("\xc6\x00\x00\x00\x01x"), VALUE_BIN);
    cr_assert_eq(KIND("\xc7\x00\x05"), VALUE_EXT);
    cr_assert_eq(KIND("\xc8\x00\x01\x05x"), VALUE_EXT);
    cr_assert_eq(KIND("\xc9\x00\x00\x00\x01\x05x"), VALUE_EXT);
    cr_assert_eq(KIND("\xca\x00\x00\x00\x00"), VALUE_DOUBLE);
    cr_assert_eq(KIND("\xcb\x00\x00\x00\x00\x00\x00\x00\x00"), VALUE_DOUBLE);
    cr_assert_eq(KIND("\xd4\x01x"), VALUE_EXT);
    cr_assert_eq(KIND("\xd5\x01xx"), VALUE_EXT);
    cr_assert_eq(KIND("\xd6\x01xxxx"), VALUE_EXT);
    cr_assert_eq(KIND("\xd7\x01xxxxxxxx"), VALUE_EXT);
    cr_assert_eq(KIND("\xd8\x01xxxxxxxxxxxxxxxx"), VALUE_EXT);
    cr_assert_eq(KIND("\xd9\x01x"), VALUE_STRING);
    cr_assert_eq(KIND("\xda\x00\x01x"), VALUE_STRING);
    cr_assert_eq(KIND("\xdb\x00\x00\x00\x01x"), VALUE_STRING);
    cr_assert_eq(KIND("\xdc\x00\x01\xc0"), VALUE_ARRAY);
    cr_assert_eq(KIND("\xdd\x00\x00\x00\x01\xc0"), VALUE_ARRAY);
    cr_assert_eq(KIND("\xde\x00\x01\xc0\xc0"), VALUE_MAP);
    cr_assert_eq(KIND("\xdf\x00\x00\x00\x01\xc0\xc0"), VALUE_MAP);
    cr_assert_not(ACCEPTS("\xc1"));
}

static void assert_integer(const char *bytes, size_t len, bool negative, uint64_t magnitude)
{
    struct value value;
    uint64_t read;
    bool sign;

    cr_assert_eq(read_whole(bytes, len, &value), 0);
    cr_assert_eq(value_integer(&value, &sign, &read), 0);
    cr_assert_eq(sign, negative);
    cr_assert_eq(read, magnitude);
}

#define INTEGER(literal, negative, magnitude)                                                      \
    assert_integer(literal, sizeof(literal) - 1, negative, magnitude)

Test(msgpack_read, reads_integers_of_every_size)
{
    INTEGER("\x00", false, 0);
    INTEGER("\x7f", false, 127);
    INTEGER("\xff", true, 1);
    INTEGER("\xe0", true, 32);
    INTEGER("\xcc\xff", false, 255);
    INTEGER("\xcd\xff\xff", false, 65535);
    INTEGER("\xce\xff\xff\xff\xff", false, UINT32_MAX);
    INTEGER("\xcf\xff\xff\xff\xff\xff\xff\xff\xff", false, UINT64_MAX);
    INTEGER("\xd0\x80", true, 128);
    INTEGER("\xd0\x7f", false, 127);
    INTEGER("\xd0\x00", false, 0);
    INTEGER("\xd1\x80\x00", true, 32768);
    INTEGER("\xd1\xff\xff", true, 1);
    INTEGER("\xd2\x80\x00\x00\x00", true, UINT64_C(2147483648));
    INTEGER("\xd2\x12\x34\x56\x78", false, 0x12345678);
    INTEGER("\xd3\x80\x00\x00\x00\x00\x00\x00\x00", true, UINT64_C(1) << 63);
    INTEGER("\xd3\xff\xff\xff\xff\xff\xff\xff\xfe", true, 2);
}

Test(msgpack_read, refuses_what_is_cut_at_any_byte)
{
    static const char bytes[] = "\x84\xa1k\xcd\x12\x34\xa1l\x93\xd9\x03xyz\xcb\x40\x00\x00\x00\x00"
                                "\x00\x00\x00\xc7\x02\x01zz\xa1m\xde\x00\x01\xc0\xc3\xc4\x01x\xc0";

    cr_assert(accepts(bytes, sizeof(bytes) - 1));
    for (size_t len = 0; len < sizeof(bytes) - 1; len++)
        cr_assert_not(accepts(bytes, len), "at %zu", len);
}

Test(msgpack_read, refuses_bytes_after_the_value)
{
    cr_assert_not(ACCEPTS("\xc0\xc0"));
    cr_assert_not(ACCEPTS("\x80\x00"));
    cr_assert_not(ACCEPTS("\x91\xc0\n"));
}

Test(msgpack_read, believes_no_length_that_the_bytes_do_not_bear_out)
{
    cr_assert_not(ACCEPTS("\xdd\xff\xff\xff\xff"));
    cr_assert_not(ACCEPTS("\xdf\xff\xff\xff\xff"));
    cr_assert_not(ACCEPTS("\xdb\xff\xff\xff\xff"));
    cr_assert_not(ACCEPTS("\xc6\xff\xff\xff\xff"));
    cr_assert_not(ACCEPTS("\xc9\xff\xff\xff\xff"));
    cr_assert_not(ACCEPTS("\xdd\x08\x00\x00\x00\xc0\xc0\xc0"));
    cr_assert_not(ACCEPTS("\xdf\x80\x00\x00\x00\xc0\xc0\xc0"));
    cr_assert_not(ACCEPTS("\xde\x00\x02\xc0\xc0\xc0"));
    cr_assert_not(ACCEPTS("\x92\xc0"));
    cr_assert_not(ACCEPTS("\x91\xdd\xff\xff\xff\xff\xc0\xc0\xc0\xc0"));
}

static bool accepts_depth(size_t depth, const char *open, size_t n_open)
{
    char *bytes = malloc(depth * n_open + 1);
    bool accepted;

    for (size_t i = 0; i < depth; i++)
        memcpy(bytes + i * n_open, open, n_open);
    bytes[depth * n_open] = '\xc0';
    accepted = accepts(bytes, depth * n_open + 1);
    free(bytes);
    return accepted;
}

Test(msgpack_read, takes_nesting_to_its_bound_and_no_deeper)
{
    cr_assert(accepts_depth(JOB_DEPTH_MAX, "\x91", 1));
    cr_assert(accepts_depth(JOB_DEPTH_MAX, "\x81\xa0", 2));
    cr_assert_not(accepts_depth(JOB_DEPTH_MAX + 1, "\x91", 1));
    cr_assert_not(accepts_depth(JOB_DEPTH_MAX + 1, "\x81\xa0", 2));
    cr_assert_not(accepts_depth(1000000, "\x91", 1));
    cr_assert_not(accepts_depth(1000000, "\x81", 1));
    cr_assert_not(accepts_depth(1000000, "\xdc\x00\x01", 3));
}

Test(msgpack_read, counts_the_members_of_a_container)
{
    static const char bytes[] = "\x93\x92\x01\x02\x81\xa1x\x90\x03";
    struct value value;

    cr_assert_eq(read_whole(bytes, sizeof(bytes) - 1, &value), 0);
    cr_assert_eq(value.n_items, 3);
}

Test(msgpack_read, agrees_with_msgpack_c_on_random_bytes)
{
    static const unsigned char heads[] = {0x81, 0x92, 0xa1, 0xc0, 0xc1, 0xc4, 0xc7, 0xca, 0xcc,
                                          0xcd, 0xd0, 0xd1, 0xd4, 0xd9, 0xdc, 0xde, 0x01, 0xff};
    unsigned seed = 3, n_accepted = 0;
    msgpack_zone zone;

    msgpack_zone_init(&zone, 2048);
    for (int round = 0; round < 200000; round++) {
        char bytes[12];
        size_t len = 1 + (size_t)rand_r(&seed) % sizeof(bytes), end = 0;
        msgpack_object object;
        for (size_t i = 0; i < len; i++)
            bytes[i] = (char)(rand_r(&seed) % 2 ? heads[rand_r(&seed) % sizeof(heads)]
                                                : rand_r(&seed) % 4);
        int rc = msgpack_unpack(bytes, len, &end, &zone, &object);
        msgpack_zone_clear(&zone);
        cr_assert_eq(accepts(bytes, len), rc == MSGPACK_UNPACK_SUCCESS, "round %d", round);
        n_accepted += rc == MSGPACK_UNPACK_SUCCESS;
    }
    msgpack_zone_destroy(&zone);
    cr_assert_gt(n_accepted, 1000);
}
