#pragma once
/*
 * file: whole files in and out.
 * Errors     NOT_FOUND, TOO_LARGE, or STORE with path and the system's reason.
 */
#include "util/ctx.h"

/* The whole file into ctx->arena. */
NIMA_MUST_USE nima_rc nima_file_read(struct nima_ctx *ctx, const char *path, size_t max_bytes,
                                     nima_str *out);
/* By a temporary file, fsync, rename and fsync of the folder: a crash leaves old or new, whole. */
NIMA_MUST_USE nima_rc nima_file_write(struct nima_ctx *ctx, const char *path, nima_str data,
                                      unsigned mode);
/* Makes the folder and its parents (mode 0700 for those it makes). */
NIMA_MUST_USE nima_rc nima_dir_make(struct nima_ctx *ctx, const char *path);
