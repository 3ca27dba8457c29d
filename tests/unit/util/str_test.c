#include <string.h>

#include "support/test.h"
#include "util/str.h"

static const nima_str absent = {NULL, 0};

TEST(absent_and_empty_are_told_apart_by_the_pointer_alone)
{
    assert_null(nima_str_of(NULL).ptr);
    assert_non_null(nima_str_of("").ptr);
    assert_true(nima_str_eq(absent, NIMA_STR("")));
}

TEST(equality_looks_at_bytes_and_length)
{
    assert_true(nima_str_eq(NIMA_STR("a\0b"), NIMA_STR("a\0b")));
    assert_false(nima_str_eq(NIMA_STR("a\0b"), NIMA_STR("a\0c")));
    assert_false(nima_str_eq(NIMA_STR("ab"), NIMA_STR("abc")));
    assert_true(nima_str_eq_nocase(NIMA_STR("Bearer"), NIMA_STR("bEARER")));
    assert_false(nima_str_eq_nocase(NIMA_STR("É"), NIMA_STR("é"))); /* ASCII case only */
}

TEST(order_is_that_of_bytes)
{
    assert_true(nima_str_cmp(NIMA_STR("a"), NIMA_STR("b")) < 0);
    assert_true(nima_str_cmp(NIMA_STR("ab"), NIMA_STR("a")) > 0);
    assert_int_equal(nima_str_cmp(NIMA_STR(""), absent), 0);
    assert_true(nima_str_cmp(NIMA_STR("\x7F"), NIMA_STR("\x80")) < 0);
}

TEST(starts_and_ends_of_shorter_texts_are_false)
{
    assert_true(nima_str_starts(NIMA_STR("sqlite:x"), NIMA_STR("sqlite:")));
    assert_false(nima_str_starts(NIMA_STR("sql"), NIMA_STR("sqlite:")));
    assert_true(nima_str_starts(absent, NIMA_STR("")));
    assert_true(nima_str_starts_nocase(NIMA_STR("/Remember x"), NIMA_STR("/remember ")));
    assert_true(nima_str_ends(NIMA_STR("a.gguf"), NIMA_STR(".gguf")));
    assert_false(nima_str_ends(NIMA_STR("gguf"), NIMA_STR(".gguf")));
}

TEST(trim_takes_white_space_off_both_ends_only)
{
    ASSERT_STR_EQ(nima_str_trim(NIMA_STR(" \t\r\n a b \v\f")), "a b");
    assert_int_equal(nima_str_trim(NIMA_STR(" \n ")).len, 0);
    assert_int_equal(nima_str_trim(absent).len, 0);
    ASSERT_STR_EQ(nima_str_trim(NIMA_STR("\xC2\xA0x")), "\xC2\xA0x"); /* ASCII only */
}

TEST(sub_is_clipped_to_the_string)
{
    ASSERT_STR_EQ(nima_str_sub(NIMA_STR("abcdef"), 2, 4), "cd");
    ASSERT_STR_EQ(nima_str_sub(NIMA_STR("abc"), 1, SIZE_MAX), "bc");
    ASSERT_STR_EQ(nima_str_sub(NIMA_STR("abc"), 9, 12), "");
    ASSERT_STR_EQ(nima_str_sub(NIMA_STR("abc"), 2, 1), "");
    assert_null(nima_str_sub(absent, 0, 5).ptr);
}

TEST(find_begins_where_it_is_told)
{
    nima_str s = NIMA_STR("one two one");
    assert_int_equal(nima_str_find(s, NIMA_STR("one"), 0), 0);
    assert_int_equal(nima_str_find(s, NIMA_STR("one"), 1), 8);
    assert_true(nima_str_find(s, NIMA_STR("one"), 9) == SIZE_MAX);
    assert_true(nima_str_find(s, NIMA_STR("one"), 99) == SIZE_MAX);
    assert_true(nima_str_find(s, NIMA_STR(""), 0) == SIZE_MAX);
    assert_true(nima_str_find(absent, NIMA_STR("x"), 0) == SIZE_MAX);
    assert_int_equal(nima_str_find_nocase(NIMA_STR("My NAME is"), NIMA_STR("name"), 0), 3);
    assert_true(nima_str_find_nocase(NIMA_STR("na"), NIMA_STR("name"), 0) == SIZE_MAX);
    assert_true(nima_str_find_nocase(NIMA_STR("na"), NIMA_STR("n"), SIZE_MAX - 1) == SIZE_MAX);
}

TEST(next_cuts_at_each_separator_and_ends_after_the_last_part)
{
    nima_str rest = NIMA_STR("a,,b,");
    const char *expected[] = {"a", "", "b", ""};
    nima_str head;
    for (size_t i = 0; i < 4; i++) {
        assert_true(nima_str_next(&rest, ',', &head));
        ASSERT_STR_EQ(head, expected[i]);
    }
    assert_false(nima_str_next(&rest, ',', &head));
}

TEST(next_of_an_empty_text_gives_one_empty_part)
{
    nima_str rest = NIMA_STR(""), head;
    assert_true(nima_str_next(&rest, ',', &head));
    assert_int_equal(head.len, 0);
    assert_false(nima_str_next(&rest, ',', &head));
}

TEST(whole_numbers_reach_the_limits_of_int64)
{
    int64_t value = 0;
    assert_true(nima_str_to_i64(NIMA_STR("9223372036854775807"), &value));
    assert_true(value == INT64_MAX);
    assert_true(nima_str_to_i64(NIMA_STR("-9223372036854775808"), &value));
    assert_true(value == INT64_MIN);
}

TEST(what_is_no_whole_number_leaves_the_value_alone)
{
    static const char *const bad[] = {"",
                                      " 1",
                                      "1 ",
                                      "1x",
                                      "0x10",
                                      "1.0",
                                      "9223372036854775808",
                                      "--1",
                                      "-",
                                      "\n1",
                                      "1e3",
                                      "-9223372036854775809"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        int64_t value = 7;
        assert_false(nima_str_to_i64(nima_str_of(bad[i]), &value));
        assert_true(value == 7);
    }
    int64_t value = 7;
    assert_false(nima_str_to_i64(NIMA_STR("1\0"), &value));
    assert_false(nima_str_to_i64(absent, &value));
    char many[200];
    memset(many, '0', sizeof(many));
    assert_false(nima_str_to_i64((nima_str){many, sizeof(many)}, &value));
}

TEST(numbers_are_finite_decimals)
{
    double value = 0;
    assert_true(nima_str_to_f64(NIMA_STR("-1.5e3"), &value));
    ASSERT_NEAR(value, -1500, 0);
    assert_true(nima_str_to_f64(NIMA_STR("0.25"), &value));
    ASSERT_NEAR(value, 0.25, 0);
    static const char *const bad[] = {"",    "nan", "inf", "-infinity", "1e999",
                                      "1,5", " 1",  "1 ",  "0x1p3"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(nima_str_to_f64(nima_str_of(bad[i]), &value));
    }
    ASSERT_NEAR(value, 0.25, 0);
}

TEST(hashes_are_those_of_fnv_1a)
{
    assert_true(nima_str_hash(NIMA_STR("")) == UINT64_C(0xcbf29ce484222325));
    assert_true(nima_str_hash(NIMA_STR("a")) == UINT64_C(0xaf63dc4c8601ec8c));
    assert_true(nima_str_hash(NIMA_STR("foobar")) == UINT64_C(0x85944171f73967e8));
}

TEST_MAIN
