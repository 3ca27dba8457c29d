#include "util/digest.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

void nima_sha256(nima_str data, unsigned char out[NIMA_SHA256_BYTES])
{
    SHA256((const unsigned char *)(data.ptr != NULL ? data.ptr : ""), data.len, out);
}

static nima_str hex_of(struct nima_ctx *ctx, const unsigned char raw[NIMA_SHA256_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    char *hex = nima_alloc(ctx->arena, NIMA_SHA256_HEX + 1);
    for (size_t i = 0; i < NIMA_SHA256_BYTES; i++) {
        hex[2 * i] = digits[raw[i] >> 4];
        hex[2 * i + 1] = digits[raw[i] & 15];
    }
    return (nima_str){hex, NIMA_SHA256_HEX};
}

nima_str nima_sha256_hex(struct nima_ctx *ctx, nima_str data)
{
    unsigned char raw[NIMA_SHA256_BYTES];
    nima_sha256(data, raw);
    return hex_of(ctx, raw);
}

nima_str nima_hmac_sha256_hex(struct nima_ctx *ctx, nima_str key, nima_str data)
{
    unsigned char raw[NIMA_SHA256_BYTES];
    unsigned length = sizeof(raw);
    nima_assert(HMAC(EVP_sha256(), key.ptr, (int)key.len, (const unsigned char *)data.ptr, data.len,
                     raw, &length) != NULL);
    return hex_of(ctx, raw);
}
