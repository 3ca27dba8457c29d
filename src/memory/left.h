#pragma once
/*
 * left: what of a message speaks of the person and was understood by no rule: the sentences that a
 * model is asked about. Questions, suppositions, orders and what has no person in it are not
 * among them.
 */
#include "memory/said.h"

enum { NIMA_LEFT_MAX = 8, NIMA_LEFT_BYTES_MAX = 700 };

struct nima_left {
    nima_str items[NIMA_LEFT_MAX];
    size_t count;
    nima_str before; /* the sentence before, when it was the person's own */
};
/* Called for each sentence in its order. */
void nima_memory_left_note(struct nima_left *left, const struct nima_sentence *sentence,
                           const struct nima_said_word *tokens, size_t count, bool understood);
/* Whether a message only tells something of the person: no question, no order, nothing that is to
 * be solved. */
bool nima_memory_only_tells(struct nima_ctx *ctx, nima_str message);
/* Whether it asks about the person: HOW stands for "how do I …", which may as well be about how
 * something is done. What asks for advice ("what should I …") asks for something else. */
enum nima_asked { NIMA_ASKED_ELSE, NIMA_ASKED_PERSON, NIMA_ASKED_HOW };
enum nima_asked nima_memory_asks_of_person(struct nima_ctx *ctx, nima_str message);
/* The sentences as one text, "" when there are none. */
nima_str nima_memory_left_text(struct nima_ctx *ctx, const struct nima_left *left);
