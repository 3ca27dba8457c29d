/*
 * Conversations in which nobody has said anything for a while, for the schedules that wait for it.
 */
#include "store/schedules_int.h"
#include "util/uuid.h"

enum { IDLE_MAX = 100 };

struct idle {
    int64_t before;
    struct nima_schedule_idles rows;
};

static nima_rc idle(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    struct idle *job = arg;
    struct nima_db_stmt *stmt;
    bool row = false;
    job->rows = (struct nima_schedule_idles){
        .items = NIMA_NEW(ctx->arena, struct nima_schedule_idle, IDLE_MAX)};
    NIMA_TRY(nima_db_first(ctx, db,
                           "SELECT 1 FROM schedules WHERE mode = 'event' AND "
                           "spec = 'conversation.idle' AND enabled = 1 LIMIT 1",
                           NULL, 0, &stmt));
    job->rows.any = stmt != NULL;
    if (!job->rows.any) {
        return NIMA_OK;
    }
    NIMA_TRY(nima_db_end(ctx, stmt));
    NIMA_TRY(nima_db_query(
        ctx, db,
        "SELECT s.id, s.user_id, c.id, c.updated_at FROM schedules AS s JOIN conversations AS c "
        "ON c.user_id = s.user_id WHERE s.mode = 'event' AND s.spec = 'conversation.idle' AND "
        "s.enabled = 1 AND c.updated_at < $1 AND c.updated_at > s.updated_at AND "
        "c.message_count > 0 AND NOT EXISTS (SELECT 1 FROM schedule_runs AS r WHERE "
        "r.schedule_id = s.id AND r.due_at = c.updated_at) AND NOT EXISTS (SELECT 1 FROM "
        "schedule_runs AS r WHERE r.user_id = s.user_id AND r.conversation_id = c.id AND "
        "r.finished_at >= c.updated_at) ORDER BY c.updated_at LIMIT $2",
        NIMA_DB_ARGS(nima_db_time(job->before), nima_db_int(IDLE_MAX)), &stmt));
    NIMA_TRY(nima_db_step(ctx, stmt, &row));
    while (row && job->rows.count < IDLE_MAX) {
        job->rows.items[job->rows.count++] =
            (struct nima_schedule_idle){.schedule_id = nima_db_get_text(ctx, stmt, 0),
                                        .user_id = nima_db_get_text(ctx, stmt, 1),
                                        .conversation_id = nima_db_get_text(ctx, stmt, 2),
                                        .quiet_since = nima_db_get_time(stmt, 3)};
        NIMA_TRY(nima_db_step(ctx, stmt, &row));
    }
    return nima_db_end(ctx, stmt);
}

nima_rc nima_schedules_idle(struct nima_ctx *ctx, struct nima_store *store, int64_t before,
                            struct nima_schedule_idles *out)
{
    struct idle job = {.before = before};
    NIMA_TRY(nima_db_read(ctx, store, idle, &job));
    *out = job.rows;
    return NIMA_OK;
}

static nima_rc fire_idle(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    const struct nima_schedule_idle *idle_one = arg;
    return nima_db_run(
        ctx, db,
        "INSERT INTO schedule_runs (id, schedule_id, user_id, due_at, status, attempts, "
        "not_before) "
        "VALUES ($1, $2, $3, $4, 'due', 0, $5) ON CONFLICT (schedule_id, due_at) DO NOTHING",
        NIMA_DB_ARGS(nima_db_text(nima_uuid_new(ctx)), nima_db_text(idle_one->schedule_id),
                     nima_db_text(ctx->user_id), nima_db_time(idle_one->quiet_since),
                     nima_db_time(nima_ctx_now(ctx))),
        NULL);
}

nima_rc nima_schedule_fire_idle(struct nima_ctx *ctx, struct nima_store *store,
                                const struct nima_schedule_idle *idle_one)
{
    struct nima_schedule_idle copy = *idle_one;
    return nima_db_write(ctx, store, fire_idle, &copy);
}
