#pragma once
/*
 * forget: which facts "/forget …" means. What differs in number, name, denial, tense or person is
 * another fact; a text of a script that words or vectors cannot tell apart is compared by its
 * characters.
 */
#include "memory/memory_int.h"

/* How surely a fact is meant. EXACT says what was asked, in the same words; CLEAR has all its words
 * and none of its details otherwise; MAYBE is asked about. */
enum nima_meant { NIMA_MEANT_NOT, NIMA_MEANT_MAYBE, NIMA_MEANT_CLEAR, NIMA_MEANT_EXACT };

struct nima_words;
enum nima_meant nima_memory_meant(struct nima_ctx *ctx, struct nima_words *words, nima_str about,
                                  nima_str fact);
/* Nothing but the wording tells the two apart: numbers, denial, tense and person agree. */
bool nima_memory_same_sense(struct nima_ctx *ctx, nima_str about, nima_str fact);
/* "everything", "all you know about me": no fact is meant, but all of them. */
bool nima_memory_means_everything(nima_str about);
/* "what I said about my dog" is about "my dog". */
nima_str nima_memory_forget_topic(nima_str about);
/* A letter that the embedding model has no piece for: no vector of such a text means anything. */
bool nima_memory_beyond_latin(nima_str text);
