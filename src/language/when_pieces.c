/* A text's pieces of time, from left to right: at each place the longest pattern that fits. */
#include <string.h>

#include "language/when_int.h"

static const char *const action_names[NIMA_ACT_COUNT] = {
#define X(name) #name,
    NIMA_WHEN_ACTIONS(X)
#undef X
};

static enum nima_when_action action_of(nima_str name)
{
    for (int i = 0; i < NIMA_ACT_COUNT; i++) {
        if (nima_str_eq(name, nima_str_of(action_names[i]))) {
            return (enum nima_when_action)i;
        }
    }
    nima_assert(!"an action that the reader knows");
    return NIMA_ACT_COUNT;
}

/* Words that only point at times: by themselves they are none. */
bool nima_when_is_content(const struct nima_when_piece *piece)
{
    switch (piece->action) {
    case NIMA_ACT_every:
        return piece->match.captures.weekday >= 0;
    case NIMA_ACT_until:
    case NIMA_ACT_starting:
    case NIMA_ACT_from:
    case NIMA_ACT_to:
    case NIMA_ACT_except:
    case NIMA_ACT_by:
    case NIMA_ACT_and:
    case NIMA_ACT_glue:
    case NIMA_ACT_zone:
        return false;
    default:
        return true;
    }
}

/* Behind these a bare number, a month or a year is a time, if it can be. */
static bool expects(const struct nima_when_pieces *pieces, bool adjacent)
{
    if (!adjacent || pieces->count == 0) {
        return false;
    }
    const struct nima_when_piece *last = &pieces->items[pieces->count - 1];
    switch (last->action) {
    case NIMA_ACT_until:
    case NIMA_ACT_starting:
    case NIMA_ACT_from:
    case NIMA_ACT_except:
    case NIMA_ACT_by:
        return true;
    case NIMA_ACT_to:
    case NIMA_ACT_and: {
        const struct nima_when_piece *before =
            pieces->count > 1 && last->behind ? &pieces->items[pieces->count - 2] : NULL;
        bool clock = before != NULL && (before->action == NIMA_ACT_clock ||
                                        before->action == NIMA_ACT_clock24 ||
                                        before->action == NIMA_ACT_noon);
        bool month = before != NULL &&
                     (before->action == NIMA_ACT_month || before->action == NIMA_ACT_dom);
        return clock || month;
    }
    default:
        return false;
    }
}

/* The United States alone put the month first. */
static bool month_first(const struct nima_when_setting *setting, const struct nima_language *l)
{
    nima_str locale = setting->locale;
    if (locale.len >= 5) {
        nima_str region = nima_str_sub(locale, 3, 5);
        return nima_str_eq_nocase(region, NIMA_STR("US")) ||
               nima_str_eq_nocase(region, NIMA_STR("PH"));
    }
    return nima_str_eq(l->code, NIMA_STR("en"));
}

void nima_when_scan(struct nima_ctx *ctx, const struct nima_when_setting *setting, nima_str text,
                    size_t which, bool weak, struct nima_lexemes *lexemes,
                    struct nima_when_pieces *out)
{
    const struct nima_language *language =
        setting->language != NULL ? setting->language : nima_language_get(NIMA_STR("en"));
    nima_lexemes_of(ctx, language, text, lexemes);
    size_t room = lexemes->count < NIMA_WHEN_PIECES_MAX ? lexemes->count : NIMA_WHEN_PIECES_MAX;
    struct nima_when_pieces pieces = {.items =
                                          NIMA_NEW(ctx->arena, struct nima_when_piece, room + 1)};
    bool first = month_first(setting, language), adjacent = false;
    for (size_t at = 0; at < lexemes->count && pieces.count < room;) {
        struct nima_match match;
        bool bare = weak || expects(&pieces, adjacent);
        bool from = adjacent && pieces.items[pieces.count - 1].action == NIMA_ACT_from;
        struct nima_expected expected = {first, bare, from, bare || adjacent};
        bool found = nima_pattern_match(ctx, language, lexemes, at, expected, &match);
        if (!found) {
            adjacent = false;
            at++;
            continue;
        }
        pieces.items[pieces.count++] = (struct nima_when_piece){
            .action = action_of(match.pattern->action),
            .match = match,
            .first = at,
            .from = lexemes->items[at].from,
            .end = lexemes->items[at + match.count - 1].end,
            .text = which,
            .behind = adjacent};
        adjacent = true;
        at += match.count;
    }
    *out = pieces;
}
