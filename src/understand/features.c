/* Features of a passage. Hashes are stored in weights: FNV-1a of 32 bits over a tag and the folded
 * text, the same on every machine. Digits are one feature whatever their value. */
#include <stdlib.h>
#include <string.h>

#include "understand/understand_int.h"

#define FNV_START 2166136261U
#define FNV_PRIME 16777619U

enum { GRAM_MIN = 3, GRAM_MAX = 5, WORD_BYTES_MAX = 72, OPENING_WORDS = 3 };

static uint32_t hash_more(uint32_t hash, nima_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        hash = (hash ^ (uint8_t)text.ptr[i]) * FNV_PRIME;
    }
    return hash;
}

static uint32_t hash_tagged(char tag, nima_str text)
{
    return hash_more((FNV_START ^ (uint8_t)tag) * FNV_PRIME, text);
}

static uint32_t hash_two(char tag, nima_str a, nima_str b)
{
    return hash_more(hash_more(hash_tagged(tag, a), NIMA_STR(" ")), b);
}

uint32_t nima_understand_mix(uint32_t feature, uint32_t with)
{
    uint32_t hash = feature ^ (with * 0x9e3779b1U);
    hash ^= hash >> 15;
    hash *= 0x2c1b3c6dU;
    hash ^= hash >> 12;
    return hash;
}

uint32_t nima_understand_kind_hash(enum nima_kind kind)
{
    return hash_tagged('k', nima_kind_row(kind)->name);
}

/* How a token is seen: numbers by their form, words as folded without apostrophes ("dont"). */
static nima_str seen(const struct nima_token *token, char *room, size_t room_bytes)
{
    size_t used = 0;
    for (size_t i = 0; i < token->fold.len && used < room_bytes; i++) {
        char c = token->fold.ptr[i];
        if (c == '\'') {
            continue;
        }
        if (c >= '0' && c <= '9') {
            if (used > 0 && room[used - 1] == '0') {
                continue;
            }
            c = '0';
        }
        room[used++] = c;
    }
    return (nima_str){room, used};
}

struct gathering {
    uint64_t *keys; /* hash << 8 | group, so that sorting puts equal ones side by side */
    size_t count;
};

static void gather(struct gathering *g, uint32_t hash, enum nima_feature_group group)
{
    if (g->count < NIMA_WORD_FEATURES_MAX) {
        g->keys[g->count++] = ((uint64_t)hash << 8) | (uint64_t)group;
    }
}

/* Bytes i..: the end of the `count`-th character from there, or 0 where the word is over. */
static size_t characters_on(nima_str word, size_t at, int count)
{
    while (count-- > 0) {
        if (at >= word.len) {
            return 0;
        }
        at++;
        while (at < word.len && ((uint8_t)word.ptr[at] & 0xc0) == 0x80) {
            at++;
        }
    }
    return at;
}

/* Character n-grams of "<word>". */
static void gather_grams(struct gathering *g, nima_str word)
{
    char room[WORD_BYTES_MAX];
    if (word.len < 3 || word.len > sizeof(room) - 2) {
        return;
    }
    room[0] = '<';
    memcpy(room + 1, word.ptr, word.len);
    room[word.len + 1] = '>';
    nima_str marked = {room, word.len + 2};
    for (size_t at = 0; at < marked.len; at++) {
        if (((uint8_t)marked.ptr[at] & 0xc0) == 0x80) {
            continue;
        }
        for (int n = GRAM_MIN; n <= GRAM_MAX; n++) {
            size_t end = characters_on(marked, at, n);
            if (end == 0) {
                break;
            }
            gather(g, hash_tagged('c', nima_str_sub(marked, at, end)), NIMA_FEATURE_CHARS);
        }
    }
}

static int compare_keys(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

static void settle(struct nima_ctx *ctx, struct gathering *g, struct nima_features *out)
{
    qsort(g->keys, g->count, sizeof(g->keys[0]), compare_keys);
    out->hashes = NIMA_NEW(ctx->arena, uint32_t, g->count + 1);
    out->groups = NIMA_NEW(ctx->arena, uint8_t, g->count + 1);
    out->count = 0;
    for (size_t i = 0; i < g->count; i++) {
        uint32_t hash = (uint32_t)(g->keys[i] >> 8);
        if (out->count > 0 && out->hashes[out->count - 1] == hash) {
            continue;
        }
        out->hashes[out->count] = hash;
        out->groups[out->count++] = (uint8_t)(g->keys[i] & 0xff);
    }
}

void nima_understand_features(struct nima_ctx *ctx, const struct nima_tokens *tokens, size_t from,
                              size_t end, struct nima_features *out)
{
    struct gathering g = {.keys = NIMA_NEW(ctx->arena, uint64_t, NIMA_WORD_FEATURES_MAX)};
    char rooms[2][WORD_BYTES_MAX];
    nima_str before = NIMA_STR("^"), first = {0};
    size_t turn = 0, words = 0;
    for (size_t i = from; i < end && i - from < NIMA_CLAUSE_TOKENS_MAX; i++) {
        const struct nima_token *token = &tokens->items[i];
        bool mark = token->kind == NIMA_TOKEN_PUNCT && !nima_str_eq(token->fold, NIMA_STR("?"));
        if (mark) {
            continue;
        }
        nima_str word = seen(token, rooms[turn], sizeof(rooms[turn]));
        gather(&g, hash_tagged('w', word), NIMA_FEATURE_WORD);
        gather(&g, hash_two('p', before, word), NIMA_FEATURE_PAIR);
        if (words < OPENING_WORDS) {
            gather(&g, hash_tagged('b', word), NIMA_FEATURE_WORD); /* near the beginning */
        }
        if (first.ptr == NULL) {
            first = nima_str_copy(ctx->arena, word);
        } else if (words > 1) {
            gather(&g, hash_two('f', first, word), NIMA_FEATURE_PAIR);
        }
        gather_grams(&g, word);
        before = word;
        turn ^= 1;
        words++;
    }
    gather(&g, hash_two('p', before, NIMA_STR("$")), NIMA_FEATURE_PAIR);
    settle(ctx, &g, out);
}

/* The tagger */

static uint32_t hash_token(char tag, const struct nima_tokens *tokens, size_t from, size_t end,
                           size_t at)
{
    if (at < from || at >= end) {
        return hash_tagged(tag, at < from ? NIMA_STR("^") : NIMA_STR("$"));
    }
    char room[WORD_BYTES_MAX];
    return hash_tagged(tag, seen(&tokens->items[at], room, sizeof(room)));
}

static nima_str tail(nima_str word, size_t bytes)
{
    size_t from = word.len > bytes ? word.len - bytes : 0;
    return nima_str_sub(word, from, word.len);
}

static char shape_of(const struct nima_token *token)
{
    switch (token->kind) {
    case NIMA_TOKEN_NUMBER:
        return '0';
    case NIMA_TOKEN_PUNCT:
        return '.';
    case NIMA_TOKEN_EMOJI:
        return ':';
    default:
        return token->upper ? 'A' : 'a';
    }
}

/* Words around the token, alone and together. */
static size_t word_window(const struct nima_tokens *tokens, size_t from, size_t end, size_t at,
                          uint32_t *out)
{
    size_t n = 0;
    uint32_t left[3], right[3];
    uint32_t own = hash_token('0', tokens, from, end, at);
    for (size_t i = 0; i < 3; i++) {
        char side = (char)('1' + i), other = (char)('4' + i);
        left[i] = at >= from + i + 1 ? hash_token(side, tokens, from, end, at - i - 1)
                                     : hash_tagged(side, NIMA_STR("^"));
        right[i] = hash_token(other, tokens, from, end, at + i + 1);
    }
    out[n++] = own;
    for (size_t i = 0; i < 3; i++) {
        out[n++] = left[i];
        out[n++] = right[i];
    }
    out[n++] = nima_understand_mix(left[0], own);
    out[n++] = nima_understand_mix(left[1], left[0]);
    out[n++] = nima_understand_mix(own, right[0]);
    out[n++] = nima_understand_mix(right[0], right[1]);
    out[n++] = nima_understand_mix(left[0], right[0]);
    out[n++] = nima_understand_mix(nima_understand_mix(left[1], left[0]), own);
    out[n++] = nima_understand_mix(nima_understand_mix(own, right[0]), right[1]);
    uint32_t first = hash_token('F', tokens, from, end, from);
    out[n++] = nima_understand_mix(first, own);
    out[n++] = nima_understand_mix(first, hash_token('G', tokens, from, end, from + 1));
    return n;
}

size_t nima_understand_tag_features(const struct nima_tokens *tokens, size_t from, size_t end,
                                    size_t at, const uint8_t *typed,
                                    uint32_t out[NIMA_TAG_FEATURES_MAX])
{
    const struct nima_token *token = &tokens->items[at];
    size_t n = word_window(tokens, from, end, at, out), i = at - from;
    bool begins = i == 0, last = at + 1 >= end;
    char shape[3] = {shape_of(token), begins ? '^' : shape_of(&tokens->items[at - 1]),
                     last ? '$' : shape_of(&tokens->items[at + 1])};
    char place = (char)('a' + (i < 4 ? i : 4));
    char kinds[4] = {(char)('a' + typed[i]), begins ? '^' : (char)('a' + typed[i - 1]),
                     last ? '$' : (char)('a' + typed[i + 1]),
                     at + 2 < end ? (char)('a' + typed[i + 2]) : '$'};
    nima_str around = {kinds, 3};
    out[n++] = hash_tagged('B', NIMA_STR("bias"));
    out[n++] = hash_tagged('s', tail(token->fold, 3));
    out[n++] = hash_tagged('h', (nima_str){shape, 1});
    out[n++] = hash_tagged('H', (nima_str){shape, 3});
    out[n++] = hash_tagged('n', (nima_str){&place, 1});
    out[n++] = hash_tagged('t', (nima_str){kinds, 1});
    out[n++] = hash_tagged('T', around);
    out[n++] = hash_tagged('u', (nima_str){kinds, 4});
    out[n++] = nima_understand_mix(hash_tagged('x', around), out[0]);
    out[n++] = nima_understand_mix(hash_tagged('y', around), out[1]);
    out[n++] = nima_understand_mix(hash_tagged('z', around), out[2]);
    nima_assert(n <= NIMA_TAG_FEATURES_MAX);
    return n;
}
