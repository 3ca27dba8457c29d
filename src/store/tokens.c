/*
 * Tokens, and the replies kept for repeated requests.
 */
#include "store/people.h"
#include "store/store_int.h"

enum { USED_STEP_MS = 3600 * 1000, DAY_MS = 24 * 3600 * 1000 };

#define TOKEN_COLUMNS "id, user_id, scopes, hash, created_at, revoked_at, last_used_at"

static void token_row(struct nima_ctx *ctx, struct nima_db_stmt *stmt, struct nima_api_token *out)
{
    *out = (struct nima_api_token){
        .id = nima_db_get_text(ctx, stmt, 0),
        .user_id = nima_db_get_text(ctx, stmt, 1),
        .scopes = nima_db_get_text(ctx, stmt, 2),
        .hash = nima_db_get_text(ctx, stmt, 3),
        .created_at = nima_db_get_time(stmt, 4),
        .revoked_at = nima_db_get_time(stmt, 5),
        .last_used_at = nima_db_get_time(stmt, 6),
    };
}

struct add_token {
    nima_str id;
    const struct nima_api_token *token;
};

static nima_rc add_token(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    const struct add_token *job = arg;
    const struct nima_api_token *token = job->token;
    int64_t created_at = token->created_at != 0 ? token->created_at : nima_ctx_now(ctx);
    return nima_db_run(
        ctx, db,
        "INSERT INTO api_tokens (id, user_id, scopes, hash, created_at, revoked_at, last_used_at) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7)",
        NIMA_DB_ARGS(nima_db_text(job->id), nima_db_text(token->user_id),
                     nima_db_text(token->scopes), nima_db_text(token->hash),
                     nima_db_time(created_at), nima_db_time(token->revoked_at),
                     nima_db_time(token->last_used_at)),
        NULL);
}

nima_rc nima_tokens_add(struct nima_ctx *ctx, struct nima_store *store,
                        const struct nima_api_token *token)
{
    struct add_token job = {.token = token};
    NIMA_TRY(nima_store_new_id(ctx, token->id, "id", &job.id));
    return nima_db_write(ctx, store, add_token, &job);
}

static nima_rc list_tokens(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    struct nima_api_tokens *out = arg;
    struct nima_db_stmt *stmt;
    bool row = false;
    NIMA_TRY(nima_db_first(ctx, db, "SELECT count(*) FROM api_tokens", NULL, 0, &stmt));
    size_t count = (size_t)nima_db_get_int(stmt, 0);
    NIMA_TRY(nima_db_end(ctx, stmt));
    *out = (struct nima_api_tokens){.items = NIMA_NEW(ctx->arena, struct nima_api_token, count)};
    NIMA_TRY(nima_db_query(ctx, db, "SELECT " TOKEN_COLUMNS " FROM api_tokens ORDER BY id", NULL, 0,
                           &stmt));
    NIMA_TRY(nima_db_step(ctx, stmt, &row));
    while (row && out->count < count) {
        token_row(ctx, stmt, &out->items[out->count++]);
        NIMA_TRY(nima_db_step(ctx, stmt, &row));
    }
    return nima_db_end(ctx, stmt);
}

nima_rc nima_tokens_list(struct nima_ctx *ctx, struct nima_store *store,
                         struct nima_api_tokens *out)
{
    struct nima_api_tokens found;
    NIMA_TRY(nima_db_read(ctx, store, list_tokens, &found));
    *out = found;
    return NIMA_OK;
}

static nima_rc revoke_token(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    const nima_str *id = arg;
    int64_t found = 0;
    NIMA_TRY(nima_db_run(ctx, db,
                         "UPDATE api_tokens SET revoked_at = COALESCE(revoked_at, $2) "
                         "WHERE id = $1",
                         NIMA_DB_ARGS(nima_db_text(*id), nima_db_time(nima_ctx_now(ctx))), &found));
    return found > 0 ? NIMA_OK : nima_store_no_such(ctx, "token");
}

nima_rc nima_tokens_revoke(struct nima_ctx *ctx, struct nima_store *store, nima_str id)
{
    nima_str valid;
    NIMA_TRY(nima_store_id(ctx, id, "token", &valid));
    return nima_db_write(ctx, store, revoke_token, &valid);
}

struct find_token {
    nima_str hash;
    struct nima_api_token found;
};

static nima_rc find_token(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    struct find_token *job = arg;
    struct nima_db_stmt *stmt;
    NIMA_TRY(nima_db_first(ctx, db,
                           "SELECT " TOKEN_COLUMNS " FROM api_tokens "
                           "WHERE hash = $1 AND revoked_at IS NULL",
                           NIMA_DB_ARGS(nima_db_text(job->hash)), &stmt));
    if (stmt == NULL) {
        return nima_store_no_such(ctx, "token");
    }
    token_row(ctx, stmt, &job->found);
    return nima_db_end(ctx, stmt);
}

static nima_rc note_use(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    const struct find_token *job = arg;
    return nima_db_run(ctx, db, "UPDATE api_tokens SET last_used_at = $2 WHERE id = $1",
                       NIMA_DB_ARGS(nima_db_text(job->found.id), nima_db_time(nima_ctx_now(ctx))),
                       NULL);
}

/* When a token was used is noted once an hour: a write for each request would cost more than the
 * request. It is no reason to refuse one either. */
nima_rc nima_tokens_find(struct nima_ctx *ctx, struct nima_store *store, nima_str hash,
                         struct nima_api_token *out)
{
    struct find_token job = {.hash = hash};
    NIMA_TRY(nima_db_read(ctx, store, find_token, &job));
    if (nima_ctx_now(ctx) - job.found.last_used_at > USED_STEP_MS) {
        struct nima_error before = ctx->error;
        if (nima_db_write(ctx, store, note_use, &job) != NIMA_OK) {
            ctx->error = before;
        }
    }
    *out = job.found;
    return NIMA_OK;
}

static nima_rc is_there(struct nima_ctx *ctx, struct nima_db *db, const char *sql, bool *out)
{
    struct nima_db_stmt *stmt;
    NIMA_TRY(nima_db_first(ctx, db, sql, NULL, 0, &stmt));
    *out = stmt != NULL;
    return stmt != NULL ? nima_db_end(ctx, stmt) : NIMA_OK;
}

static nima_rc any_token(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    return is_there(ctx, db, "SELECT user_id FROM api_tokens WHERE revoked_at IS NULL LIMIT 1",
                    arg);
}

static nima_rc ever_a_token(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    return is_there(ctx, db, "SELECT user_id FROM api_tokens LIMIT 1", arg);
}

nima_rc nima_tokens_any(struct nima_ctx *ctx, struct nima_store *store, bool *out)
{
    bool found;
    NIMA_TRY(nima_db_read(ctx, store, any_token, &found));
    *out = found;
    return NIMA_OK;
}

nima_rc nima_tokens_ever(struct nima_ctx *ctx, struct nima_store *store, bool *out)
{
    bool found;
    NIMA_TRY(nima_db_read(ctx, store, ever_a_token, &found));
    *out = found;
    return NIMA_OK;
}

/* Idempotent replies */

static nima_rc get_idempotent(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    struct nima_idempotent *entry = arg;
    struct nima_db_stmt *stmt;
    NIMA_TRY(nima_db_first(ctx, db,
                           "SELECT body_hash, status, reply FROM idempotency WHERE user_id = $1 "
                           "AND key = $2 AND route = $3 AND created_at >= $4",
                           NIMA_DB_ARGS(nima_db_text(ctx->user_id), nima_db_text(entry->key),
                                        nima_db_text(entry->route),
                                        nima_db_time(nima_ctx_now(ctx) - DAY_MS)),
                           &stmt));
    if (stmt == NULL) {
        return nima_store_no_such(ctx, "reply");
    }
    entry->body_hash = nima_db_get_text(ctx, stmt, 0);
    entry->status = (int)nima_db_get_int(stmt, 1);
    entry->reply = nima_db_get_text(ctx, stmt, 2);
    return nima_db_end(ctx, stmt);
}

nima_rc nima_idempotent_get(struct nima_ctx *ctx, struct nima_store *store, nima_str key,
                            nima_str route, struct nima_idempotent *out)
{
    struct nima_idempotent entry = {.key = key, .route = route};
    NIMA_TRY(nima_db_read(ctx, store, get_idempotent, &entry));
    entry.key = nima_str_copy(ctx->arena, key);
    entry.route = nima_str_copy(ctx->arena, route);
    *out = entry;
    return NIMA_OK;
}

/* Those of anybody that are over a day old go first, so the first of two replies stays. */
static nima_rc put_idempotent(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    const struct nima_idempotent *entry = *(const struct nima_idempotent *const *)arg;
    int64_t now = nima_ctx_now(ctx);
    NIMA_TRY(nima_db_run(ctx, db, "DELETE FROM idempotency WHERE created_at < $1",
                         NIMA_DB_ARGS(nima_db_time(now - DAY_MS)), NULL));
    return nima_db_run(
        ctx, db,
        "INSERT INTO idempotency (user_id, key, route, body_hash, status, reply, created_at) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (user_id, key, route) DO NOTHING",
        NIMA_DB_ARGS(nima_db_text(ctx->user_id), nima_db_text(entry->key),
                     nima_db_text(entry->route), nima_db_text(entry->body_hash),
                     nima_db_int(entry->status), nima_db_text(entry->reply), nima_db_time(now)),
        NULL);
}

nima_rc nima_idempotent_put(struct nima_ctx *ctx, struct nima_store *store,
                            const struct nima_idempotent *entry)
{
    return nima_db_write(ctx, store, put_idempotent, &entry);
}
