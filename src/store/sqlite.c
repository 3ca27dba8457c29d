/*
 * The SQLite engine: transactions, and errors in words. sqlite_open.c opens, sqlite_rows.c has the
 * statements.
 */
#include "store/sqlite_int.h"

#include <string.h>

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
    .rows = &nima_sqlite_rows,
};
