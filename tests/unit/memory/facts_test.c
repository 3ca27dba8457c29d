/* Facts in, changed, out; and what is refused. */
#include "memory/support_memory.h"

#include <string.h>

#include "util/uuid.h"

TEST(what_was_added_is_found_at_once)
{
    struct world w = world_open();
    remember(&w, "The user plays the cello");
    ASSERT_TRUE(finds(&w, w.memory, "cello", "The user plays the cello"));
    remember(&w, "The user is allergic to nuts");
    struct nima_memory_hits hits = search(&w, w.memory, "who is allergic?");
    ASSERT_STR_EQ(hits.items[0].fact.fact, "The user is allergic to nuts");
    ASSERT_TRUE(hits.items[0].score > 0 && hits.items[0].score <= 1);
    ASSERT_TRUE(hits.items[0].keyword > 0 && hits.items[0].vector > 0);
    ASSERT_NEAR(hits.items[0].confidence, 0.9, 1e-6);
    ASSERT_TRUE(hits.items[0].recency > 0.99);
    world_close(&w);
}

TEST(the_same_text_is_one_fact)
{
    struct world w = world_open();
    struct nima_fact first = remember(&w, "The user has a boat");
    (void)search(&w, w.memory, "boat");
    struct nima_fact fact = a_fact("The user has a boat");
    fact.confidence = 1.0;
    struct nima_fact out;
    bool created = true;
    ASSERT_OK_CTX(&w.ctx, nima_memory_add(&w.ctx, w.memory, &fact, &out, &created));
    ASSERT_TRUE(!created);
    ASSERT_TRUE(nima_str_eq(out.id, first.id));
    struct nima_memory_hits hits = search(&w, w.memory, "boat");
    ASSERT_INT_EQ(hits.count, 1);
    ASSERT_NEAR(hits.items[0].confidence, 1.0, 1e-6);
    world_close(&w);
}

TEST(a_patch_shows_at_once)
{
    struct world w = world_open();
    struct nima_fact fact = remember(&w, "The user lives in Lisbon");
    remember(&w, "The user likes trains");
    (void)search(&w, w.memory, "lisbon");
    struct nima_fact_patch patch = {.fact = NIMA_STR("The user lives in Porto")};
    struct nima_fact out;
    ASSERT_OK_CTX(&w.ctx, nima_memory_patch(&w.ctx, w.memory, fact.id, &patch, &out));
    ASSERT_STR_EQ(out.fact, "The user lives in Porto");
    ASSERT_STR_EQ(out.category, "note");
    ASSERT_TRUE(finds(&w, w.memory, "Porto", "The user lives in Porto"));
    ASSERT_TRUE(!finds(&w, w.memory, "Lisbon", "The user lives in Lisbon"));
    patch = (struct nima_fact_patch){.category = NIMA_STR("location"), .has_confidence = true};
    ASSERT_OK_CTX(&w.ctx, nima_memory_patch(&w.ctx, w.memory, fact.id, &patch, &out));
    struct nima_memory_hits hits = search(&w, w.memory, "Porto");
    ASSERT_STR_EQ(hits.items[0].fact.category, "location");
    ASSERT_NEAR(hits.items[0].confidence, 0, 1e-6);
    ASSERT_TRUE(hits.items[0].vector > 0); /* the vector stayed */
    world_close(&w);
}

TEST(a_deleted_fact_is_gone_at_once)
{
    struct world w = world_open();
    struct nima_fact fact = remember(&w, "The user owns a red kayak");
    ASSERT_TRUE(finds(&w, w.memory, "kayak", "The user owns a red kayak"));
    ASSERT_OK_CTX(&w.ctx, nima_memory_delete(&w.ctx, w.memory, fact.id));
    ASSERT_INT_EQ(search(&w, w.memory, "kayak").count, 0);
    ASSERT_RC(NIMA_E_NOT_FOUND, nima_memory_delete(&w.ctx, w.memory, fact.id));
    world_close(&w);
}

TEST(forgetting_a_person_leaves_nothing)
{
    struct world w = world_open();
    remember(&w, "The user owns a kayak");
    (void)search(&w, w.memory, "kayak");
    ASSERT_OK_CTX(&w.ctx, nima_memory_forget(&w.ctx, w.memory));
    ASSERT_INT_EQ(search(&w, w.memory, "kayak").count, 0);
    struct nima_memory_stats stats;
    ASSERT_OK_CTX(&w.ctx, nima_memory_stats(&w.ctx, w.memory, &stats));
    ASSERT_INT_EQ(stats.facts.total, 0);
    ASSERT_INT_EQ(stats.index_rows, 0);
    world_close(&w);
}

TEST(a_batch_goes_in_whole_or_not_at_all)
{
    struct world w = world_open();
    struct nima_fact facts[3] = {a_fact("The user has a goat"), a_fact("The user has a sheep"),
                                 a_fact("   ")};
    struct nima_fact out[3];
    bool created[3];
    ASSERT_RC(NIMA_E_INVALID, nima_memory_add_many(&w.ctx, w.memory, facts, 3, out, created));
    assert_string_equal(w.ctx.error.field, "[2].fact");
    ASSERT_INT_EQ(search(&w, w.memory, "goat").count, 0);
    ASSERT_OK_CTX(&w.ctx, nima_memory_add_many(&w.ctx, w.memory, facts, 2, out, created));
    ASSERT_TRUE(created[0] && created[1]);
    ASSERT_TRUE(finds(&w, w.memory, "sheep", "The user has a sheep"));
    ASSERT_RC(NIMA_E_INVALID, nima_memory_add_many(&w.ctx, w.memory, facts, 0, out, created));
    ASSERT_RC(NIMA_E_INVALID,
              nima_memory_add_many(&w.ctx, w.memory, facts, NIMA_BATCH_MAX + 1, out, created));
    world_close(&w);
}

static void refuse(struct world *w, struct nima_fact fact, const char *field)
{
    struct nima_fact out = {.id = NIMA_STR("untouched")};
    bool created;
    ASSERT_RC(NIMA_E_INVALID, nima_memory_add(&w->ctx, w->memory, &fact, &out, &created));
    assert_string_equal(w->ctx.error.field, field);
    ASSERT_STR_EQ(out.id, "untouched");
}

TEST(bad_facts_are_refused_by_field)
{
    struct world w = world_open();
    static char longest[NIMA_FACT_CHARS_MAX * 2 + 3];
    for (size_t i = 0; i < NIMA_FACT_CHARS_MAX; i++) {
        memcpy(longest + 2 * i, "é", 2);
    }
    struct nima_fact fact = a_fact("x");
    fact.fact = (nima_str){longest, 2 * NIMA_FACT_CHARS_MAX}; /* characters, not bytes */
    struct nima_fact out;
    bool created;
    ASSERT_OK_CTX(&w.ctx, nima_memory_add(&w.ctx, w.memory, &fact, &out, &created));
    longest[2 * NIMA_FACT_CHARS_MAX] = 'x';
    fact.fact.len++;
    refuse(&w, fact, "fact");
    refuse(&w, a_fact(""), "fact");
    refuse(&w, a_fact(" \t\n\xC2\xA0\xE3\x80\x80"), "fact");
    refuse(&w, a_fact("\xFF\xFE"), "fact");
    fact = a_fact("x");
    fact.fact = (nima_str){"a\0b", 3};
    refuse(&w, fact, "fact");
    fact = a_fact("x");
    fact.fact = (nima_str){0};
    refuse(&w, fact, "fact");
    fact = a_fact("x");
    fact.category = NIMA_STR("");
    refuse(&w, fact, "category");
    fact = a_fact("x");
    fact.category = (nima_str){longest, 2 * (NIMA_CATEGORY_CHARS_MAX + 1)};
    refuse(&w, fact, "category");
    fact = a_fact("x");
    fact.source = NIMA_STR("rumour");
    refuse(&w, fact, "source");
    world_close(&w);
}

TEST(bad_numbers_and_metadata_are_refused)
{
    static const double numbers[] = {-0.1, 1.1, NAN, INFINITY};
    static const char *const texts[] = {"[]", "1", "null", "{", "{\"a\":}", "\"x\""};
    struct world w = world_open();
    for (size_t i = 0; i < 4; i++) {
        struct nima_fact fact = a_fact("x");
        fact.confidence = numbers[i];
        refuse(&w, fact, "confidence");
    }
    for (size_t i = 0; i < 6; i++) {
        struct nima_fact fact = a_fact("x");
        fact.metadata = nima_str_of(texts[i]);
        refuse(&w, fact, "metadata");
    }
    world_close(&w);
}

TEST(bad_searches_are_refused)
{
    struct world w = world_open();
    struct nima_memory_hits hits = {.count = 7};
    struct nima_memory_query bad[] = {
        {.text = NIMA_STR(""), .limit = 1},
        {.text = NIMA_STR("  "), .limit = 1},
        {.text = NIMA_STR("\xFF"), .limit = 1},
        {.text = NIMA_STR("x"), .limit = 0},
        {.text = NIMA_STR("x"), .limit = NIMA_SEARCH_LIMIT_MAX + 1},
        {.text = NIMA_STR("x"), .limit = 1, .min_confidence = NAN},
        {.text = NIMA_STR("x"), .limit = 1, .min_score = 1.5},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ASSERT_RC(NIMA_E_INVALID, nima_memory_search(&w.ctx, w.memory, &bad[i], &hits));
        ASSERT_INT_EQ(hits.count, 7);
    }
    world_close(&w);
}

TEST(filters_hold_before_the_limit)
{
    struct world w = world_open();
    for (int i = 0; i < 40; i++) {
        struct nima_fact fact = a_fact(nima_fmt(&w.ctx, "The user has boat number %d", i).ptr);
        fact.category = i == 33 ? NIMA_STR("fleet") : NIMA_STR("note");
        fact.confidence = i < 20 ? 0.2 : 0.9;
        struct nima_fact out;
        bool created;
        ASSERT_OK_CTX(&w.ctx, nima_memory_add(&w.ctx, w.memory, &fact, &out, &created));
    }
    struct nima_memory_query query = {
        .text = NIMA_STR("boat"), .limit = 3, .category = NIMA_STR("fleet")};
    struct nima_memory_hits hits;
    ASSERT_OK_CTX(&w.ctx, nima_memory_search(&w.ctx, w.memory, &query, &hits));
    ASSERT_INT_EQ(hits.count, 1);
    ASSERT_STR_EQ(hits.items[0].fact.fact, "The user has boat number 33");
    query =
        (struct nima_memory_query){.text = NIMA_STR("boat"), .limit = 100, .min_confidence = 0.5};
    ASSERT_OK_CTX(&w.ctx, nima_memory_search(&w.ctx, w.memory, &query, &hits));
    ASSERT_INT_EQ(hits.count, 20);
    query.min_score = 1;
    ASSERT_OK_CTX(&w.ctx, nima_memory_search(&w.ctx, w.memory, &query, &hits));
    ASSERT_INT_EQ(hits.count, 0);
    query = (struct nima_memory_query){
        .text = NIMA_STR("boat"), .limit = 1, .category = NIMA_STR("no such")};
    ASSERT_OK_CTX(&w.ctx, nima_memory_search(&w.ctx, w.memory, &query, &hits));
    ASSERT_INT_EQ(hits.count, 0);
    world_close(&w);
}

TEST(newer_and_surer_facts_come_first_among_equals)
{
    struct world w = world_open();
    w.ctx.now_ms = INT64_C(1600000000000);
    remember(&w, "The user has a green lamp");
    w.ctx.now_ms = INT64_C(1600000000000) + INT64_C(86400000) * 700;
    remember(&w, "The user has a brown lamp");
    struct nima_memory_hits hits = search(&w, w.memory, "lamp");
    ASSERT_STR_EQ(hits.items[0].fact.fact, "The user has a brown lamp");
    ASSERT_TRUE(hits.items[1].recency < 0.5 && hits.items[0].recency > 0.99);
    world_close(&w);
}

TEST(without_a_model_words_serve)
{
    struct world w = world_open_without_model();
    remember(&w, "The user keeps bees in Évora");
    remember(&w, "The user is a nurse");
    struct nima_memory_hits hits = search(&w, w.memory, "evora bees");
    ASSERT_INT_EQ(hits.count, 1);
    ASSERT_STR_EQ(hits.items[0].fact.fact, "The user keeps bees in Évora");
    ASSERT_NEAR(hits.items[0].vector, 0, 0);
    struct nima_memory_stats stats;
    ASSERT_OK_CTX(&w.ctx, nima_memory_stats(&w.ctx, w.memory, &stats));
    ASSERT_TRUE(stats.embedding_model.ptr == NULL);
    ASSERT_INT_EQ(stats.waiting_for_embedding, 2);
    world_restart(&w); /* now with a model */
    (void)search(&w, w.memory, "bees");
    while (nima_memory_tick(&w.ctx, w.memory)) {
    }
    ASSERT_OK_CTX(&w.ctx, nima_memory_stats(&w.ctx, w.memory, &stats));
    ASSERT_INT_EQ(stats.waiting_for_embedding, 0);
    ASSERT_TRUE(search(&w, w.memory, "bees").items[0].vector > 0);
    world_close(&w);
}

TEST_MAIN
