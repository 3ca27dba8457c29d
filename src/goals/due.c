/* Days by which something is to be reached: read by language/when.h, taken to the end of the day.
 */
#include "goals/said_int.h"
#include "language/when.h"
#include "util/zone.h"

static void read(struct nima_ctx *ctx, nima_str text, const struct nima_zone *zone, int64_t now_ms,
                 struct nima_when *out)
{
    struct nima_when_setting setting = {.zone = zone, .now_ms = now_ms};
    nima_when_read(ctx, &setting, &text, 1, out);
    if (out->kind == NIMA_WHEN_DURATION && out->whole) {
        nima_str later = nima_fmt(ctx, "in " NIMA_FMT, NIMA_ARG(text)); /* "within three months" */
        nima_when_read(ctx, &setting, &later, 1, out);
    }
}

bool nima_due_read(struct nima_ctx *ctx, nima_str text, bool whole, struct nima_due *out)
{
    const struct nima_zone *zone;
    struct nima_when when = {.kind = NIMA_WHEN_NONE};
    if (nima_zone_load(ctx, NIMA_STR("UTC"), &zone) == NIMA_OK) {
        read(ctx, text, zone, nima_ctx_now(ctx), &when);
    }
    bool day = when.has_day || when.problem.ptr != NULL;
    if (!day || !when.whole || when.kind == NIMA_WHEN_RECURRENCE) {
        return false;
    }
    *out = (struct nima_due){.kind = NIMA_DUE_SAID, .text = text, .whole = whole};
    return true;
}

int64_t nima_due_resolve(struct nima_ctx *ctx, const struct nima_due *due,
                         const struct nima_zone *zone, int64_t now_ms)
{
    struct nima_when when;
    struct nima_civil day;
    if (due->kind == NIMA_DUE_NONE) {
        return 0;
    }
    read(ctx, due->text, zone, now_ms, &when);
    if (when.problem.ptr != NULL) {
        return 0;
    }
    bool first = when.named_month && !due->whole; /* "by May": when it begins */
    int64_t at_s = (first ? when.start_ms : when.end_ms) / 1000;
    nima_civil_of(at_s + nima_zone_offset_s(zone, at_s), &day);
    day.hour = 23;
    day.minute = 59;
    day.second = 59;
    return nima_zone_moment_s(zone, nima_civil_s(&day)) * 1000;
}
