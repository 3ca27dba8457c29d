#include <string.h>

#include "support/test.h"
#include "util/buf.h"

TEST(what_is_added_stands_in_order_and_ends_with_a_nul)
{
    struct nima_buf buf;
    nima_buf_init(&buf, 10000);
    nima_buf_add(&buf, NIMA_STR("ab"));
    nima_buf_add_char(&buf, 'c');
    nima_buf_fmt(&buf, "%d-%s", 12, "x");
    nima_buf_add(&buf, (nima_str){NULL, 0});
    ASSERT_STR_EQ(nima_buf_view(&buf), "abc12-x");
    assert_string_equal(buf.ptr, "abc12-x");
    nima_buf_done(&buf);
}

TEST(an_unused_buffer_is_an_empty_text)
{
    struct nima_buf buf;
    nima_buf_init(&buf, 10);
    assert_non_null(nima_buf_view(&buf).ptr);
    assert_int_equal(nima_buf_view(&buf).len, 0);
    nima_buf_drop(&buf, 0);
    nima_buf_clear(&buf);
    nima_buf_done(&buf);
}

TEST(the_maximum_can_be_reached_but_not_passed)
{
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    struct nima_buf buf;
    nima_buf_init(&buf, 5);
    nima_buf_add(&buf, NIMA_STR("12345"));
    assert_false(buf.overflowed);
    nima_str out = NIMA_STR("untouched");
    ASSERT_OK(nima_buf_take(&ctx, &buf, &out));
    ASSERT_STR_EQ(out, "12345");
    nima_buf_add_char(&buf, '6');
    assert_true(buf.overflowed);
    out = NIMA_STR("untouched");
    ASSERT_RC(NIMA_E_TOO_LARGE, nima_buf_take(&ctx, &buf, &out));
    ASSERT_STR_EQ(out, "untouched");
    nima_buf_done(&buf);
    nima_ctx_done(&ctx);
}

TEST(overflow_sticks_even_when_less_would_fit)
{
    struct nima_buf buf;
    nima_buf_init(&buf, 5);
    nima_buf_fmt(&buf, "%s", "123456");
    assert_true(buf.overflowed);
    nima_buf_add_char(&buf, '1');
    assert_int_equal(buf.len, 0);
    nima_buf_clear(&buf);
    nima_buf_add_char(&buf, '1');
    assert_false(buf.overflowed);
    ASSERT_STR_EQ(nima_buf_view(&buf), "1");
    nima_buf_done(&buf);
}

TEST(dropping_takes_bytes_off_the_front)
{
    struct nima_buf buf;
    nima_buf_init(&buf, 100);
    nima_buf_add(&buf, NIMA_STR("abcdef"));
    nima_buf_drop(&buf, 2);
    ASSERT_STR_EQ(nima_buf_view(&buf), "cdef");
    nima_buf_drop(&buf, 4);
    assert_string_equal(buf.ptr, "");
    nima_buf_add(&buf, NIMA_STR("x"));
    ASSERT_STR_EQ(nima_buf_view(&buf), "x");
    nima_buf_clear(&buf);
    assert_string_equal(buf.ptr, "");
    nima_buf_done(&buf);
}

TEST(a_buffer_grows_far_beyond_its_first_room)
{
    struct nima_buf buf;
    nima_buf_init(&buf, 1 << 20);
    for (int i = 0; i < 100000; i++) {
        nima_buf_add(&buf, NIMA_STR("0123456789"));
    }
    assert_false(buf.overflowed);
    assert_int_equal(buf.len, 1000000);
    for (size_t i = 0; i < buf.len; i += 999) {
        assert_int_equal(buf.ptr[i], '0' + (char)(i % 10));
    }
    nima_buf_done(&buf);
}

TEST_MAIN
