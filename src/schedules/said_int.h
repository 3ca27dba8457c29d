#pragma once
/*
 * What a sentence asks of schedules, by rules: private to src/schedules.
 */
#include "schedules/schedules_int.h"

enum { NIMA_SAID_WORDS_MAX = 60, NIMA_SAID_WORD_CHARS = 24 };

struct nima_said_word {
    char low[NIMA_SAID_WORD_CHARS]; /* lower case, without punctuation around it; cut off */
    size_t from, end;               /* where it stands in the message */
    bool stop, comma;               /* a sentence ends after it; a comma follows */
};
struct nima_said_words {
    struct nima_said_word items[NIMA_SAID_WORDS_MAX];
    size_t count;
};
bool nima_said_is(const struct nima_said_words *words, size_t at, const char *low);
/* One of those in `list`, which is " a b c ". */
bool nima_said_in(const struct nima_said_words *words, size_t at, const char *list);
/* The words from `at` on begin with these, separated by blanks: how many, else 0. */
size_t nima_said_begins(const struct nima_said_words *words, size_t at, const char *phrase);

enum nima_said_repeat {
    NIMA_REPEAT_NONE,
    NIMA_REPEAT_INTERVAL, /* `count` times `unit` */
    NIMA_REPEAT_WEEKDAYS,
    NIMA_REPEAT_MONTH,
    NIMA_REPEAT_YEAR
};
/* A time as it was said, piece by piece. */
struct nima_said_time {
    int64_t after_s;      /* "in 20 minutes" */
    int after_days;       /* "in 3 days" */
    bool has_day;         /* one of the four below */
    int day_offset;       /* tomorrow: 1 */
    int weekday;          /* 0: Sunday; -1: none */
    bool next_week;       /* "next monday" */
    int year, month, day; /* 0: not said */
    bool has_hour;
    int hour, minute;
    bool exact; /* am, pm, 24 hours: nothing to guess */
    int part;   /* 'm'orning, 'a'fternoon, 'e'vening, 'n'ight; 0 */
    enum nima_said_repeat repeat;
    unsigned weekdays; /* bits */
    int count;
    char unit; /* s m h d w */
};
/* Reads one piece of time at `at` into *time; returns how many words it took, 0: none, or one that
 * does not go with what is there. */
size_t nima_said_time(const struct nima_said_words *words, size_t at, struct nima_said_time *time);

struct nima_said_when {
    struct nima_schedule_when when;
    int64_t first_at;   /* of an interval that begins at a certain time; 0: at once */
    nima_str repeating; /* "every Monday at 09:00"; absent: once */
    bool guessed_half;  /* of the day */
    bool guessed_time;  /* no time was said */
    int hour, minute;   /* that were taken */
};
/* False for a time that is over or cannot be. */
bool nima_said_resolve(struct nima_ctx *ctx, const struct nima_said_time *time,
                       const struct nima_zone *zone, int64_t now_ms, struct nima_said_when *out);

enum nima_said_kind {
    NIMA_SAID_NOTHING,
    NIMA_SAID_REMIND,
    NIMA_SAID_WHEN, /* a reminder without a time */
    NIMA_SAID_WHAT, /* a time without what to say */
    NIMA_SAID_LIST,
    NIMA_SAID_CANCEL
};
struct nima_said {
    enum nima_said_kind kind;
    struct nima_said_time time;
    nima_str text; /* what to say; of CANCEL: what the reminder is about, absent: not said */
    bool all;      /* CANCEL: all of them */
};
void nima_said_read(struct nima_ctx *ctx, nima_str message, struct nima_said *out);
