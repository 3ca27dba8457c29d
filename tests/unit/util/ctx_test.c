#include <string.h>

#include "support/test.h"
#include "util/clock.h"
#include "util/ctx.h"

TEST(a_failure_leaves_its_message_and_no_field)
{
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    ASSERT_RC(NIMA_E_INVALID, nima_fail(&ctx, NIMA_E_INVALID, "limit must be 1..%d", 9));
    assert_int_equal(ctx.error.rc, NIMA_E_INVALID);
    assert_string_equal(ctx.error.message, "limit must be 1..9");
    assert_string_equal(ctx.error.field, "");
    nima_ctx_done(&ctx);
}

TEST(a_newer_failure_replaces_all_of_the_older_one)
{
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    nima_fail_field(&ctx, NIMA_E_BUSY, "q", "one");
    ctx.error.retry_after_s = 3;
    assert_string_equal(ctx.error.field, "q");
    nima_fail(&ctx, NIMA_E_STORE, "two");
    assert_string_equal(ctx.error.field, "");
    assert_int_equal(ctx.error.retry_after_s, 0);
    nima_ctx_done(&ctx);
}

TEST(a_long_message_and_a_long_field_are_cut_between_characters)
{
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    for (size_t shift = 0; shift < 4; shift++) {
        char text[2000] = "";
        memset(text, 'x', shift);
        for (size_t at = shift; at + 4 < sizeof(text); at += 4) {
            memcpy(text + at, "🎉", 5);
        }
        nima_fail_field(&ctx, NIMA_E_INVALID, text, "%s", text);
        assert_true(nima_utf8_valid(nima_str_of(ctx.error.message)));
        assert_true(nima_utf8_valid(nima_str_of(ctx.error.field)));
        assert_true(strlen(ctx.error.message) > NIMA_ERROR_CHARS_MAX - 4);
        assert_true(strlen(ctx.error.field) > NIMA_FIELD_CHARS_MAX - 4);
    }
    nima_ctx_done(&ctx);
}

TEST(work_stops_when_the_client_left_or_the_deadline_passed)
{
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    ASSERT_OK(nima_ctx_stopped(&ctx));
    ctx.deadline_ms = nima_mono_ms() + 60000;
    ASSERT_OK(nima_ctx_stopped(&ctx));
    ctx.deadline_ms = nima_mono_ms() - 10;
    ASSERT_RC(NIMA_E_TIMEOUT, nima_ctx_stopped(&ctx));
    atomic_bool cancelled = true;
    ctx.cancelled = &cancelled;
    ASSERT_RC(NIMA_E_CANCELLED, nima_ctx_stopped(&ctx));
    nima_ctx_done(&ctx);
}

TEST(now_is_the_wall_clock_unless_a_test_says_otherwise)
{
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    int64_t before = nima_now_ms();
    assert_true(nima_ctx_now(&ctx) >= before);
    ctx.now_ms = 42;
    assert_true(nima_ctx_now(&ctx) == 42);
    nima_ctx_done(&ctx);
}

TEST(a_reset_forgets_everything_of_the_last_request)
{
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    atomic_bool cancelled = true;
    ctx.cancelled = &cancelled;
    ctx.user_id = NIMA_STR("ana");
    ctx.deadline_ms = 1;
    nima_fail(&ctx, NIMA_E_STORE, "x");
    nima_ctx_reset(&ctx);
    assert_null(ctx.user_id.ptr);
    assert_null(ctx.cancelled);
    assert_int_equal(ctx.error.rc, NIMA_OK);
    ASSERT_OK(nima_ctx_stopped(&ctx));
    nima_ctx_done(&ctx);
}

TEST(formatted_texts_live_in_the_arena_whatever_their_length)
{
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    nima_str text = nima_fmt(&ctx, "%0*d|" NIMA_FMT, 5000, 7, NIMA_ARG(NIMA_STR("end")));
    assert_int_equal(text.len, 5004);
    assert_true(nima_str_ends(text, NIMA_STR("7|end")));
    assert_int_equal(text.ptr[text.len], '\0');
    ASSERT_STR_EQ(nima_fmt(&ctx, "[" NIMA_FMT "]", NIMA_ARG(((nima_str){NULL, 0}))), "[]");
    nima_ctx_done(&ctx);
}

TEST(scratch_memory_ends_with_its_block)
{
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    char *kept = nima_cstr(&ctx, NIMA_STR("kept"));
    size_t before = nima_arena_bytes(ctx.arena);
    for (int i = 0; i < 100; i++) {
        struct nima_arena_mark mark = nima_scratch(&ctx);
        nima_fmt(&ctx, "%100000d", i);
        nima_scratch_end(&ctx, mark);
    }
    assert_int_equal(nima_arena_bytes(ctx.arena), before);
    assert_string_equal(kept, "kept");
    nima_ctx_done(&ctx);
}

TEST_MAIN
