/*
 * The record of what was decided and done. Each person's rows are a chain: a row's hash is made of
 * the hash before it and the row in one spelling; the last link stands in task_audit_heads, whose
 * row is also what puts writers of one chain in line.
 */
#include "store/tasks_int.h"
#include "util/buf.h"
#include "util/digest.h"
#include "util/json.h"

#define COLUMNS                                                                                    \
    "user_id, seq, at, task_id, actor, event, type, action, policy, details, previous_hash, hash"
enum { CANONICAL_BYTES_MAX = 1 << 20 };
#define NO_ID "00000000-0000-0000-0000-000000000000"

static nima_str or_empty(nima_str text)
{
    return text.ptr != NULL ? text : NIMA_STR("");
}

/* The row in one spelling: a JSON array, so that no text can pass for two. */
static nima_rc hash_of(struct nima_ctx *ctx, const struct nima_audit_row *row, nima_str *out)
{
    const struct nima_json *tree;
    NIMA_TRY(nima_json_parse(ctx, nima_store_json(row->details), &tree));
    const nima_str texts[] = {row->user_id, row->task_id, row->actor,  row->event,
                              row->type,    row->action,  row->policy, row->previous_hash};
    struct nima_buf buf;
    nima_buf_init(&buf, CANONICAL_BYTES_MAX);
    nima_buf_fmt(&buf, "[%lld,%lld", (long long)row->seq, (long long)row->at);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        nima_buf_add_char(&buf, ',');
        nima_json_write_str(&buf, or_empty(texts[i]));
    }
    nima_buf_add_char(&buf, ',');
    nima_buf_add(&buf, nima_json_ordered(ctx, tree));
    nima_buf_add_char(&buf, ']');
    nima_str canonical;
    nima_rc rc = nima_buf_take(ctx, &buf, &canonical);
    nima_buf_done(&buf);
    NIMA_TRY(rc);
    *out = nima_sha256_hex(ctx, canonical);
    return NIMA_OK;
}

static nima_rc insert(struct nima_ctx *ctx, struct nima_db *db, const struct nima_audit_row *row)
{
    return nima_db_run(ctx, db,
                       "INSERT INTO task_audit (" COLUMNS
                       ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
                       NIMA_DB_ARGS(nima_db_text(row->user_id), nima_db_int(row->seq),
                                    nima_db_time(row->at), nima_db_text(row->task_id),
                                    nima_db_text(row->actor), nima_db_text(row->event),
                                    nima_db_text(row->type), nima_db_text(row->action),
                                    nima_db_text(row->policy), nima_db_json(row->details),
                                    nima_db_text(row->previous_hash), nima_db_text(row->hash)),
                       NULL);
}

nima_rc nima_audit_chain(struct nima_ctx *ctx, struct nima_db *db, nima_str user_id,
                         nima_str task_id, const struct nima_audit_row *audit)
{
    if (audit == NULL) {
        return NIMA_OK;
    }
    struct nima_audit_row row = *audit;
    row.user_id = user_id;
    row.task_id = task_id;
    row.at = nima_ctx_now(ctx);
    row.policy = or_empty(row.policy);
    row.details = nima_store_json(row.details);
    struct nima_db_stmt *stmt;
    NIMA_TRY(nima_db_run(ctx, db,
                         "INSERT INTO task_audit_heads (user_id, seq, hash) VALUES ($1, 0, '') "
                         "ON CONFLICT DO NOTHING",
                         NIMA_DB_ARGS(nima_db_text(user_id)), NULL));
    NIMA_TRY(nima_db_first(ctx, db,
                           "UPDATE task_audit_heads SET seq = seq + 1 WHERE user_id = $1 "
                           "RETURNING seq, hash",
                           NIMA_DB_ARGS(nima_db_text(user_id)), &stmt));
    nima_assert(stmt != NULL);
    row.seq = nima_db_get_int(stmt, 0);
    row.previous_hash = nima_db_get_text(ctx, stmt, 1);
    NIMA_TRY(nima_db_end(ctx, stmt));
    NIMA_TRY(hash_of(ctx, &row, &row.hash));
    NIMA_TRY(insert(ctx, db, &row));
    return nima_db_run(ctx, db, "UPDATE task_audit_heads SET hash = $2 WHERE user_id = $1",
                       NIMA_DB_ARGS(nima_db_text(user_id), nima_db_text(row.hash)), NULL);
}

static nima_rc add(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    const struct nima_audit_row *audit = arg;
    return nima_audit_chain(ctx, db, ctx->user_id, audit->task_id, audit);
}

nima_rc nima_audit_add(struct nima_ctx *ctx, struct nima_store *store,
                       const struct nima_audit_row *audit)
{
    struct nima_audit_row row = *audit;
    return nima_db_write(ctx, store, add, &row);
}

/* Reading */

static void audit_row(struct nima_ctx *ctx, struct nima_db_stmt *stmt, struct nima_audit_row *out)
{
    *out = (struct nima_audit_row){
        .user_id = nima_db_get_text(ctx, stmt, 0),
        .seq = nima_db_get_int(stmt, 1),
        .at = nima_db_get_time(stmt, 2),
        .task_id = nima_db_get_text(ctx, stmt, 3),
        .actor = nima_db_get_text(ctx, stmt, 4),
        .event = nima_db_get_text(ctx, stmt, 5),
        .type = nima_db_get_text(ctx, stmt, 6),
        .action = nima_db_get_text(ctx, stmt, 7),
        .policy = nima_db_get_text(ctx, stmt, 8),
        .details = nima_db_get_text(ctx, stmt, 9),
        .previous_hash = nima_db_get_text(ctx, stmt, 10),
        .hash = nima_db_get_text(ctx, stmt, 11),
    };
}

struct list {
    nima_str task_id; /* absent: any */
    int64_t before;
    int limit;
    struct nima_audit_rows rows;
};

static nima_rc start_list(struct nima_ctx *ctx, struct nima_db *db, const struct list *job,
                          struct nima_db_stmt **out)
{
    struct nima_db_value user = nima_db_text(ctx->user_id), before = nima_db_int(job->before);
    struct nima_db_value limit = nima_db_int((int64_t)job->limit + 1);
    if (job->task_id.ptr == NULL) {
        return nima_db_query(ctx, db,
                             "SELECT " COLUMNS " FROM task_audit WHERE user_id = $1 AND seq < $2 "
                             "ORDER BY seq DESC LIMIT $3",
                             NIMA_DB_ARGS(user, before, limit), out);
    }
    return nima_db_query(ctx, db,
                         "SELECT " COLUMNS " FROM task_audit WHERE user_id = $1 AND seq < $2 "
                         "AND task_id = $3 ORDER BY seq DESC LIMIT $4",
                         NIMA_DB_ARGS(user, before, nima_db_text(job->task_id), limit), out);
}

static nima_rc list(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    struct list *job = arg;
    struct nima_db_stmt *stmt;
    bool row = false;
    job->rows.count = 0;
    job->rows.next_cursor = (nima_str){0};
    NIMA_TRY(start_list(ctx, db, job, &stmt));
    NIMA_TRY(nima_db_step(ctx, stmt, &row));
    while (row && job->rows.count < (size_t)job->limit) {
        audit_row(ctx, stmt, &job->rows.items[job->rows.count++]);
        NIMA_TRY(nima_db_step(ctx, stmt, &row));
    }
    if (row) {
        struct nima_store_cursor last = {.time = job->rows.items[job->rows.count - 1].seq,
                                         .id = NIMA_STR(NO_ID)};
        job->rows.next_cursor = nima_store_cursor_write(ctx, 'a', last);
    }
    return nima_db_end(ctx, stmt);
}

nima_rc nima_audit_list(struct nima_ctx *ctx, struct nima_store *store,
                        const struct nima_audit_filter *filter, struct nima_audit_rows *out)
{
    struct list job = {.before = INT64_MAX};
    NIMA_TRY(nima_store_limit(ctx, filter->limit, &job.limit));
    NIMA_TRY(nima_store_maybe_id(ctx, filter->task_id, "task_id", &job.task_id));
    if (filter->cursor.ptr != NULL) {
        struct nima_store_cursor at;
        NIMA_TRY(nima_store_cursor_read(ctx, 'a', filter->cursor, &at));
        job.before = at.time;
    }
    job.rows.items = NIMA_NEW(ctx->arena, struct nima_audit_row, (size_t)job.limit);
    NIMA_TRY(nima_db_read(ctx, store, list, &job));
    *out = job.rows;
    return NIMA_OK;
}

/* Verifying */

struct verify {
    struct nima_audit_report report;
    nima_str user_id, hash; /* of the chain at hand, in a life of their own */
    int64_t seq;
};

static void tell(struct nima_ctx *ctx, struct verify *job, nima_str user_id, int64_t seq,
                 const char *what)
{
    if (job->report.problem.ptr == NULL) {
        job->report.problem =
            nima_fmt(ctx, "row %lld of " NIMA_FMT " %s", (long long)seq, NIMA_ARG(user_id), what);
    }
}

static nima_rc check(struct nima_ctx *ctx, struct verify *job, struct nima_db_stmt *stmt)
{
    struct nima_audit_row row;
    nima_str hash;
    audit_row(ctx, stmt, &row);
    job->report.rows++;
    NIMA_TRY(hash_of(ctx, &row, &hash));
    if (row.seq != job->seq + 1) {
        tell(ctx, job, job->user_id, job->seq + 1, "is missing");
    } else if (!nima_str_eq(row.previous_hash, job->hash)) {
        tell(ctx, job, job->user_id, row.seq, "does not follow the one before it");
    } else if (!nima_str_eq(row.hash, hash)) {
        tell(ctx, job, job->user_id, row.seq, "was changed");
    }
    job->seq = row.seq;
    job->hash = row.hash;
    return NIMA_OK;
}

static nima_rc verify_chain(struct nima_ctx *ctx, struct nima_db *db, struct verify *job)
{
    struct nima_db_stmt *stmt;
    bool more = true;
    job->seq = 0;
    job->hash = NIMA_STR("");
    while (more) {
        enum { STEP = 500 };
        size_t seen = 0;
        NIMA_TRY(nima_db_query(
            ctx, db,
            "SELECT " COLUMNS " FROM task_audit WHERE user_id = $1 AND seq > $2 "
            "ORDER BY seq LIMIT $3",
            NIMA_DB_ARGS(nima_db_text(job->user_id), nima_db_int(job->seq), nima_db_int(STEP)),
            &stmt));
        NIMA_TRY(nima_db_step(ctx, stmt, &more));
        for (; more; seen++) {
            NIMA_TRY(check(ctx, job, stmt));
            NIMA_TRY(nima_db_step(ctx, stmt, &more));
        }
        NIMA_TRY(nima_db_end(ctx, stmt));
        more = seen == STEP;
    }
    return NIMA_OK;
}

static nima_rc verify_head(struct nima_ctx *ctx, struct nima_db *db, struct verify *job)
{
    struct nima_db_stmt *stmt;
    NIMA_TRY(verify_chain(ctx, db, job));
    NIMA_TRY(nima_db_first(ctx, db, "SELECT seq, hash FROM task_audit_heads WHERE user_id = $1",
                           NIMA_DB_ARGS(nima_db_text(job->user_id)), &stmt));
    if (stmt == NULL) {
        tell(ctx, job, job->user_id, job->seq, "is last, and nothing says so");
        return NIMA_OK;
    }
    if (nima_db_get_int(stmt, 0) != job->seq) {
        tell(ctx, job, job->user_id, nima_db_get_int(stmt, 0), "is missing");
    } else if (!nima_str_eq(nima_db_view(stmt, 1), job->hash)) {
        tell(ctx, job, job->user_id, job->seq, "was changed");
    }
    return nima_db_end(ctx, stmt);
}

/* Chains one after the other, in the order of their owners' names. */
static nima_rc verify(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    struct verify *job = arg;
    *job = (struct verify){.user_id = NIMA_STR("")};
    for (;;) {
        struct nima_db_stmt *stmt;
        NIMA_TRY(nima_db_first(ctx, db,
                               "SELECT min(user_id) FROM (SELECT user_id FROM task_audit_heads "
                               "WHERE user_id > $1 UNION SELECT user_id FROM task_audit "
                               "WHERE user_id > $2) AS owners",
                               NIMA_DB_ARGS(nima_db_text(job->user_id), nima_db_text(job->user_id)),
                               &stmt));
        nima_assert(stmt != NULL);
        nima_str next = nima_db_get_text(ctx, stmt, 0);
        NIMA_TRY(nima_db_end(ctx, stmt));
        if (next.ptr == NULL) {
            return NIMA_OK;
        }
        job->user_id = next;
        job->report.people++;
        NIMA_TRY(verify_head(ctx, db, job));
    }
}

nima_rc nima_audit_verify(struct nima_ctx *ctx, struct nima_store *store,
                          struct nima_audit_report *out)
{
    struct verify job;
    NIMA_TRY(nima_db_read(ctx, store, verify, &job));
    *out = job.report;
    return NIMA_OK;
}
