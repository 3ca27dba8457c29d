/* Patterns of words and slots against lexemes: the longest that fits, by trying. */
#include <math.h>
#include <string.h>

#include "language/language_int.h"
#include "language/when.h"

enum { YEAR_MIN = 1900, YEAR_MAX = 2200, TRIES_MAX = 2000 };

struct matcher {
    struct nima_ctx *ctx;
    const struct nima_language *language;
    const struct nima_lexemes *lexemes;
    bool month_first;
    int tries; /* left */
};

static const struct nima_lexeme *lexeme_at(const struct matcher *m, size_t at)
{
    return at < m->lexemes->count ? &m->lexemes->items[at] : NULL;
}

static const struct nima_lexicon_entry *entry_at(const struct matcher *m, size_t at)
{
    const struct nima_lexeme *lexeme = lexeme_at(m, at);
    return lexeme != NULL && lexeme->id >= 0 ? &m->language->entries[lexeme->id] : NULL;
}

/* A whole number in digits or words; `shorter` takes one word where more would go together. */
static size_t whole_at(const struct matcher *m, size_t at, bool shorter, int max, int *out)
{
    double value;
    struct nima_lexemes one = *m->lexemes;
    const struct nima_lexeme *lexeme = lexeme_at(m, at);
    if (lexeme == NULL || (lexeme->kind == NIMA_LEXEME_NUMBER && !lexeme->digits)) {
        return 0;
    }
    if (shorter) {
        one.count = at + 1;
    }
    size_t used = nima_number_at(m->language, &one, at, &value);
    if (used == 0 || value < 0 || value > max || value != floor(value)) {
        return 0;
    }
    if (lexeme->kind == NIMA_LEXEME_NUMBER && used > 1) {
        return 0; /* "6k" */
    }
    *out = (int)value;
    return used;
}

static size_t hour_at(const struct matcher *m, size_t at, bool shorter, struct nima_captures *c)
{
    size_t used = whole_at(m, at, shorter, 24, &c->hour);
    const struct nima_lexeme *lexeme = lexeme_at(m, at);
    if (used > 0) {
        bool zero = lexeme->kind == NIMA_LEXEME_NUMBER && lexeme->fold.ptr[0] == '0';
        c->has_hour = true;
        c->minute = 0;
        c->hour_exact = c->hour > 12 || c->hour == 0 || zero;
    }
    return used;
}

static size_t clock_at(const struct matcher *m, size_t at, struct nima_captures *c)
{
    const struct nima_lexeme *lexeme = lexeme_at(m, at);
    if (lexeme == NULL || lexeme->kind != NIMA_LEXEME_CLOCK) {
        return 0;
    }
    c->has_hour = true;
    c->hour = lexeme->first;
    c->minute = lexeme->second;
    c->hour_exact = c->hour > 12 || c->hour == 0 || lexeme->third == 1;
    return 1;
}

static size_t dotted_at(const struct matcher *m, size_t at, struct nima_captures *c)
{
    const struct nima_lexeme *lexeme = lexeme_at(m, at);
    if (lexeme == NULL || lexeme->kind != NIMA_LEXEME_NUMBER || !lexeme->dotted ||
        lexeme->third != 2 || lexeme->first > 24 || lexeme->second > 59) {
        return 0;
    }
    c->has_hour = true;
    c->hour = lexeme->first;
    c->minute = lexeme->second;
    c->hour_exact = c->hour > 12 || c->hour == 0 || lexeme->fold.ptr[0] == '0';
    return 1;
}

static size_t day_at(const struct matcher *m, size_t at, bool shorter, struct nima_captures *c)
{
    size_t used = nima_ordinal_at(m->language, m->lexemes, at, &c->day);
    c->day_ordinal = used > 0;
    if (used == 0) {
        used = whole_at(m, at, shorter, 31, &c->day);
    }
    c->has_day = used > 0 && c->day >= 1 && c->day <= 31;
    return c->has_day ? used : 0;
}

static size_t date_at(const struct matcher *m, size_t at, struct nima_captures *c)
{
    const struct nima_lexeme *lexeme = lexeme_at(m, at);
    bool dotted = lexeme != NULL && lexeme->kind == NIMA_LEXEME_NUMBER && lexeme->dotted &&
                  lexeme->order == '.';
    if (lexeme == NULL || (lexeme->kind != NIMA_LEXEME_DATE && !dotted)) {
        return 0;
    }
    char order = dotted ? 'd' : lexeme->order;
    int first = lexeme->first, second = lexeme->second;
    c->has_date = true;
    c->date_year = dotted ? 0 : lexeme->third;
    bool month_first = order == '/' && (m->month_first ? first <= 12 : second > 12);
    c->date_month = month_first ? first : second;
    c->date_day = month_first ? second : first;
    if (order == 'i') {
        c->date_year = first;
        c->date_month = second;
        c->date_day = lexeme->third;
    }
    if (dotted && (first < 1 || first > 31 || second < 1 || second > 12)) {
        return 0;
    }
    size_t stop = dotted && lexeme->dot ? 1 : 0;
    return 1 + stop;
}

/* An abbreviation or offset; with `city` any name. What is a word of the language ("est" in French)
 * is no zone. */
static size_t zone_at(const struct matcher *m, size_t at, bool city, struct nima_captures *c)
{
    const struct nima_lexeme *first = lexeme_at(m, at);
    const struct nima_lexicon_entry *entry = entry_at(m, at);
    if (first == NULL || first->kind != NIMA_LEXEME_WORD || (entry != NULL && entry->function)) {
        return 0;
    }
    char said[64];
    size_t best = 0, used = 0;
    for (size_t i = 0; i < 4 && lexeme_at(m, at + i) != NULL; i++) {
        const struct nima_lexeme *lexeme = lexeme_at(m, at + i);
        if (used + lexeme->fold.len + 2 > sizeof(said)) {
            break;
        }
        if (i > 0 && (lexeme->hyphen || !lexeme->joined)) {
            said[used++] = lexeme->hyphen ? '-' : ' ';
        }
        memcpy(said + used, lexeme->fold.ptr, lexeme->fold.len);
        used += lexeme->fold.len;
        nima_str name = city ? nima_when_zone_name(m->ctx, (nima_str){said, used})
                             : nima_zone_abbreviation(m->ctx, (nima_str){said, used});
        if (name.ptr != NULL) {
            best = i + 1;
            c->zone = name;
        }
    }
    return best;
}

/* "2027", "two thousand and seventeen", "twenty seventeen" */
static size_t year_at(const struct matcher *m, size_t at, struct nima_captures *c)
{
    const struct nima_lexeme *lexeme = lexeme_at(m, at);
    double value, rest;
    c->year = 0;
    if (lexeme == NULL ||
        (lexeme->kind == NIMA_LEXEME_NUMBER && (!lexeme->digits || lexeme->fold.len != 4))) {
        return 0;
    }
    size_t used = nima_number_at(m->language, m->lexemes, at, &value);
    if (used > 0 && (value == 19 || value == 20) && lexeme->kind == NIMA_LEXEME_WORD) {
        size_t more = nima_number_at(m->language, m->lexemes, at + used, &rest);
        value = more > 0 && rest >= 10 && rest < 100 ? value * 100 + rest : 0;
        used += more;
    }
    if (used == 0 || value < YEAR_MIN || value > YEAR_MAX || value != floor(value)) {
        return 0;
    }
    c->year = (int)value;
    return used;
}

/* "eight hundred", "seven hundred and thirty", "0900": hours and minutes in one number. */
static size_t hundreds_at(const struct matcher *m, size_t at, struct nima_captures *c)
{
    const struct nima_lexeme *lexeme = lexeme_at(m, at);
    double value;
    size_t used = nima_number_at(m->language, m->lexemes, at, &value);
    bool digits = lexeme != NULL && lexeme->kind == NIMA_LEXEME_NUMBER;
    if (used == 0 || value != floor(value) || (digits && (!lexeme->digits || used > 1)) ||
        (digits ? lexeme->fold.len != 4 && lexeme->fold.len != 3 : value < 100) || value >= 2400 ||
        fmod(value, 100) > 59 || (digits && value >= YEAR_MIN && value <= YEAR_MAX)) {
        return 0;
    }
    c->has_hour = true;
    c->hour = (int)value / 100;
    c->minute = (int)fmod(value, 100);
    c->hour_exact = c->hour > 12 || c->hour == 0 || (digits && lexeme->fold.ptr[0] == '0');
    return used;
}

static size_t slot_at(const struct matcher *m, enum nima_slot slot, size_t at, bool shorter,
                      struct nima_captures *c)
{
    const struct nima_lexicon_entry *entry = entry_at(m, at);
    size_t used = 0;
    switch (slot) {
    case NIMA_SLOT_N:
        used = nima_number_at(m->language, m->lexemes, at, &c->n);
        if (used == 0 && entry != NULL && entry->article) {
            c->n = 1;
            used = 1;
        }
        return used;
    case NIMA_SLOT_HOUR:
        return hour_at(m, at, shorter, c);
    case NIMA_SLOT_MINUTE:
        return whole_at(m, at, shorter, 59, &c->minute);
    case NIMA_SLOT_CLOCK:
        return clock_at(m, at, c);
    case NIMA_SLOT_DOTTED:
        return dotted_at(m, at, c);
    case NIMA_SLOT_WEEKDAY:
        c->weekday = entry != NULL ? entry->weekday : -1;
        c->weekday_plural = entry != NULL && entry->plural;
        return c->weekday >= 0 ? 1 : 0;
    case NIMA_SLOT_MONTH:
        c->month = entry != NULL ? entry->month : 0;
        return c->month > 0 ? 1 : 0;
    case NIMA_SLOT_DAY:
        return day_at(m, at, shorter, c);
    case NIMA_SLOT_ORDINAL:
        return nima_ordinal_at(m->language, m->lexemes, at, &c->ordinal);
    case NIMA_SLOT_YEAR:
        return year_at(m, at, c);
    case NIMA_SLOT_HUNDREDS:
        return hundreds_at(m, at, c);
    case NIMA_SLOT_DATE:
        return date_at(m, at, c);
    case NIMA_SLOT_UNIT:
        c->unit = entry != NULL ? entry->unit : -1;
        return c->unit >= 0 ? 1 : 0;
    case NIMA_SLOT_DURATION:
        return nima_duration_at(m->language, m->lexemes, at, &c->duration);
    case NIMA_SLOT_ZONE:
        return zone_at(m, at, false, c);
    case NIMA_SLOT_CITY:
        return zone_at(m, at, true, c);
    default:
        return 0;
    }
}

static size_t fit(struct matcher *m, const struct nima_pattern *pattern, int item, size_t at,
                  struct nima_captures *captures);

/* The slot as long as it can be, then as short; the rest of the pattern decides. */
static size_t fit_slot(struct matcher *m, const struct nima_pattern *pattern, int item, size_t at,
                       struct nima_captures *captures)
{
    size_t before = 0;
    for (int shorter = 0; shorter < 2; shorter++) {
        struct nima_captures tried = *captures;
        int minute = captures->minute;
        size_t used = slot_at(m, pattern->items[item].slot, at, shorter != 0, &tried);
        if (pattern->items[item].slot == NIMA_SLOT_HOUR && minute > 0) {
            tried.minute = minute; /* "{min} past {hour}" */
        }
        if (used == 0 || used == before) {
            continue;
        }
        before = used;
        size_t end = fit(m, pattern, item + 1, at + used, &tried);
        if (end > 0) {
            *captures = tried;
            return end;
        }
    }
    return 0;
}

/* Where the pattern from `item` on ends; 0: it does not fit. */
static size_t fit(struct matcher *m, const struct nima_pattern *pattern, int item, size_t at,
                  struct nima_captures *captures)
{
    if (item == pattern->item_count) {
        return at;
    }
    if (m->tries-- <= 0) {
        return 0;
    }
    const struct nima_pattern_item *wanted = &pattern->items[item];
    size_t end = 0;
    if (wanted->slot != NIMA_SLOT_WORDS) {
        end = fit_slot(m, pattern, item, at, captures);
    }
    for (int a = 0; end == 0 && a < wanted->alt_count; a++) {
        size_t used = nima_words_at(m->lexemes, at, &wanted->alts[a]);
        end = used > 0 ? fit(m, pattern, item + 1, at + used, captures) : 0;
    }
    if (end == 0 && wanted->optional) {
        end = fit(m, pattern, item + 1, at, captures);
    }
    return end;
}

/* A number that a unit or thing follows is no time: "at 8 friends" stays, "5 km" goes. */
static bool is_counted(const struct nima_language *language, const struct nima_lexemes *lexemes,
                       size_t next)
{
    const struct nima_lexeme *last = &lexemes->items[next - 1];
    if (next >= lexemes->count || last->kind != NIMA_LEXEME_NUMBER) {
        return false;
    }
    const struct nima_lexeme *behind = &lexemes->items[next];
    bool sign =
        behind->kind == NIMA_LEXEME_PUNCT &&
        (nima_str_eq(behind->fold, NIMA_STR("%")) || nima_str_eq(behind->fold, NIMA_STR("$")) ||
         nima_str_eq(behind->fold, NIMA_STR("\xe2\x82\xac")) ||
         nima_str_eq(behind->fold, NIMA_STR("\xc2\xa3")));
    bool unit = behind->id >= 0 &&
                (language->entries[behind->id].money || language->entries[behind->id].unit >= 0);
    return sign || unit || (behind->joined && behind->kind == NIMA_LEXEME_WORD);
}

static void try_links(struct matcher *m, int link, size_t at, struct nima_expected expected,
                      struct nima_match *best)
{
    for (; link >= 0; link = m->language->links[link].next) {
        const struct nima_pattern *pattern = m->language->links[link].pattern;
        struct nima_captures captures = {.weekday = -1, .unit = -1};
        m->tries = TRIES_MAX;
        bool before = pattern->arg_count > 0 && pattern->args[0].ptr[0] == '-';
        size_t end = fit(m, pattern, 0, at, &captures);
        bool half = end > at && end < m->lexemes->count &&
                    (nima_str_eq(m->lexemes->items[end].fold, NIMA_STR("am")) ||
                     nima_str_eq(m->lexemes->items[end].fold, NIMA_STR("pm")));
        if (pattern->weak && before && half) {
            continue; /* "six to seven pm" is a range */
        }
        if (pattern->weak && (!expected.weak || (expected.from && before))) {
            continue;
        }
        const struct nima_lexicon_entry *first = entry_at(m, at);
        if (end == at + 1 && first != NULL && first->ambiguous && !expected.weak &&
            !expected.behind) {
            continue;
        }
        if (end > at && nima_str_starts(pattern->action, NIMA_STR("clock")) &&
            is_counted(m->language, m->lexemes, end)) {
            continue;
        }
        bool better = end > at + best->count || (end > at && end == at + best->count &&
                                                 best->pattern->weak && !pattern->weak);
        if (better) {
            *best = (struct nima_match){pattern, end - at, captures};
        }
    }
}

bool nima_pattern_match(struct nima_ctx *ctx, const struct nima_language *language,
                        const struct nima_lexemes *lexemes, size_t at,
                        struct nima_expected expected, struct nima_match *out)
{
    struct matcher m = {
        .ctx = ctx, .language = language, .lexemes = lexemes, .month_first = expected.month_first};
    struct nima_match best = {.count = 0};
    int id = lexemes->items[at].id;
    if (id >= 0) {
        try_links(&m, language->entries[id].patterns, at, expected, &best);
    }
    if (id >= 0 || lexemes->items[at].kind != NIMA_LEXEME_WORD || expected.behind) {
        try_links(&m, language->slot_first, at, expected, &best);
    }
    if (best.count > 0) {
        *out = best;
    }
    return best.count > 0;
}
