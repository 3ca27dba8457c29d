/*
 * Which model made whose vectors, and putting those of another one in their place: what a change
 * of the embedding model needs (memory/renew.c).
 */
#include "store/facts_int.h"

nima_rc nima_facts_people(struct nima_ctx *ctx, struct nima_store *store, nima_str after, int limit,
                          nima_str *ids, size_t *count_out)
{
    return nima_store_people(ctx, store, "SELECT id FROM users WHERE id > $1 ORDER BY id LIMIT $2",
                             after, limit, ids, count_out);
}

/* Facts by model */

static nima_rc read_models(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    struct nima_fact_models *out = arg;
    struct nima_db_stmt *stmt;
    bool row = false;
    *out = (struct nima_fact_models){0};
    NIMA_TRY(nima_db_query(ctx, db,
                           "SELECT embedding_model, count(*) FROM facts WHERE user_id = $1 "
                           "AND status = 'active' GROUP BY embedding_model ORDER BY 2 DESC",
                           NIMA_DB_ARGS(nima_db_text(ctx->user_id)), &stmt));
    NIMA_TRY(nima_db_step(ctx, stmt, &row));
    while (row) {
        if (out->count < NIMA_FACT_MODELS_MAX) {
            out->items[out->count++] =
                (struct nima_fact_count){nima_db_get_text(ctx, stmt, 0), nima_db_get_int(stmt, 1)};
        }
        NIMA_TRY(nima_db_step(ctx, stmt, &row));
    }
    return nima_db_end(ctx, stmt);
}

nima_rc nima_facts_models(struct nima_ctx *ctx, struct nima_store *store,
                          struct nima_fact_models *out)
{
    struct nima_fact_models found;
    NIMA_TRY(nima_db_read(ctx, store, read_models, &found));
    *out = found;
    return NIMA_OK;
}

struct embedded {
    nima_str model;
    int64_t total, count;
};

static nima_rc count_embedded(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    struct embedded *job = arg;
    struct nima_db_stmt *stmt;
    NIMA_TRY(nima_db_first(
        ctx, db,
        "SELECT count(*), sum(CASE WHEN embedding_model = $2 THEN 1 ELSE 0 END) FROM facts "
        "WHERE user_id = $1 AND status = 'active'",
        NIMA_DB_ARGS(nima_db_text(ctx->user_id), nima_db_text(job->model)), &stmt));
    job->total = nima_db_get_int(stmt, 0);
    job->count = nima_db_is_null(stmt, 1) ? 0 : nima_db_get_int(stmt, 1);
    return nima_db_end(ctx, stmt);
}

nima_rc nima_facts_embedded(struct nima_ctx *ctx, struct nima_store *store, nima_str model,
                            int64_t *total, int64_t *embedded)
{
    struct embedded job = {.model = model};
    NIMA_TRY(nima_db_read(ctx, store, count_embedded, &job));
    *total = job.total;
    *embedded = job.count;
    return NIMA_OK;
}

/* Facts that a model has not embedded */

struct without {
    nima_str model, behind;
    int64_t skip;
    int limit;
    struct nima_fact_rows rows;
};

static nima_rc read_without(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    struct without *job = arg;
    struct nima_db_stmt *stmt;
    bool row = false;
    job->rows.count = 0;
    NIMA_TRY(nima_db_query(ctx, db,
                           "SELECT id, fact FROM facts WHERE user_id = $1 AND id > $2 "
                           "AND status = 'active' "
                           "AND (embedding_model IS NULL OR embedding_model <> $3) "
                           "ORDER BY id LIMIT $4 OFFSET $5",
                           NIMA_DB_ARGS(nima_db_text(ctx->user_id), nima_db_text(job->behind),
                                        nima_db_text(job->model), nima_db_int(job->limit),
                                        nima_db_int(job->skip)),
                           &stmt));
    NIMA_TRY(nima_db_step(ctx, stmt, &row));
    while (row) {
        job->rows.items[job->rows.count++] = (struct nima_fact){
            .id = nima_db_get_text(ctx, stmt, 0), .fact = nima_db_get_text(ctx, stmt, 1)};
        NIMA_TRY(nima_db_step(ctx, stmt, &row));
    }
    return nima_db_end(ctx, stmt);
}

nima_rc nima_facts_without(struct nima_ctx *ctx, struct nima_store *store, nima_str model,
                           nima_str behind, int64_t skip, int limit, struct nima_fact_rows *out)
{
    nima_assert(limit > 0);
    static const char first[] = "00000000-0000-0000-0000-000000000000";
    struct without job = {
        .model = model, .skip = skip, .limit = limit, .behind = nima_str_of(first)};
    if (behind.ptr != NULL) {
        NIMA_TRY(nima_store_id(ctx, behind, "fact", &job.behind));
    }
    job.rows.items = NIMA_NEW(ctx->arena, struct nima_fact, (size_t)limit);
    NIMA_TRY(nima_db_read(ctx, store, read_without, &job));
    *out = job.rows;
    return NIMA_OK;
}

struct renew {
    const struct nima_fact *facts;
    size_t count;
    bool *set;
    int64_t change;
};

/* A row whose text is another by now, or that somebody else was faster with, stays as it is. */
static nima_rc renew_row(struct nima_ctx *ctx, struct nima_db *db, const struct nima_fact *fact,
                         bool *set)
{
    int64_t rows = 0;
    nima_str bytes = {(const char *)fact->embedding, fact->dims * sizeof(float)};
    NIMA_TRY(nima_db_run(ctx, db,
                         "UPDATE facts SET embedding_model = $4, embedding = $5 "
                         "WHERE user_id = $1 AND id = $2 AND fact = $3 "
                         "AND (embedding_model IS NULL OR embedding_model <> $4)",
                         NIMA_DB_ARGS(nima_db_text(ctx->user_id), nima_db_text(fact->id),
                                      nima_db_text(fact->fact), nima_db_text(fact->embedding_model),
                                      nima_db_bytes(bytes)),
                         &rows));
    *set = rows > 0;
    return NIMA_OK;
}

static nima_rc renew(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    struct renew *job = arg;
    NIMA_TRY(nima_store_raise_change(ctx, db, &job->change));
    bool any = false;
    for (size_t i = 0; i < job->count; i++) {
        NIMA_TRY(renew_row(ctx, db, &job->facts[i], &job->set[i]));
        any = any || job->set[i];
    }
    return any ? NIMA_OK : nima_store_no_such(ctx, "fact with this text");
}

nima_rc nima_facts_set_embeddings(struct nima_ctx *ctx, struct nima_store *store,
                                  const struct nima_fact *facts, size_t count, bool *set,
                                  int64_t *change_out)
{
    struct renew job = {.facts = facts, .count = count, .set = set};
    for (size_t i = 0; i < count; i++) {
        nima_assert(facts[i].embedding != NULL && facts[i].embedding_model.ptr != NULL);
    }
    NIMA_TRY(nima_db_write(ctx, store, renew, &job));
    *change_out = job.change;
    return NIMA_OK;
}

static nima_rc drop_old(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    const nima_str *model = arg;
    return nima_db_run(ctx, db,
                       "UPDATE facts SET embedding_model = NULL, embedding = NULL "
                       "WHERE user_id = $1 AND status <> 'active' AND embedding_model <> $2",
                       NIMA_DB_ARGS(nima_db_text(ctx->user_id), nima_db_text(*model)), NULL);
}

nima_rc nima_facts_drop_embeddings(struct nima_ctx *ctx, struct nima_store *store, nima_str model)
{
    return nima_db_write(ctx, store, drop_old, &model);
}
