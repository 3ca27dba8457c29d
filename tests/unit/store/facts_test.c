/* The facts' repository: putting, finding, changing, deleting. */
#include "store/support_store.h"

#include <string.h>

#include "util/clock.h"

static const float some_vector[3] = {0.6F, 0.8F, 0.0F};

static struct nima_fact with_vector(const char *text)
{
    struct nima_fact fact = a_fact(text);
    fact.embedding = some_vector;
    fact.dims = 3;
    fact.embedding_model = NIMA_STR("tiny");
    return fact;
}

TEST(a_fact_comes_back_as_it_was_put)
{
    struct world w = world_open();
    struct nima_fact fact = with_vector("Ana lives in Lisbon"), row, found;
    fact.metadata = NIMA_STR("{\"heard\":1}");
    fact.conversation_id = NIMA_STR("0190A000-0000-7000-8000-000000000001");
    bool created = false;
    int64_t change = 0;
    ASSERT_OK_CTX(&w.ctx, nima_facts_put(&w.ctx, w.store, &fact, &row, &created, &change));
    ASSERT_TRUE(created);
    ASSERT_INT_EQ(change, 1);
    ASSERT_OK_CTX(&w.ctx, nima_facts_get(&w.ctx, w.store, row.id, &found));
    ASSERT_STR_EQ(found.fact, "Ana lives in Lisbon");
    ASSERT_STR_EQ(found.category, "personal");
    ASSERT_STR_EQ(found.source, "explicit");
    ASSERT_NEAR(found.confidence, 0.8, 1e-12);
    ASSERT_STR_EQ(found.metadata, "{\"heard\":1}");
    ASSERT_STR_EQ(found.status, "active");
    ASSERT_STR_EQ(found.conversation_id, "0190a000-0000-7000-8000-000000000001");
    ASSERT_TRUE(found.message_id.ptr == NULL && found.superseded_by.ptr == NULL);
    ASSERT_STR_EQ(found.embedding_model, "tiny");
    ASSERT_INT_EQ(found.dims, 3);
    assert_memory_equal(found.embedding, some_vector, sizeof(some_vector));
    ASSERT_INT_EQ(found.created_at, found.updated_at);
    ASSERT_NEAR(found.created_at, nima_now_ms(), 5000);
    world_close(&w);
}

TEST(the_same_text_is_kept_once)
{
    struct world w = world_open();
    w.ctx.now_ms = 1000000;
    struct nima_fact first = put_fact(&w, "Ana plays the cello");
    w.ctx.now_ms = 2000000;
    struct nima_fact again = with_vector("Ana plays the cello"), row;
    again.confidence = 0.95;
    again.metadata = NIMA_STR("{\"a\":2}");
    bool created = true;
    int64_t change = 0;
    ASSERT_OK_CTX(&w.ctx, nima_facts_put(&w.ctx, w.store, &again, &row, &created, &change));
    ASSERT_TRUE(!created);
    ASSERT_INT_EQ(change, 2);
    ASSERT_TRUE(nima_str_eq(row.id, first.id));
    ASSERT_NEAR(row.confidence, 0.95, 1e-12);
    ASSERT_STR_EQ(row.metadata, "{\"a\":2}");
    ASSERT_INT_EQ(row.created_at, 1000000);
    ASSERT_INT_EQ(row.updated_at, 2000000);
    ASSERT_STR_EQ(row.embedding_model, "tiny");
    row = put_fact(&w, "Ana plays the cello"); /* less sure, no metadata: both stay */
    ASSERT_NEAR(row.confidence, 0.95, 1e-12);
    ASSERT_STR_EQ(row.metadata, "{\"a\":2}");
    ASSERT_INT_EQ(count_facts(&w), 1);
    world_close(&w);
}

TEST(putting_many_is_all_or_nothing)
{
    struct world w = world_open();
    struct nima_fact facts[3] = {a_fact("one"), a_fact("two"), a_fact("one")}, rows[3];
    bool created[3];
    int64_t change = 0;
    ASSERT_OK_CTX(&w.ctx, nima_facts_put_many(&w.ctx, w.store, facts, 3, rows, created, &change));
    ASSERT_TRUE(created[0] && created[1] && !created[2]);
    ASSERT_TRUE(nima_str_eq(rows[0].id, rows[2].id));
    ASSERT_INT_EQ(change, 1);

    facts[0].fact = NIMA_STR("three");
    facts[1].metadata = NIMA_STR("[1]");
    ASSERT_RC(NIMA_E_INVALID,
              nima_facts_put_many(&w.ctx, w.store, facts, 2, rows, created, &change));
    facts[1] = a_fact("four");
    facts[1].id = rows[1].id; /* taken */
    ASSERT_RC(NIMA_E_CONFLICT,
              nima_facts_put_many(&w.ctx, w.store, facts, 2, rows, created, &change));
    ASSERT_INT_EQ(count_facts(&w), 2);
    ASSERT_OK(nima_facts_change(&w.ctx, w.store, &change));
    ASSERT_INT_EQ(change, 1);
    world_close(&w);
}

TEST(many_are_found_in_the_order_asked)
{
    struct world w = world_open();
    struct nima_fact a = put_fact(&w, "a"), b = put_fact(&w, "b"), c = put_fact(&w, "c");
    nima_str ids[] = {c.id, NIMA_STR("no id"), a.id,
                      NIMA_STR("0190a000-0000-7000-8000-000000000001"), b.id};
    struct nima_fact_rows rows;
    ASSERT_OK_CTX(&w.ctx, nima_facts_get_many(&w.ctx, w.store, ids, 5, &rows));
    ASSERT_INT_EQ(rows.count, 3);
    ASSERT_STR_EQ(rows.items[0].fact, "c");
    ASSERT_STR_EQ(rows.items[1].fact, "a");
    ASSERT_STR_EQ(rows.items[2].fact, "b");
    world_close(&w);
}

TEST(updating_keeps_what_was_there)
{
    struct world w = world_open();
    struct nima_fact fact = with_vector("Ana has a dog"), row;
    bool created;
    int64_t change;
    w.ctx.now_ms = 1000;
    ASSERT_OK_CTX(&w.ctx, nima_facts_put(&w.ctx, w.store, &fact, &row, &created, &change));
    struct nima_fact edit = row;
    edit.category = NIMA_STR("pets");
    w.ctx.now_ms = 2000;
    ASSERT_OK_CTX(&w.ctx, nima_facts_update(&w.ctx, w.store, &edit, &row, &change));
    ASSERT_STR_EQ(row.embedding_model, "tiny"); /* same text: its embedding stays */
    struct nima_fact_versions versions;
    ASSERT_OK_CTX(&w.ctx, nima_facts_versions(&w.ctx, w.store, row.id, &versions));
    ASSERT_INT_EQ(versions.count, 0);
    edit.fact = NIMA_STR("Ana has two dogs");
    w.ctx.now_ms = 3000;
    ASSERT_OK_CTX(&w.ctx, nima_facts_update(&w.ctx, w.store, &edit, &row, &change));
    ASSERT_INT_EQ(change, 3);
    ASSERT_TRUE(row.embedding_model.ptr == NULL);
    ASSERT_INT_EQ(row.updated_at, 3000);
    edit.fact = NIMA_STR("Ana has three dogs");
    ASSERT_OK_CTX(&w.ctx, nima_facts_update(&w.ctx, w.store, &edit, &row, &change));
    ASSERT_OK_CTX(&w.ctx, nima_facts_versions(&w.ctx, w.store, row.id, &versions));
    ASSERT_INT_EQ(versions.count, 2);
    ASSERT_STR_EQ(versions.items[0].fact, "Ana has a dog");
    ASSERT_STR_EQ(versions.items[0].category, "pets");
    ASSERT_INT_EQ(versions.items[0].updated_at, 3000);
    ASSERT_STR_EQ(versions.items[1].fact, "Ana has two dogs");
    world_close(&w);
}

TEST(an_update_cannot_double_another_fact)
{
    struct world w = world_open();
    put_fact(&w, "first");
    struct nima_fact edit = put_fact(&w, "second"), row;
    int64_t change;
    edit.fact = NIMA_STR("first");
    ASSERT_RC(NIMA_E_CONFLICT, nima_facts_update(&w.ctx, w.store, &edit, &row, &change));
    assert_string_equal(w.ctx.error.field, "fact");
    struct nima_fact_versions versions;
    ASSERT_OK(nima_facts_versions(&w.ctx, w.store, edit.id, &versions));
    ASSERT_INT_EQ(versions.count, 0);
    world_close(&w);
}

TEST(superseding_keeps_both_and_frees_the_text)
{
    struct world w = world_open();
    struct nima_fact old = put_fact(&w, "Ana lives in Porto"), row, found;
    struct nima_fact fresh = a_fact("Ana lives in Lisbon");
    int64_t change;
    ASSERT_OK_CTX(&w.ctx, nima_facts_supersede(&w.ctx, w.store, old.id, &fresh, &row, &change));
    ASSERT_OK_CTX(&w.ctx, nima_facts_get(&w.ctx, w.store, old.id, &found));
    ASSERT_STR_EQ(found.status, "superseded");
    ASSERT_TRUE(nima_str_eq(found.superseded_by, row.id));
    ASSERT_INT_EQ(count_facts(&w), 1);
    ASSERT_RC(NIMA_E_CONFLICT,
              nima_facts_supersede(&w.ctx, w.store, old.id, &fresh, &row, &change));
    /* She moves back: the old words are a new fact. */
    struct nima_fact back = a_fact("Ana lives in Porto");
    ASSERT_OK_CTX(&w.ctx, nima_facts_supersede(&w.ctx, w.store, row.id, &back, &row, &change));
    ASSERT_TRUE(!nima_str_eq(row.id, old.id));
    /* Superseded by its own words: nothing happens. */
    struct nima_fact same;
    ASSERT_OK_CTX(&w.ctx, nima_facts_supersede(&w.ctx, w.store, row.id, &back, &same, &change));
    ASSERT_TRUE(nima_str_eq(row.id, same.id));
    ASSERT_STR_EQ(same.status, "active");
    /* Deleting the successor leaves the old one superseded, by nobody. */
    ASSERT_OK_CTX(&w.ctx, nima_facts_delete(&w.ctx, w.store, found.superseded_by, &change));
    ASSERT_OK_CTX(&w.ctx, nima_facts_get(&w.ctx, w.store, old.id, &found));
    ASSERT_STR_EQ(found.status, "superseded");
    ASSERT_TRUE(found.superseded_by.ptr == NULL);
    world_close(&w);
}

TEST(a_deleted_fact_is_gone_with_its_versions_and_bytes)
{
    struct world w = world_open();
    struct nima_fact fact = put_fact(&w, "the old SECRET-WORDS of Ana"), row;
    int64_t change;
    fact.fact = NIMA_STR("the new SECRET-WORDS of Ana");
    ASSERT_OK_CTX(&w.ctx, nima_facts_update(&w.ctx, w.store, &fact, &row, &change));
    ASSERT_TRUE(world_has_bytes(&w, "SECRET-WORDS"));
    ASSERT_OK_CTX(&w.ctx, nima_facts_delete(&w.ctx, w.store, fact.id, &change));
    ASSERT_INT_EQ(change, 3);
    ASSERT_RC(NIMA_E_NOT_FOUND, nima_facts_get(&w.ctx, w.store, fact.id, &row));
    ASSERT_RC(NIMA_E_NOT_FOUND, nima_facts_delete(&w.ctx, w.store, fact.id, &change));
    struct nima_fact_versions versions;
    ASSERT_RC(NIMA_E_NOT_FOUND, nima_facts_versions(&w.ctx, w.store, fact.id, &versions));
    ASSERT_TRUE(!world_has_bytes(&w, "SECRET-WORDS"));
    ASSERT_OK(nima_facts_change(&w.ctx, w.store, &change));
    ASSERT_INT_EQ(change, 3); /* what changed nothing did not count */
    world_close(&w);
}

static nima_rc embed(struct world *w, nima_str id, const char *text, const char *model,
                     int64_t *change)
{
    struct nima_fact fact = {.id = id,
                             .fact = nima_str_of(text),
                             .embedding_model = nima_str_of(model),
                             .embedding = some_vector,
                             .dims = 3};
    bool set = true;
    nima_rc rc = nima_facts_set_embeddings(&w->ctx, w->store, &fact, 1, &set, change);
    ASSERT_TRUE(set == (rc == NIMA_OK));
    return rc;
}

TEST(an_embedding_is_set_for_the_text_it_was_made_of)
{
    struct world w = world_open();
    struct nima_fact fact = put_fact(&w, "Ana runs"), found;
    int64_t change;
    ASSERT_RC(NIMA_E_NOT_FOUND, embed(&w, fact.id, "Ana walks", "tiny", &change));
    ASSERT_OK_CTX(&w.ctx, embed(&w, fact.id, "Ana runs", "tiny", &change));
    ASSERT_INT_EQ(change, 2);
    ASSERT_RC(NIMA_E_NOT_FOUND, embed(&w, fact.id, "Ana runs", "tiny", &change));
    ASSERT_OK(nima_facts_get(&w.ctx, w.store, fact.id, &found));
    assert_memory_equal(found.embedding, some_vector, sizeof(some_vector));
    float out[6];
    bool has[2];
    nima_str ids[] = {NIMA_STR("nobody"), fact.id};
    ASSERT_OK(nima_facts_embeddings(&w.ctx, w.store, ids, 2, NIMA_STR("tiny"), 3, out, has));
    ASSERT_TRUE(!has[0] && has[1]);
    assert_memory_equal(out + 3, some_vector, sizeof(some_vector));
    ASSERT_OK(nima_facts_embeddings(&w.ctx, w.store, ids, 2, NIMA_STR("huge"), 3, out, has));
    ASSERT_TRUE(!has[1]); /* of as many numbers, and yet no vector of that model */
    world_close(&w);
}

TEST(facts_are_told_by_the_model_of_their_vector)
{
    struct world w = world_open();
    struct nima_fact one = put_fact(&w, "one"), two = put_fact(&w, "two");
    struct nima_fact_models models;
    struct nima_fact_rows rows;
    nima_str people[2];
    size_t count = 0;
    int64_t change;
    (void)put_fact(&w, "three");
    ASSERT_OK_CTX(&w.ctx, embed(&w, one.id, "one", "old", &change));
    ASSERT_OK_CTX(&w.ctx, embed(&w, two.id, "two", "new", &change));
    ASSERT_OK_CTX(&w.ctx, nima_facts_models(&w.ctx, w.store, &models));
    ASSERT_INT_EQ(models.count, 3);
    int64_t total = 0, embedded = 0;
    ASSERT_OK_CTX(&w.ctx, nima_facts_embedded(&w.ctx, w.store, NIMA_STR("new"), &total, &embedded));
    ASSERT_TRUE(total == 3 && embedded == 1);
    ASSERT_OK_CTX(&w.ctx,
                  nima_facts_without(&w.ctx, w.store, NIMA_STR("new"), (nima_str){0}, 0, 5, &rows));
    ASSERT_INT_EQ(rows.count, 2);
    ASSERT_STR_EQ(rows.items[0].fact, "one");
    ASSERT_OK_CTX(&w.ctx,
                  nima_facts_without(&w.ctx, w.store, NIMA_STR("new"), one.id, 0, 5, &rows));
    ASSERT_INT_EQ(rows.count, 1);
    ASSERT_OK_CTX(&w.ctx,
                  nima_facts_without(&w.ctx, w.store, (nima_str){0}, (nima_str){0}, 0, 5, &rows));
    ASSERT_INT_EQ(rows.count, 1);
    ASSERT_STR_EQ(rows.items[0].fact, "three");
    ASSERT_OK_CTX(&w.ctx, nima_facts_people(&w.ctx, w.store, (nima_str){0}, 2, people, &count));
    ASSERT_INT_EQ(count, 1);
    ASSERT_OK_CTX(&w.ctx, nima_facts_people(&w.ctx, w.store, people[0], 2, people, &count));
    ASSERT_INT_EQ(count, 0);
    world_close(&w);
}

TEST(superseded_facts_lose_the_vectors_of_other_models)
{
    struct world w = world_open();
    struct nima_fact old = put_fact(&w, "one"), next = a_fact("two"), row;
    int64_t change;
    ASSERT_OK_CTX(&w.ctx, embed(&w, old.id, "one", "old", &change));
    ASSERT_OK_CTX(&w.ctx, nima_facts_supersede(&w.ctx, w.store, old.id, &next, &row, &change));
    ASSERT_OK_CTX(&w.ctx, nima_facts_drop_embeddings(&w.ctx, w.store, NIMA_STR("old")));
    ASSERT_OK_CTX(&w.ctx, nima_facts_get(&w.ctx, w.store, old.id, &row));
    ASSERT_INT_EQ(row.dims, 3);
    ASSERT_OK_CTX(&w.ctx, nima_facts_drop_embeddings(&w.ctx, w.store, NIMA_STR("new")));
    ASSERT_OK_CTX(&w.ctx, nima_facts_get(&w.ctx, w.store, old.id, &row));
    ASSERT_TRUE(row.embedding == NULL && row.embedding_model.ptr == NULL);
    world_close(&w);
}

struct seen {
    size_t count;
    float sum;
};

static nima_rc see(struct nima_ctx *ctx, void *user, const struct nima_fact *fact)
{
    struct seen *seen = user;
    seen->count++;
    seen->sum += fact->embedding != NULL ? fact->embedding[0] : 0;
    if (nima_str_eq(fact->fact, NIMA_STR("stop"))) {
        return nima_fail(ctx, NIMA_E_INTERNAL, "stopped");
    }
    return NIMA_OK;
}

TEST(a_scan_sees_all_active_facts_and_their_change)
{
    struct world w = world_open();
    struct nima_fact facts[2] = {with_vector("a"), with_vector("b")}, rows[2], row;
    bool created[2];
    int64_t change;
    ASSERT_OK(nima_facts_put_many(&w.ctx, w.store, facts, 2, rows, created, &change));
    struct nima_fact fresh = a_fact("c");
    ASSERT_OK(nima_facts_supersede(&w.ctx, w.store, rows[0].id, &fresh, &row, &change));
    struct seen seen = {0};
    ASSERT_OK_CTX(&w.ctx, nima_facts_scan(&w.ctx, w.store, see, &seen, &change));
    ASSERT_INT_EQ(seen.count, 2);
    ASSERT_INT_EQ(change, 2);
    ASSERT_NEAR(seen.sum, 0.6, 1e-6);
    put_fact(&w, "stop");
    ASSERT_RC(NIMA_E_INTERNAL, nima_facts_scan(&w.ctx, w.store, see, &seen, &change));
    ASSERT_OK_CTX(&w.ctx, nima_store_ping(&w.ctx, w.store)); /* its connection is whole */
    world_close(&w);
}

TEST(counts_are_of_active_facts_by_category_and_source)
{
    struct world w = world_open();
    struct nima_fact_stats stats;
    ASSERT_OK(nima_facts_stats(&w.ctx, w.store, &stats));
    ASSERT_INT_EQ(stats.total, 0);
    struct nima_fact facts[3] = {with_vector("a"), a_fact("b"), a_fact("c")}, rows[3], row;
    facts[2].category = NIMA_STR("work");
    facts[2].source = NIMA_STR("inferred");
    bool created[3];
    int64_t change;
    ASSERT_OK(nima_facts_put_many(&w.ctx, w.store, facts, 3, rows, created, &change));
    struct nima_fact fresh = a_fact("d");
    ASSERT_OK(nima_facts_supersede(&w.ctx, w.store, rows[1].id, &fresh, &row, &change));
    ASSERT_OK_CTX(&w.ctx, nima_facts_stats(&w.ctx, w.store, &stats));
    ASSERT_INT_EQ(stats.total, 4);
    ASSERT_INT_EQ(stats.active, 3);
    ASSERT_INT_EQ(stats.superseded, 1);
    ASSERT_INT_EQ(stats.with_embedding, 1);
    ASSERT_INT_EQ(stats.by_category.count, 2);
    ASSERT_STR_EQ(stats.by_category.items[0].name, "personal");
    ASSERT_INT_EQ(stats.by_category.items[0].count, 2);
    ASSERT_STR_EQ(stats.by_source.items[1].name, "inferred");
    world_close(&w);
}

TEST(pinned_facts_are_found_by_their_metadata)
{
    static const char *const metadata[] = {"{\"pinned\": true}", "{\"pinned\": false}", "{}",
                                           "{\"a\": {\"pinned\": true}}",
                                           "{\"n\": 1, \"pinned\": true}"};
    struct world w = world_open();
    struct nima_fact rows[5];
    struct nima_fact_rows found;
    bool created;
    int64_t change;
    for (int i = 0; i < 5; i++) {
        struct nima_fact fact = a_fact(nima_fmt(&w.ctx, "fact %d", i).ptr);
        fact.metadata = nima_str_of(metadata[i]);
        ASSERT_OK_CTX(&w.ctx, nima_facts_put(&w.ctx, w.store, &fact, &rows[i], &created, &change));
    }
    ASSERT_OK_CTX(&w.ctx, nima_facts_pinned(&w.ctx, w.store, 9, &found));
    ASSERT_INT_EQ(found.count, 2);
    ASSERT_STR_EQ(found.items[0].fact, "fact 4");
    ASSERT_STR_EQ(found.items[1].fact, "fact 0");
    ASSERT_OK_CTX(&w.ctx, nima_facts_pinned(&w.ctx, w.store, 1, &found));
    ASSERT_INT_EQ(found.count, 1);
    ASSERT_OK_CTX(&w.ctx, nima_facts_delete(&w.ctx, w.store, rows[4].id, &change));
    ASSERT_OK_CTX(&w.ctx, nima_facts_pinned(&w.ctx, w.store, 9, &found));
    ASSERT_STR_EQ(found.items[0].fact, "fact 0");
    w.ctx.user_id = NIMA_STR("bruno");
    ASSERT_OK_CTX(&w.ctx, nima_facts_pinned(&w.ctx, w.store, 9, &found));
    ASSERT_INT_EQ(found.count, 0);
    world_close(&w);
}

TEST_MAIN
