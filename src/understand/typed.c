/* Which tokens are part of a time, a number or a path: what the tagger leans on. */
#include <string.h>

#include "language/when.h"
#include "understand/understand_int.h"
#include "util/clock.h"
#include "util/zone.h"

enum { TIME_FIRST = 1, TIME_FURTHER = 2, NUMBER = 3, PATH = 4 };

static void mark(const struct nima_tokens *tokens, size_t from, size_t end, size_t first_byte,
                 size_t end_byte, uint8_t first, uint8_t further, uint8_t *out)
{
    bool begun = false;
    for (size_t i = from; i < end; i++) {
        const struct nima_token *token = &tokens->items[i];
        if (token->from >= first_byte && token->end <= end_byte && out[i - from] == 0) {
            out[i - from] = begun ? further : first;
            begun = true;
        }
    }
}

/* "notes.txt", "src/main.c", "~/x": words with a slash or an ending between them. */
static bool is_path(nima_str word)
{
    size_t dot = SIZE_MAX;
    for (size_t i = 0; i < word.len; i++) {
        if (word.ptr[i] == '/') {
            return word.len > 1;
        }
        dot = word.ptr[i] == '.' && i > 0 && i + 1 < word.len ? i : dot;
    }
    return dot != SIZE_MAX && word.len - dot <= 6 && word.ptr[dot + 1] >= 'a' &&
           word.ptr[dot + 1] <= 'z' && strpbrk("()", nima_str_sub(word, 0, 1).ptr) == NULL;
}

static void mark_paths(nima_str text, const struct nima_tokens *tokens, size_t from, size_t end,
                       uint8_t *out)
{
    size_t low = tokens->items[from].from, high = tokens->items[end - 1].end;
    for (size_t at = low; at < high;) {
        size_t stop = at;
        while (stop < high && strchr(" \n\t,;\"'", text.ptr[stop]) == NULL) {
            stop++;
        }
        nima_str word = nima_str_sub(text, at, stop);
        while (word.len > 0 && strchr(".?!:", word.ptr[word.len - 1]) != NULL) {
            word.len--;
        }
        if (word.len > 2 && is_path(word)) {
            mark(tokens, from, end, at, at + word.len, PATH, PATH, out);
        }
        at = stop + 1;
    }
}

const uint8_t *nima_understand_typed(struct nima_ctx *ctx, const struct nima_language *language,
                                     nima_str text, const struct nima_tokens *tokens, size_t from,
                                     size_t end)
{
    enum { ANY_DAY = 1780000000 }; /* which day it is does not change where the words stand */
    uint8_t *out = nima_alloc(ctx->arena, end - from + 1);
    const struct nima_zone *zone;
    struct nima_error before = ctx->error;
    if (from >= end || nima_zone_load(ctx, NIMA_STR("UTC"), &zone) != NIMA_OK) {
        ctx->error = before;
        return out;
    }
    size_t low = tokens->items[from].from, high = tokens->items[end - 1].end;
    nima_str clause = nima_str_sub(text, low, high);
    struct nima_when_setting setting = {
        .language = language, .zone = zone, .now_ms = (int64_t)ANY_DAY * 1000};
    struct nima_whens whens;
    struct nima_quantities numbers;
    mark_paths(text, tokens, from, end, out);
    nima_when_find(ctx, &setting, clause, &whens);
    for (size_t i = 0; i < whens.count; i++) {
        for (size_t n = 0; n < whens.items[i].spans.count; n++) {
            const struct nima_passage *span = &whens.items[i].spans.items[n];
            mark(tokens, from, end, low + span->from, low + span->end, TIME_FIRST, TIME_FURTHER,
                 out);
        }
    }
    nima_language_quantities(ctx, language, clause, &numbers);
    for (size_t i = 0; i < numbers.count; i++) {
        mark(tokens, from, end, low + numbers.items[i].from, low + numbers.items[i].end, NUMBER,
             NUMBER, out);
    }
    return out;
}
