/* The doors of the reader of days and times. */
#include "language/when.h"

#include <stdio.h>
#include <string.h>

#include "language/when_int.h"

enum { FOUND_MAX = 64, PIECES_MAX = 60, UNREAD_BYTES_MAX = 80, DAY_S = 86400, PASSAGES_MAX = 8 };

/* What was not understood, as it stands in the text. */
static nima_str unread_of(const struct nima_time_said *said, nima_str text)
{
    size_t end = said->unread_end;
    if (end == SIZE_MAX) {
        nima_str rest = nima_str_sub(text, said->unread_from, text.len);
        end = said->unread_from + nima_utf8_prefix(rest, UNREAD_BYTES_MAX).len;
    }
    return nima_str_trim(nima_str_sub(text, said->unread_from, end));
}

static void finish(struct nima_ctx *ctx, const struct nima_when_setting *setting,
                   const struct nima_time_said *said, nima_str text, struct nima_when *out)
{
    nima_when_resolve(ctx, setting, said, out);
    if (said->has_unread) {
        out->unread = unread_of(said, text);
    } else if (!out->whole && out->unread.ptr == NULL) {
        out->unread = text;
    }
}

/* Runs: pieces side by side. [*from, *end) without words at its ends that only point. */
struct run {
    size_t from, end;
};

static bool next_run(const struct nima_when_pieces *pieces, size_t *at, struct run *out)
{
    while (*at < pieces->count) {
        size_t from = *at, end = from + 1;
        bool content = nima_when_is_content(&pieces->items[from]);
        while (end < pieces->count && pieces->items[end].behind) {
            content = content || nima_when_is_content(&pieces->items[end]);
            end++;
        }
        *at = end;
        if (!content) {
            continue;
        }
        while (pieces->items[from].action == NIMA_ACT_glue ||
               pieces->items[from].action == NIMA_ACT_and ||
               pieces->items[from].action == NIMA_ACT_or ||
               pieces->items[from].action == NIMA_ACT_to ||
               pieces->items[from].action == NIMA_ACT_zone) {
            from++;
        }
        while (pieces->items[end - 1].action == NIMA_ACT_glue ||
               pieces->items[end - 1].action == NIMA_ACT_and ||
               pieces->items[end - 1].action == NIMA_ACT_or ||
               pieces->items[end - 1].action == NIMA_ACT_to ||
               pieces->items[end - 1].action == NIMA_ACT_from ||
               pieces->items[end - 1].action == NIMA_ACT_by ||
               (pieces->items[end - 1].action == NIMA_ACT_every && end - from > 1 &&
                !nima_when_is_content(&pieces->items[end - 2]))) {
            end--;
        }
        *out = (struct run){from, end};
        return true;
    }
    return false;
}

static const struct nima_when_setting *in_english(const struct nima_when_setting *setting,
                                                  struct nima_when_setting *copy)
{
    *copy = *setting;
    copy->language =
        setting->language != NULL ? setting->language : nima_language_get(NIMA_STR("en"));
    return copy;
}

void nima_when_find(struct nima_ctx *ctx, const struct nima_when_setting *setting, nima_str text,
                    struct nima_whens *out)
{
    struct nima_when_setting own;
    struct nima_lexemes lexemes;
    struct nima_when_pieces pieces;
    struct run run;
    size_t at = 0;
    setting = in_english(setting, &own);
    nima_when_scan(ctx, setting, text, 0, false, &lexemes, &pieces);
    struct nima_whens found = {.items = NIMA_NEW(ctx->arena, struct nima_when, FOUND_MAX)};
    struct nima_time_said *said = NIMA_NEW(ctx->arena, struct nima_time_said, 1);
    while (found.count < FOUND_MAX && next_run(&pieces, &at, &run)) {
        struct nima_when *when = &found.items[found.count];
        if (!nima_when_compose(&pieces.items[run.from], run.end - run.from, said)) {
            continue;
        }
        finish(ctx, setting, said, text, when);
        if (when->kind == NIMA_WHEN_NONE && when->problem.ptr == NULL && !said->has_unread) {
            continue;
        }
        when->spans.items = NIMA_NEW(ctx->arena, struct nima_passage, 1);
        when->spans.items[0] =
            (struct nima_passage){pieces.items[run.from].from, pieces.items[run.end - 1].end};
        when->spans.count = 1;
        found.count++;
    }
    *out = found;
}

void nima_when_find_one(struct nima_ctx *ctx, const struct nima_when_setting *setting,
                        nima_str text, struct nima_when *out)
{
    struct nima_when_setting own;
    struct nima_lexemes lexemes;
    struct nima_when_pieces pieces;
    struct run run;
    size_t at = 0, kept = 0;
    setting = in_english(setting, &own);
    nima_when_scan(ctx, setting, text, 0, false, &lexemes, &pieces);
    struct nima_passages spans = {.items =
                                      NIMA_NEW(ctx->arena, struct nima_passage, pieces.count + 1)};
    struct nima_when_piece *all = NIMA_NEW(ctx->arena, struct nima_when_piece, pieces.count + 1);
    struct nima_time_said *said = NIMA_NEW(ctx->arena, struct nima_time_said, 1);
    while (next_run(&pieces, &at, &run)) {
        spans.items[spans.count++] =
            (struct nima_passage){pieces.items[run.from].from, pieces.items[run.end - 1].end};
        for (size_t i = run.from; i < run.end; i++) {
            all[kept] = pieces.items[i];
            all[kept].behind = all[kept].behind && i > run.from;
            kept++;
        }
    }
    *out = (struct nima_when){.kind = NIMA_WHEN_NONE, .whole = true};
    if (kept > 0 && nima_when_compose(all, kept, said)) {
        finish(ctx, setting, said, text, out);
        out->spans = spans;
    }
}

/* The first word of the text that no piece holds; SIZE_MAX: none. */
static size_t first_left(const struct nima_lexemes *lexemes, const struct nima_when_pieces *pieces)
{
    size_t piece = 0;
    for (size_t i = 0; i < lexemes->count; i++) {
        while (piece < pieces->count &&
               i >= pieces->items[piece].first + pieces->items[piece].match.count) {
            piece++;
        }
        bool held = piece < pieces->count && i >= pieces->items[piece].first;
        if (!held && lexemes->items[i].kind != NIMA_LEXEME_PUNCT) {
            return i;
        }
    }
    return SIZE_MAX;
}

void nima_when_read(struct nima_ctx *ctx, const struct nima_when_setting *setting,
                    const nima_str *passages, size_t count, struct nima_when *out)
{
    struct nima_when_setting own;
    struct nima_when_pieces all = {
        .items = NIMA_NEW(ctx->arena, struct nima_when_piece, (size_t)PASSAGES_MAX * PIECES_MAX)};
    struct nima_time_said *said = NIMA_NEW(ctx->arena, struct nima_time_said, 1);
    nima_str left = {NULL, 0};
    setting = in_english(setting, &own);
    *out = (struct nima_when){.kind = NIMA_WHEN_NONE};
    for (size_t i = 0; i < count && i < PASSAGES_MAX; i++) {
        struct nima_lexemes lexemes;
        struct nima_when_pieces pieces;
        nima_str text = nima_utf8_prefix(passages[i], 2000);
        nima_when_scan(ctx, setting, text, i, true, &lexemes, &pieces);
        size_t first = first_left(&lexemes, &pieces);
        if (first != SIZE_MAX && left.ptr == NULL) {
            left = nima_str_sub(text, lexemes.items[first].from, lexemes.items[first].end);
        }
        if (pieces.count > PIECES_MAX) {
            left = left.ptr == NULL ? text : left;
            pieces.count = PIECES_MAX;
        }
        memcpy(&all.items[all.count], pieces.items, pieces.count * sizeof(pieces.items[0]));
        all.count += pieces.count;
    }
    if (all.count > 0 && nima_when_compose(all.items, all.count, said)) {
        finish(ctx, setting, said, passages[said->unread_text], out);
        out->spans.items = NIMA_NEW(ctx->arena, struct nima_passage, 1);
        out->spans.items[0] =
            (struct nima_passage){all.items[0].from, all.items[all.count - 1].end};
        out->spans.count = 1;
    }
    if (left.ptr != NULL) {
        out->whole = false;
        out->unread = left;
    }
}
