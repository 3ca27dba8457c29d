#pragma once
/*
 * fuzz: what every target has. A target is one file NAME.c with LLVMFuzzerTestOneInput, which is
 * given any bytes and must return 0 whatever they are; a crash, a sanitizer's report, a broken
 * promise (fuzz_must) or more than ten seconds is a finding.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "util/ctx.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define fuzz_must(condition)                                                                       \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "fuzz: %s does not hold at %s:%d\n", #condition, __FILE__, __LINE__);  \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

static inline nima_str fuzz_str(const uint8_t *data, size_t size)
{
    return (nima_str){size > 0 ? (const char *)data : "", size};
}

/* Cuts the next piece of input off, up to a NUL; for targets with several inputs. */
static inline nima_str fuzz_part(nima_str *rest)
{
    nima_str part = {"", 0};
    (void)nima_str_next(rest, '\0', &part);
    return part;
}

/* An error says something, in valid UTF-8, and names its field so too. */
static inline void fuzz_check_error(const struct nima_ctx *ctx, nima_rc rc)
{
    fuzz_must(rc == NIMA_OK || ctx->error.rc == rc);
    fuzz_must(rc == NIMA_OK || ctx->error.message[0] != '\0');
    fuzz_must(nima_utf8_valid(nima_str_of(ctx->error.message)));
    fuzz_must(nima_utf8_valid(nima_str_of(ctx->error.field)));
}
