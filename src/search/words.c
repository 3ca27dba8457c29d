#include "search/words.h"

#include <libstemmer.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "search/same.h"
#include "util/arena.h"
#include "util/rc.h"

enum {
    WORD_BYTES_MAX =
        64, /* longer ones are cut: they are keys or noise, and still match themselves */
    PAD = 8,
    TERMS_FIRST = 64,
    SEEN_BITS = 13, /* words kept; one that falls on another's place takes it */
};

/* A word that was met before, and its term. */
struct seen {
    uint64_t word; /* its key, which stands for it as a hash for its term; 0: free */
    uint64_t term; /* 0: a stop word */
};

struct nima_words {
    struct seen *seen; /* 1 << SEEN_BITS of them; NULL: nothing is kept */
    struct sb_stemmer *english, *russian;
    int32_t *points;
    size_t points_room;
    uint64_t *terms;
    size_t term_count, term_room;
    bool same, plain;
    char folds[256]; /* of an ASCII character: in small letters; 0: it is part of no word */
};

/* Words that say nothing about what a fact is about, as they read after folding; sorted. "user"
 * is one because every learned fact begins with it. */
static const char *const stop_words[] = {
    "a",      "about",     "again",  "ain't",    "all",    "also",  "am",      "an",     "and",
    "any",    "anything",  "are",    "as",       "at",     "be",    "because", "been",   "being",
    "but",    "by",        "can",    "could",    "did",    "do",    "does",    "doing",  "don",
    "done",   "each",      "for",    "from",     "get",    "give",  "go",      "good",   "got",
    "had",    "has",       "have",   "having",   "he",     "hello", "her",     "here",   "hers",
    "hey",    "hi",        "him",    "his",      "how",    "i",     "if",      "in",     "into",
    "is",     "isn",       "it",     "its",      "just",   "know",  "let",     "ll",     "m",
    "me",     "mine",      "more",   "my",       "myself", "no",    "nor",     "not",    "now",
    "of",     "off",       "ok",     "okay",     "on",     "or",    "our",     "ours",   "out",
    "please", "re",        "really", "remember", "s",      "say",   "she",     "should", "so",
    "some",   "something", "such",   "t",        "tell",   "than",  "thank",   "thanks", "that",
    "the",    "their",     "them",   "then",     "there",  "these", "they",    "thing",  "things",
    "this",   "those",     "to",     "too",      "up",     "us",    "user",    "ve",     "very",
    "was",    "we",        "were",   "what",     "when",   "where", "which",   "who",    "whom",
    "whose",  "why",       "will",   "with",     "would",  "you",   "your",    "yours",  "yourself",
};

static int compare_word(const void *key, const void *item)
{
    return strcmp(key, *(const char *const *)item);
}

static bool is_stop_word(const char *word)
{
    return bsearch(word, stop_words, sizeof(stop_words) / sizeof(stop_words[0]),
                   sizeof(stop_words[0]), compare_word) != NULL;
}

/* 0 for what is no part of a word. */
static char fold_ascii(char c)
{
    char small = (char)(c | 0x20);
    return small >= 'a' && small <= 'z' ? small : (c >= '0' && c <= '9' ? c : '\0');
}

struct nima_words *nima_search_words_open(void)
{
    struct nima_words *words = NIMA_XNEW(struct nima_words, 1);
    words->english = sb_stemmer_new("english", "UTF_8");
    words->russian = sb_stemmer_new("russian", "UTF_8");
    for (int c = 0; c < 128; c++) {
        words->folds[c] = fold_ascii((char)c);
    }
    nima_assert(words->english != NULL && words->russian != NULL);
    return words;
}

void nima_search_words_close(struct nima_words *words)
{
    if (words == NULL) {
        return;
    }
    sb_stemmer_delete(words->english);
    sb_stemmer_delete(words->russian);
    free(words->seen);
    free(words->points);
    free(words->terms);
    free(words);
}

static void add_hash(struct nima_words *words, uint64_t hash)
{
    if (words->term_count == words->term_room) {
        words->term_room = words->term_room > 0 ? words->term_room * 2 : TERMS_FIRST;
        words->terms = nima_xrealloc(words->terms, words->term_room * sizeof(*words->terms));
    }
    words->terms[words->term_count++] = hash;
}

static void add_term(struct nima_words *words, nima_str term)
{
    add_hash(words, nima_str_hash(term));
}

static bool is_unspaced(int32_t c)
{
    if (c < 0x0E00) {
        return false; /* nearly all there is */
    }
    return (c >= 0x2E80 && c <= 0x9FFF && !(c >= 0x3000 && c <= 0x3004)) || /* CJK, kana */
           (c >= 0xAC00 && c <= 0xD7AF) ||                                  /* Hangul */
           (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x20000 && c <= 0x3FFFF) ||
           (c >= 0x0E00 && c <= 0x0EFF) ||                               /* Thai, Lao */
           (c >= 0x1000 && c <= 0x109F) || (c >= 0x1780 && c <= 0x17FF); /* Burmese, Khmer */
}

static bool is_word_char(int32_t c)
{
    if (c < 0x80) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    }
    switch (utf8proc_category(c)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
        return true;
    default:
        return false;
    }
}

/* "São" and "Sao" meet: accents go where they are accents (marks elsewhere are vowels). */
static int32_t without_accent(int32_t c)
{
    bool accented_script = (c >= 0xC0 && c < 0x530) || (c >= 0x1E00 && c < 0x2000);
    if (!accented_script) {
        return c;
    }
    utf8proc_int32_t parts[8];
    int last_class = 0;
    utf8proc_ssize_t n = utf8proc_decompose_char(c, parts, 8, UTF8PROC_DECOMPOSE, &last_class);
    return n >= 1 && n <= 8 ? parts[0] : c;
}

/* Folded code points of the text into words->points; returns how many. */
static size_t fold(struct nima_words *words, nima_str text)
{
    size_t need =
        text.len * 4 + 16; /* NFKC can grow a character; the call below says if not enough */
    for (;;) {
        if (words->points_room < need) {
            words->points_room = need;
            words->points = nima_xrealloc(words->points, need * sizeof(*words->points));
        }
        utf8proc_option_t how = UTF8PROC_COMPAT | UTF8PROC_COMPOSE | UTF8PROC_CASEFOLD |
                                UTF8PROC_IGNORE | UTF8PROC_STABLE;
        utf8proc_ssize_t n =
            utf8proc_decompose((const utf8proc_uint8_t *)text.ptr, (utf8proc_ssize_t)text.len,
                               words->points, (utf8proc_ssize_t)words->points_room, how);
        if (n < 0) {
            return 0;
        }
        if ((size_t)n > words->points_room) {
            need = (size_t)n;
            continue;
        }
        n = utf8proc_normalize_utf32(words->points, n, how);
        return n > 0 ? (size_t)n : 0;
    }
}

/* A word as it was found, with PAD zeros at its end. */
struct folded {
    char text[WORD_BYTES_MAX + PAD];
    size_t len;
    bool cyrillic;
};

/* 0 for a stop word. */
static uint64_t stem_of(struct nima_words *words, const struct folded *word)
{
    if (is_stop_word(word->text)) {
        return 0;
    }
    const char *root = words->same ? nima_search_same(word->text) : word->text;
    struct sb_stemmer *stemmer = word->cyrillic ? words->russian : words->english;
    const sb_symbol *stem = sb_stemmer_stem(stemmer, (const sb_symbol *)root, (int)strlen(root));
    nima_str term = {(const char *)stem, (size_t)sb_stemmer_length(stemmer)};
    return nima_str_hash(term);
}

/* Eight bytes at a time; different for words of up to eight bytes. */
static uint64_t key_of(const struct folded *word)
{
    uint64_t key = UINT64_MAX, eight; /* bytes that no text has */
    for (size_t i = 0; i < word->len; i += sizeof(eight)) {
        memcpy(&eight, word->text + i, sizeof(eight));
        key = (key ^ eight) * UINT64_C(0x9E3779B97F4A7C15);
        key ^= key >> 32;
    }
    return key;
}

static uint64_t term_of(struct nima_words *words, const struct folded *word)
{
    /* No English ending has a digit last: numbers, dates and keys are their own stem, and as many
     * as they are, they would only push the words out. */
    char last = word->text[word->len - 1];
    if (last >= '0' && last <= '9' && !word->cyrillic) {
        return nima_str_hash((nima_str){word->text, word->len});
    }
    if (words->seen == NULL) {
        return stem_of(words, word);
    }
    uint64_t key = key_of(word);
    struct seen *seen = &words->seen[key >> (64 - SEEN_BITS)];
    if (seen->word != key) {
        *seen = (struct seen){key, stem_of(words, word)};
    }
    return seen->term;
}

static void add_folded(struct nima_words *words, struct folded *word)
{
    if (word->len == 0) {
        return;
    }
    memset(word->text + word->len, '\0', PAD);
    uint64_t term =
        words->plain ? nima_str_hash((nima_str){word->text, word->len}) : term_of(words, word);
    if (term != 0) {
        add_hash(words, term);
    }
}

static void add_word(struct nima_words *words, const int32_t *points, size_t count)
{
    struct folded word;
    size_t len = 0;
    bool cyrillic = false;
    for (size_t i = 0; i < count && len + 4 <= WORD_BYTES_MAX; i++) {
        if (points[i] < 0x80) {
            word.text[len++] = (char)points[i];
            continue;
        }
        int32_t c = without_accent(points[i]);
        if (c >= 0x300 && c <= 0x36F) {
            continue;
        }
        cyrillic = cyrillic || (c >= 0x400 && c < 0x530);
        len += (size_t)nima_utf8_encode((uint32_t)c, word.text + len);
    }
    word.len = len;
    word.cyrillic = cyrillic;
    add_folded(words, &word);
}

static bool is_ascii(nima_str text)
{
    const uint64_t high = UINT64_C(0x8080808080808080);
    uint64_t all = 0, eight;
    size_t i = 0;
    for (; i + sizeof(eight) <= text.len; i += sizeof(eight)) {
        memcpy(&eight, text.ptr + i, sizeof(eight));
        all |= eight;
    }
    for (; i < text.len; i++) {
        all |= (unsigned char)text.ptr[i];
    }
    return (all & high) == 0;
}

/* Most texts: no table of Unicode is needed. */
static void add_ascii(struct nima_words *words, nima_str text)
{
    struct folded word = {.cyrillic = false};
    for (size_t at = 0; at < text.len; at++) {
        size_t len = 0;
        char c;
        for (; at < text.len && (c = words->folds[(unsigned char)text.ptr[at]]) != '\0'; at++) {
            word.text[len] = c;
            len += len + 4 <= WORD_BYTES_MAX;
        }
        word.len = len;
        add_folded(words, &word);
    }
}

/* Pairs of characters; a single character stands alone. */
static void add_unspaced(struct nima_words *words, const int32_t *points, size_t count)
{
    for (size_t i = 0; i < count && (i + 1 < count || count == 1); i++) {
        char pair[8];
        size_t len = (size_t)nima_utf8_encode((uint32_t)points[i], pair);
        if (count > 1) {
            len += (size_t)nima_utf8_encode((uint32_t)points[i + 1], pair + len);
        }
        add_term(words, (nima_str){pair, len});
    }
}

static void add_text(struct nima_words *words, nima_str text)
{
    if (is_ascii(text)) {
        add_ascii(words, text);
        return;
    }
    size_t count = fold(words, text), at = 0;
    while (at < count) {
        size_t end = at;
        bool unspaced = is_unspaced(words->points[at]);
        while (end < count && is_unspaced(words->points[end]) == unspaced &&
               is_word_char(words->points[end])) {
            end++;
        }
        if (end > at && unspaced) {
            add_unspaced(words, words->points + at, end - at);
        } else if (end > at) {
            add_word(words, words->points + at, end - at);
        }
        at = end > at ? end : at + 1;
    }
}

struct nima_terms nima_search_words_of(struct nima_words *words, nima_str text, nima_str also)
{
    words->term_count = 0;
    add_text(words, text);
    if (also.ptr != NULL) {
        add_text(words, also);
    }
    return (struct nima_terms){words->terms, words->term_count};
}

void nima_search_words_many(struct nima_words *words)
{
    words->seen =
        words->seen != NULL ? words->seen : NIMA_XNEW(struct seen, (size_t)1 << SEEN_BITS);
}

void nima_search_words_same(struct nima_words *words)
{
    free(words->seen);
    words->seen = NULL;
    words->same = true;
}

struct nima_terms nima_search_words_plain(struct nima_words *words, nima_str text)
{
    words->term_count = 0;
    words->plain = true;
    add_text(words, text);
    words->plain = false;
    return (struct nima_terms){words->terms, words->term_count};
}
