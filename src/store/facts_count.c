/*
 * Facts as a whole: counts, the change counter, and the walk over all of them.
 */
#include <string.h>

#include "store/facts_int.h"

/* Counts */

static nima_rc count_total(struct nima_ctx *ctx, struct nima_db *db, struct nima_fact_stats *stats)
{
    struct nima_db_stmt *stmt;
    bool row = false;
    NIMA_TRY(nima_db_query(ctx, db,
                           "SELECT status, count(*) FROM facts WHERE user_id = $1 GROUP BY status",
                           NIMA_DB_ARGS(nima_db_text(ctx->user_id)), &stmt));
    NIMA_TRY(nima_db_step(ctx, stmt, &row));
    while (row) {
        int64_t count = nima_db_get_int(stmt, 1);
        bool active = nima_str_eq(nima_db_view(stmt, 0), NIMA_STR("active"));
        *(active ? &stats->active : &stats->superseded) = count;
        stats->total += count;
        NIMA_TRY(nima_db_step(ctx, stmt, &row));
    }
    NIMA_TRY(nima_db_end(ctx, stmt));
    NIMA_TRY(nima_db_first(ctx, db,
                           "SELECT count(*) FROM facts WHERE user_id = $1 AND status = 'active' "
                           "AND embedding IS NULL",
                           NIMA_DB_ARGS(nima_db_text(ctx->user_id)), &stmt));
    stats->with_embedding = stats->active - nima_db_get_int(stmt, 0);
    return nima_db_end(ctx, stmt);
}

struct counts {
    struct nima_fact_count *items;
    size_t count;
};

enum { NAMES_MAX = 1000 }; /* categories are free words; more than this is nobody's overview */

static nima_rc count_names(struct nima_ctx *ctx, struct nima_db *db, const char *sql,
                           struct counts *out)
{
    struct nima_db_stmt *stmt;
    bool row = false;
    struct counts found = {.items = NIMA_NEW(ctx->arena, struct nima_fact_count, NAMES_MAX)};
    NIMA_TRY(nima_db_query(ctx, db, sql, NIMA_DB_ARGS(nima_db_text(ctx->user_id)), &stmt));
    NIMA_TRY(nima_db_step(ctx, stmt, &row));
    while (row && found.count < NAMES_MAX) {
        found.items[found.count++] = (struct nima_fact_count){
            .name = nima_db_get_text(ctx, stmt, 0), .count = nima_db_get_int(stmt, 1)};
        NIMA_TRY(nima_db_step(ctx, stmt, &row));
    }
    *out = found;
    return nima_db_end(ctx, stmt);
}

static nima_rc stats(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    struct nima_fact_stats *job = arg;
    *job = (struct nima_fact_stats){0};
    struct counts categories, sources;
    NIMA_TRY(count_total(ctx, db, job));
    NIMA_TRY(count_names(ctx, db,
                         "SELECT category, count(*) FROM facts WHERE user_id = $1 AND "
                         "status = 'active' GROUP BY category ORDER BY count(*) DESC, category",
                         &categories));
    NIMA_TRY(count_names(ctx, db,
                         "SELECT source, count(*) FROM facts WHERE user_id = $1 AND "
                         "status = 'active' GROUP BY source ORDER BY count(*) DESC, source",
                         &sources));
    job->by_category.items = categories.items;
    job->by_category.count = categories.count;
    job->by_source.items = sources.items;
    job->by_source.count = sources.count;
    return NIMA_OK;
}

nima_rc nima_facts_stats(struct nima_ctx *ctx, struct nima_store *store,
                         struct nima_fact_stats *out)
{
    struct nima_fact_stats job;
    NIMA_TRY(nima_db_read(ctx, store, stats, &job));
    *out = job;
    return NIMA_OK;
}

/* The change counter */

static nima_rc change(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    int64_t *out = arg;
    struct nima_db_stmt *stmt;
    NIMA_TRY(nima_db_first(ctx, db, "SELECT facts_change FROM users WHERE id = $1",
                           NIMA_DB_ARGS(nima_db_text(ctx->user_id)), &stmt));
    *out = stmt != NULL ? nima_db_get_int(stmt, 0) : 0;
    return stmt != NULL ? nima_db_end(ctx, stmt) : NIMA_OK;
}

nima_rc nima_facts_change(struct nima_ctx *ctx, struct nima_store *store, int64_t *out)
{
    int64_t found;
    NIMA_TRY(nima_db_read(ctx, store, change, &found));
    *out = found;
    return NIMA_OK;
}

/* The walk */

struct scan {
    nima_facts_visit visit;
    void *user;
    int64_t change;
    float *vector; /* reused for each row */
    size_t vector_dims;
};

/* Nothing is copied but the embedding, which needs an address that floats may stand at. */
static void scan_row(struct nima_ctx *ctx, struct nima_db_stmt *stmt, struct scan *scan,
                     struct nima_fact *out)
{
    *out = (struct nima_fact){
        .id = nima_db_view(stmt, 0),
        .fact = nima_db_view(stmt, 1),
        .category = nima_db_view(stmt, 2),
        .source = nima_db_view(stmt, 3),
        .confidence = nima_db_get_real(stmt, 4),
        .metadata = nima_db_view(stmt, 5),
        .created_at = nima_db_get_time(stmt, 6),
        .updated_at = nima_db_get_time(stmt, 7),
        .status = nima_db_view(stmt, 8),
        .superseded_by = nima_db_view(stmt, 9),
        .conversation_id = nima_db_view(stmt, 10),
        .message_id = nima_db_view(stmt, 11),
        .embedding_model = nima_db_view(stmt, 12),
    };
    nima_str bytes = nima_db_view_bytes(stmt, NIMA_FACT_EMBEDDING_COLUMN);
    if (bytes.ptr == NULL) {
        return;
    }
    out->dims = bytes.len / sizeof(float);
    if (scan->vector == NULL || out->dims > scan->vector_dims) {
        scan->vector = NIMA_NEW(ctx->arena, float, out->dims);
        scan->vector_dims = out->dims;
    }
    memcpy(scan->vector, bytes.ptr, out->dims * sizeof(float));
    out->embedding = scan->vector;
}

static nima_rc scan(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    struct scan *job = arg;
    struct nima_db_stmt *stmt;
    bool row = false;
    NIMA_TRY(change(ctx, db, &job->change));
    NIMA_TRY(nima_db_query(ctx, db,
                           "SELECT " NIMA_FACT_COLUMNS ", embedding FROM facts "
                           "WHERE user_id = $1 AND status = 'active' ORDER BY id",
                           NIMA_DB_ARGS(nima_db_text(ctx->user_id)), &stmt));
    NIMA_TRY(nima_db_step(ctx, stmt, &row));
    while (row) {
        struct nima_fact fact;
        scan_row(ctx, stmt, job, &fact);
        NIMA_TRY(job->visit(ctx, job->user, &fact));
        NIMA_TRY(nima_db_step(ctx, stmt, &row));
    }
    return nima_db_end(ctx, stmt);
}

nima_rc nima_facts_scan(struct nima_ctx *ctx, struct nima_store *store, nima_facts_visit visit,
                        void *user, int64_t *change_out)
{
    struct scan job = {.visit = visit, .user = user};
    NIMA_TRY(nima_db_read(ctx, store, scan, &job));
    *change_out = job.change;
    return NIMA_OK;
}
