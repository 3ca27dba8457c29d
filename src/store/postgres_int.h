#pragma once
/*
 * postgres_int: what the files of the PostgreSQL engine share. postgres_open.c connects,
 * postgres_fail.c finds words, postgres_value.c reads columns, postgres.c does the rest.
 */
#include <libpq-fe.h>

#include "store/db.h"

enum {
    NIMA_PG_PARAMS_MAX = 24,
    NIMA_PG_COLUMNS_MAX = 48,
    NIMA_PG_STATEMENT_MS = 30000,                    /* the server ends what takes longer */
    NIMA_PG_ANSWER_MS = NIMA_PG_STATEMENT_MS + 5000, /* then the connection is given up */
};

/* db->engine */
struct nima_pg {
    PGconn *conn;
    char *shown;                    /* "postgres://HOST:PORT/DATABASE" */
    struct nima_db_stmt *streaming; /* whose rows are still on their way */
    unsigned long made;             /* statements so far: each has a name of its own */
    bool committing;                /* what is lost now may have happened */
};

/* Memory that is kept for the next row or call. */
struct nima_pg_piece {
    char *ptr;
    size_t room;
};

/* stmt->engine */
struct nima_pg_stmt {
    char name[24];
    int params;
    struct nima_pg_piece values[NIMA_PG_PARAMS_MAX];
    int lengths[NIMA_PG_PARAMS_MAX];
    int formats[NIMA_PG_PARAMS_MAX];
    bool nulls[NIMA_PG_PARAMS_MAX];
    bool prepared;
    bool sent;        /* and not reset since */
    bool ended;       /* no more rows come from the server */
    PGresult *row;    /* the current one */
    PGresult **ahead; /* rows read while another statement wanted the connection */
    size_t ahead_count, ahead_next, ahead_room;
    int64_t changes;
    struct nima_pg_piece cells[NIMA_PG_COLUMNS_MAX]; /* texts of the current row, once asked for */
};

static inline struct nima_pg *nima_pg_of(const struct nima_db *db)
{
    return db->engine;
}

char *nima_pg_room(struct nima_pg_piece *piece, size_t bytes);
NIMA_MUST_USE nima_rc nima_pg_open(struct nima_ctx *ctx, struct nima_db *db,
                                   enum nima_db_mode mode);
/* Runs statements without parameters; the rows are dropped. */
NIMA_MUST_USE nima_rc nima_pg_exec(struct nima_ctx *ctx, struct nima_db *db, const char *sql);
/* The same, its last result in *out, to be cleared by the caller. */
NIMA_MUST_USE nima_rc nima_pg_ask(struct nima_ctx *ctx, struct nima_db *db, const char *sql,
                                  PGresult **out);

/* A result, or the lack of one, as our rc in words that say what to do. Marks a connection that
 * is lost. */
NIMA_MUST_USE nima_rc nima_pg_fail(struct nima_ctx *ctx, struct nima_db *db,
                                   const PGresult *result);
NIMA_MUST_USE nima_rc nima_pg_fail_connect(struct nima_ctx *ctx, struct nima_db *db);
NIMA_MUST_USE nima_rc nima_pg_silent(struct nima_ctx *ctx, struct nima_db *db); /* no answer */

bool nima_pg_is_null(struct nima_db_stmt *stmt, int column);
int64_t nima_pg_integer(struct nima_db_stmt *stmt, int column);
double nima_pg_real(struct nima_db_stmt *stmt, int column);
nima_str nima_pg_text(struct nima_db_stmt *stmt, int column);
nima_str nima_pg_bytes(struct nima_db_stmt *stmt, int column);
