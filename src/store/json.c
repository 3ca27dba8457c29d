/*
 * The JSON engine, for development: the tables are SQLite's, in memory, read from the files of a
 * folder at the start; a commit writes the files of the tables that it changed. One process, and
 * one writer that nobody reads beside: what is committed is on disk before anybody sees it.
 */
#include "store/json_int.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NOTES_BYTES_MAX = 8000 };

static const struct nima_column migration_columns[] = {
    {"version", NIMA_DB_INT, NIMA_COLUMN_KEY, NULL},
    {"name", NIMA_DB_TEXT, 0, NULL},
    {"checksum", NIMA_DB_TEXT, 0, NULL},
    {"applied_at", NIMA_DB_TIME, 0, "now"},
};
static const struct nima_table migrations = {
    .name = "schema_migrations",
    .file = "tables/schema_migrations.json",
    .columns = migration_columns,
    .count = 4,
};

const struct nima_table *nima_json_table(size_t number)
{
    if (number == 0) {
        return &migrations;
    }
    return nima_tables[number - 1].name != NULL ? &nima_tables[number - 1] : NULL;
}

/* SQLite tells of every row that is written, cascades included. */
static void note_change(void *arg, int what, const char *database, const char *table,
                        sqlite3_int64 row)
{
    struct nima_json_dir *dir = arg;
    (void)what;
    (void)database;
    (void)row;
    for (size_t i = 0; nima_json_table(i) != NULL; i++) {
        if (strcmp(nima_json_table(i)->name, table) == 0) {
            dir->dirty[i] = true;
        }
    }
}

static void forget_changes(struct nima_json_dir *dir)
{
    memset(dir->dirty, 0, sizeof(dir->dirty));
}

static nima_rc json_open(struct nima_ctx *ctx, struct nima_db *db, enum nima_db_mode mode)
{
    struct nima_json_dir *dir = db->shared;
    NIMA_TRY(nima_sqlite_connect(ctx, db, dir->name,
                                 SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_URI));
    NIMA_TRY(nima_sqlite_exec(ctx, db,
                              "PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; "
                              "PRAGMA secure_delete = ON; PRAGMA cache_size = -16384"));
    if (mode == NIMA_DB_READER) {
        return nima_sqlite_exec(ctx, db, "PRAGMA query_only = ON");
    }
    sqlite3_update_hook(db->engine, note_change, dir);
    return NIMA_OK;
}

static void json_detach(void *shared)
{
    struct nima_json_dir *dir = shared;
    nima_db_close(dir->keeper);
    nima_json_files_close(dir);
    nima_buf_done(&dir->notes);
    free(dir->folder);
    free(dir);
}

static nima_rc json_attach(struct nima_ctx *ctx, const char *where, enum nima_db_mode mode,
                           void **shared)
{
    static atomic_uint made;
    struct nima_json_dir *dir = NIMA_XNEW(struct nima_json_dir, 1);
    dir->folder = nima_xstrdup(nima_str_of(where));
    nima_buf_init(&dir->notes, NOTES_BYTES_MAX);
    snprintf(dir->name, sizeof(dir->name), "file:/nima-%u?vfs=memdb", atomic_fetch_add(&made, 1));
    *shared = dir; /* so that the caller frees it, whatever happens now */
    NIMA_TRY(nima_json_files_open(ctx, dir, mode));
    NIMA_TRY(nima_db_open(ctx, &nima_db_files, dir->folder, dir, mode, &dir->keeper));
    return nima_json_load(ctx, dir->keeper, mode);
}

static const char *json_notes(const void *shared)
{
    const struct nima_json_dir *dir = shared;
    return dir->notes.len > 0 ? dir->notes.ptr : NULL;
}

/* EXCLUSIVE: once begun, nothing but the disk can refuse the commit. */
static nima_rc json_begin(struct nima_ctx *ctx, struct nima_db *db, bool write)
{
    struct nima_json_dir *dir = db->shared;
    if (atomic_load(&dir->out_of_step)) {
        return nima_fail(ctx, NIMA_E_STORE, "%s has to be read again: start Nima anew",
                         dir->folder);
    }
    NIMA_TRY(nima_sqlite_exec(ctx, db, write ? "BEGIN EXCLUSIVE" : "BEGIN"));
    if (write) {
        forget_changes(dir);
    }
    return NIMA_OK;
}

static nima_rc json_commit(struct nima_ctx *ctx, struct nima_db *db)
{
    struct nima_json_dir *dir = db->shared;
    bool write = sqlite3_txn_state(db->engine, "main") == SQLITE_TXN_WRITE;
    bool saves = write && dir->saves;
    if (saves) {
        NIMA_TRY(nima_json_save(ctx, db));
    }
    nima_rc rc = nima_sqlite_exec(ctx, db, "COMMIT");
    if (saves && rc != NIMA_OK) {
        atomic_store(&dir->out_of_step, true);
    }
    return rc;
}

static nima_rc json_scrub(struct nima_ctx *ctx, struct nima_db *db, int wait_ms)
{
    (void)ctx; /* the files were written anew, without what was deleted */
    (void)db;
    (void)wait_ms;
    return NIMA_OK;
}

const struct nima_db_ops nima_db_files = {
    .scheme = "json",
    .dialect = "sqlite",
    .types = {"TEXT", "TEXT", "TEXT", "BLOB", "INTEGER", "REAL", "STRICT"},
    .like = "LIKE",
    .writers_max = 1,
    .rewrites = true,
    .attach = json_attach,
    .detach = json_detach,
    .notes = json_notes,
    .open = json_open,
    .close = nima_sqlite_close,
    .begin = json_begin,
    .commit = json_commit,
    .rollback = nima_sqlite_rollback,
    .script = nima_sqlite_exec,
    .has_table = nima_sqlite_has_table,
    .scrub = json_scrub,
    .rows = &nima_sqlite_rows,
};
