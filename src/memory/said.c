#include "memory/said.h"

#include <ctype.h>
#include <string.h>

#include "language/passages.h"
#include "util/buf.h"

enum { QUOTE_BYTES_MAX = 2000, BRACKET_BYTES_MAX = 300, INDENT_OF_CODE = 4 };

/* What stands for the character: NULL: itself. */
static const char *plain_of(uint32_t c, bool between_letters)
{
    bool space = c == 0x00A0 || c == 0x202F || c == 0x3000 || c == 0x1680 || c == 0x205F ||
                 (c >= 0x2000 && c <= 0x200A);
    bool nothing = c == 0x00AD || c == 0x200B || c == 0x200E || c == 0x200F || c == 0x061C ||
                   c == 0x2060 || c == 0xFEFF || (c >= 0x202A && c <= 0x202E) ||
                   (c >= 0x2066 && c <= 0x2069);
    bool apostrophe = c == 0x00B4 || c == 0x02BC || c == 0x2032 || c == 0xFF07 || c == 0x02B9 ||
                      c == 0x201B || c == '`';
    bool line = c == 0x2028 || c == 0x2029 || c == 0x0085 || c == 0x000B || c == 0x000C;
    return space ? " " : nothing ? "" : line ? "\n" : apostrophe && between_letters ? "'" : NULL;
}

/* "Lisbon.I work": a stop between a small letter and a word that begins a sentence. */
static bool glued(nima_str text, size_t at)
{
    static const char *const begins[] = {"I ",    "I'",    "My ",  "We ",  "Our ", "He ",
                                         "She ",  "They ", "The ", "It ",  "And ", "But ",
                                         "Also ", "Now ",  "In ",  "His ", "Her ", "You "};
    bool stop = strchr(".!?", text.ptr[at]) != NULL && at > 0;
    unsigned char before = stop ? (unsigned char)text.ptr[at - 1] : ' ';
    if (!stop || !(islower(before) || isdigit(before) || before >= 0x80 || before == ')')) {
        return false;
    }
    nima_str rest = nima_str_sub(text, at + 1, text.len);
    for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++) {
        if (nima_str_starts(rest, nima_str_of(begins[i]))) {
            return true;
        }
    }
    return nima_str_starts(rest, NIMA_STR("I’")) || nima_str_starts(rest, NIMA_STR("I´"));
}

nima_str nima_memory_said_normal(struct nima_ctx *ctx, nima_str text)
{
    struct nima_buf buf;
    bool one_line = text.len > 0 && memchr(text.ptr, '\n', text.len) == NULL;
    bool begins = true; /* of a line: what is set in by a tab may be code */
    bool changed = false;
    nima_buf_init(&buf, 2 * text.len + 16);
    for (size_t at = 0; at < text.len;) {
        uint32_t c = 0;
        int len = nima_utf8_decode(text, at, &c);
        if (len <= 0) {
            nima_buf_done(&buf);
            return text;
        }
        bool between = at > 0 && isalpha((unsigned char)text.ptr[at - 1]) &&
                       at + (size_t)len < text.len &&
                       isalpha((unsigned char)text.ptr[at + (size_t)len]);
        const char *plain = c == '\t' && (!begins || one_line) ? " " : plain_of(c, between);
        nima_buf_add(&buf,
                     plain != NULL ? nima_str_of(plain) : nima_str_sub(text, at, at + (size_t)len));
        bool split = plain == NULL && glued(text, at);
        nima_buf_add(&buf, split ? NIMA_STR(" ") : NIMA_STR(""));
        changed = changed || plain != NULL || split;
        begins = c == '\n' || (begins && (c == ' ' || c == '\t'));
        at += (size_t)len;
    }
    nima_str copy = changed ? nima_str_copy(ctx->arena, nima_buf_view(&buf)) : text;
    nima_buf_done(&buf);
    return copy.ptr != NULL ? copy : NIMA_STR("");
}

static bool fence(nima_str line)
{
    nima_str at = nima_str_trim(line);
    return nima_str_starts(at, NIMA_STR("```")) || nima_str_starts(at, NIMA_STR("~~~"));
}

static bool has(nima_str line, const char *needle)
{
    return nima_str_find(line, nima_str_of(needle), 0) != SIZE_MAX;
}

static bool transcript(nima_str line)
{
    static const char *const speakers[] = {"user:", "assistant:", "system:", "human:", "ai:",
                                           "bot:",  "me:",        "error:",  "log:",   "customer:"};
    for (size_t i = 0; i < sizeof(speakers) / sizeof(speakers[0]); i++) {
        if (nima_str_starts_nocase(nima_str_trim(line), nima_str_of(speakers[i]))) {
            return true;
        }
    }
    return false;
}

static bool code_like(nima_str line)
{
    static const char *const signs[] = {"{",       "}",        "==",   "=>",          "->",
                                        "</",      "();",      " = ",  "):",          "/(",
                                        "SELECT ", "#include", "def ", "://localhost"};
    size_t indent = 0;
    while (indent < line.len && line.ptr[indent] == ' ') {
        indent++;
    }
    if (indent >= INDENT_OF_CODE || (line.len > 0 && line.ptr[0] == '\t')) {
        return true;
    }
    for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
        if (has(line, signs[i])) {
            return true;
        }
    }
    return nima_str_ends(nima_str_trim(line), NIMA_STR(";"));
}

/* The closing mark of the quotation that begins at `at`, or absent when none begins there. */
static nima_str closing(nima_str text, size_t at)
{
    static const struct {
        const char *open, *close;
    } marks[] = {{"\"", "\""}, {"`", "`"}, {"“", "”"}, {"„", "“"}, {"«", "»"}, {"「", "」"}};
    nima_str here = nima_str_sub(text, at, text.len);
    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
        if (nima_str_starts(here, nima_str_of(marks[i].open))) {
            return nima_str_of(marks[i].close);
        }
    }
    bool opens = (here.ptr[0] == '\'' || nima_str_starts(here, NIMA_STR("‘"))) &&
                 (at == 0 || isspace((unsigned char)text.ptr[at - 1]) || text.ptr[at - 1] == '(');
    if (!opens) {
        return (nima_str){0};
    }
    return here.ptr[0] == '\'' ? NIMA_STR("'") : NIMA_STR("’");
}

/* Where a quotation that begins at `at` ends (behind its mark), or `at` when it is none. */
static size_t quotation_end(nima_str text, size_t at)
{
    nima_str close = closing(text, at);
    if (close.ptr == NULL) {
        return at;
    }
    bool single = close.ptr[0] == '\'' || nima_str_eq(close, NIMA_STR("’"));
    size_t from = at + 1;
    for (;;) {
        size_t end = nima_str_find(text, close, from);
        if (end == SIZE_MAX || end - at > QUOTE_BYTES_MAX) {
            return single ? at : text.len; /* one that never ends takes all the rest */
        }
        size_t after = end + close.len;
        bool in_word = single && after < text.len && isalnum((unsigned char)text.ptr[after]);
        if (!in_word) {
            return after;
        }
        from = after;
    }
}

static void add_without_quotes(struct nima_buf *out, nima_str text)
{
    for (size_t at = 0; at < text.len;) {
        size_t end = quotation_end(text, at);
        if (end > at) {
            nima_buf_add(out, NIMA_STR(NIMA_SAID_QUOTED));
            at = end;
        } else if (text.ptr[at] == '(') {
            size_t close = nima_str_find(text, NIMA_STR(")"), at);
            bool short_one = close != SIZE_MAX && close - at < BRACKET_BYTES_MAX;
            at = short_one ? close + 1 : at + 1;
        } else {
            nima_buf_add_char(out, text.ptr[at]);
            at++;
        }
    }
}

nima_str nima_memory_said_plain(struct nima_ctx *ctx, nima_str text)
{
    struct nima_buf kept;
    struct nima_buf plain;
    text = nima_language_own_text(ctx, nima_memory_said_normal(ctx, text));
    nima_buf_init(&kept, text.len + 16);
    nima_buf_init(&plain, text.len + 16);
    nima_str line;
    bool in_code = false;
    while (nima_str_next(&text, '\n', &line)) {
        if (fence(line)) {
            in_code = !in_code;
        } else if (!in_code && !nima_str_starts(nima_str_trim(line), NIMA_STR(">")) &&
                   !transcript(line) && !code_like(line)) {
            nima_buf_add(&kept, line);
            nima_buf_add_char(&kept, '\n');
        }
    }
    add_without_quotes(&plain, nima_buf_view(&kept));
    nima_str copy = nima_str_copy(ctx->arena, nima_buf_view(&plain));
    nima_buf_done(&kept);
    nima_buf_done(&plain);
    return copy.ptr != NULL ? copy : NIMA_STR("");
}

static bool abbreviation(nima_str before)
{
    static const char words[] = " dr mr mrs ms prof st no vs e.g i.e eg ie etc approx dept jr sr"
                                " u.s u.k a.m p.m ph.d inc ltd jan feb mar apr jun jul aug sep sept"
                                " oct nov dec mt ft ";
    size_t from = before.len;
    while (from > 0 && before.ptr[from - 1] != ' ' && before.ptr[from - 1] != '\n') {
        from--;
    }
    char word[12] = " ";
    size_t len = before.len - from;
    if (len == 0 || len > 8) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        word[i + 1] = (char)tolower((unsigned char)before.ptr[from + i]);
    }
    word[len + 1] = ' ';
    bool initial = len == 1 && isupper((unsigned char)before.ptr[from]) &&
                   before.ptr[from] != 'I' && before.ptr[from] != 'C';
    return initial || strstr(words, word) != NULL;
}

static bool ends_sentence(nima_str text, size_t at)
{
    char c = text.ptr[at];
    if (c == '\n' || c == ';') {
        return true;
    }
    if (c != '.' && c != '!' && c != '?') {
        return false;
    }
    bool last = at + 1 >= text.len;
    bool spaced = last || strchr(" \n\t!?.)*_", text.ptr[at + 1]) != NULL;
    bool after_dot = nima_str_starts(nima_str_sub(text, at + 1, text.len), NIMA_STR("\x01"));
    if (!spaced && !after_dot) {
        return false;
    }
    return c != '.' || last || !abbreviation(nima_str_sub(text, 0, at));
}

static nima_str without_bullet(nima_str s)
{
    s = nima_str_trim(s);
    size_t digits = 0;
    while (digits < s.len && digits < 3 && isdigit((unsigned char)s.ptr[digits])) {
        digits++;
    }
    bool numbered = digits > 0 && digits + 1 < s.len && s.ptr[digits] == ')';
    bool bullet = s.len > 2 && strchr("-*+", s.ptr[0]) != NULL && s.ptr[1] == ' ';
    return numbered ? nima_str_trim(nima_str_sub(s, digits + 1, s.len))
           : bullet ? nima_str_trim(nima_str_sub(s, 2, s.len))
                    : s;
}

size_t nima_memory_said_sentences(nima_str plain, struct nima_sentence out[NIMA_SENTENCES_MAX])
{
    size_t count = 0;
    size_t from = 0;
    for (size_t at = 0; at <= plain.len && count < NIMA_SENTENCES_MAX; at++) {
        if (at < plain.len && !ends_sentence(plain, at)) {
            continue;
        }
        nima_str text = without_bullet(nima_str_sub(plain, from, at));
        size_t end = at;
        bool question = false;
        while (end < plain.len && strchr(".!? ", plain.ptr[end]) != NULL) {
            question = question || plain.ptr[end] == '?';
            end++;
        }
        if (text.len > 0) {
            out[count++] = (struct nima_sentence){text, question};
        }
        from = end > at ? end : at + 1;
        at = from > at + 1 ? from - 1 : at;
    }
    return count;
}
