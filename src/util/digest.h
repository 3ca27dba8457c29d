#pragma once
/*
 * digest: SHA-256 and HMAC with it, over OpenSSL.
 * Lifetime   struct nima_sha256: _new/_free.
 * Threads    Each struct nima_sha256 is one thread's at a time.
 */
#include "util/ctx.h"

enum { NIMA_SHA256_BYTES = 32, NIMA_SHA256_HEX = 64 };

/* The digest of what comes in pieces, and of many texts one after another: a single call has to
 * look up the algorithm each time, which costs more than hashing a sentence. */
struct nima_sha256;
struct nima_sha256 *nima_sha256_new(void);
void nima_sha256_free(struct nima_sha256 *sha);
void nima_sha256_add(struct nima_sha256 *sha, nima_str data);
/* Of all that was added since the last end. */
void nima_sha256_end(struct nima_sha256 *sha, unsigned char out[NIMA_SHA256_BYTES]);

void nima_sha256(nima_str data, unsigned char out[NIMA_SHA256_BYTES]);
/* Lower case. */
nima_str nima_hex(struct nima_ctx *ctx, const unsigned char *raw, size_t bytes);
nima_str nima_hmac_sha256_hex(struct nima_ctx *ctx, nima_str key, nima_str data);
nima_str nima_sha256_hex(struct nima_ctx *ctx, nima_str data); /* lower case */
