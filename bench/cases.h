#pragma once
/*
 * cases: what the benches over a file of labelled sentences share.
 */
#include "llm/llm.h"
#include "util/json.h"

/* Opens the chat model and waits until it is loaded; *out is the caller's to close, also after a
 * failure (NULL: there is none). */
NIMA_MUST_USE nima_rc bench_model_open(struct nima_ctx *ctx, const char *address,
                                       const char *models_dir, struct nima_llm **out);
/* Calls `take` with each line of the file, a JSON object; a failure ends it. */
NIMA_MUST_USE nima_rc bench_each_case(struct nima_ctx *ctx, const char *path,
                                      nima_rc (*take)(struct nima_ctx *ctx, void *user,
                                                      const struct nima_json *line),
                                      void *user);
