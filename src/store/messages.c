/*
 * Messages. Whose they are is known by their conversation, so each query goes through it.
 */
#include <string.h>

#include "store/conversations_int.h"

enum { SYSTEM_MAX = 32 };

#define COLUMNS                                                                                    \
    "m.id, m.conversation_id, m.role, m.content, m.name, m.timestamp, m.metadata, m.position, "    \
    "m.withheld, m.parent_id, m.active"
#define FROM_OWN                                                                                   \
    " FROM conversations AS c JOIN messages AS m ON m.conversation_id = c.id "                     \
    "WHERE c.user_id = $1 AND c.id = $2"

static void message_row(struct nima_ctx *ctx, struct nima_db_stmt *stmt,
                        struct nima_message_row *out)
{
    *out = (struct nima_message_row){
        .id = nima_db_get_text(ctx, stmt, 0),
        .conversation_id = nima_db_get_text(ctx, stmt, 1),
        .role = nima_db_get_text(ctx, stmt, 2),
        .content = nima_db_get_text(ctx, stmt, 3),
        .name = nima_db_get_text(ctx, stmt, 4),
        .timestamp = nima_db_get_time(stmt, 5),
        .metadata = nima_db_get_text(ctx, stmt, 6),
        .position = nima_db_get_int(stmt, 7),
        .withheld = nima_db_get_text(ctx, stmt, 8),
        .parent_id = nima_db_get_text(ctx, stmt, 9),
        .left = nima_db_get_int(stmt, 10) == 0,
    };
}

nima_rc nima_store_add_message(struct nima_ctx *ctx, struct nima_db *db,
                               const struct nima_message_place *place,
                               const struct nima_message_row *message, struct nima_message_row *out)
{
    struct nima_message_row row = {
        .conversation_id = place->conversation_id,
        .role = nima_str_copy(ctx->arena, message->role),
        .content = nima_str_copy(ctx->arena, message->content),
        .name = nima_str_copy(ctx->arena, message->name),
        .timestamp = message->timestamp != 0 ? message->timestamp : nima_ctx_now(ctx),
        .metadata = nima_str_copy(ctx->arena, nima_store_json(message->metadata)),
        .position = place->position,
        .withheld = nima_str_copy(ctx->arena, message->withheld),
        .parent_id = place->parent_id,
    };
    NIMA_TRY(nima_store_new_id(ctx, message->id, "message_id", &row.id));
    nima_rc rc = nima_db_run(
        ctx, db,
        "INSERT INTO messages (id, conversation_id, position, role, name, content, timestamp, "
        "metadata, change, withheld, parent_id) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        NIMA_DB_ARGS(nima_db_text(row.id), nima_db_text(row.conversation_id),
                     nima_db_int(row.position), nima_db_text(row.role), nima_db_text(row.name),
                     nima_db_text(row.content), nima_db_time(row.timestamp),
                     nima_db_json(row.metadata), nima_db_int(place->change),
                     nima_db_text(row.withheld), nima_db_text(row.parent_id)),
        NULL);
    if (rc == NIMA_E_CONFLICT) {
        return nima_fail(ctx, rc, "there is a message with this id already");
    }
    NIMA_TRY(rc);
    if (message->prompt != NULL) {
        NIMA_TRY(nima_store_keep_prompt(ctx, db, place->conversation_id, row.id, message->prompt));
    }
    *out = row;
    return NIMA_OK;
}

/* The last message of the active path; absent when there is none. */
static nima_rc last_id(struct nima_ctx *ctx, struct nima_db *db, nima_str conversation_id,
                       nima_str *out)
{
    struct nima_db_stmt *stmt;
    NIMA_TRY(nima_db_first(ctx, db,
                           "SELECT id FROM messages WHERE conversation_id = $1 AND active = 1 "
                           "ORDER BY position DESC LIMIT 1",
                           NIMA_DB_ARGS(nima_db_text(conversation_id)), &stmt));
    if (stmt == NULL) {
        return NIMA_OK;
    }
    *out = nima_db_get_text(ctx, stmt, 0);
    return nima_db_end(ctx, stmt);
}

struct append {
    nima_str conversation_id;
    const struct nima_message_row *messages;
    size_t count;
    struct nima_message_row *rows;
};

static nima_rc append(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    struct append *job = arg;
    struct nima_db_stmt *stmt;
    struct nima_message_place place = {.conversation_id = job->conversation_id};
    NIMA_TRY(nima_store_raise_messages(ctx, db, false, &place.change));
    NIMA_TRY(
        nima_db_first(ctx, db,
                      "UPDATE conversations SET message_count = message_count + $3, "
                      "updated_at = CASE WHEN created_at > $4 THEN created_at ELSE $4 END, "
                      "messages_change = $5 WHERE user_id = $1 AND id = $2 "
                      "RETURNING message_count",
                      NIMA_DB_ARGS(nima_db_text(ctx->user_id), nima_db_text(job->conversation_id),
                                   nima_db_int((int64_t)job->count),
                                   nima_db_time(nima_ctx_now(ctx)), nima_db_int(place.change)),
                      &stmt));
    if (stmt == NULL) {
        return nima_store_no_such(ctx, "conversation");
    }
    place.position = nima_db_get_int(stmt, 0) - (int64_t)job->count;
    NIMA_TRY(nima_db_end(ctx, stmt));
    if (job->count > 0 && job->messages[0].leaves) {
        NIMA_TRY(nima_store_leave(ctx, db, job->conversation_id, job->messages[0].leave_from,
                                  place.change));
    }
    NIMA_TRY(last_id(ctx, db, job->conversation_id, &place.parent_id));
    for (size_t i = 0; i < job->count; i++, place.position++) {
        NIMA_TRY(nima_store_add_message(ctx, db, &place, &job->messages[i], &job->rows[i]));
        place.parent_id = job->rows[i].id;
    }
    return NIMA_OK;
}

nima_rc nima_store_append(struct nima_ctx *ctx, struct nima_db *db, nima_str conversation_id,
                          const struct nima_message_row *message, struct nima_message_row *out)
{
    struct append job = {
        .conversation_id = conversation_id, .messages = message, .count = 1, .rows = out};
    return append(ctx, db, &job);
}

nima_rc nima_messages_append(struct nima_ctx *ctx, struct nima_store *store,
                             nima_str conversation_id, const struct nima_message_row *messages,
                             size_t count, struct nima_message_row *out)
{
    struct append job = {.messages = messages, .count = count};
    NIMA_TRY(nima_store_id(ctx, conversation_id, "conversation", &job.conversation_id));
    job.rows = NIMA_NEW(ctx->arena, struct nima_message_row, count);
    NIMA_TRY(nima_db_write(ctx, store, append, &job));
    for (size_t i = 0; i < count; i++) {
        out[i] = job.rows[i];
    }
    return NIMA_OK;
}

struct one {
    nima_str conversation_id, id;
    const struct nima_message_row *change;
    struct nima_message_row row;
};

static nima_rc ids_of(struct nima_ctx *ctx, nima_str conversation_id, nima_str id, struct one *out)
{
    NIMA_TRY(nima_store_id(ctx, conversation_id, "conversation", &out->conversation_id));
    return nima_store_id(ctx, id, "message", &out->id);
}

/* A vector that is there belongs to the words that were there. */
static nima_rc update(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    const struct one *job = arg;
    int64_t found = 0, change;
    struct nima_db_value user = nima_db_text(ctx->user_id);
    struct nima_db_value conversation = nima_db_text(job->conversation_id);
    NIMA_TRY(nima_store_raise_messages(ctx, db, false, &change));
    NIMA_TRY(nima_db_run(ctx, db,
                         "UPDATE conversations SET messages_change = $3 WHERE user_id = $1 AND "
                         "id = $2",
                         NIMA_DB_ARGS(user, conversation, nima_db_int(change)), NULL));
    NIMA_TRY(nima_db_run(
        ctx, db,
        "UPDATE messages SET content = $4, metadata = $5, change = $6, "
        "embedding_model = CASE WHEN content = $4 THEN embedding_model ELSE NULL END, "
        "embedding = CASE WHEN content = $4 THEN embedding ELSE NULL END "
        "WHERE id = $3 AND conversation_id = "
        "(SELECT id FROM conversations WHERE user_id = $1 AND id = $2)",
        NIMA_DB_ARGS(user, conversation, nima_db_text(job->id), nima_db_text(job->change->content),
                     nima_db_json(nima_store_json(job->change->metadata)), nima_db_int(change)),
        &found));
    return found > 0 ? NIMA_OK : nima_store_no_such(ctx, "message");
}

nima_rc nima_message_update(struct nima_ctx *ctx, struct nima_store *store,
                            const struct nima_message_row *message)
{
    struct one job = {.change = message};
    NIMA_TRY(ids_of(ctx, message->conversation_id, message->id, &job));
    return nima_db_write(ctx, store, update, &job);
}

static nima_rc get(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    struct one *job = arg;
    struct nima_db_stmt *stmt;
    NIMA_TRY(nima_db_first(ctx, db, "SELECT " COLUMNS FROM_OWN " AND m.id = $3",
                           NIMA_DB_ARGS(nima_db_text(ctx->user_id),
                                        nima_db_text(job->conversation_id), nima_db_text(job->id)),
                           &stmt));
    if (stmt == NULL) {
        return nima_store_no_such(ctx, "message");
    }
    message_row(ctx, stmt, &job->row);
    return nima_db_end(ctx, stmt);
}

nima_rc nima_message_get(struct nima_ctx *ctx, struct nima_store *store, nima_str conversation_id,
                         nima_str id, struct nima_message_row *out)
{
    struct one job = {0};
    NIMA_TRY(ids_of(ctx, conversation_id, id, &job));
    NIMA_TRY(nima_db_read(ctx, store, get, &job));
    *out = job.row;
    return NIMA_OK;
}

struct last {
    nima_str conversation_id;
    int limit;
    int64_t before;
    struct nima_message_rows rows;
};

/* How many there are to read; NOT_FOUND when the conversation is not there. */
static nima_rc count_last(struct nima_ctx *ctx, struct nima_db *db, const struct last *job,
                          size_t *out)
{
    struct nima_db_stmt *stmt;
    NIMA_TRY(nima_db_first(
        ctx, db,
        "SELECT message_count FROM conversations WHERE user_id = $1 AND "
        "id = $2",
        NIMA_DB_ARGS(nima_db_text(ctx->user_id), nima_db_text(job->conversation_id)), &stmt));
    if (stmt == NULL) {
        return nima_store_no_such(ctx, "conversation");
    }
    size_t count = (size_t)nima_db_get_int(stmt, 0);
    *out = job->limit > 0 && (size_t)job->limit < count ? (size_t)job->limit : count;
    return nima_db_end(ctx, stmt);
}

/* Read from the end, so that a long conversation costs no more than a short one, and filled in
 * from the back. */
static nima_rc last(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    struct last *job = arg;
    struct nima_db_stmt *stmt;
    size_t count = 0, left;
    bool row = false;
    NIMA_TRY(count_last(ctx, db, job, &count));
    struct nima_message_row *items = NIMA_NEW(ctx->arena, struct nima_message_row, count);
    NIMA_TRY(
        nima_db_query(ctx, db,
                      "SELECT " COLUMNS FROM_OWN
                      " AND m.active = 1 AND m.position < $4 ORDER BY m.position DESC LIMIT $3",
                      NIMA_DB_ARGS(nima_db_text(ctx->user_id), nima_db_text(job->conversation_id),
                                   nima_db_int((int64_t)count), nima_db_int(job->before)),
                      &stmt));
    NIMA_TRY(nima_db_step(ctx, stmt, &row));
    for (left = count; row && left > 0; left--) {
        message_row(ctx, stmt, &items[left - 1]);
        NIMA_TRY(nima_db_step(ctx, stmt, &row));
    }
    job->rows = (struct nima_message_rows){.items = items + left, .count = count - left};
    return nima_db_end(ctx, stmt);
}

nima_rc nima_messages_before(struct nima_ctx *ctx, struct nima_store *store,
                             nima_str conversation_id, int64_t before, int limit,
                             struct nima_message_rows *out)
{
    struct last job = {.limit = limit, .before = before};
    NIMA_TRY(nima_store_id(ctx, conversation_id, "conversation", &job.conversation_id));
    NIMA_TRY(nima_db_read(ctx, store, last, &job));
    *out = job.rows;
    return NIMA_OK;
}

nima_rc nima_messages_last(struct nima_ctx *ctx, struct nima_store *store, nima_str conversation_id,
                           int limit, struct nima_message_rows *out)
{
    return nima_messages_before(ctx, store, conversation_id, INT64_MAX, limit, out);
}

struct between {
    const char *sql;
    nima_str conversation_id;
    int64_t from, before, limit;
    struct nima_message_rows rows;
    size_t room;
};

static nima_rc between(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    struct between *job = arg;
    struct nima_db_stmt *stmt;
    bool row = false;
    job->rows.count = 0;
    NIMA_TRY(nima_db_query(ctx, db, job->sql,
                           NIMA_DB_ARGS(nima_db_text(ctx->user_id),
                                        nima_db_text(job->conversation_id), nima_db_int(job->from),
                                        nima_db_int(job->before), nima_db_int(job->limit)),
                           &stmt));
    NIMA_TRY(nima_db_step(ctx, stmt, &row));
    while (row) {
        if (job->rows.count == job->room) {
            struct nima_message_row *grown =
                NIMA_NEW(ctx->arena, struct nima_message_row, job->room * 2 + 64);
            if (job->room > 0) {
                memcpy(grown, job->rows.items, job->room * sizeof(*grown));
            }
            job->rows.items = grown;
            job->room = job->room * 2 + 64;
        }
        message_row(ctx, stmt, &job->rows.items[job->rows.count++]);
        NIMA_TRY(nima_db_step(ctx, stmt, &row));
    }
    return nima_db_end(ctx, stmt);
}

static nima_rc read_between(struct nima_ctx *ctx, struct nima_store *store, nima_str id,
                            struct between *job, struct nima_message_rows *out)
{
    NIMA_TRY(nima_store_id(ctx, id, "conversation", &job->conversation_id));
    NIMA_TRY(nima_db_read(ctx, store, between, job));
    *out = job->rows;
    return NIMA_OK;
}

nima_rc nima_messages_between(struct nima_ctx *ctx, struct nima_store *store,
                              nima_str conversation_id, int64_t from, int64_t before, int limit,
                              struct nima_message_rows *out)
{
    struct between job = {.sql = "SELECT " COLUMNS FROM_OWN
                                 " AND m.position >= $3 AND m.position < $4 "
                                 "ORDER BY m.position LIMIT $5",
                          .from = from,
                          .before = before,
                          .limit = limit > 0 ? limit : INT32_MAX};
    return read_between(ctx, store, conversation_id, &job, out);
}

nima_rc nima_messages_system(struct nima_ctx *ctx, struct nima_store *store,
                             nima_str conversation_id, int64_t before,
                             struct nima_message_rows *out)
{
    struct between job = {.sql = "SELECT " COLUMNS FROM_OWN
                                 " AND m.position >= $3 AND m.position < $4 AND "
                                 "m.role = 'system' AND m.active = 1 ORDER BY m.position LIMIT $5",
                          .before = before,
                          .limit = SYSTEM_MAX};
    return read_between(ctx, store, conversation_id, &job, out);
}
