#pragma once
/*
 * support_orchestrator: a person "ana" with an empty store in a folder of its own, the model that
 * does what it is told, memory, the built-in persona and an orchestrator over them.
 */
#include "orchestrator/orchestrator_int.h"
#include "personality/personality.h"
#include "store/people.h"
#include "support/test.h"

struct world {
    struct nima_ctx ctx;
    struct nima_store *store;
    struct nima_llm *llm;
    struct nima_memory *memory;
    struct nima_goals *goals;
    struct nima_personality *personality;
    struct nima_orchestrator *o;
    char folder[64];
    nima_str streamed;        /* everything on_text was given in the last turn */
    int stop_after;           /* on_text stops the turn after so many pieces; 0: never */
    nima_rc ready;            /* what on_ready answers */
    nima_str ready_id;        /* the conversation on_ready was told */
    struct nima_turn_out out; /* of the last turn */
};

struct world world_open(void);
struct world world_open_with(struct nima_llm_options llm); /* with another model */
void world_close(struct world *w);

/* A turn of one message; an absent id begins a conversation. The result is in w->out. */
NIMA_MUST_USE nima_rc say(struct world *w, nima_str conversation_id, const char *message);
/* The same with everything of the turn to choose; on_text, on_ready and user are set here. */
NIMA_MUST_USE nima_rc say_turn(struct world *w, struct nima_turn turn);
/* say that must work; gives the reply. */
nima_str said(struct world *w, nima_str conversation_id, const char *message);

struct nima_fact world_remember(struct world *w, const char *fact);
size_t count_facts(struct world *w); /* active ones */
struct nima_message_rows messages_of(struct world *w, nima_str conversation_id);
size_t count_conversations(struct world *w);
struct nima_reply_meta meta_of(struct world *w, const struct nima_message_row *message);

#define ASSERT_CONTAINS(text, part)                                                                \
    do {                                                                                           \
        nima_str test_text = (text);                                                               \
        if (nima_str_find(test_text, nima_str_of(part), 0) == SIZE_MAX) {                          \
            fail_msg("\"" NIMA_FMT "\" does not contain \"%s\"", NIMA_ARG(test_text), (part));     \
        }                                                                                          \
    } while (0)
#define ASSERT_LACKS(text, part)                                                                   \
    do {                                                                                           \
        nima_str test_text = (text);                                                               \
        if (nima_str_find(test_text, nima_str_of(part), 0) != SIZE_MAX) {                          \
            fail_msg("\"" NIMA_FMT "\" contains \"%s\"", NIMA_ARG(test_text), (part));             \
        }                                                                                          \
    } while (0)
