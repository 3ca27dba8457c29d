/*
 * What the engines have in common: the list of them, pools of connections, transactions, prepared
 * statements kept by their text, and checks of what is bound.
 */
#include "store/db.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "util/clock.h"
#include "util/json.h"

enum {
    STMTS_MAX = 96,       /* kept for each connection; all queries together are fewer */
    WAIT_FOR_DB_S = 15,   /* for a connection, before the caller is told to come again */
    WIPE_WAIT_MS = 5000,  /* for readers to let go of the log, when wiping is a must */
    WIPE_TRY_MS = 50,     /* the same when it can be done later … */
    WIPE_AGAIN_MS = 1000, /* … with one of the next writes */
    TRIES_MAX = 6,        /* of a transaction that did not happen, waiting in between */
    FIRST_WAIT_MS = 40,   /* doubled each time: 2.5 s in all */
};

static const struct nima_db_ops *const engines[] = {&nima_db_sqlite, &nima_db_postgres,
                                                    &nima_db_files};

static bool is_scheme(nima_str address, const char *scheme)
{
    nima_str name = nima_str_of(scheme);
    return name.ptr != NULL && nima_str_starts(address, name) && address.len > name.len &&
           address.ptr[name.len] == ':';
}

nima_rc nima_db_address(struct nima_ctx *ctx, nima_str address, const struct nima_db_ops **ops,
                        nima_str *where)
{
    for (size_t i = 0; i < sizeof(engines) / sizeof(engines[0]); i++) {
        if (is_scheme(address, engines[i]->scheme) || is_scheme(address, engines[i]->alias)) {
            *ops = engines[i];
            *where =
                nima_str_sub(address, nima_str_find(address, NIMA_STR(":"), 0) + 1, address.len);
            goto found;
        }
    }
    if (nima_str_find(address, NIMA_STR("://"), 0) != SIZE_MAX) {
        return nima_fail_field(ctx, NIMA_E_INVALID, "store",
                               "the store's address is of no known kind: use sqlite:PATH, "
                               "json:FOLDER or postgres://USER:PASSWORD@HOST/DATABASE");
    }
    *ops = engines[0];
    *where = address;
found:
    if (where->len == 0 || !nima_utf8_valid(*where)) {
        return nima_fail_field(ctx, NIMA_E_INVALID, "store",
                               "the store's address names nothing: use sqlite:PATH, "
                               "json:FOLDER or postgres://USER:PASSWORD@HOST/DATABASE");
    }
    return NIMA_OK;
}

/* Connections */

static void drop_stmt(struct nima_db_stmt *stmt)
{
    stmt->db->ops->rows->finalize(stmt);
    free(stmt->sql);
    free(stmt);
}

nima_rc nima_db_open(struct nima_ctx *ctx, const struct nima_db_ops *ops, const char *where,
                     void *shared, enum nima_db_mode mode, struct nima_db **out)
{
    struct nima_db *db = NIMA_XNEW(struct nima_db, 1);
    db->ops = ops;
    db->where = where;
    db->shown = where;
    db->shared = shared;
    nima_rc rc = ops->open(ctx, db, mode);
    if (rc != NIMA_OK) {
        nima_db_close(db);
        return rc;
    }
    *out = db;
    return NIMA_OK;
}

void nima_db_close(struct nima_db *db)
{
    if (db == NULL) {
        return;
    }
    db->closing = true;
    while (db->stmts != NULL) {
        struct nima_db_stmt *stmt = db->stmts;
        db->stmts = stmt->next;
        drop_stmt(stmt);
    }
    db->ops->close(db);
    free(db);
}

void nima_db_pool_init(struct nima_db_pool *pool, int max)
{
    *pool = (struct nima_db_pool){.max = max};
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->freed, &attr);
    pthread_condattr_destroy(&attr);
}

static void close_idle(struct nima_db_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    struct nima_db *idle = pool->idle;
    pool->idle = NULL;
    for (struct nima_db *db = idle; db != NULL; db = db->next) {
        pool->open--;
    }
    pthread_cond_broadcast(&pool->freed);
    pthread_mutex_unlock(&pool->lock);
    while (idle != NULL) {
        struct nima_db *db = idle;
        idle = db->next;
        nima_db_close(db);
    }
}

void nima_db_pool_done(struct nima_db_pool *pool)
{
    close_idle(pool);
    nima_assert(pool->open == 0); /* nobody is inside the store any more */
    pthread_cond_destroy(&pool->freed);
    pthread_mutex_destroy(&pool->lock);
}

static void give_back(struct nima_db_pool *pool, struct nima_db *db)
{
    bool broken = db->broken;
    if (broken) {
        nima_db_close(db);
    }
    pthread_mutex_lock(&pool->lock);
    if (broken) {
        pool->open--;
    } else {
        db->next = pool->idle;
        pool->idle = db;
    }
    pthread_cond_signal(&pool->freed);
    pthread_mutex_unlock(&pool->lock);
}

static nima_rc too_busy(struct nima_ctx *ctx)
{
    nima_rc rc =
        nima_fail(ctx, NIMA_E_BUSY, "the store has been busy for %d s; try again", WAIT_FOR_DB_S);
    ctx->error.retry_after_s = 1;
    return rc;
}

/* The deadline of a request does not count here: what was generated before it ran out is kept. */
static nima_rc take(struct nima_ctx *ctx, struct nima_store *store, struct nima_db_pool *pool,
                    enum nima_db_mode mode, struct nima_db **out)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += WAIT_FOR_DB_S;
    int waited = 0;
    pthread_mutex_lock(&pool->lock);
    while (pool->idle == NULL && pool->open >= pool->max && waited == 0) {
        waited = pthread_cond_timedwait(&pool->freed, &pool->lock, &until);
    }
    struct nima_db *db = pool->idle;
    bool make = db == NULL && pool->open < pool->max;
    if (db != NULL) {
        pool->idle = db->next;
    } else if (make) {
        pool->open++;
    }
    pthread_mutex_unlock(&pool->lock);
    if (db == NULL && !make) {
        return too_busy(ctx);
    }
    if (make) {
        nima_rc rc = nima_db_open(ctx, store->ops, store->where, store->shared, mode, &db);
        if (rc != NIMA_OK) {
            pthread_mutex_lock(&pool->lock);
            pool->open--;
            pthread_cond_signal(&pool->freed);
            pthread_mutex_unlock(&pool->lock);
            return rc;
        }
    }
    *out = db;
    return NIMA_OK;
}

/* Transactions */

static void reset_all(struct nima_db *db)
{
    for (struct nima_db_stmt *stmt = db->stmts; stmt != NULL; stmt = stmt->next) {
        if (stmt->busy) {
            db->ops->rows->reset(stmt);
            stmt->busy = false;
        }
    }
}

nima_rc nima_db_within(struct nima_ctx *ctx, struct nima_db *db, bool write, nima_db_work work,
                       void *arg)
{
    NIMA_TRY(db->ops->begin(ctx, db, write));
    nima_rc rc = work(ctx, db, arg);
    reset_all(db);
    if (rc == NIMA_OK) {
        rc = db->ops->commit(ctx, db);
    }
    if (rc != NIMA_OK) {
        db->ops->rollback(db);
    }
    return rc;
}

/* Wipes what this or an earlier deletion left. Failing does no harm: the flag stays. */
static nima_rc scrub(struct nima_ctx *ctx, struct nima_store *store, struct nima_db *db,
                     int wait_ms)
{
    nima_rc rc = db->ops->scrub(ctx, db, wait_ms);
    atomic_store(&store->scrub_due, rc != NIMA_OK);
    atomic_store(&store->scrub_at_ms, nima_mono_ms() + WIPE_AGAIN_MS);
    return rc;
}

/* After a write that stands, so neither its result nor the caller's error may change. */
static void scrub_leftovers(struct nima_ctx *ctx, struct nima_store *store, struct nima_db *db,
                            bool deleted)
{
    bool due = atomic_load(&store->scrub_due);
    if (deleted || (due && nima_mono_ms() >= atomic_load(&store->scrub_at_ms))) {
        struct nima_error before = ctx->error;
        if (scrub(ctx, store, db, deleted ? WIPE_TRY_MS : 0) != NIMA_OK) {
            ctx->error = before;
        }
    }
}

/* One transaction as it was asked for. */
struct call {
    struct nima_db_pool *pool;
    enum nima_db_mode mode;
    nima_db_work work;
    void *arg;
    bool deletes, must;
};

/* *again: it did not happen, and may be tried once more. */
static nima_rc call_once(struct nima_ctx *ctx, struct nima_store *store, const struct call *call,
                         bool *again)
{
    bool write = call->mode == NIMA_DB_WRITER;
    struct nima_db *db = NULL;
    nima_rc rc = take(ctx, store, call->pool, call->mode, &db);
    if (rc != NIMA_OK) {
        *again = rc == NIMA_E_UNAVAILABLE;
        atomic_store(&store->away, *again);
        return rc;
    }
    db->again = false;
    rc = nima_db_within(ctx, db, write, call->work, call->arg);
    *again = rc != NIMA_OK && db->again;
    if (rc == NIMA_OK && call->must) {
        rc = scrub(ctx, store, db, WIPE_WAIT_MS);
    } else if (rc == NIMA_OK && write) {
        scrub_leftovers(ctx, store, db, call->deletes);
    }
    bool away = db->broken && db->away;
    give_back(call->pool, db);
    if (away) { /* the others lead to the same server */
        close_idle(&store->readers);
        close_idle(&store->writers);
    }
    return rc;
}

/* Tries again what did not happen: a server that restarts, two writers in each other's way. Once
 * the server is known to be away, nobody waits: the next call that reaches it ends that. */
static nima_rc call_db(struct nima_ctx *ctx, struct nima_store *store, const struct call *call)
{
    struct nima_error before = ctx->error;
    bool known_away = atomic_load(&store->away);
    bool again = false;
    nima_rc rc = call_once(ctx, store, call, &again);
    for (int tries = 1; again && !known_away && tries < TRIES_MAX; tries++) {
        int wait_ms = FIRST_WAIT_MS << tries;
        nanosleep(&(struct timespec){.tv_sec = wait_ms / 1000,
                                     .tv_nsec = (long)(wait_ms % 1000) * 1000 * 1000},
                  NULL);
        rc = call_once(ctx, store, call, &again);
    }
    if (!again) {
        atomic_store(&store->away, false);
    }
    if (rc == NIMA_OK) {
        ctx->error = before;
    }
    return rc;
}

nima_rc nima_db_read(struct nima_ctx *ctx, struct nima_store *store, nima_db_work work, void *arg)
{
    struct call call = {&store->readers, NIMA_DB_READER, work, arg, false, false};
    return call_db(ctx, store, &call);
}

nima_rc nima_db_write(struct nima_ctx *ctx, struct nima_store *store, nima_db_work work, void *arg)
{
    struct call call = {&store->writers, NIMA_DB_WRITER, work, arg, false, false};
    return call_db(ctx, store, &call);
}

nima_rc nima_db_wipe(struct nima_ctx *ctx, struct nima_store *store, nima_db_work work, void *arg,
                     bool must)
{
    struct call call = {&store->writers, NIMA_DB_WRITER, work, arg, true, must};
    return call_db(ctx, store, &call);
}

/* Statements */

/* Moves a kept statement of this text to the front, or NULL. One that is in use (a query within
 * the loop over its own rows) does not count. */
static struct nima_db_stmt *find_stmt(struct nima_db *db, const char *sql, uint64_t hash)
{
    for (struct nima_db_stmt **at = &db->stmts; *at != NULL; at = &(*at)->next) {
        struct nima_db_stmt *stmt = *at;
        if (stmt->hash == hash && !stmt->busy && strcmp(stmt->sql, sql) == 0) {
            *at = stmt->next;
            stmt->next = db->stmts;
            db->stmts = stmt;
            return stmt;
        }
    }
    return NULL;
}

static void drop_oldest(struct nima_db *db)
{
    struct nima_db_stmt **oldest = NULL;
    for (struct nima_db_stmt **at = &db->stmts; *at != NULL; at = &(*at)->next) {
        if (!(*at)->busy) {
            oldest = at;
        }
    }
    if (oldest != NULL) {
        struct nima_db_stmt *stmt = *oldest;
        *oldest = stmt->next;
        db->stmt_count--;
        drop_stmt(stmt);
    }
}

static nima_rc prepare(struct nima_ctx *ctx, struct nima_db *db, const char *sql,
                       struct nima_db_stmt **out)
{
    uint64_t hash = nima_str_hash(nima_str_of(sql));
    struct nima_db_stmt *stmt = find_stmt(db, sql, hash);
    if (stmt == NULL) {
        if (db->stmt_count >= STMTS_MAX) {
            drop_oldest(db);
        }
        stmt = NIMA_XNEW(struct nima_db_stmt, 1);
        *stmt =
            (struct nima_db_stmt){.db = db, .sql = nima_xstrdup(nima_str_of(sql)), .hash = hash};
        nima_rc rc = db->ops->rows->prepare(ctx, stmt);
        if (rc != NIMA_OK) {
            drop_stmt(stmt);
            return rc;
        }
        stmt->next = db->stmts;
        db->stmts = stmt;
        db->stmt_count++;
    }
    *out = stmt;
    return NIMA_OK;
}

static nima_rc check_value(struct nima_ctx *ctx, const struct nima_db_value *value)
{
    bool text = value->kind == NIMA_DB_TEXT || value->kind == NIMA_DB_JSON;
    if (text && !nima_utf8_valid(value->text)) {
        return nima_fail(ctx, NIMA_E_INVALID, "a text is not valid UTF-8 without NUL characters");
    }
    if (value->kind != NIMA_DB_JSON || nima_str_eq(value->text, NIMA_STR("{}"))) {
        return NIMA_OK;
    }
    struct nima_arena_mark mark = nima_scratch(ctx);
    const struct nima_json *tree = NULL;
    nima_rc rc = nima_json_parse(ctx, value->text, &tree);
    if (rc != NIMA_OK || nima_json_kind(tree) != NIMA_JSON_OBJECT) {
        rc = nima_fail(ctx, NIMA_E_INVALID, "what is kept as JSON must be a JSON object");
    }
    nima_scratch_end(ctx, mark);
    return rc;
}

nima_rc nima_db_query(struct nima_ctx *ctx, struct nima_db *db, const char *sql,
                      const struct nima_db_value *args, size_t count, struct nima_db_stmt **out)
{
    struct nima_db_stmt *stmt;
    for (size_t i = 0; i < count; i++) {
        NIMA_TRY(check_value(ctx, &args[i]));
    }
    NIMA_TRY(prepare(ctx, db, sql, &stmt));
    stmt->busy = true;
    for (size_t i = 0; i < count; i++) {
        NIMA_TRY(db->ops->rows->bind(ctx, stmt, (int)i + 1, &args[i]));
    }
    *out = stmt;
    return NIMA_OK;
}

nima_rc nima_db_step(struct nima_ctx *ctx, struct nima_db_stmt *stmt, bool *row)
{
    return stmt->db->ops->rows->step(ctx, stmt, row);
}

nima_rc nima_db_end(struct nima_ctx *ctx, struct nima_db_stmt *stmt)
{
    NIMA_TRY(stmt->db->ops->rows->finish(ctx, stmt));
    stmt->busy = false; /* else it is reset with the transaction */
    return NIMA_OK;
}

nima_rc nima_db_first(struct nima_ctx *ctx, struct nima_db *db, const char *sql,
                      const struct nima_db_value *args, size_t count, struct nima_db_stmt **out)
{
    struct nima_db_stmt *stmt;
    bool row = false;
    NIMA_TRY(nima_db_query(ctx, db, sql, args, count, &stmt));
    NIMA_TRY(nima_db_step(ctx, stmt, &row));
    if (!row) {
        NIMA_TRY(nima_db_end(ctx, stmt));
        stmt = NULL;
    }
    *out = stmt;
    return NIMA_OK;
}

nima_rc nima_db_run(struct nima_ctx *ctx, struct nima_db *db, const char *sql,
                    const struct nima_db_value *args, size_t count, int64_t *changes_out)
{
    struct nima_db_stmt *stmt;
    bool row = true;
    NIMA_TRY(nima_db_query(ctx, db, sql, args, count, &stmt));
    while (row) {
        NIMA_TRY(nima_db_step(ctx, stmt, &row));
    }
    if (changes_out != NULL) {
        *changes_out = db->ops->rows->changes(stmt);
    }
    return nima_db_end(ctx, stmt);
}

bool nima_db_is_null(struct nima_db_stmt *stmt, int column)
{
    return stmt->db->ops->rows->is_null(stmt, column);
}

int64_t nima_db_get_int(struct nima_db_stmt *stmt, int column)
{
    return stmt->db->ops->rows->integer(stmt, column);
}

double nima_db_get_real(struct nima_db_stmt *stmt, int column)
{
    return stmt->db->ops->rows->real(stmt, column);
}

int64_t nima_db_get_time(struct nima_db_stmt *stmt, int column)
{
    int64_t ms = 0;
    nima_str text = stmt->db->ops->rows->text(stmt, column);
    return text.ptr != NULL && nima_time_read(text, &ms) ? ms : 0;
}

nima_str nima_db_view(struct nima_db_stmt *stmt, int column)
{
    return stmt->db->ops->rows->text(stmt, column);
}

nima_str nima_db_view_bytes(struct nima_db_stmt *stmt, int column)
{
    return stmt->db->ops->rows->bytes(stmt, column);
}

nima_str nima_db_get_text(struct nima_ctx *ctx, struct nima_db_stmt *stmt, int column)
{
    return nima_str_copy(ctx->arena, stmt->db->ops->rows->text(stmt, column));
}
