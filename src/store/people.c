/*
 * Profiles, and forgetting somebody.
 */
#include "store/people.h"

#include "store/store_int.h"

#define PROFILE_COLUMNS "user_id, name, preferences, context, updated_at"

static void profile_row(struct nima_ctx *ctx, struct nima_db_stmt *stmt, struct nima_profile *out)
{
    *out = (struct nima_profile){
        .user_id = nima_db_get_text(ctx, stmt, 0),
        .name = nima_db_get_text(ctx, stmt, 1),
        .preferences = nima_db_get_text(ctx, stmt, 2),
        .context = nima_db_get_text(ctx, stmt, 3),
        .updated_at = nima_db_get_time(stmt, 4),
    };
}

static nima_rc get_profile(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    struct nima_profile *out = arg;
    struct nima_db_stmt *stmt;
    NIMA_TRY(nima_db_first(ctx, db,
                           "SELECT " PROFILE_COLUMNS " FROM human_profiles WHERE user_id = $1",
                           NIMA_DB_ARGS(nima_db_text(ctx->user_id)), &stmt));
    if (stmt == NULL) {
        *out = (struct nima_profile){
            .user_id = nima_str_copy(ctx->arena, ctx->user_id),
            .preferences = NIMA_STR("{}"),
            .context = NIMA_STR("{}"),
        };
        return NIMA_OK;
    }
    profile_row(ctx, stmt, out);
    return nima_db_end(ctx, stmt);
}

nima_rc nima_profile_get(struct nima_ctx *ctx, struct nima_store *store, struct nima_profile *out)
{
    struct nima_profile found;
    NIMA_TRY(nima_db_read(ctx, store, get_profile, &found));
    *out = found;
    return NIMA_OK;
}

struct put_profile {
    const struct nima_profile *profile;
    struct nima_profile row;
};

static nima_rc put_profile(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    struct put_profile *job = arg;
    const struct nima_profile *profile = job->profile;
    struct nima_db_stmt *stmt;
    NIMA_TRY(nima_db_first(
        ctx, db,
        "INSERT INTO human_profiles (user_id, name, preferences, context, updated_at) "
        "VALUES ($1, $2, $3, $4, $5) ON CONFLICT (user_id) DO UPDATE SET name = excluded.name, "
        "preferences = excluded.preferences, context = excluded.context, "
        "updated_at = excluded.updated_at RETURNING " PROFILE_COLUMNS,
        NIMA_DB_ARGS(nima_db_text(ctx->user_id), nima_db_text(profile->name),
                     nima_db_json(nima_store_json(profile->preferences)),
                     nima_db_json(nima_store_json(profile->context)),
                     nima_db_time(nima_ctx_now(ctx))),
        &stmt));
    profile_row(ctx, stmt, &job->row);
    return nima_db_end(ctx, stmt);
}

nima_rc nima_profile_put(struct nima_ctx *ctx, struct nima_store *store,
                         const struct nima_profile *profile, struct nima_profile *out)
{
    struct put_profile job = {.profile = profile};
    NIMA_TRY(nima_db_write(ctx, store, put_profile, &job));
    *out = job.row;
    return NIMA_OK;
}

/* Versions and messages go with what they belong to. The row in `users` stays: its counter tells
 * indexes in memory that all they know of this person is out of date. */
static nima_rc forget(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    static const char *const steps[] = {
        "DELETE FROM facts WHERE user_id = $1",
        "DELETE FROM human_profiles WHERE user_id = $1",
        "DELETE FROM conversations WHERE user_id = $1",
        "DELETE FROM goals WHERE user_id = $1",
        "DELETE FROM pack_activations WHERE user_id = $1",
        "DELETE FROM schedules WHERE user_id = $1",
        "DELETE FROM idempotency WHERE user_id = $1",
        "DELETE FROM tasks WHERE user_id = $1",
        "UPDATE tasks SET first_hash = NULL, first_by = NULL WHERE first_by = $1 "
        "AND status = 'awaiting_approval'",
        "DELETE FROM task_audit WHERE user_id = $1",
        "DELETE FROM task_audit_heads WHERE user_id = $1",
    };
    int64_t messages_change;
    NIMA_TRY(nima_store_raise_change(ctx, db, arg));
    NIMA_TRY(nima_store_raise_messages(ctx, db, true, &messages_change));
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        NIMA_TRY(nima_db_run(ctx, db, steps[i], NIMA_DB_ARGS(nima_db_text(ctx->user_id)), NULL));
    }
    return NIMA_OK;
}

nima_rc nima_people_forget(struct nima_ctx *ctx, struct nima_store *store, int64_t *change_out)
{
    int64_t change;
    NIMA_TRY(nima_db_wipe(ctx, store, forget, &change, true));
    *change_out = change;
    return NIMA_OK;
}

/* People, a page at a time */

struct page {
    const char *sql;
    nima_str after;
    int limit;
    nima_str *ids;
    size_t count;
};

static nima_rc read_page(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    struct page *job = arg;
    struct nima_db_stmt *stmt;
    bool row = false;
    job->count = 0;
    NIMA_TRY(nima_db_query(ctx, db, job->sql,
                           NIMA_DB_ARGS(nima_db_text(job->after), nima_db_int(job->limit)), &stmt));
    NIMA_TRY(nima_db_step(ctx, stmt, &row));
    while (row && job->count < (size_t)job->limit) {
        job->ids[job->count++] = nima_db_get_text(ctx, stmt, 0);
        NIMA_TRY(nima_db_step(ctx, stmt, &row));
    }
    return nima_db_end(ctx, stmt);
}

nima_rc nima_store_people(struct nima_ctx *ctx, struct nima_store *store, const char *sql,
                          nima_str after, int limit, nima_str *ids, size_t *count_out)
{
    nima_assert(limit > 0);
    struct page job = {
        .sql = sql, .after = after.ptr != NULL ? after : NIMA_STR(""), .limit = limit, .ids = ids};
    NIMA_TRY(nima_db_read(ctx, store, read_page, &job));
    *count_out = job.count;
    return NIMA_OK;
}
