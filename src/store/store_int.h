#pragma once
/*
 * store_int: what the repositories share, private to this room.
 */
#include "store/db.h"
#include "util/buf.h"

/* A lower-case copy, or NOT_FOUND ("there is no such fact"): what is no UUID is nobody's id. */
NIMA_MUST_USE nima_rc nima_store_id(struct nima_ctx *ctx, nima_str id, const char *what,
                                    nima_str *out);
/* The id given, in lower case, or a new one when absent. INVALID naming `field` when it is none. */
NIMA_MUST_USE nima_rc nima_store_new_id(struct nima_ctx *ctx, nima_str id, const char *field,
                                        nima_str *out);
/* An id that may stay absent. */
NIMA_MUST_USE nima_rc nima_store_maybe_id(struct nima_ctx *ctx, nima_str id, const char *field,
                                          nima_str *out);
/* Those of the ids that are UUIDs, in lower case, and an absent one behind them. */
NIMA_MUST_USE nima_rc nima_store_ids(struct nima_ctx *ctx, const nima_str *ids, size_t count,
                                     nima_str **out, size_t *count_out);
nima_str nima_store_json(nima_str text); /* "{}" for absent */
NIMA_MUST_USE nima_rc nima_store_no_such(struct nima_ctx *ctx, const char *what);

/* Raises the change counter of ctx->user_id's facts, within the caller's transaction. */
NIMA_MUST_USE nima_rc nima_store_raise_change(struct nima_ctx *ctx, struct nima_db *db,
                                              int64_t *out);
/* The same for their messages. It comes first in its transaction: writers of one person then wait
 * for each other at one row. `gone`: more has happened than rows written with this number. */
NIMA_MUST_USE nima_rc nima_store_raise_messages(struct nima_ctx *ctx, struct nima_db *db, bool gone,
                                                int64_t *out);
/* Marks the messages from which the person's fact `fact_id` was learned, and the replies to them,
 * which repeat it. FORGOTTEN also those of its earlier versions. Within the caller's transaction,
 * while the fact is still there. */
enum nima_withhold { NIMA_WITHHOLD_FORGOTTEN, NIMA_WITHHOLD_SUPERSEDED };
NIMA_MUST_USE nima_rc nima_store_withhold(struct nima_ctx *ctx, struct nima_db *db,
                                          nima_str fact_id, enum nima_withhold how);

/* redact.c: takes the text of the person's fact, which is about to be deleted, out of what
 * conversations keep of their prompts, and what states it out of their summaries; within the
 * caller's transaction. */
NIMA_MUST_USE nima_rc nima_store_redact(struct nima_ctx *ctx, struct nima_db *db, nima_str fact_id);
/* Most of the fact's telling words are in the line. */
bool nima_store_states(nima_str line, nima_str fact);

enum { NIMA_STORE_LIMIT_MAX = 1000, NIMA_STORE_LIMIT_DEFAULT = 50 };
/* The limit of a list; 0 gives the default. INVALID outside 0..NIMA_STORE_LIMIT_MAX. */
NIMA_MUST_USE nima_rc nima_store_limit(struct nima_ctx *ctx, int limit, int *out);

/* Where a list goes on: the row after this one. Opaque to callers. */
struct nima_store_cursor {
    int64_t time;
    nima_str id;
};
nima_str nima_store_cursor_write(struct nima_ctx *ctx, char kind, struct nima_store_cursor at);
/* INVALID naming `cursor` for what was not written with this kind. */
NIMA_MUST_USE nima_rc nima_store_cursor_read(struct nima_ctx *ctx, char kind, nima_str text,
                                             struct nima_store_cursor *out);

/* A query put together from what a filter asks for. */
enum { NIMA_STORE_SELECT_ARGS = 16 };
struct nima_store_select {
    struct nima_buf sql;
    struct nima_db_value args[NIMA_STORE_SELECT_ARGS];
    size_t count;
};
/* `text` is the condition up to the parameter, which is numbered here. */
void nima_store_select_add(struct nima_store_select *select, const char *text,
                           struct nima_db_value value);
/* The same for a text that may be absent, which adds nothing. */
void nima_store_select_text(struct nima_store_select *select, const char *text, nima_str value);

/* A vector out of a column: copied, since a column's bytes stand at any address and floats may
 * not. `room` is used again for the next row; all zero before the first. */
struct nima_store_vector {
    float *room;
    size_t dims;
};
/* Absent: NULL and 0. */
const float *nima_store_vector(struct nima_ctx *ctx, struct nima_db_stmt *stmt, int column,
                               struct nima_store_vector *room, size_t *dims_out);

/* The people that `sql` yields, a page at a time: ids in order, behind $1, at most $2; `ids` has
 * room for `limit`. `after` absent: from the first. */
NIMA_MUST_USE nima_rc nima_store_people(struct nima_ctx *ctx, struct nima_store *store,
                                        const char *sql, nima_str after, int limit, nima_str *ids,
                                        size_t *count_out);
