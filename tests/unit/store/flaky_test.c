/* Every error path is walked: the n-th call to the engine fails, for each n. Whatever was asked
 * is then done as a whole or not at all, and the store goes on. */
#include "store/support_store.h"

#include <string.h>

static struct nima_db_ops flaky;
static struct nima_db_row_ops flaky_rows;
static int calls_left; /* until one fails; below 0: none does */

static nima_rc count_down(struct nima_ctx *ctx)
{
    if (calls_left >= 0 && calls_left-- == 0) {
        return nima_fail(ctx, NIMA_E_STORE, "this call was to fail");
    }
    return NIMA_OK;
}

static nima_rc flaky_begin(struct nima_ctx *ctx, struct nima_db *db, bool write)
{
    NIMA_TRY(count_down(ctx));
    return nima_db_sqlite.begin(ctx, db, write);
}

static nima_rc flaky_commit(struct nima_ctx *ctx, struct nima_db *db)
{
    NIMA_TRY(count_down(ctx));
    return nima_db_sqlite.commit(ctx, db);
}

static nima_rc flaky_prepare(struct nima_ctx *ctx, struct nima_db_stmt *stmt)
{
    NIMA_TRY(count_down(ctx));
    return nima_db_sqlite.rows->prepare(ctx, stmt);
}

static nima_rc flaky_bind(struct nima_ctx *ctx, struct nima_db_stmt *stmt, int index,
                          const struct nima_db_value *value)
{
    NIMA_TRY(count_down(ctx));
    return nima_db_sqlite.rows->bind(ctx, stmt, index, value);
}

static nima_rc flaky_step(struct nima_ctx *ctx, struct nima_db_stmt *stmt, bool *row)
{
    NIMA_TRY(count_down(ctx));
    return nima_db_sqlite.rows->step(ctx, stmt, row);
}

static nima_rc flaky_finish(struct nima_ctx *ctx, struct nima_db_stmt *stmt)
{
    NIMA_TRY(count_down(ctx));
    return nima_db_sqlite.rows->finish(ctx, stmt);
}

static nima_rc flaky_scrub(struct nima_ctx *ctx, struct nima_db *db, int wait_ms)
{
    NIMA_TRY(count_down(ctx));
    return nima_db_sqlite.scrub(ctx, db, wait_ms);
}

static struct world world_flaky(void)
{
    struct world w = world_open();
    flaky = nima_db_sqlite;
    flaky_rows = *flaky.rows;
    flaky.rows = &flaky_rows;
    flaky.begin = flaky_begin;
    flaky.commit = flaky_commit;
    flaky_rows.prepare = flaky_prepare;
    flaky_rows.bind = flaky_bind;
    flaky_rows.step = flaky_step;
    flaky_rows.finish = flaky_finish;
    flaky.scrub = flaky_scrub;
    w.store->ops = &flaky;
    for (struct nima_db *db = w.store->writers.idle; db != NULL; db = db->next) {
        db->ops = &flaky;
    }
    calls_left = -1;
    return w;
}

/* A job is given a fresh start each time, and says how the store must look when it failed. */
struct job {
    nima_rc (*run)(struct world *w);
    size_t facts_before, facts_after;
    int64_t messages_before, messages_after;
};

static struct nima_fact old;
static struct nima_conversation talk;

static nima_rc put_two(struct world *w)
{
    struct nima_fact facts[2] = {a_fact("new one"), a_fact("new two")}, rows[2];
    bool created[2];
    int64_t change;
    return nima_facts_put_many(&w->ctx, w->store, facts, 2, rows, created, &change);
}

static nima_rc supersede(struct world *w)
{
    struct nima_fact fact = a_fact("the new"), row;
    int64_t change;
    return nima_facts_supersede(&w->ctx, w->store, old.id, &fact, &row, &change);
}

static nima_rc change_text(struct world *w)
{
    struct nima_fact fact = old, row;
    int64_t change;
    fact.fact = NIMA_STR("changed");
    return nima_facts_update(&w->ctx, w->store, &fact, &row, &change);
}

static nima_rc delete_it(struct world *w)
{
    int64_t change;
    return nima_facts_delete(&w->ctx, w->store, old.id, &change);
}

static nima_rc append_two(struct world *w)
{
    struct nima_message_row messages[2] = {{.role = NIMA_STR("user"), .content = NIMA_STR("a")},
                                           {.role = NIMA_STR("user"), .content = NIMA_STR("b")}},
                            out[2];
    return nima_messages_append(&w->ctx, w->store, talk.id, messages, 2, out);
}

static nima_rc read_all(struct world *w)
{
    struct nima_fact_rows rows;
    struct nima_fact_filter filter = {.limit = 10};
    struct nima_fact row;
    struct nima_fact_versions versions;
    struct nima_message_rows last;
    struct nima_conversation_rows talks;
    struct nima_profile profile;
    NIMA_TRY(nima_facts_list(&w->ctx, w->store, &filter, &rows));
    NIMA_TRY(nima_facts_get(&w->ctx, w->store, old.id, &row));
    NIMA_TRY(nima_facts_versions(&w->ctx, w->store, old.id, &versions));
    NIMA_TRY(nima_messages_last(&w->ctx, w->store, talk.id, 0, &last));
    NIMA_TRY(nima_conversation_list(&w->ctx, w->store, 5, (nima_str){0}, &talks));
    return nima_profile_get(&w->ctx, w->store, &profile);
}

static nima_rc forget(struct world *w)
{
    int64_t change;
    return nima_people_forget(&w->ctx, w->store, &change);
}

static void walk(const struct job *job)
{
    enum { CALLS_MAX = 400 };
    nima_rc rc = NIMA_E_STORE;
    int n;
    for (n = 0; n < CALLS_MAX && rc != NIMA_OK; n++) {
        struct world w = world_flaky();
        struct nima_conversation made = {0};
        old = put_fact(&w, "the old");
        ASSERT_OK(nima_conversation_create(&w.ctx, w.store, &made, NULL, 0, &talk));
        calls_left = n;
        rc = job->run(&w);
        bool reached = calls_left < 0;
        calls_left = -1;
        ASSERT_TRUE(reached || rc == NIMA_OK);
        /* A deletion stands even when wiping its traces could not be done at once. */
        size_t facts = count_facts(&w);
        int64_t messages = world_number(&w, "SELECT count(*) FROM messages");
        bool done = facts == job->facts_after && messages == job->messages_after;
        bool undone = facts == job->facts_before && messages == job->messages_before;
        ASSERT_TRUE(rc == NIMA_OK ? done : done || undone);
        ASSERT_TRUE(rc != NIMA_OK || !reached || job->facts_after < job->facts_before);
        put_fact(&w, "afterwards");
        world_close(&w);
    }
    ASSERT_TRUE(n > 5 && n < CALLS_MAX);
}

TEST(putting_many_survives_any_failing_call)
{
    walk(&(struct job){put_two, 1, 3, 0, 0});
}

TEST(superseding_survives_any_failing_call)
{
    walk(&(struct job){supersede, 1, 1, 0, 0});
}

TEST(updating_survives_any_failing_call)
{
    walk(&(struct job){change_text, 1, 1, 0, 0});
}

TEST(deleting_survives_any_failing_call)
{
    walk(&(struct job){delete_it, 1, 0, 0, 0});
}

TEST(appending_survives_any_failing_call)
{
    walk(&(struct job){append_two, 1, 1, 0, 2});
}

TEST(reading_survives_any_failing_call)
{
    walk(&(struct job){read_all, 1, 1, 0, 0});
}

TEST(forgetting_survives_any_failing_call)
{
    walk(&(struct job){forget, 1, 0, 0, 0});
}

TEST_MAIN
