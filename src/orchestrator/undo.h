#pragma once
/*
 * undo: what acts of the last ten minutes can be taken back by. Kept in this process's memory
 * alone: what was deleted is gone from disk at once, and a restart forgets it.
 *
 * Ownership  The table copies what it keeps; what it gives out lives in ctx->arena.
 * Threads    Any.
 * Scope      ctx->user_id: another person's id is NOT_FOUND.
 */
#include "util/ctx.h"

struct nima_undo_table;
struct nima_orchestrator;

enum { NIMA_UNDO_TEXTS = 6, NIMA_UNDO_MINUTES = 10, NIMA_UNDO_KEPT_MAX = 2000 };

/* Takes an act back; `texts` are those it was kept with. *told is a sentence for the person.
 * CONFLICT when what it changed has been changed since. */
typedef nima_rc (*nima_undo_take)(struct nima_ctx *ctx, struct nima_orchestrator *o,
                                  const nima_str texts[NIMA_UNDO_TEXTS], nima_str *told);

struct nima_undo_table *nima_undo_table_new(void);
void nima_undo_table_free(struct nima_undo_table *table);
/* *id_out: what it is asked for by. Beyond NIMA_UNDO_KEPT_MAX the oldest goes. */
void nima_undo_table_keep(struct nima_ctx *ctx, struct nima_undo_table *table, nima_undo_take take,
                          const nima_str texts[NIMA_UNDO_TEXTS], nima_str *id_out);
/* Once: NOT_FOUND afterwards, and when its time is over. What failed may be tried again. */
NIMA_MUST_USE nima_rc nima_undo_table_run(struct nima_ctx *ctx, struct nima_undo_table *table,
                                          struct nima_orchestrator *o, nima_str id, nima_str *told);
/* Everything of ctx->user_id is dropped. */
void nima_undo_table_forget(struct nima_ctx *ctx, struct nima_undo_table *table);
