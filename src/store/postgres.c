/*
 * The PostgreSQL engine. Statements are prepared once for each connection; their rows come one at
 * a time, so that a walk over all facts of a person takes no memory. A connection can be asked
 * but one thing at a time: when a statement is run within the loop over another's rows, the
 * others' rest is read ahead first.
 *
 * Reading is REPEATABLE READ: one state throughout. Writing is READ COMMITTED, and every write of
 * a person's facts begins by raising the counter in `users`, whose row stays locked until the
 * commit: so they stand in line for each person, and for each person only.
 */
#include "store/postgres_int.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/clock.h"

/* Two advisory locks would do harm when they met; this is "NIMA" and 1. */
#define LINE_UP_SQL                                                                                \
    "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0; "                                \
    "SELECT pg_advisory_xact_lock(1313426753)"

/* Waiting for the server */

/* Until a result is whole, or the server has been silent for too long: then the connection is
 * closed, since what it would still say belongs to nobody. */
static nima_rc wait_for_result(struct nima_ctx *ctx, struct nima_db *db)
{
    PGconn *conn = nima_pg_of(db)->conn;
    int64_t until = nima_mono_ms() + NIMA_PG_ANSWER_MS;
    while (PQisBusy(conn) != 0) {
        int64_t left = until - nima_mono_ms();
        struct pollfd door = {.fd = PQsocket(conn), .events = POLLIN};
        int ready = left > 0 && door.fd >= 0 ? poll(&door, 1, (int)left) : 0;
        if (ready == 0) {
            return nima_pg_silent(ctx, db);
        }
        if (ready > 0 && PQconsumeInput(conn) == 0) {
            return nima_pg_fail(ctx, db, NULL);
        }
    }
    return NIMA_OK;
}

/* *out is NULL when there is no more. */
static nima_rc next_result(struct nima_ctx *ctx, struct nima_db *db, PGresult **out)
{
    NIMA_TRY(wait_for_result(ctx, db));
    *out = PQgetResult(nima_pg_of(db)->conn);
    return NIMA_OK;
}

static bool went_well(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK ||
           status == PGRES_SINGLE_TUPLE || status == PGRES_EMPTY_QUERY;
}

/* All results of what was sent; the last good one in *out, the first failure as our own. */
static nima_rc collect(struct nima_ctx *ctx, struct nima_db *db, PGresult **out)
{
    nima_rc rc = NIMA_OK;
    PGresult *result = NULL, *last = NULL;
    for (;;) {
        nima_rc got = next_result(ctx, db, &result);
        if (got != NIMA_OK) {
            PQclear(last);
            return got;
        }
        if (result == NULL) {
            break;
        }
        if (!went_well(result)) {
            rc = rc == NIMA_OK ? nima_pg_fail(ctx, db, result) : rc;
            PQclear(result);
        } else {
            PQclear(last);
            last = result;
        }
    }
    if (rc == NIMA_OK && out != NULL) {
        *out = last;
        last = NULL;
    }
    PQclear(last);
    return rc;
}

static struct nima_pg_stmt *pg_of(const struct nima_db_stmt *stmt)
{
    return stmt->engine;
}

static nima_rc read_ahead(struct nima_ctx *ctx, struct nima_db *db);

nima_rc nima_pg_ask(struct nima_ctx *ctx, struct nima_db *db, const char *sql, PGresult **out)
{
    NIMA_TRY(read_ahead(ctx, db));
    if (PQsendQuery(nima_pg_of(db)->conn, sql) == 0) {
        return nima_pg_fail(ctx, db, NULL);
    }
    return collect(ctx, db, out);
}

nima_rc nima_pg_exec(struct nima_ctx *ctx, struct nima_db *db, const char *sql)
{
    return nima_pg_ask(ctx, db, sql, NULL);
}

/* Transactions */

static void pg_close(struct nima_db *db)
{
    struct nima_pg *pg = nima_pg_of(db);
    if (pg != NULL) {
        PQfinish(pg->conn);
        free(pg->shown);
        free(pg);
    }
}

static nima_rc pg_begin(struct nima_ctx *ctx, struct nima_db *db, bool write)
{
    nima_pg_of(db)->committing = false;
    return nima_pg_exec(ctx, db,
                        write ? "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"
                              : "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
}

/* COMMIT of a transaction in which something failed is answered with ROLLBACK, and no error. */
static nima_rc pg_commit(struct nima_ctx *ctx, struct nima_db *db)
{
    struct nima_pg *pg = nima_pg_of(db);
    PGresult *result = NULL;
    NIMA_TRY(read_ahead(ctx, db));
    pg->committing = true;
    nima_rc rc = nima_pg_ask(ctx, db, "COMMIT", &result);
    pg->committing = false;
    if (rc == NIMA_OK && strcmp(PQcmdStatus(result), "COMMIT") != 0) {
        rc = nima_fail(ctx, NIMA_E_STORE, "%s undid this: see the log of the server", db->shown);
    }
    PQclear(result);
    return rc;
}

/* The error that led here stays. */
static void pg_rollback(struct nima_db *db)
{
    if (db->broken || PQtransactionStatus(nima_pg_of(db)->conn) == PQTRANS_IDLE) {
        return;
    }
    struct nima_ctx ctx;
    bool again = db->again;
    nima_ctx_init(&ctx);
    if (nima_pg_exec(&ctx, db, "ROLLBACK") != NIMA_OK) {
        db->broken = true;
    }
    db->again = again;
    nima_ctx_done(&ctx);
}

static nima_rc pg_has_table(struct nima_ctx *ctx, struct nima_db *db, nima_str name, bool *out)
{
    struct nima_db_stmt *stmt;
    NIMA_TRY(nima_db_first(ctx, db,
                           "SELECT 1 FROM pg_tables WHERE schemaname = current_schema() "
                           "AND tablename = $1",
                           NIMA_DB_ARGS(nima_db_text(name)), &stmt));
    *out = stmt != NULL;
    return stmt != NULL ? nima_db_end(ctx, stmt) : NIMA_OK;
}

static nima_rc pg_line_up(struct nima_ctx *ctx, struct nima_db *db)
{
    return nima_pg_exec(ctx, db, LINE_UP_SQL);
}

/* PostgreSQL keeps deleted rows in its files until a vacuum frees their place for others, and in
 * its log until that is reused (docs/store.md, What is deleted). When somebody is forgotten their
 * place is freed at once; that this may not be possible now undoes nothing. */
static nima_rc pg_scrub(struct nima_ctx *ctx, struct nima_db *db, int wait_ms)
{
    enum { WORTH_A_VACUUM_MS = 1000 };
    static const char *const tables[] = {"facts",    "fact_versions",  "conversations",
                                         "messages", "human_profiles", "idempotency"};
    if (wait_ms < WORTH_A_VACUUM_MS) {
        return NIMA_OK;
    }
    struct nima_error before = ctx->error;
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]) && !db->broken; i++) {
        const char *sql = nima_fmt(ctx, "VACUUM (SKIP_LOCKED) %s", tables[i]).ptr;
        if (nima_pg_exec(ctx, db, sql) != NIMA_OK) {
            ctx->error = before;
        }
    }
    return NIMA_OK;
}

/* Statements */

static nima_rc pg_prepare(struct nima_ctx *ctx, struct nima_db_stmt *stmt)
{
    struct nima_pg *pg = nima_pg_of(stmt->db);
    struct nima_pg_stmt *made = NIMA_XNEW(struct nima_pg_stmt, 1);
    stmt->engine = made;
    NIMA_TRY(read_ahead(ctx, stmt->db));
    snprintf(made->name, sizeof(made->name), "n%lu", ++pg->made);
    if (PQsendPrepare(pg->conn, made->name, stmt->sql, 0, NULL) == 0) {
        return nima_pg_fail(ctx, stmt->db, NULL);
    }
    NIMA_TRY(collect(ctx, stmt->db, NULL));
    made->prepared = true;
    return NIMA_OK;
}

static void drop_rows(struct nima_pg_stmt *pg)
{
    PQclear(pg->row);
    pg->row = NULL;
    while (pg->ahead_next < pg->ahead_count) {
        PQclear(pg->ahead[pg->ahead_next++]);
    }
    pg->ahead_next = pg->ahead_count = 0;
}

/* One that is dropped while its connection lives on makes room for another; a connection that is
 * being closed takes its statements along. */
static void pg_finalize(struct nima_db_stmt *stmt)
{
    struct nima_pg_stmt *pg = pg_of(stmt);
    struct nima_db *db = stmt->db;
    if (pg == NULL) {
        return;
    }
    if (pg->prepared && !db->closing && !db->broken) {
        struct nima_ctx ctx;
        nima_ctx_init(&ctx);
        const char *sql = nima_fmt(&ctx, "DEALLOCATE %s", pg->name).ptr;
        if (nima_pg_exec(&ctx, db, sql) != NIMA_OK) {
            db->broken = true;
        }
        nima_ctx_done(&ctx);
    }
    drop_rows(pg);
    for (int i = 0; i < NIMA_PG_PARAMS_MAX; i++) {
        free(pg->values[i].ptr);
    }
    for (int i = 0; i < NIMA_PG_COLUMNS_MAX; i++) {
        free(pg->cells[i].ptr);
    }
    free(pg->ahead);
    free(pg);
}

/* Texts are sent as such and read by the server as what the place wants, a UUID or a time; bytes
 * go as they are. libpq wants texts to end in a NUL. */
static nima_rc pg_bind(struct nima_ctx *ctx, struct nima_db_stmt *stmt, int index,
                       const struct nima_db_value *value)
{
    enum { NUMBER_CHARS = 40 };
    struct nima_pg_stmt *pg = pg_of(stmt);
    int at = index - 1;
    (void)ctx;
    nima_assert(at < NIMA_PG_PARAMS_MAX && value->text.len < INT32_MAX);
    pg->params = index > pg->params ? index : pg->params;
    pg->nulls[at] = value->kind == NIMA_DB_NULL;
    pg->formats[at] = value->kind == NIMA_DB_BYTES;
    bool text = value->text.ptr != NULL;
    char *to = nima_pg_room(&pg->values[at], text ? value->text.len + 1 : NUMBER_CHARS);
    switch (value->kind) {
    case NIMA_DB_NULL:
        break;
    case NIMA_DB_TEXT:
    case NIMA_DB_JSON:
    case NIMA_DB_BYTES:
        memcpy(to, value->text.ptr, value->text.len);
        to[value->text.len] = '\0';
        pg->lengths[at] = (int)value->text.len;
        break;
    case NIMA_DB_INT:
        snprintf(to, NUMBER_CHARS, "%lld", (long long)value->integer);
        break;
    case NIMA_DB_REAL:
        snprintf(to, NUMBER_CHARS, "%.17g", value->real);
        break;
    case NIMA_DB_TIME:
        nima_time_write(value->integer, to);
        break;
    }
    return NIMA_OK;
}

static nima_rc send(struct nima_ctx *ctx, struct nima_db_stmt *stmt)
{
    struct nima_pg_stmt *pg = pg_of(stmt);
    struct nima_pg *connection = nima_pg_of(stmt->db);
    const char *values[NIMA_PG_PARAMS_MAX];
    NIMA_TRY(read_ahead(ctx, stmt->db));
    for (int i = 0; i < pg->params; i++) {
        values[i] = pg->nulls[i] ? NULL : pg->values[i].ptr;
    }
    if (PQsendQueryPrepared(connection->conn, pg->name, pg->params, values, pg->lengths,
                            pg->formats, 1) == 0) {
        return nima_pg_fail(ctx, stmt->db, NULL);
    }
    PQsetSingleRowMode(connection->conn);
    connection->streaming = stmt;
    pg->sent = true;
    pg->ended = false;
    pg->changes = 0;
    return NIMA_OK;
}

/* The next row from the server, or NULL at the end. */
static nima_rc fetch(struct nima_ctx *ctx, struct nima_db_stmt *stmt, PGresult **out)
{
    struct nima_pg_stmt *pg = pg_of(stmt);
    PGresult *result = NULL;
    nima_rc rc = NIMA_OK;
    *out = NULL;
    while (!pg->ended) {
        nima_rc got = next_result(ctx, stmt->db, &result);
        if (got != NIMA_OK || result == NULL) {
            pg->ended = true;
            nima_pg_of(stmt->db)->streaming = NULL;
            return got != NIMA_OK ? got : rc;
        }
        if (PQresultStatus(result) == PGRES_SINGLE_TUPLE) {
            *out = result;
            return NIMA_OK;
        }
        if (!went_well(result)) {
            rc = rc == NIMA_OK ? nima_pg_fail(ctx, stmt->db, result) : rc;
        } else { /* the end: how many rows there were, or were written */
            pg->changes = strtoll(PQcmdTuples(result), NULL, 10);
        }
        PQclear(result);
    }
    return rc;
}

/* Makes the connection free for another statement. */
static nima_rc read_ahead(struct nima_ctx *ctx, struct nima_db *db)
{
    struct nima_db_stmt *stmt = nima_pg_of(db)->streaming;
    if (stmt == NULL) {
        return NIMA_OK;
    }
    struct nima_pg_stmt *pg = pg_of(stmt);
    PGresult *row = NULL;
    for (;;) {
        NIMA_TRY(fetch(ctx, stmt, &row));
        if (row == NULL) {
            return NIMA_OK;
        }
        if (pg->ahead_count == pg->ahead_room) {
            pg->ahead_room = pg->ahead_room > 0 ? pg->ahead_room * 2 : 32;
            pg->ahead = nima_xrealloc(pg->ahead, pg->ahead_room * sizeof(pg->ahead[0]));
        }
        pg->ahead[pg->ahead_count++] = row;
    }
}

static nima_rc pg_step(struct nima_ctx *ctx, struct nima_db_stmt *stmt, bool *row)
{
    struct nima_pg_stmt *pg = pg_of(stmt);
    if (!pg->sent) {
        NIMA_TRY(send(ctx, stmt));
    }
    PQclear(pg->row);
    pg->row = NULL;
    if (pg->ahead_next < pg->ahead_count) {
        pg->row = pg->ahead[pg->ahead_next++];
    } else {
        NIMA_TRY(fetch(ctx, stmt, &pg->row));
    }
    *row = pg->row != NULL;
    return NIMA_OK;
}

/* What is left of the rows is read and dropped. */
static nima_rc drain(struct nima_ctx *ctx, struct nima_db_stmt *stmt)
{
    PGresult *row = NULL;
    if (nima_pg_of(stmt->db)->streaming != stmt) {
        return NIMA_OK;
    }
    do {
        PQclear(row);
        row = NULL;
        NIMA_TRY(fetch(ctx, stmt, &row));
    } while (row != NULL);
    return NIMA_OK;
}

static void pg_reset(struct nima_db_stmt *stmt)
{
    struct nima_pg_stmt *pg = pg_of(stmt);
    if (!stmt->db->broken) {
        struct nima_ctx ctx;
        bool again = stmt->db->again;
        nima_ctx_init(&ctx);
        (void)!drain(&ctx, stmt);
        nima_ctx_done(&ctx);
        stmt->db->again = stmt->db->again || again;
    }
    drop_rows(pg);
    pg->sent = false;
}

static nima_rc pg_finish(struct nima_ctx *ctx, struct nima_db_stmt *stmt)
{
    if (!pg_of(stmt)->sent) {
        NIMA_TRY(send(ctx, stmt));
    }
    NIMA_TRY(drain(ctx, stmt));
    pg_reset(stmt);
    return NIMA_OK;
}

static int64_t pg_changes(struct nima_db_stmt *stmt)
{
    return pg_of(stmt)->changes;
}

static const struct nima_db_row_ops rows = {
    .prepare = pg_prepare,
    .finalize = pg_finalize,
    .bind = pg_bind,
    .step = pg_step,
    .finish = pg_finish,
    .reset = pg_reset,
    .changes = pg_changes,
    .is_null = nima_pg_is_null,
    .integer = nima_pg_integer,
    .real = nima_pg_real,
    .text = nima_pg_text,
    .bytes = nima_pg_bytes,
};

const struct nima_db_ops nima_db_postgres = {
    .scheme = "postgres",
    .alias = "postgresql",
    .dialect = "postgres",
    .types = {"UUID", "TIMESTAMPTZ", "JSONB", "BYTEA", "BIGINT", "DOUBLE PRECISION", ""},
    .like = "ILIKE", /* letters of every script, as the database's locale has them */
    .readers_default = 8,
    .open = nima_pg_open,
    .close = pg_close,
    .begin = pg_begin,
    .commit = pg_commit,
    .rollback = pg_rollback,
    .script = nima_pg_exec,
    .has_table = pg_has_table,
    .line_up = pg_line_up,
    .scrub = pg_scrub,
    .rows = &rows,
};
