#include "store/copy.h"

#include "store/tables.h"

enum { BATCH = 200 };

struct copying {
    struct nima_store *from, *to;
    struct nima_db *db; /* of the target, when all is one transaction */
    const struct nima_copy_options *options;
    struct nima_copy_report *report;
};

/* Rows behind a key, in the order of keys. */
struct batch {
    const struct nima_table *table;
    bool from_start;
    struct nima_row after;
    struct nima_row *rows;
    size_t count;
};

static nima_rc read_batch(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    static const char *const slots[] = {"", "$1", "$1, $2", "$1, $2, $3"};
    struct batch *batch = arg;
    const struct nima_table *table = batch->table;
    struct nima_db_value values[NIMA_TABLE_COLUMNS_MAX];
    nima_str columns = nima_table_columns(ctx, table), key = nima_table_key(ctx, table);
    size_t count = batch->from_start ? 0 : nima_table_key_values(table, &batch->after, values);
    nima_str where = NIMA_STR("");
    if (count > 0) {
        where = nima_fmt(ctx, "WHERE (" NIMA_FMT ") > (%s)", NIMA_ARG(key), slots[count]);
    }
    struct nima_db_stmt *stmt;
    bool row = false;
    batch->count = 0;
    NIMA_TRY(nima_db_query(
        ctx, db,
        nima_fmt(ctx, "SELECT " NIMA_FMT " FROM %s " NIMA_FMT " ORDER BY " NIMA_FMT " LIMIT %d",
                 NIMA_ARG(columns), table->name, NIMA_ARG(where), NIMA_ARG(key), BATCH)
            .ptr,
        values, count, &stmt));
    NIMA_TRY(nima_db_step(ctx, stmt, &row));
    while (row && batch->count < BATCH) {
        nima_table_row(ctx, table, stmt, &batch->rows[batch->count++]);
        NIMA_TRY(nima_db_step(ctx, stmt, &row));
    }
    return nima_db_end(ctx, stmt);
}

/* Calls `visit` with each batch of a table; what it allocates ends with the batch. */
typedef nima_rc (*visit_batch)(struct nima_ctx *ctx, struct copying *c, const struct batch *batch);

/* The key lives on while the rest of its batch goes: in one of two buffers, by turns. */
static void keep_key(struct nima_buf *kept, struct batch *batch)
{
    batch->after = batch->rows[batch->count - 1];
    nima_buf_clear(kept);
    size_t starts[NIMA_TABLE_COLUMNS_MAX] = {0};
    for (size_t i = 0; i < batch->table->count; i++) {
        starts[i] = kept->len;
        if ((batch->table->columns[i].flags & NIMA_COLUMN_KEY) != 0) {
            nima_buf_add(kept, batch->after.values[i].text);
        }
    }
    for (size_t i = 0; i < batch->table->count; i++) {
        struct nima_db_value *value = &batch->after.values[i];
        if ((batch->table->columns[i].flags & NIMA_COLUMN_KEY) != 0 && value->text.ptr != NULL) {
            value->text.ptr = kept->ptr + starts[i];
        }
    }
    batch->from_start = false;
}

static nima_rc each_batch(struct nima_ctx *ctx, struct copying *c, struct nima_store *store,
                          const struct nima_table *table, visit_batch visit)
{
    enum { KEY_BYTES_MAX = 1 << 20 };
    struct batch batch = {.table = table, .from_start = true};
    struct nima_buf kept;
    nima_rc rc = NIMA_OK;
    bool more = true;
    nima_buf_init(&kept, KEY_BYTES_MAX);
    while (rc == NIMA_OK && more) {
        struct nima_arena_mark mark = nima_scratch(ctx);
        batch.rows = NIMA_NEW(ctx->arena, struct nima_row, BATCH);
        rc = nima_db_read(ctx, store, read_batch, &batch);
        if (rc == NIMA_OK && batch.count > 0) {
            rc = visit(ctx, c, &batch);
            keep_key(&kept, &batch);
        }
        more = batch.count == BATCH;
        nima_scratch_end(ctx, mark);
    }
    nima_buf_done(&kept);
    return rc;
}

static void tell(const struct copying *c, const char *what, int64_t done)
{
    if (c->options->progress != NULL) {
        const struct nima_copy_table *table = &c->report->items[c->report->count - 1];
        c->options->progress(c->options->user, what, done, table->rows);
    }
}

static struct nima_copy_table *at_work(const struct copying *c)
{
    return &c->report->items[c->report->count - 1];
}

/* Counting */

static nima_rc count_rows(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    struct nima_copy_table *table = arg;
    struct nima_db_stmt *stmt;
    NIMA_TRY(nima_db_first(ctx, db, nima_fmt(ctx, "SELECT count(*) FROM %s", table->name).ptr, NULL,
                           0, &stmt));
    table->rows = nima_db_get_int(stmt, 0);
    return nima_db_end(ctx, stmt);
}

static nima_rc count_in(struct nima_ctx *ctx, struct nima_store *store, const char *name,
                        int64_t *out)
{
    struct nima_copy_table count = {.name = name};
    NIMA_TRY(nima_db_read(ctx, store, count_rows, &count));
    *out = count.rows;
    return NIMA_OK;
}

/* Whether the target may be written */

struct compare {
    const struct batch *batch;
    bool partly; /* a column that is set last may still be NULL in the batch */
    const struct nima_row *differs;
    const char *column; /* NULL: the row is missing */
};

static nima_rc compare_batch(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    struct compare *job = arg;
    const struct nima_table *table = job->batch->table;
    int later = nima_table_column(table, NIMA_COLUMN_LATER);
    job->differs = NULL;
    for (size_t i = 0; i < job->batch->count && job->differs == NULL; i++) {
        struct nima_arena_mark mark = nima_scratch(ctx);
        struct nima_row other = {0}, mine = job->batch->rows[i];
        bool found = false;
        nima_rc rc = nima_table_get(ctx, db, table, &mine, &other, &found);
        if (job->partly && later >= 0 && mine.values[later].kind == NIMA_DB_NULL) {
            other.values[later] = mine.values[later];
        }
        int column = found ? nima_table_compare(ctx, table, &mine, &other) : 0;
        if (rc == NIMA_OK && column >= 0) {
            job->differs = &job->batch->rows[i];
            job->column = found ? table->columns[column].name : NULL;
        }
        nima_scratch_end(ctx, mark);
        NIMA_TRY(rc);
    }
    return NIMA_OK;
}

static nima_rc check_batch(struct nima_ctx *ctx, struct copying *c, const struct batch *batch)
{
    struct compare job = {.batch = batch, .partly = true};
    NIMA_TRY(nima_db_read(ctx, c->from, compare_batch, &job));
    if (job.differs == NULL) {
        return NIMA_OK;
    }
    nima_str key = nima_table_key_text(ctx, batch->table, job.differs);
    return nima_fail(ctx, NIMA_E_CONFLICT,
                     "the target holds something else than the source (%s " NIMA_FMT
                     "): name an empty store, or copy into it all the same with --force",
                     batch->table->name, NIMA_ARG(nima_utf8_prefix(key, 80)));
}

/* Copying */

struct put {
    const struct copying *c;
    const struct batch *batch;
    bool later;
    int64_t there;
};

static nima_rc replace(struct nima_ctx *ctx, struct nima_db *db, const struct nima_table *table,
                       const struct nima_row *row, bool *there)
{
    static const char *const slots[] = {"", "$1", "$1, $2", "$1, $2, $3"};
    struct nima_db_value key[NIMA_TABLE_COLUMNS_MAX];
    size_t count = nima_table_key_values(table, row, key);
    nima_str names = nima_table_key(ctx, table);
    struct nima_row other;
    bool found;
    NIMA_TRY(nima_table_get(ctx, db, table, row, &other, &found));
    *there = found && nima_table_compare(ctx, table, row, &other) < 0;
    if (!found || *there) {
        return NIMA_OK;
    }
    return nima_db_run(ctx, db,
                       nima_fmt(ctx, "DELETE FROM %s WHERE (" NIMA_FMT ") = (%s)", table->name,
                                NIMA_ARG(names), slots[count])
                           .ptr,
                       key, count, NULL);
}

static nima_rc put_row(struct nima_ctx *ctx, struct nima_db *db, struct put *job,
                       const struct nima_row *row)
{
    bool inserted = false, there = false;
    if (job->later) {
        return nima_table_set_later(ctx, db, job->batch->table, row);
    }
    if (job->c->options->force) {
        NIMA_TRY(replace(ctx, db, job->batch->table, row, &there));
    }
    if (!there) {
        NIMA_TRY(nima_table_insert(ctx, db, job->batch->table, row, true, &inserted));
    }
    job->there += !inserted;
    return NIMA_OK;
}

static nima_rc put_rows(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    struct put *job = arg;
    job->there = 0;
    for (size_t i = 0; i < job->batch->count; i++) {
        struct nima_arena_mark mark = nima_scratch(ctx);
        nima_rc rc = put_row(ctx, db, job, &job->batch->rows[i]);
        nima_scratch_end(ctx, mark);
        NIMA_TRY(rc);
    }
    return NIMA_OK;
}

static nima_rc put_batch(struct nima_ctx *ctx, struct copying *c, const struct batch *batch)
{
    struct nima_copy_table *table = at_work(c);
    int vector = nima_table_column(batch->table, NIMA_COLUMN_VECTOR);
    struct put job = {.c = c, .batch = batch};
    NIMA_TRY(c->db != NULL ? put_rows(ctx, c->db, &job)
                           : nima_db_write(ctx, c->to, put_rows, &job));
    for (size_t i = 0; vector >= 0 && i < batch->count; i++) {
        table->vectors += batch->rows[i].values[vector].kind != NIMA_DB_NULL;
    }
    table->there += job.there;
    table->rows += (int64_t)batch->count;
    tell(c, nima_fmt(ctx, "copying %s", table->name).ptr, table->rows);
    return NIMA_OK;
}

static nima_rc put_later(struct nima_ctx *ctx, struct copying *c, const struct batch *batch)
{
    struct put job = {.c = c, .batch = batch, .later = true};
    return c->db != NULL ? put_rows(ctx, c->db, &job) : nima_db_write(ctx, c->to, put_rows, &job);
}

static nima_rc copy_all(struct nima_ctx *ctx, struct copying *c)
{
    c->report->count = 0;
    for (const struct nima_table *table = nima_tables; table->name != NULL; table++) {
        nima_assert(c->report->count < NIMA_COPY_TABLES_MAX);
        c->report->items[c->report->count++] = (struct nima_copy_table){.name = table->name};
        NIMA_TRY(each_batch(ctx, c, c->from, table, put_batch));
        if (nima_table_column(table, NIMA_COLUMN_LATER) >= 0) {
            NIMA_TRY(each_batch(ctx, c, c->from, table, put_later));
        }
    }
    return NIMA_OK;
}

static nima_rc copy_at_once(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    struct copying *c = arg;
    c->db = db;
    nima_rc rc = copy_all(ctx, c);
    c->db = NULL;
    return rc;
}

/* Comparing */

static nima_rc verify_batch(struct nima_ctx *ctx, struct copying *c, const struct batch *batch)
{
    struct compare job = {.batch = batch};
    NIMA_TRY(nima_db_read(ctx, c->to, compare_batch, &job));
    if (job.differs == NULL) {
        return NIMA_OK;
    }
    nima_str key = nima_table_key_text(ctx, batch->table, job.differs);
    return nima_fail(ctx, NIMA_E_STORE,
                     "the copy differs from the source: %s " NIMA_FMT " %s%s; was one of the "
                     "stores in use? Stop what uses them and copy again",
                     batch->table->name, NIMA_ARG(nima_utf8_prefix(key, 80)),
                     job.column != NULL ? "in " : "is missing",
                     job.column != NULL ? job.column : "");
}

static nima_rc verify(struct nima_ctx *ctx, struct copying *c)
{
    for (size_t i = 0; i < c->report->count; i++) {
        const struct nima_copy_table *done = &c->report->items[i];
        int64_t there = 0;
        if (c->options->progress != NULL) {
            c->options->progress(c->options->user, nima_fmt(ctx, "comparing %s", done->name).ptr, 0,
                                 done->rows);
        }
        NIMA_TRY(
            each_batch(ctx, c, c->from, nima_table_find(nima_str_of(done->name)), verify_batch));
        NIMA_TRY(count_in(ctx, c->to, done->name, &there));
        if (!c->options->force && there != done->rows) {
            return nima_fail(ctx, NIMA_E_STORE,
                             "the copy has %lld rows in %s, the source %lld; was one of the "
                             "stores in use?",
                             (long long)there, done->name, (long long)done->rows);
        }
    }
    return NIMA_OK;
}

nima_rc nima_store_copy(struct nima_ctx *ctx, struct nima_store *from, struct nima_store *to,
                        const struct nima_copy_options *options, struct nima_copy_report *out)
{
    struct nima_copy_report report = {0};
    struct copying c = {.from = from, .to = to, .options = options, .report = &report};
    for (const struct nima_table *table = nima_tables; !options->force && table->name != NULL;
         table++) {
        NIMA_TRY(each_batch(ctx, &c, to, table, check_batch));
    }
    if (to->ops->rewrites) {
        NIMA_TRY(nima_db_write(ctx, to, copy_at_once, &c));
    } else {
        NIMA_TRY(copy_all(ctx, &c));
    }
    NIMA_TRY(verify(ctx, &c));
    *out = report;
    return NIMA_OK;
}
