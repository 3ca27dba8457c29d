/* Words of a sentence. */
#include <ctype.h>
#include <string.h>

#include "memory/said.h"

bool nima_memory_token_is(const struct nima_said_word *token, const char *low)
{
    return strcmp(token->low, low) == 0;
}

bool nima_memory_token_in(const struct nima_said_word *token, const char *list)
{
    size_t len = strlen(token->low);
    const char *at = list;
    while (len > 0 && (at = strstr(at, token->low)) != NULL) {
        if (at > list && at[-1] == ' ' && at[len] == ' ') {
            return true;
        }
        at++;
    }
    return false;
}

bool nima_memory_token_number(const struct nima_said_word *token)
{
    static const char words[] =
        " one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"
        " sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety"
        " hundred ";
    struct nima_said_word part = *token;
    char *dash = strchr(part.low, '-');
    if (dash != NULL) {
        *dash = '\0'; /* thirty-four */
    }
    size_t digits = strspn(token->low, "0123456789.,");
    return (digits > 0 && token->low[digits] == '\0') || nima_memory_token_in(&part, words);
}

/* Marks that stand around words: ASCII ones, and of the others dots, quotes and dashes. */
static size_t mark_at_start(nima_str s)
{
    static const char *const marks[] = {"…", "“", "”", "’", "‘", "—", "–", "¿", "¡"};
    if (s.len > 0 && strchr("([\"'*_~#<>,;:!?.{}|/\\", s.ptr[0]) != NULL) {
        return 1;
    }
    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
        if (nima_str_starts(s, nima_str_of(marks[i]))) {
            return strlen(marks[i]);
        }
    }
    return 0;
}

static size_t mark_at_end(nima_str s, bool *comma)
{
    static const char *const marks[] = {"…", "“", "”", "‘", "—", "–"};
    if (s.len > 0 && strchr(")]\"'*_~<>,;:!?.{}|/\\", s.ptr[s.len - 1]) != NULL) {
        *comma = *comma || strchr(",;:", s.ptr[s.len - 1]) != NULL;
        return 1;
    }
    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
        if (nima_str_ends(s, nima_str_of(marks[i]))) {
            *comma = *comma || i >= 4;
            return strlen(marks[i]);
        }
    }
    return 0;
}

static struct nima_said_word make(nima_str raw)
{
    struct nima_said_word token = {.raw = raw};
    size_t len = 0;
    for (size_t at = 0; at < raw.len && len + 4 < NIMA_TOKEN_CHARS;) {
        if (nima_str_starts(nima_str_sub(raw, at, raw.len), NIMA_STR("’"))) {
            token.low[len++] = '\'';
            at += strlen("’");
        } else {
            token.low[len++] = (char)tolower((unsigned char)raw.ptr[at++]);
        }
    }
    /* A long word is cut, but not within a character. */
    len -= nima_utf8_incomplete_tail((nima_str){token.low, len});
    token.low[len] = '\0';
    unsigned char first = raw.len > 0 ? (unsigned char)raw.ptr[0] : 0;
    /* Of letters outside ASCII the common capitals of Latin, Greek and Cyrillic are known. */
    unsigned char second = raw.len > 1 ? (unsigned char)raw.ptr[1] : 0;
    token.capital = isupper(first) || (first == 0xC3 && second >= 0x80 && second <= 0x9E) ||
                    ((first == 0xC4 || first == 0xC5) && second % 2 == 0) ||
                    (first == 0xCE && second >= 0x86 && second <= 0xA9) ||
                    (first == 0xD0 && second >= 0x80 && second <= 0xAF);
    return token;
}

struct split {
    const char *word;
    const char *parts[2];
};

/* "'s" stays: whether it is "is" or a possessive is for the rules to say. */
static bool take_apart(const struct nima_said_word *token, struct nima_said_word out[2])
{
    static const struct split known[] = {
        {"i'm", {"I", "am"}},       {"im", {"I", "am"}},          {"i've", {"I", "have"}},
        {"ive", {"I", "have"}},     {"i'd", {"I", "would"}},      {"i'll", {"I", "will"}},
        {"we're", {"we", "are"}},   {"we've", {"we", "have"}},    {"we'd", {"we", "would"}},
        {"we'll", {"we", "will"}},  {"don't", {"do", "not"}},     {"dont", {"do", "not"}},
        {"can't", {"can", "not"}},  {"cant", {"can", "not"}},     {"cannot", {"can", "not"}},
        {"won't", {"will", "not"}}, {"wanna", {"want", "to"}},    {"gonna", {"going", "to"}},
        {"isn't", {"is", "not"}},   {"aren't", {"are", "not"}},   {"wasn't", {"was", "not"}},
        {"didn't", {"did", "not"}}, {"doesn't", {"does", "not"}}, {"haven't", {"have", "not"}},
        {"hasn't", {"has", "not"}}, {"you're", {"you", "are"}},   {"they're", {"they", "are"}},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (nima_memory_token_is(token, known[i].word)) {
            out[0] = make(nima_str_of(known[i].parts[0]));
            out[1] = make(nima_str_of(known[i].parts[1]));
            out[1].comma = token->comma;
            return true;
        }
    }
    return false;
}

size_t nima_memory_said_tokens(struct nima_ctx *ctx, nima_str sentence,
                               struct nima_said_word out[NIMA_TOKENS_MAX])
{
    (void)ctx;
    size_t count = 0;
    nima_str rest = sentence;
    nima_str word;
    while (nima_str_next(&rest, ' ', &word)) {
        word = nima_str_trim(word);
        bool comma = false;
        bool dash = nima_str_eq(word, NIMA_STR("-")) || nima_str_eq(word, NIMA_STR("--"));
        size_t mark;
        while (!dash && (mark = mark_at_end(word, &comma)) > 0) {
            word.len -= mark;
        }
        while (!dash && (mark = mark_at_start(word)) > 0) {
            word = nima_str_sub(word, mark, word.len);
        }
        if (word.len == 0 || dash) {
            if (count > 0) {
                out[count - 1].comma = out[count - 1].comma || comma || dash;
            }
            continue;
        }
        if (count + 2 > NIMA_TOKENS_MAX) {
            return 0;
        }
        out[count] = make(word);
        out[count].comma = comma;
        struct nima_said_word parts[2];
        if (take_apart(&out[count], parts)) {
            memcpy(&out[count], parts, sizeof(parts));
            count++;
        }
        count++;
    }
    return count;
}
