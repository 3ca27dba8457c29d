/* Unicode text to tokens: kinds by general category, folding by decomposition. */
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "language/language_int.h"

enum { PARTS_MAX = 18, FOLD_BYTES_MAX = 256 };

enum class { BLANK, LINE, NOTHING, LETTER, MARK, DIGIT, CJK, APOSTROPHE, HYPHEN, EMOJI, OTHER };

static bool is_cjk(uint32_t c)
{
    return (c >= 0x2e80 && c <= 0x2fdf) || (c >= 0x3005 && c <= 0x3007) ||
           (c >= 0x3041 && c <= 0x30ff && c != 0x30fb) || (c >= 0x3100 && c <= 0x31bf) ||
           (c >= 0x31f0 && c <= 0x31ff) || (c >= 0x3400 && c <= 0x4dbf) ||
           (c >= 0x4e00 && c <= 0x9fff) || (c >= 0xf900 && c <= 0xfaff) ||
           (c >= 0xff66 && c <= 0xff9f) || (c >= 0x20000 && c <= 0x3ffff) ||
           (c >= 0x0e00 && c <= 0x0eff && !(c >= 0x0e50 && c <= 0x0e59)) || /* Thai, Lao */
           (c >= 0x1000 && c <= 0x109f) || (c >= 0x1780 && c <= 0x17df);    /* Burmese, Khmer */
}

static bool is_apostrophe(uint32_t c)
{
    return c == '\'' || c == 0x2018 || c == 0x2019 || c == 0x201b || c == 0x02bc || c == 0x02b9 ||
           c == 0xb4 || c == '`' || c == 0x2032 || c == 0xff07;
}

static bool is_emoji(uint32_t c)
{
    return (c >= 0x1f000 && c <= 0x1faff) || (c >= 0x2600 && c <= 0x27bf) ||
           (c >= 0x2b00 && c <= 0x2bff) || (c >= 0x2300 && c <= 0x23ff);
}

static enum class class_of_ascii(uint32_t c) {
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'){return LETTER;}
if (c >= '0' && c <= '9')
{
    return DIGIT;
}
return c == '\n' || c == '\r'  ? LINE
       : c <= ' ' || c == 0x7f ? BLANK
       : c == '-'              ? HYPHEN
       : is_apostrophe(c)      ? APOSTROPHE
                               : OTHER;
}

static enum class class_of(uint32_t c) { if (c < 0x80){return class_of_ascii(c);}
if (is_apostrophe(c))
{
    return APOSTROPHE;
}
if (c == 0x2010 || c == 0x2011) {
    return HYPHEN;
}
if (is_cjk(c)) {
    return CJK;
}
switch (utf8proc_category((utf8proc_int32_t)c)) {
case UTF8PROC_CATEGORY_LU:
case UTF8PROC_CATEGORY_LL:
case UTF8PROC_CATEGORY_LT:
case UTF8PROC_CATEGORY_LM:
case UTF8PROC_CATEGORY_LO:
    return c == 0xaa || c == 0xba ? OTHER : LETTER; /* ª º behind a number: "3º" */
case UTF8PROC_CATEGORY_MN:
case UTF8PROC_CATEGORY_MC:
case UTF8PROC_CATEGORY_ME:
    return MARK;
case UTF8PROC_CATEGORY_ND:
    return DIGIT;
case UTF8PROC_CATEGORY_ZS:
    return BLANK;
case UTF8PROC_CATEGORY_ZL:
case UTF8PROC_CATEGORY_ZP:
    return LINE;
case UTF8PROC_CATEGORY_CC:
    return c == 0x85 ? LINE : BLANK;
case UTF8PROC_CATEGORY_CF:
    return c >= 0xe0000 ? MARK : NOTHING; /* tags are part of flags */
case UTF8PROC_CATEGORY_SO:
case UTF8PROC_CATEGORY_SK:
    return is_emoji(c) ? EMOJI : OTHER;
default:
    return is_emoji(c) ? EMOJI : OTHER;
}
}

struct reader {
    nima_str text;
    size_t at;   /* of the character that was read last */
    size_t next; /* behind it */
    uint32_t c;
    enum class class;
};

/* The character at `from`; false at the end. */
static bool look(struct reader *r, size_t from)
{
    r->at = from;
    if (from >= r->text.len) {
        return false;
    }
    int bytes = nima_utf8_decode(r->text, from, &r->c);
    if (bytes <= 0) {
        bytes = 1;
        r->c = 0xfffd;
    }
    r->next = from + (size_t)bytes;
    r->class = class_of(r->c);
    return true;
}

static size_t put(char *out, size_t used, uint32_t c)
{
    char bytes[4];
    int count = nima_utf8_encode(c, bytes);
    if (used + (size_t)count <= FOLD_BYTES_MAX) {
        memcpy(out + used, bytes, (size_t)count);
        used += (size_t)count;
    }
    return used;
}

/* One character folded into `out`, with its marks or without. */
static size_t fold_char(uint32_t c, bool marks, char *out, size_t used)
{
    utf8proc_int32_t parts[PARTS_MAX];
    int boundary = 0;
    enum class class = class_of(c);
    if (class == APOSTROPHE) {
        return put(out, used, '\'');
    }
    if (class == NOTHING) {
        return used;
    }
    if (c < 0x80) {
        return put(out, used, c >= 'A' && c <= 'Z' ? c + 32 : c);
    }
    int options = UTF8PROC_COMPAT | UTF8PROC_DECOMPOSE | UTF8PROC_CASEFOLD;
    options |= marks ? 0 : UTF8PROC_STRIPMARK;
    utf8proc_ssize_t count = utf8proc_decompose_char((utf8proc_int32_t)c, parts, PARTS_MAX,
                                                     (utf8proc_option_t)options, &boundary);
    if (count < 0 || count > PARTS_MAX) {
        return put(out, used, c);
    }
    if (marks && count > 1) {
        count = utf8proc_normalize_utf32(parts, count, (utf8proc_option_t)UTF8PROC_COMPOSE);
    }
    for (utf8proc_ssize_t i = 0; i < count; i++) {
        used = put(out, used, (uint32_t)parts[i]);
    }
    return used;
}

static nima_str folded(struct nima_ctx *ctx, nima_str text, bool marks)
{
    char out[FOLD_BYTES_MAX];
    size_t used = 0;
    struct reader r = {.text = text};
    while (used < FOLD_BYTES_MAX - 4 && look(&r, r.next)) {
        used = fold_char(r.c, marks, out, used);
    }
    return nima_str_copy(ctx->arena, (nima_str){out, used});
}

static bool is_word_class(enum class class)
{
    return class == LETTER || class == MARK || class == DIGIT || class == NOTHING;
}

/* Letters and digits; an apostrophe between two letters belongs to them. `unit`: letters alone. */
static size_t end_of_word(struct reader r, bool unit)
{
    size_t end = r.next;
    while (look(&r, end)) {
        if (is_word_class(r.class) && !(unit && r.class == DIGIT)) {
            end = r.next;
            continue;
        }
        struct reader ahead = r;
        bool inner = r.class == APOSTROPHE && look(&ahead, r.next) && ahead.class == LETTER;
        if (!inner) {
            break;
        }
        end = r.next;
    }
    return end;
}

static bool is_separator(uint32_t c)
{
    return c == '.' || c == ',' || c == ':' || c == '/' || c == '-' || c == '\'' || c == 0x2019 ||
           c == 0x2013 || c == 0xa0 || c == 0x202f;
}

/* Digits, with one separator between two of them. A no-break space separates thousands alone. */
static size_t end_of_number(struct reader r)
{
    size_t end = r.next;
    while (look(&r, end)) {
        if (r.class == DIGIT || r.class == NOTHING) {
            end = r.next;
            continue;
        }
        struct reader ahead = r;
        if (!is_separator(r.c) || !look(&ahead, r.next) || ahead.class != DIGIT) {
            break;
        }
        if (r.c == 0xa0 || r.c == 0x202f) {
            struct reader third = ahead;
            int digits = 1;
            while (look(&third, third.next) && third.class == DIGIT) {
                digits++;
            }
            if (digits != 3) {
                break;
            }
        }
        end = r.next;
    }
    return end;
}

static bool is_regional(uint32_t c)
{
    return c >= 0x1f1e6 && c <= 0x1f1ff;
}

/* One picture with what joins to it: skin, variation, ZWJ and the next, the second of a flag. */
static size_t end_of_emoji(struct reader r)
{
    size_t end = r.next;
    bool flag = is_regional(r.c), joins = false;
    while (look(&r, end)) {
        bool second = flag && is_regional(r.c);
        bool skin = r.c >= 0x1f3fb && r.c <= 0x1f3ff;
        if (r.c == 0x200d) {
            joins = true;
        } else if (r.class == MARK || skin || second || (joins && r.class == EMOJI)) {
            joins = false;
            flag = flag && !second;
        } else {
            break;
        }
        end = r.next;
    }
    return end;
}

static void read_token(struct nima_ctx *ctx, const struct reader *r, bool unit,
                       struct nima_token *out)
{
    out->from = r->at;
    out->end = r->next;
    switch (r->class) {
    case DIGIT:
        out->kind = NIMA_TOKEN_NUMBER;
        out->end = end_of_number(*r);
        break;
    case LETTER:
    case MARK:
        out->kind = NIMA_TOKEN_WORD;
        out->end = end_of_word(*r, unit);
        break;
    case CJK:
        out->kind = NIMA_TOKEN_CJK;
        break;
    case EMOJI:
        out->kind = NIMA_TOKEN_EMOJI;
        out->end = end_of_emoji(*r);
        break;
    default:
        out->kind = NIMA_TOKEN_PUNCT;
        break;
    }
    nima_str said = nima_str_sub(r->text, out->from, out->end);
    out->upper =
        r->class == LETTER && utf8proc_category((utf8proc_int32_t)r->c) == UTF8PROC_CATEGORY_LU;
    out->lower = folded(ctx, said, true);
    out->fold = folded(ctx, said, false);
}

/* A stop ends a sentence before a capital that follows it, at the end of a line, and at the end;
 * not behind a single letter or an abbreviation. */
static bool is_stop(const struct nima_token *token)
{
    if (token->kind == NIMA_TOKEN_CJK) {
        return false;
    }
    static const char *const stops[] = {".", "!", "?", "...", ";", "\xe3\x80\x82"};
    for (size_t i = 0; token->kind == NIMA_TOKEN_PUNCT && i < sizeof(stops) / sizeof(stops[0]);
         i++) {
        if (nima_str_eq(token->fold, nima_str_of(stops[i]))) {
            return true;
        }
    }
    return false;
}

static bool is_short(nima_str word)
{
    static const char *const known[] = {
        "dr", "mr",  "mrs", "ms",   "st",  "prof", "vs",  "etc",  "approx", "no",
        "nr", "bzw", "ca",  "usw",  "sr",  "sra",  "dra", "dott", "mme",    "m",
        "jr", "inc", "dna", "mlle", "tel", "max",  "min", "e.g",  "i.e",    "av"};
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (nima_str_eq(word, nima_str_of(known[i]))) {
            return true;
        }
    }
    return word.len == 1 && !(word.ptr[0] >= '0' && word.ptr[0] <= '9');
}

static void mark_sentence(struct nima_tokens *tokens, size_t i)
{
    struct nima_token *token = &tokens->items[i];
    if (i == 0 || token->line) {
        token->sentence = true;
        return;
    }
    if (is_stop(token) || token->kind == NIMA_TOKEN_PUNCT) {
        return;
    }
    size_t back = i;
    while (back > 0 && tokens->items[back - 1].kind == NIMA_TOKEN_PUNCT &&
           !is_stop(&tokens->items[back - 1]) &&
           strchr("\"')]", tokens->items[back - 1].fold.len == 1
                               ? tokens->items[back - 1].fold.ptr[0]
                               : 'x') != NULL &&
           i - back < 3) {
        back--;
    }
    if (back == 0 || !is_stop(&tokens->items[back - 1])) {
        return;
    }
    const struct nima_token *stop = &tokens->items[back - 1];
    bool dot = nima_str_eq(stop->fold, NIMA_STR("."));
    const struct nima_token *before = back > 1 ? &tokens->items[back - 2] : NULL;
    bool abbreviation = dot && before != NULL && stop->joined && is_short(before->fold) &&
                        !(before->upper && before->fold.len == 1 && !before->joined &&
                          nima_str_eq(before->fold, NIMA_STR("i")));
    bool number = dot && before != NULL && before->kind == NIMA_TOKEN_NUMBER && !token->upper;
    bool lower = dot && !token->upper && (token->joined || token->kind == NIMA_TOKEN_NUMBER);
    token->sentence = !abbreviation && !number && !lower;
}

void nima_language_tokens(struct nima_ctx *ctx, nima_str text, struct nima_tokens *out)
{
    size_t room = text.len < NIMA_TOKENS_MAX ? text.len : NIMA_TOKENS_MAX;
    struct nima_tokens tokens = {.items = NIMA_NEW(ctx->arena, struct nima_token, room + 1)};
    struct reader r = {.text = text};
    bool joined = false, hyphen = false, line = true;
    while (look(&r, r.next)) {
        struct nima_token *last = tokens.count > 0 ? &tokens.items[tokens.count - 1] : NULL;
        if (r.class == NOTHING) {
            continue;
        }
        if (r.class == BLANK || r.class == LINE) {
            joined = hyphen = false;
            line = line || r.class == LINE;
            continue;
        }
        struct reader ahead = r;
        if (r.class == HYPHEN && joined && last != NULL && last->kind == NIMA_TOKEN_WORD &&
            look(&ahead, r.next) && (ahead.class == LETTER || ahead.class == DIGIT)) {
            hyphen = true;
            continue;
        }
        if (tokens.count == room) {
            tokens.cut = true;
            break;
        }
        struct nima_token *token = &tokens.items[tokens.count];
        *token = (struct nima_token){.joined = joined, .hyphen = hyphen, .line = line};
        bool unit = joined && last != NULL && last->kind == NIMA_TOKEN_NUMBER;
        read_token(ctx, &r, unit, token);
        mark_sentence(&(struct nima_tokens){tokens.items, tokens.count + 1, false}, tokens.count);
        tokens.count++;
        r.next = token->end;
        joined = true;
        hyphen = line = false;
    }
    *out = tokens;
}

nima_str nima_language_fold(struct nima_ctx *ctx, nima_str text)
{
    struct nima_tokens tokens;
    nima_language_tokens(ctx, text, &tokens);
    size_t bytes = 1;
    for (size_t i = 0; i < tokens.count; i++) {
        bytes += tokens.items[i].fold.len + 1;
    }
    char *out = nima_alloc(ctx->arena, bytes);
    size_t used = 0;
    for (size_t i = 0; i < tokens.count; i++) {
        const struct nima_token *token = &tokens.items[i];
        if (i > 0 && (!token->joined || token->hyphen)) {
            out[used++] = token->hyphen ? '-' : ' ';
        }
        memcpy(out + used, token->fold.ptr, token->fold.len);
        used += token->fold.len;
    }
    return (nima_str){out, used};
}

void nima_language_sentences(struct nima_ctx *ctx, nima_str text, struct nima_passages *out)
{
    struct nima_tokens tokens;
    nima_language_tokens(ctx, text, &tokens);
    struct nima_passages found = {.items =
                                      NIMA_NEW(ctx->arena, struct nima_passage, tokens.count + 1)};
    for (size_t i = 0; i < tokens.count; i++) {
        const struct nima_token *token = &tokens.items[i];
        if (token->sentence) {
            found.items[found.count++].from = token->from;
        }
        found.items[found.count - 1].end = token->end;
    }
    *out = found;
}

/* Where one clause ends and another begins: that many tokens from `i` on; 0: not here. */
static size_t clause_break(const struct nima_language *language, const struct nima_tokens *tokens,
                           size_t i)
{
    const struct nima_token *token = &tokens->items[i];
    if (token->kind == NIMA_TOKEN_PUNCT) {
        static const char *const marks[] = {",", ";", "\xe2\x80\x94", "\xe2\x80\x93",
                                            "\xe3\x80\x81"};
        bool dash = nima_str_eq(token->fold, NIMA_STR("-")) && !token->joined;
        for (size_t m = 0; m < sizeof(marks) / sizeof(marks[0]); m++) {
            dash = dash || nima_str_eq(token->fold, nima_str_of(marks[m]));
        }
        return dash ? 1 : 0;
    }
    return nima_language_is_conjunction(language, token->fold) ? 1 : 0;
}

void nima_language_clauses(struct nima_ctx *ctx, const struct nima_language *language,
                           nima_str text, struct nima_passages *out)
{
    struct nima_tokens tokens;
    nima_language_tokens(ctx, text, &tokens);
    struct nima_passages found = {.items =
                                      NIMA_NEW(ctx->arena, struct nima_passage, tokens.count + 1)};
    bool open = false;
    for (size_t i = 0; i < tokens.count; i++) {
        const struct nima_token *token = &tokens.items[i];
        open = open && !token->sentence;
        size_t cut = clause_break(language, &tokens, i);
        if (cut > 0) {
            open = false;
            continue;
        }
        if (!open) {
            found.items[found.count++].from = token->from;
            open = true;
        }
        found.items[found.count - 1].end = token->end;
    }
    *out = found;
}
