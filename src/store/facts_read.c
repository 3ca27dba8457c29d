/*
 * Reading facts. A person's facts are walked through the index facts_by_person (or _by_category),
 * which answers filters and counts without touching the rows, long as they are by their embedding.
 */
#include <string.h>

#include "store/facts_int.h"
#include "util/buf.h"
#include "util/uuid.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "embeddings are kept little-endian");

void nima_fact_row(struct nima_ctx *ctx, struct nima_db_stmt *stmt, struct nima_fact *out)
{
    *out = (struct nima_fact){
        .id = nima_db_get_text(ctx, stmt, 0),
        .fact = nima_db_get_text(ctx, stmt, 1),
        .category = nima_db_get_text(ctx, stmt, 2),
        .source = nima_db_get_text(ctx, stmt, 3),
        .confidence = nima_db_get_real(stmt, 4),
        .metadata = nima_db_get_text(ctx, stmt, 5),
        .created_at = nima_db_get_time(stmt, 6),
        .updated_at = nima_db_get_time(stmt, 7),
        .status = nima_db_get_text(ctx, stmt, 8),
        .superseded_by = nima_db_get_text(ctx, stmt, 9),
        .conversation_id = nima_db_get_text(ctx, stmt, 10),
        .message_id = nima_db_get_text(ctx, stmt, 11),
        .embedding_model = nima_db_get_text(ctx, stmt, 12),
    };
}

void nima_fact_row_embedding(struct nima_ctx *ctx, struct nima_db_stmt *stmt, struct nima_fact *out)
{
    struct nima_store_vector own = {0};
    out->embedding = nima_store_vector(ctx, stmt, NIMA_FACT_EMBEDDING_COLUMN, &own, &out->dims);
}

/* By id */

#define GET_SQL "SELECT " NIMA_FACT_COLUMNS ", embedding FROM facts WHERE user_id = $1 AND id = $2"

struct get_many {
    const nima_str *ids;
    struct nima_fact_rows rows;
};

static nima_rc get_many(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    struct get_many *job = arg;
    job->rows.count = 0;
    for (size_t i = 0; job->ids[i].ptr != NULL; i++) {
        struct nima_db_stmt *stmt;
        NIMA_TRY(nima_db_first(ctx, db, GET_SQL,
                               NIMA_DB_ARGS(nima_db_text(ctx->user_id), nima_db_text(job->ids[i])),
                               &stmt));
        if (stmt != NULL) {
            struct nima_fact *row = &job->rows.items[job->rows.count++];
            nima_fact_row(ctx, stmt, row);
            nima_fact_row_embedding(ctx, stmt, row);
            NIMA_TRY(nima_db_end(ctx, stmt));
        }
    }
    return NIMA_OK;
}

nima_rc nima_facts_get_many(struct nima_ctx *ctx, struct nima_store *store, const nima_str *ids,
                            size_t count, struct nima_fact_rows *out)
{
    nima_str *valid;
    size_t used;
    NIMA_TRY(nima_store_ids(ctx, ids, count, &valid, &used));
    struct get_many job = {.ids = valid};
    job.rows.items = NIMA_NEW(ctx->arena, struct nima_fact, used);
    NIMA_TRY(nima_db_read(ctx, store, get_many, &job));
    *out = job.rows;
    return NIMA_OK;
}

nima_rc nima_facts_get(struct nima_ctx *ctx, struct nima_store *store, nima_str id,
                       struct nima_fact *out)
{
    struct nima_fact_rows rows;
    NIMA_TRY(nima_facts_get_many(ctx, store, &id, 1, &rows));
    if (rows.count == 0) {
        return nima_store_no_such(ctx, "fact");
    }
    *out = rows.items[0];
    return NIMA_OK;
}

/* Lists */

enum { LIST_SQL_MAX = 2000, CONTAINS_BYTES_MAX = 8000 };

struct list {
    struct nima_store_select select;
    int limit;
    struct nima_fact_rows rows;
};

/* The text as a pattern that matches it anywhere: what LIKE would read as a sign is escaped. */
static nima_str pattern_of(struct nima_ctx *ctx, nima_str text)
{
    char *pattern = nima_alloc(ctx->arena, text.len * 2 + 3);
    size_t used = 0;
    pattern[used++] = '%';
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '%' || c == '_' || c == '\\') {
            pattern[used++] = '\\';
        }
        pattern[used++] = c;
    }
    pattern[used++] = '%';
    return (nima_str){pattern, used};
}

static nima_rc build_list(struct nima_ctx *ctx, const struct nima_store *store,
                          const struct nima_fact_filter *filter, struct list *list)
{
    NIMA_TRY(nima_store_limit(ctx, filter->limit, &list->limit));
    nima_buf_add(&list->select.sql, NIMA_STR("SELECT " NIMA_FACT_COLUMNS " FROM facts WHERE"));
    nima_store_select_add(&list->select, "user_id =", nima_db_text(ctx->user_id));
    if (filter->cursor.ptr != NULL) {
        struct nima_store_cursor at;
        NIMA_TRY(nima_store_cursor_read(ctx, 'f', filter->cursor, &at));
        nima_store_select_add(&list->select, "AND id <", nima_db_text(at.id));
    }
    nima_store_select_text(&list->select, "AND category =", filter->category);
    nima_store_select_text(&list->select, "AND source =", filter->source);
    nima_store_select_text(&list->select, "AND status =", filter->status);
    if (filter->min_confidence > 0) {
        nima_store_select_add(&list->select,
                              "AND confidence >=", nima_db_real(filter->min_confidence));
    }
    if (filter->since != 0) {
        nima_store_select_add(&list->select, "AND updated_at >=", nima_db_time(filter->since));
    }
    if (filter->contains.ptr != NULL && filter->contains.len > 0) {
        if (filter->contains.len > CONTAINS_BYTES_MAX) {
            return nima_fail_field(ctx, NIMA_E_INVALID, "q", "q may have %d bytes at the most",
                                   CONTAINS_BYTES_MAX);
        }
        const char *like = nima_fmt(ctx, "AND fact %s", store->ops->like).ptr;
        nima_store_select_add(&list->select, like, nima_db_text(pattern_of(ctx, filter->contains)));
        nima_buf_add(&list->select.sql, NIMA_STR(" ESCAPE '\\'"));
    }
    nima_buf_add(&list->select.sql, NIMA_STR(" ORDER BY id DESC"));
    nima_store_select_add(&list->select, "LIMIT", nima_db_int((int64_t)list->limit + 1));
    nima_assert(!list->select.sql.overflowed);
    return NIMA_OK;
}

/* One row more than asked for tells whether there is a next page. */
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
        nima_fact_row(ctx, stmt, &list->rows.items[list->rows.count++]);
        NIMA_TRY(nima_db_step(ctx, stmt, &row));
    }
    if (row) {
        struct nima_store_cursor last = {.id = list->rows.items[list->rows.count - 1].id};
        list->rows.next_cursor = nima_store_cursor_write(ctx, 'f', last);
    }
    return nima_db_end(ctx, stmt);
}

nima_rc nima_facts_list(struct nima_ctx *ctx, struct nima_store *store,
                        const struct nima_fact_filter *filter, struct nima_fact_rows *out)
{
    struct list list = {0};
    nima_buf_init(&list.select.sql, LIST_SQL_MAX);
    nima_rc rc = build_list(ctx, store, filter, &list);
    if (rc == NIMA_OK) {
        list.rows.items = NIMA_NEW(ctx->arena, struct nima_fact, (size_t)list.limit);
        rc = nima_db_read(ctx, store, run_list, &list);
    }
    nima_buf_done(&list.select.sql);
    if (rc == NIMA_OK) {
        *out = list.rows;
    }
    return rc;
}

/* Versions */

struct versions {
    nima_str id;
    struct nima_fact_versions found;
};

static void version_row(struct nima_ctx *ctx, struct nima_db_stmt *stmt, nima_str id,
                        struct nima_fact *out)
{
    *out = (struct nima_fact){
        .id = id,
        .fact = nima_db_get_text(ctx, stmt, 0),
        .category = nima_db_get_text(ctx, stmt, 1),
        .source = nima_db_get_text(ctx, stmt, 2),
        .confidence = nima_db_get_real(stmt, 3),
        .metadata = nima_db_get_text(ctx, stmt, 4),
        .created_at = nima_db_get_time(stmt, 5),
        .updated_at = nima_db_get_time(stmt, 6),
        .status = NIMA_STR("superseded"),
        .conversation_id = nima_db_get_text(ctx, stmt, 7),
        .message_id = nima_db_get_text(ctx, stmt, 8),
    };
}

static nima_rc versions(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    struct versions *job = arg;
    struct nima_db_stmt *stmt;
    bool row = false;
    NIMA_TRY(nima_db_first(ctx, db,
                           "SELECT (SELECT count(*) FROM fact_versions WHERE fact_id = $2) "
                           "FROM facts WHERE user_id = $1 AND id = $2",
                           NIMA_DB_ARGS(nima_db_text(ctx->user_id), nima_db_text(job->id)), &stmt));
    if (stmt == NULL) {
        return nima_store_no_such(ctx, "fact");
    }
    size_t count = (size_t)nima_db_get_int(stmt, 0);
    NIMA_TRY(nima_db_end(ctx, stmt));
    job->found =
        (struct nima_fact_versions){.items = NIMA_NEW(ctx->arena, struct nima_fact, count)};
    NIMA_TRY(nima_db_query(ctx, db,
                           "SELECT fact, category, source, confidence, metadata, created_at, "
                           "replaced_at, conversation_id, message_id FROM fact_versions "
                           "WHERE fact_id = $1 ORDER BY version",
                           NIMA_DB_ARGS(nima_db_text(job->id)), &stmt));
    NIMA_TRY(nima_db_step(ctx, stmt, &row));
    while (row && job->found.count < count) {
        version_row(ctx, stmt, job->id, &job->found.items[job->found.count++]);
        NIMA_TRY(nima_db_step(ctx, stmt, &row));
    }
    return nima_db_end(ctx, stmt);
}

nima_rc nima_facts_versions(struct nima_ctx *ctx, struct nima_store *store, nima_str id,
                            struct nima_fact_versions *out)
{
    struct versions job = {0};
    NIMA_TRY(nima_store_id(ctx, id, "fact", &job.id));
    NIMA_TRY(nima_db_read(ctx, store, versions, &job));
    *out = job.found;
    return NIMA_OK;
}
