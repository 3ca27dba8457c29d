#pragma once
/*
 * base64: RFC 4648 with padding. Reading is strict: what is written is what is read.
 */
#include "util/ctx.h"

nima_str nima_base64_write(struct nima_ctx *ctx, nima_str bytes);
bool nima_base64_read(struct nima_ctx *ctx, nima_str text, nima_str *out); /* false: it is none */
