#pragma once
/*
 * when: the one reader of days and times.
 *
 * What is ambiguous has one meaning everywhere:
 * - "Friday", "this Friday", "on Friday": the next one, today included unless its time is over.
 * - "next Friday": the Friday of next week; weeks begin on Monday. "Friday week": a week after the
 *   coming one. "the coming Friday" (kommenden, que viene): the next one.
 * - "next week": seven days from today, as a range next Monday to Sunday.
 * - "at 6" without am and pm: 18:00 below 7, else as it stands; without a day the next time the
 *   clock shows it between 7:00 and 18:59 or later in the evening. guessed_half says so.
 * - A day without a time: 9:00 (guessed_time); morning 9, afternoon 15, evening 19, night 21.
 * - 12/24 and 3/4: by locale, month first in the United States alone; what can be one way only is.
 * - A date without a year: the next such day. A month alone: its first day to its last.
 * - The 29th, 30th, 31st of every month: only in months that have it (short_months says so).
 *
 * Nothing is read by half: when words of time are left over, `whole` is false and `unread` is what
 * they say. A date that does not exist or lies in the past is told in `problem`.
 * As language.h: results in ctx->arena, offsets in bytes, nothing fails.
 */
#include "language/numbers.h"
#include "language/zones.h"

struct nima_zone;

enum nima_when_kind {
    NIMA_WHEN_NONE,
    NIMA_WHEN_MOMENT,    /* a day with a time, or so long from now: .at_ms */
    NIMA_WHEN_DAY,       /* a day: .at_ms is its 9:00 (or the part's hour), .day_end_ms its end */
    NIMA_WHEN_RANGE,     /* from .at_ms to .end_ms: "next week", "Q2 2027", "from 3 to 5" */
    NIMA_WHEN_DURATION,  /* "half an hour", "for a week": no point in time */
    NIMA_WHEN_RECURRENCE /* .crons, or .every from .first_ms on */
};
/* Where the reader stands. */
struct nima_when_setting {
    const struct nima_language *language; /* NULL: English */
    const struct nima_zone *zone;         /* the person's */
    nima_str locale;                      /* "en-US": order of 12/24; absent: the language's */
    int64_t now_ms;
};
struct nima_when {
    enum nima_when_kind kind;
    struct nima_passages spans; /* where it stands in the text: one, or several */
    bool past;                  /* it lies before now: "yesterday", "2 hours ago" */
    bool has_time;              /* a time of day was said, or time from now in hours or less */
    bool has_day;               /* a day was said */
    bool guessed_half, guessed_time;
    bool by;                       /* "by Friday", "until June": the end of it is meant */
    bool named_month;              /* a month by its name, the whole of it */
    bool from_now;                 /* "in 20 minutes" */
    struct nima_duration duration; /* DURATION, and what was said from now */
    int64_t at_ms;                 /* when to act: the moment; of days the hour that was taken */
    int64_t start_ms;              /* its first millisecond */
    int64_t end_ms;                /* its last millisecond: of the day, the month, the range */
    int hour, minute;              /* local, of at_ms or the first of a recurrence's times */
    nima_str zone_name;            /* a zone that was said ("9am UTC"); absent: the person's */

    /* RECURRENCE: either cron lines (util/cron.h, with L and #) or an interval. */
    nima_str *crons;
    size_t cron_count;
    nima_str every;    /* "2h", "2w" */
    int64_t first_ms;  /* when it is first due */
    int64_t starts_ms; /* not before; 0: at once */
    int64_t ends_ms;   /* not after; 0: for ever */
    int times;         /* how often; 0: not said */
    int64_t *except;   /* local days (since 1970) that are left out */
    size_t except_count;
    bool short_months; /* months without that day are left out */

    bool whole;       /* every word of time was understood and all of it is above */
    nima_str unread;  /* not whole: what was not */
    nima_str problem; /* "there is no 30 February"; absent: none. Then at_ms means nothing */
};
struct nima_whens {
    struct nima_when *items;
    size_t count;
};

/* The times that a text names, each by itself; of those that stand side by side one is made. A bare
 * number is a time only where a word says so ("at 6"). */
void nima_when_find(struct nima_ctx *ctx, const struct nima_when_setting *setting, nima_str text,
                    struct nima_whens *out);
/* The one time that a text names, wherever its parts stand ("every weekday remind me at 8 to …");
 * kind NONE when there is none. Parts that do not go together leave `whole` false. */
void nima_when_find_one(struct nima_ctx *ctx, const struct nima_when_setting *setting,
                        nima_str text, struct nima_when *out);
/* The passages are nothing but a time (a slot): "6", "the 5th", "sunday mornings". Any other word
 * leaves `whole` false. Spans count in the first passage alone. */
void nima_when_read(struct nima_ctx *ctx, const struct nima_when_setting *setting,
                    const nima_str *passages, size_t count, struct nima_when *out);

/* "every Monday and Thursday at 09:00, from 3 December 2026 until …", or the moment, for a reply in
 * English; `zone` the person's. */
nima_str nima_when_text(struct nima_ctx *ctx, const struct nima_when_setting *setting,
                        const struct nima_when *when);
