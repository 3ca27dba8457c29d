#include "store/support_store.h"

#include <ftw.h>
#include <libpq-fe.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "support/folder.h"
#include "util/file.h"

static const char *kind_under_test(void)
{
    const char *kind = getenv("NIMA_TEST_STORE");
    return kind != NULL ? kind : "sqlite";
}

bool world_is(const char *kind)
{
    return strcmp(kind_under_test(), kind) == 0;
}

void world_only(const char *kind)
{
    if (!world_is(kind)) {
        skip();
    }
}

static void set_address(struct world *w)
{
    static int made;
    if (world_is("json")) {
        snprintf(w->address, sizeof(w->address), "json:%s/data", w->folder);
    } else if (world_is("postgres")) {
        const char *server = getenv("NIMA_TEST_POSTGRES");
        assert_non_null(server);
        snprintf(w->address, sizeof(w->address), "%s?schema=t%d_%d", server, (int)getpid(), made++);
    } else {
        snprintf(w->address, sizeof(w->address), "sqlite:%s", w->path);
    }
}

struct world world_folder(void)
{
    struct world w = {.folder = "/tmp/nima-store-XXXXXX"};
    assert_non_null(mkdtemp(w.folder));
    snprintf(w.path, sizeof(w.path), "%s/nima.db", w.folder);
    set_address(&w);
    nima_ctx_init(&w.ctx);
    w.ctx.user_id = NIMA_STR("ana");
    return w;
}

nima_rc world_try_open(struct world *w)
{
    struct nima_store_options options = {.address = nima_str_of(w->address)};
    return nima_store_open(&w->ctx, &options, &w->store);
}

struct world world_open(void)
{
    struct world w = world_folder();
    ASSERT_OK_CTX(&w.ctx, world_try_open(&w));
    return w;
}

void world_reopen(struct world *w)
{
    nima_store_close(w->store);
    w->store = NULL;
    ASSERT_OK_CTX(&w->ctx, world_try_open(w));
}

/* The test's own connection to its schema. */
static PGconn *pg_open(const struct world *w)
{
    const char *question = strrchr(w->address, '?');
    char server[sizeof(w->address)], sql[128];
    snprintf(server, sizeof(server), "%.*s", (int)(question - w->address), w->address);
    PGconn *conn = PQconnectdb(server);
    if (PQstatus(conn) != CONNECTION_OK) {
        fail_msg("%s", PQerrorMessage(conn));
    }
    snprintf(sql, sizeof(sql), "SET client_min_messages = error; SET search_path = %s",
             question + strlen("?schema="));
    PQclear(PQexec(conn, sql));
    return conn;
}

static int64_t pg_number(const struct world *w, const char *sql)
{
    PGconn *conn = pg_open(w);
    PGresult *result = PQexec(conn, sql);
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
        fail_msg("%s: %s", sql, PQerrorMessage(conn));
    }
    int64_t value = PQntuples(result) > 0 ? strtoll(PQgetvalue(result, 0, 0), NULL, 10) : 0;
    PQclear(result);
    PQfinish(conn);
    return value;
}

void world_close(struct world *w)
{
    nima_store_close(w->store);
    if (world_is("postgres")) {
        const char *schema = strrchr(w->address, '=') + 1;
        pg_number(w, nima_fmt(&w->ctx, "DROP SCHEMA IF EXISTS %s CASCADE", schema).ptr);
    }
    nima_ctx_done(&w->ctx);
    test_folder_remove(w->folder);
}

static sqlite3 *raw_open(struct world *w)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(w->path, &db), SQLITE_OK);
    return db;
}

/* The JSON engine's tables are in memory, so they are asked for through the store. */
struct question {
    const char *sql;
    int64_t answer;
};

static nima_rc ask(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    struct question *question = arg;
    struct nima_db_stmt *stmt;
    NIMA_TRY(nima_db_first(ctx, db, question->sql, NULL, 0, &stmt));
    question->answer = stmt != NULL ? nima_db_get_int(stmt, 0) : 0;
    return stmt != NULL ? nima_db_end(ctx, stmt) : NIMA_OK;
}

void world_sql(struct world *w, const char *sql)
{
    if (world_is("postgres")) {
        pg_number(w, sql);
        return;
    }
    sqlite3 *db = raw_open(w);
    char *error = NULL;
    if (sqlite3_exec(db, sql, NULL, NULL, &error) != SQLITE_OK) {
        fail_msg("%s: %s", sql, error);
    }
    sqlite3_close(db);
}

int64_t world_number(struct world *w, const char *sql)
{
    if (world_is("postgres")) {
        return pg_number(w, sql);
    }
    if (world_is("json")) {
        struct question question = {.sql = sql};
        ASSERT_OK_CTX(&w->ctx, nima_db_read(&w->ctx, w->store, ask, &question));
        return question.answer;
    }
    sqlite3 *db = raw_open(w);
    sqlite3_stmt *stmt = NULL;
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    int64_t value = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return value;
}

static bool pg_has_text(struct world *w, const char *needle)
{
    static const char *const tables[] = {"facts",    "fact_versions",  "conversations",
                                         "messages", "human_profiles", "idempotency",
                                         "tasks",    "task_audit"};
    int64_t found = 0;
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        found += pg_number(w, nima_fmt(&w->ctx,
                                       "SELECT count(*) FROM %s AS t WHERE t::text LIKE '%%%s%%'",
                                       tables[i], needle)
                                  .ptr);
    }
    return found > 0;
}

static const char *wanted; /* nftw() passes nothing along */
static bool seen;

static int look_into(const char *path, const struct stat *info, int type, struct FTW *where)
{
    enum { FILE_MAX = 1 << 28 };
    struct nima_ctx ctx;
    nima_str data;
    (void)info;
    (void)where;
    if (type == FTW_F) {
        nima_ctx_init(&ctx);
        ASSERT_OK_CTX(&ctx, nima_file_read(&ctx, path, FILE_MAX, &data));
        seen = seen || nima_str_find(data, nima_str_of(wanted), 0) != SIZE_MAX;
        nima_ctx_done(&ctx);
    }
    return 0;
}

bool world_has_bytes(struct world *w, const char *needle)
{
    if (world_is("postgres")) {
        return pg_has_text(w, needle);
    }
    wanted = needle;
    seen = false;
    assert_int_equal(nftw(w->folder, look_into, 8, FTW_PHYS), 0);
    return seen;
}

struct nima_fact a_fact(const char *text)
{
    return (struct nima_fact){
        .fact = nima_str_of(text),
        .category = NIMA_STR("personal"),
        .source = NIMA_STR("explicit"),
        .confidence = 0.8,
    };
}

nima_rc try_put_fact(struct world *w, const char *text)
{
    struct nima_fact fact = a_fact(text), row;
    bool created;
    int64_t change;
    return nima_facts_put(&w->ctx, w->store, &fact, &row, &created, &change);
}

struct nima_fact put_fact(struct world *w, const char *text)
{
    struct nima_fact fact = a_fact(text), row;
    bool created;
    int64_t change;
    ASSERT_OK_CTX(&w->ctx, nima_facts_put(&w->ctx, w->store, &fact, &row, &created, &change));
    return row;
}

size_t count_facts(struct world *w)
{
    struct nima_fact_stats stats;
    ASSERT_OK_CTX(&w->ctx, nima_facts_stats(&w->ctx, w->store, &stats));
    return (size_t)stats.active;
}
