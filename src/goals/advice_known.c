/* Suggestions from what others know: facts about the person, active packs, open tasks. */
#include "goals/advice_int.h"

enum { OF_EACH_MAX = 2 };

/* "plays" -> "play", "carries" -> "carry", "watches" -> "watch"; what is past stays. */
static nima_str for_you(struct nima_ctx *ctx, nima_str verb)
{
    static const char *const odd[][2] = {
        {"is", "are"}, {"has", "have"}, {"was", "were"}, {"does", "do"}, {"goes", "go"},
    };
    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        if (nima_str_eq(verb, nima_str_of(odd[i][0]))) {
            return nima_str_of(odd[i][1]);
        }
    }
    if (nima_str_ends(verb, NIMA_STR("ies")) && verb.len > 4) {
        return nima_fmt(ctx, NIMA_FMT "y", NIMA_ARG(nima_str_sub(verb, 0, verb.len - 3)));
    }
    bool es = nima_str_ends(verb, NIMA_STR("ches")) || nima_str_ends(verb, NIMA_STR("shes")) ||
              nima_str_ends(verb, NIMA_STR("sses"));
    bool s = nima_str_ends(verb, NIMA_STR("s")) && !nima_str_ends(verb, NIMA_STR("ss"));
    return es || s ? nima_str_sub(verb, 0, verb.len - (es ? 2 : 1)) : verb;
}

/* "their left knee" -> "your left knee" */
static nima_str yours(struct nima_ctx *ctx, nima_str text)
{
    nima_str their = NIMA_STR(" their ");
    for (size_t at = nima_str_find(text, their, 0); at != SIZE_MAX;
         at = nima_str_find(text, their, 0)) {
        text = nima_fmt(ctx, NIMA_FMT " your " NIMA_FMT, NIMA_ARG(nima_str_sub(text, 0, at)),
                        NIMA_ARG(nima_str_sub(text, at + their.len, text.len)));
    }
    return text;
}

/* "The user plays the cello" -> "you play the cello"; others stay as they are. */
static nima_str to_you(struct nima_ctx *ctx, nima_str fact)
{
    nima_str user = NIMA_STR("The user "), users = NIMA_STR("The user's "), verb;
    if (nima_str_starts_nocase(fact, users)) {
        return nima_fmt(ctx, "your " NIMA_FMT, NIMA_ARG(nima_str_sub(fact, users.len, fact.len)));
    }
    if (!nima_str_starts_nocase(fact, user)) {
        return fact;
    }
    nima_str rest = nima_str_sub(fact, user.len, fact.len);
    nima_str_next(&rest, ' ', &verb);
    return yours(ctx, nima_fmt(ctx, "you " NIMA_FMT "%s" NIMA_FMT, NIMA_ARG(for_you(ctx, verb)),
                               rest.len > 0 ? " " : "", NIMA_ARG(rest)));
}

static void keep_one(struct nima_sight *sight, const struct nima_goal_hint *hint)
{
    const struct nima_milestone *next = nima_advice_next(sight->goal);
    bool pack = hint->kind == NIMA_HINT_PACK;
    nima_str what = next != NULL ? next->title : sight->goal->title;
    nima_str said = pack ? hint->text : to_you(sight->ctx, hint->text);
    nima_str about =
        pack ? nima_fmt(sight->ctx, NIMA_FMT "/" NIMA_FMT, NIMA_ARG(hint->of), NIMA_ARG(hint->id))
             : hint->id;
    nima_str why = pack
                       ? nima_fmt(sight->ctx, "It is in the pack " NIMA_FMT ".", NIMA_ARG(hint->of))
                       : NIMA_STR("It is known of you and bears on the goal.");
    struct nima_goal_suggestion *made =
        nima_advice_add(sight, nima_advice_key(sight, "known", about),
                        nima_fmt(sight->ctx, "Plan \"" NIMA_FMT "\" with this in mind: " NIMA_FMT,
                                 NIMA_ARG(what), NIMA_ARG(said)),
                        why);
    made->subject = what;
    nima_advice_because(made, hint->id);
    if (pack) {
        nima_advice_because(made, hint->of);
    }
    if (next != NULL) {
        nima_advice_because(made, next->id);
    }
}

static void tell_kind(struct nima_sight *sight, enum nima_goal_hint_kind kind)
{
    size_t told = 0;
    for (size_t i = 0; i < sight->known->count && told < OF_EACH_MAX; i++) {
        if (sight->known->items[i].kind == kind) {
            keep_one(sight, &sight->known->items[i]);
            told++;
        }
    }
}

void nima_advice_keep_in_mind(struct nima_sight *sight)
{
    tell_kind(sight, NIMA_HINT_FACT);
    tell_kind(sight, NIMA_HINT_PACK);
}

void nima_advice_open_tasks(struct nima_sight *sight)
{
    size_t told = 0;
    for (size_t i = 0; i < sight->known->count && told < OF_EACH_MAX; i++) {
        const struct nima_goal_hint *hint = &sight->known->items[i];
        bool waits = nima_str_eq(hint->of, NIMA_STR("awaiting_approval"));
        bool failed = nima_str_eq(hint->of, NIMA_STR("failed"));
        if (hint->kind != NIMA_HINT_TASK || (!waits && !failed)) {
            continue;
        }
        nima_str about =
            nima_fmt(sight->ctx, NIMA_FMT ":" NIMA_FMT, NIMA_ARG(hint->id), NIMA_ARG(hint->of));
        struct nima_goal_suggestion *made = nima_advice_add(
            sight, nima_advice_key(sight, "task", about),
            nima_fmt(sight->ctx,
                     waits ? "Say yes or no to the task that waits: " NIMA_FMT
                           : "Look at the task that failed and try it again: " NIMA_FMT,
                     NIMA_ARG(hint->text)),
            waits ? NIMA_STR("It was proposed for this goal and is not begun without you.")
                  : NIMA_STR("It was begun for this goal and is not done."));
        made->subject = hint->text;
        nima_advice_because(made, hint->id);
        told++;
    }
}
