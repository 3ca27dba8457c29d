#pragma once
/*
 * tables: every table and column of the schema in words that C understands, private to this room:
 * for what treats all rows alike, which is the JSON engine, copying, export and import. A test
 * holds it against the schema that the migrations make.
 */
#include "store/db.h"
#include "util/buf.h"

enum nima_column_flags {
    NIMA_COLUMN_KEY = 1,      /* part of the primary key, in its order */
    NIMA_COLUMN_NULLABLE = 2, /* may be NULL */
    NIMA_COLUMN_UUID = 4,     /* a TEXT that is a UUID */
    NIMA_COLUMN_VECTOR = 8,   /* BYTES that are float32: a .npy file of the JSON engine */
    NIMA_COLUMN_HASH = 16,    /* SHA-256 of the column before it: made anew, never written out */
    NIMA_COLUMN_LATER = 32,   /* refers to a row of its own table: set when all are there */
    NIMA_COLUMN_TEXT_OF = 64, /* what the vector was made of */
    NIMA_COLUMN_MODEL = 128,  /* NULL exactly when the vector is */
    NIMA_COLUMN_CHANGE = 256, /* a number of changes in this store: no part of an export */
};
struct nima_column {
    const char *name;
    enum nima_db_kind kind;
    unsigned flags;
    const char *preset; /* for a row written by hand: "" empty text, "now", "id"; NULL: required */
};
struct nima_table {
    const char *name;
    const char *file; /* of the JSON engine, below its folder */
    const char *kind; /* what a line of an export calls a row; NULL: not exported */
    const char *mine; /* condition for the rows of one person, $1 */
    const struct nima_column *columns;
    size_t count;
};
extern const struct nima_table nima_tables[]; /* what is referred to first; ends in {0} */

const struct nima_table *nima_table_find(nima_str name);
int nima_table_column(const struct nima_table *table, unsigned flag); /* the first, or -1 */

enum { NIMA_TABLE_COLUMNS_MAX = 48 };
/* A row of any table: one value for each column. */
struct nima_row {
    struct nima_db_value values[NIMA_TABLE_COLUMNS_MAX];
};
/* "id, fact, …" of all columns. */
nima_str nima_table_columns(struct nima_ctx *ctx, const struct nima_table *table);
/* Copies the row that a statement on nima_table_columns stands at into ctx->arena. */
void nima_table_row(struct nima_ctx *ctx, const struct nima_table *table, struct nima_db_stmt *stmt,
                    struct nima_row *out);
/* "k1, k2" of the key's columns, and their values. */
nima_str nima_table_key(struct nima_ctx *ctx, const struct nima_table *table);
size_t nima_table_key_values(const struct nima_table *table, const struct nima_row *row,
                             struct nima_db_value *out);
/* The key for messages: "id" or "a/b/c". */
nima_str nima_table_key_text(struct nima_ctx *ctx, const struct nima_table *table,
                             const struct nima_row *row);
/* INSERT of a whole row; LATER columns are left NULL. With `skip`, what is there already stays:
 * *inserted tells. */
NIMA_MUST_USE nima_rc nima_table_insert(struct nima_ctx *ctx, struct nima_db *db,
                                        const struct nima_table *table, const struct nima_row *row,
                                        bool skip, bool *inserted);
/* Sets a LATER column where it is NULL. */
NIMA_MUST_USE nima_rc nima_table_set_later(struct nima_ctx *ctx, struct nima_db *db,
                                           const struct nima_table *table,
                                           const struct nima_row *row);
/* The row with the same key in *out; *found tells whether there is one. */
NIMA_MUST_USE nima_rc nima_table_get(struct nima_ctx *ctx, struct nima_db *db,
                                     const struct nima_table *table, const struct nima_row *key,
                                     struct nima_row *out, bool *found);
/* The first column in which two rows differ, -1: none. JSON is compared by meaning. */
int nima_table_compare(struct nima_ctx *ctx, const struct nima_table *table,
                       const struct nima_row *a, const struct nima_row *b);
/* The value as JSON, JSON columns with their keys in order, bytes in base64. */
void nima_value_write(struct nima_ctx *ctx, struct nima_buf *buf,
                      const struct nima_db_value *value);
/* JSON to the column's kind, checked; the message begins with `where`. */
struct nima_json;
NIMA_MUST_USE nima_rc nima_value_read(struct nima_ctx *ctx, const char *where,
                                      const struct nima_column *column,
                                      const struct nima_json *node, struct nima_db_value *out);
/* Fills what one column gives another: a HASH from its text. */
void nima_row_derive(struct nima_ctx *ctx, const struct nima_table *table, struct nima_row *row);
