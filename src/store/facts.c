/*
 * Writing facts. Every write begins by raising the person's change counter, in the same
 * transaction; one that turns out to change nothing is undone as a whole.
 */
#include "store/facts.h"

#include "store/facts_int.h"
#include "util/digest.h"

nima_rc nima_store_raise_change(struct nima_ctx *ctx, struct nima_db *db, int64_t *out)
{
    struct nima_db_stmt *stmt;
    NIMA_TRY(nima_db_first(
        ctx, db,
        "INSERT INTO users (id, facts_change, created_at) VALUES ($1, 1, $2) "
        "ON CONFLICT (id) DO UPDATE SET facts_change = users.facts_change + 1 "
        "RETURNING facts_change",
        NIMA_DB_ARGS(nima_db_text(ctx->user_id), nima_db_time(nima_ctx_now(ctx))), &stmt));
    *out = nima_db_get_int(stmt, 0);
    return nima_db_end(ctx, stmt);
}

enum { ANY_CHANGE = -1 };

/* The same, for a decision that was made at change number `seen`. The row of the counter is locked
 * until the transaction ends, so nobody can come between. */
static nima_rc raise_seen(struct nima_ctx *ctx, struct nima_db *db, int64_t seen, int64_t *out)
{
    NIMA_TRY(nima_store_raise_change(ctx, db, out));
    return seen == ANY_CHANGE || *out == seen + 1
               ? NIMA_OK
               : nima_fail(ctx, NIMA_E_BUSY, "the facts have changed meanwhile; try again");
}

static bool is_source(nima_str source)
{
    return nima_str_eq(source, NIMA_STR("conversation")) ||
           nima_str_eq(source, NIMA_STR("explicit")) || nima_str_eq(source, NIMA_STR("inferred"));
}

static nima_rc check_fact(struct nima_ctx *ctx, const struct nima_fact *fact)
{
    if (fact->fact.ptr == NULL || fact->fact.len == 0) {
        return nima_fail_field(ctx, NIMA_E_INVALID, "fact", "fact must not be empty");
    }
    if (fact->category.ptr == NULL || fact->category.len == 0) {
        return nima_fail_field(ctx, NIMA_E_INVALID, "category", "category must not be empty");
    }
    if (!is_source(fact->source)) {
        return nima_fail_field(ctx, NIMA_E_INVALID, "source",
                               "source must be conversation, explicit or inferred");
    }
    if (!(fact->confidence >= 0 && fact->confidence <= 1)) {
        return nima_fail_field(ctx, NIMA_E_INVALID, "confidence", "confidence must be 0 to 1");
    }
    nima_assert((fact->embedding == NULL) == (fact->dims == 0));
    nima_assert(fact->embedding == NULL || fact->embedding_model.ptr != NULL);
    return NIMA_OK;
}

static nima_str hash_of(struct nima_ctx *ctx, nima_str text)
{
    unsigned char *hash = nima_alloc(ctx->arena, NIMA_SHA256_BYTES);
    nima_sha256(text, hash);
    return (nima_str){(const char *)hash, NIMA_SHA256_BYTES};
}

static struct nima_db_value bind_embedding(const float *embedding, size_t dims)
{
    return nima_db_bytes((nima_str){(const char *)embedding, dims * sizeof(float)});
}

static nima_str model_of(const struct nima_fact *fact)
{
    return fact->embedding != NULL ? fact->embedding_model : (nima_str){0};
}

/* Putting */

static const char put_sql[] =
    "INSERT INTO facts (id, user_id, fact, fact_hash, category, source, confidence, status, "
    "conversation_id, message_id, created_at, updated_at, metadata, embedding_model, embedding) "
    "VALUES ($1, $2, $3, $4, $5, $6, $7, 'active', $8, $9, $10, $11, $12, $13, $14) "
    "ON CONFLICT (user_id, fact_hash) WHERE status = 'active' DO UPDATE SET "
    "updated_at = excluded.updated_at, "
    "confidence = CASE WHEN excluded.confidence > facts.confidence THEN excluded.confidence "
    "ELSE facts.confidence END, "
    "metadata = CASE WHEN excluded.metadata = '{}' THEN facts.metadata "
    "ELSE excluded.metadata END, "
    "embedding_model = COALESCE(excluded.embedding_model, facts.embedding_model), "
    "embedding = COALESCE(excluded.embedding, facts.embedding) "
    "RETURNING " NIMA_FACT_COLUMNS;

/* An id that the caller chose must be new: with it the row that is there would pass for the one
 * just made. */
static nima_rc check_id_free(struct nima_ctx *ctx, struct nima_db *db, nima_str id)
{
    struct nima_db_stmt *stmt;
    NIMA_TRY(nima_db_first(ctx, db, "SELECT 1 FROM facts WHERE id = $1",
                           NIMA_DB_ARGS(nima_db_text(id)), &stmt));
    if (stmt != NULL) {
        return nima_fail(ctx, NIMA_E_CONFLICT, "there is a fact with this id already");
    }
    return NIMA_OK;
}

static nima_rc put_row(struct nima_ctx *ctx, struct nima_db *db, const struct nima_fact *fact,
                       struct nima_fact *out, bool *created)
{
    nima_str id, conversation_id, message_id;
    int64_t now = nima_ctx_now(ctx);
    NIMA_TRY(nima_store_new_id(ctx, fact->id, "id", &id));
    NIMA_TRY(nima_store_maybe_id(ctx, fact->conversation_id, "conversation_id", &conversation_id));
    NIMA_TRY(nima_store_maybe_id(ctx, fact->message_id, "message_id", &message_id));
    if (fact->id.ptr != NULL) {
        NIMA_TRY(check_id_free(ctx, db, id));
    }
    struct nima_db_stmt *stmt;
    NIMA_TRY(nima_db_first(
        ctx, db, put_sql,
        NIMA_DB_ARGS(nima_db_text(id), nima_db_text(ctx->user_id), nima_db_text(fact->fact),
                     nima_db_bytes(hash_of(ctx, fact->fact)), nima_db_text(fact->category),
                     nima_db_text(fact->source), nima_db_real(fact->confidence),
                     nima_db_text(conversation_id), nima_db_text(message_id),
                     nima_db_time(fact->created_at != 0 ? fact->created_at : now),
                     nima_db_time(fact->updated_at != 0 ? fact->updated_at : now),
                     nima_db_json(nima_store_json(fact->metadata)), nima_db_text(model_of(fact)),
                     bind_embedding(fact->embedding, fact->dims)),
        &stmt));
    nima_fact_row(ctx, stmt, out);
    *created = nima_str_eq(out->id, id);
    return nima_db_end(ctx, stmt);
}

struct put {
    const struct nima_fact *facts;
    size_t count;
    struct nima_fact *rows;
    bool *created;
    int64_t seen, change;
};

static nima_rc put(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    struct put *job = arg;
    NIMA_TRY(raise_seen(ctx, db, job->seen, &job->change));
    for (size_t i = 0; i < job->count; i++) {
        NIMA_TRY(put_row(ctx, db, &job->facts[i], &job->rows[i], &job->created[i]));
    }
    return NIMA_OK;
}

static nima_rc put_all(struct nima_ctx *ctx, struct nima_store *store, int64_t seen,
                       const struct nima_fact *facts, size_t count, struct nima_fact *out,
                       bool *created, int64_t *change_out)
{
    for (size_t i = 0; i < count; i++) {
        NIMA_TRY(check_fact(ctx, &facts[i]));
    }
    struct put job = {.facts = facts, .count = count, .seen = seen};
    job.rows = NIMA_NEW(ctx->arena, struct nima_fact, count);
    job.created = NIMA_NEW(ctx->arena, bool, count);
    NIMA_TRY(nima_db_write(ctx, store, put, &job));
    for (size_t i = 0; i < count; i++) {
        out[i] = job.rows[i];
        created[i] = job.created[i];
    }
    *change_out = job.change;
    return NIMA_OK;
}

nima_rc nima_facts_put(struct nima_ctx *ctx, struct nima_store *store, const struct nima_fact *fact,
                       struct nima_fact *out, bool *created_out, int64_t *change_out)
{
    return put_all(ctx, store, ANY_CHANGE, fact, 1, out, created_out, change_out);
}

nima_rc nima_facts_put_many(struct nima_ctx *ctx, struct nima_store *store,
                            const struct nima_fact *facts, size_t count, struct nima_fact *out,
                            bool *created, int64_t *change_out)
{
    return put_all(ctx, store, ANY_CHANGE, facts, count, out, created, change_out);
}

nima_rc nima_facts_put_seen(struct nima_ctx *ctx, struct nima_store *store, int64_t seen,
                            const struct nima_fact *fact, struct nima_fact *out, bool *created_out,
                            int64_t *change_out)
{
    return put_all(ctx, store, seen, fact, 1, out, created_out, change_out);
}

/* Changing */

struct change {
    nima_str id;
    const struct nima_fact *fact;
    struct nima_fact row;
    int64_t seen, change;
};

/* *active tells whether the row may still be superseded. NOT_FOUND when there is none. */
static nima_rc look_up(struct nima_ctx *ctx, struct nima_db *db, nima_str id, nima_str *text,
                       bool *active)
{
    struct nima_db_stmt *stmt;
    NIMA_TRY(nima_db_first(ctx, db, "SELECT fact, status FROM facts WHERE user_id = $1 AND id = $2",
                           NIMA_DB_ARGS(nima_db_text(ctx->user_id), nima_db_text(id)), &stmt));
    if (stmt == NULL) {
        return nima_store_no_such(ctx, "fact");
    }
    *text = nima_db_get_text(ctx, stmt, 0);
    *active = nima_str_eq(nima_db_view(stmt, 1), NIMA_STR("active"));
    return nima_db_end(ctx, stmt);
}

static nima_rc keep_version(struct nima_ctx *ctx, struct nima_db *db, nima_str id)
{
    return nima_db_run(
        ctx, db,
        "INSERT INTO fact_versions (fact_id, version, user_id, fact, category, source, "
        "confidence, conversation_id, message_id, created_at, replaced_at, metadata) "
        "SELECT id, 1 + COALESCE((SELECT max(version) FROM fact_versions WHERE fact_id = $1), 0), "
        "user_id, fact, category, source, confidence, conversation_id, message_id, created_at, "
        "$2, metadata FROM facts WHERE id = $1",
        NIMA_DB_ARGS(nima_db_text(id), nima_db_time(nima_ctx_now(ctx))), NULL);
}

/* $12 tells whether an embedding that is there may stay: it belongs to the text. */
static const char update_sql[] =
    "UPDATE facts SET fact = $3, fact_hash = $4, category = $5, source = $6, confidence = $7, "
    "metadata = $8, updated_at = $9, "
    "conversation_id = COALESCE($10, conversation_id), message_id = COALESCE($11, message_id), "
    "embedding_model = CASE WHEN $12 = 1 THEN COALESCE($13, embedding_model) ELSE $13 END, "
    "embedding = CASE WHEN $12 = 1 THEN COALESCE($14, embedding) ELSE $14 END "
    "WHERE user_id = $1 AND id = $2 RETURNING " NIMA_FACT_COLUMNS;

static nima_rc update_row(struct nima_ctx *ctx, struct nima_db *db, struct change *job,
                          bool same_text)
{
    const struct nima_fact *fact = job->fact;
    nima_str conversation_id, message_id;
    NIMA_TRY(nima_store_maybe_id(ctx, fact->conversation_id, "conversation_id", &conversation_id));
    NIMA_TRY(nima_store_maybe_id(ctx, fact->message_id, "message_id", &message_id));
    struct nima_db_stmt *stmt = NULL;
    nima_rc rc = nima_db_first(
        ctx, db, update_sql,
        NIMA_DB_ARGS(nima_db_text(ctx->user_id), nima_db_text(job->id), nima_db_text(fact->fact),
                     nima_db_bytes(hash_of(ctx, fact->fact)), nima_db_text(fact->category),
                     nima_db_text(fact->source), nima_db_real(fact->confidence),
                     nima_db_json(nima_store_json(fact->metadata)), nima_db_time(nima_ctx_now(ctx)),
                     nima_db_text(conversation_id), nima_db_text(message_id),
                     nima_db_int(same_text), nima_db_text(model_of(fact)),
                     bind_embedding(fact->embedding, fact->dims)),
        &stmt);
    if (rc == NIMA_E_CONFLICT) {
        return nima_fail_field(ctx, rc, "fact", "another fact says exactly this already");
    }
    NIMA_TRY(rc);
    nima_fact_row(ctx, stmt, &job->row);
    return nima_db_end(ctx, stmt);
}

static nima_rc update(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    struct change *job = arg;
    nima_str text;
    bool active;
    NIMA_TRY(nima_store_raise_change(ctx, db, &job->change));
    NIMA_TRY(look_up(ctx, db, job->id, &text, &active));
    bool same_text = nima_str_eq(text, job->fact->fact);
    if (!same_text) {
        NIMA_TRY(keep_version(ctx, db, job->id));
        NIMA_TRY(nima_store_withhold(ctx, db, job->id, NIMA_WITHHOLD_SUPERSEDED));
    }
    return update_row(ctx, db, job, same_text);
}

nima_rc nima_facts_update(struct nima_ctx *ctx, struct nima_store *store,
                          const struct nima_fact *fact, struct nima_fact *out, int64_t *change_out)
{
    struct change job = {.fact = fact};
    NIMA_TRY(check_fact(ctx, fact));
    NIMA_TRY(nima_store_id(ctx, fact->id, "fact", &job.id));
    NIMA_TRY(nima_db_write(ctx, store, update, &job));
    *out = job.row;
    *change_out = job.change;
    return NIMA_OK;
}

static nima_rc supersede(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    struct change *job = arg;
    nima_str text;
    bool active, created;
    NIMA_TRY(raise_seen(ctx, db, job->seen, &job->change));
    NIMA_TRY(look_up(ctx, db, job->id, &text, &active));
    if (!active) {
        return nima_fail(ctx, NIMA_E_CONFLICT, "this fact is superseded already");
    }
    NIMA_TRY(put_row(ctx, db, job->fact, &job->row, &created));
    if (nima_str_eq(job->row.id, job->id)) {
        return NIMA_OK; /* the same words: there is nothing to take its place */
    }
    NIMA_TRY(nima_store_withhold(ctx, db, job->id, NIMA_WITHHOLD_SUPERSEDED));
    return nima_db_run(ctx, db,
                       "UPDATE facts SET status = 'superseded', superseded_by = $3, "
                       "updated_at = $4 WHERE user_id = $1 AND id = $2",
                       NIMA_DB_ARGS(nima_db_text(ctx->user_id), nima_db_text(job->id),
                                    nima_db_text(job->row.id), nima_db_time(nima_ctx_now(ctx))),
                       NULL);
}

nima_rc nima_facts_supersede_seen(struct nima_ctx *ctx, struct nima_store *store, int64_t seen,
                                  nima_str old_id, const struct nima_fact *fact,
                                  struct nima_fact *out, int64_t *change_out)
{
    struct change job = {.fact = fact, .seen = seen};
    NIMA_TRY(check_fact(ctx, fact));
    NIMA_TRY(nima_store_id(ctx, old_id, "fact", &job.id));
    NIMA_TRY(nima_db_write(ctx, store, supersede, &job));
    *out = job.row;
    *change_out = job.change;
    return NIMA_OK;
}

nima_rc nima_facts_supersede(struct nima_ctx *ctx, struct nima_store *store, nima_str old_id,
                             const struct nima_fact *fact, struct nima_fact *out,
                             int64_t *change_out)
{
    return nima_facts_supersede_seen(ctx, store, ANY_CHANGE, old_id, fact, out, change_out);
}

static nima_rc delete_row(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    struct change *job = arg;
    int64_t gone = 0;
    NIMA_TRY(nima_store_raise_change(ctx, db, &job->change));
    NIMA_TRY(nima_store_withhold(ctx, db, job->id, NIMA_WITHHOLD_FORGOTTEN));
    NIMA_TRY(nima_store_redact(ctx, db, job->id));
    NIMA_TRY(nima_db_run(ctx, db, "DELETE FROM facts WHERE user_id = $1 AND id = $2",
                         NIMA_DB_ARGS(nima_db_text(ctx->user_id), nima_db_text(job->id)), &gone));
    return gone > 0 ? NIMA_OK : nima_store_no_such(ctx, "fact");
}

nima_rc nima_facts_delete(struct nima_ctx *ctx, struct nima_store *store, nima_str id,
                          int64_t *change_out)
{
    struct change job = {0};
    NIMA_TRY(nima_store_id(ctx, id, "fact", &job.id));
    NIMA_TRY(nima_db_wipe(ctx, store, delete_row, &job, false));
    *change_out = job.change;
    return NIMA_OK;
}
