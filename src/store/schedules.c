/*
 * Schedules as rows: what one person does with them. The runner's side is in schedule_runs.c.
 */
#include "store/schedules.h"

#include "store/schedules_int.h"

void nima_store_schedule_row(struct nima_ctx *ctx, struct nima_db_stmt *stmt, int from,
                             struct nima_schedule_row *out)
{
    *out = (struct nima_schedule_row){
        .id = nima_db_get_text(ctx, stmt, from),
        .user_id = nima_db_get_text(ctx, stmt, from + 1),
        .name = nima_db_get_text(ctx, stmt, from + 2),
        .kind = nima_db_get_text(ctx, stmt, from + 3),
        .spec = nima_db_get_text(ctx, stmt, from + 4),
        .timezone = nima_db_get_text(ctx, stmt, from + 5),
        .action = nima_db_get_text(ctx, stmt, from + 6),
        .body = nima_db_get_text(ctx, stmt, from + 7),
        .conversation_id = nima_db_get_text(ctx, stmt, from + 8),
        .enabled = nima_db_get_int(stmt, from + 9) != 0,
        .next_at = nima_db_get_time(stmt, from + 10),
        .last_at = nima_db_get_time(stmt, from + 11),
        .created_at = nima_db_get_time(stmt, from + 12),
        .updated_at = nima_db_get_time(stmt, from + 13),
        .label = nima_db_get_text(ctx, stmt, from + 14),
    };
}

nima_rc nima_store_schedule_rows(struct nima_ctx *ctx, struct nima_db_stmt *stmt, size_t max,
                                 struct nima_schedule_rows *out)
{
    bool row = false;
    *out =
        (struct nima_schedule_rows){.items = NIMA_NEW(ctx->arena, struct nima_schedule_row, max)};
    NIMA_TRY(nima_db_step(ctx, stmt, &row));
    while (row && out->count < max) {
        nima_store_schedule_row(ctx, stmt, 0, &out->items[out->count++]);
        NIMA_TRY(nima_db_step(ctx, stmt, &row));
    }
    return nima_db_end(ctx, stmt);
}

/* Making one */

struct put {
    nima_str id, conversation_id;
    const struct nima_schedule_row *given;
    struct nima_schedule_row row;
};

static nima_rc check_room(struct nima_ctx *ctx, struct nima_db *db)
{
    struct nima_db_stmt *stmt;
    NIMA_TRY(nima_db_first(ctx, db, "SELECT count(*) FROM schedules WHERE user_id = $1",
                           NIMA_DB_ARGS(nima_db_text(ctx->user_id)), &stmt));
    int64_t count = nima_db_get_int(stmt, 0);
    NIMA_TRY(nima_db_end(ctx, stmt));
    if (count >= NIMA_SCHEDULES_MAX) {
        return nima_fail(ctx, NIMA_E_INVALID,
                         "there are %d schedules already; delete some that are over",
                         NIMA_SCHEDULES_MAX);
    }
    return NIMA_OK;
}

static nima_rc add(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    struct put *job = arg;
    const struct nima_schedule_row *s = job->given;
    struct nima_db_value now = nima_db_time(nima_ctx_now(ctx));
    struct nima_db_stmt *stmt;
    NIMA_TRY(check_room(ctx, db));
    NIMA_TRY(nima_db_first(
        ctx, db,
        "INSERT INTO schedules (" NIMA_SCHEDULE_COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, "
        "$9, $10, $11, NULL, $12, $12, $13) RETURNING " NIMA_SCHEDULE_COLUMNS,
        NIMA_DB_ARGS(nima_db_text(job->id), nima_db_text(ctx->user_id), nima_db_text(s->name),
                     nima_db_text(s->kind), nima_db_text(s->spec), nima_db_text(s->timezone),
                     nima_db_text(s->action), nima_db_text(s->body),
                     nima_db_text(job->conversation_id), nima_db_int(s->enabled),
                     nima_db_time(s->next_at), now,
                     nima_db_text(s->label.len > 0 ? s->label : NIMA_STR("reminder"))),
        &stmt));
    nima_store_schedule_row(ctx, stmt, 0, &job->row);
    return nima_db_end(ctx, stmt);
}

nima_rc nima_schedule_add(struct nima_ctx *ctx, struct nima_store *store,
                          const struct nima_schedule_row *row, struct nima_schedule_row *out)
{
    struct put job = {.given = row};
    NIMA_TRY(nima_store_new_id(ctx, row->id, "id", &job.id));
    NIMA_TRY(
        nima_store_maybe_id(ctx, row->conversation_id, "conversation_id", &job.conversation_id));
    NIMA_TRY(nima_db_write(ctx, store, add, &job));
    *out = job.row;
    return NIMA_OK;
}

static nima_rc update(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    struct put *job = arg;
    const struct nima_schedule_row *s = job->given;
    struct nima_db_stmt *stmt;
    NIMA_TRY(nima_db_first(
        ctx, db,
        "UPDATE schedules SET name = $3, mode = $4, spec = $5, timezone = $6, action = $7, "
        "body = $8, conversation_id = $9, enabled = $10, next_at = $11, updated_at = $12, "
        "label = $13 "
        "WHERE id = $1 AND user_id = $2 RETURNING " NIMA_SCHEDULE_COLUMNS,
        NIMA_DB_ARGS(nima_db_text(job->id), nima_db_text(ctx->user_id), nima_db_text(s->name),
                     nima_db_text(s->kind), nima_db_text(s->spec), nima_db_text(s->timezone),
                     nima_db_text(s->action), nima_db_text(s->body),
                     nima_db_text(job->conversation_id), nima_db_int(s->enabled),
                     nima_db_time(s->next_at), nima_db_time(nima_ctx_now(ctx)),
                     nima_db_text(s->label.len > 0 ? s->label : NIMA_STR("reminder"))),
        &stmt));
    if (stmt == NULL) {
        return nima_store_no_such(ctx, "schedule");
    }
    nima_store_schedule_row(ctx, stmt, 0, &job->row);
    return nima_db_end(ctx, stmt);
}

nima_rc nima_schedule_update(struct nima_ctx *ctx, struct nima_store *store,
                             const struct nima_schedule_row *row, struct nima_schedule_row *out)
{
    struct put job = {.given = row};
    NIMA_TRY(nima_store_id(ctx, row->id, "schedule", &job.id));
    NIMA_TRY(
        nima_store_maybe_id(ctx, row->conversation_id, "conversation_id", &job.conversation_id));
    NIMA_TRY(nima_db_write(ctx, store, update, &job));
    *out = job.row;
    return NIMA_OK;
}

/* Looking them up */

struct get {
    nima_str id;
    struct nima_schedule_row row;
};

static nima_rc get(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    struct get *job = arg;
    struct nima_db_stmt *stmt;
    NIMA_TRY(nima_db_first(
        ctx, db, "SELECT " NIMA_SCHEDULE_COLUMNS " FROM schedules WHERE id = $1 AND user_id = $2",
        NIMA_DB_ARGS(nima_db_text(job->id), nima_db_text(ctx->user_id)), &stmt));
    if (stmt == NULL) {
        return nima_store_no_such(ctx, "schedule");
    }
    nima_store_schedule_row(ctx, stmt, 0, &job->row);
    return nima_db_end(ctx, stmt);
}

nima_rc nima_schedule_get(struct nima_ctx *ctx, struct nima_store *store, nima_str id,
                          struct nima_schedule_row *out)
{
    struct get job = {0};
    NIMA_TRY(nima_store_id(ctx, id, "schedule", &job.id));
    NIMA_TRY(nima_db_read(ctx, store, get, &job));
    *out = job.row;
    return NIMA_OK;
}

struct list {
    int limit;
    bool from_start;
    struct nima_store_cursor after;
    struct nima_schedule_rows rows;
};

/* Ids are in the order of making. */
static nima_rc list(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    struct list *job = arg;
    struct nima_db_stmt *stmt;
    struct nima_db_value user = nima_db_text(ctx->user_id);
    struct nima_db_value limit = nima_db_int((int64_t)job->limit + 1);
    if (job->from_start) {
        NIMA_TRY(nima_db_query(ctx, db,
                               "SELECT " NIMA_SCHEDULE_COLUMNS " FROM schedules WHERE "
                               "user_id = $1 ORDER BY id DESC LIMIT $2",
                               NIMA_DB_ARGS(user, limit), &stmt));
    } else {
        NIMA_TRY(nima_db_query(ctx, db,
                               "SELECT " NIMA_SCHEDULE_COLUMNS " FROM schedules WHERE "
                               "user_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3",
                               NIMA_DB_ARGS(user, nima_db_text(job->after.id), limit), &stmt));
    }
    NIMA_TRY(nima_store_schedule_rows(ctx, stmt, (size_t)job->limit + 1, &job->rows));
    if (job->rows.count > (size_t)job->limit) {
        const struct nima_schedule_row *last = &job->rows.items[--job->rows.count - 1];
        struct nima_store_cursor at = {.time = last->created_at, .id = last->id};
        job->rows.next_cursor = nima_store_cursor_write(ctx, 's', at);
    }
    return NIMA_OK;
}

nima_rc nima_schedule_list(struct nima_ctx *ctx, struct nima_store *store, int limit,
                           nima_str cursor, struct nima_schedule_rows *out)
{
    struct list job = {.from_start = cursor.ptr == NULL};
    NIMA_TRY(nima_store_limit(ctx, limit, &job.limit));
    if (!job.from_start) {
        NIMA_TRY(nima_store_cursor_read(ctx, 's', cursor, &job.after));
    }
    NIMA_TRY(nima_db_read(ctx, store, list, &job));
    *out = job.rows;
    return NIMA_OK;
}

struct waiting {
    nima_str event;
    struct nima_schedule_rows rows;
};

static nima_rc waiting(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    struct waiting *job = arg;
    struct nima_db_stmt *stmt;
    NIMA_TRY(nima_db_query(ctx, db,
                           "SELECT " NIMA_SCHEDULE_COLUMNS " FROM schedules WHERE user_id = $1 AND "
                           "mode = 'event' AND spec = $2 AND enabled = 1 ORDER BY id LIMIT $3",
                           NIMA_DB_ARGS(nima_db_text(ctx->user_id), nima_db_text(job->event),
                                        nima_db_int(NIMA_SCHEDULES_MAX)),
                           &stmt));
    return nima_store_schedule_rows(ctx, stmt, NIMA_SCHEDULES_MAX, &job->rows);
}

nima_rc nima_schedule_waiting(struct nima_ctx *ctx, struct nima_store *store, nima_str event,
                              struct nima_schedule_rows *out)
{
    struct waiting job = {.event = event};
    NIMA_TRY(nima_db_read(ctx, store, waiting, &job));
    *out = job.rows;
    return NIMA_OK;
}

static nima_rc delete_one(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    const nima_str *id = arg;
    int64_t gone = 0;
    NIMA_TRY(nima_db_run(ctx, db, "DELETE FROM schedules WHERE id = $1 AND user_id = $2",
                         NIMA_DB_ARGS(nima_db_text(*id), nima_db_text(ctx->user_id)), &gone));
    return gone > 0 ? NIMA_OK : nima_store_no_such(ctx, "schedule");
}

nima_rc nima_schedule_delete(struct nima_ctx *ctx, struct nima_store *store, nima_str id)
{
    nima_str valid;
    NIMA_TRY(nima_store_id(ctx, id, "schedule", &valid));
    return nima_db_wipe(ctx, store, delete_one, &valid, false);
}
