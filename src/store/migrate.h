#pragma once
/*
 * migrate: the numbered SQL files of migrations/, embedded into the binary, private to this room.
 * Each is run in a transaction of its own and recorded in schema_migrations with the SHA-256 of
 * the text that this engine was given.
 */
#include "store/db.h"
#include "util/buf.h"

/* Applies what is missing. STORE with what to do when an applied file was edited since, or the
 * database is newer than this binary. */
NIMA_MUST_USE nima_rc nima_store_migrate(struct nima_ctx *ctx, struct nima_db *db);
/* Makes the table `schema_migrations`, without applying any. */
NIMA_MUST_USE nima_rc nima_store_migrations_table(struct nima_ctx *ctx, struct nima_db *db);
/* Fills `applied` and `applied_at`; db NULL: nothing is applied. */
NIMA_MUST_USE nima_rc nima_store_migration_states(struct nima_ctx *ctx,
                                                  const struct nima_db_ops *ops, struct nima_db *db,
                                                  struct nima_migration_states *out);
/* A migration's text in an engine's own spelling. */
NIMA_MUST_USE nima_rc nima_store_render(struct nima_ctx *ctx, const struct nima_db_ops *ops,
                                        nima_str sql, nima_str *out);
