#pragma once
/*
 * uuid: ids (RFC 9562). New ones are version 7: they sort by the time they were made, also
 * within one millisecond of one process.
 */
#include "util/ctx.h"

enum { NIMA_UUID_CHARS = 36 };

void nima_uuid_write(char out[NIMA_UUID_CHARS + 1]); /* any thread */
nima_str nima_uuid_new(struct nima_ctx *ctx);
bool nima_uuid_valid(nima_str text); /* 8-4-4-4-12 hex digits of any version and case */
/* INVALID naming `field` when it is none; else *out is a lower-case copy. */
NIMA_MUST_USE nima_rc nima_uuid_read(struct nima_ctx *ctx, nima_str text, const char *field,
                                     nima_str *out);
/* Random bytes from the kernel; ends the process when it has none. */
void nima_random_bytes(void *out, size_t bytes);
