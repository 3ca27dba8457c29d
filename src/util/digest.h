#pragma once
/*
 * digest: SHA-256, over OpenSSL.
 */
#include "util/ctx.h"

enum { NIMA_SHA256_BYTES = 32, NIMA_SHA256_HEX = 64 };

void nima_sha256(nima_str data, unsigned char out[NIMA_SHA256_BYTES]);
nima_str nima_sha256_hex(struct nima_ctx *ctx, nima_str data); /* lower case */
