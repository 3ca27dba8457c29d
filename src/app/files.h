#pragma once
/*
 * files: where the files that come with the program are.
 * Ownership  Results live in ctx->arena.
 */
#include "util/ctx.h"

/* The path of "scripts/models.py" or the like: beside the program or up to two folders above it
 * (build/nima, build/asan/nima), else below the working folder; NULL when it is nowhere. The
 * program's own come first, so that a strange working folder cannot slip a script in. */
const char *nima_app_file(struct nima_ctx *ctx, const char *name);
/* The folders of packs by the configuration, and where vectors are kept. */
struct nima_config;
struct nima_pack_folders {
    nima_str shipped, own, cache; /* shipped absent: there are none */
};
struct nima_pack_folders nima_app_packs(struct nima_ctx *ctx, const struct nima_config *config);
