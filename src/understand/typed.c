/* Spans that are found without learning: times, quotations, paths. They are what the tagger sees
 * of src/language. */
#include <string.h>

#include "language/when.h"
#include "understand/understand_int.h"
#include "util/zone.h"

enum typed {
    TYPED_NONE,
    TYPED_WHEN,
    TYPED_WHEN_ON,
    TYPED_DURATION,
    TYPED_DURATION_ON,
    TYPED_QUOTE,
    TYPED_QUOTE_ON,
    TYPED_PATH,
    TYPED_PATH_ON
};

static void mark(uint8_t *typed, const struct nima_tokens *tokens, size_t from, size_t end,
                 const struct nima_passage *where, enum typed first)
{
    bool begun = false;
    for (size_t i = from; i < end; i++) {
        const struct nima_token *token = &tokens->items[i];
        if (token->from >= where->from && token->end <= where->end && typed[i - from] == 0) {
            typed[i - from] = (uint8_t)(first + (begun ? 1 : 0));
            begun = true;
        }
    }
}

static bool is_quote(const struct nima_token *token)
{
    static const char *const marks[] = {"\"",           "\xe2\x80\x9c", "\xe2\x80\x9d",
                                        "\xe2\x80\x9e", "\xc2\xab",     "\xc2\xbb"};
    for (size_t i = 0; token->kind == NIMA_TOKEN_PUNCT && i < sizeof(marks) / sizeof(marks[0]);
         i++) {
        if (nima_str_eq(token->fold, nima_str_of(marks[i]))) {
            return true;
        }
    }
    return false;
}

static void mark_quotes(uint8_t *typed, const struct nima_tokens *tokens, size_t from, size_t end)
{
    size_t open = SIZE_MAX;
    for (size_t i = from; i < end; i++) {
        if (!is_quote(&tokens->items[i])) {
            continue;
        }
        if (open == SIZE_MAX) {
            open = i;
            continue;
        }
        if (i > open + 1) {
            struct nima_passage inside = {tokens->items[open + 1].from, tokens->items[i - 1].end};
            mark(typed, tokens, from, end, &inside, TYPED_QUOTE);
        }
        open = SIZE_MAX;
    }
}

/* A run without blanks that has a slash, or a stop before a short ending: "docs/", "notes.txt". */
static bool is_path(nima_str run)
{
    size_t dot = SIZE_MAX;
    for (size_t i = 0; i < run.len; i++) {
        if (run.ptr[i] == '/' && run.len > 1) {
            return true;
        }
        dot = run.ptr[i] == '.' ? i : dot;
    }
    size_t ending = dot == SIZE_MAX ? 0 : run.len - dot - 1;
    return dot != 0 && ending >= 1 && ending <= 5 &&
           !(run.ptr[dot + 1] >= '0' && run.ptr[dot + 1] <= '9');
}

static void mark_paths(uint8_t *typed, nima_str text, const struct nima_tokens *tokens, size_t from,
                       size_t end)
{
    for (size_t i = from; i < end;) {
        size_t next = i + 1;
        while (next < end && tokens->items[next].joined) {
            next++;
        }
        struct nima_passage where = {tokens->items[i].from, tokens->items[next - 1].end};
        if (next > i + 1 && is_path(nima_str_sub(text, where.from, where.end))) {
            mark(typed, tokens, from, end, &where, TYPED_PATH);
        }
        i = next;
    }
}

const uint8_t *nima_understand_typed(struct nima_ctx *ctx, const struct nima_language *language,
                                     nima_str text, const struct nima_tokens *tokens, size_t from,
                                     size_t end)
{
    uint8_t *typed = NIMA_NEW(ctx->arena, uint8_t, end - from + 1);
    if (from >= end) {
        return typed;
    }
    mark_quotes(typed, tokens, from, end);
    mark_paths(typed, text, tokens, from, end);
    /* Where a time stands does not depend on the day it is read. */
    struct nima_when_setting setting = {.language = language, .now_ms = 1767614400000};
    if (nima_zone_load(ctx, NIMA_STR("UTC"), &setting.zone) != NIMA_OK) {
        return typed;
    }
    size_t base = tokens->items[from].from;
    nima_str passage = nima_str_sub(text, base, tokens->items[end - 1].end);
    struct nima_whens whens;
    nima_when_find(ctx, &setting, passage, &whens);
    for (size_t i = 0; i < whens.count; i++) {
        const struct nima_when *when = &whens.items[i];
        for (size_t p = 0; p < when->spans.count; p++) {
            struct nima_passage where = {base + when->spans.items[p].from,
                                         base + when->spans.items[p].end};
            mark(typed, tokens, from, end, &where,
                 when->kind == NIMA_WHEN_DURATION ? TYPED_DURATION : TYPED_WHEN);
        }
    }
    return typed;
}
