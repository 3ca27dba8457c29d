#pragma once
/*
 * cron: lines such as "0 9 * * 1-5": minute, hour, day of the month, month, day of the week, with
 * lists, ranges (also over the end: fri-mon), steps, names (jan, mon), 7 for Sunday, ? for *, and
 * @hourly @daily @midnight @weekly @monthly @yearly @annually. As Quartz writes them, with Sunday
 * 0: L is the last day of the month, L-2 two before it, LW the last weekday, 15W the weekday
 * nearest to the 15th within the month; 1#2 the second Monday, 5L or 5#L the last Friday. When both
 * days are given, either is enough; a day field that begins with * limits nothing by itself and
 * must hold together with the other (as in Debian's cron).
 *
 * Daylight saving, as in cronie: a line whose minute and hour are both plain happens once a day
 * that has it: at the first of two equal times, and right after the gap for a time that clocks
 * leave out. A line whose minute or hour begins with * goes by elapsed time: through both of two
 * equal hours, and not at all for times that never come.
 * Errors     INVALID naming "cron" and the field, also for a line that never comes (30 February).
 */
#include "util/ctx.h"

struct nima_zone;

struct nima_cron {
    uint64_t minutes;
    uint32_t hours, days, months, weekdays; /* bit N: N is meant; Sunday is 0 */
    uint8_t nth[7];       /* of a weekday: bit N, the Nth of the month; 6: the last */
    uint32_t near;        /* bit N: the weekday nearest to the Nth */
    uint32_t before_last; /* bit N: N days before the last of the month */
    bool has_nth, last_day, last_workday; /* last_day: of before_last there is one */
    bool any_day, any_weekday;            /* the field begins with * */
    bool elapsed;                         /* minute or hour begins with * */
};
enum { NIMA_CRON_CHARS_MAX = 200 };

NIMA_MUST_USE nima_rc nima_cron_read(struct nima_ctx *ctx, nima_str text, struct nima_cron *out);
/* The first time after `after_ms`; false when there is none in 50 years. */
bool nima_cron_next(const struct nima_cron *cron, const struct nima_zone *zone, int64_t after_ms,
                    int64_t *out_ms);
