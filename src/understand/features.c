/* Features of a passage. Hashes are stored in weights: FNV-1a of 32 bits over a tag and the folded
 * text, the same on every machine. Digits are one feature whatever their value. */
#include <stdlib.h>
#include <string.h>

#include "understand/understand_int.h"

enum { FNV_START = 2166136261U, FNV_PRIME = 16777619U, GRAM_MIN = 3, GRAM_MAX = 5 };

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
    char room[72];
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
    out->counts = NIMA_NEW(ctx->arena, uint16_t, g->count + 1);
    out->groups = NIMA_NEW(ctx->arena, uint8_t, g->count + 1);
    out->count = 0;
    for (size_t i = 0; i < g->count; i++) {
        uint32_t hash = (uint32_t)(g->keys[i] >> 8);
        if (out->count > 0 && out->hashes[out->count - 1] == hash) {
            out->counts[out->count - 1]++;
            continue;
        }
        out->hashes[out->count] = hash;
        out->groups[out->count] = (uint8_t)(g->keys[i] & 0xff);
        out->counts[out->count++] = 1;
    }
}

void nima_understand_features(struct nima_ctx *ctx, const struct nima_tokens *tokens, size_t from,
                              size_t end, struct nima_features *out)
{
    struct gathering g = {.keys = NIMA_NEW(ctx->arena, uint64_t, NIMA_WORD_FEATURES_MAX)};
    char rooms[2][72];
    nima_str before = NIMA_STR("^"), first = {0};
    size_t turn = 0, words = 0;
    for (size_t i = from; i < end && i - from < NIMA_PASSAGE_TOKENS_MAX; i++) {
        const struct nima_token *token = &tokens->items[i];
        bool mark = token->kind == NIMA_TOKEN_PUNCT && !nima_str_eq(token->fold, NIMA_STR("?"));
        if (mark) {
            continue;
        }
        nima_str word = seen(token, rooms[turn], sizeof(rooms[turn]));
        gather(&g, hash_tagged('w', word), NIMA_FEATURE_WORD);
        gather(&g, hash_two('p', before, word), NIMA_FEATURE_PAIR);
        if (words < 3) {
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

/* --- the tagger --- */

static uint32_t hash_token(char tag, const struct nima_tokens *tokens, size_t from, size_t end,
                           size_t at)
{
    if (at < from || at >= end) {
        return hash_tagged(tag, at < from ? NIMA_STR("^") : NIMA_STR("$"));
    }
    char room[72];
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

size_t nima_understand_tag_features(const struct nima_tokens *tokens, size_t from, size_t end,
                                    size_t at, const uint8_t *typed,
                                    uint32_t out[NIMA_TAG_FEATURES_MAX])
{
    /* Before the first and behind the last the text is a mark; `at` - 1 of 0 is behind it all,
     * so the window is counted from one further on. */
    size_t n = 0;
    const struct nima_token *token = &tokens->items[at];
    uint32_t w0 = hash_token('0', tokens, from, end, at);
    uint32_t l1 =
        at > from ? hash_token('1', tokens, from, end, at - 1) : hash_tagged('1', NIMA_STR("^"));
    uint32_t l2 = at > from + 1 ? hash_token('2', tokens, from, end, at - 2)
                                : hash_tagged('2', NIMA_STR("^"));
    uint32_t l3 = at > from + 2 ? hash_token('3', tokens, from, end, at - 3)
                                : hash_tagged('3', NIMA_STR("^"));
    uint32_t r1 = hash_token('4', tokens, from, end, at + 1);
    uint32_t r2 = hash_token('5', tokens, from, end, at + 2);
    uint32_t r3 = hash_token('6', tokens, from, end, at + 3);
    out[n++] = hash_tagged('B', NIMA_STR("bias"));
    out[n++] = w0;
    out[n++] = l1;
    out[n++] = l2;
    out[n++] = l3;
    out[n++] = r1;
    out[n++] = r2;
    out[n++] = r3;
    out[n++] = nima_understand_mix(l1, w0);
    out[n++] = nima_understand_mix(l2, l1);
    out[n++] = nima_understand_mix(w0, r1);
    out[n++] = nima_understand_mix(r1, r2);
    out[n++] = nima_understand_mix(l1, r1);
    out[n++] = nima_understand_mix(nima_understand_mix(l2, l1), w0);
    out[n++] = nima_understand_mix(nima_understand_mix(w0, r1), r2);
    out[n++] = hash_tagged('s', tail(token->fold, 3));
    char shape[3] = {shape_of(token), at > from ? shape_of(&tokens->items[at - 1]) : '^',
                     at + 1 < end ? shape_of(&tokens->items[at + 1]) : '$'};
    out[n++] = hash_tagged('h', (nima_str){shape, 1});
    out[n++] = hash_tagged('H', (nima_str){shape, 3});
    char place = (char)('a' + (at - from < 4 ? at - from : 4));
    out[n++] = hash_tagged('n', (nima_str){&place, 1});
    size_t i = at - from;
    char kinds[4] = {(char)('a' + typed[i]), (char)(i > 0 ? 'a' + typed[i - 1] : '^'),
                     (char)(at + 1 < end ? 'a' + typed[i + 1] : '$'),
                     (char)(at + 2 < end ? 'a' + typed[i + 2] : '$')};
    out[n++] = hash_tagged('t', (nima_str){kinds, 1});
    out[n++] = hash_tagged('T', (nima_str){kinds, 3});
    out[n++] = hash_tagged('u', (nima_str){kinds, 4});
    out[n++] = nima_understand_mix(hash_tagged('x', (nima_str){kinds, 3}), w0);
    out[n++] = nima_understand_mix(hash_tagged('y', (nima_str){kinds, 3}), l1);
    out[n++] = nima_understand_mix(hash_tagged('z', (nima_str){kinds, 3}), r1);
    uint32_t first = hash_token('F', tokens, from, end, from);
    uint32_t second = hash_token('G', tokens, from, end, from + 1);
    out[n++] = nima_understand_mix(first, w0);
    out[n++] = nima_understand_mix(first, second);
    nima_assert(n <= NIMA_TAG_FEATURES_MAX);
    return n;
}
