#pragma once
/*
 * learner: messages that the model reads in the background, one after the other, when nobody waits
 * for a reply.
 *
 * Lifetime   Made with the memory and freed with it; the thread starts with the first message. What
 *            still waits then is not learned: the rules have had it already.
 * Ownership  Copies what it is given.
 * Threads    Any may push; one thread of its own works.
 */
#include "memory/memory.h"

struct nima_learner;

struct nima_learner *nima_memory_learner_new(struct nima_memory *memory);
void nima_memory_learner_free(struct nima_learner *learner);
/* False: the line is full, and the message is counted as dropped. */
bool nima_memory_learner_push(struct nima_learner *learner, nima_str user_id,
                              const struct nima_utterance *said);
/* Takes the person's messages out of the line and waits until none is being read: for what they
 * asked to be forgotten must not come back. */
void nima_memory_learner_drop(struct nima_learner *learner, nima_str user_id);
struct nima_learner_counts {
    int64_t waiting, read, dropped;
};
void nima_memory_learner_counts(struct nima_learner *learner, struct nima_learner_counts *out);
