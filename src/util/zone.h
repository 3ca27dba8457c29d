#pragma once
/*
 * zone: time zones by their IANA names ("Europe/Berlin"), read from the system's tzdata (TZif,
 * RFC 9636) below /usr/share/zoneinfo. Nothing global is touched: no TZ, no localtime.
 *
 * A local time is written as "local seconds": the seconds since 1970 that a clock on the wall would
 * count if its zone were UTC.
 * Ownership  A zone lives in ctx->arena.
 * Threads    Read-only once loaded.
 * Errors     INVALID naming "timezone" for a name that is none or is not known here.
 */
#include "util/ctx.h"

struct nima_zone;
enum { NIMA_ZONE_NAME_MAX = 64 };

NIMA_MUST_USE nima_rc nima_zone_load(struct nima_ctx *ctx, nima_str name,
                                     const struct nima_zone **out);
/* Seconds east of UTC at that moment. */
int32_t nima_zone_offset_s(const struct nima_zone *zone, int64_t unix_s);
/* The moment of a local time: the first of two where clocks are set back, and the first moment
 * after the gap for one that clocks, set forward, never show. */
int64_t nima_zone_moment_s(const struct nima_zone *zone, int64_t local_s);
/* The zone of this machine: TZ, else /etc/timezone, else /etc/localtime, else "UTC". */
nima_str nima_zone_server(struct nima_ctx *ctx);

/* A local time by its parts. */
struct nima_civil {
    int year, month, day; /* 1.. */
    int hour, minute, second;
    int weekday; /* 0: Sunday; set by nima_civil_of */
};
void nima_civil_of(int64_t local_s, struct nima_civil *out);
int64_t nima_civil_s(const struct nima_civil *civil);
int nima_month_days(int year, int month);
