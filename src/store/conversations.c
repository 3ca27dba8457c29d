/*
 * Conversations. A message's position is the conversation's message_count at the time it is
 * added; the conversation's row is written first, which puts writers of one conversation in line.
 */
#include "store/conversations.h"

#include "store/conversations_int.h"

#define COLUMNS                                                                                    \
    "id, title, context_summary, metadata, created_at, updated_at, message_count, "                \
    "summary_position, next_summary, next_position"

static void conversation_row(struct nima_ctx *ctx, struct nima_db_stmt *stmt,
                             struct nima_conversation *out)
{
    *out = (struct nima_conversation){
        .id = nima_db_get_text(ctx, stmt, 0),
        .title = nima_db_get_text(ctx, stmt, 1),
        .context_summary = nima_db_get_text(ctx, stmt, 2),
        .metadata = nima_db_get_text(ctx, stmt, 3),
        .created_at = nima_db_get_time(stmt, 4),
        .updated_at = nima_db_get_time(stmt, 5),
        .message_count = nima_db_get_int(stmt, 6),
        .summary_position = nima_db_get_int(stmt, 7),
        .next_summary = nima_db_get_text(ctx, stmt, 8),
        .next_position = nima_db_get_int(stmt, 9),
    };
}

/* Making one */

struct create {
    nima_str id;
    const struct nima_conversation *conversation;
    const struct nima_message_row *messages;
    size_t count;
    int64_t change;
    struct nima_conversation row;
};

static nima_rc insert_conversation(struct nima_ctx *ctx, struct nima_db *db, struct create *job)
{
    const struct nima_conversation *given = job->conversation;
    int64_t now = nima_ctx_now(ctx);
    struct nima_db_stmt *stmt = NULL;
    nima_rc rc = nima_db_first(
        ctx, db,
        "INSERT INTO conversations (id, user_id, title, context_summary, metadata, created_at, "
        "updated_at, message_count, messages_change) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) "
        "RETURNING " COLUMNS,
        NIMA_DB_ARGS(nima_db_text(job->id), nima_db_text(ctx->user_id), nima_db_text(given->title),
                     nima_db_text(given->context_summary),
                     nima_db_json(nima_store_json(given->metadata)),
                     nima_db_time(given->created_at != 0 ? given->created_at : now),
                     nima_db_time(given->updated_at != 0 ? given->updated_at : now),
                     nima_db_int((int64_t)job->count), nima_db_int(job->change)),
        &stmt);
    if (rc == NIMA_E_CONFLICT) {
        return nima_fail(ctx, rc, "there is a conversation with this id already");
    }
    NIMA_TRY(rc);
    conversation_row(ctx, stmt, &job->row);
    return nima_db_end(ctx, stmt);
}

static nima_rc create(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    struct create *job = arg;
    struct nima_message_row made = {0};
    NIMA_TRY(nima_store_raise_messages(ctx, db, false, &job->change));
    NIMA_TRY(insert_conversation(ctx, db, job));
    struct nima_message_place place = {.conversation_id = job->id, .change = job->change};
    for (; (size_t)place.position < job->count; place.position++) {
        NIMA_TRY(nima_store_add_message(ctx, db, &place, &job->messages[place.position], &made));
        place.parent_id = made.id;
    }
    return NIMA_OK;
}

nima_rc nima_conversation_create(struct nima_ctx *ctx, struct nima_store *store,
                                 const struct nima_conversation *conversation,
                                 const struct nima_message_row *messages, size_t count,
                                 struct nima_conversation *out)
{
    struct create job = {.conversation = conversation, .messages = messages, .count = count};
    NIMA_TRY(nima_store_new_id(ctx, conversation->id, "conversation_id", &job.id));
    NIMA_TRY(nima_db_write(ctx, store, create, &job));
    *out = job.row;
    return NIMA_OK;
}

/* Looking them up */

struct get {
    nima_str id;
    struct nima_conversation row;
};

static nima_rc get(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    struct get *job = arg;
    struct nima_db_stmt *stmt;
    NIMA_TRY(nima_db_first(ctx, db,
                           "SELECT " COLUMNS " FROM conversations WHERE user_id = $1 AND id = $2",
                           NIMA_DB_ARGS(nima_db_text(ctx->user_id), nima_db_text(job->id)), &stmt));
    if (stmt == NULL) {
        return nima_store_no_such(ctx, "conversation");
    }
    conversation_row(ctx, stmt, &job->row);
    return nima_db_end(ctx, stmt);
}

nima_rc nima_conversation_get(struct nima_ctx *ctx, struct nima_store *store, nima_str id,
                              struct nima_conversation *out)
{
    struct get job = {0};
    NIMA_TRY(nima_store_id(ctx, id, "conversation", &job.id));
    NIMA_TRY(nima_db_read(ctx, store, get, &job));
    *out = job.row;
    return NIMA_OK;
}

struct list {
    int limit;
    bool from_start;
    struct nima_store_cursor after;
    struct nima_conversation_rows rows;
};

static nima_rc start_list(struct nima_ctx *ctx, struct nima_db *db, const struct list *job,
                          struct nima_db_stmt **out)
{
    struct nima_db_value user = nima_db_text(ctx->user_id);
    struct nima_db_value limit = nima_db_int((int64_t)job->limit + 1);
    if (job->from_start) {
        return nima_db_query(ctx, db,
                             "SELECT " COLUMNS " FROM conversations WHERE user_id = $1 "
                             "ORDER BY updated_at DESC, id DESC LIMIT $2",
                             NIMA_DB_ARGS(user, limit), out);
    }
    return nima_db_query(
        ctx, db,
        "SELECT " COLUMNS " FROM conversations WHERE user_id = $1 "
        "AND (updated_at, id) < ($2, $3) "
        "ORDER BY updated_at DESC, id DESC LIMIT $4",
        NIMA_DB_ARGS(user, nima_db_time(job->after.time), nima_db_text(job->after.id), limit), out);
}

static nima_rc list(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    struct list *job = arg;
    struct nima_db_stmt *stmt;
    bool row = false;
    job->rows.count = 0;
    job->rows.next_cursor = (nima_str){0};
    NIMA_TRY(start_list(ctx, db, job, &stmt));
    NIMA_TRY(nima_db_step(ctx, stmt, &row));
    while (row && job->rows.count < (size_t)job->limit) {
        conversation_row(ctx, stmt, &job->rows.items[job->rows.count++]);
        NIMA_TRY(nima_db_step(ctx, stmt, &row));
    }
    if (row) {
        const struct nima_conversation *last = &job->rows.items[job->rows.count - 1];
        struct nima_store_cursor at = {.time = last->updated_at, .id = last->id};
        job->rows.next_cursor = nima_store_cursor_write(ctx, 'c', at);
    }
    return nima_db_end(ctx, stmt);
}

nima_rc nima_conversation_list(struct nima_ctx *ctx, struct nima_store *store, int limit,
                               nima_str cursor, struct nima_conversation_rows *out)
{
    struct list job = {.from_start = cursor.ptr == NULL};
    NIMA_TRY(nima_store_limit(ctx, limit, &job.limit));
    if (!job.from_start) {
        NIMA_TRY(nima_store_cursor_read(ctx, 'c', cursor, &job.after));
    }
    job.rows.items = NIMA_NEW(ctx->arena, struct nima_conversation, (size_t)job.limit);
    NIMA_TRY(nima_db_read(ctx, store, list, &job));
    *out = job.rows;
    return NIMA_OK;
}

/* Changing and deleting */

struct update {
    nima_str id;
    const struct nima_conversation *change;
    struct nima_conversation row;
};

/* A summary is made by the program, so it does not make a conversation the latest one. */
static nima_rc update(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    struct update *job = arg;
    const struct nima_conversation *change = job->change;
    bool by_person = change->title.ptr != NULL || change->metadata.ptr != NULL;
    struct nima_db_stmt *stmt;
    NIMA_TRY(nima_db_first(
        ctx, db,
        "UPDATE conversations SET title = COALESCE($3, title), "
        "context_summary = COALESCE($4, context_summary), metadata = COALESCE($5, metadata), "
        "updated_at = COALESCE($6, updated_at) WHERE user_id = $1 AND id = $2 RETURNING " COLUMNS,
        NIMA_DB_ARGS(nima_db_text(ctx->user_id), nima_db_text(job->id), nima_db_text(change->title),
                     nima_db_text(change->context_summary), nima_db_json(change->metadata),
                     nima_db_time(by_person ? nima_ctx_now(ctx) : 0)),
        &stmt));
    if (stmt == NULL) {
        return nima_store_no_such(ctx, "conversation");
    }
    conversation_row(ctx, stmt, &job->row);
    return nima_db_end(ctx, stmt);
}

nima_rc nima_conversation_update(struct nima_ctx *ctx, struct nima_store *store,
                                 const struct nima_conversation *change,
                                 struct nima_conversation *out)
{
    struct update job = {.change = change};
    NIMA_TRY(nima_store_id(ctx, change->id, "conversation", &job.id));
    NIMA_TRY(nima_db_write(ctx, store, update, &job));
    *out = job.row;
    return NIMA_OK;
}

static nima_rc summarize(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    const struct nima_conversation *c = arg;
    int64_t found = 0;
    NIMA_TRY(
        nima_db_run(ctx, db,
                    "UPDATE conversations SET context_summary = $3, summary_position = $4, "
                    "next_summary = $5, next_position = $6 WHERE user_id = $1 AND id = $2",
                    NIMA_DB_ARGS(nima_db_text(ctx->user_id), nima_db_text(c->id),
                                 nima_db_text(c->context_summary), nima_db_int(c->summary_position),
                                 nima_db_text(c->next_summary), nima_db_int(c->next_position)),
                    &found));
    return found > 0 ? NIMA_OK : nima_store_no_such(ctx, "conversation");
}

nima_rc nima_conversation_summarize(struct nima_ctx *ctx, struct nima_store *store,
                                    const struct nima_conversation *summary)
{
    struct nima_conversation job = *summary;
    NIMA_TRY(nima_store_id(ctx, summary->id, "conversation", &job.id));
    return nima_db_wipe(ctx, store, summarize, &job, false);
}

struct retitle {
    nima_str id, was, title;
};

static nima_rc retitle(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    const struct retitle *job = arg;
    return nima_db_run(
        ctx, db,
        "UPDATE conversations SET title = $4 WHERE user_id = $1 AND id = $2 AND title = $3",
        NIMA_DB_ARGS(nima_db_text(ctx->user_id), nima_db_text(job->id), nima_db_text(job->was),
                     nima_db_text(job->title)),
        NULL);
}

nima_rc nima_conversation_retitle(struct nima_ctx *ctx, struct nima_store *store, nima_str id,
                                  nima_str was, nima_str title)
{
    struct retitle job = {.was = was, .title = title};
    NIMA_TRY(nima_store_id(ctx, id, "conversation", &job.id));
    return nima_db_write(ctx, store, retitle, &job);
}

struct prepare {
    const struct nima_summary_ahead *summary;
    nima_str id;
    bool kept;
};

/* Whether the summary that it was made from is still there. */
static nima_rc stands_still(struct nima_ctx *ctx, struct nima_db *db, const struct prepare *job,
                            bool *out)
{
    const struct nima_summary_ahead *s = job->summary;
    struct nima_db_stmt *stmt;
    NIMA_TRY(nima_db_first(
        ctx, db,
        "SELECT CASE WHEN next_position > summary_position THEN next_position ELSE "
        "summary_position END, CASE WHEN next_position > summary_position THEN next_summary ELSE "
        "context_summary END, (SELECT COUNT(*) FROM messages WHERE conversation_id = $2 AND "
        "position >= $3 AND position < $4 AND active = 1 AND withheld IS NULL) FROM conversations "
        "WHERE user_id = $1 AND id = $2",
        NIMA_DB_ARGS(nima_db_text(ctx->user_id), nima_db_text(job->id), nima_db_int(s->from),
                     nima_db_int(s->to)),
        &stmt));
    *out = false;
    if (stmt == NULL) {
        return NIMA_OK;
    }
    nima_str was = nima_db_view(stmt, 1);
    *out = nima_db_get_int(stmt, 0) == s->from && nima_str_eq(was, s->was) &&
           (was.ptr == NULL) == (s->was.ptr == NULL) && nima_db_get_int(stmt, 2) == s->usable;
    return nima_db_end(ctx, stmt);
}

static nima_rc prepare(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    struct prepare *job = arg;
    NIMA_TRY(stands_still(ctx, db, job, &job->kept));
    if (!job->kept) {
        return NIMA_OK;
    }
    return nima_db_run(ctx, db,
                       "UPDATE conversations SET next_summary = $3, next_position = $4 "
                       "WHERE user_id = $1 AND id = $2",
                       NIMA_DB_ARGS(nima_db_text(ctx->user_id), nima_db_text(job->id),
                                    nima_db_text(job->summary->text),
                                    nima_db_int(job->summary->to)),
                       NULL);
}

nima_rc nima_conversation_prepare(struct nima_ctx *ctx, struct nima_store *store,
                                  const struct nima_summary_ahead *summary, bool *kept)
{
    struct prepare job = {.summary = summary};
    NIMA_TRY(nima_store_id(ctx, summary->id, "conversation", &job.id));
    NIMA_TRY(nima_db_write(ctx, store, prepare, &job));
    *kept = job.kept;
    return NIMA_OK;
}

/* Prompts quote messages beside facts, and look for what is gone when the facts' number moved. */
static nima_rc delete_one(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    const nima_str *id = arg;
    int64_t gone = 0, change;
    NIMA_TRY(nima_store_raise_change(ctx, db, &change));
    NIMA_TRY(nima_store_raise_messages(ctx, db, true, &change));
    NIMA_TRY(nima_db_run(ctx, db, "DELETE FROM tasks WHERE user_id = $1 AND conversation_id = $2",
                         NIMA_DB_ARGS(nima_db_text(ctx->user_id), nima_db_text(*id)), NULL));
    NIMA_TRY(nima_db_run(ctx, db, "DELETE FROM conversations WHERE user_id = $1 AND id = $2",
                         NIMA_DB_ARGS(nima_db_text(ctx->user_id), nima_db_text(*id)), &gone));
    NIMA_TRY(nima_db_run(ctx, db,
                         "DELETE FROM pack_activations WHERE user_id = $1 AND conversation_id = $2",
                         NIMA_DB_ARGS(nima_db_text(ctx->user_id), nima_db_text(*id)), NULL));
    return gone > 0 ? NIMA_OK : nima_store_no_such(ctx, "conversation");
}

nima_rc nima_conversation_delete(struct nima_ctx *ctx, struct nima_store *store, nima_str id)
{
    nima_str valid;
    NIMA_TRY(nima_store_id(ctx, id, "conversation", &valid));
    return nima_db_wipe(ctx, store, delete_one, &valid, false);
}
