/*
 * Firings: how one comes to be, who takes it up, and what becomes of it. A run waits as "due" and
 * may be taken up from `not_before` on; while somebody is at work on it, that is when their claim
 * ends.
 */
#include <stdio.h>

#include "store/conversations_int.h"
#include "store/schedules_int.h"
#include "util/digest.h"
#include "util/uuid.h"

#define RUN_COLUMNS                                                                                \
    "r.id, r.schedule_id, r.user_id, r.due_at, r.status, r.attempts, r.not_before, r.started_at, " \
    "r.finished_at, r.conversation_id, r.message_id, r.error, s.id, s.user_id, s.name, s.mode, "   \
    "s.spec, s.timezone, s.action, s.body, s.conversation_id, s.enabled, s.next_at, s.last_at, "   \
    "s.created_at, s.updated_at, s.label"
#define FROM_RUNS " FROM schedule_runs AS r JOIN schedules AS s ON s.id = r.schedule_id "

enum { DUE_MAX = 200, OPEN_MAX = 50, IDLE_MAX = 100, SAME_TIME_MAX = 1000, RUN_OWN_COLUMNS = 12 };

static void run_row(struct nima_ctx *ctx, struct nima_db_stmt *stmt, struct nima_schedule_run *out)
{
    *out = (struct nima_schedule_run){
        .id = nima_db_get_text(ctx, stmt, 0),
        .schedule_id = nima_db_get_text(ctx, stmt, 1),
        .user_id = nima_db_get_text(ctx, stmt, 2),
        .due_at = nima_db_get_time(stmt, 3),
        .status = nima_db_get_text(ctx, stmt, 4),
        .attempts = nima_db_get_int(stmt, 5),
        .not_before = nima_db_get_time(stmt, 6),
        .started_at = nima_db_get_time(stmt, 7),
        .finished_at = nima_db_get_time(stmt, 8),
        .conversation_id = nima_db_get_text(ctx, stmt, 9),
        .message_id = nima_db_get_text(ctx, stmt, 10),
        .error = nima_db_get_text(ctx, stmt, 11),
    };
    nima_store_schedule_row(ctx, stmt, RUN_OWN_COLUMNS, &out->schedule);
}

static nima_rc run_rows(struct nima_ctx *ctx, struct nima_db_stmt *stmt, size_t max,
                        struct nima_schedule_runs *out)
{
    bool row = false;
    *out =
        (struct nima_schedule_runs){.items = NIMA_NEW(ctx->arena, struct nima_schedule_run, max)};
    NIMA_TRY(nima_db_step(ctx, stmt, &row));
    while (row && out->count < max) {
        run_row(ctx, stmt, &out->items[out->count++]);
        NIMA_TRY(nima_db_step(ctx, stmt, &row));
    }
    return nima_db_end(ctx, stmt);
}

/* Making runs */

static nima_rc insert_run(struct nima_ctx *ctx, struct nima_db *db, nima_str schedule_id,
                          int64_t due_at, struct nima_schedule_run *out, bool *made)
{
    int64_t now = nima_ctx_now(ctx), changes = 0;
    struct nima_schedule_run run = {.id = nima_uuid_new(ctx),
                                    .schedule_id = schedule_id,
                                    .user_id = nima_str_copy(ctx->arena, ctx->user_id),
                                    .due_at = due_at,
                                    .status = NIMA_STR("due"),
                                    .not_before = now};
    NIMA_TRY(nima_db_run(
        ctx, db,
        "INSERT INTO schedule_runs (id, schedule_id, user_id, due_at, status, attempts, "
        "not_before) "
        "VALUES ($1, $2, $3, $4, 'due', 0, $5) ON CONFLICT (schedule_id, due_at) DO NOTHING",
        NIMA_DB_ARGS(nima_db_text(run.id), nima_db_text(schedule_id), nima_db_text(ctx->user_id),
                     nima_db_time(due_at), nima_db_time(now)),
        &changes));
    *made = changes > 0;
    *out = run;
    return NIMA_OK;
}

struct fire {
    nima_str schedule_id;
    bool once;
    struct nima_schedule_run run;
};

static nima_rc any_row(struct nima_ctx *ctx, struct nima_db *db, const char *sql,
                       const struct nima_db_value *args, size_t count, bool *out)
{
    struct nima_db_stmt *stmt;
    NIMA_TRY(nima_db_first(ctx, db, sql, args, count, &stmt));
    *out = stmt != NULL;
    return stmt != NULL ? nima_db_end(ctx, stmt) : NIMA_OK;
}

static nima_rc fire(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    struct fire *job = arg;
    struct nima_db_value id = nima_db_text(job->schedule_id);
    bool there, waits = false, made = false;
    job->run = (struct nima_schedule_run){0};
    NIMA_TRY(any_row(ctx, db, "SELECT 1 FROM schedules WHERE id = $1 AND user_id = $2",
                     NIMA_DB_ARGS(id, nima_db_text(ctx->user_id)), &there));
    if (!there) {
        return nima_store_no_such(ctx, "schedule");
    }
    if (job->once) {
        NIMA_TRY(any_row(ctx, db,
                         "SELECT 1 FROM schedule_runs WHERE schedule_id = $1 AND status = 'due'",
                         NIMA_DB_ARGS(id), &waits));
    }
    int64_t due_at = nima_ctx_now(ctx);
    for (int i = 0; !waits && !made && i < SAME_TIME_MAX; i++) {
        NIMA_TRY(insert_run(ctx, db, job->schedule_id, due_at + i, &job->run, &made));
    }
    return NIMA_OK;
}

nima_rc nima_schedule_fire(struct nima_ctx *ctx, struct nima_store *store, nima_str schedule_id,
                           bool once, struct nima_schedule_run *out)
{
    struct fire job = {.once = once};
    NIMA_TRY(nima_store_id(ctx, schedule_id, "schedule", &job.schedule_id));
    NIMA_TRY(nima_db_write(ctx, store, fire, &job));
    *out = job.run.id.ptr != NULL ? job.run : *out;
    return NIMA_OK;
}

struct move {
    const struct nima_schedule_row *row;
    int64_t next_at;
};

static nima_rc advance(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    const struct move *job = arg;
    const struct nima_schedule_row *s = job->row;
    struct nima_db_value id = nima_db_text(s->id);
    struct nima_schedule_run run;
    int64_t changes = 0;
    bool made;
    NIMA_TRY(nima_db_run(ctx, db,
                         "UPDATE schedules SET next_at = $4, last_at = $3, "
                         "enabled = CASE WHEN mode = 'at' THEN 0 ELSE enabled END "
                         "WHERE id = $1 AND user_id = $2 AND next_at = $3 AND enabled = 1",
                         NIMA_DB_ARGS(id, nima_db_text(ctx->user_id), nima_db_time(s->next_at),
                                      nima_db_time(job->next_at)),
                         &changes));
    if (changes == 0) {
        return NIMA_OK;
    }
    NIMA_TRY(insert_run(ctx, db, s->id, s->next_at, &run, &made));
    return nima_db_run(
        ctx, db,
        "DELETE FROM schedule_runs WHERE schedule_id = $1 AND status IN ('done', 'failed') AND "
        "due_at < (SELECT due_at FROM schedule_runs WHERE schedule_id = $1 "
        "ORDER BY due_at DESC LIMIT 1 OFFSET $2)",
        NIMA_DB_ARGS(id, nima_db_int(NIMA_SCHEDULE_RUNS_KEPT)), NULL);
}

nima_rc nima_schedule_advance(struct nima_ctx *ctx, struct nima_store *store,
                              const struct nima_schedule_row *row, int64_t next_at)
{
    struct move job = {row, next_at};
    return nima_db_write(ctx, store, advance, &job);
}

static nima_rc move(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    const struct move *job = arg;
    return nima_db_run(
        ctx, db,
        "UPDATE schedules SET next_at = $4 WHERE id = $1 AND user_id = $2 AND next_at = $3",
        NIMA_DB_ARGS(nima_db_text(job->row->id), nima_db_text(ctx->user_id),
                     nima_db_time(job->row->next_at), nima_db_time(job->next_at)),
        NULL);
}

nima_rc nima_schedule_move(struct nima_ctx *ctx, struct nima_store *store,
                           const struct nima_schedule_row *row, int64_t next_at)
{
    struct move job = {row, next_at};
    return nima_db_write(ctx, store, move, &job);
}

/* What there is to do */

static nima_rc due(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    struct nima_db_stmt *stmt;
    NIMA_TRY(nima_db_query(ctx, db,
                           "SELECT " NIMA_SCHEDULE_COLUMNS " FROM schedules WHERE "
                           "next_at IS NOT NULL AND next_at <= $1 AND enabled = 1 "
                           "ORDER BY next_at LIMIT $2",
                           NIMA_DB_ARGS(nima_db_time(nima_ctx_now(ctx)), nima_db_int(DUE_MAX)),
                           &stmt));
    return nima_store_schedule_rows(ctx, stmt, DUE_MAX, arg);
}

nima_rc nima_schedules_due(struct nima_ctx *ctx, struct nima_store *store,
                           struct nima_schedule_rows *out)
{
    struct nima_schedule_rows rows;
    NIMA_TRY(nima_db_read(ctx, store, due, &rows));
    *out = rows;
    return NIMA_OK;
}

struct ahead {
    nima_str after;
    struct nima_schedule_rows rows;
};

static nima_rc ahead(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    struct ahead *job = arg;
    struct nima_db_stmt *stmt;
    NIMA_TRY(
        nima_db_query(ctx, db,
                      "SELECT " NIMA_SCHEDULE_COLUMNS " FROM schedules WHERE next_at > $1 AND "
                      "enabled = 1 AND mode IN ('every', 'cron') AND id > $2 ORDER BY id LIMIT $3",
                      NIMA_DB_ARGS(nima_db_time(nima_ctx_now(ctx)), nima_db_text(job->after),
                                   nima_db_int(DUE_MAX)),
                      &stmt));
    return nima_store_schedule_rows(ctx, stmt, DUE_MAX, &job->rows);
}

nima_rc nima_schedules_ahead(struct nima_ctx *ctx, struct nima_store *store, nima_str after,
                             struct nima_schedule_rows *out)
{
    struct ahead job = {
        .after = after.ptr != NULL ? after : NIMA_STR("00000000-0000-0000-0000-000000000000")};
    NIMA_TRY(nima_db_read(ctx, store, ahead, &job));
    *out = job.rows;
    return NIMA_OK;
}

struct next {
    bool reminders;
    int64_t at;
};

/* What is out of use has no next time. */
static nima_rc next(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    static const char *const queries[] = {
        "SELECT MIN(r.not_before)" FROM_RUNS "WHERE r.status IN ('due', 'running') AND "
        "(s.action = 'remind') = ($1 = 1)",
        "SELECT MIN(next_at) FROM schedules WHERE next_at IS NOT NULL AND $1 = 1"};
    struct next *job = arg;
    job->at = 0;
    for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
        struct nima_db_stmt *stmt;
        NIMA_TRY(
            nima_db_first(ctx, db, queries[i], NIMA_DB_ARGS(nima_db_int(job->reminders)), &stmt));
        int64_t at = nima_db_get_time(stmt, 0);
        NIMA_TRY(nima_db_end(ctx, stmt));
        job->at = at != 0 && (job->at == 0 || at < job->at) ? at : job->at;
    }
    return NIMA_OK;
}

nima_rc nima_schedules_next(struct nima_ctx *ctx, struct nima_store *store, bool reminders,
                            int64_t *out)
{
    struct next job = {.reminders = reminders};
    NIMA_TRY(nima_db_read(ctx, store, next, &job));
    *out = job.at;
    return NIMA_OK;
}

struct runs {
    nima_str schedule_id;
    int64_t since;
    int limit;
    bool reminders;
    struct nima_schedule_runs rows;
};

static nima_rc open_runs(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    struct runs *job = arg;
    struct nima_db_stmt *stmt;
    NIMA_TRY(nima_db_query(
        ctx, db,
        "SELECT " RUN_COLUMNS FROM_RUNS "WHERE r.status IN ('due', 'running') AND "
        "r.not_before <= $1 AND (s.action = 'remind') = ($2 = 1) ORDER BY r.not_before LIMIT $3",
        NIMA_DB_ARGS(nima_db_time(nima_ctx_now(ctx)), nima_db_int(job->reminders),
                     nima_db_int(OPEN_MAX)),
        &stmt));
    return run_rows(ctx, stmt, OPEN_MAX, &job->rows);
}

nima_rc nima_schedule_runs_open(struct nima_ctx *ctx, struct nima_store *store, bool reminders,
                                struct nima_schedule_runs *out)
{
    struct runs job = {.reminders = reminders};
    NIMA_TRY(nima_db_read(ctx, store, open_runs, &job));
    *out = job.rows;
    return NIMA_OK;
}

static nima_rc list_runs(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    struct runs *job = arg;
    struct nima_db_stmt *stmt;
    struct nima_db_value user = nima_db_text(ctx->user_id), limit = nima_db_int(job->limit);
    if (job->schedule_id.ptr == NULL) {
        NIMA_TRY(nima_db_query(ctx, db,
                               "SELECT " RUN_COLUMNS FROM_RUNS "WHERE r.user_id = $1 AND "
                               "r.finished_at > $2 ORDER BY r.finished_at, r.id LIMIT $3",
                               NIMA_DB_ARGS(user, nima_db_time(job->since), limit), &stmt));
        return run_rows(ctx, stmt, (size_t)job->limit, &job->rows);
    }
    bool there;
    struct nima_db_value id = nima_db_text(job->schedule_id);
    NIMA_TRY(any_row(ctx, db, "SELECT 1 FROM schedules WHERE id = $1 AND user_id = $2",
                     NIMA_DB_ARGS(id, user), &there));
    if (!there) {
        return nima_store_no_such(ctx, "schedule");
    }
    NIMA_TRY(nima_db_query(ctx, db,
                           "SELECT " RUN_COLUMNS FROM_RUNS "WHERE r.user_id = $1 AND "
                           "r.schedule_id = $2 ORDER BY r.due_at DESC LIMIT $3",
                           NIMA_DB_ARGS(user, id, limit), &stmt));
    return run_rows(ctx, stmt, (size_t)job->limit, &job->rows);
}

nima_rc nima_schedule_runs_list(struct nima_ctx *ctx, struct nima_store *store,
                                nima_str schedule_id, int64_t since, int limit,
                                struct nima_schedule_runs *out)
{
    struct runs job = {.since = since > 0 ? since : 1};
    NIMA_TRY(nima_store_limit(ctx, limit, &job.limit));
    if (schedule_id.ptr != NULL) {
        NIMA_TRY(nima_store_id(ctx, schedule_id, "schedule", &job.schedule_id));
    }
    NIMA_TRY(nima_db_read(ctx, store, list_runs, &job));
    *out = job.rows;
    return NIMA_OK;
}

/* Doing it */

nima_str nima_schedule_conversation(struct nima_ctx *ctx, nima_str user_id)
{
    nima_str hex =
        nima_sha256_hex(ctx, nima_fmt(ctx, "nima reminders of " NIMA_FMT, NIMA_ARG(user_id)));
    /* A UUID of version 8: its bits are the application's own. */
    return nima_fmt(ctx, "%.8s-%.4s-8%.3s-a%.3s-%.12s", hex.ptr, hex.ptr + 8, hex.ptr + 12,
                    hex.ptr + 15, hex.ptr + 18);
}

struct deliver {
    const struct nima_schedule_run *run;
    nima_str metadata, conversation_id;
    bool done;
};

static nima_rc own_conversation(struct nima_ctx *ctx, struct nima_db *db, nima_str id)
{
    int64_t change;
    struct nima_db_value now = nima_db_time(nima_ctx_now(ctx));
    NIMA_TRY(nima_store_raise_messages(ctx, db, false, &change));
    return nima_db_run(
        ctx, db,
        "INSERT INTO conversations (id, user_id, title, metadata, created_at, updated_at, "
        "message_count, messages_change) VALUES ($1, $2, 'Reminders', $3, $4, $4, 0, $5) "
        "ON CONFLICT (id) DO NOTHING",
        NIMA_DB_ARGS(nima_db_text(id), nima_db_text(ctx->user_id),
                     nima_db_json(NIMA_STR("{\"kind\": \"reminders\"}")), now, nima_db_int(change)),
        NULL);
}

nima_rc nima_store_say_own(struct nima_ctx *ctx, struct nima_db *db,
                           const struct nima_message_row *row, nima_str *conversation_id,
                           struct nima_message_row *out)
{
    struct nima_message_row copy = *row;
    *conversation_id = nima_schedule_conversation(ctx, ctx->user_id);
    NIMA_TRY(own_conversation(ctx, db, *conversation_id));
    return nima_store_append(ctx, db, *conversation_id, &copy, out);
}

static nima_rc say(struct nima_ctx *ctx, struct nima_db *db, struct deliver *job,
                   struct nima_message_row *out)
{
    struct nima_message_row row = {.role = NIMA_STR("assistant"),
                                   .content = job->run->schedule.body,
                                   .metadata = job->metadata};
    nima_rc rc = NIMA_E_NOT_FOUND;
    struct nima_error before = ctx->error;
    job->conversation_id = job->run->schedule.conversation_id;
    if (job->conversation_id.ptr != NULL) {
        rc = nima_store_append(ctx, db, job->conversation_id, &row, out);
    }
    if (rc != NIMA_E_NOT_FOUND) {
        return rc;
    }
    ctx->error = before;
    return nima_store_say_own(ctx, db, &row, &job->conversation_id, out);
}

static nima_rc deliver(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    struct deliver *job = arg;
    int64_t changes = 0;
    struct nima_db_value id = nima_db_text(job->run->id), user = nima_db_text(ctx->user_id);
    struct nima_message_row said;
    NIMA_TRY(nima_db_run(ctx, db,
                         "UPDATE schedule_runs SET status = 'done', attempts = attempts + 1, "
                         "started_at = $3, finished_at = $3 WHERE id = $1 AND user_id = $2 AND "
                         "status IN ('due', 'running')",
                         NIMA_DB_ARGS(id, user, nima_db_time(nima_ctx_now(ctx))), &changes));
    job->done = changes > 0;
    if (!job->done) {
        return NIMA_OK;
    }
    NIMA_TRY(say(ctx, db, job, &said));
    return nima_db_run(
        ctx, db,
        "UPDATE schedule_runs SET conversation_id = $3, message_id = $4 WHERE "
        "id = $1 AND user_id = $2",
        NIMA_DB_ARGS(id, user, nima_db_text(job->conversation_id), nima_db_text(said.id)), NULL);
}

nima_rc nima_schedule_deliver(struct nima_ctx *ctx, struct nima_store *store,
                              const struct nima_schedule_run *run, nima_str metadata, bool *done)
{
    struct deliver job = {.run = run, .metadata = metadata};
    NIMA_TRY(nima_db_write(ctx, store, deliver, &job));
    *done = job.done;
    return NIMA_OK;
}

struct claim {
    const struct nima_schedule_run *run;
    int64_t until;
    bool claimed;
};

static nima_rc claim(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    struct claim *job = arg;
    int64_t changes = 0;
    NIMA_TRY(nima_db_run(
        ctx, db,
        "UPDATE schedule_runs SET status = 'running', attempts = attempts + 1, started_at = $3, "
        "not_before = $4 WHERE id = $1 AND user_id = $2 AND not_before = $5 AND "
        "status IN ('due', 'running')",
        NIMA_DB_ARGS(nima_db_text(job->run->id), nima_db_text(ctx->user_id),
                     nima_db_time(nima_ctx_now(ctx)), nima_db_time(job->until),
                     nima_db_time(job->run->not_before)),
        &changes));
    job->claimed = changes > 0;
    return NIMA_OK;
}

nima_rc nima_schedule_claim(struct nima_ctx *ctx, struct nima_store *store,
                            const struct nima_schedule_run *run, int64_t until, bool *claimed)
{
    struct claim job = {.run = run, .until = until};
    NIMA_TRY(nima_db_write(ctx, store, claim, &job));
    *claimed = job.claimed;
    return NIMA_OK;
}

static nima_rc finish(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    const struct nima_schedule_run *run = arg;
    bool over = !nima_str_eq(run->status, NIMA_STR("due"));
    return nima_db_run(
        ctx, db,
        "UPDATE schedule_runs SET status = $3, not_before = $4, finished_at = $5, "
        "conversation_id = $6, message_id = $7, error = $8 WHERE id = $1 AND user_id = $2 AND "
        "status IN ('due', 'running')",
        NIMA_DB_ARGS(nima_db_text(run->id), nima_db_text(ctx->user_id), nima_db_text(run->status),
                     nima_db_time(run->not_before), nima_db_time(over ? nima_ctx_now(ctx) : 0),
                     nima_db_text(run->conversation_id), nima_db_text(run->message_id),
                     nima_db_text(run->error)),
        NULL);
}

nima_rc nima_schedule_finish(struct nima_ctx *ctx, struct nima_store *store,
                             const struct nima_schedule_run *run)
{
    struct nima_schedule_run copy = *run;
    return nima_db_write(ctx, store, finish, &copy);
}
