#pragma once
/*
 * commands: what a message asks of memory outright: "/remember …", "/forget …", "forget that …".
 */
#include "memory/rules.h"
#include "store/facts.h"

enum nima_command { NIMA_COMMAND_NONE, NIMA_COMMAND_REMEMBER, NIMA_COMMAND_FORGET };

/* Which command the message is, and what it is about. */
enum nima_command nima_memory_command(nima_str text, nima_str *about);
/* Candidates of "/remember …": by the rules, and what no rule knows as it was said. INVALID for
 * nothing and for a secret. */
NIMA_MUST_USE nima_rc nima_memory_remember(struct nima_ctx *ctx, nima_str about,
                                           struct nima_candidates *out);
/* What "/forget ABOUT" means. */
struct nima_memory;
struct nima_learned_list;
struct nima_forget_found {
    struct nima_fact_rows facts;
    bool sure;       /* they go; else they are asked about */
    bool everything; /* all that is known is meant; no fact is among them */
};
NIMA_MUST_USE nima_rc nima_memory_forget_find(struct nima_ctx *ctx, struct nima_memory *memory,
                                              nima_str about, struct nima_forget_found *out);
/* Deletes the fact that clearly is what is to be forgotten; out->asked has those that may be. */
NIMA_MUST_USE nima_rc nima_memory_forget_about(struct nima_ctx *ctx, struct nima_memory *memory,
                                               nima_str about, struct nima_learned_list *out);
