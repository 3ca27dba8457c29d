#pragma once
/*
 * chat: one turn against a running server, for `nima chat`.
 * Ownership  Results live in ctx->arena.
 * Errors     UNAVAILABLE no server, UNAUTHORIZED, CANCELLED stopped by us, or what the server said.
 */
#include "util/ctx.h"

struct nima_chat_turn {
    nima_str url, token, message;
    nima_str conversation;                       /* absent: a new one */
    bool (*stopped)(void);                       /* may be NULL */
    bool (*on_text)(void *user, nima_str piece); /* false: nobody reads on */
    void *user;
};
struct nima_chat_fact {
    nima_str fact, event;
};
struct nima_chat_reply {
    nima_str conversation; /* set as soon as it is known, so also when the turn fails later */
    struct nima_chat_fact *remembered;
    size_t count;
};
NIMA_MUST_USE nima_rc nima_chat_turn(struct nima_ctx *ctx, const struct nima_chat_turn *turn,
                                     struct nima_chat_reply *out);
