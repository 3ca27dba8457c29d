#pragma once
/*
 * Private to src/language: the tables of a language, and patterns over them.
 */
#include "language/language.h"
#include "language/numbers.h"

enum {
    NIMA_PATTERN_ITEMS_MAX = 12,
    NIMA_PATTERN_ARGS_MAX = 3,
    NIMA_LEXEMES_MAX = 40000,
    NIMA_PHRASE_WORDS_MAX = 8
};

enum nima_unit {
    NIMA_UNIT_SECOND,
    NIMA_UNIT_MINUTE,
    NIMA_UNIT_HOUR,
    NIMA_UNIT_DAY,
    NIMA_UNIT_WEEK,
    NIMA_UNIT_FORTNIGHT,
    NIMA_UNIT_MONTH,
    NIMA_UNIT_QUARTER,
    NIMA_UNIT_YEAR,
    NIMA_UNIT_COUNT
};

/* All that one word can be. */
struct nima_lexicon_entry {
    nima_str word; /* folded */
    double number;
    bool has_number, joiner, article, conjunction, function, money, about;
    bool ambiguous; /* a day or month in short, and another word: "sun" */
    bool leads;     /* a bare hour before a day may follow: "for 6 tomorrow" */
    int scale;      /* 100, 1000 …: multiplies what stands before; 0: no */
    int ordinal;    /* 0: none */
    int weekday;    /* 0: Sunday; -1: none */
    bool plural;    /* of a weekday: again and again */
    int month;      /* 0: none */
    int unit;       /* -1: none */
    int patterns;   /* link to the first pattern that may begin with it; -1 */
};

enum nima_slot {
    NIMA_SLOT_WORDS,
    NIMA_SLOT_N,      /* a number, "a" is 1 */
    NIMA_SLOT_HOUR,   /* 0..24 */
    NIMA_SLOT_MINUTE, /* 0..59 */
    NIMA_SLOT_CLOCK,  /* "18:30" */
    NIMA_SLOT_DOTTED, /* "18.30" */
    NIMA_SLOT_WEEKDAY,
    NIMA_SLOT_MONTH,
    NIMA_SLOT_DAY,     /* 1..31, as a number or an ordinal */
    NIMA_SLOT_ORDINAL, /* 1..31 */
    NIMA_SLOT_YEAR,    /* four digits */
    NIMA_SLOT_DATE,    /* "24.12.", "12/24/2027", "2027-12-24" */
    NIMA_SLOT_UNIT,
    NIMA_SLOT_DURATION,
    NIMA_SLOT_ZONE,     /* "UTC", "est" */
    NIMA_SLOT_CITY,     /* "berlin" */
    NIMA_SLOT_HUNDREDS, /* "eight hundred", "0900" */
    NIMA_SLOT_COUNT
};

struct nima_words_alt {
    int ids[NIMA_PHRASE_WORDS_MAX];
    int count;
};
struct nima_pattern_item {
    enum nima_slot slot;
    bool optional;
    const struct nima_words_alt *alts;
    int alt_count;
};
struct nima_pattern {
    nima_str action; /* "clock" */
    nima_str args[NIMA_PATTERN_ARGS_MAX];
    int arg_count;
    bool weak; /* counts only where a time is expected */
    struct nima_pattern_item items[NIMA_PATTERN_ITEMS_MAX];
    int item_count;
};
/* Patterns are listed under each word that they may begin with; those that may with a slot, too. */
struct nima_pattern_link {
    const struct nima_pattern *pattern;
    int next; /* -1: the last */
};

struct nima_phrase { /* a number or an amount in several words */
    struct nima_words_alt words;
    double value;
};

struct nima_language {
    nima_str code;
    struct nima_lexicon_entry *entries;
    int entry_count;
    int *buckets; /* entry + 1; 0: empty */
    uint32_t bucket_mask;
    struct nima_pattern *patterns;
    int pattern_count;
    struct nima_pattern_link *links;
    int link_count;
    int slot_first; /* link to the first pattern that may begin with a slot */
    struct nima_phrase *numbers;
    int number_count;
    struct nima_phrase *durations; /* value: seconds */
    int duration_count;
    struct nima_words_alt *halves; /* "and a half" */
    int half_count;
    bool compounds;     /* number words are written together: "einundzwanzig" */
    bool tens_joiner;   /* "treinta y cinco" */
    bool comma_decimal; /* "1,5" */
    bool dot_ordinal;   /* "5." is fifth */
};

/* The entry of a folded word, -1: none. */
int nima_lexicon_find(const struct nima_language *language, nima_str word);
bool nima_language_is_conjunction(const struct nima_language *language, nima_str folded);

/* A word as patterns see it: tokens cut and joined as the language needs. */
enum nima_lexeme_kind {
    NIMA_LEXEME_WORD,
    NIMA_LEXEME_NUMBER,
    NIMA_LEXEME_CLOCK,
    NIMA_LEXEME_DATE,
    NIMA_LEXEME_PUNCT
};
struct nima_lexeme {
    enum nima_lexeme_kind kind;
    size_t from, end;
    nima_str fold;
    int id; /* of the entry, -1 */
    bool joined, hyphen, sentence;
    bool dot;      /* a stop stands right behind a number */
    double number; /* NUMBER */
    bool digits;   /* NUMBER: whole, in digits */
    bool dotted;   /* NUMBER: may be a time or a date, first.second */
    int first, second,
        third;  /* CLOCK: hour, minute, 1 for "06:30"; DATE: as they stand, year 0: none */
    char order; /* DATE: 'i' year first, 'd' day first, '/' by locale */
};
struct nima_lexemes {
    struct nima_lexeme *items;
    size_t count;
};
void nima_lexemes_of(struct nima_ctx *ctx, const struct nima_language *language, nima_str text,
                     struct nima_lexemes *out);

/* What the slots of a pattern held. */
struct nima_captures {
    double n;
    int hour, minute, weekday, month, day, ordinal, year, unit;
    bool has_day, has_hour, hour_exact; /* two digits with a colon, above 12, or 0 */
    bool weekday_plural, day_ordinal;
    int date_year, date_month, date_day; /* date_day 0: no such date */
    bool has_date;
    struct nima_duration duration;
    nima_str zone;
};
struct nima_match {
    const struct nima_pattern *pattern;
    size_t count; /* lexemes */
    struct nima_captures captures;
};
struct nima_expected {
    bool month_first; /* of 12/24 */
    bool weak;        /* a time: weak patterns count */
    bool from;        /* "from" stands right before it: "3 to 5" is a range there */
    bool behind;      /* a time stands right before it: unknown words may be zones and numbers */
};
/* The longest pattern at `at`; false: none. */
bool nima_pattern_match(struct nima_ctx *ctx, const struct nima_language *language,
                        const struct nima_lexemes *lexemes, size_t at,
                        struct nima_expected expected, struct nima_match *out);

/* zone_name.c: of abbreviations and offsets alone; folded. */
nima_str nima_zone_abbreviation(struct nima_ctx *ctx, nima_str folded);

/* Each returns how many lexemes from `at` it took; 0: none. */
size_t nima_number_at(const struct nima_language *language, const struct nima_lexemes *lexemes,
                      size_t at, double *out);
size_t nima_ordinal_at(const struct nima_language *language, const struct nima_lexemes *lexemes,
                       size_t at, int *out);
size_t nima_duration_at(const struct nima_language *language, const struct nima_lexemes *lexemes,
                        size_t at, struct nima_duration *out);
size_t nima_words_at(const struct nima_lexemes *lexemes, size_t at,
                     const struct nima_words_alt *words);
/* The value of a number word written together ("einundzwanzig"); false: it is none. */
bool nima_compound_number(const struct nima_language *language, nima_str word, double *out);
