/*
 * Messages that wait for a vector, of whomever they are, and the vectors going in.
 */
#include <stdlib.h>

#include "store/conversations_int.h"

enum { WAITING_MAX = 4096 };

struct waiting {
    nima_str model;
    int limit;
    struct nima_messages_waiting found;
};

static int by_person(const void *a, const void *b)
{
    const struct nima_message_waiting *x = a;
    const struct nima_message_waiting *y = b;
    int order = nima_str_cmp(x->user_id, y->user_id);
    order = order != 0 ? order : nima_str_cmp(x->conversation_id, y->conversation_id);
    return order != 0 ? order : nima_str_cmp(x->id, y->id);
}

#define WAITING_SQL                                                                                \
    "SELECT c.user_id, c.id, m.id, m.name, m.content, m.change "                                   \
    "FROM messages AS m JOIN conversations AS c ON c.id = m.conversation_id "                      \
    "WHERE m.role <> 'system' AND COALESCE(m.withheld, '') <> 'forgotten' AND m.embedding_model "

static nima_rc waiting_in(struct nima_ctx *ctx, struct waiting *job, struct nima_db_stmt *stmt)
{
    bool row = false;
    NIMA_TRY(nima_db_step(ctx, stmt, &row));
    while (row && job->found.count < (size_t)job->limit) {
        job->found.items[job->found.count++] =
            (struct nima_message_waiting){.user_id = nima_db_get_text(ctx, stmt, 0),
                                          .conversation_id = nima_db_get_text(ctx, stmt, 1),
                                          .id = nima_db_get_text(ctx, stmt, 2),
                                          .name = nima_db_get_text(ctx, stmt, 3),
                                          .content = nima_db_get_text(ctx, stmt, 4),
                                          .change = nima_db_get_int(stmt, 5)};
        NIMA_TRY(nima_db_step(ctx, stmt, &row));
    }
    return nima_db_end(ctx, stmt);
}

/* Three ranges of one index, which are empty when nothing waits. */
static nima_rc waiting(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    struct waiting *job = arg;
    struct nima_db_value limit = nima_db_int(job->limit), model = nima_db_text(job->model);
    struct nima_db_stmt *stmt;
    job->found.count = 0;
    NIMA_TRY(nima_db_query(ctx, db, WAITING_SQL "IS NULL LIMIT $1", NIMA_DB_ARGS(limit), &stmt));
    NIMA_TRY(waiting_in(ctx, job, stmt));
    NIMA_TRY(
        nima_db_query(ctx, db, WAITING_SQL "< $2 LIMIT $1", NIMA_DB_ARGS(limit, model), &stmt));
    NIMA_TRY(waiting_in(ctx, job, stmt));
    NIMA_TRY(
        nima_db_query(ctx, db, WAITING_SQL "> $2 LIMIT $1", NIMA_DB_ARGS(limit, model), &stmt));
    return waiting_in(ctx, job, stmt);
}

nima_rc nima_messages_waiting(struct nima_ctx *ctx, struct nima_store *store, nima_str model,
                              int limit, struct nima_messages_waiting *out)
{
    nima_assert(limit >= 1 && limit <= WAITING_MAX && model.ptr != NULL);
    struct waiting job = {.model = model, .limit = limit};
    job.found.items = NIMA_NEW(ctx->arena, struct nima_message_waiting, (size_t)limit);
    NIMA_TRY(nima_db_read(ctx, store, waiting, &job));
    qsort(job.found.items, job.found.count, sizeof(*job.found.items), by_person);
    *out = job.found;
    return NIMA_OK;
}

struct vectors {
    const struct nima_message_waiting *items;
    size_t count;
    nima_str model;
    const float *vectors;
    size_t dims;
};

/* A row that was written meanwhile has another number, and one that was forgotten as well. */
static nima_rc set_vector(struct nima_ctx *ctx, struct nima_db *db, const struct vectors *job,
                          size_t i, int64_t change)
{
    const struct nima_message_waiting *item = &job->items[i];
    const float *vector = job->vectors + i * job->dims;
    nima_str bytes = {(const char *)vector, job->dims * sizeof(float)};
    return nima_db_run(ctx, db,
                       "UPDATE messages SET embedding_model = $4, embedding = $5, change = $6 "
                       "WHERE id = $3 AND change = $7 AND conversation_id = "
                       "(SELECT id FROM conversations WHERE user_id = $1 AND id = $2)",
                       NIMA_DB_ARGS(nima_db_text(ctx->user_id), nima_db_text(item->conversation_id),
                                    nima_db_text(item->id), nima_db_text(job->model),
                                    nima_db_bytes(bytes), nima_db_int(change),
                                    nima_db_int(item->change)),
                       NULL);
}

static nima_rc set_vectors(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    const struct vectors *job = arg;
    nima_str told = {0};
    int64_t change;
    NIMA_TRY(nima_store_raise_messages(ctx, db, false, &change));
    for (size_t i = 0; i < job->count; i++) {
        nima_str conversation = job->items[i].conversation_id;
        if (!nima_str_eq(conversation, told)) {
            NIMA_TRY(nima_db_run(ctx, db,
                                 "UPDATE conversations SET messages_change = $3 "
                                 "WHERE user_id = $1 AND id = $2",
                                 NIMA_DB_ARGS(nima_db_text(ctx->user_id),
                                              nima_db_text(conversation), nima_db_int(change)),
                                 NULL));
            told = conversation;
        }
        NIMA_TRY(set_vector(ctx, db, job, i, change));
    }
    return NIMA_OK;
}

nima_rc nima_messages_set_embeddings(struct nima_ctx *ctx, struct nima_store *store,
                                     const struct nima_message_waiting *items, size_t count,
                                     nima_str model, const float *vectors, size_t dims)
{
    nima_assert(count > 0 && vectors != NULL && dims > 0 && model.ptr != NULL);
    struct vectors job = {items, count, model, vectors, dims};
    return nima_db_write(ctx, store, set_vectors, &job);
}
