/*
 * Plans: tasks that share a plan_id. A step that must wait for the one before is pending without a
 * time, so that no claim finds it; the end of a step gives the next one its time, or skips the
 * rest. A step that is tried again leaves its plan and makes one of its own, with those that were
 * skipped because of it.
 */
#include "store/tasks_int.h"

struct plan {
    nima_str plan_id;
    struct nima_task_row *rows;
    const struct nima_audit_row *audits;
    size_t count;
};

static nima_rc add(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    struct plan *plan = arg;
    for (size_t i = 0; i < plan->count; i++) {
        NIMA_TRY(nima_task_insert(ctx, db, &plan->rows[i]));
        NIMA_TRY(nima_audit_chain(ctx, db, ctx->user_id, plan->rows[i].id, &plan->audits[i]));
    }
    return NIMA_OK;
}

nima_rc nima_task_add_plan(struct nima_ctx *ctx, struct nima_store *store,
                           const struct nima_task_row *steps, const struct nima_audit_row *audits,
                           size_t count, struct nima_task_rows *out)
{
    nima_assert(count > 0);
    struct plan plan = {.audits = audits, .count = count};
    plan.rows = NIMA_NEW(ctx->arena, struct nima_task_row, count);
    for (size_t i = 0; i < count; i++) {
        plan.rows[i] = steps[i];
        NIMA_TRY(nima_store_new_id(ctx, steps[i].id, "id", &plan.rows[i].id));
        plan.rows[i].plan_id = plan.rows[0].id;
        plan.rows[i].step = (int64_t)i;
    }
    NIMA_TRY(nima_db_write(ctx, store, add, &plan));
    *out = (struct nima_task_rows){.items = plan.rows, .count = count};
    return NIMA_OK;
}

enum { STEPS_MAX = 64 };

static nima_rc list(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    struct plan *plan = arg;
    struct nima_db_stmt *stmt;
    bool row = false;
    plan->count = 0;
    NIMA_TRY(nima_db_query(ctx, db,
                           "SELECT " NIMA_TASK_COLUMNS " FROM tasks WHERE user_id = $1 "
                           "AND plan_id = $2 ORDER BY step",
                           NIMA_DB_ARGS(nima_db_text(ctx->user_id), nima_db_text(plan->plan_id)),
                           &stmt));
    NIMA_TRY(nima_db_step(ctx, stmt, &row));
    while (row && plan->count < STEPS_MAX) {
        nima_task_row(ctx, stmt, &plan->rows[plan->count++]);
        NIMA_TRY(nima_db_step(ctx, stmt, &row));
    }
    return nima_db_end(ctx, stmt);
}

nima_rc nima_task_plan(struct nima_ctx *ctx, struct nima_store *store, nima_str plan_id,
                       struct nima_task_rows *out)
{
    struct plan plan = {.plan_id = plan_id};
    plan.rows = NIMA_NEW(ctx->arena, struct nima_task_row, STEPS_MAX);
    NIMA_TRY(nima_db_read(ctx, store, list, &plan));
    *out = (struct nima_task_rows){.items = plan.rows, .count = plan.count};
    return NIMA_OK;
}

nima_rc nima_plan_approved(struct nima_ctx *ctx, struct nima_db *db,
                           const struct nima_task_row *first)
{
    if (first->plan_id.ptr == NULL || first->step != 0) {
        return NIMA_OK;
    }
    if (!nima_str_eq(first->status, NIMA_STR("pending"))) {
        return nima_db_run(ctx, db,
                           "UPDATE tasks SET first_hash = params_hash, first_by = $2, "
                           "changed_at = $3 WHERE plan_id = $1 AND step > 0 "
                           "AND status = 'awaiting_approval'",
                           NIMA_DB_ARGS(nima_db_text(first->plan_id), nima_db_text(first->first_by),
                                        nima_db_time(nima_ctx_now(ctx))),
                           NULL);
    }
    return nima_db_run(ctx, db,
                       "UPDATE tasks SET status = 'pending', approved_hash = params_hash, "
                       "approved_by = $2, changed_at = $3 WHERE plan_id = $1 AND step > 0 "
                       "AND status = 'awaiting_approval'",
                       NIMA_DB_ARGS(nima_db_text(first->plan_id), nima_db_text(first->approved_by),
                                    nima_db_time(nima_ctx_now(ctx))),
                       NULL);
}

/* Cancels the first of the steps behind; *found false: there is none. */
static nima_rc skip_one(struct nima_ctx *ctx, struct nima_db *db, const struct nima_task_row *task,
                        bool *found)
{
    struct nima_db_value now = nima_db_time(nima_ctx_now(ctx));
    struct nima_db_stmt *stmt;
    struct nima_task_row row;
    NIMA_TRY(nima_db_first(
        ctx, db,
        "UPDATE tasks SET status = 'cancelled', error = '" NIMA_TASK_SKIPPED "', "
        "error_code = 'cancelled', completed_at = $3, changed_at = $4, next_attempt_at = NULL, "
        "expires_at = NULL WHERE id = (SELECT id FROM tasks WHERE plan_id = $1 AND step > $2 "
        "AND status IN ('pending', 'awaiting_approval') ORDER BY step LIMIT 1) "
        "RETURNING " NIMA_TASK_COLUMNS,
        NIMA_DB_ARGS(nima_db_text(task->plan_id), nima_db_int(task->step), now, now), &stmt));
    *found = stmt != NULL;
    if (stmt == NULL) {
        return NIMA_OK;
    }
    nima_task_row(ctx, stmt, &row);
    NIMA_TRY(nima_db_end(ctx, stmt));
    struct nima_audit_row audit = {.actor = NIMA_STR("nima"),
                                   .event = NIMA_STR("skipped"),
                                   .type = row.type,
                                   .action = row.action};
    return nima_audit_chain(ctx, db, row.user_id, row.id, &audit);
}

nima_rc nima_plan_step_over(struct nima_ctx *ctx, struct nima_db *db,
                            const struct nima_task_row *task, nima_str status)
{
    bool found = task->plan_id.ptr != NULL;
    struct nima_db_value now = nima_db_time(nima_ctx_now(ctx));
    if (found && nima_str_eq(status, NIMA_STR("completed"))) {
        return nima_db_run(
            ctx, db,
            "UPDATE tasks SET next_attempt_at = $3, changed_at = $4 "
            "WHERE plan_id = $1 AND step = $2 AND status = 'pending'",
            NIMA_DB_ARGS(nima_db_text(task->plan_id), nima_db_int(task->step + 1), now, now), NULL);
    }
    bool over =
        nima_str_eq(status, NIMA_STR("failed")) || nima_str_eq(status, NIMA_STR("cancelled"));
    while (found && over) {
        NIMA_TRY(skip_one(ctx, db, task, &found));
    }
    return NIMA_OK;
}

/* Trying again */

struct again {
    struct plan plan;
    int64_t expires_at;
    bool two_person;
};

static nima_rc refuse_again(struct nima_ctx *ctx, struct nima_db *db, nima_str id)
{
    struct nima_db_stmt *stmt;
    NIMA_TRY(nima_db_first(ctx, db, "SELECT status FROM tasks WHERE user_id = $1 AND id = $2",
                           NIMA_DB_ARGS(nima_db_text(ctx->user_id), nima_db_text(id)), &stmt));
    if (stmt == NULL) {
        return nima_store_no_such(ctx, "task");
    }
    nima_str status = nima_db_get_text(ctx, stmt, 0);
    NIMA_TRY(nima_db_end(ctx, stmt));
    return nima_fail(ctx, NIMA_E_CONFLICT, "this task is " NIMA_FMT " and cannot be tried again",
                     NIMA_ARG(status));
}

#define BEGIN_AGAIN                                                                                \
    "UPDATE tasks SET status = $3, attempts = 0, cancel_requested = 0, result = NULL, "            \
    "error = NULL, error_code = NULL, approved_hash = NULL, approved_by = NULL, "                  \
    "first_hash = NULL, first_by = NULL, next_attempt_at = $4, expires_at = $5, "                  \
    "started_at = NULL, completed_at = NULL, changed_at = $6, two_person = $7, plan_id = $8, "     \
    "step = $9 WHERE user_id = $1 AND id = $2 AND "

static nima_rc begin_again(struct nima_ctx *ctx, struct nima_db *db, struct again *job, size_t i)
{
    static const char *const sql[] = {
        BEGIN_AGAIN "status IN ('failed', 'cancelled') RETURNING " NIMA_TASK_COLUMNS,
        BEGIN_AGAIN "status = 'cancelled' AND error = '" NIMA_TASK_SKIPPED
                    "' RETURNING " NIMA_TASK_COLUMNS,
    };
    struct nima_task_row *row = &job->plan.rows[i];
    bool first = i == 0, ask = job->expires_at != 0;
    int64_t now = nima_ctx_now(ctx);
    struct nima_db_stmt *stmt;
    NIMA_TRY(nima_db_first(
        ctx, db, sql[first ? 0 : 1],
        NIMA_DB_ARGS(nima_db_text(ctx->user_id), nima_db_text(row->id),
                     nima_db_text(ask ? NIMA_STR("awaiting_approval") : NIMA_STR("pending")),
                     nima_db_time(first && !ask ? now : 0),
                     nima_db_time(first ? job->expires_at : 0), nima_db_time(now),
                     nima_db_int(job->two_person), nima_db_text(job->plan.plan_id),
                     nima_db_int((int64_t)i)),
        &stmt));
    if (stmt == NULL) {
        return refuse_again(ctx, db, row->id);
    }
    nima_task_row(ctx, stmt, row);
    NIMA_TRY(nima_db_end(ctx, stmt));
    return nima_audit_chain(ctx, db, ctx->user_id, row->id, &job->plan.audits[i]);
}

static nima_rc retry(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    struct again *job = arg;
    for (size_t i = 0; i < job->plan.count; i++) {
        NIMA_TRY(begin_again(ctx, db, job, i));
    }
    return NIMA_OK;
}

nima_rc nima_task_retry(struct nima_ctx *ctx, struct nima_store *store,
                        const struct nima_task_row *tasks, const struct nima_audit_row *audits,
                        size_t count, int64_t expires_at, bool two_person,
                        struct nima_task_row *out)
{
    struct again job = {.plan = {.audits = audits, .count = count},
                        .expires_at = expires_at,
                        .two_person = two_person};
    nima_assert(count > 0);
    job.plan.rows = NIMA_NEW(ctx->arena, struct nima_task_row, count);
    for (size_t i = 0; i < count; i++) {
        NIMA_TRY(nima_store_id(ctx, tasks[i].id, "task", &job.plan.rows[i].id));
    }
    job.plan.plan_id = count > 1 ? job.plan.rows[0].id : (nima_str){NULL, 0};
    NIMA_TRY(nima_db_write(ctx, store, retry, &job));
    *out = job.plan.rows[0];
    return NIMA_OK;
}
