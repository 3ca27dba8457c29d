/* Whole characters, and nothing of a stop string, however the bytes are cut. */
#include "llm/support_llm.h"

/* Feeds the text in pieces of `size` bytes and returns what was shown, checking every state. */
static nima_str feed(struct nima_ctx *ctx, nima_str text, size_t size, const nima_str *stops,
                     size_t count)
{
    struct nima_llm_stream s;
    nima_llm_stream_init(&s, stops, count);
    size_t shown = 0;
    for (size_t at = 0; at < text.len; at += size) {
        nima_llm_stream_add(&s, nima_str_sub(text, at, at + size));
        size_t ready = nima_llm_stream_ready(&s);
        ASSERT_TRUE(ready >= shown);
        ASSERT_TRUE(ready == 0 || nima_utf8_valid(nima_str_sub(nima_buf_view(&s.text), 0, ready)));
        shown = ready;
    }
    nima_llm_stream_end(&s);
    size_t ready = nima_llm_stream_ready(&s);
    nima_str out = ready > 0
                       ? nima_str_copy(ctx->arena, nima_str_sub(nima_buf_view(&s.text), 0, ready))
                       : NIMA_STR("");
    nima_llm_stream_done(&s);
    return out;
}

TEST(text_comes_out_as_it_went_in_for_every_cut)
{
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    const char *text = "Olá, 世界! 🙂 naïve";
    for (size_t size = 1; size < 12; size++) {
        ASSERT_STR_EQ(feed(&ctx, nima_str_of(text), size, NULL, 0), text);
    }
    nima_ctx_done(&ctx);
}

TEST(a_stop_string_split_anywhere_is_never_shown)
{
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    nima_str stops[] = {NIMA_STR("STOP"), NIMA_STR("\n\nUser:")};
    for (size_t size = 1; size < 15; size++) {
        ASSERT_STR_EQ(feed(&ctx, NIMA_STR("one STO two STOP three"), size, stops, 2),
                      "one STO two ");
        ASSERT_STR_EQ(feed(&ctx, NIMA_STR("hi\n\nUser: you"), size, stops, 2), "hi");
        ASSERT_STR_EQ(feed(&ctx, NIMA_STR("SSTOP"), size, stops, 2), "S");
        ASSERT_STR_EQ(feed(&ctx, NIMA_STR("half a ST"), size, stops, 2), "half a ST");
    }
    nima_ctx_done(&ctx);
}

TEST(what_may_become_a_stop_string_is_held_back)
{
    struct nima_llm_stream s;
    nima_str stops[] = {NIMA_STR("</end>")};
    nima_llm_stream_init(&s, stops, 1);
    nima_llm_stream_add(&s, NIMA_STR("abc</en"));
    ASSERT_INT_EQ(nima_llm_stream_ready(&s), 3);
    nima_llm_stream_add(&s, NIMA_STR("t"));
    ASSERT_INT_EQ(nima_llm_stream_ready(&s), 8);
    nima_llm_stream_add(&s, NIMA_STR("</end>more"));
    ASSERT_TRUE(s.stopped);
    ASSERT_INT_EQ(nima_llm_stream_ready(&s), 8);
    nima_llm_stream_done(&s);
}

TEST(broken_bytes_become_replacement_characters)
{
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    for (size_t size = 1; size < 6; size++) {
        ASSERT_STR_EQ(feed(&ctx,
                           NIMA_STR("a\xff"
                                    "b\xc3"
                                    "c"),
                           size, NULL, 0),
                      "a\xef\xbf\xbd"
                      "b\xef\xbf\xbd"
                      "c");
        /* Half a character at the end is dropped. */
        ASSERT_STR_EQ(feed(&ctx, NIMA_STR("ok\xf0\x9f\x99"), size, NULL, 0), "ok");
    }
    nima_str nul = {"a\0b", 3};
    ASSERT_STR_EQ(feed(&ctx, nul, 1, NULL, 0), "a\xef\xbf\xbd"
                                               "b");
    nima_ctx_done(&ctx);
}

TEST_MAIN
