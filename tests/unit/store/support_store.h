#pragma once
/*
 * support_store: a folder of its own for each test, a store in it, a ctx for the person "ana".
 * NIMA_TEST_STORE says which engine: sqlite (when it is not set), json, or postgres with the
 * server's address in NIMA_TEST_POSTGRES; there each test has a schema of its own.
 */
#include "store/conversations.h"
#include "store/db.h"
#include "store/facts.h"
#include "store/people.h"
#include "store/tasks.h"
#include "support/test.h"

struct world {
    struct nima_ctx ctx;
    struct nima_store *store; /* NULL: closed */
    char folder[64];
    char path[96]; /* of the SQLite database */
    char address[512];
};

bool world_is(const char *kind);   /* "sqlite", "json", "postgres" */
void world_only(const char *kind); /* skips the test on other engines */

struct world world_folder(void); /* a folder and a ctx, no store yet */
struct world world_open(void);
void world_close(struct world *w); /* removes the folder too */
NIMA_MUST_USE nima_rc world_try_open(struct world *w);
void world_reopen(struct world *w); /* closes and opens again */

/* What a test needs beside the store: runs SQL on the database, or gives one number. */
void world_sql(struct world *w, const char *sql);
int64_t world_number(struct world *w, const char *sql);
/* Whether the bytes stand in any file of the folder; on PostgreSQL: in any row. */
bool world_has_bytes(struct world *w, const char *needle);

struct nima_fact a_fact(const char *text);
/* Puts it for the ctx's person and returns the row. */
struct nima_fact put_fact(struct world *w, const char *text);
nima_rc try_put_fact(struct world *w, const char *text); /* for what is to be refused */
size_t count_facts(struct world *w);                     /* active ones of the ctx's person */
