/*
 * Statements and columns of SQLite, for the engines on it: sqlite: and json:.
 */
#include <stdio.h>

#include "store/sqlite_int.h"
#include "util/clock.h"

static nima_rc rows_prepare(struct nima_ctx *ctx, struct nima_db_stmt *stmt)
{
    sqlite3_stmt *prepared = NULL;
    int result = sqlite3_prepare_v3(stmt->db->engine, stmt->sql, -1, SQLITE_PREPARE_PERSISTENT,
                                    &prepared, NULL);
    stmt->engine = prepared;
    return result == SQLITE_OK ? NIMA_OK : nima_sqlite_fail(ctx, stmt->db, result);
}

static void rows_finalize(struct nima_db_stmt *stmt)
{
    sqlite3_finalize(stmt->engine);
}

/* $1 is a name to SQLite, not a number, so it is looked up. */
static nima_rc rows_bind(struct nima_ctx *ctx, struct nima_db_stmt *stmt, int index,
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

static nima_rc rows_step(struct nima_ctx *ctx, struct nima_db_stmt *stmt, bool *row)
{
    int result = sqlite3_step(stmt->engine);
    if (result != SQLITE_ROW && result != SQLITE_DONE) {
        return nima_sqlite_fail(ctx, stmt->db, result);
    }
    *row = result == SQLITE_ROW;
    return NIMA_OK;
}

static void rows_reset(struct nima_db_stmt *stmt)
{
    sqlite3_reset(stmt->engine);
    sqlite3_clear_bindings(stmt->engine); /* they borrow from the caller */
}

static nima_rc rows_finish(struct nima_ctx *ctx, struct nima_db_stmt *stmt)
{
    bool row = sqlite3_stmt_busy(stmt->engine) && !sqlite3_stmt_readonly(stmt->engine);
    while (row) {
        NIMA_TRY(rows_step(ctx, stmt, &row));
    }
    rows_reset(stmt);
    return NIMA_OK;
}

static int64_t rows_changes(struct nima_db_stmt *stmt)
{
    return sqlite3_changes64(stmt->db->engine);
}

static bool rows_is_null(struct nima_db_stmt *stmt, int column)
{
    return sqlite3_column_type(stmt->engine, column) == SQLITE_NULL;
}

static int64_t rows_integer(struct nima_db_stmt *stmt, int column)
{
    return sqlite3_column_int64(stmt->engine, column);
}

static double rows_real(struct nima_db_stmt *stmt, int column)
{
    return sqlite3_column_double(stmt->engine, column);
}

static nima_str rows_text(struct nima_db_stmt *stmt, int column)
{
    const char *text = (const char *)sqlite3_column_text(stmt->engine, column);
    return (nima_str){text, text != NULL ? (size_t)sqlite3_column_bytes(stmt->engine, column) : 0};
}

static nima_str rows_bytes(struct nima_db_stmt *stmt, int column)
{
    if (rows_is_null(stmt, column)) {
        return (nima_str){0};
    }
    /* A blob of no bytes is a NULL pointer to SQLite. */
    const char *bytes = sqlite3_column_blob(stmt->engine, column);
    return (nima_str){bytes != NULL ? bytes : "",
                      (size_t)sqlite3_column_bytes(stmt->engine, column)};
}

const struct nima_db_row_ops nima_sqlite_rows = {
    .prepare = rows_prepare,
    .finalize = rows_finalize,
    .bind = rows_bind,
    .step = rows_step,
    .finish = rows_finish,
    .reset = rows_reset,
    .changes = rows_changes,
    .is_null = rows_is_null,
    .integer = rows_integer,
    .real = rows_real,
    .text = rows_text,
    .bytes = rows_bytes,
};
