#pragma once
/*
 * zones: time zones as people write them. As language.h: results in ctx->arena, nothing fails.
 */
#include "util/ctx.h"

/* The IANA name of a zone as people write it: "Europe/Berlin", "berlin", "UTC+2", "EST", "CET";
 * absent when it is none. Offsets are Etc/GMT names, which have whole hours alone. */
nima_str nima_when_zone_name(struct nima_ctx *ctx, nima_str said);
