/*
 * Goals. A change locks the goal's row by a write that changes nothing, which gives the row too.
 */
#include "store/goals.h"

#include "store/goals_int.h"
#include "store/schedules_int.h"

#define COLUMNS                                                                                    \
    "id, user_id, title, description, status, deadline, progress, created_at, updated_at, "        \
    "completed_at, alerted, metadata, target, unit, amount, start_amount"

#define AMOUNT_ARGS(goal)                                                                          \
    nima_db_maybe_real((goal)->count.there, (goal)->count.target),                                 \
        nima_db_text((goal)->count.there ? (goal)->count.unit : (nima_str){NULL, 0}),              \
        nima_db_maybe_real((goal)->count.there, (goal)->count.amount),                             \
        nima_db_maybe_real((goal)->count.there, (goal)->count.start)

static void goal_row(struct nima_ctx *ctx, struct nima_db_stmt *stmt, struct nima_goal *out)
{
    *out = (struct nima_goal){
        .id = nima_db_get_text(ctx, stmt, 0),
        .user_id = nima_db_get_text(ctx, stmt, 1),
        .title = nima_db_get_text(ctx, stmt, 2),
        .description = nima_db_get_text(ctx, stmt, 3),
        .status = nima_db_get_text(ctx, stmt, 4),
        .deadline = nima_db_get_time(stmt, 5),
        .progress = nima_db_get_real(stmt, 6),
        .created_at = nima_db_get_time(stmt, 7),
        .updated_at = nima_db_get_time(stmt, 8),
        .completed_at = nima_db_get_time(stmt, 9),
        .alerted = nima_db_get_text(ctx, stmt, 10),
        .metadata = nima_db_get_text(ctx, stmt, 11),
        .count.there = !nima_db_is_null(stmt, 12),
        .count.target = nima_db_get_real(stmt, 12),
        .count.unit = nima_db_get_text(ctx, stmt, 13),
        .count.amount = nima_db_get_real(stmt, 14),
        .count.start = nima_db_get_real(stmt, 15),
    };
}

/* Making one */

struct create {
    nima_str id;
    const struct nima_goal *given;
    const struct nima_goal_entries *history; /* NULL: it begins now */
    struct nima_goal row;
};

static nima_rc insert(struct nima_ctx *ctx, struct nima_db *db, struct create *job)
{
    const struct nima_goal *given = job->given;
    int64_t now = nima_ctx_now(ctx);
    struct nima_db_stmt *stmt = NULL;
    nima_rc rc = nima_db_first(
        ctx, db,
        "INSERT INTO goals (" COLUMNS
        ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) "
        "RETURNING " COLUMNS,
        NIMA_DB_ARGS(nima_db_text(job->id), nima_db_text(ctx->user_id), nima_db_text(given->title),
                     nima_db_text(given->description), nima_db_text(given->status),
                     nima_db_time(given->deadline), nima_db_real(given->progress),
                     nima_db_time(given->created_at != 0 ? given->created_at : now),
                     nima_db_time(given->updated_at != 0 ? given->updated_at : now),
                     nima_db_time(given->completed_at), nima_db_text(given->alerted),
                     nima_db_json(nima_store_json(given->metadata)), AMOUNT_ARGS(given)),
        &stmt);
    if (rc == NIMA_E_CONFLICT) {
        return nima_fail(ctx, rc, "there is a goal with this id already");
    }
    NIMA_TRY(rc);
    goal_row(ctx, stmt, &job->row);
    return nima_db_end(ctx, stmt);
}

static nima_rc create(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    struct create *job = arg;
    NIMA_TRY(insert(ctx, db, job));
    struct nima_milestones given = job->given->milestones;
    job->row.milestones.count = given.count;
    job->row.milestones.items = NIMA_NEW(ctx->arena, struct nima_milestone, given.count);
    for (size_t i = 0; i < given.count; i++) {
        job->row.milestones.items[i] = given.items[i];
    }
    NIMA_TRY(nima_store_sync_milestones(ctx, db, &job->row));
    struct nima_goal_entry entry = {.kind = NIMA_STR("created")};
    if (job->history == NULL) {
        return nima_store_goal_entry(ctx, db, &job->row, &entry);
    }
    for (size_t i = 0; i < job->history->count; i++) {
        NIMA_TRY(nima_store_goal_entry_again(ctx, db, job->row.id, &job->history->items[i]));
    }
    return NIMA_OK;
}

nima_rc nima_goal_restore(struct nima_ctx *ctx, struct nima_store *store,
                          const struct nima_goal *goal, const struct nima_goal_entries *history,
                          struct nima_goal *out)
{
    struct create job = {.given = goal, .history = history};
    NIMA_TRY(nima_store_new_id(ctx, goal->id, "id", &job.id));
    NIMA_TRY(nima_db_write(ctx, store, create, &job));
    *out = job.row;
    return NIMA_OK;
}

nima_rc nima_goal_create(struct nima_ctx *ctx, struct nima_store *store,
                         const struct nima_goal *goal, struct nima_goal *out)
{
    struct create job = {.given = goal};
    NIMA_TRY(nima_store_new_id(ctx, goal->id, "id", &job.id));
    NIMA_TRY(nima_db_write(ctx, store, create, &job));
    *out = job.row;
    return NIMA_OK;
}

/* Looking them up */

struct get {
    nima_str id;
    struct nima_goal row;
};

static nima_rc get(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    struct get *job = arg;
    struct nima_db_stmt *stmt;
    NIMA_TRY(nima_db_first(ctx, db, "SELECT " COLUMNS " FROM goals WHERE user_id = $1 AND id = $2",
                           NIMA_DB_ARGS(nima_db_text(ctx->user_id), nima_db_text(job->id)), &stmt));
    if (stmt == NULL) {
        return nima_store_no_such(ctx, "goal");
    }
    goal_row(ctx, stmt, &job->row);
    NIMA_TRY(nima_db_end(ctx, stmt));
    return nima_store_milestones(ctx, db, &job->row, 1, job->id, job->id);
}

nima_rc nima_goal_get(struct nima_ctx *ctx, struct nima_store *store, nima_str id,
                      struct nima_goal *out)
{
    struct get job = {0};
    NIMA_TRY(nima_store_id(ctx, id, "goal", &job.id));
    NIMA_TRY(nima_db_read(ctx, store, get, &job));
    *out = job.row;
    return NIMA_OK;
}

struct list {
    nima_str status, before; /* absent: any, from the newest on */
    int limit;
    struct nima_goal_rows rows;
};

static nima_rc read_page(struct nima_ctx *ctx, struct nima_db *db, struct list *job)
{
    struct nima_db_stmt *stmt;
    bool row = false;
    /* An id that is above all others stands for "from the newest on". */
    nima_str before =
        job->before.ptr != NULL ? job->before : NIMA_STR("ffffffff-ffff-ffff-ffff-ffffffffffff");
    struct nima_db_value user = nima_db_text(ctx->user_id);
    struct nima_db_value limit = nima_db_int((int64_t)job->limit + 1);
    if (job->status.ptr == NULL) {
        NIMA_TRY(nima_db_query(ctx, db,
                               "SELECT " COLUMNS " FROM goals WHERE user_id = $1 AND id < $2 "
                               "ORDER BY id DESC LIMIT $3",
                               NIMA_DB_ARGS(user, nima_db_text(before), limit), &stmt));
    } else {
        NIMA_TRY(nima_db_query(
            ctx, db,
            "SELECT " COLUMNS " FROM goals WHERE user_id = $1 AND id < $2 AND status = $3 "
            "ORDER BY id DESC LIMIT $4",
            NIMA_DB_ARGS(user, nima_db_text(before), nima_db_text(job->status), limit), &stmt));
    }
    NIMA_TRY(nima_db_step(ctx, stmt, &row));
    while (row && job->rows.count < (size_t)job->limit) {
        goal_row(ctx, stmt, &job->rows.items[job->rows.count++]);
        NIMA_TRY(nima_db_step(ctx, stmt, &row));
    }
    if (row) {
        struct nima_store_cursor at = {.id = job->rows.items[job->rows.count - 1].id};
        job->rows.next_cursor = nima_store_cursor_write(ctx, 'g', at);
    }
    return nima_db_end(ctx, stmt);
}

static nima_rc list(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    struct list *job = arg;
    struct nima_goal_rows *rows = &job->rows;
    rows->count = 0;
    rows->next_cursor = (nima_str){0};
    NIMA_TRY(read_page(ctx, db, job));
    if (rows->count == 0) {
        return NIMA_OK;
    }
    return nima_store_milestones(ctx, db, rows->items, rows->count, rows->items[rows->count - 1].id,
                                 rows->items[0].id);
}

nima_rc nima_goal_list(struct nima_ctx *ctx, struct nima_store *store, nima_str status, int limit,
                       nima_str cursor, struct nima_goal_rows *out)
{
    struct list job = {.status = status};
    NIMA_TRY(nima_store_limit(ctx, limit, &job.limit));
    if (cursor.ptr != NULL) {
        struct nima_store_cursor after;
        NIMA_TRY(nima_store_cursor_read(ctx, 'g', cursor, &after));
        job.before = after.id;
    }
    job.rows.items = NIMA_NEW(ctx->arena, struct nima_goal, (size_t)job.limit);
    NIMA_TRY(nima_db_read(ctx, store, list, &job));
    *out = job.rows;
    return NIMA_OK;
}

/* Changing and deleting */

struct change {
    nima_str id;
    nima_goal_rule rule;
    void *arg;
    const struct nima_goal_said *said; /* NULL: nothing */
    struct nima_goal row;
};

static nima_rc lock_row(struct nima_ctx *ctx, struct nima_db *db, struct change *job)
{
    struct nima_db_stmt *stmt;
    NIMA_TRY(
        nima_db_first(ctx, db,
                      "UPDATE goals SET updated_at = updated_at WHERE user_id = $1 AND id = $2 "
                      "RETURNING " COLUMNS,
                      NIMA_DB_ARGS(nima_db_text(ctx->user_id), nima_db_text(job->id)), &stmt));
    if (stmt == NULL) {
        return nima_store_no_such(ctx, "goal");
    }
    goal_row(ctx, stmt, &job->row);
    NIMA_TRY(nima_db_end(ctx, stmt));
    return nima_store_milestones(ctx, db, &job->row, 1, job->id, job->id);
}

static nima_rc change(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    struct change *job = arg;
    struct nima_goal_entry entry = {0};
    NIMA_TRY(lock_row(ctx, db, job));
    NIMA_TRY(job->rule(ctx, job->arg, &job->row, &entry));
    if (entry.kind.ptr == NULL) {
        return NIMA_OK;
    }
    struct nima_goal *row = &job->row;
    row->updated_at = entry.aside ? row->updated_at : nima_ctx_now(ctx);
    NIMA_TRY(nima_db_run(
        ctx, db,
        "UPDATE goals SET title = $3, description = $4, status = $5, deadline = $6, "
        "progress = $7, completed_at = $8, alerted = $9, metadata = $10, updated_at = $11, "
        "target = $12, unit = $13, amount = $14, start_amount = $15 "
        "WHERE user_id = $1 AND id = $2",
        NIMA_DB_ARGS(nima_db_text(ctx->user_id), nima_db_text(job->id), nima_db_text(row->title),
                     nima_db_text(row->description), nima_db_text(row->status),
                     nima_db_time(row->deadline), nima_db_real(row->progress),
                     nima_db_time(row->completed_at), nima_db_text(row->alerted),
                     nima_db_json(nima_store_json(row->metadata)), nima_db_time(row->updated_at),
                     AMOUNT_ARGS(row)),
        NULL));
    NIMA_TRY(nima_store_sync_milestones(ctx, db, &job->row));
    NIMA_TRY(nima_store_goal_entry(ctx, db, row, &entry));
    if (job->said == NULL) {
        return NIMA_OK;
    }
    nima_str conversation_id;
    struct nima_message_row stored, said = {.role = NIMA_STR("assistant"),
                                            .content = job->said->text,
                                            .metadata = job->said->metadata};
    return nima_store_say_own(ctx, db, &said, &conversation_id, &stored);
}

nima_rc nima_goal_change_saying(struct nima_ctx *ctx, struct nima_store *store, nima_str id,
                                nima_goal_rule rule, void *arg, const struct nima_goal_said *said,
                                struct nima_goal *out)
{
    struct change job = {.rule = rule, .arg = arg, .said = said};
    NIMA_TRY(nima_store_id(ctx, id, "goal", &job.id));
    NIMA_TRY(nima_db_write(ctx, store, change, &job));
    *out = job.row;
    return NIMA_OK;
}

nima_rc nima_goal_change(struct nima_ctx *ctx, struct nima_store *store, nima_str id,
                         nima_goal_rule rule, void *arg, struct nima_goal *out)
{
    return nima_goal_change_saying(ctx, store, id, rule, arg, NULL, out);
}

static nima_rc delete_one(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    const nima_str *id = arg;
    int64_t gone = 0;
    NIMA_TRY(nima_db_run(ctx, db, "DELETE FROM goals WHERE user_id = $1 AND id = $2",
                         NIMA_DB_ARGS(nima_db_text(ctx->user_id), nima_db_text(*id)), &gone));
    return gone > 0 ? NIMA_OK : nima_store_no_such(ctx, "goal");
}

nima_rc nima_goal_delete(struct nima_ctx *ctx, struct nima_store *store, nima_str id)
{
    nima_str valid;
    NIMA_TRY(nima_store_id(ctx, id, "goal", &valid));
    return nima_db_wipe(ctx, store, delete_one, &valid, false);
}

/* Whose deadlines are to be watched */

nima_rc nima_goal_people(struct nima_ctx *ctx, struct nima_store *store, nima_str after, int limit,
                         nima_str *ids, size_t *count_out)
{
    return nima_store_people(ctx, store,
                             "SELECT DISTINCT user_id FROM goals WHERE user_id > $1 AND "
                             "status = 'active' AND deadline IS NOT NULL "
                             "ORDER BY user_id LIMIT $2",
                             after, limit, ids, count_out);
}
