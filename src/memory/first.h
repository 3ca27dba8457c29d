#pragma once
/*
 * first: facts as the person would have said them ("I live in Lisbon"), so that the rules can tell
 * what a fact is about that they did not write: one stored by the API, imported, or a model's.
 */
#include "memory/rules.h"

/* "" when the text begins with neither "The user" nor "I" or "My". */
nima_str nima_memory_first_person(struct nima_ctx *ctx, nima_str fact);
/* Gives the candidate the attribute, value and kind that the rules find in its text; as it was
 * when they find none. */
NIMA_MUST_USE nima_rc nima_memory_name_attribute(struct nima_ctx *ctx,
                                                 struct nima_candidate *candidate);
