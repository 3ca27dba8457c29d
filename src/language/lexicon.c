/*
 * The languages: src/language/data/CODE.yaml, embedded, parsed once. docs/understanding.md has what
 * may stand in such a file. A mistake in one of them is the program's, and ends it: the unit tests
 * load them all.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "language/language_int.h"
#include "util/embed.h"
#include "util/yaml.h"

NIMA_EMBEDDED(language);

enum {
    WORDS_MAX = 4096,
    BUCKETS = 8192,
    PATTERNS_MAX = 700,
    LINKS_MAX = 3000,
    PHRASES_MAX = 256,
    ALTS_MAX = 24
};

const char *const nima_language_codes[NIMA_LANGUAGES + 1] = {"de", "en", "es", "fr",
                                                             "it", "nl", "pt", NULL};

static struct nima_language languages[NIMA_LANGUAGES];
static pthread_once_t loaded = PTHREAD_ONCE_INIT;
static struct nima_ctx tables; /* what the tables live in: never ended */

/* The file being loaded. */
struct loader {
    struct nima_ctx *ctx;
    struct nima_language *language;
};

static uint32_t slot_of(const struct nima_language *language, nima_str word)
{
    return (uint32_t)nima_str_hash(word) & language->bucket_mask;
}

int nima_lexicon_find(const struct nima_language *language, nima_str word)
{
    uint32_t at = slot_of(language, word);
    while (language->buckets[at] != 0) {
        int entry = language->buckets[at] - 1;
        if (nima_str_eq(language->entries[entry].word, word)) {
            return entry;
        }
        at = (at + 1) & language->bucket_mask;
    }
    return -1;
}

bool nima_language_is_conjunction(const struct nima_language *language, nima_str folded)
{
    int entry = nima_lexicon_find(language, folded);
    return entry >= 0 && language->entries[entry].conjunction;
}

static int entry_of(struct loader *l, nima_str word)
{
    struct nima_language *language = l->language;
    int found = nima_lexicon_find(language, word);
    if (found >= 0) {
        return found;
    }
    nima_assert(language->entry_count < WORDS_MAX);
    found = language->entry_count++;
    language->entries[found] = (struct nima_lexicon_entry){
        .word = nima_str_copy(l->ctx->arena, word), .weekday = -1, .unit = -1, .patterns = -1};
    uint32_t at = slot_of(language, word);
    while (language->buckets[at] != 0) {
        at = (at + 1) & language->bucket_mask;
    }
    language->buckets[at] = found + 1;
    return found;
}

/* "half an hour" to the ids of its words, folded as texts are. */
static void words_of(struct loader *l, nima_str text, struct nima_words_alt *out)
{
    struct nima_tokens tokens;
    nima_language_tokens(l->ctx, text, &tokens);
    out->count = 0;
    for (size_t i = 0; i < tokens.count; i++) {
        nima_str word = tokens.items[i].fold;
        bool elided = i + 1 < tokens.count && tokens.items[i].kind == NIMA_TOKEN_WORD &&
                      tokens.items[i + 1].joined &&
                      nima_str_eq(tokens.items[i + 1].fold, NIMA_STR("'"));
        if (elided) { /* "d' heure", as texts' "d'heure" is cut */
            word = nima_fmt(l->ctx, NIMA_FMT "'", NIMA_ARG(word));
            i++;
        }
        nima_assert(out->count < NIMA_PHRASE_WORDS_MAX);
        out->ids[out->count++] = entry_of(l, word);
    }
    if (out->count == 0) {
        fprintf(stderr, "language: " NIMA_FMT " has no words: \"" NIMA_FMT "\"\n",
                NIMA_ARG(l->language->code), NIMA_ARG(text));
        nima_assert(!"words in every pattern");
    }
}

static struct nima_lexicon_entry *single(struct loader *l, nima_str text)
{
    struct nima_words_alt words;
    words_of(l, text, &words);
    nima_assert(words.count == 1);
    return &l->language->entries[words.ids[0]];
}

/* Lists of names: the first list means `low`, the second `low` + 1 … */
static void load_weekdays(struct loader *l, const struct nima_yaml *lists, bool plural)
{
    int day = 0;
    for (const struct nima_yaml *names = lists != NULL ? lists->first : NULL; names != NULL;
         names = names->next, day++) {
        for (const struct nima_yaml *name = names->first; name != NULL; name = name->next) {
            struct nima_lexicon_entry *entry = single(l, name->scalar);
            entry->weekday = day;
            entry->plural = plural;
        }
    }
}

static void load_months(struct loader *l, const struct nima_yaml *lists)
{
    int month = 1;
    for (const struct nima_yaml *names = lists->first; names != NULL; names = names->next) {
        for (const struct nima_yaml *name = names->first; name != NULL; name = name->next) {
            single(l, name->scalar)->month = month;
        }
        month++;
    }
}

static void load_units(struct loader *l, const struct nima_yaml *map)
{
    static const char *const names[NIMA_UNIT_COUNT] = {
        "second", "minute", "hour", "day", "week", "fortnight", "month", "quarter", "year"};
    for (int unit = 0; unit < NIMA_UNIT_COUNT; unit++) {
        const struct nima_yaml *list = nima_yaml_get(map, names[unit]);
        for (const struct nima_yaml *name = list != NULL ? list->first : NULL; name != NULL;
             name = name->next) {
            single(l, name->scalar)->unit = unit;
        }
    }
}

static struct nima_phrase *load_phrases(struct loader *l, const struct nima_yaml *map, int *count)
{
    struct nima_phrase *phrases = NIMA_NEW(l->ctx->arena, struct nima_phrase, PHRASES_MAX);
    for (const struct nima_yaml *e = map != NULL ? map->first : NULL; e != NULL; e = e->next) {
        nima_assert(*count < PHRASES_MAX);
        struct nima_phrase *phrase = &phrases[(*count)++];
        words_of(l, e->key, &phrase->words);
        bool ok = nima_yaml_num(e, &phrase->value);
        nima_assert(ok);
    }
    return phrases;
}

/* Of one word each the entry says it, the rest are phrases. */
static void load_numbers(struct loader *l, const struct nima_yaml *map)
{
    struct nima_language *language = l->language;
    int kept = 0;
    language->numbers = load_phrases(l, map, &language->number_count);
    for (int i = 0; i < language->number_count; i++) {
        struct nima_phrase *phrase = &language->numbers[i];
        if (phrase->words.count > 1) {
            language->numbers[kept++] = *phrase;
            continue;
        }
        struct nima_lexicon_entry *entry = &language->entries[phrase->words.ids[0]];
        entry->number = phrase->value;
        entry->has_number = true;
    }
    language->number_count = kept;
}

static void load_scales(struct loader *l, const struct nima_yaml *map)
{
    for (const struct nima_yaml *e = map != NULL ? map->first : NULL; e != NULL; e = e->next) {
        int64_t value;
        bool ok = nima_yaml_int(e, &value);
        nima_assert(ok);
        single(l, e->key)->scale = (int)value;
    }
}

static void load_ordinals(struct loader *l, const struct nima_yaml *map)
{
    for (const struct nima_yaml *e = map != NULL ? map->first : NULL; e != NULL; e = e->next) {
        int64_t value;
        bool ok = nima_yaml_int(e, &value);
        nima_assert(ok);
        single(l, e->key)->ordinal = (int)value;
    }
}

enum flag { JOINER, ARTICLE, CONJUNCTION, FUNCTION, MONEY, ABOUT, AMBIGUOUS, LEADS };
static void load_flags(struct loader *l, const struct nima_yaml *list, enum flag flag)
{
    for (const struct nima_yaml *e = list != NULL ? list->first : NULL; e != NULL; e = e->next) {
        struct nima_words_alt words;
        words_of(l, e->scalar, &words);
        struct nima_lexicon_entry *entry = &l->language->entries[words.ids[0]];
        entry->joiner = entry->joiner || flag == JOINER;
        entry->article = entry->article || flag == ARTICLE;
        entry->conjunction = entry->conjunction || flag == CONJUNCTION;
        entry->function = entry->function || flag == FUNCTION;
        entry->money = entry->money || flag == MONEY;
        entry->about = entry->about || flag == ABOUT;
        entry->ambiguous = entry->ambiguous || flag == AMBIGUOUS;
        entry->leads = entry->leads || flag == LEADS;
    }
}

static struct nima_words_alt *load_alts(struct loader *l, const struct nima_yaml *list, int *count)
{
    size_t room = list != NULL ? list->count : 0;
    struct nima_words_alt *alts = NIMA_NEW(l->ctx->arena, struct nima_words_alt, room + 1);
    for (const struct nima_yaml *e = list != NULL ? list->first : NULL; e != NULL; e = e->next) {
        words_of(l, e->scalar, &alts[(*count)++]);
    }
    return alts;
}

/* Patterns */

static enum nima_slot slot_named(nima_str name)
{
    static const char *const names[NIMA_SLOT_COUNT] = {
        "",    "n",    "hour", "min",  "clock", "dotted", "weekday", "month", "day",
        "ord", "year", "date", "unit", "dur",   "zone",   "city",    "hhmm"};
    for (int i = 1; i < NIMA_SLOT_COUNT; i++) {
        if (nima_str_eq(name, nima_str_of(names[i]))) {
            return (enum nima_slot)i;
        }
    }
    fprintf(stderr, "language: no slot " NIMA_FMT "\n", NIMA_ARG(name));
    nima_assert(!"a slot that patterns know");
    return NIMA_SLOT_WORDS;
}

static void read_alts(struct loader *l, nima_str text, struct nima_pattern_item *item)
{
    struct nima_words_alt *alts = NIMA_NEW(l->ctx->arena, struct nima_words_alt, ALTS_MAX);
    nima_str rest = text, part;
    while (nima_str_next(&rest, '|', &part)) {
        nima_assert(item->alt_count < ALTS_MAX);
        words_of(l, part, &alts[item->alt_count++]);
    }
    item->alts = alts;
}

/* The next item of "[on] next {weekday} (of the|in) month|months". */
static nima_str next_item(nima_str *rest)
{
    *rest = nima_str_trim(*rest);
    char open = rest->len > 0 ? rest->ptr[0] : ' ';
    char close = open == '[' ? ']' : open == '(' ? ')' : open == '{' ? '}' : '\0';
    size_t end = 0;
    while (end < rest->len && (close != '\0' ? rest->ptr[end] != close : rest->ptr[end] != ' ')) {
        end++;
    }
    end += close != '\0' ? 1 : 0;
    nima_str item = nima_str_sub(*rest, 0, end);
    *rest = nima_str_sub(*rest, end, rest->len);
    return item;
}

static void read_items(struct loader *l, nima_str text, struct nima_pattern *pattern)
{
    nima_str rest = text;
    while (nima_str_trim(rest).len > 0) {
        nima_str said = next_item(&rest);
        nima_str inner = nima_str_sub(said, 1, said.len - 1);
        nima_assert(pattern->item_count < NIMA_PATTERN_ITEMS_MAX);
        struct nima_pattern_item *item = &pattern->items[pattern->item_count++];
        if (said.ptr[0] == '{') {
            item->slot = slot_named(inner);
            continue;
        }
        bool group = said.ptr[0] == '[' || said.ptr[0] == '(';
        item->optional = said.ptr[0] == '[';
        if (group && inner.ptr[0] == '{') {
            item->slot = slot_named(nima_str_sub(inner, 1, inner.len - 1));
            continue;
        }
        read_alts(l, group ? inner : said, item);
    }
}

static void link_pattern(struct nima_language *language, int *first,
                         const struct nima_pattern *pattern)
{
    if (*first >= 0 && language->links[*first].pattern == pattern) {
        return; /* two of its beginnings are the same word */
    }
    nima_assert(language->link_count < LINKS_MAX);
    language->links[language->link_count] =
        (struct nima_pattern_link){.pattern = pattern, .next = *first};
    *first = language->link_count++;
}

/* Under every word that it may begin with, and under slots. */
static void list_pattern(struct nima_language *language, const struct nima_pattern *pattern)
{
    for (int i = 0; i < pattern->item_count; i++) {
        const struct nima_pattern_item *item = &pattern->items[i];
        if (item->slot != NIMA_SLOT_WORDS) {
            link_pattern(language, &language->slot_first, pattern);
        }
        for (int a = 0; a < item->alt_count; a++) {
            link_pattern(language, &language->entries[item->alts[a].ids[0]].patterns, pattern);
        }
        if (!item->optional) {
            break;
        }
    }
}

static void load_patterns(struct loader *l, const struct nima_yaml *map)
{
    for (const struct nima_yaml *e = map->first; e != NULL; e = e->next) {
        struct nima_pattern action = {.arg_count = 0};
        nima_str rest = e->key, word;
        nima_str_next(&rest, ' ', &action.action);
        while (rest.ptr != NULL && nima_str_next(&rest, ' ', &word)) {
            if (nima_str_eq(word, NIMA_STR("weak"))) {
                action.weak = true;
                continue;
            }
            nima_assert(action.arg_count < NIMA_PATTERN_ARGS_MAX);
            action.args[action.arg_count++] = word;
        }
        for (const struct nima_yaml *text = e->first; text != NULL; text = text->next) {
            struct nima_language *language = l->language;
            nima_assert(language->pattern_count < PATTERNS_MAX);
            struct nima_pattern *pattern = &language->patterns[language->pattern_count++];
            *pattern = action;
            read_items(l, text->scalar, pattern);
            list_pattern(language, pattern);
        }
    }
}

static void load(struct loader *l, const struct nima_yaml *root)
{
    struct nima_language *language = l->language;
    load_weekdays(l, nima_yaml_get(root, "weekdays"), false);
    load_weekdays(l, nima_yaml_get(root, "weekdays_plural"), true);
    load_months(l, nima_yaml_get(root, "months"));
    load_units(l, nima_yaml_get(root, "units"));
    load_numbers(l, nima_yaml_get(root, "numbers"));
    load_scales(l, nima_yaml_get(root, "scales"));
    load_ordinals(l, nima_yaml_get(root, "ordinals"));
    load_flags(l, nima_yaml_get(root, "joiners"), JOINER);
    load_flags(l, nima_yaml_get(root, "articles"), ARTICLE);
    load_flags(l, nima_yaml_get(root, "conjunctions"), CONJUNCTION);
    load_flags(l, nima_yaml_get(root, "function_words"), FUNCTION);
    load_flags(l, nima_yaml_get(root, "currencies"), MONEY);
    load_flags(l, nima_yaml_get(root, "about"), ABOUT);
    load_flags(l, nima_yaml_get(root, "ambiguous"), AMBIGUOUS);
    load_flags(l, nima_yaml_get(root, "hour_words"), LEADS);
    language->durations =
        load_phrases(l, nima_yaml_get(root, "durations"), &language->duration_count);
    language->halves = load_alts(l, nima_yaml_get(root, "and_a_half"), &language->half_count);
    (void)nima_yaml_bool(nima_yaml_get(root, "compounds"), &language->compounds);
    (void)nima_yaml_bool(nima_yaml_get(root, "comma_decimal"), &language->comma_decimal);
    (void)nima_yaml_bool(nima_yaml_get(root, "tens_joiner"), &language->tens_joiner);
    (void)nima_yaml_bool(nima_yaml_get(root, "dot_ordinal"), &language->dot_ordinal);
    load_patterns(l, nima_yaml_get(root, "patterns"));
}

static void load_all(void)
{
    nima_ctx_init(&tables);
    for (int i = 0; i < NIMA_LANGUAGES; i++) {
        struct nima_language *language = &languages[i];
        const struct nima_yaml *root;
        char name[16];
        snprintf(name, sizeof(name), "%s.yaml", nima_language_codes[i]);
        const struct nima_embedded *file =
            nima_embedded_find(nima_embedded_language, nima_str_of(name));
        nima_assert(file != NULL);
        *language = (struct nima_language){
            .code = nima_str_of(nima_language_codes[i]),
            .entries = NIMA_NEW(tables.arena, struct nima_lexicon_entry, WORDS_MAX),
            .buckets = NIMA_NEW(tables.arena, int, BUCKETS),
            .bucket_mask = BUCKETS - 1,
            .patterns = NIMA_NEW(tables.arena, struct nima_pattern, PATTERNS_MAX),
            .links = NIMA_NEW(tables.arena, struct nima_pattern_link, LINKS_MAX),
            .slot_first = -1,
        };
        if (nima_yaml_parse(&tables, file->name, nima_embedded_data(file), &root) != NIMA_OK) {
            fprintf(stderr, "language: %s\n", tables.error.message);
            nima_assert(!"a language file that can be read");
        }
        load(&(struct loader){&tables, language}, root);
    }
}

const struct nima_language *nima_language_get(nima_str code)
{
    pthread_once(&loaded, load_all);
    for (int i = 0; i < NIMA_LANGUAGES; i++) {
        nima_str known = languages[i].code;
        bool ends = code.len == known.len ||
                    (code.len > known.len && strchr("-_.@", code.ptr[known.len]) != NULL);
        if (ends && nima_str_starts_nocase(code, known)) {
            return &languages[i];
        }
    }
    return NULL;
}

const struct nima_language *nima_language_or_english(nima_str code)
{
    const struct nima_language *language = nima_language_get(code);
    return language != NULL ? language : nima_language_get(NIMA_STR("en"));
}

nima_str nima_language_code(const struct nima_language *language)
{
    return language->code;
}

/* Function words speak for their language; what several have counts for each of them. */
const struct nima_language *nima_language_identify(struct nima_ctx *ctx, nima_str text,
                                                   const struct nima_language *before)
{
    const struct nima_language *best = before != NULL ? before : nima_language_get(NIMA_STR("en"));
    struct nima_arena_mark mark = nima_scratch(ctx);
    struct nima_tokens tokens;
    double scores[NIMA_LANGUAGES] = {0}, own = 0, top = 0;
    nima_language_tokens(ctx, nima_utf8_prefix(text, 4000), &tokens);
    for (size_t i = 0; i < tokens.count; i++) {
        bool known[NIMA_LANGUAGES];
        int count = 0;
        for (int k = 0; k < NIMA_LANGUAGES; k++) {
            int entry = nima_lexicon_find(&languages[k], tokens.items[i].fold);
            known[k] = entry >= 0 && tokens.items[i].kind == NIMA_TOKEN_WORD;
            bool weighs = known[k] && languages[k].entries[entry].function;
            scores[k] += weighs ? 0.5 : 0;
            count += known[k] ? 1 : 0;
        }
        for (int k = 0; k < NIMA_LANGUAGES; k++) {
            scores[k] += known[k] && count > 0 ? 1.0 / count : 0;
        }
    }
    for (int k = 0; k < NIMA_LANGUAGES; k++) {
        own = &languages[k] == best ? scores[k] : own;
        top = scores[k] > top ? scores[k] : top;
    }
    for (int k = 0; k < NIMA_LANGUAGES; k++) {
        if (scores[k] == top && top > own + 0.6) {
            best = &languages[k];
            break;
        }
    }
    nima_scratch_end(ctx, mark);
    return best;
}
