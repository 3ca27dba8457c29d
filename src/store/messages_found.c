/*
 * Messages as they are found again: what an index reads, the vectors, and the marks of what must
 * not be found any more.
 */
#include <string.h>

#include "store/conversations_int.h"
#include "util/uuid.h"

enum { SOURCES_MAX = 1000 }; /* of one fact: its versions' messages */

nima_rc nima_store_raise_messages(struct nima_ctx *ctx, struct nima_db *db, bool gone, int64_t *out)
{
    struct nima_db_stmt *stmt;
    NIMA_TRY(nima_db_first(
        ctx, db,
        "INSERT INTO users (id, messages_change, messages_gone, created_at) VALUES ($1, 1, $2, $3) "
        "ON CONFLICT (id) DO UPDATE SET messages_change = users.messages_change + 1, "
        "messages_gone = CASE WHEN excluded.messages_gone = 1 THEN users.messages_change + 1 "
        "ELSE users.messages_gone END RETURNING messages_change",
        NIMA_DB_ARGS(nima_db_text(ctx->user_id), nima_db_int(gone),
                     nima_db_time(nima_ctx_now(ctx))),
        &stmt));
    *out = nima_db_get_int(stmt, 0);
    return nima_db_end(ctx, stmt);
}

static nima_rc read_change(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    struct nima_messages_change *out = arg;
    struct nima_db_stmt *stmt;
    *out = (struct nima_messages_change){0};
    NIMA_TRY(nima_db_first(ctx, db,
                           "SELECT messages_change, messages_gone FROM users WHERE id = $1",
                           NIMA_DB_ARGS(nima_db_text(ctx->user_id)), &stmt));
    if (stmt == NULL) {
        return NIMA_OK;
    }
    out->change = nima_db_get_int(stmt, 0);
    out->gone = nima_db_get_int(stmt, 1);
    return nima_db_end(ctx, stmt);
}

nima_rc nima_messages_change(struct nima_ctx *ctx, struct nima_store *store,
                             struct nima_messages_change *out)
{
    struct nima_messages_change found;
    NIMA_TRY(nima_db_read(ctx, store, read_change, &found));
    *out = found;
    return NIMA_OK;
}

/* Reading them */

#define FOUND_COLUMNS                                                                              \
    "m.id, m.conversation_id, m.role, m.content, m.name, m.timestamp, m.position, m.withheld, "    \
    "m.active"
enum { ACTIVE_COLUMN = 8, MODEL_COLUMN = 9, EMBEDDING_COLUMN = 10 };

static void found_row(struct nima_ctx *ctx, struct nima_db_stmt *stmt, struct nima_message_row *out)
{
    *out = (struct nima_message_row){
        .id = nima_db_get_text(ctx, stmt, 0),
        .conversation_id = nima_db_get_text(ctx, stmt, 1),
        .role = nima_db_get_text(ctx, stmt, 2),
        .content = nima_db_get_text(ctx, stmt, 3),
        .name = nima_db_get_text(ctx, stmt, 4),
        .timestamp = nima_db_get_time(stmt, 5),
        .position = nima_db_get_int(stmt, 6),
        .withheld = nima_db_get_text(ctx, stmt, 7),
        .left = nima_db_get_int(stmt, ACTIVE_COLUMN) == 0,
    };
}

struct scan {
    int64_t after;
    nima_messages_visit visit;
    void *user;
    struct nima_store_vector vector;
    struct nima_messages_change state;
};

/* Nothing is copied but the vector, which may stand anywhere in the engine's row. */
static void scan_row(struct nima_ctx *ctx, struct nima_db_stmt *stmt, struct scan *scan,
                     struct nima_message_found *out)
{
    *out = (struct nima_message_found){
        .row = {.id = nima_db_view(stmt, 0),
                .conversation_id = nima_db_view(stmt, 1),
                .role = nima_db_view(stmt, 2),
                .content = nima_db_view(stmt, 3),
                .name = nima_db_view(stmt, 4),
                .timestamp = nima_db_get_time(stmt, 5),
                .position = nima_db_get_int(stmt, 6),
                .withheld = nima_db_view(stmt, 7),
                .left = nima_db_get_int(stmt, ACTIVE_COLUMN) == 0},
        .embedding_model = nima_db_view(stmt, MODEL_COLUMN),
    };
    out->embedding = nima_store_vector(ctx, stmt, EMBEDDING_COLUMN, &scan->vector, &out->dims);
}

static nima_rc scan(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    struct scan *job = arg;
    struct nima_db_stmt *stmt;
    bool row = false;
    NIMA_TRY(read_change(ctx, db, &job->state));
    NIMA_TRY(nima_db_query(ctx, db,
                           "SELECT " FOUND_COLUMNS ", m.embedding_model, m.embedding "
                           "FROM conversations AS c JOIN messages AS m ON m.conversation_id = c.id "
                           "WHERE c.user_id = $1 AND c.messages_change > $2 AND m.change > $2 "
                           "ORDER BY m.conversation_id, m.position",
                           NIMA_DB_ARGS(nima_db_text(ctx->user_id), nima_db_int(job->after)),
                           &stmt));
    NIMA_TRY(nima_db_step(ctx, stmt, &row));
    while (row) {
        struct nima_message_found found;
        scan_row(ctx, stmt, job, &found);
        NIMA_TRY(job->visit(ctx, job->user, &found));
        NIMA_TRY(nima_db_step(ctx, stmt, &row));
    }
    return nima_db_end(ctx, stmt);
}

nima_rc nima_messages_scan(struct nima_ctx *ctx, struct nima_store *store, int64_t after,
                           nima_messages_visit visit, void *user, struct nima_messages_change *out)
{
    struct scan job = {.after = after, .visit = visit, .user = user};
    NIMA_TRY(nima_db_read(ctx, store, scan, &job));
    *out = job.state;
    return NIMA_OK;
}

struct get_many {
    const nima_str *ids; /* ended by an absent one */
    struct nima_message_rows rows;
};

static nima_rc get_many(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    struct get_many *job = arg;
    job->rows.count = 0;
    for (size_t i = 0; job->ids[i].ptr != NULL; i++) {
        struct nima_db_stmt *stmt;
        NIMA_TRY(nima_db_first(
            ctx, db,
            "SELECT " FOUND_COLUMNS
            " FROM messages AS m JOIN conversations AS c ON c.id = m.conversation_id "
            "WHERE c.user_id = $1 AND m.id = $2 AND m.active = 1 AND "
            "COALESCE(m.withheld, '') <> 'forgotten'",
            NIMA_DB_ARGS(nima_db_text(ctx->user_id), nima_db_text(job->ids[i])), &stmt));
        if (stmt != NULL) {
            found_row(ctx, stmt, &job->rows.items[job->rows.count++]);
            NIMA_TRY(nima_db_end(ctx, stmt));
        }
    }
    return NIMA_OK;
}

nima_rc nima_messages_get_many(struct nima_ctx *ctx, struct nima_store *store, const nima_str *ids,
                               size_t count, struct nima_message_rows *out)
{
    nima_str *valid;
    size_t used;
    NIMA_TRY(nima_store_ids(ctx, ids, count, &valid, &used));
    struct get_many job = {.ids = valid};
    job.rows.items = NIMA_NEW(ctx->arena, struct nima_message_row, used);
    NIMA_TRY(nima_db_read(ctx, store, get_many, &job));
    *out = job.rows;
    return NIMA_OK;
}

/* Withholding */

struct source {
    nima_str conversation_id, id;
    int64_t position;
};

/* Where the messages stand that the fact came from; its versions' only when it is forgotten. */
static nima_rc sources_of(struct nima_ctx *ctx, struct nima_db *db, nima_str fact_id,
                          bool with_versions, struct source *out, size_t room, size_t *count)
{
    static const char now[] = "SELECT m.conversation_id, m.id, m.position FROM facts AS f "
                              "JOIN messages AS m ON m.id = f.message_id "
                              "JOIN conversations AS c ON c.id = m.conversation_id "
                              "WHERE f.user_id = $1 AND f.id = $2 AND c.user_id = $1";
    static const char before[] =
        "SELECT m.conversation_id, m.id, m.position FROM fact_versions AS v "
        "JOIN messages AS m ON m.id = v.message_id "
        "JOIN conversations AS c ON c.id = m.conversation_id "
        "WHERE v.user_id = $1 AND v.fact_id = $2 AND c.user_id = $1 "
        "ORDER BY v.version DESC";
    *count = 0;
    for (int pass = 0; pass < (with_versions ? 2 : 1); pass++) {
        struct nima_db_stmt *stmt;
        bool row = false;
        NIMA_TRY(nima_db_query(ctx, db, pass == 0 ? now : before,
                               NIMA_DB_ARGS(nima_db_text(ctx->user_id), nima_db_text(fact_id)),
                               &stmt));
        NIMA_TRY(nima_db_step(ctx, stmt, &row));
        while (row && *count < room) {
            out[(*count)++] =
                (struct source){nima_db_get_text(ctx, stmt, 0), nima_db_get_text(ctx, stmt, 1),
                                nima_db_get_int(stmt, 2)};
            NIMA_TRY(nima_db_step(ctx, stmt, &row));
        }
        NIMA_TRY(nima_db_end(ctx, stmt));
    }
    return NIMA_OK;
}

/* The message, and the replies to it, on every branch; before there were branches a reply named no
 * parent and stood right behind. */
#define AND_REPLIES                                                                                \
    "conversation_id = $1 AND (id = $4 OR (role = 'assistant' AND "                                \
    "(parent_id = $4 OR (parent_id IS NULL AND position = $2 + 1))))"

/* What is forgotten stays so, and loses its vector. */
static nima_rc withhold_at(struct nima_ctx *ctx, struct nima_db *db, const struct source *at,
                           enum nima_withhold how, int64_t change)
{
    static const char forgotten[] =
        "UPDATE messages SET withheld = 'forgotten', embedding = NULL, embedding_model = NULL, "
        "change = $3 WHERE " AND_REPLIES;
    static const char superseded[] = "UPDATE messages SET withheld = 'superseded', change = $3 "
                                     "WHERE withheld IS NULL AND " AND_REPLIES;
    NIMA_TRY(nima_db_run(ctx, db, "UPDATE conversations SET messages_change = $2 WHERE id = $1",
                         NIMA_DB_ARGS(nima_db_text(at->conversation_id), nima_db_int(change)),
                         NULL));
    return nima_db_run(ctx, db, how == NIMA_WITHHOLD_FORGOTTEN ? forgotten : superseded,
                       NIMA_DB_ARGS(nima_db_text(at->conversation_id), nima_db_int(at->position),
                                    nima_db_int(change), nima_db_text(at->id)),
                       NULL);
}

nima_rc nima_store_withhold(struct nima_ctx *ctx, struct nima_db *db, nima_str fact_id,
                            enum nima_withhold how)
{
    struct source *sources = NIMA_NEW(ctx->arena, struct source, SOURCES_MAX);
    size_t count;
    int64_t change;
    NIMA_TRY(
        sources_of(ctx, db, fact_id, how == NIMA_WITHHOLD_FORGOTTEN, sources, SOURCES_MAX, &count));
    if (count == 0) {
        return NIMA_OK;
    }
    NIMA_TRY(nima_store_raise_messages(ctx, db, false, &change));
    for (size_t i = 0; i < count; i++) {
        NIMA_TRY(withhold_at(ctx, db, &sources[i], how, change));
    }
    return NIMA_OK;
}

struct withhold {
    nima_str conversation_id, id;
};

static nima_rc withhold_one(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    const struct withhold *job = arg;
    struct nima_db_stmt *stmt;
    int64_t change;
    NIMA_TRY(nima_store_raise_messages(ctx, db, false, &change));
    NIMA_TRY(nima_db_first(
        ctx, db,
        "SELECT m.position FROM messages AS m JOIN conversations AS c ON c.id = m.conversation_id "
        "WHERE c.user_id = $1 AND c.id = $2 AND m.id = $3",
        NIMA_DB_ARGS(nima_db_text(ctx->user_id), nima_db_text(job->conversation_id),
                     nima_db_text(job->id)),
        &stmt));
    if (stmt == NULL) {
        return nima_store_no_such(ctx, "message");
    }
    struct source at = {job->conversation_id, job->id, nima_db_get_int(stmt, 0)};
    NIMA_TRY(nima_db_end(ctx, stmt));
    return withhold_at(ctx, db, &at, NIMA_WITHHOLD_FORGOTTEN, change);
}

nima_rc nima_message_withhold(struct nima_ctx *ctx, struct nima_store *store,
                              nima_str conversation_id, nima_str id)
{
    struct withhold job;
    NIMA_TRY(nima_store_id(ctx, conversation_id, "conversation", &job.conversation_id));
    NIMA_TRY(nima_store_id(ctx, id, "message", &job.id));
    return nima_db_write(ctx, store, withhold_one, &job);
}
