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
    case NIMA_ACT_or:
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
        bool clock = before != NULL &&
                     (before->action == NIMA_ACT_clock || before->action == NIMA_ACT_clock24 ||
                      before->action == NIMA_ACT_noon);
        bool month =
            before != NULL && (before->action == NIMA_ACT_month || before->action == NIMA_ACT_dom);
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

static bool names_day(const struct nima_match *match)
{
    static const char *const days[] = {"day", "weekday", "part", "everydays", "date"};
    for (size_t i = 0; i < sizeof(days) / sizeof(days[0]); i++) {
        if (nima_str_eq(match->pattern->action, nima_str_of(days[i]))) {
            return true;
        }
    }
    return false;
}

/* "for 6 tomorrow": a bare hour right before a day, behind a word that may lead to one. */
static bool bare_hour(struct nima_ctx *ctx, const struct nima_language *language,
                      const struct nima_lexemes *lexemes, size_t day, size_t which,
                      struct nima_when_pieces *pieces)
{
    for (size_t back = 2; back >= 1; back--) {
        struct nima_match match;
        if (day <= back) {
            continue;
        }
        size_t at = day - back;
        const struct nima_lexeme *led = &lexemes->items[at - 1];
        if (led->id < 0 || !language->entries[led->id].leads) {
            continue;
        }
        struct nima_expected expected = {.weak = true};
        bool found = nima_pattern_match(ctx, language, lexemes, at, expected, &match);
        if (found && match.count == back && nima_str_eq(match.pattern->action, NIMA_STR("clock"))) {
            pieces->items[pieces->count++] =
                (struct nima_when_piece){.action = NIMA_ACT_clock,
                                         .match = match,
                                         .first = at,
                                         .from = lexemes->items[at].from,
                                         .end = lexemes->items[day - 1].end,
                                         .text = which};
            return true;
        }
    }
    return false;
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
        bool behind = adjacent && nima_when_is_content(&pieces.items[pieces.count - 1]);
        struct nima_expected expected = {first, bare, from, bare || behind};
        bool found = nima_pattern_match(ctx, language, lexemes, at, expected, &match);
        if (!found) {
            adjacent = false;
            at++;
            continue;
        }
        if (!adjacent && !weak && pieces.count + 1 < room && names_day(&match)) {
            adjacent = bare_hour(ctx, language, lexemes, at, which, &pieces);
        }
        pieces.items[pieces.count++] =
            (struct nima_when_piece){.action = action_of(match.pattern->action),
                                     .match = match,
                                     .first = at,
                                     .from = lexemes->items[at].from,
                                     .end = lexemes->items[at + match.count - 1].end,
                                     .text = which,
                                     .hyphen = adjacent && lexemes->items[at].hyphen,
                                     .behind = adjacent};
        adjacent = true;
        at += match.count;
    }
    *out = pieces;
}
