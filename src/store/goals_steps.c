/*
 * Milestones and the history of goals. Whose they are is known by their goal.
 */
#include "store/goals_int.h"

static void milestone_row(struct nima_ctx *ctx, struct nima_db_stmt *stmt,
                          struct nima_milestone *out)
{
    *out = (struct nima_milestone){
        .id = nima_db_get_text(ctx, stmt, 1),
        .title = nima_db_get_text(ctx, stmt, 2),
        .completed_at = nima_db_get_time(stmt, 3),
        .created_at = nima_db_get_time(stmt, 4),
    };
    out->completed = out->completed_at != 0;
}

static struct nima_goal *goal_of(struct nima_goal *goals, size_t count, nima_str id)
{
    for (size_t i = 0; i < count; i++) {
        if (nima_str_eq(goals[i].id, id)) {
            return &goals[i];
        }
    }
    return NULL;
}

/* Rows come goal by goal, so the goal is looked for once for each. */
nima_rc nima_store_milestones(struct nima_ctx *ctx, struct nima_db *db, struct nima_goal *goals,
                              size_t count, nima_str low, nima_str high)
{
    struct nima_db_stmt *stmt;
    struct nima_goal *goal = NULL;
    nima_str last = {0};
    bool row = false;
    NIMA_TRY(nima_db_query(
        ctx, db,
        "SELECT m.goal_id, m.id, m.title, m.completed_at, m.created_at FROM goals AS g "
        "JOIN milestones AS m ON m.goal_id = g.id WHERE g.user_id = $1 AND g.id >= $2 "
        "AND g.id <= $3 ORDER BY m.goal_id, m.position, m.id",
        NIMA_DB_ARGS(nima_db_text(ctx->user_id), nima_db_text(low), nima_db_text(high)), &stmt));
    NIMA_TRY(nima_db_step(ctx, stmt, &row));
    while (row) {
        if (last.ptr == NULL || !nima_str_eq(last, nima_db_view(stmt, 0))) {
            last = nima_db_get_text(ctx, stmt, 0);
            goal = goal_of(goals, count, last);
        }
        if (goal != NULL && goal->milestones.count < NIMA_MILESTONES_MAX) {
            if (goal->milestones.items == NULL) {
                goal->milestones.items =
                    NIMA_NEW(ctx->arena, struct nima_milestone, NIMA_MILESTONES_MAX);
            }
            milestone_row(ctx, stmt, &goal->milestones.items[goal->milestones.count++]);
        }
        NIMA_TRY(nima_db_step(ctx, stmt, &row));
    }
    return nima_db_end(ctx, stmt);
}

static nima_rc put_milestone(struct nima_ctx *ctx, struct nima_db *db, nima_str goal_id,
                             int64_t position, struct nima_milestone *milestone)
{
    int64_t now = nima_ctx_now(ctx);
    NIMA_TRY(nima_store_new_id(ctx, milestone->id, "milestone_id", &milestone->id));
    milestone->created_at = milestone->created_at != 0 ? milestone->created_at : now;
    if (!milestone->completed) {
        milestone->completed_at = 0;
    } else if (milestone->completed_at == 0) {
        milestone->completed_at = now;
    }
    return nima_db_run(
        ctx, db,
        "INSERT INTO milestones (id, goal_id, position, title, completed_at, created_at) "
        "VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (id) DO UPDATE SET "
        "position = excluded.position, title = excluded.title, "
        "completed_at = excluded.completed_at WHERE milestones.goal_id = excluded.goal_id",
        NIMA_DB_ARGS(nima_db_text(milestone->id), nima_db_text(goal_id), nima_db_int(position),
                     nima_db_text(milestone->title), nima_db_time(milestone->completed_at),
                     nima_db_time(milestone->created_at)),
        NULL);
}

static bool among(const struct nima_milestones *milestones, nima_str id)
{
    for (size_t i = 0; i < milestones->count; i++) {
        if (nima_str_eq(milestones->items[i].id, id)) {
            return true;
        }
    }
    return false;
}

static nima_rc drop_others(struct nima_ctx *ctx, struct nima_db *db, const struct nima_goal *goal)
{
    struct nima_goal stored = {.id = goal->id};
    NIMA_TRY(nima_store_milestones(ctx, db, &stored, 1, goal->id, goal->id));
    for (size_t i = 0; i < stored.milestones.count; i++) {
        nima_str id = stored.milestones.items[i].id;
        if (!among(&goal->milestones, id)) {
            NIMA_TRY(nima_db_run(ctx, db, "DELETE FROM milestones WHERE goal_id = $1 AND id = $2",
                                 NIMA_DB_ARGS(nima_db_text(goal->id), nima_db_text(id)), NULL));
        }
    }
    return NIMA_OK;
}

nima_rc nima_store_sync_milestones(struct nima_ctx *ctx, struct nima_db *db, struct nima_goal *goal)
{
    NIMA_TRY(drop_others(ctx, db, goal));
    for (size_t i = 0; i < goal->milestones.count; i++) {
        NIMA_TRY(put_milestone(ctx, db, goal->id, (int64_t)i, &goal->milestones.items[i]));
    }
    return NIMA_OK;
}

nima_rc nima_store_goal_entry_again(struct nima_ctx *ctx, struct nima_db *db, nima_str goal_id,
                                    const struct nima_goal_entry *entry)
{
    nima_str id;
    NIMA_TRY(nima_store_new_id(ctx, entry->id, "id", &id));
    return nima_db_run(
        ctx, db,
        "INSERT INTO goal_progress (id, goal_id, recorded_at, event, progress, "
        "status, milestone_id, note, amount) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, "
        "$9)",
        NIMA_DB_ARGS(nima_db_text(id), nima_db_text(goal_id), nima_db_time(entry->recorded_at),
                     nima_db_text(entry->kind), nima_db_real(entry->progress),
                     nima_db_text(entry->status), nima_db_text(entry->milestone_id),
                     nima_db_text(entry->note),
                     nima_db_maybe_real(entry->has_amount, entry->amount)),
        NULL);
}

nima_rc nima_store_goal_entry(struct nima_ctx *ctx, struct nima_db *db,
                              const struct nima_goal *goal, const struct nima_goal_entry *entry)
{
    struct nima_goal_entry now = {.recorded_at = nima_ctx_now(ctx),
                                  .kind = entry->kind,
                                  .progress = goal->progress,
                                  .has_amount = goal->count.there,
                                  .amount = goal->count.amount,
                                  .status = goal->status,
                                  .milestone_id = entry->milestone_id,
                                  .note = entry->note};
    return nima_store_goal_entry_again(ctx, db, goal->id, &now);
}

/* History */

struct history {
    nima_str id;
    int limit;
    struct nima_goal_entries found;
};

static void entry_row(struct nima_ctx *ctx, struct nima_db_stmt *stmt, struct nima_goal_entry *out)
{
    *out = (struct nima_goal_entry){
        .id = nima_db_get_text(ctx, stmt, 0),
        .recorded_at = nima_db_get_time(stmt, 1),
        .kind = nima_db_get_text(ctx, stmt, 2),
        .progress = nima_db_get_real(stmt, 3),
        .status = nima_db_get_text(ctx, stmt, 4),
        .milestone_id = nima_db_get_text(ctx, stmt, 5),
        .note = nima_db_get_text(ctx, stmt, 6),
        .has_amount = !nima_db_is_null(stmt, 7),
        .amount = nima_db_get_real(stmt, 7),
    };
}

static void turn_round(struct nima_goal_entries *entries)
{
    for (size_t i = 0; i < entries->count / 2; i++) {
        struct nima_goal_entry other = entries->items[entries->count - 1 - i];
        entries->items[entries->count - 1 - i] = entries->items[i];
        entries->items[i] = other;
    }
}

static nima_rc history(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    struct history *job = arg;
    struct nima_db_stmt *stmt;
    bool row = false;
    job->found.count = 0;
    NIMA_TRY(nima_db_query(
        ctx, db,
        "SELECT p.id, p.recorded_at, p.event, p.progress, p.status, p.milestone_id, p.note, "
        "p.amount "
        "FROM goals AS g JOIN goal_progress AS p ON p.goal_id = g.id "
        "WHERE g.user_id = $1 AND g.id = $2 ORDER BY p.recorded_at DESC, p.id DESC LIMIT $3",
        NIMA_DB_ARGS(nima_db_text(ctx->user_id), nima_db_text(job->id), nima_db_int(job->limit)),
        &stmt));
    NIMA_TRY(nima_db_step(ctx, stmt, &row));
    while (row && job->found.count < (size_t)job->limit) {
        entry_row(ctx, stmt, &job->found.items[job->found.count++]);
        NIMA_TRY(nima_db_step(ctx, stmt, &row));
    }
    NIMA_TRY(nima_db_end(ctx, stmt));
    if (job->found.count == 0) {
        return nima_store_no_such(ctx, "goal"); /* each has the row of its making */
    }
    turn_round(&job->found);
    return NIMA_OK;
}

nima_rc nima_goal_history(struct nima_ctx *ctx, struct nima_store *store, nima_str id, int limit,
                          struct nima_goal_entries *out)
{
    struct history job = {0};
    NIMA_TRY(nima_store_id(ctx, id, "goal", &job.id));
    NIMA_TRY(nima_store_limit(ctx, limit == 0 ? NIMA_STORE_LIMIT_MAX : limit, &job.limit));
    job.found.items = NIMA_NEW(ctx->arena, struct nima_goal_entry, (size_t)job.limit);
    NIMA_TRY(nima_db_read(ctx, store, history, &job));
    *out = job.found;
    return NIMA_OK;
}
