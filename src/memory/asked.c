#include "memory/asked.h"

#include <ctype.h>
#include <string.h>

#include "util/clock.h"
#include "util/rc.h"

enum { MONTHS = 12, TIMES_MAX = 2, YEAR_DIGITS = 4, DAYS = 31 };

static const char *const months[MONTHS] = {"january",   "february", "march",    "april",
                                           "may",       "june",     "july",     "august",
                                           "september", "october",  "november", "december"};

static bool same_word(nima_str word, const char *other)
{
    return nima_str_eq_nocase(word, nima_str_of(other));
}

static int month_of(nima_str word, bool first)
{
    for (int i = 0; i < MONTHS; i++) {
        if (same_word(word, months[i])) {
            bool doubtful = i == 2 || i == 4; /* "we march", "it may": only with a capital */
            return doubtful && (first || !isupper((unsigned char)word.ptr[0])) ? -1 : i + 1;
        }
    }
    return -1;
}

static size_t digits_of(nima_str word, int *value)
{
    size_t at = 0;
    *value = 0;
    while (at < word.len && at <= YEAR_DIGITS && isdigit((unsigned char)word.ptr[at])) {
        *value = *value * 10 + (word.ptr[at++] - '0');
    }
    return at;
}

static void add_number(nima_str word, struct nima_asked *out)
{
    int value;
    size_t digits = digits_of(word, &value);
    nima_str rest = nima_str_sub(word, digits, word.len);
    bool year = digits == YEAR_DIGITS && rest.len == 0 && value >= 1900 && value < 2100;
    if (year && out->year_count < NIMA_ASKED_YEARS_MAX) {
        out->years[out->year_count++] = (uint16_t)value;
    }
    bool ordinal = rest.len == 0 || same_word(rest, "th") || same_word(rest, "st") ||
                   same_word(rest, "nd") || same_word(rest, "rd");
    if (digits >= 1 && digits <= 2 && value >= 1 && value <= DAYS && ordinal) {
        out->days |= UINT32_C(1) << value;
    }
}

/* Dates are looked for in the letters as they were written: a capital tells May from may. */
static void find_dates(nima_str text, struct nima_asked *out)
{
    size_t at = 0;
    bool first = true;
    while (at < text.len) {
        size_t end = at;
        while (end < text.len && isalnum((unsigned char)text.ptr[end])) {
            end++;
        }
        if (end == at) {
            at++;
            continue;
        }
        nima_str word = nima_str_sub(text, at, end);
        int month = month_of(word, first);
        if (month > 0) {
            out->months |= UINT32_C(1) << month;
        }
        add_number(word, out);
        first = false;
        at = end;
    }
}

static bool holds(nima_str text, const char *what)
{
    return nima_str_find_nocase(text, nima_str_of(what), 0) != SIZE_MAX;
}

static bool asks_when(nima_str text)
{
    static const char *const phrases[] = {"how long",   "what month", "what year",
                                          "what date",  "what day",   "which month",
                                          "which year", "which date", "which day"};
    for (size_t i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++) {
        if (holds(text, phrases[i])) {
            return true;
        }
    }
    return nima_str_starts_nocase(nima_str_trim(text), NIMA_STR("when"));
}

enum { LIST_MAX = 48 };
struct hashes {
    uint64_t items[LIST_MAX];
    size_t count;
};

/* Of a list that ends in NULL. */
static struct hashes hashes_of(const char *const *list)
{
    struct hashes hashes = {.count = 0};
    for (; list[hashes.count] != NULL; hashes.count++) {
        nima_assert(hashes.count < LIST_MAX);
        hashes.items[hashes.count] = nima_str_hash(nima_str_of(list[hashes.count]));
    }
    return hashes;
}

static bool among(uint64_t hash, const struct hashes *list)
{
    for (size_t i = 0; i < list->count; i++) {
        if (list->items[i] == hash) {
            return true;
        }
    }
    return false;
}

void nima_memory_asked(struct nima_words *words, nima_str question, struct nima_asked *out)
{
    static const char *const user_words[] = {"i", "me", "my", "mine", NULL};
    static const char *const assistant_words[] = {"you", "your", "yours", NULL};
    const struct hashes user = hashes_of(user_words), assistant = hashes_of(assistant_words);
    *out = (struct nima_asked){.when = asks_when(question)};
    find_dates(question, out);
    struct nima_terms plain = nima_search_words_plain(words, question);
    for (size_t i = 0; i < plain.count; i++) {
        out->user |= among(plain.items[i], &user);
        out->assistant |= among(plain.items[i], &assistant);
    }
}

struct nima_day nima_memory_day(int64_t unix_ms)
{
    char text[NIMA_TIME_CHARS + 1];
    struct nima_day day;
    nima_time_write(unix_ms, text);
    day.year = (uint16_t)((text[0] - '0') * 1000 + (text[1] - '0') * 100 + (text[2] - '0') * 10 +
                          (text[3] - '0'));
    day.month = (uint8_t)((text[5] - '0') * 10 + (text[6] - '0'));
    day.day = (uint8_t)((text[8] - '0') * 10 + (text[9] - '0'));
    return day;
}

float nima_memory_asked_date(const struct nima_asked *asked, struct nima_day day)
{
    static const float year_alone = 0.3F;
    bool year = false;
    for (int i = 0; i < asked->year_count; i++) {
        year = year || asked->years[i] == day.year;
    }
    bool month = (asked->months >> day.month & 1) != 0 && (asked->year_count == 0 || year);
    bool the_day = month && (asked->days >> day.day & 1) != 0;
    return (the_day ? 2.0F : month ? 1.0F : 0.0F) + (year ? year_alone : 0.0F);
}

/* The last mark that ends a sentence says what the last sentence is: what stands behind it is a
 * name, a picture's description or a smile. */
static bool is_question(nima_str text)
{
    for (size_t i = text.len; i > 0; i--) {
        char c = text.ptr[i - 1];
        if (c == '?' || c == '!' || c == '.') {
            return c == '?';
        }
    }
    return false;
}

struct nima_told nima_memory_told(struct nima_words *words, nima_str text)
{
    static const char *const self_words[] = {"i", "my", "we", "our", "me", NULL};
    static const char *const time_words[] = {
        "yesterday", "today",  "tomorrow", "tonight",   "week",      "weekend",  "month",
        "year",      "day",    "monday",   "tuesday",   "wednesday", "thursday", "friday",
        "saturday",  "sunday", "january",  "february",  "march",     "april",    "may",
        "june",      "july",   "august",   "september", "october",   "november", "december",
        "ago",       "last",   "next",     "morning",   "evening",   "night",    "recently",
        "since",     "soon",   "summer",   "winter",    "spring",    "fall",     "autumn",
        "date",      NULL};
    const struct hashes self = hashes_of(self_words), times = hashes_of(time_words);
    struct nima_told told = {.question = is_question(text)};
    uint64_t seen = 0;
    struct nima_terms plain = nima_search_words_plain(words, text);
    for (size_t i = 0; i < plain.count; i++) {
        uint64_t hash = plain.items[i];
        told.self = told.self || among(hash, &self);
        if (told.times < TIMES_MAX && hash != seen && among(hash, &times)) {
            told.times++;
            seen = hash;
        }
    }
    return told;
}
