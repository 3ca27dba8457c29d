#pragma once
/*
 * ctx: what travels with one request or task, first argument of all that fails or allocates.
 * Lifetime   Embedded: _init/_done. The arena in it ends with _done, and with it every result.
 * Ownership  Owns its arena; borrows `cancelled`.
 * Threads    One thread at a time; only `cancelled` may be set from elsewhere.
 */
#include <stdatomic.h>

#include "util/arena.h"
#include "util/rc.h"
#include "util/str.h"

enum { NIMA_ERROR_CHARS_MAX = 511, NIMA_FIELD_CHARS_MAX = 127 };

struct nima_error {
    nima_rc rc;
    int retry_after_s; /* 0: nothing to say */
    char message[NIMA_ERROR_CHARS_MAX + 1];
    char field[NIMA_FIELD_CHARS_MAX + 1]; /* which input was wrong: "messages[2].role", or "" */
};

struct nima_ctx {
    struct nima_arena *arena;
    struct nima_error error;
    nima_str user_id;    /* the person this is done for; every store query is scoped to it */
    nima_str request_id; /* for logs and replies */
    int64_t deadline_ms; /* on nima_mono_ms(); 0: none */
    int64_t now_ms;      /* wall clock for this piece of work; 0: the real one, see nima_ctx_now */
    const atomic_bool *cancelled; /* may be NULL; read through nima_ctx_stopped */
};

void nima_ctx_init(struct nima_ctx *ctx);
void nima_ctx_done(struct nima_ctx *ctx);
/* Forgets results and error of the last piece of work, keeps the memory for the next. */
void nima_ctx_reset(struct nima_ctx *ctx);

/* Sets the error and returns rc: `return nima_fail(ctx, NIMA_E_INVALID, "limit must be 1..%d", m);`
 */
nima_rc nima_fail(struct nima_ctx *ctx, nima_rc rc, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* The same, naming the input that was wrong. */
nima_rc nima_fail_field(struct nima_ctx *ctx, nima_rc rc, const char *field, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* NIMA_OK, or CANCELLED or TIMEOUT once the client has left or the deadline has passed. */
NIMA_MUST_USE nima_rc nima_ctx_stopped(struct nima_ctx *ctx);
int64_t nima_ctx_now(const struct nima_ctx *ctx); /* wall clock, ms since 1970 */

char *nima_cstr(struct nima_ctx *ctx, nima_str s); /* copy with a NUL, for third-party borders */
nima_str nima_fmt(struct nima_ctx *ctx, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Temporary work: struct nima_arena_mark m = nima_scratch(ctx); … nima_scratch_end(ctx, m); */
struct nima_arena_mark nima_scratch(struct nima_ctx *ctx);
void nima_scratch_end(struct nima_ctx *ctx, struct nima_arena_mark mark);
