/*
 * How the message wants to be taken, said right in front of it. What stands in the system prompt is
 * far away for a small model: it answers a statement with advice, or with what an example of its
 * persona says, and "how do I take my coffee?" with a recipe. Measured in docs/orchestrator.md.
 */
#include "memory/ground.h"
#include "memory/hints.h"
#include "memory/left.h"
#include "orchestrator/orchestrator_int.h"

enum { TELLS, ASKS, RECALLS, MIND };
static const struct nima_note manners[] = {
    {.id = NIMA_STR_INIT("tells"),
     .fact = NIMA_STR_INIT("It tells you something about the user and asks for nothing. Reply with "
                           "one short sentence that says back what you understood, with \"you\". "
                           "Give no advice."),
     .kind = NIMA_STR_INIT("manner"),
     .score = 1},
    {.id = NIMA_STR_INIT("asks"),
     .fact = NIMA_STR_INIT("It asks about the user, not how something is done in general. Say the "
                           "fact above that answers it, with \"you\"."),
     .kind = NIMA_STR_INIT("manner"),
     .score = 1},
    {.id = NIMA_STR_INIT("recalls"),
     .fact = NIMA_STR_INIT("It asks what you know about the user. Reply with the fact above that "
                           "answers it, in one sentence that begins with \"You\" or \"Your\"."),
     .kind = NIMA_STR_INIT("manner"),
     .score = 1},
    {.id = NIMA_STR_INIT("mind"),
     .fact = NIMA_STR_INIT("The user must mind what the facts above say. Suggest nothing against "
                           "them, and name what you left out because of them."),
     .kind = NIMA_STR_INIT("manner"),
     .score = 1},
};

static bool has_all_words(const struct nima_memory_hits *hits, nima_str message)
{
    for (size_t i = 0; i < hits->count; i++) {
        if (nima_memory_says_already(hits->items[i].fact.fact, message)) {
            return true;
        }
    }
    return false;
}

const struct nima_note *nima_manner_of(struct nima_ctx *ctx, const struct nima_memory_hits *hits,
                                       bool tells, nima_str message)
{
    if (tells) {
        return &manners[TELLS];
    }
    enum nima_asked asked = nima_memory_asks_of_person(ctx, message);
    if (asked == NIMA_ASKED_PERSON && hits->count > 0) {
        return &manners[ASKS];
    }
    if (asked == NIMA_ASKED_HOW && has_all_words(hits, message)) {
        return &manners[RECALLS]; /* what stands in no fact is how something is done */
    }
    for (size_t i = 0; i < hits->count; i++) {
        if (nima_memory_limits_food(hits->items[i].fact.fact)) {
            return &manners[MIND];
        }
    }
    return NULL;
}
