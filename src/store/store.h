#pragma once
/*
 * store: what is kept on disk, one schema on three engines: SQLite, PostgreSQL, and JSON files for
 * development (db.h says how another is added). Repositories, one header for each family of tables:
 * facts.h, people.h, conversations.h. No other room sees SQL.
 *
 * Lifetime   One per process; opened first, closed last.
 * Ownership  Rows live in ctx->arena.
 * Threads    Any; writers are put in line, readers have connections of their own.
 * Scope      Every query is for ctx->user_id; what belongs to somebody else is NOT_FOUND.
 * Errors     STORE with a message fit for a user (the engine's own words are in it, never SQL),
 *            BUSY when a lock cannot be had in time, UNAVAILABLE while the database
 *            server is away, CONFLICT, NOT_FOUND.
 * Durability A write that returned NIMA_OK is on disk (fsync) and survives kill -9 and power loss.
 */
#include "util/ctx.h"

struct nima_store;

struct nima_store_options {
    nima_str address; /* "sqlite:PATH" (or a PATH alone), "json:FOLDER", "postgres://…" */
    int readers;      /* connections kept for reading; 0: what suits the engine */
};

/* Opens, checks and migrates. Fails with what to do: a folder that cannot be written, a file that
 * is no database, an edited applied migration, a database newer than this binary. */
NIMA_MUST_USE nima_rc nima_store_open(struct nima_ctx *ctx,
                                      const struct nima_store_options *options,
                                      struct nima_store **out);
void nima_store_close(struct nima_store *store);
const char *nima_store_kind(const struct nima_store *store); /* "sqlite" */
/* What was put right while opening, for the log, a line each; NULL when nothing was. */
const char *nima_store_notes(const struct nima_store *store);
/* The address as it may be shown to people: without a password. */
nima_str nima_store_address_shown(struct nima_ctx *ctx, nima_str address);
/* A cheap round trip, for /health and /ready. */
NIMA_MUST_USE nima_rc nima_store_ping(struct nima_ctx *ctx, struct nima_store *store);

struct nima_store_check {
    nima_str problem; /* what does not fit together, in words; absent: all of it does */
    int64_t facts, messages;
};
/* Reads everything: seconds with a million facts. For `nima doctor`. */
NIMA_MUST_USE nima_rc nima_store_check(struct nima_ctx *ctx, struct nima_store *store,
                                       struct nima_store_check *out);

struct nima_migration_state {
    int version;
    nima_str name;
    bool applied;
    nima_str applied_at; /* RFC 3339, absent when not applied */
};
struct nima_migration_states {
    struct nima_migration_state *items;
    size_t count;
};
/* For `nima migrate status`: opens without migrating. */
NIMA_MUST_USE nima_rc nima_store_migrations(struct nima_ctx *ctx,
                                            const struct nima_store_options *options,
                                            struct nima_migration_states *out);
