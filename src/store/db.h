#pragma once
/*
 * db: the engines under the repositories, private to this room. An engine is one `const struct
 * nima_db_ops` in a file of its own, listed in db.c and chosen by the scheme of the store's
 * address. To add one: write that file, add its row to `engines` in db.c, and the contract suite
 * in tests/unit/store runs against it.
 *
 * SQL        Written once: parameters are $1, $2 …, RETURNING and ON CONFLICT may be used, times
 *            and ids are bound and read through the calls below, so SQLite may keep them as text
 *            and PostgreSQL as TIMESTAMPTZ and UUID. JSON columns hold an object's text.
 * Lifetime   A connection belongs to whoever is inside nima_db_read or nima_db_write. Statements
 *            are prepared once for each connection and kept; those left open by an early return
 *            are reset when the transaction ends, so work functions use NIMA_TRY freely.
 * Ownership  Bound texts are borrowed until the statement ends. Columns read as `view` are
 *            borrowed until the next step; those read with a ctx are copied into its arena.
 * Threads    A connection is used by one thread at a time; the pools see to it.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "store/store.h"

struct nima_db;

enum nima_db_kind {
    NIMA_DB_NULL,
    NIMA_DB_TEXT,
    NIMA_DB_JSON, /* the text of a JSON object */
    NIMA_DB_BYTES,
    NIMA_DB_INT,
    NIMA_DB_REAL,
    NIMA_DB_TIME, /* ms since 1970 */
};
struct nima_db_value {
    enum nima_db_kind kind;
    nima_str text; /* TEXT, JSON, BYTES */
    int64_t integer;
    double real;
};

/* A prepared statement of one connection. */
struct nima_db_stmt {
    struct nima_db *db;
    char *sql;
    uint64_t hash;
    bool busy;    /* between nima_db_query and nima_db_end */
    void *engine; /* sqlite3_stmt * */
    struct nima_db_stmt *next;
};

enum nima_db_mode {
    NIMA_DB_WRITER, /* makes the database when there is none */
    NIMA_DB_READER,
    NIMA_DB_LOOK, /* NOT_FOUND when there is no database; nothing is changed */
};

/* What an engine can do. Every call gets a connection of its own kind. */
/* Statements and their rows: engines on the same library share one table of these. */
struct nima_db_row_ops {
    NIMA_MUST_USE nima_rc (*prepare)(struct nima_ctx *ctx, struct nima_db_stmt *stmt);
    void (*finalize)(struct nima_db_stmt *stmt);
    NIMA_MUST_USE nima_rc (*bind)(struct nima_ctx *ctx, struct nima_db_stmt *stmt, int index,
                                  const struct nima_db_value *value);
    NIMA_MUST_USE nima_rc (*step)(struct nima_ctx *ctx, struct nima_db_stmt *stmt, bool *row);
    /* Runs a statement that writes to its end, then makes it ready for the next use. */
    NIMA_MUST_USE nima_rc (*finish)(struct nima_ctx *ctx, struct nima_db_stmt *stmt);
    void (*reset)(struct nima_db_stmt *stmt);
    int64_t (*changes)(struct nima_db_stmt *stmt); /* rows the last statement wrote */

    bool (*is_null)(struct nima_db_stmt *stmt, int column);
    int64_t (*integer)(struct nima_db_stmt *stmt, int column);
    double (*real)(struct nima_db_stmt *stmt, int column);
    nima_str (*text)(struct nima_db_stmt *stmt, int column);  /* absent for NULL */
    nima_str (*bytes)(struct nima_db_stmt *stmt, int column); /* absent for NULL */
};

struct nima_db_ops {
    const char *scheme;   /* "sqlite" */
    const char *alias;    /* another word for it, or NULL */
    const char *dialect;  /* the word after "-- @" in migrations */
    const char *types[7]; /* how @uuid @time @json @bytes @int @real @strict are spelled */
    const char *check;    /* what makes the engine look for damage and say "ok"; NULL: nothing */
    const char *like;     /* LIKE that ignores letter case */
    int writers_max;      /* connections that may write at once; 0: as many as readers */
    int readers_default;  /* when the caller does not say; 0: 4 */
    bool rewrites;        /* a commit costs as much as what is there: few, large transactions */

    /* What all connections of one store share; both may be NULL. LOOK: as for open. */
    NIMA_MUST_USE nima_rc (*attach)(struct nima_ctx *ctx, const char *where, enum nima_db_mode mode,
                                    void **shared);
    void (*detach)(void *shared);
    const char *(*notes)(const void *shared); /* nima_store_notes; may be NULL */
    NIMA_MUST_USE nima_rc (*open)(struct nima_ctx *ctx, struct nima_db *db, enum nima_db_mode mode);
    void (*close)(struct nima_db *db);
    NIMA_MUST_USE nima_rc (*begin)(struct nima_ctx *ctx, struct nima_db *db, bool write);
    NIMA_MUST_USE nima_rc (*commit)(struct nima_ctx *ctx, struct nima_db *db);
    void (*rollback)(struct nima_db *db);
    /* Several statements without parameters, for migrations. */
    NIMA_MUST_USE nima_rc (*script)(struct nima_ctx *ctx, struct nima_db *db, const char *sql);
    NIMA_MUST_USE nima_rc (*has_table)(struct nima_ctx *ctx, struct nima_db *db, nima_str name,
                                       bool *out);
    /* Puts several processes that would migrate at once in line, until the transaction ends; NULL:
     * begin does that. */
    NIMA_MUST_USE nima_rc (*line_up)(struct nima_ctx *ctx, struct nima_db *db);
    /* Sees to it that what was deleted cannot be read in the files either. BUSY: not yet. */
    NIMA_MUST_USE nima_rc (*scrub)(struct nima_ctx *ctx, struct nima_db *db, int wait_ms);

    const struct nima_db_row_ops *rows;
};

/* One connection. */
struct nima_db {
    const struct nima_db_ops *ops;
    const char *where;          /* the address without its scheme; borrowed from the store */
    const char *shown;          /* the same for messages: nothing secret is in it */
    void *shared;               /* from attach; borrowed from the store */
    void *engine;               /* sqlite3 * */
    bool broken;                /* set by the engine: closed instead of used again … */
    bool again;                 /* … this transaction did not happen and may be run again … */
    bool away;                  /* … since the server has gone */
    bool closing;               /* its statements go with it */
    struct nima_db_stmt *stmts; /* last used first */
    size_t stmt_count;
    struct nima_db *next; /* in the pool's list of idle ones */
};

/* Connections of one kind, opened when first needed. */
struct nima_db_pool {
    pthread_mutex_t lock; /* guards idle and open */
    pthread_cond_t freed;
    struct nima_db *idle;
    int open, max;
};

struct nima_store {
    const struct nima_db_ops *ops;
    char *where;
    void *shared;     /* from ops->attach */
    atomic_bool away; /* the server did not answer last time: nobody waits for it any more */
    struct nima_db_pool writers, readers;
    atomic_bool scrub_due;       /* something was deleted and its bytes are still in a file */
    _Atomic int64_t scrub_at_ms; /* when wiping is tried again, on nima_mono_ms() */
};

extern const struct nima_db_ops nima_db_sqlite;
extern const struct nima_db_ops nima_db_postgres;
extern const struct nima_db_ops nima_db_files; /* json: */

/* Finds the engine and what it is to open. INVALID for an address nobody here knows. */
NIMA_MUST_USE nima_rc nima_db_address(struct nima_ctx *ctx, nima_str address,
                                      const struct nima_db_ops **ops, nima_str *where);
/* One connection outside the pools; free it with nima_db_close. */
NIMA_MUST_USE nima_rc nima_db_open(struct nima_ctx *ctx, const struct nima_db_ops *ops,
                                   const char *where, void *shared, enum nima_db_mode mode,
                                   struct nima_db **out);
void nima_db_close(struct nima_db *db);
void nima_db_pool_init(struct nima_db_pool *pool, int max);
void nima_db_pool_done(struct nima_db_pool *pool);

/* What is done within a transaction. It may be run again, so it sets its results only. */
typedef nima_rc (*nima_db_work)(struct nima_ctx *ctx, struct nima_db *db, void *arg);
/* Runs `work` in a transaction of its own that sees one state throughout. */
NIMA_MUST_USE nima_rc nima_db_read(struct nima_ctx *ctx, struct nima_store *store,
                                   nima_db_work work, void *arg);
/* The same for writing: on disk when this returns NIMA_OK, undone on any other result. */
NIMA_MUST_USE nima_rc nima_db_write(struct nima_ctx *ctx, struct nima_store *store,
                                    nima_db_work work, void *arg);
/* As nima_db_write, for work that deletes: afterwards the bytes are wiped from the files. With
 * `must`, BUSY when that is not possible now (the deletion itself stands); without, it is tried
 * again after the next write. */
NIMA_MUST_USE nima_rc nima_db_wipe(struct nima_ctx *ctx, struct nima_store *store,
                                   nima_db_work work, void *arg, bool must);
/* A transaction on a connection outside the pools. */
NIMA_MUST_USE nima_rc nima_db_within(struct nima_ctx *ctx, struct nima_db *db, bool write,
                                     nima_db_work work, void *arg);

#define NIMA_DB_ARGS(...)                                                                          \
    (const struct nima_db_value[]){__VA_ARGS__},                                                   \
        sizeof((const struct nima_db_value[]){__VA_ARGS__}) / sizeof(struct nima_db_value)

static inline struct nima_db_value nima_db_text(nima_str s) /* absent: NULL */
{
    return (struct nima_db_value){.kind = s.ptr != NULL ? NIMA_DB_TEXT : NIMA_DB_NULL, .text = s};
}
static inline struct nima_db_value nima_db_json(nima_str s) /* absent: NULL */
{
    return (struct nima_db_value){.kind = s.ptr != NULL ? NIMA_DB_JSON : NIMA_DB_NULL, .text = s};
}
static inline struct nima_db_value nima_db_bytes(nima_str s) /* absent: NULL */
{
    return (struct nima_db_value){.kind = s.ptr != NULL ? NIMA_DB_BYTES : NIMA_DB_NULL, .text = s};
}
static inline struct nima_db_value nima_db_int(int64_t value)
{
    return (struct nima_db_value){.kind = NIMA_DB_INT, .integer = value};
}
static inline struct nima_db_value nima_db_real(double value)
{
    return (struct nima_db_value){.kind = NIMA_DB_REAL, .real = value};
}
static inline struct nima_db_value nima_db_maybe_real(bool there, double value)
{
    return (struct nima_db_value){.kind = there ? NIMA_DB_REAL : NIMA_DB_NULL, .real = value};
}
static inline struct nima_db_value nima_db_time(int64_t unix_ms) /* 0: NULL */
{
    return (struct nima_db_value){.kind = unix_ms != 0 ? NIMA_DB_TIME : NIMA_DB_NULL,
                                  .integer = unix_ms};
}

/* Prepares (or finds) the statement and binds. Texts that are not NUL-free UTF-8, and JSON that
 * is no object, are INVALID. */
NIMA_MUST_USE nima_rc nima_db_query(struct nima_ctx *ctx, struct nima_db *db, const char *sql,
                                    const struct nima_db_value *args, size_t count,
                                    struct nima_db_stmt **out);
NIMA_MUST_USE nima_rc nima_db_step(struct nima_ctx *ctx, struct nima_db_stmt *stmt, bool *row);
/* Ends the use of a statement; one that writes is run to its end first. */
NIMA_MUST_USE nima_rc nima_db_end(struct nima_ctx *ctx, struct nima_db_stmt *stmt);
/* Query and first step: *out is NULL when there is no row, else to be ended by the caller. */
NIMA_MUST_USE nima_rc nima_db_first(struct nima_ctx *ctx, struct nima_db *db, const char *sql,
                                    const struct nima_db_value *args, size_t count,
                                    struct nima_db_stmt **out);
/* Runs to the end; *changes_out (may be NULL) is how many rows were written. */
NIMA_MUST_USE nima_rc nima_db_run(struct nima_ctx *ctx, struct nima_db *db, const char *sql,
                                  const struct nima_db_value *args, size_t count,
                                  int64_t *changes_out);

bool nima_db_is_null(struct nima_db_stmt *stmt, int column);
int64_t nima_db_get_int(struct nima_db_stmt *stmt, int column);
double nima_db_get_real(struct nima_db_stmt *stmt, int column);
int64_t nima_db_get_time(struct nima_db_stmt *stmt, int column); /* 0 for NULL */
nima_str nima_db_view(struct nima_db_stmt *stmt, int column);    /* text */
nima_str nima_db_view_bytes(struct nima_db_stmt *stmt, int column);
nima_str nima_db_get_text(struct nima_ctx *ctx, struct nima_db_stmt *stmt, int column);
