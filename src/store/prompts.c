/*
 * What each reply's prompt was made of.
 */
#include "store/conversations_int.h"

nima_rc nima_store_keep_prompt(struct nima_ctx *ctx, struct nima_db *db, nima_str conversation_id,
                               nima_str message_id, const struct nima_prompt_keep *prompt)
{
    if (prompt->text.ptr != NULL) {
        NIMA_TRY(nima_db_run(ctx, db,
                             "INSERT INTO prompt_texts (conversation_id, hash, text) "
                             "VALUES ($1, $2, $3) ON CONFLICT (conversation_id, hash) DO NOTHING",
                             NIMA_DB_ARGS(nima_db_text(conversation_id), nima_db_text(prompt->hash),
                                          nima_db_text(prompt->text)),
                             NULL));
    }
    return nima_db_run(ctx, db, "INSERT INTO prompts (message_id, record) VALUES ($1, $2)",
                       NIMA_DB_ARGS(nima_db_text(message_id), nima_db_json(prompt->record)), NULL);
}

struct look {
    nima_str conversation_id, key, found;
    const char *sql, *what;
};

static nima_rc look(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    struct look *job = arg;
    struct nima_db_stmt *stmt;
    NIMA_TRY(nima_db_first(ctx, db, job->sql,
                           NIMA_DB_ARGS(nima_db_text(ctx->user_id),
                                        nima_db_text(job->conversation_id), nima_db_text(job->key)),
                           &stmt));
    if (stmt == NULL) {
        return nima_store_no_such(ctx, job->what);
    }
    job->found = nima_db_get_text(ctx, stmt, 0);
    return nima_db_end(ctx, stmt);
}

nima_rc nima_prompt_get(struct nima_ctx *ctx, struct nima_store *store, nima_str conversation_id,
                        nima_str message_id, nima_str *record_out)
{
    struct look job = {.what = "prompt",
                       .sql = "SELECT p.record FROM conversations AS c "
                              "JOIN messages AS m ON m.conversation_id = c.id "
                              "JOIN prompts AS p ON p.message_id = m.id "
                              "WHERE c.user_id = $1 AND c.id = $2 AND m.id = $3"};
    NIMA_TRY(nima_store_id(ctx, conversation_id, "conversation", &job.conversation_id));
    NIMA_TRY(nima_store_id(ctx, message_id, "message", &job.key));
    NIMA_TRY(nima_db_read(ctx, store, look, &job));
    *record_out = job.found;
    return NIMA_OK;
}

nima_rc nima_prompt_text(struct nima_ctx *ctx, struct nima_store *store, nima_str conversation_id,
                         nima_str hash, nima_str *out)
{
    struct look job = {.key = hash,
                       .what = "prompt",
                       .sql = "SELECT t.text FROM conversations AS c "
                              "JOIN prompt_texts AS t ON t.conversation_id = c.id "
                              "WHERE c.user_id = $1 AND c.id = $2 AND t.hash = $3"};
    NIMA_TRY(nima_store_id(ctx, conversation_id, "conversation", &job.conversation_id));
    NIMA_TRY(nima_db_read(ctx, store, look, &job));
    *out = job.found;
    return NIMA_OK;
}
