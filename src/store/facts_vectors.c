/*
 * Embeddings of a search's candidates: one read transaction, the rows found by their key, nothing
 * but the floats read.
 */
#include <string.h>

#include "store/facts_int.h"
#include "util/uuid.h"

#define VECTOR_SQL                                                                                 \
    "SELECT embedding FROM facts WHERE user_id = $1 AND id = $2 AND embedding_model = $3"

struct vectors {
    const nima_str *ids;
    nima_str model;
    size_t count, dims;
    float *out;
    bool *found;
};

static nima_rc read_vectors(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    struct vectors *job = arg;
    size_t bytes_wanted = job->dims * sizeof(float);
    for (size_t i = 0; i < job->count; i++) {
        struct nima_db_stmt *stmt;
        job->found[i] = false;
        if (!nima_uuid_valid(job->ids[i])) {
            continue; /* PostgreSQL would call it an error */
        }
        NIMA_TRY(nima_db_first(ctx, db, VECTOR_SQL,
                               NIMA_DB_ARGS(nima_db_text(ctx->user_id), nima_db_text(job->ids[i]),
                                            nima_db_text(job->model)),
                               &stmt));
        if (stmt == NULL) {
            continue;
        }
        nima_str bytes = nima_db_view_bytes(stmt, 0);
        if (bytes.ptr != NULL && bytes.len == bytes_wanted) {
            memcpy(job->out + i * job->dims, bytes.ptr, bytes_wanted);
            job->found[i] = true;
        }
        NIMA_TRY(nima_db_end(ctx, stmt));
    }
    return NIMA_OK;
}

nima_rc nima_facts_embeddings(struct nima_ctx *ctx, struct nima_store *store, const nima_str *ids,
                              size_t count, nima_str model, size_t dims, float *out, bool *found)
{
    struct vectors job = {
        .ids = ids, .model = model, .count = count, .dims = dims, .out = out, .found = found};
    return nima_db_read(ctx, store, read_vectors, &job);
}
