#pragma once
/*
 * buf: a growing text or byte buffer with a stated maximum.
 * Lifetime   _init/_done (heap, for what outlives a request). Overflow sticks: write on, check
 *            nima_buf_overflowed once at the end.
 * Threads    One thread at a time.
 */
#include <stdbool.h>

#include "util/ctx.h"
#include "util/str.h"

struct nima_buf {
    char *ptr; /* NUL-terminated once anything was written */
    size_t len;
    size_t room;
    size_t max;
    bool overflowed;
};

void nima_buf_init(struct nima_buf *buf, size_t max_bytes);
void nima_buf_done(struct nima_buf *buf);
void nima_buf_clear(struct nima_buf *buf); /* empties, keeps the memory */
void nima_buf_add(struct nima_buf *buf, nima_str s);
void nima_buf_add_char(struct nima_buf *buf, char c);
void nima_buf_fmt(struct nima_buf *buf, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void nima_buf_drop(struct nima_buf *buf, size_t bytes); /* off the front */
nima_str nima_buf_view(const struct nima_buf *buf);     /* borrowed until the next write */
/* TOO_LARGE when it overflowed, else a copy in ctx->arena. */
NIMA_MUST_USE nima_rc nima_buf_take(struct nima_ctx *ctx, const struct nima_buf *buf,
                                    nima_str *out);
