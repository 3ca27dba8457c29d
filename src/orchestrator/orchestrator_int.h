#pragma once
/*
 * Private to src/orchestrator: the parts of a turn.
 */
#include "orchestrator/orchestrator.h"

struct nima_order; /* which conversations are at work, order.c */

struct nima_orchestrator {
    struct nima_store *store;
    struct nima_llm *llm;
    struct nima_memory *memory;
    struct nima_personality *personality;
    struct nima_order *order;
    int recall_limit;
};

/* order.c: turns of one conversation go one after the other, as they came. An absent id needs no
 * turn. */
struct nima_order *nima_order_new(void);
void nima_order_free(struct nima_order *order);
NIMA_MUST_USE nima_rc nima_order_enter(struct nima_ctx *ctx, struct nima_order *order,
                                       nima_str conversation_id);
void nima_order_leave(struct nima_order *order, nima_str conversation_id);

/* A fact as it was put before a message: rendered again each turn, while it is still true. */
struct nima_note {
    nima_str id, fact;
};
struct nima_notes {
    struct nima_note *items;
    size_t count;
};

/* One message of the window, with what stands before it. */
struct nima_window_message {
    nima_str role, content;
    struct nima_notes notes;
    int64_t position; /* in the conversation */
};

/* history.c: what of the conversation goes into the prompt. */
struct nima_history {
    struct nima_window_message *items; /* oldest first; user and assistant only */
    size_t count;
    int64_t trimmed;   /* earlier messages of the conversation that are not among them */
    int64_t tokens;    /* of the prompt they made up last time, reply included; 0: not known */
    nima_str system;   /* the client's own system messages, joined; absent: none */
    nima_str metadata; /* the conversation's; absent: none yet */
    bool has_conversation;
    bool notes_true;      /* all notes of the window are true as of facts_change */
    int64_t facts_change; /* before the check: of the last reply, after it: now */
    bool has_facts_change;
};
NIMA_MUST_USE nima_rc nima_history_load(struct nima_ctx *ctx, struct nima_orchestrator *o,
                                        const struct nima_turn *turn, struct nima_history *out);
/* Cuts the oldest messages off until the prompt fits into the model's context, well below it, so
 * that the window moves in steps and the model's cache stays valid between them. */
NIMA_MUST_USE nima_rc nima_history_fit(struct nima_ctx *ctx, struct nima_orchestrator *o,
                                       const struct nima_turn *turn, nima_str system,
                                       const struct nima_notes *notes, struct nima_history *history,
                                       int *max_tokens);

/* prompt.c */
NIMA_MUST_USE nima_rc nima_prompt_system(struct nima_ctx *ctx, struct nima_orchestrator *o,
                                         nima_str persona, nima_str client_system, bool use_memory,
                                         nima_str *out);
nima_str nima_prompt_notes(struct nima_ctx *ctx, const struct nima_notes *notes);
struct nima_prompt {
    struct nima_llm_message *items;
    size_t count;
};
void nima_prompt_render(struct nima_ctx *ctx, nima_str system, const struct nima_history *history,
                        const struct nima_notes *notes, nima_str message, struct nima_prompt *out);

/* voice.c: who speaks. The turn's persona (checked), else the one kept in the conversation's
 * metadata, else absent: the default. */
NIMA_MUST_USE nima_rc nima_voice_choose(struct nima_ctx *ctx, struct nima_orchestrator *o,
                                        const struct nima_turn *turn, nima_str metadata,
                                        nima_str *out);
/* The metadata with the turn's persona in it; absent when that changes nothing. */
NIMA_MUST_USE nima_rc nima_voice_keep(struct nima_ctx *ctx, const struct nima_turn *turn,
                                      nima_str metadata, nima_str *out);

/* shapes.c: what is kept in a message's metadata. */
struct nima_user_meta {
    struct nima_notes notes;
};
struct nima_reply_meta {
    struct nima_turn_context *context;
    struct {
        struct nima_remembered *items;
        size_t count;
    } remembered;
    bool interrupted, has_interrupted;
    int64_t facts_change; /* the person's change counter when all notes of the window were true */
    bool has_facts_change;
};
extern const struct nima_shape nima_user_meta_shape;
extern const struct nima_shape nima_reply_meta_shape;
NIMA_MUST_USE nima_rc nima_meta_encode(struct nima_ctx *ctx, const struct nima_shape *shape,
                                       const void *meta, nima_str *out);
