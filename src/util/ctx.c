#include "util/ctx.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "util/clock.h"

void nima_ctx_init(struct nima_ctx *ctx)
{
    *ctx = (struct nima_ctx){.arena = nima_arena_new()};
}

void nima_ctx_done(struct nima_ctx *ctx)
{
    nima_arena_free(ctx->arena);
    *ctx = (struct nima_ctx){0};
}

void nima_ctx_reset(struct nima_ctx *ctx)
{
    nima_arena_reset(ctx->arena);
    *ctx = (struct nima_ctx){.arena = ctx->arena};
}

/* A text cut in the middle of a character would be invalid JSON later. */
static void drop_half_character(char *text)
{
    nima_str whole = nima_str_of(text);
    text[whole.len - nima_utf8_incomplete_tail(whole)] = '\0';
}

static void set_error(struct nima_ctx *ctx, nima_rc rc, const char *field, const char *fmt,
                      va_list args)
{
    struct nima_error *error = &ctx->error;
    *error = (struct nima_error){.rc = rc};
    vsnprintf(error->message, sizeof(error->message), fmt, args);
    snprintf(error->field, sizeof(error->field), "%s", field);
    drop_half_character(error->message);
    drop_half_character(error->field);
}

nima_rc nima_fail(struct nima_ctx *ctx, nima_rc rc, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    set_error(ctx, rc, "", fmt, args);
    va_end(args);
    return rc;
}

nima_rc nima_fail_field(struct nima_ctx *ctx, nima_rc rc, const char *field, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    set_error(ctx, rc, field, fmt, args);
    va_end(args);
    return rc;
}

nima_rc nima_ctx_stopped(struct nima_ctx *ctx)
{
    if (ctx->cancelled != NULL && atomic_load_explicit(ctx->cancelled, memory_order_relaxed)) {
        return nima_fail(ctx, NIMA_E_CANCELLED, "the client has left");
    }
    if (ctx->deadline_ms != 0 && nima_mono_ms() > ctx->deadline_ms) {
        return nima_fail(ctx, NIMA_E_TIMEOUT, "this took longer than allowed");
    }
    return NIMA_OK;
}

int64_t nima_ctx_now(const struct nima_ctx *ctx)
{
    return ctx->now_ms != 0 ? ctx->now_ms : nima_now_ms();
}

char *nima_cstr(struct nima_ctx *ctx, nima_str s)
{
    return nima_arena_cstr(ctx->arena, s);
}

nima_str nima_fmt(struct nima_ctx *ctx, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    va_list again;
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    nima_assert(length >= 0);
    char *text = nima_alloc(ctx->arena, (size_t)length + 1);
    vsnprintf(text, (size_t)length + 1, fmt, again);
    va_end(again);
    return (nima_str){text, (size_t)length};
}

struct nima_arena_mark nima_scratch(struct nima_ctx *ctx)
{
    return nima_arena_mark(ctx->arena);
}

void nima_scratch_end(struct nima_ctx *ctx, struct nima_arena_mark mark)
{
    nima_arena_rewind(ctx->arena, mark);
}
