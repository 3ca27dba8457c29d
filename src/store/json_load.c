/*
 * Reading tables: people may have edited them. What is merely missing is filled in, a vector that
 * does not belong to its text is left to be made anew, and what cannot be understood stops the
 * start with the file, the row and the field: nothing is ever written over it.
 */
#include "store/json_int.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "store/migrate.h"
#include "util/clock.h"
#include "util/digest.h"
#include "util/json.h"
#include "util/npy.h"
#include "util/uuid.h"

enum { HASH_DIGITS = 16 };

/* Vectors */

struct vector {
    nima_str key, hash;
    nima_str bytes;
};
struct vectors {
    struct vector *items;
    size_t count;
    bool broken; /* some file could not be read */
};

static int by_key(const void *a, const void *b)
{
    return nima_str_cmp(((const struct vector *)a)->key, ((const struct vector *)b)->key);
}

static bool all_finite(nima_str bytes)
{
    for (size_t at = 0; at < bytes.len; at += sizeof(float)) {
        float value;
        memcpy(&value, bytes.ptr + at, sizeof(value));
        if (!isfinite(value)) {
            return false;
        }
    }
    return true;
}

/* One .npy file and the rows that the index gives it. */
static nima_rc read_npy(struct nima_ctx *ctx, struct nima_json_dir *dir,
                        const struct nima_json *entry, struct vectors *out)
{
    nima_str name = nima_json_str(nima_json_get(entry, "file")), file, data;
    const struct nima_json *list = nima_json_get(entry, "rows"), *item = NULL;
    size_t rows = 0, dims = 0, count = nima_json_count(list), at = 0;
    if (name.ptr == NULL || nima_str_find(name, NIMA_STR("/"), 0) != SIZE_MAX) {
        return nima_fail(ctx, NIMA_E_INVALID, "it names no file");
    }
    const char *path = nima_fmt(ctx, "embeddings/" NIMA_FMT, NIMA_ARG(name)).ptr;
    NIMA_TRY(nima_json_files_read(ctx, dir, path, &file));
    NIMA_TRY(nima_npy_read(ctx, file, &rows, &dims, &data));
    if (rows != count) {
        return nima_fail(ctx, NIMA_E_INVALID, "it has %zu rows, %zu are told of", rows, count);
    }
    struct vector *items = NIMA_NEW(ctx->arena, struct vector, out->count + rows);
    if (out->count > 0) {
        memcpy(items, out->items, out->count * sizeof(items[0]));
    }
    out->items = items;
    while ((item = nima_json_next(list, item, &at)) != NULL) {
        size_t bytes = dims * sizeof(float);
        struct vector *vector = &items[out->count];
        vector->key = nima_json_str(nima_json_at(item, 0, NULL));
        vector->hash = nima_json_str(nima_json_at(item, 1, NULL));
        vector->bytes = nima_str_sub(data, at * bytes, (at + 1) * bytes);
        out->count += vector->key.ptr != NULL && all_finite(vector->bytes);
    }
    return NIMA_OK;
}

static nima_rc read_index(struct nima_ctx *ctx, struct nima_json_dir *dir, const char *path,
                          struct vectors *out)
{
    const struct nima_json *tree, *files, *entry = NULL;
    nima_str text;
    size_t at = 0;
    NIMA_TRY(nima_json_files_read(ctx, dir, path, &text));
    NIMA_TRY(nima_json_parse(ctx, text, &tree));
    files = nima_json_get(tree, "files");
    if (nima_json_kind(files) != NIMA_JSON_ARRAY) {
        return nima_fail(ctx, NIMA_E_INVALID, "it has no list \"files\"");
    }
    while ((entry = nima_json_next(files, entry, &at)) != NULL) {
        NIMA_TRY(read_npy(ctx, dir, entry, out));
    }
    return NIMA_OK;
}

/* A vector can always be made again, so what is wrong with these files stops nothing. */
static void read_vectors(struct nima_ctx *ctx, struct nima_json_dir *dir,
                         const struct nima_table *table, struct vectors *out)
{
    struct nima_error before = ctx->error;
    const char *path = nima_fmt(ctx, "embeddings/%s.json", table->name).ptr;
    nima_rc rc = read_index(ctx, dir, path, out);
    if (rc != NIMA_OK && rc != NIMA_E_NOT_FOUND) {
        out->broken = true;
        out->count = 0;
        nima_buf_fmt(&dir->notes,
                     "%s%s/%s or the .npy beside it cannot be used (%s): its vectors are made "
                     "anew from the texts",
                     dir->notes.len > 0 ? "\n" : "", dir->folder, path, ctx->error.message);
    }
    ctx->error = before;
    if (out->count > 1) {
        qsort(out->items, out->count, sizeof(out->items[0]), by_key);
    }
}

/* Gives the row its vector; false when it should have had one. */
static bool join_vector(struct nima_ctx *ctx, const struct nima_table *table,
                        const struct vectors *vectors, struct nima_row *row)
{
    int column = nima_table_column(table, NIMA_COLUMN_VECTOR);
    int model = nima_table_column(table, NIMA_COLUMN_MODEL);
    int text = nima_table_column(table, NIMA_COLUMN_TEXT_OF);
    if (column < 0) {
        return true;
    }
    struct vector wanted = {.key = nima_table_key_text(ctx, table, row)};
    const struct vector *found =
        vectors->count > 0
            ? bsearch(&wanted, vectors->items, vectors->count, sizeof(wanted), by_key)
            : NULL;
    bool named = row->values[model].kind != NIMA_DB_NULL;
    if (found != NULL && named) {
        nima_str hash = nima_sha256_hex(ctx, row->values[text].text);
        if (nima_str_eq(found->hash, nima_str_sub(hash, 0, HASH_DIGITS))) {
            row->values[column] = nima_db_bytes(found->bytes);
            return true;
        }
    }
    row->values[model] = (struct nima_db_value){0};
    return !named;
}

/* Rows */

struct reading {
    struct nima_json_dir *dir;
    struct nima_db *db;
    const struct nima_table *table;
    const char *path;
    size_t number; /* of the row, from 1 */
    size_t without_vector;
    bool filled_in; /* the file does not say all that is known now */
    struct vectors vectors;
};

static nima_rc stop(struct nima_ctx *ctx, const struct reading *r, const char *what)
{
    char message[NIMA_ERROR_CHARS_MAX + 1];
    snprintf(message, sizeof(message), "%s", what);
    return nima_fail(ctx, NIMA_E_STORE,
                     "%s/%s: row %zu: %s; put it right or restore the file, nothing was changed",
                     r->dir->folder, r->path, r->number, message);
}

static int column_named(const struct nima_table *table, nima_str name)
{
    for (size_t i = 0; i < table->count; i++) {
        bool hidden = (table->columns[i].flags & (NIMA_COLUMN_HASH | NIMA_COLUMN_VECTOR)) != 0;
        if (!hidden && nima_str_eq(name, nima_str_of(table->columns[i].name))) {
            return (int)i;
        }
    }
    return -1;
}

static nima_rc fill_in(struct nima_ctx *ctx, struct reading *r, size_t i, struct nima_db_value *out)
{
    const struct nima_column *column = &r->table->columns[i];
    if ((column->flags & (NIMA_COLUMN_NULLABLE | NIMA_COLUMN_HASH | NIMA_COLUMN_VECTOR)) != 0) {
        return NIMA_OK;
    }
    if (column->preset == NULL) {
        return stop(ctx, r, nima_fmt(ctx, "%s is missing", column->name).ptr);
    }
    nima_str preset = nima_str_of(column->preset);
    out->kind = column->kind;
    out->text = strcmp(column->preset, "id") == 0 ? nima_uuid_new(ctx) : preset;
    out->integer = nima_now_ms();
    if (column->kind == NIMA_DB_INT) {
        (void)!nima_str_to_i64(preset, &out->integer);
    } else if (column->kind == NIMA_DB_REAL) {
        (void)!nima_str_to_f64(preset, &out->real);
    }
    r->filled_in = true;
    return NIMA_OK;
}

static nima_rc read_fields(struct nima_ctx *ctx, struct reading *r, const struct nima_json *object,
                           struct nima_row *row)
{
    bool given[NIMA_TABLE_COLUMNS_MAX] = {false};
    if (nima_json_kind(object) != NIMA_JSON_OBJECT) {
        return stop(ctx, r, "it is no object");
    }
    for (size_t i = 0; i < nima_json_count(object); i++) {
        nima_str name;
        const struct nima_json *node = nima_json_at(object, i, &name);
        int column = column_named(r->table, name);
        if (column < 0) {
            return stop(ctx, r,
                        nima_fmt(ctx, "\"" NIMA_FMT "\" is no field of it",
                                 NIMA_ARG(nima_utf8_prefix(name, 60)))
                            .ptr);
        }
        if (nima_value_read(ctx, "it", &r->table->columns[column], node, &row->values[column]) !=
            NIMA_OK) {
            return stop(ctx, r, nima_cstr(ctx, nima_str_of(ctx->error.message)));
        }
        given[column] = true;
    }
    for (size_t i = 0; i < r->table->count; i++) {
        if (!given[i]) {
            NIMA_TRY(fill_in(ctx, r, i, &row->values[i]));
        }
    }
    return NIMA_OK;
}

static nima_rc read_row(struct nima_ctx *ctx, struct reading *r, const struct nima_json *object)
{
    struct nima_row row = {0};
    bool inserted;
    NIMA_TRY(read_fields(ctx, r, object, &row));
    nima_row_derive(ctx, r->table, &row);
    r->without_vector += !join_vector(ctx, r->table, &r->vectors, &row);
    nima_rc rc = nima_table_insert(ctx, r->db, r->table, &row, false, &inserted);
    if (rc == NIMA_E_CONFLICT) {
        return stop(ctx, r, "there is another with the same id or text");
    }
    if (rc != NIMA_OK) {
        return stop(ctx, r, nima_cstr(ctx, nima_str_of(ctx->error.message)));
    }
    return NIMA_OK;
}

/* What refers to a row of the same table, once all are there. */
static nima_rc read_later(struct nima_ctx *ctx, struct reading *r, const struct nima_json *object)
{
    int column = nima_table_column(r->table, NIMA_COLUMN_LATER);
    struct nima_row row = {0};
    const char *name = r->table->columns[column].name;
    const struct nima_json *node = nima_json_get(object, name);
    if (nima_json_kind(node) != NIMA_JSON_STR) {
        return NIMA_OK;
    }
    NIMA_TRY(nima_value_read(ctx, "it", &r->table->columns[0], nima_json_get(object, "id"),
                             &row.values[0]));
    NIMA_TRY(nima_value_read(ctx, "it", &r->table->columns[column], node, &row.values[column]));
    return nima_table_set_later(ctx, r->db, r->table, &row);
}

static nima_rc read_rows(struct nima_ctx *ctx, struct reading *r, const struct nima_json *tree)
{
    int passes = nima_table_column(r->table, NIMA_COLUMN_LATER) >= 0 ? 2 : 1;
    for (int pass = 0; pass < passes; pass++) {
        const struct nima_json *item = NULL;
        size_t at = 0;
        while ((item = nima_json_next(tree, item, &at)) != NULL) {
            struct nima_arena_mark mark = nima_scratch(ctx);
            r->number = at + 1;
            nima_rc rc = pass == 0 ? read_row(ctx, r, item) : read_later(ctx, r, item);
            nima_scratch_end(ctx, mark);
            NIMA_TRY(rc);
        }
    }
    return NIMA_OK;
}

static nima_rc load_table(struct nima_ctx *ctx, struct nima_db *db, const struct nima_table *table,
                          bool *amended)
{
    struct reading r = {.dir = db->shared, .db = db, .table = table, .path = table->file};
    const struct nima_json *tree;
    nima_str text;
    nima_rc rc = nima_json_files_read(ctx, r.dir, table->file, &text);
    if (rc == NIMA_E_NOT_FOUND) {
        *amended = false;
        return NIMA_OK;
    }
    NIMA_TRY(rc);
    if (nima_json_parse(ctx, text, &tree) != NIMA_OK || nima_json_kind(tree) != NIMA_JSON_ARRAY) {
        bool parsed = ctx->error.rc != NIMA_E_MALFORMED;
        char why[NIMA_ERROR_CHARS_MAX + 1];
        snprintf(why, sizeof(why), "%s", parsed ? "this is no list" : ctx->error.message);
        return nima_fail(ctx, NIMA_E_STORE,
                         "%s/%s: %s; put it right or restore the file, nothing was changed",
                         r.dir->folder, table->file, why);
    }
    if (nima_table_column(table, NIMA_COLUMN_VECTOR) >= 0) {
        read_vectors(ctx, r.dir, table, &r.vectors);
    }
    NIMA_TRY(read_rows(ctx, &r, tree));
    if (r.without_vector > 0 && !r.vectors.broken) {
        nima_buf_fmt(&r.dir->notes,
                     "%s%s/embeddings/%s.npy has no vector for %zu texts of %s, new or edited: "
                     "they are made anew",
                     r.dir->notes.len > 0 ? "\n" : "", r.dir->folder, table->name, r.without_vector,
                     table->file);
    }
    *amended = r.filled_in || r.without_vector > 0;
    return NIMA_OK;
}

/* People of whom there are facts but no row: somebody wrote them by hand. */
static nima_rc add_people(struct nima_ctx *ctx, struct nima_db *db, bool *added)
{
    int64_t count = 0;
    NIMA_TRY(nima_db_run(ctx, db,
                         "INSERT INTO users (id, facts_change, created_at) "
                         "SELECT DISTINCT user_id, 1, $1 FROM facts WHERE user_id NOT IN "
                         "(SELECT id FROM users)",
                         NIMA_DB_ARGS(nima_db_time(nima_now_ms())), &count));
    *added = count > 0;
    return NIMA_OK;
}

static nima_rc check_references(struct nima_ctx *ctx, struct nima_db *db)
{
    const struct nima_json_dir *dir = db->shared;
    struct nima_db_stmt *stmt;
    NIMA_TRY(nima_db_first(ctx, db,
                           "SELECT \"table\", parent, rowid FROM pragma_foreign_key_check LIMIT 1",
                           NULL, 0, &stmt));
    if (stmt == NULL) {
        return NIMA_OK;
    }
    const struct nima_table *table = nima_table_find(nima_db_view(stmt, 0));
    return nima_fail(ctx, NIMA_E_STORE,
                     "%s/%s: row %lld belongs to nothing in " NIMA_FMT
                     "; put it right or restore the files, nothing was changed",
                     dir->folder, table != NULL ? table->file : "?",
                     (long long)nima_db_get_int(stmt, 2), NIMA_ARG(nima_db_view(stmt, 1)));
}

static nima_rc newest(struct nima_ctx *ctx, struct nima_db *db, int64_t *out)
{
    struct nima_db_stmt *stmt;
    NIMA_TRY(nima_db_first(ctx, db, "SELECT COALESCE(max(version), 0) FROM schema_migrations", NULL,
                           0, &stmt));
    *out = nima_db_get_int(stmt, 0);
    return nima_db_end(ctx, stmt);
}

static nima_rc run_all(struct nima_ctx *ctx, struct nima_db *db, const char *const *sql)
{
    for (; *sql != NULL; sql++) {
        NIMA_TRY(nima_db_run(ctx, db, *sql, NULL, 0, NULL));
    }
    return NIMA_OK;
}

/* The record of migrations: as the files have it, and behind that those that the files were
 * written without. *known is false when they are newer than this program, which
 * nima_store_migrate then says. */
static nima_rc load_migrations(struct nima_ctx *ctx, struct nima_db *db, bool *amended, bool *known)
{
    static const char *const aside[] = {
        "UPDATE schema_migrations SET version = -version WHERE version > 0", NULL};
    static const char *const back[] = {
        "DELETE FROM schema_migrations WHERE version < 0 AND "
        "-version IN (SELECT version FROM schema_migrations)",
        "UPDATE schema_migrations SET version = -version WHERE version < 0", NULL};
    struct nima_json_dir *dir = db->shared;
    int64_t ours = 0, theirs = 0;
    bool ignored;
    NIMA_TRY(newest(ctx, db, &ours));
    NIMA_TRY(run_all(ctx, db, aside));
    NIMA_TRY(load_table(ctx, db, nima_json_table(0), &ignored));
    NIMA_TRY(newest(ctx, db, &theirs));
    NIMA_TRY(run_all(ctx, db, back));
    *amended = !dir->files[0].there || theirs < ours;
    *known = theirs <= ours;
    return NIMA_OK;
}

struct load {
    bool known;
    bool amended[NIMA_JSON_TABLES_MAX];
};

static nima_rc load_all(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    struct load *load = arg;
    struct nima_json_dir *dir = db->shared;
    bool people = false;
    NIMA_TRY(load_migrations(ctx, db, &load->amended[0], &load->known));
    for (size_t i = 1; load->known && nima_json_table(i) != NULL; i++) {
        NIMA_TRY(load_table(ctx, db, nima_json_table(i), &load->amended[i]));
    }
    if (load->known) {
        NIMA_TRY(add_people(ctx, db, &people));
        NIMA_TRY(check_references(ctx, db));
    }
    /* Only what the files do not say yet is to be written. */
    for (size_t i = 0; nima_json_table(i) != NULL; i++) {
        bool is_users = strcmp(nima_json_table(i)->name, "users") == 0;
        dir->dirty[i] = load->amended[i] || (people && is_users);
    }
    dir->saves = dir->lock >= 0 && load->known;
    return NIMA_OK;
}

nima_rc nima_json_load(struct nima_ctx *ctx, struct nima_db *db, enum nima_db_mode mode)
{
    struct load load = {0};
    struct nima_json_dir *dir = db->shared;
    if (mode == NIMA_DB_LOOK) {
        nima_str ignored;
        nima_rc rc = nima_json_files_read(ctx, dir, "tables/schema_migrations.json", &ignored);
        if (rc == NIMA_E_NOT_FOUND) {
            return NIMA_OK; /* nothing was applied */
        }
        NIMA_TRY(rc);
        NIMA_TRY(nima_store_migrations_table(ctx, db));
        return nima_db_within(ctx, db, true, load_all, &load);
    }
    NIMA_TRY(nima_store_migrate(ctx, db));
    NIMA_TRY(nima_sqlite_exec(ctx, db, "PRAGMA foreign_keys = OFF"));
    NIMA_TRY(nima_db_within(ctx, db, true, load_all, &load));
    return nima_sqlite_exec(ctx, db, "PRAGMA foreign_keys = ON");
}
