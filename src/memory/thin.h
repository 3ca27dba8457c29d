#pragma once
/*
 * thin: near-duplicates among the facts of a turn, so that one thing said six times does not take
 * the place of five others. The formula and what it was chosen by are in docs/memory.md.
 */
#include "memory/memory_int.h"

/* Leaves at most `limit` of the hits, which come best first: each the one that is good and least
 * like those before it. What says the same as one of those is left out. */
void nima_memory_thin(struct nima_ctx *ctx, struct nima_memory_hits *hits, size_t limit);
