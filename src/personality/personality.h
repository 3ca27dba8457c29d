#pragma once
/*
 * personality: who Nima is. A persona file (configs/personality.yaml) becomes the first part of
 * the system prompt, always the same text for the same file, so that its model state can be kept.
 *
 * Lifetime   One per process.
 * Ownership  The prompt is copied into ctx->arena.
 * Threads    Any.
 * Errors     INVALID with file, line and key for a file that does not fit.
 */
#include "util/ctx.h"

struct nima_personality;

/* `path` may be absent: the built-in Zen engineer. */
NIMA_MUST_USE nima_rc nima_personality_open(struct nima_ctx *ctx, nima_str path,
                                            struct nima_personality **out);
void nima_personality_close(struct nima_personality *personality);
nima_str nima_personality_name(struct nima_personality *personality);
/* The system prompt, without anything about the person. */
nima_str nima_personality_prompt(struct nima_ctx *ctx, struct nima_personality *personality);
