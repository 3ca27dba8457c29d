/* No query may walk a whole table: every call of the repositories is made once, then SQLite is
 * asked how it carries out each statement that the connections have kept. */
#include "store/support_store.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

static nima_rc ignore(struct nima_ctx *ctx, void *user, const struct nima_fact *fact)
{
    (void)ctx;
    (void)user;
    (void)fact;
    return NIMA_OK;
}

static nima_rc ignore_message(struct nima_ctx *ctx, void *user,
                              const struct nima_message_found *found)
{
    (void)ctx;
    (void)user;
    (void)found;
    return NIMA_OK;
}

static void call_facts(struct world *w)
{
    struct nima_ctx *ctx = &w->ctx;
    struct nima_fact fact = put_fact(w, "one"), row, next = a_fact("two");
    struct nima_fact_versions versions;
    struct nima_fact_stats stats;
    float vector[2] = {1, 0}, out[2];
    bool found;
    int64_t change;
    fact.fact = NIMA_STR("changed");
    ASSERT_OK_CTX(ctx, nima_facts_update(ctx, w->store, &fact, &row, &change));
    row.embedding_model = NIMA_STR("m");
    row.embedding = vector;
    row.dims = 2;
    ASSERT_OK_CTX(ctx, nima_facts_set_embeddings(ctx, w->store, &row, 1, &found, &change));
    ASSERT_OK_CTX(ctx,
                  nima_facts_embeddings(ctx, w->store, &row.id, 1, NIMA_STR("m"), 2, out, &found));
    ASSERT_OK_CTX(ctx, nima_facts_drop_embeddings(ctx, w->store, NIMA_STR("m")));
    struct nima_fact_models models;
    struct nima_fact_rows rows;
    nima_str people[2];
    size_t count;
    ASSERT_OK_CTX(ctx, nima_facts_models(ctx, w->store, &models));
    int64_t total, embedded;
    ASSERT_OK_CTX(ctx, nima_facts_embedded(ctx, w->store, NIMA_STR("m"), &total, &embedded));
    ASSERT_OK_CTX(ctx, nima_facts_without(ctx, w->store, NIMA_STR("n"), row.id, 0, 9, &rows));
    ASSERT_OK_CTX(ctx, nima_facts_people(ctx, w->store, (nima_str){0}, 2, people, &count));
    ASSERT_OK_CTX(ctx, nima_facts_versions(ctx, w->store, row.id, &versions));
    ASSERT_OK_CTX(ctx, nima_facts_stats(ctx, w->store, &stats));
    ASSERT_OK_CTX(ctx, nima_facts_pinned(ctx, w->store, 3, &rows));
    ASSERT_OK_CTX(ctx, nima_facts_change(ctx, w->store, &change));
    ASSERT_OK_CTX(ctx, nima_facts_scan(ctx, w->store, ignore, NULL, &change));
    next.id = NIMA_STR("0190a000-0000-7000-8000-000000000001");
    ASSERT_OK_CTX(ctx, nima_facts_supersede(ctx, w->store, row.id, &next, &row, &change));
    ASSERT_OK_CTX(ctx, nima_facts_get(ctx, w->store, row.id, &row));
    ASSERT_OK_CTX(ctx, nima_facts_delete(ctx, w->store, row.id, &change));
}

/* Every way to filter, with and without a cursor. */
static void call_lists(struct world *w)
{
    enum { WAYS = 1 << 6 };
    nima_str cursor = NIMA_STR("f00000000000000000190a00000007000800000000000000f");
    for (int way = 0; way < WAYS; way++) {
        struct nima_fact_filter filter = {0};
        filter.category = (way & 1) != 0 ? NIMA_STR("c") : filter.category;
        filter.source = (way & 2) != 0 ? NIMA_STR("explicit") : filter.source;
        filter.status = (way & 4) != 0 ? NIMA_STR("active") : filter.status;
        filter.min_confidence = (way & 8) != 0 ? 0.5 : 0;
        filter.contains = (way & 16) != 0 ? NIMA_STR("x") : filter.contains;
        filter.cursor = (way & 32) != 0 ? cursor : filter.cursor;
        filter.since = way == WAYS - 1 ? 1 : 0;
        struct nima_fact_rows rows;
        ASSERT_OK_CTX(&w->ctx, nima_facts_list(&w->ctx, w->store, &filter, &rows));
    }
}

static void call_conversations(struct world *w)
{
    struct nima_ctx *ctx = &w->ctx;
    struct nima_conversation talk = {0}, row;
    struct nima_conversation_rows talks = {0};
    struct nima_message_row message = {.role = NIMA_STR("user"), .content = NIMA_STR("x")}, out;
    struct nima_message_rows last;
    ASSERT_OK_CTX(ctx, nima_conversation_create(ctx, w->store, &talk, &message, 1, &row));
    ASSERT_OK_CTX(ctx, nima_conversation_create(ctx, w->store, &talk, NULL, 0, &row));
    for (int page = 0; page < 2; page++) {
        ASSERT_OK_CTX(ctx, nima_conversation_list(ctx, w->store, 1, talks.next_cursor, &talks));
    }
    ASSERT_OK_CTX(ctx, nima_messages_append(ctx, w->store, row.id, &message, 1, &out));
    ASSERT_OK_CTX(ctx, nima_message_update(ctx, w->store, &out));
    ASSERT_OK_CTX(ctx, nima_message_get(ctx, w->store, row.id, out.id, &out));
    ASSERT_OK_CTX(ctx, nima_messages_last(ctx, w->store, row.id, 0, &last));
    ASSERT_OK_CTX(ctx, nima_conversation_update(ctx, w->store, &row, &row));
    ASSERT_OK_CTX(ctx, nima_conversation_get(ctx, w->store, row.id, &row));
    ASSERT_OK_CTX(ctx, nima_conversation_delete(ctx, w->store, row.id));
}

static void call_messages_found(struct world *w)
{
    struct nima_ctx *ctx = &w->ctx;
    struct nima_conversation talk = {0}, row;
    struct nima_message_row message = {.role = NIMA_STR("user"), .content = NIMA_STR("x")};
    struct nima_message_rows last;
    struct nima_messages_change change;
    struct nima_messages_waiting list;
    float vector[2] = {1, 0};
    int64_t facts_change;
    bool created;
    ASSERT_OK_CTX(ctx, nima_conversation_create(ctx, w->store, &talk, &message, 1, &row));
    ASSERT_OK_CTX(ctx, nima_messages_last(ctx, w->store, row.id, 1, &last));
    ASSERT_OK_CTX(ctx, nima_messages_waiting(ctx, w->store, NIMA_STR("m"), 1, &list));
    ASSERT_INT_EQ(list.count, 1);
    ASSERT_OK_CTX(
        ctx, nima_messages_set_embeddings(ctx, w->store, list.items, 1, NIMA_STR("m"), vector, 2));
    ASSERT_OK_CTX(ctx, nima_messages_change(ctx, w->store, &change));
    ASSERT_OK_CTX(ctx, nima_messages_scan(ctx, w->store, -1, ignore_message, NULL, &change));
    nima_str id = last.items[0].id;
    ASSERT_OK_CTX(ctx, nima_messages_get_many(ctx, w->store, &id, 1, &last));
    struct nima_fact fact = a_fact("from a message"), next = a_fact("from none");
    fact.message_id = id;
    ASSERT_OK_CTX(ctx, nima_facts_put(ctx, w->store, &fact, &fact, &created, &facts_change));
    ASSERT_OK_CTX(ctx, nima_facts_supersede(ctx, w->store, fact.id, &next, &next, &facts_change));
    ASSERT_OK_CTX(ctx, nima_facts_delete(ctx, w->store, fact.id, &facts_change));
    ASSERT_OK_CTX(ctx, nima_message_withhold(ctx, w->store, row.id, id));
}

static void call_people(struct world *w)
{
    struct nima_ctx *ctx = &w->ctx;
    struct nima_profile profile = {0};
    struct nima_api_token token = {
        .user_id = NIMA_STR("ana"), .hash = NIMA_STR("h"), .scopes = NIMA_STR("chat")};
    struct nima_idempotent entry = {.key = NIMA_STR("k"),
                                    .route = NIMA_STR("r"),
                                    .body_hash = NIMA_STR("b"),
                                    .status = 200,
                                    .reply = NIMA_STR("{}")};
    int64_t change;
    bool any;
    ASSERT_OK_CTX(ctx, nima_profile_put(ctx, w->store, &profile, &profile));
    ASSERT_OK_CTX(ctx, nima_profile_get(ctx, w->store, &profile));
    ASSERT_OK_CTX(ctx, nima_tokens_add(ctx, w->store, &token));
    ASSERT_OK_CTX(ctx, nima_tokens_find(ctx, w->store, token.hash, &token));
    ASSERT_OK_CTX(ctx, nima_tokens_revoke(ctx, w->store, token.id));
    ASSERT_OK_CTX(ctx, nima_tokens_any(ctx, w->store, &any));
    ASSERT_OK_CTX(ctx, nima_idempotent_put(ctx, w->store, &entry));
    ASSERT_OK_CTX(ctx, nima_idempotent_get(ctx, w->store, entry.key, entry.route, &entry));
    ASSERT_OK_CTX(ctx, nima_people_forget(ctx, w->store, &change));
}

/* "SCAN t" is a whole table or index; "SCAN CONSTANT ROW" and the like are not. */
static bool walks_a_table(const char *step)
{
    static const char *const tables[] = {
        "facts", "fact_versions", "messages",    "users",         "c",
        "m",     "conversations", "idempotency", "human_profiles"};
    if (strncmp(step, "SCAN ", 5) != 0) {
        return false;
    }
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        size_t length = strlen(tables[i]);
        if (strncmp(step + 5, tables[i], length) == 0 &&
            (step[5 + length] == ' ' || step[5 + length] == '\0')) {
            return true;
        }
    }
    return false;
}

static size_t check_plans(sqlite3 *engine, const struct nima_db *db)
{
    size_t checked = 0;
    for (const struct nima_db_stmt *kept = db->stmts; kept != NULL; kept = kept->next) {
        char sql[4096];
        sqlite3_stmt *plan = NULL;
        snprintf(sql, sizeof(sql), "EXPLAIN QUERY PLAN %s", kept->sql);
        assert_int_equal(sqlite3_prepare_v2(engine, sql, -1, &plan, NULL), SQLITE_OK);
        bool paged = strstr(kept->sql, "LIMIT") != NULL;
        while (sqlite3_step(plan) == SQLITE_ROW) {
            const char *step = (const char *)sqlite3_column_text(plan, 3);
            if (walks_a_table(step) ||
                (paged && strcmp(step, "USE TEMP B-TREE FOR ORDER BY") == 0)) {
                fail_msg("%s: %s", step, kept->sql);
            }
        }
        sqlite3_finalize(plan);
        checked++;
    }
    return checked;
}

TEST(no_query_walks_a_whole_table)
{
    struct world w = world_open();
    sqlite3 *engine = NULL;
    size_t checked = 0;
    call_facts(&w);
    call_conversations(&w);
    call_messages_found(&w);
    call_people(&w);
    call_lists(&w);
    assert_int_equal(sqlite3_open(w.path, &engine), SQLITE_OK);
    for (struct nima_db *db = w.store->writers.idle; db != NULL; db = db->next) {
        checked += check_plans(engine, db);
    }
    for (struct nima_db *db = w.store->readers.idle; db != NULL; db = db->next) {
        checked += check_plans(engine, db);
    }
    sqlite3_close(engine);
    ASSERT_TRUE(checked > 90);
    world_close(&w);
}

/* What a connection keeps is bounded, and what was dropped is prepared again. */
TEST(statements_are_kept_up_to_a_number)
{
    struct world w = world_open();
    for (int round = 0; round < 3; round++) {
        call_lists(&w);
    }
    for (struct nima_db *db = w.store->readers.idle; db != NULL; db = db->next) {
        size_t count = 0;
        for (const struct nima_db_stmt *kept = db->stmts; kept != NULL; kept = kept->next) {
            ASSERT_TRUE(!kept->busy);
            count++;
        }
        ASSERT_INT_EQ(count, db->stmt_count);
        ASSERT_TRUE(count <= 96);
    }
    world_close(&w);
}

TEST_MAIN
