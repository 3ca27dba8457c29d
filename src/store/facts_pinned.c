/* Facts that are always told: {"pinned": true} in their metadata. */
#include "store/facts_int.h"

struct pinned {
    int limit;
    struct nima_fact_rows rows;
};

static nima_rc pinned(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    struct pinned *job = arg;
    struct nima_db_stmt *stmt;
    bool row = false;
    job->rows.count = 0;
    NIMA_TRY(nima_db_query(ctx, db,
                           "SELECT " NIMA_FACT_COLUMNS " FROM facts WHERE user_id = $1 AND "
                           "status = 'active' AND "
                           "CAST(metadata ->> 'pinned' AS TEXT) IN ('1', 'true') "
                           "ORDER BY id DESC LIMIT $2",
                           NIMA_DB_ARGS(nima_db_text(ctx->user_id), nima_db_int(job->limit)),
                           &stmt));
    NIMA_TRY(nima_db_step(ctx, stmt, &row));
    while (row && job->rows.count < (size_t)job->limit) {
        nima_fact_row(ctx, stmt, &job->rows.items[job->rows.count++]);
        NIMA_TRY(nima_db_step(ctx, stmt, &row));
    }
    return nima_db_end(ctx, stmt);
}

nima_rc nima_facts_pinned(struct nima_ctx *ctx, struct nima_store *store, int limit,
                          struct nima_fact_rows *out)
{
    struct pinned job = {.limit = limit};
    job.rows.items = NIMA_NEW(ctx->arena, struct nima_fact, (size_t)limit);
    NIMA_TRY(nima_db_read(ctx, store, pinned, &job));
    *out = job.rows;
    return NIMA_OK;
}
