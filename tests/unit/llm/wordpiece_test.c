/* The tokenizer's rules on a small vocabulary; the whole of it against golden ids is embed_test. */
#include "llm/support_llm.h"

enum { UNK = 1, CLS, SEP, PAD, MASK, FIRST };

static struct nima_wordpiece *vocabulary(void)
{
    static const char *const pieces[] = {"un",  "##want", "##ed", "hello", "!",  "cafe",
                                         "the", "##n",    "日",   "a",     "##a"};
    struct nima_wordpiece *v = nima_wordpiece_new(64);
    for (int i = 0; i < NIMA_WP_SPECIALS; i++) {
        nima_wordpiece_set_special(v, (enum nima_wordpiece_special)i, UNK + i);
    }
    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        nima_str piece = nima_str_of(pieces[i]);
        bool starts = !nima_str_starts(piece, NIMA_STR("##"));
        nima_wordpiece_add(v, nima_str_sub(piece, starts ? 0 : 2, piece.len), starts,
                           FIRST + (int)i);
    }
    return v;
}

/* Ids as "2 6 7 3". */
static nima_str encode(struct nima_ctx *ctx, nima_str text, size_t max)
{
    struct nima_wordpiece *v = vocabulary();
    int32_t ids[300];
    size_t count = nima_wordpiece_encode(v, text, ids, max);
    nima_str out = NIMA_STR("");
    for (size_t i = 0; i < count; i++) {
        out = nima_fmt(ctx, NIMA_FMT "%s%d", NIMA_ARG(out), i > 0 ? " " : "", ids[i]);
    }
    nima_wordpiece_free(v);
    return out;
}

TEST(words_are_cut_into_the_longest_pieces)
{
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    ASSERT_STR_EQ(encode(&ctx, NIMA_STR("unwanted"), 16), "2 6 7 8 3");
    ASSERT_STR_EQ(encode(&ctx, NIMA_STR("HELLO!!"), 16), "2 9 10 10 3");
    ASSERT_STR_EQ(encode(&ctx, NIMA_STR("then unknowable"), 16), "2 12 13 1 3");
    nima_ctx_done(&ctx);
}

TEST(text_is_cleaned_decomposed_and_lowered)
{
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    ASSERT_STR_EQ(encode(&ctx, NIMA_STR("CAF\xc3\x89"), 16), "2 11 3");
    ASSERT_STR_EQ(encode(&ctx, NIMA_STR("he\xc2\xadllo\x07"), 16), "2 9 3");
    ASSERT_STR_EQ(encode(&ctx, NIMA_STR("hello\xe6\x97\xa5hello"), 16), "2 9 14 9 3");
    ASSERT_STR_EQ(encode(&ctx, NIMA_STR("hello\xe3\x80\x80the\xc2\xa0the"), 16), "2 9 12 12 3");
    nima_ctx_done(&ctx);
}

TEST(what_is_too_long_is_cut)
{
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    char word[101];
    memset(word, 'a', sizeof(word));
    ASSERT_STR_EQ(encode(&ctx, (nima_str){word, 101}, 300), "2 1 3");
    ASSERT_STR_EQ(encode(&ctx, NIMA_STR("the the the the"), 4), "2 12 12 3");
    /* A word is judged as a whole, also where only its beginning fits. */
    ASSERT_STR_EQ(encode(&ctx, NIMA_STR("unwantedx"), 4), "2 1 3");
    ASSERT_STR_EQ(encode(&ctx, NIMA_STR("unwanted"), 4), "2 6 7 3");
    ASSERT_STR_EQ(encode(&ctx, NIMA_STR(""), 2), "2 3");
    ASSERT_STR_EQ(encode(&ctx, NIMA_STR("  \n\t "), 2), "2 3");
    nima_ctx_done(&ctx);
}

TEST(special_names_are_special_tokens_and_broken_bytes_are_nothing)
{
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    ASSERT_STR_EQ(encode(&ctx, NIMA_STR("the[SEP]the"), 16), "2 12 3 12 3");
    ASSERT_STR_EQ(encode(&ctx, NIMA_STR("he\xffllo"), 16), "2 9 3");
    ASSERT_STR_EQ(encode(&ctx, NIMA_STR("[SE"), 16), "2 1 1 3");
    nima_ctx_done(&ctx);
}

TEST_MAIN
