#pragma once
/*
 * learn_model: facts from what no rule understood, by the chat model. The model's sentences are
 * candidates like those of the rules once they stand on the person's own words (ground.h).
 */
#include "memory/memory_int.h"
#include "memory/rules.h"

/* Whether the chat model is there and large enough (or allowed) to be asked. */
bool nima_memory_may_ask_model(struct nima_memory *memory);
/* `cares` (may be absent) is what to look for above all. Appends to `known`, which holds what the
 * rules found in the same message. A model that fails is no failure; CANCELLED and TIMEOUT come
 * through. */
NIMA_MUST_USE nima_rc nima_memory_ask_model(struct nima_ctx *ctx, struct nima_memory *memory,
                                            nima_str left, nima_str cares,
                                            struct nima_candidates *known);
