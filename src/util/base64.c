#include "util/base64.h"

#include <string.h>

static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

nima_str nima_base64_write(struct nima_ctx *ctx, nima_str bytes)
{
    char *out = nima_alloc(ctx->arena, (bytes.len + 2) / 3 * 4 + 1);
    size_t used = 0;
    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t left = bytes.len - i;
        const unsigned char *at = (const unsigned char *)bytes.ptr + i;
        unsigned group =
            (unsigned)at[0] << 16 | (left > 1 ? at[1] << 8 : 0) | (left > 2 ? at[2] : 0);
        out[used++] = base64_digits[group >> 18];
        out[used++] = base64_digits[group >> 12 & 63];
        out[used++] = left > 1 ? base64_digits[group >> 6 & 63] : '=';
        out[used++] = left > 2 ? base64_digits[group & 63] : '=';
    }
    return (nima_str){out, used};
}

bool nima_base64_read(struct nima_ctx *ctx, nima_str text, nima_str *out)
{
    if (text.len % 4 != 0) {
        return false;
    }
    char *bytes = nima_alloc(ctx->arena, text.len / 4 * 3 + 1);
    size_t used = 0;
    for (size_t i = 0; i < text.len; i += 4) {
        unsigned group = 0;
        size_t pads = 0;
        for (size_t k = 0; k < 4; k++) {
            char c = text.ptr[i + k];
            const char *at = c != '\0' ? strchr(base64_digits, c) : NULL;
            bool pad = c == '=' && k >= 2 && i + 4 == text.len;
            if ((at == NULL && !pad) || (at != NULL && pads > 0)) {
                return false;
            }
            pads += pad;
            group = group << 6 | (at != NULL ? (unsigned)(at - base64_digits) : 0);
        }
        for (size_t k = 0; k < 3 - pads; k++) {
            bytes[used++] = (char)(group >> (16 - 8 * k) & 255);
        }
    }
    *out = (nima_str){bytes, used};
    return true;
}
