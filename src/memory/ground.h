#pragma once
/*
 * ground: whether a sentence that a model wrote about the person stands on the person's own words.
 * docs/memory.md has the rules and the formula of confidence.
 */
#include "memory/rules.h"

struct nima_grounds;

/* `said` is what the person wrote, as the model was given it; copied. */
struct nima_grounds *nima_memory_grounds_new(struct nima_ctx *ctx, nima_str said);
void nima_memory_grounds_free(struct nima_grounds *grounds);

/* Fills confidence and inferred of a candidate whose text and category are set; false: it must not
 * be kept. */
bool nima_memory_grounded(struct nima_ctx *ctx, const struct nima_grounds *grounds,
                          struct nima_candidate *candidate);
/* Whether `known` says already what `fact` says: by its words, stemmed. */
bool nima_memory_says_already(nima_str known, nima_str fact);
