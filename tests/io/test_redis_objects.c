/* Replies in memory of our own: the same replies as hiredis makes by itself. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/io/redis_objects.h"

static struct redis_objects objects;
static redisReader *ours, *theirs;

static void open_readers(void)
{
    objects = (struct redis_objects){0};
    ours = redisReaderCreate();
    theirs = redisReaderCreate();
    redis_objects_attach(&objects, ours);
}

static void close_readers(void)
{
    redisReaderFree(ours);
    redisReaderFree(theirs);
    redis_objects_deinit(&objects);
}

TestSuite(redis_objects, .init = open_readers, .fini = close_readers, .timeout = 60);

static void expect_same(const redisReply *got, const redisReply *wanted)
{
    cr_assert_eq(got->type, wanted->type);
    cr_assert_eq(got->integer, wanted->integer);
    cr_assert_eq(got->elements, wanted->elements);
    cr_assert_eq(got->len, wanted->len);
    if (wanted->str)
        cr_assert_arr_eq(got->str, wanted->str, wanted->len + 1);
    for (size_t i = 0; i < wanted->elements; i++)
        expect_same(got->element[i], wanted->element[i]);
}

/* Feeds both readers so many bytes at a time, and compares each reply. */
static void expect_read(const char *bytes, size_t len, size_t step, size_t n_replies)
{
    size_t n = 0;

    for (size_t at = 0; at < len; at += step) {
        size_t part = len - at < step ? len - at : step;
        void *got, *wanted;

        cr_assert_eq(redisReaderFeed(ours, bytes + at, part), REDIS_OK);
        cr_assert_eq(redisReaderFeed(theirs, bytes + at, part), REDIS_OK);
        do {
            cr_assert_eq(redisReaderGetReply(theirs, &wanted), REDIS_OK);
            cr_assert_eq(redisReaderGetReply(ours, &got), REDIS_OK, "%s", ours->errstr);
            cr_assert_eq(got == NULL, wanted == NULL);
            if (!wanted)
                break;
            expect_same(got, wanted);
            freeReplyObject(wanted);
            ours->fn->freeObject(got);
            n++;
        } while (true);
    }
    cr_expect_eq(n, n_replies, "%zu replies, not %zu", n, n_replies);
}

Test(redis_objects, replies_of_each_type_are_read_in_any_pieces)
{
    static const char bytes[] =
        "+OK\r\n-ERR wrong\r\n:-42\r\n$-1\r\n*-1\r\n$0\r\n\r\n*0\r\n"
        "*3\r\n:1\r\n*2\r\n$3\r\na\0b\r\n$-1\r\n*1\r\n*1\r\n+x\r\n$2\r\nhi\r\n";

    for (size_t step = 1; step < sizeof(bytes); step++)
        expect_read(bytes, sizeof(bytes) - 1, step, 9);
}

#if HIREDIS_MAJOR >= 1
Test(redis_objects, types_of_resp3_are_read_and_noted)
{
    static const char bytes[] = ":1\r\n#t\r\n,1.5\r\n_\r\n(12345678901234567890\r\n"
                                "%1\r\n+a\r\n#f\r\n~2\r\n:1\r\n,inf\r\n>1\r\n+x\r\n";

    expect_read(bytes, 4, 4, 1);
    cr_expect_not(objects.has_resp3);
    for (size_t step = 1; step < sizeof(bytes); step++)
        expect_read(bytes, sizeof(bytes) - 1, step, 8);
    cr_expect(objects.has_resp3);
}
#endif

/* As a claim brings: many records, some larger than a block, again and again. */
Test(redis_objects, large_replies_are_read_again_and_again)
{
    size_t size = 4u << 20, len = 0;
    char *bytes = malloc(size);

    len += (size_t)sprintf(bytes, "*1000\r\n");
    for (size_t i = 0; i < 1000; i++) {
        size_t n = i % 100 == 7 ? 200000 + i : i * 3;

        len += (size_t)sprintf(bytes + len, "$%zu\r\n", n);
        memset(bytes + len, 'a' + (int)(i % 26), n);
        len += n;
        memcpy(bytes + len, "\r\n", 2);
        len += 2;
        cr_assert_lt(len, size - 300000);
    }
    for (int i = 0; i < 3; i++) {
        expect_read(bytes, len, 16384, 1);
        expect_read("+OK\r\n", 5, 5, 1);
    }
    free(bytes);
}

Test(redis_objects, an_array_without_end_is_refused)
{
    static const char bytes[] = "*2000000000\r\n:1\r\n";
    void *reply;

    cr_assert_eq(redisReaderFeed(ours, bytes, sizeof(bytes) - 1), REDIS_OK);
    cr_assert_eq(redisReaderGetReply(ours, &reply), REDIS_ERR);
}

/* The connection ends in the middle of a reply. */
Test(redis_objects, half_a_reply_leaves_nothing_behind)
{
    static const char bytes[] = "*3\r\n:1\r\n*2\r\n$3\r\nabc\r\n";
    void *reply;

    cr_assert_eq(redisReaderFeed(ours, bytes, sizeof(bytes) - 1), REDIS_OK);
    cr_assert_eq(redisReaderGetReply(ours, &reply), REDIS_OK);
    cr_assert_null(reply);
}
