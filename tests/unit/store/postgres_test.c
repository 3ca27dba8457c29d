/* PostgreSQL: servers that are absent, refuse, or go away in the middle; several at once. */
#include "store/support_store.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* The server's address up to the user, its password, and what follows. */
static const char *server(void)
{
    const char *address = getenv("NIMA_TEST_POSTGRES");
    if (!world_is("postgres")) {
        skip();
    }
    return address;
}

static const char *host_of(const char *address)
{
    return strrchr(address, '@') + 1;
}

static void expect_refusal(struct world *w, nima_rc rc, const char *word)
{
    nima_rc result = world_try_open(w);
    if (result != rc || strstr(w->ctx.error.message, word) == NULL ||
        strstr(w->ctx.error.message, "SECRET") != NULL) {
        fail_msg("%s: \"%s\" instead of \"%s\"", nima_rc_code(result), w->ctx.error.message, word);
    }
    assert_null(w->store);
}

TEST(a_start_that_cannot_go_well_says_why_and_no_password)
{
    const char *good = server();
    char usual[sizeof((struct world){0}.address)];
    struct world w = world_folder();
    memcpy(usual, w.address, sizeof(usual));
    snprintf(w.address, sizeof(w.address), "postgres://nima:SECRET@%s", host_of(good));
    expect_refusal(&w, NIMA_E_STORE, "password is wrong");
    snprintf(w.address, sizeof(w.address), "postgres://nobody:SECRET@%s", host_of(good));
    expect_refusal(&w, NIMA_E_STORE, "password is wrong"); /* PostgreSQL does not tell */
    snprintf(w.address, sizeof(w.address), "%.*s/nowhere", (int)(strrchr(good, '/') - good), good);
    expect_refusal(&w, NIMA_E_STORE, "createdb");
    snprintf(w.address, sizeof(w.address), "postgres://nima:SECRET@127.0.0.1:1/nima");
    expect_refusal(&w, NIMA_E_UNAVAILABLE, "nothing listens");
    ASSERT_INT_EQ(w.ctx.error.retry_after_s, 1);
    snprintf(w.address, sizeof(w.address), "postgres://nima:SECRET@host.invalid/nima");
    expect_refusal(&w, NIMA_E_UNAVAILABLE, "no server of this name");
    snprintf(w.address, sizeof(w.address), "postgres://nima:SECRET%%zz@host/nima");
    expect_refusal(&w, NIMA_E_INVALID, "cannot be read");
    snprintf(w.address, sizeof(w.address), "%s?sslmode=require", good);
    expect_refusal(&w, NIMA_E_STORE, "TLS");
    memcpy(w.address, usual, sizeof(usual));
    world_close(&w);
}

TEST(an_address_is_shown_without_its_password)
{
    struct world w = world_folder();
    struct {
        const char *address, *shown;
    } cases[] = {
        {"sqlite:data/nima.db", "sqlite:data/nima.db"},
        {"postgres://u:p@h:5/d?schema=s", "postgres://u:***@h:5/d?schema=s"},
        {"postgres://u:p@q@h/d", "postgres://u:***@h/d"},
        {"postgres://u@h/d", "postgres://u@h/d"},
        {"postgres://h:5/d", "postgres://h:5/d"},
        {"postgres://h/d?password=p", "postgres://h/d?…"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ASSERT_STR_EQ(nima_store_address_shown(&w.ctx, nima_str_of(cases[i].address)),
                      cases[i].shown);
    }
    world_close(&w);
}

/* Ends all of the store's connections, as a server does that stops. */
static void cut_off(struct world *w)
{
    world_sql(w, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE "
                 "application_name = 'nima' AND datname = current_database()");
}

TEST(connections_that_were_cut_off_are_made_again_unnoticed)
{
    server();
    struct world w = world_open();
    put_fact(&w, "before");
    ASSERT_INT_EQ(count_facts(&w), 1);
    for (int i = 0; i < 3; i++) {
        cut_off(&w);
        put_fact(&w, nima_fmt(&w.ctx, "after %d", i).ptr);
        cut_off(&w);
        ASSERT_INT_EQ(count_facts(&w), i + 2);
    }
    ASSERT_INT_EQ(w.ctx.error.rc, NIMA_OK);
    world_close(&w);
}

/* The first time, its own connection is cut off in the middle. */
struct cut {
    struct world *w;
    int runs;
};

static nima_rc insert_and_cut(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    struct cut *cut = arg;
    NIMA_TRY(nima_db_run(ctx, db,
                         "INSERT INTO users (id, facts_change, created_at) VALUES ($1, 1, $2)",
                         NIMA_DB_ARGS(nima_db_text(NIMA_STR("cut")), nima_db_time(1000)), NULL));
    if (cut->runs++ == 0) {
        cut_off(cut->w);
    }
    return nima_db_run(ctx, db, "UPDATE users SET facts_change = 2 WHERE id = $1",
                       NIMA_DB_ARGS(nima_db_text(NIMA_STR("cut"))), NULL);
}

TEST(a_transaction_that_was_cut_off_is_run_again_as_a_whole)
{
    server();
    struct world w = world_open();
    struct cut cut = {.w = &w};
    ASSERT_OK_CTX(&w.ctx, nima_db_write(&w.ctx, w.store, insert_and_cut, &cut));
    ASSERT_INT_EQ(cut.runs, 2);
    ASSERT_INT_EQ(world_number(&w, "SELECT count(*) FROM users WHERE facts_change = 2"), 1);
    world_close(&w);
}

/* Two writers that lock the same two rows in opposite order: PostgreSQL ends one, which is run
 * again. */
struct crossing {
    struct nima_store *store;
    const char *first, *second;
    pthread_barrier_t *gate;
    int runs;
    nima_rc rc;
};

static nima_rc touch_both(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    struct crossing *me = arg;
    static const char sql[] = "UPDATE users SET facts_change = facts_change + 1 WHERE id = $1";
    NIMA_TRY(nima_db_run(ctx, db, sql, NIMA_DB_ARGS(nima_db_text(nima_str_of(me->first))), NULL));
    if (me->runs++ == 0) {
        pthread_barrier_wait(me->gate);
    }
    return nima_db_run(ctx, db, sql, NIMA_DB_ARGS(nima_db_text(nima_str_of(me->second))), NULL);
}

static void *cross(void *arg)
{
    struct crossing *me = arg;
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    me->rc = nima_db_write(&ctx, me->store, touch_both, me);
    nima_ctx_done(&ctx);
    return NULL;
}

TEST(two_writers_in_each_others_way_both_get_through)
{
    server();
    struct world w = world_open();
    pthread_t threads[2];
    pthread_barrier_t gate;
    world_sql(&w, "INSERT INTO users VALUES ('a', 0, now()), ('b', 0, now())");
    pthread_barrier_init(&gate, NULL, 2);
    struct crossing both[2] = {{.store = w.store, .first = "a", .second = "b", .gate = &gate},
                               {.store = w.store, .first = "b", .second = "a", .gate = &gate}};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, cross, &both[i]), 0);
    }
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        ASSERT_INT_EQ(both[i].rc, NIMA_OK);
    }
    pthread_barrier_destroy(&gate);
    ASSERT_INT_EQ(both[0].runs + both[1].runs, 3);
    ASSERT_INT_EQ(world_number(&w, "SELECT sum(facts_change) FROM users"), 4);
    world_close(&w);
}

/* A query within the loop over another's rows. */
static nima_rc nested(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    int64_t *sum = arg;
    struct nima_db_stmt *outer, *inner;
    bool row = false;
    *sum = 0;
    NIMA_TRY(nima_db_query(ctx, db, "SELECT fact FROM facts ORDER BY id", NULL, 0, &outer));
    NIMA_TRY(nima_db_step(ctx, outer, &row));
    while (row) {
        NIMA_TRY(nima_db_first(ctx, db, "SELECT length($1::text)",
                               NIMA_DB_ARGS(nima_db_text(nima_db_view(outer, 0))), &inner));
        *sum += nima_db_get_int(inner, 0);
        NIMA_TRY(nima_db_end(ctx, inner));
        NIMA_TRY(nima_db_step(ctx, outer, &row));
    }
    return nima_db_end(ctx, outer);
}

TEST(a_query_may_run_within_the_loop_of_another)
{
    server();
    struct world w = world_open();
    int64_t sum = 0;
    for (int i = 0; i < 100; i++) {
        put_fact(&w, nima_fmt(&w.ctx, "fact %03d", i).ptr);
    }
    ASSERT_OK_CTX(&w.ctx, nima_db_read(&w.ctx, w.store, nested, &sum));
    ASSERT_INT_EQ(sum, 800);
    world_close(&w);
}

TEST(several_that_start_at_once_migrate_once)
{
    server();
    enum { STARTS = 6 };
    struct world w = world_folder();
    int failed = 0;
    pid_t children[STARTS];
    fflush(NULL);
    for (int i = 0; i < STARTS; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            _exit(world_try_open(&w) == NIMA_OK ? 0 : 1);
        }
    }
    for (int i = 0; i < STARTS; i++) {
        int status = 0;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        failed += status != 0;
    }
    ASSERT_INT_EQ(failed, 0);
    ASSERT_INT_EQ(world_number(&w, "SELECT count(*) - max(version) FROM schema_migrations"), 0);
    world_close(&w);
}

TEST(what_stands_in_another_programs_tables_is_left_alone)
{
    server();
    struct world w = world_open();
    nima_store_close(w.store);
    w.store = NULL;
    world_sql(&w, "DROP TABLE schema_migrations");
    expect_refusal(&w, NIMA_E_STORE, "another program");
    ASSERT_INT_EQ(world_number(&w, "SELECT count(*) FROM facts"), 0);
    world_close(&w);
}

TEST(a_read_only_server_says_so)
{
    server();
    struct world w = world_open();
    put_fact(&w, "kept");
    /* As on a standby, where it cannot be switched off. */
    world_sql(&w, "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
                  "$$BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '25006'; END$$; "
                  "CREATE TRIGGER refuse BEFORE INSERT ON facts EXECUTE FUNCTION refuse()");
    ASSERT_RC(NIMA_E_STORE, try_put_fact(&w, "refused"));
    assert_non_null(strstr(w.ctx.error.message, "standby"));
    ASSERT_INT_EQ(count_facts(&w), 1);
    world_close(&w);
}

TEST(what_waits_too_long_for_a_lock_is_busy)
{
    server();
    struct world w = world_open();
    world_sql(&w, "CREATE FUNCTION linger() RETURNS trigger LANGUAGE plpgsql AS "
                  "$$BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '55P03'; END$$; "
                  "CREATE TRIGGER linger BEFORE INSERT ON facts EXECUTE FUNCTION linger()");
    ASSERT_RC(NIMA_E_BUSY, try_put_fact(&w, "refused"));
    ASSERT_INT_EQ(w.ctx.error.retry_after_s, 1);
    world_close(&w);
}

TEST(a_time_before_2000_and_one_of_the_year_9999_come_back)
{
    struct world w = world_open();
    const int64_t times[] = {1, 946684799999, 946684800001, INT64_C(253402300799999)};
    for (size_t i = 0; i < 4; i++) {
        struct nima_fact fact = a_fact(nima_fmt(&w.ctx, "time %zu", i).ptr), row;
        bool created;
        int64_t change;
        fact.created_at = times[i];
        fact.metadata = NIMA_STR("{\"b\":[1,2.5,\"a: b, \\\"c\\\"\"],\"long key\":{}}");
        ASSERT_OK_CTX(&w.ctx, nima_facts_put(&w.ctx, w.store, &fact, &row, &created, &change));
        ASSERT_INT_EQ(row.created_at, times[i]);
        ASSERT_STR_EQ(row.metadata, "{\"b\":[1,2.5,\"a: b, \\\"c\\\"\"],\"long key\":{}}");
    }
    world_close(&w);
}

TEST_MAIN
