#pragma once
/*
 * filter: the rules at work on a reply while it is written. Pieces in, pieces out; the result does
 * not depend on where the pieces are cut, and the result of the result is the same.
 *
 * What is held back: at most NIMA_FILTER_HOLD_BYTES_MAX bytes, and only while a rule may still
 * apply, so mostly none. Never touched: code (fenced, indented, between backticks), quotations,
 * links, mathematics, tables, words with digits or signs in them.
 *
 * Lifetime   One per reply.
 * Ownership  _take lends until the next call; a report lives in ctx->arena.
 * Threads    One at a time.
 */
#include "personality/personality.h"

enum { NIMA_FILTER_HOLD_BYTES_MAX = 560, NIMA_FILTER_CHANGES_MAX = 64 };

struct nima_filter;

/* `forbidden` (may be NULL): a persona's phrases, counted where they are said; borrowed. */
struct nima_filter *nima_filter_new(const struct nima_texts *forbidden);
void nima_filter_free(struct nima_filter *filter);
void nima_filter_add(struct nima_filter *filter, nima_str piece);
void nima_filter_end(struct nima_filter *filter);          /* nothing is added any more */
nima_str nima_filter_take(struct nima_filter *filter);     /* what is ready since the last call */
size_t nima_filter_held(const struct nima_filter *filter); /* bytes that are not ready yet */

struct nima_filter_report {
    struct nima_change *items; /* the first NIMA_FILTER_CHANGES_MAX of them */
    size_t count;
    int64_t changes, sentences; /* all of them */
    double score; /* 0..1: 1 less what the rules found by sentence, changed or only noted */
};
void nima_filter_report(struct nima_ctx *ctx, const struct nima_filter *filter,
                        struct nima_filter_report *out);
