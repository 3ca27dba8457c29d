/*
 * Opening a SQLite file: what stat() can tell, then SQLite and its settings. SQLite itself notices
 * on its first read that a file is no database or cut short.
 *
 * An existing file is never opened here beside SQLite: closing any descriptor of a file drops all
 * locks that this process holds on it, those of its other connections included.
 * No memory mapping: a file that shrinks under a mapping kills the process, a read() fails.
 */
#include "store/sqlite_int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/file.h"

static nima_rc make_folder_of(struct nima_ctx *ctx, const char *path)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL || slash == path) {
        return NIMA_OK;
    }
    nima_str folder = {path, (size_t)(slash - path)};
    return nima_dir_make(ctx, nima_cstr(ctx, folder));
}

/* Made by ourselves so that nobody else may read it; SQLite gives its log the same rights. */
static nima_rc make_file(struct nima_ctx *ctx, const char *path)
{
    NIMA_TRY(make_folder_of(ctx, path));
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 && errno != EEXIST) {
        return nima_fail(ctx, NIMA_E_STORE,
                         "cannot make %s: %s; give this user the right to write there, or name "
                         "another folder",
                         path, strerror(errno));
    }
    if (fd >= 0) {
        close(fd);
    }
    return NIMA_OK;
}

static nima_rc check_path(struct nima_ctx *ctx, const char *path, enum nima_db_mode mode)
{
    struct stat info;
    if (stat(path, &info) == 0) {
        if (S_ISDIR(info.st_mode)) {
            return nima_fail(ctx, NIMA_E_STORE, "%s is a folder: the store needs a file", path);
        }
        if (!S_ISREG(info.st_mode)) {
            return nima_fail(ctx, NIMA_E_STORE, "%s is not a regular file", path);
        }
        return NIMA_OK;
    }
    if (errno == ENOENT && mode == NIMA_DB_WRITER) {
        return make_file(ctx, path);
    }
    return nima_fail(ctx, errno == ENOENT ? NIMA_E_NOT_FOUND : NIMA_E_STORE, "cannot open %s: %s",
                     path, strerror(errno));
}

/* SQLite takes the last page of a file cut within it for zeros. While there is a log the file may
 * well end so: a crash came while the log was copied, and it will be copied again. */
static nima_rc check_size(struct nima_ctx *ctx, struct nima_db *db)
{
    struct stat file, log;
    int64_t page = 0;
    bool logged = stat(nima_fmt(ctx, "%s-wal", db->where).ptr, &log) == 0 && log.st_size > 0;
    NIMA_TRY(nima_sqlite_number(ctx, db, "PRAGMA page_size", &page));
    if (!logged && page > 0 && stat(db->where, &file) == 0 && file.st_size % page != 0) {
        return nima_sqlite_fail(ctx, db, SQLITE_CORRUPT);
    }
    return NIMA_OK;
}

static nima_rc check_owner(struct nima_ctx *ctx, struct nima_db *db, enum nima_db_mode mode)
{
    int64_t id = 0, tables = 0;
    NIMA_TRY(nima_sqlite_number(ctx, db, "PRAGMA application_id", &id));
    NIMA_TRY(nima_sqlite_number(ctx, db, "SELECT count(*) FROM sqlite_schema", &tables));
    if (id != NIMA_SQLITE_ID && (id != 0 || tables > 0)) {
        return nima_fail(ctx, NIMA_E_STORE,
                         "%s is a SQLite database of another program: name another file",
                         db->where);
    }
    if (mode == NIMA_DB_WRITER && id == 0) {
        NIMA_TRY(nima_sqlite_exec(ctx, db, "PRAGMA application_id = 0x4E494D41"));
    }
    return NIMA_OK;
}

static int see_journal_mode(void *log, int count, char **values, char **names)
{
    (void)names;
    *(bool *)log = count == 1 && values[0] != NULL && strcmp(values[0], "wal") == 0;
    return 0;
}

/* The writer alone: the log, and whether anything can be written at all. */
static nima_rc settle_writer(struct nima_ctx *ctx, struct nima_db *db)
{
    if (sqlite3_db_readonly(db->engine, "main") != 0) {
        return nima_sqlite_fail(ctx, db, SQLITE_READONLY);
    }
    bool log = false;
    int result =
        sqlite3_exec(db->engine, "PRAGMA journal_mode = WAL", see_journal_mode, &log, NULL);
    if (result != SQLITE_OK) {
        return nima_sqlite_fail(ctx, db, result);
    }
    if (!log) {
        return nima_fail(ctx, NIMA_E_STORE,
                         "%s is on a file system without shared memory (a network share?): name "
                         "a file on a local disk",
                         db->where);
    }
    return nima_sqlite_exec(ctx, db,
                            "PRAGMA secure_delete = ON;"
                            "PRAGMA journal_size_limit = 16777216;"
                            "PRAGMA wal_autocheckpoint = 1000;"
                            "PRAGMA cache_size = -8192");
}

nima_rc nima_sqlite_connect(struct nima_ctx *ctx, struct nima_db *db, const char *name, int flags)
{
    sqlite3 *engine = NULL;
    int result = sqlite3_open_v2(name, &engine, flags | SQLITE_OPEN_NOMUTEX, NULL);
    db->engine = engine;
    if (result != SQLITE_OK) {
        return nima_sqlite_fail(ctx, db, result);
    }
    sqlite3_extended_result_codes(engine, 1);
    sqlite3_busy_timeout(engine, NIMA_SQLITE_BUSY_MS);
    sqlite3_db_config(engine, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    return NIMA_OK;
}

nima_rc nima_sqlite_open(struct nima_ctx *ctx, struct nima_db *db, enum nima_db_mode mode)
{
    NIMA_TRY(check_path(ctx, db->where, mode));
    /* "./" keeps SQLite from reading ":memory:" or "file:" as anything but a file's name. */
    const char *prefix = db->where[0] == '/' ? "" : "./";
    const char *path = nima_fmt(ctx, "%s%s", prefix, db->where).ptr;
    NIMA_TRY(nima_sqlite_connect(ctx, db, path, SQLITE_OPEN_READWRITE));
    sqlite3 *engine = db->engine;
    sqlite3_db_config(engine, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(engine, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    sqlite3_db_config(engine, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
    NIMA_TRY(nima_sqlite_exec(ctx, db,
                              "PRAGMA synchronous = FULL;"
                              "PRAGMA foreign_keys = ON;"
                              "PRAGMA temp_store = MEMORY;"
                              "PRAGMA mmap_size = 0;"
                              "PRAGMA cell_size_check = ON;"
                              "PRAGMA cache_size = -2048"));
    NIMA_TRY(check_owner(ctx, db, mode));
    if (mode != NIMA_DB_READER) {
        NIMA_TRY(check_size(ctx, db));
    }
    if (mode == NIMA_DB_WRITER) {
        return settle_writer(ctx, db);
    }
    return nima_sqlite_exec(ctx, db, "PRAGMA query_only = ON");
}
