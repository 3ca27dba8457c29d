/* Words and their ranking. */
#include "search/bm25.h"
#include "support/test.h"

static size_t count_of(const char *text)
{
    struct nima_words *words = nima_search_words_open();
    size_t count = nima_search_words_of(words, nima_str_of(text), (nima_str){0}).count;
    nima_search_words_close(words);
    return count;
}

static bool share_a_term(const char *a, const char *b)
{
    struct nima_words *one = nima_search_words_open();
    struct nima_words *two = nima_search_words_open();
    struct nima_terms x = nima_search_words_of(one, nima_str_of(a), (nima_str){0});
    struct nima_terms y = nima_search_words_of(two, nima_str_of(b), (nima_str){0});
    bool shared = false;
    for (size_t i = 0; i < x.count; i++) {
        for (size_t k = 0; k < y.count; k++) {
            shared = shared || x.items[i] == y.items[k];
        }
    }
    nima_search_words_close(one);
    nima_search_words_close(two);
    return shared;
}

TEST(words_meet_by_stem_case_and_accent)
{
    ASSERT_TRUE(share_a_term("I live here", "she lives there"));
    ASSERT_TRUE(share_a_term("building COMPILERS", "a compiler"));
    ASSERT_TRUE(share_a_term("São Paulo", "sao"));
    ASSERT_TRUE(share_a_term("ＦＵＬＬ", "full"));
    ASSERT_TRUE(share_a_term("Straße", "STRASSE"));
    ASSERT_TRUE(share_a_term("книга", "книги"));
    ASSERT_TRUE(!share_a_term("the cat is on it", "the dog is at it"));
}

TEST(scripts_without_spaces_go_by_pairs)
{
    ASSERT_TRUE(share_a_term("我住在里斯本", "里斯本在哪里"));
    ASSERT_TRUE(share_a_term("東京に住んでいます", "東京タワー"));
    ASSERT_TRUE(share_a_term("저는 서울에 살아요", "서울에서"));
    ASSERT_TRUE(!share_a_term("我住在里斯本", "猫"));
    ASSERT_INT_EQ(count_of("猫"), 1);
    ASSERT_INT_EQ(count_of("里斯本"), 2);
}

TEST(nothing_but_stop_words_and_signs_gives_no_term)
{
    ASSERT_INT_EQ(count_of(""), 0);
    ASSERT_INT_EQ(count_of("hi there, how are you?"), 0);
    ASSERT_INT_EQ(count_of("!!! ??? \xF0\x9F\x91\x8D"), 0);
}

static void add(struct nima_bm25 *bm25, struct nima_words *words, const char *text)
{
    nima_search_bm25_add(bm25, nima_search_words_of(words, nima_str_of(text), (nima_str){0}));
}

TEST(rare_words_rank_and_removed_rows_do_not_count)
{
    struct nima_words *words = nima_search_words_open();
    struct nima_bm25 bm25;
    float scores[4] = {0};
    nima_search_bm25_init(&bm25);
    add(&bm25, words, "lives in Lisbon");
    add(&bm25, words, "lives in Porto with a cat");
    add(&bm25, words, "works on compilers");
    add(&bm25, words, "");
    struct nima_terms query = nima_search_words_of(words, NIMA_STR("Lisbon live"), (nima_str){0});
    ASSERT_INT_EQ(nima_search_bm25_score(&bm25, query, scores), 2);
    ASSERT_TRUE(scores[0] > scores[1] && scores[1] > 0);
    ASSERT_NEAR(scores[2], 0, 0);
    ASSERT_TRUE(scores[0] <= 1);
    nima_search_bm25_remove(&bm25, 0);
    float again[4] = {0};
    ASSERT_INT_EQ(nima_search_bm25_score(&bm25, query, again), 1);
    ASSERT_NEAR(again[0], 0, 0);
    ASSERT_TRUE(again[1] > 0);
    float none[4] = {0};
    query = nima_search_words_of(words, NIMA_STR("zebra"), (nima_str){0});
    ASSERT_INT_EQ(nima_search_bm25_score(&bm25, query, none), 0);
    nima_search_bm25_done(&bm25);
    nima_search_words_close(words);
}

TEST(an_empty_index_answers_nothing)
{
    struct nima_words *words = nima_search_words_open();
    struct nima_bm25 bm25;
    float none[1] = {0};
    nima_search_bm25_init(&bm25);
    struct nima_terms query = nima_search_words_of(words, NIMA_STR("anything"), (nima_str){0});
    ASSERT_INT_EQ(nima_search_bm25_score(&bm25, query, none), 0);
    nima_search_bm25_done(&bm25);
    nima_search_words_close(words);
}

TEST(what_is_kept_of_words_changes_no_term)
{
    static const char *const texts[] = {
        "Numbers 7, 42 and year2026, keys like a1 and 1a; running runners ran",
        "abcdefgh abcdefghi abcdefghij "
        "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefgh",
        "Ёлка5 ёлки Élan naïve 東京 x",
        "",
    };
    struct nima_words *one = nima_search_words_open(), *many = nima_search_words_open();
    nima_search_words_many(many);
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
            nima_str text = nima_str_of(texts[i]);
            struct nima_terms a = nima_search_words_of(one, text, (nima_str){0});
            struct nima_terms b = nima_search_words_of(many, text, (nima_str){0});
            ASSERT_INT_EQ(a.count, b.count);
            ASSERT_TRUE(a.count == 0 || memcmp(a.items, b.items, a.count * sizeof(*a.items)) == 0);
        }
    }
    nima_search_words_close(one);
    nima_search_words_close(many);
}

TEST_MAIN
