/*
 * Tasks as their owner sees them: made, listed, decided on. task_queue.c has the workers' side.
 */
#include "store/tasks.h"

#include "store/tasks_int.h"
#include "util/buf.h"

void nima_task_row(struct nima_ctx *ctx, struct nima_db_stmt *stmt, struct nima_task_row *out)
{
    *out = (struct nima_task_row){
        .id = nima_db_get_text(ctx, stmt, 0),
        .user_id = nima_db_get_text(ctx, stmt, 1),
        .type = nima_db_get_text(ctx, stmt, 2),
        .action = nima_db_get_text(ctx, stmt, 3),
        .params = nima_db_get_text(ctx, stmt, 4),
        .params_hash = nima_db_get_text(ctx, stmt, 5),
        .status = nima_db_get_text(ctx, stmt, 6),
        .result = nima_db_get_text(ctx, stmt, 7),
        .error = nima_db_get_text(ctx, stmt, 8),
        .error_code = nima_db_get_text(ctx, stmt, 9),
        .attempts = nima_db_get_int(stmt, 10),
        .max_attempts = nima_db_get_int(stmt, 11),
        .timeout_s = nima_db_get_int(stmt, 12),
        .priority = nima_db_get_int(stmt, 13),
        .origin = nima_db_get_text(ctx, stmt, 14),
        .approved_hash = nima_db_get_text(ctx, stmt, 15),
        .approved_by = nima_db_get_text(ctx, stmt, 16),
        .conversation_id = nima_db_get_text(ctx, stmt, 17),
        .goal_id = nima_db_get_text(ctx, stmt, 18),
        .lease_owner = nima_db_get_text(ctx, stmt, 19),
        .lease_until = nima_db_get_time(stmt, 20),
        .cancel_requested = nima_db_get_int(stmt, 21),
        .next_attempt_at = nima_db_get_time(stmt, 22),
        .expires_at = nima_db_get_time(stmt, 23),
        .created_at = nima_db_get_time(stmt, 24),
        .started_at = nima_db_get_time(stmt, 25),
        .completed_at = nima_db_get_time(stmt, 26),
        .changed_at = nima_db_get_time(stmt, 27),
        .plan_id = nima_db_get_text(ctx, stmt, 28),
        .step = nima_db_get_int(stmt, 29),
        .two_person = nima_db_get_int(stmt, 30),
        .first_hash = nima_db_get_text(ctx, stmt, 31),
        .first_by = nima_db_get_text(ctx, stmt, 32),
    };
}

/* Making one */

struct add {
    nima_str id;
    const struct nima_task_row *task;
    const struct nima_audit_row *audit;
    struct nima_task_row row;
};

nima_rc nima_task_insert(struct nima_ctx *ctx, struct nima_db *db, struct nima_task_row *row)
{
    const struct nima_task_row *task = row;
    int64_t now = nima_ctx_now(ctx);
    bool due = nima_str_eq(task->status, NIMA_STR("pending")) && task->step == 0;
    struct nima_db_stmt *stmt;
    NIMA_TRY(nima_db_first(
        ctx, db,
        "INSERT INTO tasks (id, user_id, type, action, params, params_hash, status, attempts, "
        "max_attempts, timeout_s, priority, origin, conversation_id, goal_id, cancel_requested, "
        "next_attempt_at, expires_at, created_at, changed_at, plan_id, step, two_person) VALUES "
        "($1, $2, "
        "$3, $4, $5, $6, $7, 0, $8, $9, $10, $11, $12, $13, 0, $14, $15, $16, $17, $18, $19, $20) "
        "RETURNING " NIMA_TASK_COLUMNS,
        NIMA_DB_ARGS(nima_db_text(task->id), nima_db_text(ctx->user_id), nima_db_text(task->type),
                     nima_db_text(task->action), nima_db_json(nima_store_json(task->params)),
                     nima_db_text(task->params_hash), nima_db_text(task->status),
                     nima_db_int(task->max_attempts), nima_db_int(task->timeout_s),
                     nima_db_int(task->priority), nima_db_text(task->origin),
                     nima_db_text(task->conversation_id), nima_db_text(task->goal_id),
                     nima_db_time(due ? now : 0), nima_db_time(task->expires_at), nima_db_time(now),
                     nima_db_time(now), nima_db_text(task->plan_id), nima_db_int(task->step),
                     nima_db_int(task->two_person)),
        &stmt));
    nima_task_row(ctx, stmt, row);
    return nima_db_end(ctx, stmt);
}

static nima_rc add(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    struct add *job = arg;
    job->row = *job->task;
    job->row.id = job->id;
    NIMA_TRY(nima_task_insert(ctx, db, &job->row));
    return nima_audit_chain(ctx, db, ctx->user_id, job->id, job->audit);
}

nima_rc nima_task_add(struct nima_ctx *ctx, struct nima_store *store,
                      const struct nima_task_row *task, const struct nima_audit_row *audit,
                      struct nima_task_row *out)
{
    struct add job = {.task = task, .audit = audit};
    NIMA_TRY(nima_store_new_id(ctx, task->id, "id", &job.id));
    NIMA_TRY(nima_db_write(ctx, store, add, &job));
    *out = job.row;
    return NIMA_OK;
}

/* Looking them up */

struct one {
    nima_str id;
    bool approver; /* may also decide on another's that needs two people */
    const struct nima_audit_row *audit;
    struct nima_task_row row;
};

/* The value of two_person that opens another's task to the caller: none, for who is no approver. */
static struct nima_db_value opens(const struct one *job)
{
    return nima_db_int(job->approver ? 1 : -1);
}

static nima_rc get(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    struct one *job = arg;
    struct nima_db_stmt *stmt;
    NIMA_TRY(nima_db_first(
        ctx, db,
        "SELECT " NIMA_TASK_COLUMNS " FROM tasks "
        "WHERE (user_id = $1 OR two_person = $2) AND id = $3",
        NIMA_DB_ARGS(nima_db_text(ctx->user_id), opens(job), nima_db_text(job->id)), &stmt));
    if (stmt == NULL) {
        return nima_store_no_such(ctx, "task");
    }
    nima_task_row(ctx, stmt, &job->row);
    return nima_db_end(ctx, stmt);
}

nima_rc nima_task_get(struct nima_ctx *ctx, struct nima_store *store, nima_str id,
                      struct nima_task_row *out)
{
    return nima_task_get_shared(ctx, store, id, false, out);
}

nima_rc nima_task_get_shared(struct nima_ctx *ctx, struct nima_store *store, nima_str id,
                             bool approver, struct nima_task_row *out)
{
    struct one job = {.approver = approver};
    NIMA_TRY(nima_store_id(ctx, id, "task", &job.id));
    NIMA_TRY(nima_db_read(ctx, store, get, &job));
    *out = job.row;
    return NIMA_OK;
}

struct open_count {
    int64_t max, count;
};

static nima_rc count_open(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    struct open_count *job = arg;
    struct nima_db_stmt *stmt;
    NIMA_TRY(nima_db_first(
        ctx, db,
        "SELECT COUNT(*) FROM (SELECT 1 AS one FROM tasks WHERE user_id = $1 "
        "AND status IN ('pending', 'running', 'awaiting_approval') LIMIT $2) AS open_tasks",
        NIMA_DB_ARGS(nima_db_text(ctx->user_id), nima_db_int(job->max)), &stmt));
    job->count = nima_db_get_int(stmt, 0);
    return nima_db_end(ctx, stmt);
}

nima_rc nima_task_open_count(struct nima_ctx *ctx, struct nima_store *store, int64_t max,
                             int64_t *out)
{
    struct open_count job = {.max = max};
    NIMA_TRY(nima_db_read(ctx, store, count_open, &job));
    *out = job.count;
    return NIMA_OK;
}

struct ended {
    nima_str conversation_id;
    int64_t since;
    int limit;
    struct nima_task_rows rows;
};

static nima_rc ended(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    struct ended *job = arg;
    struct nima_db_stmt *stmt;
    bool row = false;
    job->rows.count = 0;
    NIMA_TRY(
        nima_db_query(ctx, db,
                      "SELECT " NIMA_TASK_COLUMNS " FROM tasks WHERE conversation_id = $1 "
                      "AND user_id = $2 AND completed_at >= $3 "
                      "AND status IN ('completed', 'failed', 'cancelled') "
                      "ORDER BY completed_at DESC, id DESC LIMIT $4",
                      NIMA_DB_ARGS(nima_db_text(job->conversation_id), nima_db_text(ctx->user_id),
                                   nima_db_time(job->since), nima_db_int(job->limit)),
                      &stmt));
    NIMA_TRY(nima_db_step(ctx, stmt, &row));
    while (row) {
        nima_task_row(ctx, stmt, &job->rows.items[job->rows.count++]);
        NIMA_TRY(nima_db_step(ctx, stmt, &row));
    }
    return nima_db_end(ctx, stmt);
}

nima_rc nima_task_ended(struct nima_ctx *ctx, struct nima_store *store, nima_str conversation_id,
                        int64_t since, int limit, struct nima_task_rows *out)
{
    struct ended job = {.since = since, .limit = limit};
    NIMA_TRY(nima_store_id(ctx, conversation_id, "conversation", &job.conversation_id));
    job.rows.items = NIMA_NEW(ctx->arena, struct nima_task_row, (size_t)limit);
    NIMA_TRY(nima_db_read(ctx, store, ended, &job));
    for (size_t i = 0; i < job.rows.count / 2; i++) {
        struct nima_task_row row = job.rows.items[i];
        job.rows.items[i] = job.rows.items[job.rows.count - 1 - i];
        job.rows.items[job.rows.count - 1 - i] = row;
    }
    *out = job.rows;
    return NIMA_OK;
}

enum { LIST_SQL_MAX = 1000 };
struct list {
    struct nima_store_select select;
    int limit;
    struct nima_task_rows rows;
};

static nima_rc build_list(struct nima_ctx *ctx, const struct nima_task_filter *filter,
                          struct list *list)
{
    nima_str goal_id;
    NIMA_TRY(nima_store_limit(ctx, filter->limit, &list->limit));
    NIMA_TRY(nima_store_maybe_id(ctx, filter->goal_id, "goal_id", &goal_id));
    nima_buf_add(&list->select.sql, NIMA_STR("SELECT " NIMA_TASK_COLUMNS " FROM tasks WHERE"));
    if (filter->for_approver) {
        nima_store_select_add(&list->select,
                              "two_person = 1 AND status = 'awaiting_approval' AND user_id <>",
                              nima_db_text(ctx->user_id));
        nima_store_select_add(&list->select, "AND COALESCE(first_by, '') <>",
                              nima_db_text(ctx->user_id));
    } else {
        nima_store_select_add(&list->select, "user_id =", nima_db_text(ctx->user_id));
    }
    if (filter->cursor.ptr != NULL) {
        struct nima_store_cursor at;
        NIMA_TRY(nima_store_cursor_read(ctx, 't', filter->cursor, &at));
        nima_store_select_add(&list->select, "AND id <", nima_db_text(at.id));
    }
    nima_store_select_text(&list->select, "AND goal_id =", goal_id);
    nima_store_select_text(&list->select, "AND type =", filter->type);
    nima_store_select_text(&list->select, "AND status =", filter->status);
    if (filter->since != 0) {
        nima_store_select_add(&list->select, "AND created_at >=", nima_db_time(filter->since));
    }
    nima_buf_add(&list->select.sql, NIMA_STR(" ORDER BY id DESC"));
    nima_store_select_add(&list->select, "LIMIT", nima_db_int((int64_t)list->limit + 1));
    nima_assert(!list->select.sql.overflowed);
    return NIMA_OK;
}

static nima_rc run_list(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    struct list *list = arg;
    struct nima_db_stmt *stmt;
    bool row = false;
    list->rows.count = 0;
    list->rows.next_cursor = (nima_str){0};
    const struct nima_store_select *select = &list->select;
    NIMA_TRY(nima_db_query(ctx, db, select->sql.ptr, select->args, select->count, &stmt));
    NIMA_TRY(nima_db_step(ctx, stmt, &row));
    while (row && list->rows.count < (size_t)list->limit) {
        nima_task_row(ctx, stmt, &list->rows.items[list->rows.count++]);
        NIMA_TRY(nima_db_step(ctx, stmt, &row));
    }
    if (row) {
        struct nima_store_cursor last = {.id = list->rows.items[list->rows.count - 1].id};
        list->rows.next_cursor = nima_store_cursor_write(ctx, 't', last);
    }
    return nima_db_end(ctx, stmt);
}

nima_rc nima_task_list(struct nima_ctx *ctx, struct nima_store *store,
                       const struct nima_task_filter *filter, struct nima_task_rows *out)
{
    struct list list = {0};
    nima_buf_init(&list.select.sql, LIST_SQL_MAX);
    nima_rc rc = build_list(ctx, filter, &list);
    if (rc == NIMA_OK) {
        list.rows.items = NIMA_NEW(ctx->arena, struct nima_task_row, (size_t)list.limit);
        rc = nima_db_read(ctx, store, run_list, &list);
    }
    nima_buf_done(&list.select.sql);
    if (rc == NIMA_OK) {
        *out = list.rows;
    }
    return rc;
}

/* Deciding */

/* Why the update found no row: there is no such task, or its state does not allow it. */
static nima_rc refuse(struct nima_ctx *ctx, struct nima_db *db, struct one *job, const char *what)
{
    NIMA_TRY(get(ctx, db, job));
    if (job->row.step > 0 && nima_str_eq(job->row.status, NIMA_STR("awaiting_approval"))) {
        return nima_fail(ctx, NIMA_E_CONFLICT,
                         "this is a step of a plan; task " NIMA_FMT " stands for all of it",
                         NIMA_ARG(job->row.plan_id));
    }
    if (job->row.expires_at != 0 && job->row.expires_at <= nima_ctx_now(ctx)) {
        return nima_fail(ctx, NIMA_E_CONFLICT,
                         "this proposal's time is over; ask for the task again");
    }
    if (nima_str_eq(job->row.first_by, ctx->user_id) &&
        nima_str_eq(job->row.status, NIMA_STR("awaiting_approval"))) {
        return nima_fail(ctx, NIMA_E_CONFLICT, "you have approved this; a second person must, too");
    }
    return nima_fail(ctx, NIMA_E_CONFLICT, "this task is " NIMA_FMT " and cannot be %s",
                     NIMA_ARG(job->row.status), what);
}

static nima_rc decide(struct nima_ctx *ctx, struct nima_db *db, struct one *job, const char *sql,
                      const struct nima_db_value *args, size_t count, const char *what)
{
    struct nima_db_stmt *stmt;
    NIMA_TRY(nima_db_first(ctx, db, sql, args, count, &stmt));
    if (stmt == NULL) {
        return refuse(ctx, db, job, what);
    }
    nima_task_row(ctx, stmt, &job->row);
    NIMA_TRY(nima_db_end(ctx, stmt));
    NIMA_TRY(nima_audit_chain(ctx, db, job->row.user_id, job->id, job->audit));
    return nima_plan_step_over(ctx, db, &job->row, job->row.status);
}

/* Lets it run when nobody else must agree, or somebody else has agreed to the same. */
static nima_rc let_run(struct nima_ctx *ctx, struct nima_db *db, struct one *job, bool *done)
{
    struct nima_db_value now = nima_db_time(nima_ctx_now(ctx)), me = nima_db_text(ctx->user_id);
    struct nima_db_stmt *stmt;
    NIMA_TRY(nima_db_first(
        ctx, db,
        "UPDATE tasks SET status = 'pending', approved_hash = params_hash, approved_by = $3, "
        "expires_at = NULL, next_attempt_at = $4, changed_at = $5 "
        "WHERE (user_id = $1 OR two_person = $2) AND id = $6 AND status = 'awaiting_approval' "
        "AND step = 0 AND expires_at > $7 "
        "AND (two_person = 0 OR (first_hash = params_hash AND first_by <> $8)) "
        "RETURNING " NIMA_TASK_COLUMNS,
        NIMA_DB_ARGS(me, opens(job), me, now, now, nima_db_text(job->id), now, me), &stmt));
    *done = stmt != NULL;
    if (stmt == NULL) {
        return NIMA_OK;
    }
    nima_task_row(ctx, stmt, &job->row);
    return nima_db_end(ctx, stmt);
}

/* The first of two: also over one that was for something else. */
static nima_rc be_first(struct nima_ctx *ctx, struct nima_db *db, struct one *job, bool *done)
{
    struct nima_db_value now = nima_db_time(nima_ctx_now(ctx)), me = nima_db_text(ctx->user_id);
    struct nima_db_stmt *stmt;
    NIMA_TRY(nima_db_first(
        ctx, db,
        "UPDATE tasks SET first_hash = params_hash, first_by = $3, changed_at = $4 "
        "WHERE (user_id = $1 OR two_person = $2) AND id = $5 AND status = 'awaiting_approval' "
        "AND step = 0 AND expires_at > $6 AND two_person = 1 "
        "AND (first_hash IS NULL OR first_hash <> params_hash) RETURNING " NIMA_TASK_COLUMNS,
        NIMA_DB_ARGS(me, opens(job), me, now, nima_db_text(job->id), now), &stmt));
    *done = stmt != NULL;
    if (stmt == NULL) {
        return NIMA_OK;
    }
    nima_task_row(ctx, stmt, &job->row);
    return nima_db_end(ctx, stmt);
}

/* Two at once: the one who finds that the other was first in between is the second. */
static nima_rc approve(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    struct one *job = arg;
    bool run = false, first = false;
    NIMA_TRY(let_run(ctx, db, job, &run));
    if (!run) {
        NIMA_TRY(be_first(ctx, db, job, &first));
    }
    if (!run && !first) {
        NIMA_TRY(let_run(ctx, db, job, &run));
    }
    if (!run && !first) {
        return refuse(ctx, db, job, "approved");
    }
    struct nima_audit_row audit = {.details = {NULL, 0}};
    if (job->audit != NULL) {
        audit = *job->audit;
        audit.event = first ? NIMA_STR("approved_first") : audit.event;
    }
    NIMA_TRY(
        nima_audit_chain(ctx, db, job->row.user_id, job->id, job->audit != NULL ? &audit : NULL));
    return nima_plan_approved(ctx, db, &job->row);
}

static nima_rc reject(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    struct one *job = arg;
    struct nima_db_value now = nima_db_time(nima_ctx_now(ctx));
    return decide(
        ctx, db, job,
        "UPDATE tasks SET status = 'cancelled', error = CASE WHEN user_id = $1 THEN 'rejected' "
        "ELSE 'the second person did not agree' END, error_code = CASE WHEN user_id = $1 "
        "THEN 'cancelled' ELSE 'forbidden' END, expires_at = NULL, completed_at = $3, "
        "changed_at = $4 WHERE (user_id = $1 OR two_person = $2) AND id = $5 "
        "AND step = 0 AND status = 'awaiting_approval' RETURNING " NIMA_TASK_COLUMNS,
        NIMA_DB_ARGS(nima_db_text(ctx->user_id), opens(job), now, now, nima_db_text(job->id)),
        "rejected");
}

static nima_rc cancel(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    struct one *job = arg;
    struct nima_db_value now = nima_db_time(nima_ctx_now(ctx));
    return decide(
        ctx, db, job,
        "UPDATE tasks SET cancel_requested = 1, changed_at = $3, "
        "completed_at = CASE WHEN status = 'running' THEN completed_at ELSE $4 END, "
        "error = CASE WHEN status = 'running' THEN error ELSE 'cancelled' END, "
        "error_code = CASE WHEN status = 'running' THEN error_code ELSE 'cancelled' END, "
        "next_attempt_at = NULL, expires_at = NULL, "
        "status = CASE WHEN status = 'running' THEN status ELSE 'cancelled' END "
        "WHERE user_id = $1 AND id = $2 AND status IN ('pending', 'running', 'awaiting_approval') "
        "RETURNING " NIMA_TASK_COLUMNS,
        NIMA_DB_ARGS(nima_db_text(ctx->user_id), nima_db_text(job->id), now, now), "cancelled");
}

static nima_rc change(struct nima_ctx *ctx, struct nima_store *store, nima_db_work work,
                      nima_str id, struct one *job, struct nima_task_row *out)
{
    NIMA_TRY(nima_store_id(ctx, id, "task", &job->id));
    NIMA_TRY(nima_db_write(ctx, store, work, job));
    *out = job->row;
    return NIMA_OK;
}

nima_rc nima_task_approve(struct nima_ctx *ctx, struct nima_store *store, nima_str id,
                          bool approver, const struct nima_audit_row *audit,
                          struct nima_task_row *out)
{
    struct one job = {.approver = approver, .audit = audit};
    return change(ctx, store, approve, id, &job, out);
}

nima_rc nima_task_reject(struct nima_ctx *ctx, struct nima_store *store, nima_str id, bool approver,
                         const struct nima_audit_row *audit, struct nima_task_row *out)
{
    struct one job = {.approver = approver, .audit = audit};
    return change(ctx, store, reject, id, &job, out);
}

nima_rc nima_task_cancel(struct nima_ctx *ctx, struct nima_store *store, nima_str id,
                         const struct nima_audit_row *audit, struct nima_task_row *out)
{
    return change(ctx, store, cancel, id, &(struct one){.audit = audit}, out);
}
