#include "util/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void nima_buf_init(struct nima_buf *buf, size_t max_bytes)
{
    *buf = (struct nima_buf){.max = max_bytes};
}

void nima_buf_done(struct nima_buf *buf)
{
    free(buf->ptr);
    *buf = (struct nima_buf){0};
}

void nima_buf_clear(struct nima_buf *buf)
{
    buf->len = 0;
    buf->overflowed = false;
    if (buf->ptr != NULL) {
        buf->ptr[0] = '\0';
    }
}

/* Room for `more` bytes and a NUL; false, and stuck, past the maximum. */
static bool reserve(struct nima_buf *buf, size_t more)
{
    if (buf->overflowed || more > buf->max - buf->len) {
        buf->overflowed = true;
        return false;
    }
    size_t need = buf->len + more + 1;
    if (need > buf->room) {
        size_t room = buf->room > 0 ? buf->room * 2 : 256;
        room = room > need ? room : need;
        buf->ptr = nima_xrealloc(buf->ptr, room);
        buf->room = room;
    }
    return true;
}

void nima_buf_add(struct nima_buf *buf, nima_str s)
{
    if (!reserve(buf, s.len)) {
        return;
    }
    if (s.len > 0) {
        memcpy(buf->ptr + buf->len, s.ptr, s.len);
    }
    buf->len += s.len;
    buf->ptr[buf->len] = '\0';
}

void nima_buf_add_char(struct nima_buf *buf, char c)
{
    nima_buf_add(buf, (nima_str){&c, 1});
}

void nima_buf_fmt(struct nima_buf *buf, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    va_list again;
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    nima_assert(length >= 0);
    if (reserve(buf, (size_t)length)) {
        vsnprintf(buf->ptr + buf->len, (size_t)length + 1, fmt, again);
        buf->len += (size_t)length;
    }
    va_end(again);
}

void nima_buf_drop(struct nima_buf *buf, size_t bytes)
{
    nima_assert(bytes <= buf->len);
    if (bytes > 0) {
        memmove(buf->ptr, buf->ptr + bytes, buf->len - bytes + 1);
        buf->len -= bytes;
    }
}

nima_str nima_buf_view(const struct nima_buf *buf)
{
    return (nima_str){buf->ptr != NULL ? buf->ptr : "", buf->len};
}

nima_rc nima_buf_take(struct nima_ctx *ctx, const struct nima_buf *buf, nima_str *out)
{
    if (buf->overflowed) {
        return nima_fail(ctx, NIMA_E_TOO_LARGE, "the text is over %zu bytes", buf->max);
    }
    *out = nima_str_copy(ctx->arena, nima_buf_view(buf));
    return NIMA_OK;
}
