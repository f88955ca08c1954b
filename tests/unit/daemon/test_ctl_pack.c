/* JSON lines as msgpack, byte for byte. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "daemon/ctl/pack.h"

/* The msgpack of `json` in hex, in a static buffer; or what is wrong, after "!". */
static const char *pack(const char *json)
{
    static char text[4096];
    char why[PACK_WHY_MAX];
    msgpack_sbuffer buffer;
    msgpack_sbuffer_init(&buffer);
    if (pack_msgpack(json, strlen(json), &buffer, why) != 0)
        snprintf(text, sizeof text, "!%s", why);
    else
        for (size_t i = 0; i < buffer.size; i++)
            sprintf(text + 2 * i, "%02x", (unsigned char)buffer.data[i]);
    msgpack_sbuffer_destroy(&buffer);
    return text;
}

static void check(const char *json, const char *wanted)
{
    const char *got = pack(json);
    cr_expect_str_eq(got, wanted, "%s gives %s, not %s", json, got, wanted);
}

Test(ctl_pack, writes_every_kind_of_value)
{
    check("{}", "80");
    check(" { \"a\" : null } ", "81a161c0");
    check("{\"a\":true,\"b\":false}", "82a161c3a162c2");
    check("{\"a\":[1,[],{}]}", "81a16193019080");
    check("{\"a\":1.5}", "81a161cb3ff8000000000000");
    check("{\"a\":1e2}", "81a161cb4059000000000000");
    check("{\"a\":\"\"}", "81a161a0");
}

Test(ctl_pack, keeps_every_digit_of_integers_up_to_64_bits)
{
    check("{\"a\":127}", "81a1617f");
    check("{\"a\":-1}", "81a161ff");
    check("{\"a\":9007199254740993}", "81a161cf0020000000000001");
    check("{\"a\":18446744073709551615}", "81a161cfffffffffffffffff");
    check("{\"a\":-9223372036854775808}", "81a161d38000000000000000");
    check("{\"a\":0}", "81a16100");
    check("{\"a\":-0}", "81a16100");
}

Test(ctl_pack, keeps_the_order_of_keys_and_the_escapes_of_strings)
{
    check("{\"b\":1,\"a\":2}", "82a16201a16102");
    check("{\"\\u0061\":\"\\n\\u00e9\\ud83d\\ude00\\u0000\"}", "81a161a80ac3a9f09f988000");
}

Test(ctl_pack, refuses_what_msgpack_cannot_say)
{
    check("{\"a\":18446744073709551616}",
          "!byte 6: an integer beyond 64 bits, which msgpack cannot "
          "say");
    check("{\"a\":-9223372036854775809}", "!byte 6: an integer beyond 64 bits, which msgpack "
                                          "cannot say");
    check("{\"a\":1e999}", "!byte 6: a number beyond a double's range, or 1100 digits");
}

Test(ctl_pack, names_the_byte_of_what_is_no_job)
{
    check("[1]", "!byte 1: a job is a JSON object");
    check("{\"a\":\"\xff\"}", "!byte 7 is not UTF-8");
    cr_expect(strncmp(pack("{\"a\":1"), "!byte 7: ", 9) == 0, "%s", pack("{\"a\":1"));
    cr_expect(strncmp(pack("{} x"), "!byte 4: ", 9) == 0, "%s", pack("{} x"));
    cr_expect(strncmp(pack(""), "!byte 1: ", 9) == 0, "%s", pack(""));
}

Test(ctl_pack, refuses_numbers_and_nesting_without_end)
{
    char json[3000] = "{\"a\":";
    memset(json + 5, '1', 1200);
    memcpy(json + 1205, ".5}", 4);
    cr_expect_str_eq(pack(json), "!byte 6: a number beyond a double's range, or 1100 digits");
    memset(json + 5, '[', 1000);
    memset(json + 1005, ']', 1000);
    strcpy(json + 2005, "}");
    cr_expect(strstr(pack(json), "nested deeper"), "%s", pack(json));
}

Test(ctl_pack, checks_without_converting)
{
    char why[PACK_WHY_MAX];
    cr_expect_eq(pack_check("{\"a\":18446744073709551616}", 26, why), 0);
    cr_expect_eq(pack_check("[]", 2, why), -1);
    cr_expect_eq(pack_check_value("[]", 2, why), 0);
    cr_expect_eq(pack_check_value("[", 1, why), -1);
}
