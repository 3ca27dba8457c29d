#include "memory/forget.h"

#include <stdio.h>
#include <string.h>

#include "memory/lexicon.h"
#include "memory/said.h"
#include "search/words.h"
#include "util/buf.h"

enum {
    TERMS_MAX = 64,
    CODE_LATIN_END = 0x0370,
    CHARS_OF_A_TOPIC = 4, /* of a script without blanks: longer is a statement, and may be denied */
};

/* What of a text must agree. */
struct details {
    bool statement; /* has a subject and says something of it */
    bool self;      /* of the person, not of something of theirs or somebody else */
    bool of;        /* "my …", "the user's …" */
    bool denied, past, wished;
};

static const char past_words[] =
    " was were had did used formerly previously once went grew taught wrote bought sold left quit"
    " got met won lost ran drove flew spoke gave took came became began knew saw ate drank swam"
    " sang built spent slept felt kept fell held led rode chose broke stole woke wore ";
static const char denials[] =
    " not no never cannot without none nobody nothing neither nor stopped isn't aren't wasn't"
    " doesn't didn't won't hasn't haven't ";

static size_t subject_tokens(const struct nima_said_word *t, size_t count, struct details *d)
{
    size_t at = count > 1 && nima_memory_token_is(&t[0], "that");
    if (at < count && nima_memory_token_in(&t[at], " i we ")) {
        d->self = true;
        return at + 1;
    }
    if (at < count && nima_memory_token_in(&t[at], " my our ")) {
        d->of = true;
        return at + 1;
    }
    bool the = at + 1 < count && nima_memory_token_is(&t[at], "the");
    if (the && nima_memory_token_is(&t[at + 1], "user")) {
        d->self = true;
        return at + 2;
    }
    if (the && nima_memory_token_is(&t[at + 1], "user's")) {
        d->of = true;
        return at + 2;
    }
    return at;
}

static struct details details_of(const struct nima_said_word *t, size_t count)
{
    struct details d = {0};
    size_t at = subject_tokens(t, count, &d);
    size_t verb = at;
    while (verb < count &&
           nima_memory_token_in(&t[verb], " also always often usually still really mostly ")) {
        verb++;
    }
    d.statement = d.self && verb < count;
    for (size_t i = at; i < count; i++) {
        bool copula = nima_memory_token_in(&t[i], " is are was were has have had lives works plays"
                                                  " does can likes loves hates eats drinks ");
        d.statement = d.statement || (d.of && i > at && copula);
        d.denied = d.denied || nima_memory_token_in(&t[i], denials);
        d.wished =
            d.wished || nima_memory_token_in(&t[i], " want wants hope hopes plan plans dream dreams"
                                                    " would might wishes wish intends intend ");
        d.past = d.past || (!d.self && nima_memory_token_in(&t[i], " was were had used "));
    }
    size_t len = verb < count ? strlen(t[verb].low) : 0;
    bool ends_ed = len > 3 && strcmp(t[verb].low + len - 2, "ed") == 0;
    d.past = d.past ||
             (d.self && verb < count && (ends_ed || nima_memory_token_in(&t[verb], past_words)));
    return d;
}

/* Numbers, letters that stand alone ("blood type A") and the words of a direction stand in the
 * fact, too. */
static bool small_words_agree(const struct nima_said_word *a, size_t a_count,
                              const struct nima_said_word *f, size_t f_count)
{
    for (size_t i = 0; i < a_count; i++) {
        bool letter = a[i].raw.len == 1 && a[i].capital && !nima_memory_token_is(&a[i], "i") &&
                      (i > 0 || a_count == 1);
        bool article = letter && nima_memory_token_is(&a[i], "a") && i + 1 < a_count;
        bool way = nima_memory_token_in(&a[i], " from without before after until into against ") ||
                   (nima_memory_token_is(&a[i], "to") && i + 1 < a_count && a[i + 1].capital);
        bool number = nima_memory_token_number(&a[i]);
        bool found = (!letter || article) && !way && !number;
        for (size_t k = 0; k < f_count && !found; k++) {
            found = strcmp(a[i].low, f[k].low) == 0 && (!letter || f[k].capital);
        }
        if (!found) {
            return false;
        }
    }
    return true;
}

struct term_list {
    uint64_t items[TERMS_MAX];
    size_t count;
};

/* Without the word that all facts share. */
static void terms_of(struct nima_words *words, nima_str text, uint64_t user, struct term_list *out)
{
    struct nima_terms terms = nima_search_words_of(words, text, (nima_str){0});
    out->count = 0;
    for (size_t i = 0; i < terms.count && out->count < TERMS_MAX; i++) {
        if (terms.items[i] != user) {
            out->items[out->count++] = terms.items[i];
        }
    }
}

static bool all_in(const struct term_list *part, const struct term_list *whole)
{
    for (size_t i = 0; i < part->count; i++) {
        bool found = false;
        for (size_t k = 0; k < whole->count && !found; k++) {
            found = whole->items[k] == part->items[i];
        }
        if (!found) {
            return false;
        }
    }
    return part->count > 0;
}

/* A subject that is not the person is none of a statement about them, and the other way round. */
static bool details_agree(const struct details *a, const struct details *f)
{
    if (!a->statement) {
        return !a->denied || f->denied;
    }
    bool person = a->self == f->self && a->of == f->of;
    return person && a->denied == f->denied && a->past == f->past && a->wished == f->wished;
}

bool nima_memory_same_sense(struct nima_ctx *ctx, nima_str about, nima_str fact)
{
    struct nima_said_word *a = NIMA_NEW(ctx->arena, struct nima_said_word, NIMA_TOKENS_MAX);
    struct nima_said_word *f = NIMA_NEW(ctx->arena, struct nima_said_word, NIMA_TOKENS_MAX);
    size_t a_count = nima_memory_said_tokens(ctx, about, a);
    size_t f_count = nima_memory_said_tokens(ctx, fact, f);
    struct details ours = details_of(a, a_count), theirs = details_of(f, f_count);
    return details_agree(&ours, &theirs) && small_words_agree(a, a_count, f, f_count) &&
           small_words_agree(f, f_count, a, a_count);
}

/* One word for those that mean the same person or are spelled in two ways. */
static nima_str one_wording(struct nima_ctx *ctx, nima_str text)
{
    struct nima_buf buf;
    nima_str rest = text, word;
    bool changed = false;
    nima_buf_init(&buf, 2 * text.len + 64);
    while (nima_str_next(&rest, ' ', &word)) {
        char low[NIMA_TOKEN_CHARS];
        snprintf(low, sizeof(low), NIMA_FMT, NIMA_ARG(word));
        const char *one = nima_memory_one_word(low);
        changed = changed || one != low;
        nima_buf_add(&buf, buf.len > 0 ? NIMA_STR(" ") : NIMA_STR(""));
        nima_buf_add(&buf, one != low ? nima_str_of(one) : word);
    }
    nima_str made = changed ? nima_str_copy(ctx->arena, nima_buf_view(&buf)) : text;
    nima_buf_done(&buf);
    return made;
}

static enum nima_meant by_words(struct nima_ctx *ctx, struct nima_words *words, nima_str about,
                                nima_str fact)
{
    about = one_wording(ctx, about);
    fact = one_wording(ctx, fact);
    struct term_list asked, known;
    struct nima_terms user = nima_search_words_of(words, NIMA_STR("user"), (nima_str){0});
    uint64_t user_term = user.count > 0 ? user.items[0] : 0;
    terms_of(words, about, user_term, &asked);
    terms_of(words, fact, user_term, &known);
    if (!all_in(&asked, &known)) {
        return NIMA_MEANT_NOT;
    }
    struct nima_said_word *a = NIMA_NEW(ctx->arena, struct nima_said_word, NIMA_TOKENS_MAX);
    struct nima_said_word *f = NIMA_NEW(ctx->arena, struct nima_said_word, NIMA_TOKENS_MAX);
    size_t a_count = nima_memory_said_tokens(ctx, about, a);
    size_t f_count = nima_memory_said_tokens(ctx, fact, f);
    struct details ours = details_of(a, a_count), theirs = details_of(f, f_count);
    if (!small_words_agree(a, a_count, f, f_count) || !details_agree(&ours, &theirs)) {
        return NIMA_MEANT_NOT;
    }
    bool equal = all_in(&known, &asked) && small_words_agree(f, f_count, a, a_count);
    return equal && ours.denied == theirs.denied ? NIMA_MEANT_EXACT : NIMA_MEANT_CLEAR;
}

/* By characters */

static bool is_beyond(uint32_t c)
{
    bool marks = (c >= 0x2000 && c <= 0x206F) || c == 0x3000 || c == 0xFEFF;
    bool latin = c < CODE_LATIN_END || (c >= 0x1E00 && c <= 0x1EFF);
    return !marks && !latin;
}

/* Written without blanks between words, or a picture. */
static bool is_unspaced(uint32_t c)
{
    return (c >= 0x0E00 && c <= 0x0EFF) || (c >= 0x1000 && c <= 0x109F) ||
           (c >= 0x1780 && c <= 0x17FF) || (c >= 0x2190 && c <= 0x2BFF) ||
           (c >= 0x3040 && c <= 0x30FF) || (c >= 0x3400 && c <= 0x9FFF) || c >= 0x1F000;
}

bool nima_memory_beyond_latin(nima_str text)
{
    for (size_t at = 0; at < text.len;) {
        uint32_t c = 0;
        int len = nima_utf8_decode(text, at, &c);
        if (len <= 0) {
            return false;
        }
        if (is_beyond(c)) {
            return true;
        }
        at += (size_t)len;
    }
    return false;
}

/* The words of one, as they are written, stand in the other behind each other. */
static bool run_of_words(struct nima_words *words, nima_str about, nima_str fact, bool *equal)
{
    uint64_t asked[TERMS_MAX];
    struct nima_terms terms = nima_search_words_plain(words, about);
    size_t count = terms.count;
    if (count == 0 || count > TERMS_MAX) {
        return false;
    }
    memcpy(asked, terms.items, count * sizeof(asked[0]));
    terms = nima_search_words_plain(words, fact);
    *equal = terms.count == count;
    for (size_t i = 0; i + count <= terms.count; i++) {
        if (memcmp(terms.items + i, asked, count * sizeof(asked[0])) == 0) {
            return true;
        }
    }
    return false;
}

static enum nima_meant by_characters(struct nima_words *words, nima_str about, nima_str fact)
{
    nima_str known = nima_str_trim(fact);
    while (known.len > 0 && strchr(".!", known.ptr[known.len - 1]) != NULL) {
        known.len--;
    }
    uint32_t first = 0;
    nima_utf8_decode(about, 0, &first);
    size_t found = nima_str_find(known, about, 0);
    bool equal = nima_str_eq(known, about);
    bool unspaced = is_unspaced(first);
    if (equal) {
        return NIMA_MEANT_EXACT;
    }
    if (!unspaced && run_of_words(words, about, known, &equal)) {
        return equal ? NIMA_MEANT_EXACT : NIMA_MEANT_CLEAR;
    }
    if (found != SIZE_MAX) {
        bool topic = unspaced ? nima_utf8_count(about) <= CHARS_OF_A_TOPIC
                              : found == 0 || known.ptr[found - 1] == ' ';
        return topic ? NIMA_MEANT_CLEAR : NIMA_MEANT_MAYBE;
    }
    nima_str word, rest = about;
    bool several = nima_str_find(about, NIMA_STR(" "), 0) != SIZE_MAX;
    while (several && nima_str_next(&rest, ' ', &word)) {
        if (nima_str_find(known, word, 0) == SIZE_MAX) {
            return NIMA_MEANT_NOT;
        }
    }
    return several ? NIMA_MEANT_MAYBE : NIMA_MEANT_NOT;
}

enum nima_meant nima_memory_meant(struct nima_ctx *ctx, struct nima_words *words, nima_str about,
                                  nima_str fact)
{
    about = nima_str_trim(about);
    while (about.len > 0 && strchr(".!", about.ptr[about.len - 1]) != NULL) {
        about.len--;
    }
    if (about.len == 0) {
        return NIMA_MEANT_NOT;
    }
    return nima_memory_beyond_latin(about) ? by_characters(words, about, fact)
                                           : by_words(ctx, words, about, fact);
}

bool nima_memory_means_everything(nima_str about)
{
    static const char *const all[] = {"everything",
                                      "everything about me",
                                      "everything you know",
                                      "everything you know about me",
                                      "everything i said",
                                      "everything i told you",
                                      "everything that i told you",
                                      "all",
                                      "all of it",
                                      "all about me",
                                      "all facts",
                                      "all my facts",
                                      "all you know",
                                      "all you know about me",
                                      "all that you know about me",
                                      "all of that",
                                      "all my data",
                                      "my data",
                                      "all my memories",
                                      "all memories",
                                      "me",
                                      "about me"};
    while (about.len > 0 && strchr(".! ", about.ptr[about.len - 1]) != NULL) {
        about.len--;
    }
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        if (nima_str_eq_nocase(about, nima_str_of(all[i]))) {
            return true;
        }
    }
    return false;
}

nima_str nima_memory_forget_topic(nima_str about)
{
    static const char *const leads[] = {
        "everything about ",      "all about ",     "anything about ", "what i said about ",
        "what i told you about ", "the fact that ", "that ",           "about "};
    for (size_t i = 0; i < sizeof(leads) / sizeof(leads[0]); i++) {
        nima_str lead = nima_str_of(leads[i]);
        if (about.len > lead.len && nima_str_starts_nocase(about, lead)) {
            return nima_str_trim(nima_str_sub(about, lead.len, about.len));
        }
    }
    return about;
}
