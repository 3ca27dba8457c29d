#pragma once
/*
 * What the tests of this room share: a ctx, a model behind the door, and where real weights are.
 */
#include "support/test.h"

#include <stdlib.h>
#include <string.h>

#include "llm/llm.h"
#include "llm/llm_int.h"

struct world {
    struct nima_ctx ctx;
    struct nima_llm *llm;
    atomic_bool cancelled;
};

/* Opens and waits until both parts are loaded or failed. */
void world_open(struct world *w, struct nima_llm_options options);
void world_wait(struct world *w, struct nima_llm_state *out);
void world_close(struct world *w);

/* The folder of the models, in ctx->arena; skips the test aloud when one of them is not there,
 * or fails it when NIMA_REQUIRE_MODELS=1. Either ends ctx, so call it before anything is opened. */
nima_str models_needed(struct nima_ctx *ctx, const char *const *names);

/* One user message with everything else at its default; temperature 0. */
struct nima_llm_request ask(struct nima_llm_message *message, const char *text, int max_tokens);

/* An on_text that gathers, and can stop. */
struct gathered {
    struct nima_buf text;
    int pieces;
    int stop_after;      /* pieces; 0: never */
    bool broken;         /* a piece was no valid UTF-8 */
    atomic_bool *cancel; /* set instead of failing, when not NULL */
};
void gathered_init(struct gathered *g);
void gathered_done(struct gathered *g);
nima_rc gather(struct nima_ctx *ctx, void *user, nima_str piece);
