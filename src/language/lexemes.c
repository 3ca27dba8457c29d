/* Tokens to what patterns are matched against: elisions and compounds apart, digits as values. */
#include <stdlib.h>
#include <string.h>

#include "language/language_int.h"
#include "language/when.h"

struct cutter {
    struct nima_ctx *ctx;
    const struct nima_language *language;
    nima_str text;
    const struct nima_tokens *tokens;
    struct nima_lexemes out;
    size_t room;
};

static struct nima_lexeme *add(struct cutter *c, const struct nima_token *token,
                               enum nima_lexeme_kind kind, nima_str fold)
{
    struct nima_lexeme *lexeme = &c->out.items[c->out.count];
    nima_assert(c->out.count < c->room);
    c->out.count++;
    *lexeme = (struct nima_lexeme){.kind = kind,
                                   .from = token->from,
                                   .end = token->end,
                                   .fold = fold,
                                   .id = nima_lexicon_find(c->language, fold),
                                   .joined = token->joined && !token->hyphen,
                                   .hyphen = token->hyphen,
                                   .sentence = token->sentence};
    return lexeme;
}

/* "l'apres": "l'" and "apres"; both stand for the whole token, as folding may change lengths. */
static bool cut_elision(struct cutter *c, const struct nima_token *token)
{
    size_t at = nima_str_find(token->fold, NIMA_STR("'"), 0);
    if (at == SIZE_MAX || at + 1 >= token->fold.len) {
        return false;
    }
    struct nima_token half = *token;
    nima_str owner = nima_str_sub(token->fold, 0, at);
    if (nima_str_ends(token->fold, NIMA_STR("'s")) && nima_lexicon_find(c->language, owner) >= 0) {
        add(c, &half, NIMA_LEXEME_WORD, owner); /* "tomorrow's" */
        return true;
    }
    add(c, &half, NIMA_LEXEME_WORD, nima_str_sub(token->fold, 0, at + 1));
    half.sentence = false;
    add(c, &half, NIMA_LEXEME_WORD, nima_str_sub(token->fold, at + 1, token->fold.len));
    return true;
}

/* "sonntagabend": a weekday and what follows it. */
static bool cut_weekday(struct cutter *c, const struct nima_token *token)
{
    for (size_t at = 4; c->language->compounds && at + 4 <= token->fold.len && at < 12; at++) {
        int day = nima_lexicon_find(c->language, nima_str_sub(token->fold, 0, at));
        nima_str rest = nima_str_sub(token->fold, at, token->fold.len);
        bool part = day >= 0 && c->language->entries[day].weekday >= 0 &&
                    nima_lexicon_find(c->language, rest) >= 0;
        if (part) {
            struct nima_token half = *token;
            add(c, &half, NIMA_LEXEME_WORD, nima_str_sub(token->fold, 0, at));
            half.sentence = false;
            add(c, &half, NIMA_LEXEME_WORD, rest);
            return true;
        }
    }
    return false;
}

static const struct nima_token *token_at(const struct cutter *c, size_t at)
{
    static const struct nima_token none = {.kind = NIMA_TOKEN_EMOJI};
    return at < c->tokens->count ? &c->tokens->items[at] : &none;
}

static bool is_punct(const struct nima_token *token, char c)
{
    return token->kind == NIMA_TOKEN_PUNCT && token->fold.len == 1 && token->fold.ptr[0] == c;
}

/* "p.m.", "a. m.": one word; how many tokens it took. */
static size_t cut_half_of_day(struct cutter *c, size_t at)
{
    const struct nima_token *first = token_at(c, at);
    bool half = first->fold.len == 1 && (first->fold.ptr[0] == 'a' || first->fold.ptr[0] == 'p');
    if (!half || !is_punct(token_at(c, at + 1), '.') || !token_at(c, at + 1)->joined ||
        !nima_str_eq(token_at(c, at + 2)->fold, NIMA_STR("m"))) {
        return 0;
    }
    bool stop = is_punct(token_at(c, at + 3), '.') && token_at(c, at + 3)->joined;
    struct nima_token word = *first;
    word.end = token_at(c, at + (stop ? 3 : 2))->end;
    add(c, &word, NIMA_LEXEME_WORD, first->fold.ptr[0] == 'a' ? NIMA_STR("am") : NIMA_STR("pm"));
    return stop ? 4 : 3;
}

/* Digits in groups: how many groups, their values, the separators between them. */
struct groups {
    int count;
    int values[4];
    int digits[4];
    char separators[4];
};

static struct groups groups_of(nima_str text)
{
    struct groups g = {.count = 1};
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c >= '0' && c <= '9') {
            int *value = &g.values[g.count - 1];
            *value = *value < 100000000 ? *value * 10 + (c - '0') : *value;
            g.digits[g.count - 1]++;
        } else if (g.count < 4 && (unsigned char)c < 0x80) {
            g.separators[g.count++ - 1] = c;
        } else {
            g.count = g.count < 4 ? g.count : 4;
            return (struct groups){.count = 0};
        }
    }
    return g;
}

/* "2027-12-24", "24.12.2027", "12/24" */
static bool as_date(const struct cutter *c, const struct groups *g, struct nima_lexeme *out)
{
    char sep = g->separators[0];
    bool same = g->count < 3 || g->separators[1] == sep;
    out->first = g->values[0];
    out->second = g->values[1];
    out->third = g->count == 3 ? g->values[2] : 0;
    if (g->count == 3 && same && g->digits[0] == 4 && (sep == '-' || sep == '/' || sep == '.')) {
        out->order = 'i';
        return true;
    }
    bool parts = g->digits[0] <= 2 && g->digits[1] <= 2;
    bool year = g->count == 3 && same && (g->digits[2] == 4 || g->digits[2] == 2) && parts;
    if (g->count == 3 && g->digits[2] == 2) {
        out->third += 2000;
    }
    out->order = sep == '/' ? '/' : 'd';
    (void)c;
    return (year && (sep == '.' || sep == '/' || sep == '-')) ||
           (g->count == 2 && sep == '/' && parts && g->values[0] > 0 && g->values[1] > 0 &&
            g->values[0] <= 31 && g->values[1] <= 31);
}

/* "1.200,50", "1,200.50", "1.5", "1,5", "12 000" */
static bool as_number(const struct cutter *c, nima_str text, double *out)
{
    char plain[64];
    size_t used = 0, last = SIZE_MAX, marks = 0;
    bool mixed = false;
    char first = '\0';
    for (size_t i = 0; i < text.len; i++) {
        char d = text.ptr[i];
        if (d == '.' || d == ',') {
            mixed = mixed || (first != '\0' && d != first);
            first = first == '\0' ? d : first;
            last = i;
            marks++;
        }
    }
    size_t behind = last == SIZE_MAX ? 0 : text.len - last - 1;
    bool thousands = last != SIZE_MAX && !mixed && behind == 3 &&
                     (marks > 1 || (text.ptr[last] == ',') != c->language->comma_decimal);
    for (size_t i = 0; i < text.len && used < sizeof(plain) - 1; i++) {
        char d = text.ptr[i];
        if (d >= '0' && d <= '9') {
            plain[used++] = d;
        } else if (i == last && !thousands) {
            plain[used++] = '.';
        } else if (d == ':' || d == '/' || d == '-') {
            return false;
        }
    }
    plain[used] = '\0';
    return nima_str_to_f64((nima_str){plain, used}, out);
}

/* "9-17", "5/6", "7:5": pieces by themselves. */
static void cut_pieces(struct cutter *c, const struct nima_token *token)
{
    size_t at = 0;
    nima_str text = token->fold;
    bool same = text.len == token->end - token->from;
    struct nima_token piece = *token;
    while (at < text.len && c->out.count + 1 < c->room) {
        size_t end = at;
        while (end < text.len && text.ptr[end] >= '0' && text.ptr[end] <= '9') {
            end++;
        }
        bool number = end > at;
        end += number ? 0 : 1;
        piece.from = same ? token->from + at : token->from;
        piece.end = same ? token->from + end : token->end;
        struct nima_lexeme *lexeme = add(c, &piece, number ? NIMA_LEXEME_NUMBER : NIMA_LEXEME_PUNCT,
                                         nima_str_sub(text, at, end));
        lexeme->digits = number && nima_str_to_f64(lexeme->fold, &lexeme->number);
        piece.joined = true;
        piece.sentence = piece.hyphen = false;
        at = end;
    }
}

static void cut_number(struct cutter *c, const struct nima_token *token, bool dot)
{
    struct nima_lexeme lexeme = {.kind = NIMA_LEXEME_NUMBER};
    struct groups g = groups_of(token->fold);
    bool clock = g.count >= 2 && g.separators[0] == ':' && g.digits[0] <= 2 && g.digits[1] == 2 &&
                 (g.count == 2 || (g.count == 3 && g.digits[2] == 2));
    bool dotted = g.count == 2 && (g.separators[0] == '.' || g.separators[0] == ',') &&
                  g.digits[0] <= 2 && g.digits[1] <= 2;
    if (clock) {
        lexeme.kind = NIMA_LEXEME_CLOCK;
        lexeme.first = g.values[0];
        lexeme.second = g.values[1];
        lexeme.third = token->fold.ptr[0] == '0';
    } else if (g.count >= 2 && !dotted && as_date(c, &g, &lexeme)) {
        lexeme.kind = NIMA_LEXEME_DATE;
    } else if (as_number(c, token->fold, &lexeme.number)) {
        lexeme.digits = g.count == 1;
        lexeme.dotted = dotted && g.separators[0] == '.' ? true : dotted && g.digits[1] == 2;
        lexeme.first = g.values[0];
        lexeme.second = g.values[1];
        lexeme.third = g.digits[1];
        lexeme.order = g.separators[0];
    } else {
        cut_pieces(c, token);
        return;
    }
    struct nima_lexeme *out = add(c, token, lexeme.kind, token->fold);
    lexeme.from = out->from;
    lexeme.end = out->end;
    lexeme.fold = out->fold;
    lexeme.id = out->id;
    lexeme.joined = out->joined;
    lexeme.hyphen = out->hyphen;
    lexeme.sentence = out->sentence;
    lexeme.dot = dot;
    *out = lexeme;
}

void nima_lexemes_of(struct nima_ctx *ctx, const struct nima_language *language, nima_str text,
                     struct nima_lexemes *out)
{
    struct nima_tokens tokens;
    nima_language_tokens(ctx, text, &tokens);
    size_t room = 2 * tokens.count + text.len / 2 + 2;
    struct cutter c = {.ctx = ctx,
                       .language = language,
                       .text = text,
                       .tokens = &tokens,
                       .out = {.items = NIMA_NEW(ctx->arena, struct nima_lexeme, room)},
                       .room = room};
    for (size_t i = 0; i < tokens.count && c.out.count + 2 < room;) {
        const struct nima_token *token = &tokens.items[i];
        const struct nima_token *next = token_at(&c, i + 1);
        size_t taken = 1;
        if (token->kind == NIMA_TOKEN_NUMBER) {
            bool dot = is_punct(next, '.') && next->joined;
            cut_number(&c, token, dot);
        } else if (token->kind == NIMA_TOKEN_WORD) {
            taken = cut_half_of_day(&c, i);
            bool iso = nima_str_eq(token->fold, NIMA_STR("t")) && token->joined && next->joined &&
                       next->kind == NIMA_TOKEN_NUMBER && c.out.count > 0 &&
                       c.out.items[c.out.count - 1].kind == NIMA_LEXEME_DATE;
            taken = iso ? 1 : taken; /* "2026-12-01T18:30" */
            bool known = taken > 0 || nima_lexicon_find(language, token->fold) >= 0;
            if (!known && !cut_elision(&c, token) && !cut_weekday(&c, token)) {
                known = true;
            }
            if (taken == 0 && known) {
                add(&c, token, NIMA_LEXEME_WORD, token->fold);
            }
            taken = taken == 0 ? 1 : taken;
        } else {
            add(&c, token, token->kind == NIMA_TOKEN_CJK ? NIMA_LEXEME_WORD : NIMA_LEXEME_PUNCT,
                token->fold);
        }
        i += taken;
    }
    *out = c.out;
}
