/* Lists: filters, cursors, and what is refused. */
#include "store/support_store.h"

#include <stdio.h>
#include <string.h>

enum { SOME = 25 };

static void put_some(struct world *w)
{
    struct nima_fact facts[SOME], rows[SOME];
    bool created[SOME];
    int64_t change;
    for (int i = 0; i < SOME; i++) {
        facts[i] = a_fact(nima_fmt(&w->ctx, "fact number %d", i).ptr);
        facts[i].category = i % 5 == 0 ? NIMA_STR("rare") : NIMA_STR("common");
        facts[i].source = i % 2 == 0 ? NIMA_STR("inferred") : NIMA_STR("conversation");
        facts[i].confidence = i / 100.0;
        facts[i].updated_at = 1000 * (i + 1);
    }
    ASSERT_OK_CTX(&w->ctx,
                  nima_facts_put_many(&w->ctx, w->store, facts, SOME, rows, created, &change));
}

static struct nima_fact_rows list(struct world *w, struct nima_fact_filter filter)
{
    struct nima_fact_rows rows = {0};
    ASSERT_OK_CTX(&w->ctx, nima_facts_list(&w->ctx, w->store, &filter, &rows));
    return rows;
}

TEST(pages_follow_each_other_newest_first)
{
    struct world w = world_open();
    put_some(&w);
    struct nima_fact_filter filter = {.limit = 10};
    int seen = 0;
    for (int page = 0; page < 3; page++) {
        struct nima_fact_rows rows = list(&w, filter);
        ASSERT_INT_EQ(rows.count, page < 2 ? 10 : 5);
        for (size_t i = 0; i < rows.count; i++) {
            char expected[32];
            snprintf(expected, sizeof(expected), "fact number %d", SOME - 1 - seen++);
            ASSERT_STR_EQ(rows.items[i].fact, expected);
        }
        ASSERT_TRUE((rows.next_cursor.ptr != NULL) == (page < 2));
        filter.cursor = rows.next_cursor;
        put_fact(&w, page == 0 ? "newer" : "newer still"); /* does not shift the pages */
    }
    ASSERT_INT_EQ(seen, SOME);
    world_close(&w);
}

TEST(filters_narrow_the_list_and_can_be_joined)
{
    struct world w = world_open();
    put_some(&w);
    ASSERT_INT_EQ(list(&w, (struct nima_fact_filter){0}).count, SOME);
    ASSERT_INT_EQ(list(&w, (struct nima_fact_filter){.category = NIMA_STR("rare")}).count, 5);
    ASSERT_INT_EQ(list(&w, (struct nima_fact_filter){.source = NIMA_STR("inferred")}).count, 13);
    ASSERT_INT_EQ(list(&w, (struct nima_fact_filter){.min_confidence = 0.2}).count, 5);
    ASSERT_INT_EQ(list(&w, (struct nima_fact_filter){.since = 24000}).count, 2);
    ASSERT_INT_EQ(list(&w, (struct nima_fact_filter){.status = NIMA_STR("superseded")}).count, 0);
    struct nima_fact_filter all = {.category = NIMA_STR("rare"),
                                   .source = NIMA_STR("inferred"),
                                   .status = NIMA_STR("active"),
                                   .min_confidence = 0.05,
                                   .contains = NIMA_STR("NUMBER 2"),
                                   .since = 1,
                                   .limit = 1000};
    struct nima_fact_rows rows = list(&w, all);
    ASSERT_INT_EQ(rows.count, 1);
    ASSERT_STR_EQ(rows.items[0].fact, "fact number 20");
    world_close(&w);
}

TEST(contains_takes_signs_of_patterns_as_they_are)
{
    struct world w = world_open();
    put_fact(&w, "spends 50% on rent");
    put_fact(&w, "spends 50 Euros on books");
    put_fact(&w, "uses snake_case");
    put_fact(&w, "uses snakeXcase");
    put_fact(&w, "a back\\slash");
    struct {
        const char *text;
        size_t count;
    } cases[] = {{"50%", 1}, {"50", 2}, {"E_C", 1}, {"k\\s", 1}, {"%", 1}, {"BACK", 1}, {"zz", 0}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct nima_fact_filter filter = {.contains = nima_str_of(cases[i].text)};
        ASSERT_INT_EQ(list(&w, filter).count, cases[i].count);
    }
    world_close(&w);
}

TEST(a_broken_cursor_is_named)
{
    struct world w = world_open();
    put_some(&w);
    nima_str good = list(&w, (struct nima_fact_filter){.limit = 5}).next_cursor;
    const char *broken[] = {"",
                            "x",
                            "f",
                            "'; DROP TABLE facts; --",
                            nima_fmt(&w.ctx, "c%s", good.ptr + 1).ptr,
                            nima_fmt(&w.ctx, "%s0", good.ptr).ptr,
                            nima_fmt(&w.ctx, "f%s", "zz").ptr};
    struct nima_fact_rows rows = {.count = 7};
    struct nima_conversation_rows talks;
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        struct nima_fact_filter filter = {.cursor = nima_str_of(broken[i])};
        ASSERT_RC(NIMA_E_INVALID, nima_facts_list(&w.ctx, w.store, &filter, &rows));
        assert_string_equal(w.ctx.error.field, "cursor");
        ASSERT_INT_EQ(rows.count, 7);
    }
    ASSERT_RC(NIMA_E_INVALID, nima_conversation_list(&w.ctx, w.store, 5, good, &talks));
    world_close(&w);
}

TEST(limits_out_of_range_are_named)
{
    struct world w = world_open();
    struct nima_fact_rows rows;
    int limits[] = {-1, 1001, 2147483647};
    for (size_t i = 0; i < 3; i++) {
        struct nima_fact_filter filter = {.limit = limits[i]};
        ASSERT_RC(NIMA_E_INVALID, nima_facts_list(&w.ctx, w.store, &filter, &rows));
        assert_string_equal(w.ctx.error.field, "limit");
    }
    world_close(&w);
}

TEST(what_cannot_be_a_fact_is_refused_and_nothing_is_stored)
{
    struct world w = world_open();
    struct nima_fact good = a_fact("fine"), row;
    bool created;
    int64_t change;
    struct nima_fact bad[10];
    for (size_t i = 0; i < 10; i++) {
        bad[i] = good;
    }
    bad[0].fact = NIMA_STR("");
    bad[1].fact = (nima_str){0};
    bad[2].fact = NIMA_STR("not \xff UTF-8");
    bad[3].fact = NIMA_STR("a NUL \0 inside");
    bad[4].category = NIMA_STR("");
    bad[5].source = NIMA_STR("hearsay");
    bad[6].confidence = 1.01;
    bad[7].confidence = (double)NAN;
    bad[8].metadata = NIMA_STR("{broken");
    bad[9].id = NIMA_STR("not-a-uuid");
    for (size_t i = 0; i < 10; i++) {
        ASSERT_RC(NIMA_E_INVALID,
                  nima_facts_put(&w.ctx, w.store, &bad[i], &row, &created, &change));
    }
    ASSERT_INT_EQ(count_facts(&w), 0);
    ASSERT_OK(nima_facts_change(&w.ctx, w.store, &change));
    ASSERT_INT_EQ(change, 0);
    world_close(&w);
}

TEST(texts_that_look_like_sql_are_texts)
{
    struct world w = world_open();
    const char *texts[] = {
        "'; DROP TABLE facts; --",        "\" OR 1=1 --", "$1",       "?1",      "%s%n",
        "Robert'); DELETE FROM users;--", "\\",           "日本語 🎻", "\x01\x1f"};
    size_t count = sizeof(texts) / sizeof(texts[0]);
    for (size_t i = 0; i < count; i++) {
        struct nima_fact fact = a_fact(texts[i]), row;
        bool created;
        int64_t change;
        fact.category = nima_str_of(texts[i]);
        ASSERT_OK_CTX(&w.ctx, nima_facts_put(&w.ctx, w.store, &fact, &row, &created, &change));
        ASSERT_TRUE(created);
        struct nima_fact_filter filter = {.category = nima_str_of(texts[i]),
                                          .contains = nima_str_of(texts[i])};
        struct nima_fact_rows rows = list(&w, filter);
        ASSERT_INT_EQ(rows.count, 1);
        ASSERT_STR_EQ(rows.items[0].fact, texts[i]);
    }
    ASSERT_INT_EQ(count_facts(&w), count);
    world_close(&w);
}

TEST_MAIN
