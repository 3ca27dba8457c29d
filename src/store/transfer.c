/*
 * Everything of one person as lines of text, and back. A line is a row: its table's word for it in
 * "kind", then its columns in their order, what is NULL left out, and whose it is as well: the
 * first line says that for all.
 */
#include <math.h>
#include <string.h>

#include "store/copy.h"
#include "store/store_int.h"
#include "store/tables.h"
#include "util/json.h"

enum {
    FORMAT = 1,
    LINE_BYTES_MAX = 64 << 20,
    ROWS_AT_ONCE = 200,     /* of one transaction */
    ROWS_REWRITTEN = 20000, /* the same where a commit costs as much as what is there */
    POSITION_MAX = 1000000, /* messages of one conversation */
};

static bool is_owner(const struct nima_column *column)
{
    return strcmp(column->name, "user_id") == 0;
}

/* Out */

struct exporting {
    nima_export_write write;
    void *user;
    struct nima_buf line;
    int64_t rows;
};

static nima_rc write_line(struct nima_ctx *ctx, struct exporting *e)
{
    nima_buf_add_char(&e->line, '\n');
    nima_assert(!e->line.overflowed); /* every text in a row has a bound of its own */
    nima_rc rc = e->write(ctx, e->user, nima_buf_view(&e->line));
    nima_buf_clear(&e->line);
    return rc;
}

static nima_rc export_row(struct nima_ctx *ctx, struct exporting *e, const struct nima_table *table,
                          struct nima_db_stmt *stmt)
{
    struct nima_row row;
    nima_table_row(ctx, table, stmt, &row);
    nima_buf_fmt(&e->line, "{\"kind\":\"%s\"", table->kind);
    for (size_t i = 0; i < table->count; i++) {
        const struct nima_column *column = &table->columns[i];
        if (row.values[i].kind != NIMA_DB_NULL && !is_owner(column) &&
            (column->flags & (NIMA_COLUMN_HASH | NIMA_COLUMN_CHANGE)) == 0) {
            nima_buf_fmt(&e->line, ",\"%s\":", column->name);
            nima_value_write(ctx, &e->line, &row.values[i]);
        }
    }
    nima_buf_add_char(&e->line, '}');
    e->rows++;
    return write_line(ctx, e);
}

static nima_rc export_table(struct nima_ctx *ctx, struct nima_db *db,
                            const struct nima_table *table, struct exporting *e)
{
    nima_str columns = nima_table_columns(ctx, table), key = nima_table_key(ctx, table);
    struct nima_db_stmt *stmt;
    bool row = false;
    NIMA_TRY(nima_db_query(ctx, db,
                           nima_fmt(ctx, "SELECT " NIMA_FMT " FROM %s WHERE %s ORDER BY " NIMA_FMT,
                                    NIMA_ARG(columns), table->name, table->mine, NIMA_ARG(key))
                               .ptr,
                           NIMA_DB_ARGS(nima_db_text(ctx->user_id)), &stmt));
    NIMA_TRY(nima_db_step(ctx, stmt, &row));
    while (row) {
        struct nima_arena_mark mark = nima_scratch(ctx);
        nima_rc rc = export_row(ctx, e, table, stmt);
        nima_scratch_end(ctx, mark);
        NIMA_TRY(rc);
        NIMA_TRY(nima_db_step(ctx, stmt, &row));
    }
    return nima_db_end(ctx, stmt);
}

static nima_rc export_all(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    struct exporting *e = arg;
    nima_buf_fmt(&e->line, "{\"kind\":\"nima\",\"format\":%d,\"user_id\":", FORMAT);
    nima_json_write_str(&e->line, ctx->user_id);
    nima_buf_add_char(&e->line, '}');
    NIMA_TRY(write_line(ctx, e));
    for (const struct nima_table *table = nima_tables; table->name != NULL; table++) {
        if (table->kind != NULL) {
            NIMA_TRY(export_table(ctx, db, table, e));
        }
    }
    nima_buf_fmt(&e->line, "{\"kind\":\"end\",\"rows\":%lld}", (long long)e->rows);
    return write_line(ctx, e);
}

/* Not through nima_db_read, which might begin again after lines were handed out. */
nima_rc nima_store_export(struct nima_ctx *ctx, struct nima_store *store, nima_export_write write,
                          void *user)
{
    struct exporting e = {.write = write, .user = user};
    struct nima_db *db = NULL;
    nima_buf_init(&e.line, LINE_BYTES_MAX);
    nima_rc rc = nima_db_open(ctx, store->ops, store->where, store->shared, NIMA_DB_READER, &db);
    if (rc == NIMA_OK) {
        rc = nima_db_within(ctx, db, false, export_all, &e);
    }
    nima_db_close(db);
    nima_buf_done(&e.line);
    return rc;
}

/* In */

struct later {
    nima_str id, other;
    struct later *next;
};

struct importing {
    struct nima_store *store;
    struct nima_import_report *report;
    int64_t line, rows;
    bool ended;
    const struct nima_table **tables;
    struct nima_row *batch;
    size_t count, room;
    struct nima_ctx *keep; /* its arena holds what outlives a batch */
    struct later *later;
    int64_t added, there; /* of the batch at work */
};

static nima_rc bad_line(struct nima_ctx *ctx, const struct importing *im, const char *why)
{
    char copy[NIMA_ERROR_CHARS_MAX + 1];
    snprintf(copy, sizeof(copy), "%s", why);
    return nima_fail(ctx, NIMA_E_INVALID, "line %lld: %s", (long long)im->line, copy);
}

static nima_rc check_vector(struct nima_ctx *ctx, const struct importing *im,
                            const struct nima_table *table, const struct nima_row *row)
{
    int vector = nima_table_column(table, NIMA_COLUMN_VECTOR);
    int model = nima_table_column(table, NIMA_COLUMN_MODEL);
    if (vector < 0) {
        return NIMA_OK;
    }
    nima_str bytes = row->values[vector].text;
    bool fits =
        (row->values[vector].kind == NIMA_DB_NULL) == (row->values[model].kind == NIMA_DB_NULL) &&
        bytes.len % sizeof(float) == 0;
    for (size_t at = 0; fits && at < bytes.len; at += sizeof(float)) {
        float value;
        memcpy(&value, bytes.ptr + at, sizeof(value));
        fits = isfinite(value);
    }
    return fits ? NIMA_OK : bad_line(ctx, im, "embedding and embedding_model do not fit");
}

/* A number with a preset came with a later version: older exports do not have it. */
static bool later_number(const struct nima_column *column, struct nima_db_value *out)
{
    int64_t preset;
    if (column->kind != NIMA_DB_INT || column->preset == NULL ||
        !nima_str_to_i64(nima_str_of(column->preset), &preset)) {
        return false;
    }
    *out = nima_db_int(preset);
    return true;
}

/* A question that was taken in waits for no answer: the steps which that would complete stand in
 * the file, and nobody here has said them. */
static nima_rc without_question(struct nima_ctx *ctx, struct nima_db_value *metadata)
{
    const struct nima_json *tree;
    NIMA_TRY(nima_json_parse(ctx, metadata->text, &tree));
    if (nima_json_get(tree, "asked") == NULL) {
        return NIMA_OK;
    }
    struct nima_buf buf;
    nima_buf_init(&buf, metadata->text.len + 2);
    nima_buf_add_char(&buf, '{');
    for (size_t i = 0, added = 0; i < nima_json_count(tree); i++) {
        nima_str key;
        const struct nima_json *value = nima_json_at(tree, i, &key);
        if (!nima_str_eq(key, NIMA_STR("asked"))) {
            nima_buf_add(&buf, added++ > 0 ? NIMA_STR(",") : NIMA_STR(""));
            nima_json_write_str(&buf, key);
            nima_buf_add_char(&buf, ':');
            nima_buf_add(&buf, nima_json_text(ctx, value));
        }
    }
    nima_buf_add_char(&buf, '}');
    nima_rc rc = nima_buf_take(ctx, &buf, &metadata->text);
    nima_buf_done(&buf);
    return rc;
}

/* One row of its table; the first column must not be guessed at. */
static nima_rc read_columns(struct nima_ctx *ctx, const struct importing *im,
                            const struct nima_table *table, const struct nima_json *object,
                            struct nima_row *row)
{
    size_t known = 1; /* kind */
    for (size_t i = 0; i < table->count; i++) {
        const struct nima_column *column = &table->columns[i];
        const struct nima_json *node = nima_json_get(object, column->name);
        if (is_owner(column)) {
            row->values[i] = nima_db_text(im->report->user_id);
            continue;
        }
        if ((column->flags & NIMA_COLUMN_HASH) != 0) {
            continue;
        }
        if ((column->flags & NIMA_COLUMN_CHANGE) != 0) {
            row->values[i] = nima_db_int(0);
            continue;
        }
        known += node != NULL;
        if (node == NULL && later_number(column, &row->values[i])) {
            continue;
        }
        if (node == NULL && (column->flags & NIMA_COLUMN_NULLABLE) == 0) {
            return bad_line(ctx, im, nima_fmt(ctx, "%s is missing", column->name).ptr);
        }
        if (node != NULL) {
            const char *where = nima_fmt(ctx, "line %lld", (long long)im->line).ptr;
            NIMA_TRY(nima_value_read(ctx, where, column, node, &row->values[i]));
        }
        if (node != NULL && strcmp(table->name, "messages") == 0 &&
            strcmp(column->name, "metadata") == 0) {
            NIMA_TRY(without_question(ctx, &row->values[i]));
        }
        bool odd = strcmp(column->name, "position") == 0 && row->values[i].integer > POSITION_MAX;
        if (odd || (row->values[i].kind == NIMA_DB_INT && row->values[i].integer < 0)) {
            return bad_line(ctx, im, nima_fmt(ctx, "%s is out of range", column->name).ptr);
        }
    }
    if (known != nima_json_count(object)) {
        return bad_line(ctx, im, "there is a field that this version does not know");
    }
    nima_row_derive(ctx, table, row);
    return check_vector(ctx, im, table, row);
}

/* Whose row it is stands in another: the column with its id, and how that is asked for. */
static const struct {
    const char *table, *column, *sql;
} parents[] = {
    {"messages", "conversation_id", "SELECT 1 FROM conversations WHERE id = $1 AND user_id = $2"},
    {"fact_versions", "fact_id", "SELECT 1 FROM facts WHERE id = $1 AND user_id = $2"},
    {"milestones", "goal_id", "SELECT 1 FROM goals WHERE id = $1 AND user_id = $2"},
    {"goal_progress", "goal_id", "SELECT 1 FROM goals WHERE id = $1 AND user_id = $2"},
    {"schedule_runs", "schedule_id", "SELECT 1 FROM schedules WHERE id = $1 AND user_id = $2"},
};

/* What a row belongs to must be the same person's: an id in a file is no proof. */
static nima_rc check_parent(struct nima_ctx *ctx, struct nima_db *db, const struct importing *im,
                            const struct nima_table *table, const struct nima_row *row, bool *ours)
{
    struct nima_db_stmt *stmt;
    size_t p = 0, column = 0;
    while (p < sizeof(parents) / sizeof(parents[0]) && strcmp(parents[p].table, table->name) != 0) {
        p++;
    }
    *ours = true;
    if (p == sizeof(parents) / sizeof(parents[0])) {
        return NIMA_OK;
    }
    while (strcmp(table->columns[column].name, parents[p].column) != 0) {
        column++;
    }
    NIMA_TRY(nima_db_first(ctx, db, parents[p].sql,
                           NIMA_DB_ARGS(row->values[column], nima_db_text(im->report->user_id)),
                           &stmt));
    *ours = stmt != NULL;
    return stmt != NULL ? nima_db_end(ctx, stmt) : NIMA_OK;
}

/* Left out since it is there: as somebody else's it would be a clash. */
static nima_rc check_owner(struct nima_ctx *ctx, struct nima_db *db, const struct importing *im,
                           const struct nima_table *table, const struct nima_row *row)
{
    struct nima_row other;
    bool found;
    NIMA_TRY(nima_table_get(ctx, db, table, row, &other, &found));
    for (size_t i = 0; found && i < table->count; i++) {
        if (is_owner(&table->columns[i]) &&
            !nima_str_eq(other.values[i].text, im->report->user_id)) {
            nima_str key = nima_table_key_text(ctx, table, row);
            return nima_fail(ctx, NIMA_E_CONFLICT,
                             "the %s " NIMA_FMT " belongs to somebody else in this store",
                             table->kind, NIMA_ARG(key));
        }
    }
    return NIMA_OK;
}

static nima_rc import_row(struct nima_ctx *ctx, struct nima_db *db, struct importing *im,
                          const struct nima_table *table, const struct nima_row *row)
{
    bool ours, inserted = false;
    NIMA_TRY(check_parent(ctx, db, im, table, row, &ours));
    if (ours) {
        NIMA_TRY(nima_table_insert(ctx, db, table, row, true, &inserted));
    }
    if (ours && !inserted) {
        NIMA_TRY(check_owner(ctx, db, im, table, row));
    }
    im->added += inserted;
    im->there += !inserted;
    return NIMA_OK;
}

static nima_rc import_batch(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    struct importing *im = arg;
    int64_t change;
    im->added = im->there = 0;
    NIMA_TRY(nima_store_raise_change(ctx, db, &change));
    NIMA_TRY(nima_store_raise_messages(ctx, db, true, &change));
    for (size_t i = 0; i < im->count; i++) {
        struct nima_arena_mark mark = nima_scratch(ctx);
        nima_rc rc = import_row(ctx, db, im, im->tables[i], &im->batch[i]);
        nima_scratch_end(ctx, mark);
        NIMA_TRY(rc);
    }
    return NIMA_OK;
}

static nima_rc flush(struct nima_ctx *ctx, struct importing *im)
{
    if (im->count > 0) {
        NIMA_TRY(nima_db_write(ctx, im->store, import_batch, im));
        im->report->added += im->added;
        im->report->there += im->there;
        im->count = 0;
    }
    return NIMA_OK;
}

static nima_rc read_first(struct nima_ctx *ctx, struct importing *im, const struct nima_json *tree)
{
    int64_t format = 0;
    nima_str user = nima_json_str(nima_json_get(tree, "user_id"));
    if (!nima_str_eq(nima_json_str(nima_json_get(tree, "kind")), NIMA_STR("nima")) ||
        !nima_json_int(nima_json_get(tree, "format"), &format) || user.ptr == NULL) {
        return bad_line(ctx, im, "this is not what \"nima export\" writes");
    }
    if (format != FORMAT) {
        return bad_line(ctx, im, "this was written by another version of Nima");
    }
    if (ctx->user_id.ptr == NULL) {
        ctx->user_id = nima_str_copy(im->keep->arena, user);
    }
    im->report->user_id = ctx->user_id;
    return NIMA_OK;
}

static const struct nima_table *table_of_kind(nima_str kind)
{
    for (const struct nima_table *table = nima_tables; table->name != NULL; table++) {
        if (table->kind != NULL && nima_str_eq(kind, nima_str_of(table->kind))) {
            return table;
        }
    }
    return NULL;
}

static void keep_later(struct importing *im, const struct nima_table *table,
                       const struct nima_row *row)
{
    int column = nima_table_column(table, NIMA_COLUMN_LATER);
    if (column >= 0 && row->values[column].kind != NIMA_DB_NULL) {
        struct later *later = NIMA_NEW(im->keep->arena, struct later, 1);
        later->id = nima_str_copy(im->keep->arena, row->values[0].text);
        later->other = nima_str_copy(im->keep->arena, row->values[column].text);
        later->next = im->later;
        im->later = later;
    }
}

static nima_rc read_end(struct nima_ctx *ctx, struct importing *im, const struct nima_json *tree)
{
    int64_t rows = -1;
    if (!nima_json_int(nima_json_get(tree, "rows"), &rows) || rows != im->rows) {
        return bad_line(ctx, im, "some lines before this one are missing");
    }
    im->ended = true;
    return NIMA_OK;
}

static nima_rc read_line(struct nima_ctx *ctx, struct importing *im, nima_str line)
{
    const struct nima_json *tree;
    im->line++;
    if (nima_json_parse(ctx, line, &tree) != NIMA_OK) {
        return bad_line(ctx, im, ctx->error.message);
    }
    if (im->line == 1) {
        return read_first(ctx, im, tree);
    }
    nima_str kind = nima_json_str(nima_json_get(tree, "kind"));
    if (im->ended || kind.ptr == NULL) {
        return bad_line(ctx, im, "this is not what \"nima export\" writes");
    }
    if (nima_str_eq(kind, NIMA_STR("end"))) {
        return read_end(ctx, im, tree);
    }
    const struct nima_table *table = table_of_kind(kind);
    if (table == NULL) {
        return bad_line(ctx, im, "this kind of row is not known to this version");
    }
    struct nima_row *row = &im->batch[im->count];
    *row = (struct nima_row){0};
    NIMA_TRY(read_columns(ctx, im, table, tree, row));
    keep_later(im, table, row);
    im->tables[im->count++] = table;
    im->rows++;
    return NIMA_OK;
}

/* Once all is there: who superseded whom, and how many messages there are. */
static nima_rc import_rest(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    const struct importing *im = arg;
    struct nima_db_value user = nima_db_text(im->report->user_id);
    int64_t change;
    NIMA_TRY(nima_store_raise_change(ctx, db, &change));
    for (const struct later *later = im->later; later != NULL; later = later->next) {
        NIMA_TRY(nima_db_run(
            ctx, db,
            "UPDATE facts SET superseded_by = $2 WHERE id = $1 AND user_id = $3 AND superseded_by "
            "IS NULL AND status = 'superseded' AND EXISTS "
            "(SELECT 1 FROM facts AS other WHERE other.id = $2 AND other.user_id = $3)",
            NIMA_DB_ARGS(nima_db_text(later->id), nima_db_text(later->other), user), NULL));
    }
    return nima_db_run(
        ctx, db,
        "UPDATE conversations SET message_count = (SELECT COALESCE(max(position) + 1, 0) "
        "FROM messages WHERE conversation_id = conversations.id) WHERE user_id = $1 AND "
        "message_count <> (SELECT COALESCE(max(position) + 1, 0) FROM messages "
        "WHERE conversation_id = conversations.id)",
        NIMA_DB_ARGS(user), NULL);
}

static nima_rc import_all(struct nima_ctx *ctx, struct importing *im, nima_import_read read,
                          void *user)
{
    nima_str line = {0};
    for (;;) {
        struct nima_arena_mark mark = nima_scratch(ctx);
        nima_rc rc = NIMA_OK;
        bool more = true;
        while (rc == NIMA_OK && more && im->count < im->room) {
            rc = read(ctx, user, &line);
            more = rc == NIMA_OK && line.ptr != NULL;
            rc = more && nima_str_trim(line).len > 0 ? read_line(ctx, im, line) : rc;
        }
        rc = rc == NIMA_OK ? flush(ctx, im) : rc;
        nima_scratch_end(ctx, mark);
        NIMA_TRY(rc);
        if (!more) {
            break;
        }
    }
    if (im->line == 0 || !im->ended) {
        im->line++;
        return bad_line(ctx, im,
                        "the end is missing: this was cut short; what is before it has "
                        "been taken in, and importing the whole adds the rest");
    }
    return nima_db_write(ctx, im->store, import_rest, im);
}

nima_rc nima_store_import(struct nima_ctx *ctx, struct nima_store *store, nima_import_read read,
                          void *user, struct nima_import_report *out)
{
    struct nima_import_report report = {0};
    struct nima_ctx keep;
    size_t room = store->ops->rewrites ? ROWS_REWRITTEN : ROWS_AT_ONCE;
    struct importing im = {.store = store, .report = &report, .room = room, .keep = &keep};
    nima_ctx_init(&keep);
    im.batch = NIMA_NEW(keep.arena, struct nima_row, room);
    im.tables = NIMA_NEW(keep.arena, const struct nima_table *, room);
    nima_str whose = ctx->user_id;
    nima_rc rc = import_all(ctx, &im, read, user);
    report.user_id = nima_str_copy(ctx->arena, report.user_id);
    ctx->user_id = whose;
    nima_ctx_done(&keep);
    if (rc == NIMA_OK) {
        *out = report;
    }
    return rc;
}
