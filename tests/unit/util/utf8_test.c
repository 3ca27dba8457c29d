#include <string.h>

#include "support/test.h"
#include "util/str.h"

TEST(well_formed_texts_are_valid)
{
    assert_true(nima_utf8_valid(NIMA_STR("")));
    assert_true(nima_utf8_valid(NIMA_STR("plain")));
    assert_true(nima_utf8_valid(NIMA_STR("ação 日本語 🎉")));
    assert_true(nima_utf8_valid(NIMA_STR("\xC2\x80\xDF\xBF")));                     /* two bytes */
    assert_true(nima_utf8_valid(NIMA_STR("\xE0\xA0\x80\xED\x9F\xBF\xEE\x80\x80"))); /* three */
    assert_true(nima_utf8_valid(NIMA_STR("\xF0\x90\x80\x80\xF4\x8F\xBF\xBF")));     /* four */
}

TEST(broken_texts_are_not)
{
    static const nima_str bad[] = {
        NIMA_STR_INIT("\0"),               /* NUL */
        NIMA_STR_INIT("\x80"),             /* continues nothing */
        NIMA_STR_INIT("\xC0\xAF"),         /* overlong */
        NIMA_STR_INIT("\xC1\xBF"),         /* overlong */
        NIMA_STR_INIT("\xE0\x9F\xBF"),     /* overlong */
        NIMA_STR_INIT("\xF0\x8F\xBF\xBF"), /* overlong */
        NIMA_STR_INIT("\xED\xA0\x80"),     /* a surrogate */
        NIMA_STR_INIT("\xED\xBF\xBF"),     /* a surrogate */
        NIMA_STR_INIT("\xF4\x90\x80\x80"), /* over U+10FFFF */
        NIMA_STR_INIT("\xF5\x80\x80\x80"), /* begins nothing */
        NIMA_STR_INIT("\xFF"),             /* begins nothing */
        NIMA_STR_INIT("a\xE2\x82"),        /* cut off */
        NIMA_STR_INIT("\xE2\x28\xA1"),     /* no continuation */
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(nima_utf8_valid(bad[i]));
    }
}

TEST(every_code_point_survives_the_way_there_and_back)
{
    for (uint32_t c = 0; c <= 0x10FFFF; c++) {
        if (c == 0xD800) {
            c = 0xE000;
        }
        char bytes[4];
        int wrote = nima_utf8_encode(c, bytes);
        uint32_t back = UINT32_MAX;
        int read = nima_utf8_decode((nima_str){bytes, (size_t)wrote}, 0, &back);
        if (read != wrote || back != c) {
            fail_msg("U+%04X came back as U+%04X", c, back);
        }
    }
}

TEST(decode_at_or_behind_the_end_gives_nothing)
{
    uint32_t c = 5;
    assert_int_equal(nima_utf8_decode(NIMA_STR("a"), 1, &c), 0);
    assert_int_equal(nima_utf8_decode(NIMA_STR("a"), 9, &c), 0);
    assert_int_equal(nima_utf8_decode((nima_str){NULL, 0}, 0, &c), 0);
    assert_int_equal(c, 5);
}

TEST(a_prefix_never_cuts_a_character)
{
    nima_str s = NIMA_STR("a€🎉"); /* 1 + 3 + 4 bytes */
    static const size_t expected[] = {0, 1, 1, 1, 4, 4, 4, 4, 8, 8};
    for (size_t max = 0; max < sizeof(expected) / sizeof(expected[0]); max++) {
        assert_int_equal(nima_utf8_prefix(s, max).len, expected[max]);
    }
}

TEST(characters_are_counted_not_bytes)
{
    assert_int_equal(nima_utf8_count(NIMA_STR("a€🎉")), 3);
    assert_int_equal(nima_utf8_count(NIMA_STR("")), 0);
}

TEST(an_incomplete_tail_is_only_what_may_still_become_a_character)
{
    static const struct {
        nima_str text;
        size_t tail;
    } cases[] = {
        {NIMA_STR_INIT(""), 0},         {NIMA_STR_INIT("abc"), 0},
        {NIMA_STR_INIT("a\xC3"), 1},    {NIMA_STR_INIT("a\xC3\xA9"), 0},
        {NIMA_STR_INIT("\xE2"), 1},     {NIMA_STR_INIT("\xE2\x82"), 2},
        {NIMA_STR_INIT("\xF0\x9F"), 2}, {NIMA_STR_INIT("\xF0\x9F\x8E"), 3},
        {NIMA_STR_INIT("🎉"), 0},        {NIMA_STR_INIT("\x80\x80\x80"), 0},
        {NIMA_STR_INIT("\xFF"), 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(nima_utf8_incomplete_tail(cases[i].text), cases[i].tail);
    }
}

TEST_MAIN
