/* Which packs are switched on and off. */
#include "store/packs.h"

#include "store/store_int.h"

enum { ACTIVATIONS_MAX = 1000 };

static nima_str all_or(nima_str conversation_id)
{
    return conversation_id.ptr != NULL ? conversation_id : NIMA_STR("");
}

struct list {
    nima_str conversation_id;
    struct nima_activations rows;
};

static nima_rc list(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    struct list *job = arg;
    struct nima_db_stmt *stmt;
    bool row;
    job->rows =
        (struct nima_activations){NIMA_NEW(ctx->arena, struct nima_activation, ACTIVATIONS_MAX), 0};
    NIMA_TRY(nima_db_query(
        ctx, db,
        "SELECT pack_id, conversation_id, state, version, updated_at FROM pack_activations "
        "WHERE user_id = $1 AND (conversation_id = '' OR conversation_id = $2) "
        "ORDER BY conversation_id, pack_id LIMIT $3",
        NIMA_DB_ARGS(nima_db_text(ctx->user_id), nima_db_text(all_or(job->conversation_id)),
                     nima_db_int(ACTIVATIONS_MAX)),
        &stmt));
    for (;;) {
        NIMA_TRY(nima_db_step(ctx, stmt, &row));
        if (!row) {
            break;
        }
        job->rows.items[job->rows.count++] = (struct nima_activation){
            .pack_id = nima_db_get_text(ctx, stmt, 0),
            .conversation_id = nima_db_get_text(ctx, stmt, 1),
            .on = nima_str_eq(nima_db_view(stmt, 2), NIMA_STR("on")),
            .version = nima_db_get_text(ctx, stmt, 3),
            .updated_at = nima_db_get_time(stmt, 4),
        };
    }
    return nima_db_end(ctx, stmt);
}

nima_rc nima_activations_list(struct nima_ctx *ctx, struct nima_store *store,
                              nima_str conversation_id, struct nima_activations *out)
{
    struct list job = {.conversation_id = conversation_id};
    NIMA_TRY(nima_db_read(ctx, store, list, &job));
    *out = job.rows;
    return NIMA_OK;
}

static nima_rc check_conversation(struct nima_ctx *ctx, struct nima_db *db, nima_str id)
{
    struct nima_db_stmt *stmt;
    if (id.len == 0) {
        return NIMA_OK;
    }
    NIMA_TRY(nima_db_first(ctx, db, "SELECT 1 FROM conversations WHERE id = $1 AND user_id = $2",
                           NIMA_DB_ARGS(nima_db_text(id), nima_db_text(ctx->user_id)), &stmt));
    if (stmt == NULL) {
        return nima_fail_field(ctx, NIMA_E_NOT_FOUND, "conversation_id",
                               "there is no such conversation");
    }
    return nima_db_end(ctx, stmt);
}

static nima_rc put(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    const struct nima_activation *a = arg;
    nima_str conversation_id = all_or(a->conversation_id);
    NIMA_TRY(check_conversation(ctx, db, conversation_id));
    return nima_db_run(
        ctx, db,
        "INSERT INTO pack_activations (user_id, pack_id, conversation_id, state, version, "
        "updated_at) VALUES ($1, $2, $3, $4, $5, $6) "
        "ON CONFLICT (user_id, pack_id, conversation_id) DO UPDATE SET state = excluded.state, "
        "version = excluded.version, updated_at = excluded.updated_at",
        NIMA_DB_ARGS(nima_db_text(ctx->user_id), nima_db_text(a->pack_id),
                     nima_db_text(conversation_id),
                     nima_db_text(a->on ? NIMA_STR("on") : NIMA_STR("off")),
                     nima_db_text(a->version), nima_db_time(nima_ctx_now(ctx))),
        NULL);
}

nima_rc nima_activations_put(struct nima_ctx *ctx, struct nima_store *store,
                             const struct nima_activation *activation)
{
    struct nima_activation job = *activation;
    return nima_db_write(ctx, store, put, &job);
}

static nima_rc delete_one(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    const struct nima_activation *a = arg;
    return nima_db_run(ctx, db,
                       "DELETE FROM pack_activations WHERE user_id = $1 AND pack_id = $2 "
                       "AND conversation_id = $3",
                       NIMA_DB_ARGS(nima_db_text(ctx->user_id), nima_db_text(a->pack_id),
                                    nima_db_text(all_or(a->conversation_id))),
                       NULL);
}

nima_rc nima_activations_delete(struct nima_ctx *ctx, struct nima_store *store, nima_str pack_id,
                                nima_str conversation_id)
{
    struct nima_activation job = {.pack_id = pack_id, .conversation_id = conversation_id};
    return nima_db_write(ctx, store, delete_one, &job);
}
