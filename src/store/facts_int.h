#pragma once
/*
 * facts_int: what the files of the facts' repository share.
 */
#include "store/facts.h"
#include "store/store_int.h"

/* The columns that nima_fact_row reads, in its order; the embedding is the column after them. */
#define NIMA_FACT_COLUMNS                                                                          \
    "id, fact, category, source, confidence, metadata, created_at, updated_at, status, "           \
    "superseded_by, conversation_id, message_id, embedding_model"
enum { NIMA_FACT_EMBEDDING_COLUMN = 13 };

/* The row in ctx->arena, its embedding left out. */
void nima_fact_row(struct nima_ctx *ctx, struct nima_db_stmt *stmt, struct nima_fact *out);
/* Adds the embedding from the column after the others. */
void nima_fact_row_embedding(struct nima_ctx *ctx, struct nima_db_stmt *stmt,
                             struct nima_fact *out);
