/*
 * Facts as a whole: counts, the change counter, and the walk over all of them.
 */
#include <stdlib.h>
#include <string.h>

#include "store/facts_int.h"

/* Counts */

enum { SOURCES = 3 };
static const char *const source_names[SOURCES] = {"conversation", "explicit", "inferred"};

#define ACTIVE_OF(source)                                                                          \
    "sum(CASE WHEN status = 'active' AND source = '" source "' THEN 1 ELSE 0 END)"

/* One pass over the index facts_by_category, which is in the order of the groups and holds all
 * that is counted. */
static const char count_sql[] =
    "SELECT category, count(*), sum(CASE WHEN status = 'active' THEN 1 ELSE 0 "
    "END), " ACTIVE_OF("conversation") ", " ACTIVE_OF("explicit") ", " ACTIVE_OF(
        "inferred") " FROM facts "
                    "WHERE user_id = $1 GROUP BY category ORDER BY category";

struct counts {
    struct nima_fact_count *items;
    size_t count, room;
};

static void add_count(struct nima_ctx *ctx, struct counts *counts, nima_str name, int64_t count)
{
    if (count == 0) {
        return;
    }
    if (counts->count == counts->room) {
        size_t room = counts->room > 0 ? counts->room * 2 : 16;
        struct nima_fact_count *items = NIMA_NEW(ctx->arena, struct nima_fact_count, room);
        for (size_t i = 0; i < counts->count; i++) {
            items[i] = counts->items[i];
        }
        counts->items = items;
        counts->room = room;
    }
    counts->items[counts->count++] =
        (struct nima_fact_count){.name = nima_str_copy(ctx->arena, name), .count = count};
}

/* Most first, then by name. */
static int by_count(const void *a, const void *b)
{
    const struct nima_fact_count *left = a, *right = b;
    if (left->count != right->count) {
        return left->count < right->count ? 1 : -1;
    }
    return nima_str_cmp(left->name, right->name);
}

static void sort_counts(struct counts *counts)
{
    if (counts->count > 1) {
        qsort(counts->items, counts->count, sizeof(counts->items[0]), by_count);
    }
}

static nima_rc count_rows(struct nima_ctx *ctx, struct nima_db *db, struct nima_fact_stats *out)
{
    struct counts categories = {0}, sources = {0};
    int64_t of_source[SOURCES] = {0};
    struct nima_db_stmt *stmt;
    bool row = false;
    NIMA_TRY(nima_db_query(ctx, db, count_sql, NIMA_DB_ARGS(nima_db_text(ctx->user_id)), &stmt));
    NIMA_TRY(nima_db_step(ctx, stmt, &row));
    while (row) {
        int64_t active = nima_db_get_int(stmt, 2);
        out->total += nima_db_get_int(stmt, 1);
        out->active += active;
        add_count(ctx, &categories, nima_db_view(stmt, 0), active);
        for (int i = 0; i < SOURCES; i++) {
            of_source[i] += nima_db_get_int(stmt, 3 + i);
        }
        NIMA_TRY(nima_db_step(ctx, stmt, &row));
    }
    for (int i = 0; i < SOURCES; i++) {
        add_count(ctx, &sources, nima_str_of(source_names[i]), of_source[i]);
    }
    sort_counts(&categories);
    sort_counts(&sources);
    out->superseded = out->total - out->active;
    out->by_category.items = categories.items;
    out->by_category.count = categories.count;
    out->by_source.items = sources.items;
    out->by_source.count = sources.count;
    return nima_db_end(ctx, stmt);
}

static nima_rc stats(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    struct nima_fact_stats *job = arg;
    struct nima_db_stmt *stmt;
    *job = (struct nima_fact_stats){0};
    NIMA_TRY(count_rows(ctx, db, job));
    NIMA_TRY(nima_db_first(ctx, db,
                           "SELECT count(*) FROM facts WHERE user_id = $1 AND status = 'active' "
                           "AND embedding IS NULL",
                           NIMA_DB_ARGS(nima_db_text(ctx->user_id)), &stmt));
    job->with_embedding = job->active - nima_db_get_int(stmt, 0);
    return nima_db_end(ctx, stmt);
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
    struct nima_store_vector vector;
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
    out->embedding =
        nima_store_vector(ctx, stmt, NIMA_FACT_EMBEDDING_COLUMN, &scan->vector, &out->dims);
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
