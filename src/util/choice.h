#pragma once
/*
 * choice: the answer to "which of these do you mean?", where the question has a numbered line for
 * each: "2", "the second one, please", "the last". Works in ctx->arena.
 */
#include "util/ctx.h"

/* Without what stands around it: "the second one, please." is "second". */
nima_str nima_choice_core(struct nima_ctx *ctx, nima_str answer);
/* Which of `count` such a core means by number, 1 and on; 0: none. */
size_t nima_choice_number(nima_str core, size_t count);
/* The line "2. …" of the question, without the number; absent: there is none. */
nima_str nima_choice_line(struct nima_ctx *ctx, nima_str question, size_t number);
