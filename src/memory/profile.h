#pragma once
/*
 * profile: what learned facts fill into the person's profile: name, pronouns, time zone, languages,
 * location. Only what is not set; a value that came from a fact goes with it, and is changed when
 * the fact is superseded.
 */
#include "memory/memory_int.h"

/* From what became of a message's facts. */
NIMA_MUST_USE nima_rc nima_memory_profile_learn(struct nima_ctx *ctx, struct nima_memory *memory,
                                                const struct nima_learned_list *learned);
/* Takes out what this fact, which is deleted, had filled in. */
NIMA_MUST_USE nima_rc nima_memory_profile_forget(struct nima_ctx *ctx, struct nima_memory *memory,
                                                 const struct nima_fact *fact);
