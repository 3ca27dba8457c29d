#pragma once
/*
 * digest: SHA-256 and HMAC with it, over OpenSSL.
 */
#include "util/ctx.h"

enum { NIMA_SHA256_BYTES = 32, NIMA_SHA256_HEX = 64 };

void nima_sha256(nima_str data, unsigned char out[NIMA_SHA256_BYTES]);
/* Lower case. */
nima_str nima_hmac_sha256_hex(struct nima_ctx *ctx, nima_str key, nima_str data);
nima_str nima_sha256_hex(struct nima_ctx *ctx, nima_str data); /* lower case */
