/*
 * The SQLite engine: transactions, statements, columns, and errors in words. sqlite_open.c opens.
 */
#include "store/sqlite_int.h"

#include <string.h>

#include "util/clock.h"

static sqlite3 *handle(const struct nima_db *db)
{
    return db->engine;
}

/* Constraints are our own checks failing late: a writer of rows turns what it expects into words
 * of its own. */
static nima_rc constraint(struct nima_ctx *ctx, int result)
{
    switch (result) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID:
        return nima_fail(ctx, NIMA_E_CONFLICT, "this is already there");
    case SQLITE_CONSTRAINT_FOREIGNKEY:
        return nima_fail(ctx, NIMA_E_NOT_FOUND, "what this belongs to is gone");
    default:
        return nima_fail(ctx, NIMA_E_INVALID, "a value is not one that can be stored");
    }
}

static nima_rc busy(struct nima_ctx *ctx, const char *path)
{
    nima_rc rc = nima_fail(ctx, NIMA_E_BUSY,
                           "%s is locked by another program; try again, or end what uses it", path);
    ctx->error.retry_after_s = 1;
    return rc;
}

nima_rc nima_sqlite_fail(struct nima_ctx *ctx, struct nima_db *db, int result)
{
    const char *path = db->where;
    int reason = handle(db) != NULL ? sqlite3_system_errno(handle(db)) : 0;
    const char *system = reason != 0 ? strerror(reason) : sqlite3_errstr(result);
    switch (result & 0xff) {
    case SQLITE_CONSTRAINT:
        return constraint(ctx, result);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return busy(ctx, path);
    case SQLITE_FULL:
        return nima_fail(ctx, NIMA_E_STORE, "the disk is full: free space where %s lies", path);
    case SQLITE_READONLY:
    case SQLITE_PERM:
        return nima_fail(ctx, NIMA_E_STORE,
                         "%s cannot be written: give this user the right to write the file and "
                         "its folder",
                         path);
    case SQLITE_CANTOPEN:
        return nima_fail(ctx, NIMA_E_STORE, "%s cannot be opened: %s", path, system);
    case SQLITE_NOTADB:
        return nima_fail(ctx, NIMA_E_STORE,
                         "%s is not a SQLite database: move it away or name another file", path);
    case SQLITE_CORRUPT:
        return nima_fail(ctx, NIMA_E_STORE,
                         "%s is damaged: stop, keep a copy of it, then restore a backup or save "
                         "what can be read with \"sqlite3 FILE .recover\"",
                         path);
    case SQLITE_IOERR:
        return nima_fail(ctx, NIMA_E_STORE,
                         "reading or writing %s failed (%s): look at the disk and its free space",
                         path, system);
    case SQLITE_TOOBIG:
        return nima_fail(ctx, NIMA_E_TOO_LARGE, "a value is larger than can be stored");
    default:
        return nima_fail(ctx, NIMA_E_STORE, "%s: %s", path,
                         handle(db) != NULL ? sqlite3_errmsg(handle(db)) : sqlite3_errstr(result));
    }
}

nima_rc nima_sqlite_exec(struct nima_ctx *ctx, struct nima_db *db, const char *sql)
{
    int result = sqlite3_exec(handle(db), sql, NULL, NULL, NULL);
    return result == SQLITE_OK ? NIMA_OK : nima_sqlite_fail(ctx, db, result);
}

nima_rc nima_sqlite_number(struct nima_ctx *ctx, struct nima_db *db, const char *sql, int64_t *out)
{
    sqlite3_stmt *stmt = NULL;
    int result = sqlite3_prepare_v2(handle(db), sql, -1, &stmt, NULL);
    if (result == SQLITE_OK) {
        result = sqlite3_step(stmt);
    }
    if (result == SQLITE_ROW) {
        *out = sqlite3_column_int64(stmt, 0);
    }
    nima_rc rc =
        result == SQLITE_ROW || result == SQLITE_DONE ? NIMA_OK : nima_sqlite_fail(ctx, db, result);
    sqlite3_finalize(stmt);
    return rc;
}

void nima_sqlite_close(struct nima_db *db)
{
    if (handle(db) != NULL) {
        sqlite3_close_v2(handle(db));
    }
}

/* BEGIN IMMEDIATE for all that writes: a read that turns into a write fails with BUSY_SNAPSHOT
 * when somebody wrote in between, and no busy handler is asked about that. */
static nima_rc sqlite_begin(struct nima_ctx *ctx, struct nima_db *db, bool write)
{
    return nima_sqlite_exec(ctx, db, write ? "BEGIN IMMEDIATE" : "BEGIN");
}

static nima_rc sqlite_commit(struct nima_ctx *ctx, struct nima_db *db)
{
    return nima_sqlite_exec(ctx, db, "COMMIT");
}

/* Some errors roll back by themselves, so there may be nothing to do. */
void nima_sqlite_rollback(struct nima_db *db)
{
    if (sqlite3_get_autocommit(handle(db)) == 0) {
        sqlite3_exec(handle(db), "ROLLBACK", NULL, NULL, NULL);
    }
}

nima_rc nima_sqlite_has_table(struct nima_ctx *ctx, struct nima_db *db, nima_str name, bool *out)
{
    struct nima_db_stmt *stmt;
    NIMA_TRY(nima_db_first(ctx, db,
                           "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = $1",
                           NIMA_DB_ARGS(nima_db_text(name)), &stmt));
    *out = stmt != NULL;
    return stmt != NULL ? nima_db_end(ctx, stmt) : NIMA_OK;
}

/* secure_delete has zeroed the rows in their pages; what is left of them stands in the log, which
 * goes once its pages are copied to the database and no reader needs it. */
static nima_rc sqlite_scrub(struct nima_ctx *ctx, struct nima_db *db, int wait_ms)
{
    sqlite3_busy_timeout(handle(db), wait_ms);
    int result =
        sqlite3_wal_checkpoint_v2(handle(db), "main", SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    sqlite3_busy_timeout(handle(db), NIMA_SQLITE_BUSY_MS);
    if (result == SQLITE_BUSY) {
        nima_rc rc = nima_fail(ctx, NIMA_E_BUSY,
                               "this is deleted, but its traces in the log could not be wiped "
                               "while it is being read: do it again");
        ctx->error.retry_after_s = 1;
        return rc;
    }
    return result == SQLITE_OK ? NIMA_OK : nima_sqlite_fail(ctx, db, result);
}

nima_rc nima_sqlite_prepare(struct nima_ctx *ctx, struct nima_db_stmt *stmt)
{
    sqlite3_stmt *prepared = NULL;
    int result = sqlite3_prepare_v3(handle(stmt->db), stmt->sql, -1, SQLITE_PREPARE_PERSISTENT,
                                    &prepared, NULL);
    stmt->engine = prepared;
    return result == SQLITE_OK ? NIMA_OK : nima_sqlite_fail(ctx, stmt->db, result);
}

void nima_sqlite_finalize(struct nima_db_stmt *stmt)
{
    sqlite3_finalize(stmt->engine);
}

/* $1 is a name to SQLite, not a number, so it is looked up. */
nima_rc nima_sqlite_bind(struct nima_ctx *ctx, struct nima_db_stmt *stmt, int index,
                         const struct nima_db_value *value)
{
    char name[16];
    snprintf(name, sizeof(name), "$%d", index);
    int at = sqlite3_bind_parameter_index(stmt->engine, name);
    nima_assert(at > 0);
    int result = SQLITE_OK;
    char time[NIMA_TIME_CHARS + 1];
    switch (value->kind) {
    case NIMA_DB_NULL:
        result = sqlite3_bind_null(stmt->engine, at);
        break;
    case NIMA_DB_TEXT:
    case NIMA_DB_JSON:
        result = sqlite3_bind_text64(stmt->engine, at, value->text.ptr, value->text.len,
                                     SQLITE_STATIC, SQLITE_UTF8);
        break;
    case NIMA_DB_BYTES:
        result =
            sqlite3_bind_blob64(stmt->engine, at, value->text.ptr, value->text.len, SQLITE_STATIC);
        break;
    case NIMA_DB_INT:
        result = sqlite3_bind_int64(stmt->engine, at, value->integer);
        break;
    case NIMA_DB_REAL:
        result = sqlite3_bind_double(stmt->engine, at, value->real);
        break;
    case NIMA_DB_TIME:
        nima_time_write(value->integer, time);
        result = sqlite3_bind_text(stmt->engine, at, time, NIMA_TIME_CHARS, SQLITE_TRANSIENT);
        break;
    }
    return result == SQLITE_OK ? NIMA_OK : nima_sqlite_fail(ctx, stmt->db, result);
}

nima_rc nima_sqlite_step(struct nima_ctx *ctx, struct nima_db_stmt *stmt, bool *row)
{
    int result = sqlite3_step(stmt->engine);
    if (result != SQLITE_ROW && result != SQLITE_DONE) {
        return nima_sqlite_fail(ctx, stmt->db, result);
    }
    *row = result == SQLITE_ROW;
    return NIMA_OK;
}

void nima_sqlite_reset(struct nima_db_stmt *stmt)
{
    sqlite3_reset(stmt->engine);
    sqlite3_clear_bindings(stmt->engine); /* they borrow from the caller */
}

nima_rc nima_sqlite_finish(struct nima_ctx *ctx, struct nima_db_stmt *stmt)
{
    bool row = sqlite3_stmt_busy(stmt->engine) && !sqlite3_stmt_readonly(stmt->engine);
    while (row) {
        NIMA_TRY(nima_sqlite_step(ctx, stmt, &row));
    }
    nima_sqlite_reset(stmt);
    return NIMA_OK;
}

int64_t nima_sqlite_changes(struct nima_db_stmt *stmt)
{
    return sqlite3_changes64(handle(stmt->db));
}

bool nima_sqlite_is_null(struct nima_db_stmt *stmt, int column)
{
    return sqlite3_column_type(stmt->engine, column) == SQLITE_NULL;
}

int64_t nima_sqlite_integer(struct nima_db_stmt *stmt, int column)
{
    return sqlite3_column_int64(stmt->engine, column);
}

double nima_sqlite_real(struct nima_db_stmt *stmt, int column)
{
    return sqlite3_column_double(stmt->engine, column);
}

nima_str nima_sqlite_text(struct nima_db_stmt *stmt, int column)
{
    const char *text = (const char *)sqlite3_column_text(stmt->engine, column);
    return (nima_str){text, text != NULL ? (size_t)sqlite3_column_bytes(stmt->engine, column) : 0};
}

nima_str nima_sqlite_bytes(struct nima_db_stmt *stmt, int column)
{
    if (nima_sqlite_is_null(stmt, column)) {
        return (nima_str){0};
    }
    /* A blob of no bytes is a NULL pointer to SQLite. */
    const char *bytes = sqlite3_column_blob(stmt->engine, column);
    return (nima_str){bytes != NULL ? bytes : "",
                      (size_t)sqlite3_column_bytes(stmt->engine, column)};
}

const struct nima_db_ops nima_db_sqlite = {
    .scheme = "sqlite",
    .dialect = "sqlite",
    .types = {"TEXT", "TEXT", "TEXT", "BLOB", "INTEGER", "REAL", "STRICT"},
    .check = "PRAGMA quick_check(1)",
    .like = "LIKE", /* of ASCII letters; others are compared as they are */
    .writers_max = 1,
    .open = nima_sqlite_open,
    .close = nima_sqlite_close,
    .begin = sqlite_begin,
    .commit = sqlite_commit,
    .rollback = nima_sqlite_rollback,
    .script = nima_sqlite_exec,
    .has_table = nima_sqlite_has_table,
    .scrub = sqlite_scrub,
    .prepare = nima_sqlite_prepare,
    .finalize = nima_sqlite_finalize,
    .bind = nima_sqlite_bind,
    .step = nima_sqlite_step,
    .finish = nima_sqlite_finish,
    .reset = nima_sqlite_reset,
    .changes = nima_sqlite_changes,
    .is_null = nima_sqlite_is_null,
    .integer = nima_sqlite_integer,
    .real = nima_sqlite_real,
    .text = nima_sqlite_text,
    .bytes = nima_sqlite_bytes,
};
