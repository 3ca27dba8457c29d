#pragma once
/*
 * sqlite_int: what the files of the SQLite engine share.
 */
#include <sqlite3.h>

#include "store/db.h"

/* "NIMA" in the file's header, so that file(1) and we know whose database it is. */
#define NIMA_SQLITE_ID INT64_C(0x4E494D41)

/* How long SQLite itself waits for a lock that another process holds. */
enum { NIMA_SQLITE_BUSY_MS = 10000 };

/* Turns a result of SQLite into ours, with a message that says what to do. */
NIMA_MUST_USE nima_rc nima_sqlite_fail(struct nima_ctx *ctx, struct nima_db *db, int result);
NIMA_MUST_USE nima_rc nima_sqlite_exec(struct nima_ctx *ctx, struct nima_db *db, const char *sql);
/* One number, such as a pragma's value. */
NIMA_MUST_USE nima_rc nima_sqlite_number(struct nima_ctx *ctx, struct nima_db *db, const char *sql,
                                         int64_t *out);
/* Makes the connection, which belongs to `db` also when this fails, and guards it. */
NIMA_MUST_USE nima_rc nima_sqlite_connect(struct nima_ctx *ctx, struct nima_db *db,
                                          const char *name, int flags);
NIMA_MUST_USE nima_rc nima_sqlite_open(struct nima_ctx *ctx, struct nima_db *db,
                                       enum nima_db_mode mode);

/* The operations, which the JSON engine has as well: its tables are SQLite's, in memory. */
void nima_sqlite_close(struct nima_db *db);
void nima_sqlite_rollback(struct nima_db *db);
NIMA_MUST_USE nima_rc nima_sqlite_has_table(struct nima_ctx *ctx, struct nima_db *db, nima_str name,
                                            bool *out);
extern const struct nima_db_row_ops nima_sqlite_rows;
