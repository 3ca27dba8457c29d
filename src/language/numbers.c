/* Numbers in digits and words, ordinals, durations, and quantities of them. */
#include "language/numbers.h"

#include <math.h>
#include <string.h>

#include "language/language_int.h"

enum { DAY_S = 86400, COMPOUND_BYTES_MAX = 48, NUMBER_WORDS_MAX = 16 };
#define NUMBER_MAX 1e15

static const struct nima_lexicon_entry *entry_at(const struct nima_language *language,
                                                 const struct nima_lexemes *lexemes, size_t at)
{
    static const struct nima_lexicon_entry none = {.weekday = -1, .unit = -1, .patterns = -1};
    return at < lexemes->count && lexemes->items[at].id >= 0
               ? &language->entries[lexemes->items[at].id]
               : &none;
}

size_t nima_words_at(const struct nima_lexemes *lexemes, size_t at,
                     const struct nima_words_alt *words)
{
    for (int i = 0; i < words->count; i++) {
        if (at + (size_t)i >= lexemes->count ||
            lexemes->items[at + (size_t)i].id != words->ids[i]) {
            return 0;
        }
    }
    return (size_t)words->count;
}

/* A number as its words come: `group` is what is below the next thousand. */
struct sum {
    double total, group;
    bool any, joined;
};

/* Whether a word of that value goes on with the number so far: "twenty" "one", "hundred" "five". */
static bool goes_on(const struct sum *sum, double value, bool joiner, bool tens_joiner)
{
    double tens = fmod(sum->group, 100);
    if (!sum->any) {
        return !joiner;
    }
    if (value != floor(value)) {
        return false;
    }
    if (sum->group == 0) {
        return sum->total > 0 && value < 1000;
    }
    if (tens == 0 && sum->group >= 100) {
        return value < 100;
    }
    bool french = (tens == 60 || tens == 80) && value >= 10 && value < 20;
    return tens >= 20 && fmod(tens, 10) == 0 && (value < 10 || french) && value > 0 &&
           (!joiner || tens_joiner);
}

static void put_value(struct sum *sum, double value)
{
    sum->group += value;
    sum->any = true;
}

static void put_scale(struct sum *sum, int scale)
{
    double group = sum->group == 0 && sum->total == 0 ? 1 : sum->group;
    if (scale >= 1000) {
        sum->total += group * scale;
        sum->group = 0;
    } else {
        sum->group = group * scale;
    }
    sum->any = true;
}

/* "einundzwanzig": words of numbers in one; the unit stands before the ten where "und" does. */
static bool compound(const struct nima_language *language, nima_str word, struct sum sum,
                     double before, int depth, double *out)
{
    if (word.len == 0) {
        *out = sum.total + sum.group;
        return sum.any && before == 0;
    }
    for (size_t at = word.len; at > 0 && depth < 8; at--) {
        int id = nima_lexicon_find(language, nima_str_sub(word, 0, at));
        const struct nima_lexicon_entry *entry = id >= 0 ? &language->entries[id] : NULL;
        nima_str rest = nima_str_sub(word, at, word.len);
        struct sum next = sum;
        if (entry == NULL) {
            continue;
        }
        if (entry->joiner && sum.any && before == 0 && fmod(sum.group, 100) > 0 &&
            fmod(sum.group, 100) < 10 && !language->tens_joiner) {
            next.group -= fmod(sum.group, 100);
            if (compound(language, rest, next, fmod(sum.group, 100), depth + 1, out)) {
                return true;
            }
        }
        if (entry->joiner && language->tens_joiner && sum.any &&
            compound(language, rest, sum, before, depth + 1, out)) {
            return true;
        }
        if (entry->scale > 0 && before == 0) {
            put_scale(&next, entry->scale);
            if (compound(language, rest, next, 0, depth + 1, out)) {
                return true;
            }
        }
        bool ten =
            before > 0 && entry->has_number && fmod(entry->number, 10) == 0 && entry->number >= 20;
        bool plain = before == 0 && entry->has_number && goes_on(&sum, entry->number, false, false);
        if (ten || plain) {
            put_value(&next, entry->number + before);
            if (compound(language, rest, next, 0, depth + 1, out)) {
                return true;
            }
        }
    }
    return false;
}

bool nima_compound_number(const struct nima_language *language, nima_str word, double *out)
{
    struct sum sum = {0};
    return language->compounds && word.len >= 5 && word.len <= COMPOUND_BYTES_MAX &&
           compound(language, word, sum, 0, 0, out);
}

/* One word or phrase of a number; 0: none. A scale has *scale. */
static size_t piece_at(const struct nima_language *language, const struct nima_lexemes *lexemes,
                       size_t at, double *value, int *scale)
{
    const struct nima_lexicon_entry *entry = entry_at(language, lexemes, at);
    size_t best = 0;
    *scale = 0;
    for (int i = 0; i < language->number_count; i++) {
        const struct nima_phrase *phrase = &language->numbers[i];
        size_t taken = nima_words_at(lexemes, at, &phrase->words);
        if (taken > best) {
            best = taken;
            *value = phrase->value;
        }
    }
    if (best > 0 || at >= lexemes->count) {
        return best;
    }
    if (entry->scale > 0 || entry->has_number) {
        *scale = entry->scale;
        *value = entry->number;
        return 1;
    }
    return lexemes->items[at].id < 0 && lexemes->items[at].kind == NIMA_LEXEME_WORD &&
                   nima_compound_number(language, lexemes->items[at].fold, value)
               ? 1
               : 0;
}

/* "and a half" behind a number. */
static size_t half_at(const struct nima_language *language, const struct nima_lexemes *lexemes,
                      size_t at)
{
    size_t best = 0;
    for (int i = 0; i < language->half_count; i++) {
        size_t taken = nima_words_at(lexemes, at, &language->halves[i]);
        best = taken > best ? taken : best;
    }
    return best;
}

static size_t digits_at(const struct nima_language *language, const struct nima_lexemes *lexemes,
                        size_t at, double *out)
{
    const struct nima_lexeme *lexeme = &lexemes->items[at];
    size_t used = 1;
    double value = lexeme->number;
    bool kilo = at + 1 < lexemes->count && lexemes->items[at + 1].joined &&
                nima_str_eq(lexemes->items[at + 1].fold, NIMA_STR("k"));
    const struct nima_lexicon_entry *next = entry_at(language, lexemes, at + 1);
    if (kilo) {
        value *= 1000;
        used++;
    } else if (next->scale >= 1000) {
        value *= next->scale;
        used++;
    }
    *out = value;
    return used;
}

size_t nima_number_at(const struct nima_language *language, const struct nima_lexemes *lexemes,
                      size_t at, double *out)
{
    struct sum sum = {0};
    size_t start = at, half;
    double value = 0;
    int scale;
    if (at < lexemes->count && lexemes->items[at].kind == NIMA_LEXEME_NUMBER) {
        size_t used = digits_at(language, lexemes, at, out);
        half = half_at(language, lexemes, at + used);
        *out += half > 0 ? 0.5 : 0;
        return used + half;
    }
    if (entry_at(language, lexemes, at)->article &&
        entry_at(language, lexemes, at + 1)->scale > 0) {
        at++;
    }
    for (size_t words = 0; words < NUMBER_WORDS_MAX; words++) {
        bool joiner = sum.any && entry_at(language, lexemes, at)->joiner;
        size_t used = piece_at(language, lexemes, at + (joiner ? 1 : 0), &value, &scale);
        if (used == 0 || (scale > 0 && joiner) ||
            (scale == 0 && !goes_on(&sum, value, joiner, language->tens_joiner)) ||
            (scale > 0 && sum.any && sum.group == 0)) {
            break;
        }
        if (scale > 0) {
            put_scale(&sum, scale);
        } else {
            put_value(&sum, value);
        }
        at += used + (joiner ? 1 : 0);
        if (value != floor(value)) {
            break;
        }
    }
    if (!sum.any || sum.total + sum.group > NUMBER_MAX) {
        return 0;
    }
    half = half_at(language, lexemes, at);
    *out = sum.total + sum.group + (half > 0 ? 0.5 : 0);
    return at - start + half;
}

static bool is_ordinal_ending(nima_str word)
{
    static const char *const endings[] = {"st",  "nd",  "rd",  "th", "er",  "e",
                                          "eme", "o",   "a",   "os", "as",  "de",
                                          "te",  "ste", "ten", "re", "ere", "\xc2\xb0"};
    for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
        if (nima_str_eq(word, nima_str_of(endings[i]))) {
            return true;
        }
    }
    return false;
}

size_t nima_ordinal_at(const struct nima_language *language, const struct nima_lexemes *lexemes,
                       size_t at, int *out)
{
    const struct nima_lexicon_entry *entry = entry_at(language, lexemes, at);
    if (at >= lexemes->count) {
        return 0;
    }
    const struct nima_lexeme *lexeme = &lexemes->items[at];
    if (lexeme->kind == NIMA_LEXEME_NUMBER && lexeme->digits && lexeme->number >= 1 &&
        lexeme->number <= 9999) {
        *out = (int)lexeme->number;
        bool ending = at + 1 < lexemes->count && lexemes->items[at + 1].joined &&
                      is_ordinal_ending(lexemes->items[at + 1].fold);
        if (ending) {
            return 2;
        }
        return language->dot_ordinal && lexeme->dot ? 2 : 0;
    }
    if (entry->ordinal > 0) {
        *out = entry->ordinal;
        return 1;
    }
    /* "twenty first": a ten and an ordinal below ten */
    const struct nima_lexicon_entry *next = entry_at(language, lexemes, at + 1);
    if (entry->has_number && entry->number >= 20 && fmod(entry->number, 10) == 0 &&
        next->ordinal > 0 && next->ordinal < 10) {
        *out = (int)entry->number + next->ordinal;
        return 2;
    }
    return 0;
}

/* Durations */

static void add_units(struct nima_duration *duration, double count, int unit)
{
    static const int months[NIMA_UNIT_COUNT] = {
        [NIMA_UNIT_MONTH] = 1, [NIMA_UNIT_QUARTER] = 3, [NIMA_UNIT_YEAR] = 12};
    static const int days[NIMA_UNIT_COUNT] = {
        [NIMA_UNIT_DAY] = 1, [NIMA_UNIT_WEEK] = 7, [NIMA_UNIT_FORTNIGHT] = 14};
    static const int seconds[NIMA_UNIT_COUNT] = {1, 60, 3600};
    double left = count - floor(count);
    if (months[unit] > 0) {
        duration->months += (int)floor(count * months[unit]);
        duration->days += months[unit] == 1 ? (int)(left * 30) : 0;
    } else if (days[unit] > 0) {
        double whole = floor(count * days[unit]);
        duration->days += (int)whole;
        duration->seconds += (int64_t)((count * days[unit] - whole) * DAY_S);
    } else {
        duration->seconds += (int64_t)(count * seconds[unit] + 0.5);
    }
}

static size_t phrase_at(const struct nima_language *language, const struct nima_lexemes *lexemes,
                        size_t at, struct nima_duration *out)
{
    size_t best = 0;
    for (int i = 0; i < language->duration_count; i++) {
        size_t taken = nima_words_at(lexemes, at, &language->durations[i].words);
        if (taken > best) {
            int64_t seconds = (int64_t)language->durations[i].value;
            best = taken;
            *out =
                (struct nima_duration){.seconds = seconds % DAY_S, .days = (int)(seconds / DAY_S)};
        }
    }
    return best;
}

/* "20 minutes", "an hour and a half": a count, a unit, and perhaps a half more. */
static size_t measure_at(const struct nima_language *language, const struct nima_lexemes *lexemes,
                         size_t at, struct nima_duration *out, int *unit_out)
{
    double count = 1;
    size_t used = phrase_at(language, lexemes, at, out);
    *unit_out = NIMA_UNIT_HOUR;
    if (used > 0) {
        return used;
    }
    used = nima_number_at(language, lexemes, at, &count);
    if (used == 0 && entry_at(language, lexemes, at)->article) {
        used = 1;
    }
    if (used == 0 && entry_at(language, lexemes, at)->unit >= 0 &&
        half_at(language, lexemes, at + 1) > 0) {
        *unit_out = entry_at(language, lexemes, at)->unit;
        add_units(out, 1.5, *unit_out); /* "hour and a half" */
        return 1 + half_at(language, lexemes, at + 1);
    }
    if (used > 0 && entry_at(language, lexemes, at + used)->about &&
        entry_at(language, lexemes, at + used)->unit < 0) {
        used++; /* "a couple of", "dozens of" */
    }
    int unit = used > 0 ? entry_at(language, lexemes, at + used)->unit : -1;
    if (unit < 0 || count > 1e6) {
        return 0;
    }
    used++;
    size_t half = half_at(language, lexemes, at + used);
    add_units(out, count + (half > 0 ? 0.5 : 0), unit);
    *unit_out = unit;
    return used + half;
}

/* "1h30": minutes without a unit, joined to the hours. */
static size_t minutes_behind(const struct nima_lexemes *lexemes, size_t at, int unit,
                             struct nima_duration *out)
{
    const struct nima_lexeme *lexeme = at < lexemes->count ? &lexemes->items[at] : NULL;
    if (unit != NIMA_UNIT_HOUR || lexeme == NULL || lexeme->kind != NIMA_LEXEME_NUMBER ||
        !lexeme->digits || lexeme->number >= 60 || lexeme->end - lexeme->from != 2 || at < 2 ||
        lexemes->items[at - 1].end - lexemes->items[at - 1].from != 1) {
        return 0;
    }
    out->seconds += (int64_t)lexeme->number * 60;
    return 1;
}

size_t nima_duration_at(const struct nima_language *language, const struct nima_lexemes *lexemes,
                        size_t at, struct nima_duration *out)
{
    struct nima_duration duration = {0};
    int unit, last = NIMA_UNIT_COUNT;
    size_t used = 0;
    for (;;) {
        size_t next = used;
        bool comma = used > 0 && at + next < lexemes->count &&
                     nima_str_eq(lexemes->items[at + next].fold, NIMA_STR(","));
        next += comma ? 1 : 0;
        next += used > 0 && (entry_at(language, lexemes, at + next)->joiner ||
                             entry_at(language, lexemes, at + next)->conjunction)
                    ? 1
                    : 0;
        struct nima_duration more = {0};
        size_t taken = measure_at(language, lexemes, at + next, &more, &unit);
        if (taken == 0 || unit >= last) {
            break;
        }
        used = next + taken;
        size_t minutes = minutes_behind(lexemes, at + used, unit, &more);
        used += minutes;
        duration.months += more.months;
        duration.days += more.days;
        duration.seconds += more.seconds;
        last = unit;
    }
    if (used > 0) {
        *out = duration;
    }
    return used;
}

int64_t nima_duration_seconds(const struct nima_duration *duration)
{
    return ((int64_t)duration->months * 30 + duration->days) * DAY_S + duration->seconds;
}

/* Quantities */

static bool is_symbol(nima_str fold)
{
    static const char *const symbols[] = {"$", "\xe2\x82\xac", "\xc2\xa3", "\xc2\xa5"};
    for (size_t i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++) {
        if (nima_str_eq(fold, nima_str_of(symbols[i]))) {
            return true;
        }
    }
    return false;
}

static bool is_measure(nima_str fold)
{
    static const char *const units[] = {
        "km",       "m",      "cm",     "mm",   "mi",      "mile", "miles", "kg",
        "g",        "mg",     "lb",     "lbs",  "pound",   "l",    "ml",    "liter",
        "litre",    "liters", "litres", "%",    "percent", "kcal", "kj",    "cal",
        "calories", "w",      "kw",     "kwh",  "gb",      "mb",   "tb",    "m2",
        "m3",       "ft",     "feet",   "inch", "inches",  "oz",   "stone", "steps"};
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (nima_str_eq(fold, nima_str_of(units[i]))) {
            return true;
        }
    }
    return false;
}

/* What is counted: the unit behind the number, or the sign of money on either side. */
static size_t unit_behind(const struct nima_language *language, const struct nima_lexemes *lexemes,
                          nima_str text, size_t start, size_t at, struct nima_quantity *q)
{
    if (start > 0 && is_symbol(lexemes->items[start - 1].fold)) {
        const struct nima_lexeme *sign = &lexemes->items[start - 1];
        q->kind = NIMA_QUANTITY_MONEY;
        q->unit = nima_str_sub(text, sign->from, sign->end);
        q->from = sign->from;
        return 0;
    }
    if (at >= lexemes->count) {
        return 0;
    }
    const struct nima_lexeme *next = &lexemes->items[at];
    bool money = is_symbol(next->fold) || entry_at(language, lexemes, at)->money;
    bool measure = is_measure(next->fold);
    if (money || measure || next->kind == NIMA_LEXEME_WORD) {
        q->unit = nima_str_sub(text, next->from, next->end);
    }
    q->kind = money ? NIMA_QUANTITY_MONEY : measure ? NIMA_QUANTITY_MEASURE : q->kind;
    return money || measure ? 1 : 0;
}

static size_t quantity_at(const struct nima_language *language, const struct nima_lexemes *lexemes,
                          nima_str text, size_t at, struct nima_quantity *q)
{
    int ordinal;
    *q = (struct nima_quantity){.from = lexemes->items[at].from};
    size_t used = nima_duration_at(language, lexemes, at, &q->duration);
    if (used > 0) {
        q->kind = NIMA_QUANTITY_DURATION;
        q->value = (double)nima_duration_seconds(&q->duration);
        return used;
    }
    used = nima_ordinal_at(language, lexemes, at, &ordinal);
    if (used > 0) {
        q->kind = NIMA_QUANTITY_ORDINAL;
        q->value = ordinal;
        return used;
    }
    used = nima_number_at(language, lexemes, at, &q->value);
    if (used == 0) {
        return 0;
    }
    q->about = entry_at(language, lexemes, at)->about;
    return used + unit_behind(language, lexemes, text, at, at + used, q);
}

void nima_language_quantities(struct nima_ctx *ctx, const struct nima_language *language,
                              nima_str text, struct nima_quantities *out)
{
    struct nima_lexemes lexemes;
    nima_lexemes_of(ctx, language, text, &lexemes);
    struct nima_quantities found = {
        .items = NIMA_NEW(ctx->arena, struct nima_quantity, lexemes.count + 1)};
    for (size_t at = 0; at < lexemes.count;) {
        struct nima_quantity q;
        size_t used = quantity_at(language, &lexemes, text, at, &q);
        if (used > 0) {
            q.end = lexemes.items[at + used - 1].end;
            found.items[found.count++] = q;
        }
        at += used > 0 ? used : 1;
    }
    *out = found;
}

bool nima_language_number(struct nima_ctx *ctx, const struct nima_language *language, nima_str text,
                          double *out)
{
    struct nima_lexemes lexemes;
    double value;
    nima_lexemes_of(ctx, language, nima_utf8_prefix(text, 200), &lexemes);
    size_t used = lexemes.count > 0 ? nima_number_at(language, &lexemes, 0, &value) : 0;
    if (used == 0 || used < lexemes.count) {
        return false;
    }
    *out = value;
    return true;
}

bool nima_language_duration(struct nima_ctx *ctx, const struct nima_language *language,
                            nima_str text, struct nima_duration *out, struct nima_passage *where)
{
    struct nima_lexemes lexemes;
    nima_lexemes_of(ctx, language, text, &lexemes);
    for (size_t at = 0; at < lexemes.count; at++) {
        size_t used = nima_duration_at(language, &lexemes, at, out);
        if (used > 0) {
            where->from = lexemes.items[at].from;
            where->end = lexemes.items[at + used - 1].end;
            return true;
        }
    }
    return false;
}
