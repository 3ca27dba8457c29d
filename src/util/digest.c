#include "util/digest.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <stdlib.h>

void nima_sha256(nima_str data, unsigned char out[NIMA_SHA256_BYTES])
{
    SHA256((const unsigned char *)(data.ptr != NULL ? data.ptr : ""), data.len, out);
}

struct nima_sha256 {
    EVP_MD *how;
    EVP_MD_CTX *state;
};

static void begin(struct nima_sha256 *sha)
{
    nima_assert(EVP_DigestInit_ex2(sha->state, sha->how, NULL) == 1);
}

struct nima_sha256 *nima_sha256_new(void)
{
    struct nima_sha256 *sha = NIMA_XNEW(struct nima_sha256, 1);
    sha->how = EVP_MD_fetch(NULL, "SHA256", NULL);
    sha->state = EVP_MD_CTX_new();
    nima_assert(sha->how != NULL && sha->state != NULL);
    begin(sha);
    return sha;
}

void nima_sha256_free(struct nima_sha256 *sha)
{
    if (sha != NULL) {
        EVP_MD_CTX_free(sha->state);
        EVP_MD_free(sha->how);
        free(sha);
    }
}

void nima_sha256_add(struct nima_sha256 *sha, nima_str data)
{
    nima_assert(EVP_DigestUpdate(sha->state, data.ptr != NULL ? data.ptr : "", data.len) == 1);
}

void nima_sha256_end(struct nima_sha256 *sha, unsigned char out[NIMA_SHA256_BYTES])
{
    nima_assert(EVP_DigestFinal_ex(sha->state, out, NULL) == 1);
    begin(sha);
}

nima_str nima_hex(struct nima_ctx *ctx, const unsigned char *raw, size_t bytes)
{
    static const char digits[] = "0123456789abcdef";
    char *hex = nima_alloc(ctx->arena, 2 * bytes + 1);
    for (size_t i = 0; i < bytes; i++) {
        hex[2 * i] = digits[raw[i] >> 4];
        hex[2 * i + 1] = digits[raw[i] & 15];
    }
    return (nima_str){hex, 2 * bytes};
}

nima_str nima_sha256_hex(struct nima_ctx *ctx, nima_str data)
{
    unsigned char raw[NIMA_SHA256_BYTES];
    nima_sha256(data, raw);
    return nima_hex(ctx, raw, sizeof(raw));
}

nima_str nima_hmac_sha256_hex(struct nima_ctx *ctx, nima_str key, nima_str data)
{
    unsigned char raw[NIMA_SHA256_BYTES];
    unsigned length = sizeof(raw);
    nima_assert(HMAC(EVP_sha256(), key.ptr, (int)key.len, (const unsigned char *)data.ptr, data.len,
                     raw, &length) != NULL);
    return nima_hex(ctx, raw, sizeof(raw));
}
