/*
 * The queue as workers see it. On SQLite (and the JSON files) writers take turns, so that a claim
 * is alone; on PostgreSQL rows that another claim holds are passed over.
 */
#include <string.h>

#include "store/tasks_int.h"

/* Claiming */

struct claim {
    const struct nima_task_claim *claim;
    bool found, taken_up;
    struct nima_task_row row;
};

#define TAKE                                                                                       \
    "UPDATE tasks SET status = 'running', attempts = attempts + 1, lease_owner = $1, "             \
    "lease_until = $2, started_at = COALESCE(started_at, $3), next_attempt_at = NULL, "            \
    "changed_at = $4 WHERE id = (SELECT id FROM tasks WHERE "
#define BUSY_TYPES "AND type NOT IN ($6, $7, $8, $9, $10, $11, $12, $13) "
#define LEFT       "status = 'running' AND lease_until < $5 " BUSY_TYPES "ORDER BY lease_until LIMIT 1"
#define WAITING                                                                                    \
    "status = 'pending' AND next_attempt_at <= $5 " BUSY_TYPES                                     \
    "ORDER BY priority DESC, next_attempt_at, id LIMIT 1"
#define RETURN_ROW ") RETURNING " NIMA_TASK_COLUMNS

static const char *const take_left[] = {
    TAKE LEFT RETURN_ROW,
    TAKE LEFT " FOR UPDATE SKIP LOCKED" RETURN_ROW,
};
static const char *const take_waiting[] = {
    TAKE WAITING RETURN_ROW,
    TAKE WAITING " FOR UPDATE SKIP LOCKED" RETURN_ROW,
};

static int dialect_of(const struct nima_db *db)
{
    return strcmp(db->ops->dialect, "postgres") == 0 ? 1 : 0;
}

static nima_rc take(struct nima_ctx *ctx, struct nima_db *db, struct claim *job, const char *sql)
{
    const struct nima_task_claim *claim = job->claim;
    int64_t now = nima_ctx_now(ctx);
    struct nima_db_value types[NIMA_TASK_BUSY_TYPES];
    for (size_t i = 0; i < NIMA_TASK_BUSY_TYPES; i++) {
        types[i] = nima_db_text(claim->busy[i].ptr != NULL ? claim->busy[i] : NIMA_STR(""));
    }
    struct nima_db_stmt *stmt;
    NIMA_TRY(nima_db_first(ctx, db, sql,
                           NIMA_DB_ARGS(nima_db_text(claim->owner),
                                        nima_db_time(now + claim->lease_ms), nima_db_time(now),
                                        nima_db_time(now), nima_db_time(now), types[0], types[1],
                                        types[2], types[3], types[4], types[5], types[6], types[7]),
                           &stmt));
    job->found = stmt != NULL;
    if (stmt == NULL) {
        return NIMA_OK;
    }
    nima_task_row(ctx, stmt, &job->row);
    return nima_db_end(ctx, stmt);
}

static nima_rc claim(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    struct claim *job = arg;
    int dialect = dialect_of(db);
    NIMA_TRY(take(ctx, db, job, take_left[dialect]));
    job->taken_up = job->found;
    return job->found ? NIMA_OK : take(ctx, db, job, take_waiting[dialect]);
}

nima_rc nima_task_claim(struct nima_ctx *ctx, struct nima_store *store,
                        const struct nima_task_claim *wanted, bool *found, bool *taken_up,
                        struct nima_task_row *out)
{
    struct claim job = {.claim = wanted};
    NIMA_TRY(nima_db_write(ctx, store, claim, &job));
    *found = job.found;
    *taken_up = job.taken_up;
    *out = job.row;
    return NIMA_OK;
}

struct due {
    bool due, overdue;
};

static nima_rc due(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    struct due *job = arg;
    struct nima_db_value now = nima_db_time(nima_ctx_now(ctx));
    struct nima_db_stmt *stmt;
    NIMA_TRY(nima_db_first(
        ctx, db,
        "SELECT CASE WHEN EXISTS (SELECT 1 FROM tasks WHERE status = 'pending' "
        "AND next_attempt_at <= $1) OR EXISTS (SELECT 1 FROM tasks WHERE status = 'running' "
        "AND lease_until < $2) THEN 1 ELSE 0 END, CASE WHEN EXISTS (SELECT 1 FROM tasks "
        "WHERE status = 'awaiting_approval' AND expires_at <= $3) THEN 1 ELSE 0 END",
        NIMA_DB_ARGS(now, now, now), &stmt));
    nima_assert(stmt != NULL);
    *job = (struct due){nima_db_get_int(stmt, 0) != 0, nima_db_get_int(stmt, 1) != 0};
    return nima_db_end(ctx, stmt);
}

nima_rc nima_task_due(struct nima_ctx *ctx, struct nima_store *store, bool *due_out,
                      bool *overdue_out)
{
    struct due job = {0};
    NIMA_TRY(nima_db_read(ctx, store, due, &job));
    *due_out = job.due;
    *overdue_out = job.overdue;
    return NIMA_OK;
}

struct places {
    int64_t since;
    struct nima_task_place after;
    int limit;
    struct nima_task_place *items;
    size_t count;
};

static nima_rc places(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    struct places *job = arg;
    struct nima_db_stmt *stmt;
    bool row = false;
    job->count = 0;
    NIMA_TRY(nima_db_query(ctx, db,
                           "SELECT DISTINCT user_id, conversation_id FROM tasks "
                           "WHERE conversation_id IS NOT NULL AND completed_at >= $1 AND "
                           "(user_id > $2 OR (user_id = $2 AND conversation_id > $3)) "
                           "ORDER BY user_id, conversation_id LIMIT $4",
                           NIMA_DB_ARGS(nima_db_time(job->since), nima_db_text(job->after.user_id),
                                        nima_db_text(job->after.conversation_id),
                                        nima_db_int(job->limit)),
                           &stmt));
    NIMA_TRY(nima_db_step(ctx, stmt, &row));
    while (row) {
        job->items[job->count++] = (struct nima_task_place){nima_db_get_text(ctx, stmt, 0),
                                                            nima_db_get_text(ctx, stmt, 1)};
        NIMA_TRY(nima_db_step(ctx, stmt, &row));
    }
    return nima_db_end(ctx, stmt);
}

nima_rc nima_task_places(struct nima_ctx *ctx, struct nima_store *store, int64_t since,
                         const struct nima_task_place *after, int limit,
                         struct nima_task_place *out, size_t *count)
{
    struct places job = {.since = since, .after = *after, .limit = limit, .items = out};
    NIMA_TRY(nima_db_read(ctx, store, places, &job));
    *count = job.count;
    return NIMA_OK;
}

/* Holding and ending */

struct held {
    const struct nima_task_row *task;
    const struct nima_task_end *end;
    const struct nima_audit_row *audit;
    int64_t lease_ms;
    bool cancel_requested;
};

static nima_rc lost(struct nima_ctx *ctx)
{
    return nima_fail(ctx, NIMA_E_CONFLICT, "the lease of this task is lost");
}

static nima_rc heartbeat(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    struct held *job = arg;
    const struct nima_task_row *task = job->task;
    struct nima_db_stmt *stmt;
    NIMA_TRY(nima_db_first(ctx, db,
                           "UPDATE tasks SET lease_until = $4 WHERE id = $1 AND lease_owner = $2 "
                           "AND attempts = $3 AND status = 'running' RETURNING cancel_requested",
                           NIMA_DB_ARGS(nima_db_text(task->id), nima_db_text(task->lease_owner),
                                        nima_db_int(task->attempts),
                                        nima_db_time(nima_ctx_now(ctx) + job->lease_ms)),
                           &stmt));
    if (stmt == NULL) {
        return lost(ctx);
    }
    job->cancel_requested = nima_db_get_int(stmt, 0) != 0;
    return nima_db_end(ctx, stmt);
}

nima_rc nima_task_heartbeat(struct nima_ctx *ctx, struct nima_store *store,
                            const struct nima_task_row *task, int64_t lease_ms,
                            bool *cancel_requested)
{
    struct held job = {.task = task, .lease_ms = lease_ms};
    NIMA_TRY(nima_db_write(ctx, store, heartbeat, &job));
    *cancel_requested = job.cancel_requested;
    return NIMA_OK;
}

static nima_rc finish(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    struct held *job = arg;
    const struct nima_task_row *task = job->task;
    const struct nima_task_end *end = job->end;
    bool again = nima_str_eq(end->status, NIMA_STR("pending"));
    struct nima_db_value now = nima_db_time(nima_ctx_now(ctx));
    int64_t changes = 0;
    NIMA_TRY(nima_db_run(
        ctx, db,
        "UPDATE tasks SET status = $4, result = $5, error = $6, error_code = $7, "
        "next_attempt_at = $8, completed_at = $9, attempts = $10, lease_owner = NULL, "
        "lease_until = NULL, changed_at = $11 WHERE id = $1 AND lease_owner = $2 "
        "AND attempts = $3 AND status = 'running'",
        NIMA_DB_ARGS(nima_db_text(task->id), nima_db_text(task->lease_owner),
                     nima_db_int(task->attempts), nima_db_text(end->status),
                     nima_db_json(end->result), nima_db_text(end->error),
                     nima_db_text(end->error_code), nima_db_time(again ? end->next_attempt_at : 0),
                     again ? nima_db_time(0) : now,
                     nima_db_int(task->attempts - (end->uncounted ? 1 : 0)), now),
        &changes));
    if (changes == 0) {
        return lost(ctx);
    }
    NIMA_TRY(nima_audit_chain(ctx, db, task->user_id, task->id, job->audit));
    return nima_plan_step_over(ctx, db, task, end->status);
}

nima_rc nima_task_finish(struct nima_ctx *ctx, struct nima_store *store,
                         const struct nima_task_row *task, const struct nima_task_end *end,
                         const struct nima_audit_row *audit)
{
    struct held job = {.task = task, .end = end, .audit = audit};
    return nima_db_write(ctx, store, finish, &job);
}

/* Proposals whose time is over */

struct expire {
    const struct nima_audit_row *audit;
    bool found;
};

#define EXPIRE                                                                                     \
    "UPDATE tasks SET status = 'cancelled', error = 'nobody approved it in time', "                \
    "error_code = 'timeout', completed_at = $1, changed_at = $2, expires_at = NULL "               \
    "WHERE id = (SELECT id FROM tasks WHERE status = 'awaiting_approval' AND expires_at <= $3 "    \
    "ORDER BY expires_at LIMIT 1"
static const char *const expire_sql[] = {
    EXPIRE RETURN_ROW,
    EXPIRE " FOR UPDATE SKIP LOCKED" RETURN_ROW,
};

static nima_rc expire(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    struct expire *job = arg;
    struct nima_db_value now = nima_db_time(nima_ctx_now(ctx));
    struct nima_task_row row;
    struct nima_db_stmt *stmt;
    NIMA_TRY(
        nima_db_first(ctx, db, expire_sql[dialect_of(db)], NIMA_DB_ARGS(now, now, now), &stmt));
    job->found = stmt != NULL;
    if (stmt == NULL) {
        return NIMA_OK;
    }
    nima_task_row(ctx, stmt, &row);
    NIMA_TRY(nima_db_end(ctx, stmt));
    struct nima_audit_row audit = *job->audit;
    audit.type = row.type;
    audit.action = row.action;
    NIMA_TRY(nima_audit_chain(ctx, db, row.user_id, row.id, &audit));
    return nima_plan_step_over(ctx, db, &row, row.status);
}

nima_rc nima_task_expire(struct nima_ctx *ctx, struct nima_store *store,
                         const struct nima_audit_row *audit, bool *found)
{
    struct expire job = {.audit = audit};
    NIMA_TRY(nima_db_write(ctx, store, expire, &job));
    *found = job.found;
    return NIMA_OK;
}
