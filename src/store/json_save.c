/*
 * Writing tables: a row is an object, a field a line, so that a text editor and a diff are of use.
 * Vectors go to embeddings/TABLE.npy (those of other lengths, while an embedding model is being
 * changed, to TABLE-LENGTH.npy), whose rows are told by embeddings/TABLE.json: the key of the row
 * and the digest of the text that the vector was made of.
 */
#include "store/json_int.h"

#include <string.h>

#include "util/digest.h"
#include "util/json.h"
#include "util/npy.h"

enum { HASH_DIGITS = 16 };

struct group {
    size_t dims, rows;
    struct nima_buf floats, list;
};
struct groups {
    struct group items[NIMA_JSON_GROUPS_MAX];
    size_t count;
};

static struct group *group_of(struct groups *groups, size_t dims)
{
    for (size_t i = 0; i < groups->count; i++) {
        if (groups->items[i].dims == dims) {
            return &groups->items[i];
        }
    }
    if (groups->count == NIMA_JSON_GROUPS_MAX) {
        return NULL;
    }
    struct group *group = &groups->items[groups->count++];
    *group = (struct group){.dims = dims};
    nima_buf_init(&group->floats, NIMA_JSON_BYTES_MAX);
    nima_buf_init(&group->list, NIMA_JSON_BYTES_MAX);
    return group;
}

static nima_rc add_vector(struct nima_ctx *ctx, const struct nima_table *table,
                          const struct nima_row *row, int column, struct groups *groups)
{
    nima_str bytes = row->values[column].text;
    struct group *group = group_of(groups, bytes.len / sizeof(float));
    if (group == NULL) {
        return nima_fail(ctx, NIMA_E_STORE, "vectors of more than %d lengths cannot be kept",
                         NIMA_JSON_GROUPS_MAX);
    }
    int text = nima_table_column(table, NIMA_COLUMN_TEXT_OF);
    nima_str hash = text >= 0 ? nima_sha256_hex(ctx, row->values[text].text) : NIMA_STR("");
    nima_buf_fmt(&group->list, "%s\n      [", group->rows++ > 0 ? "," : "");
    nima_json_write_str(&group->list, nima_table_key_text(ctx, table, row));
    nima_buf_fmt(&group->list, ", \"" NIMA_FMT "\"]", NIMA_ARG(nima_str_sub(hash, 0, HASH_DIGITS)));
    nima_buf_add(&group->floats, bytes);
    return NIMA_OK;
}

static void write_row(struct nima_ctx *ctx, const struct nima_table *table,
                      const struct nima_row *row, struct nima_buf *out)
{
    bool first = true;
    nima_buf_add(out, NIMA_STR("  {"));
    for (size_t i = 0; i < table->count; i++) {
        const struct nima_column *column = &table->columns[i];
        if ((column->flags & (NIMA_COLUMN_HASH | NIMA_COLUMN_VECTOR)) != 0 ||
            row->values[i].kind == NIMA_DB_NULL) {
            continue;
        }
        nima_buf_fmt(out, "%s\n    \"%s\": ", first ? "" : ",", column->name);
        nima_value_write(ctx, out, &row->values[i]);
        first = false;
    }
    nima_buf_add(out, NIMA_STR("\n  }"));
}

static nima_rc write_rows(struct nima_ctx *ctx, struct nima_db *db, const struct nima_table *table,
                          struct nima_buf *out, struct groups *groups)
{
    int vector = nima_table_column(table, NIMA_COLUMN_VECTOR);
    bool row = false, first = true;
    nima_str columns = nima_table_columns(ctx, table), key = nima_table_key(ctx, table);
    struct nima_db_stmt *stmt;
    NIMA_TRY(nima_db_query(ctx, db,
                           nima_fmt(ctx, "SELECT " NIMA_FMT " FROM %s ORDER BY " NIMA_FMT,
                                    NIMA_ARG(columns), table->name, NIMA_ARG(key))
                               .ptr,
                           NULL, 0, &stmt));
    nima_buf_add(out, NIMA_STR("["));
    NIMA_TRY(nima_db_step(ctx, stmt, &row));
    while (row) {
        struct nima_arena_mark mark = nima_scratch(ctx);
        struct nima_row values;
        nima_table_row(ctx, table, stmt, &values);
        nima_buf_add(out, first ? NIMA_STR("\n") : NIMA_STR(",\n"));
        write_row(ctx, table, &values, out);
        nima_rc rc = NIMA_OK;
        if (vector >= 0 && values.values[vector].kind != NIMA_DB_NULL) {
            rc = add_vector(ctx, table, &values, vector, groups);
        }
        nima_scratch_end(ctx, mark);
        NIMA_TRY(rc);
        first = false;
        NIMA_TRY(nima_db_step(ctx, stmt, &row));
    }
    nima_buf_add(out, first ? NIMA_STR("]\n") : NIMA_STR("\n]\n"));
    return nima_db_end(ctx, stmt);
}

/* The name of the i-th largest group: of the first, the table's own. */
static const char *npy_name(struct nima_ctx *ctx, const struct nima_table *table,
                            const struct groups *groups, size_t i, size_t largest)
{
    return i == largest ? nima_fmt(ctx, "%s.npy", table->name).ptr
                        : nima_fmt(ctx, "%s-%zu.npy", table->name, groups->items[i].dims).ptr;
}

/* Files of lengths that no row has any more go. */
static void drop_old(struct nima_ctx *ctx, const struct nima_json_dir *dir,
                     const struct nima_table *table, struct nima_json_commit *commit)
{
    const char *prefix = nima_fmt(ctx, "embeddings/%s", table->name).ptr;
    size_t length = strlen(prefix), written = commit->count;
    for (size_t i = 0; i < dir->file_count; i++) {
        const char *path = dir->files[i].path;
        bool ours = strncmp(path, prefix, length) == 0 &&
                    (path[length] == '.' || path[length] == '-') && dir->files[i].there;
        for (size_t k = 0; ours && k < written; k++) {
            ours = strcmp(path, commit->items[k].path) != 0;
        }
        if (ours) {
            nima_json_commit_add(commit, path)->gone = true;
        }
    }
}

static void write_vectors(struct nima_ctx *ctx, const struct nima_json_dir *dir,
                          const struct nima_table *table, struct groups *groups,
                          struct nima_json_commit *commit)
{
    size_t largest = 0;
    for (size_t i = 1; i < groups->count; i++) {
        largest = groups->items[i].rows > groups->items[largest].rows ? i : largest;
    }
    if (groups->count > 0) {
        const char *path = nima_fmt(ctx, "embeddings/%s.json", table->name).ptr;
        struct nima_json_change *index = nima_json_commit_add(commit, path);
        nima_buf_add(&index->data, NIMA_STR("{\n  \"files\": ["));
        for (size_t i = 0; i < groups->count; i++) {
            struct group *group = &groups->items[i];
            const char *name = npy_name(ctx, table, groups, i, largest);
            nima_buf_fmt(&index->data, "%s\n    {\"file\": \"%s\", \"rows\": [", i > 0 ? "," : "",
                         name);
            nima_buf_add(&index->data, nima_buf_view(&group->list));
            nima_buf_add(&index->data, NIMA_STR("\n    ]}"));
            struct nima_json_change *npy =
                nima_json_commit_add(commit, nima_fmt(ctx, "embeddings/%s", name).ptr);
            nima_npy_header(&npy->data, group->rows, group->dims);
            nima_buf_add(&npy->data, nima_buf_view(&group->floats));
        }
        nima_buf_add(&index->data, NIMA_STR("\n  ]\n}\n"));
    }
    drop_old(ctx, dir, table, commit);
}

static nima_rc save_table(struct nima_ctx *ctx, struct nima_db *db, const struct nima_table *table,
                          struct nima_json_commit *commit)
{
    struct groups groups = {0};
    struct nima_json_change *change = nima_json_commit_add(commit, table->file);
    nima_rc rc = write_rows(ctx, db, table, &change->data, &groups);
    if (rc == NIMA_OK && nima_table_column(table, NIMA_COLUMN_VECTOR) >= 0) {
        write_vectors(ctx, db->shared, table, &groups, commit);
    }
    for (size_t i = 0; i < groups.count; i++) {
        nima_buf_done(&groups.items[i].floats);
        nima_buf_done(&groups.items[i].list);
    }
    return rc;
}

nima_rc nima_json_save(struct nima_ctx *ctx, struct nima_db *db)
{
    struct nima_json_dir *dir = db->shared;
    struct nima_json_commit *commit = NIMA_NEW(ctx->arena, struct nima_json_commit, 1);
    nima_rc rc = NIMA_OK;
    nima_json_commit_init(commit);
    for (size_t i = 0; rc == NIMA_OK && nima_json_table(i) != NULL; i++) {
        if (dir->dirty[i]) {
            rc = save_table(ctx, db, nima_json_table(i), commit);
        }
    }
    if (rc == NIMA_OK) {
        rc = nima_json_files_commit(ctx, dir, commit);
    }
    nima_json_commit_done(commit);
    return rc;
}
