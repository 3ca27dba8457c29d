/*
 * "Which one do you mean?" and its answer in the next message: a number of the list, "the second",
 * or words of one of its lines. Nothing is kept for it: question and wish stand in the
 * conversation, and the lines are made again.
 */
#include "goals/said_int.h"
#include "util/buf.h"
#include "util/choice.h"

enum { LINES_BYTES_MAX = 32 * 1024, ANSWER_BYTES_MAX = 80 };

static nima_str plain_label(struct nima_ctx *ctx, const struct nima_goal_match *match)
{
    return match->milestone == NULL
               ? match->goal->title
               : nima_fmt(ctx, NIMA_FMT " of " NIMA_FMT, NIMA_ARG(match->milestone->title),
                          NIMA_ARG(match->goal->title));
}

/* Two of one title are told apart by how they stand. */
static nima_str label_of(struct nima_ctx *ctx, const struct nima_zone *zone,
                         const struct nima_goal_matches *matches, size_t at)
{
    const struct nima_goal *goal = matches->items[at].goal;
    nima_str label = plain_label(ctx, &matches->items[at]);
    size_t same = 0;
    for (size_t i = 0; i < matches->count; i++) {
        same += nima_str_eq_nocase(label, plain_label(ctx, &matches->items[i]));
    }
    if (same < 2) {
        return label;
    }
    bool due = goal->deadline != 0;
    return nima_fmt(ctx, NIMA_FMT " (%.0f %%, %s " NIMA_FMT ")", NIMA_ARG(label),
                    goal->progress * 100, due ? "due" : "set on",
                    NIMA_ARG(nima_goals_day(ctx, zone, due ? goal->deadline : goal->created_at)));
}

nima_str nima_goal_choices(struct nima_ctx *ctx, const struct nima_zone *zone,
                           const struct nima_goal_matches *matches)
{
    struct nima_buf buf;
    nima_buf_init(&buf, LINES_BYTES_MAX);
    for (size_t i = 0; i < matches->count; i++) {
        nima_buf_fmt(&buf, "\n%zu. " NIMA_FMT, i + 1, NIMA_ARG(label_of(ctx, zone, matches, i)));
    }
    nima_str text = nima_str_copy(ctx->arena, nima_buf_view(&buf));
    nima_buf_done(&buf);
    return text.ptr != NULL ? text : NIMA_STR("");
}

bool nima_goal_question(nima_str text)
{
    return nima_str_starts(text, NIMA_GOAL_WHICH_ONE) ||
           nima_str_starts(text, NIMA_GOAL_WHICH_GOAL);
}

bool nima_goals_short(nima_str message)
{
    return message.len > 0 && message.len <= ANSWER_BYTES_MAX;
}

/* The answer */

static const struct nima_goal_match *by_number(struct nima_ctx *ctx, const struct nima_zone *zone,
                                               const struct nima_goal_matches *matches,
                                               nima_str question, size_t number)
{
    nima_str line = nima_choice_line(ctx, question, number);
    for (size_t i = 0; i < matches->count && line.ptr != NULL; i++) {
        size_t at = (number - 1 + i) % matches->count; /* that of the same place is the first */
        if (nima_str_eq(label_of(ctx, zone, matches, at), line)) {
            return &matches->items[at];
        }
    }
    return NULL;
}

static const struct nima_goal_match *by_words(struct nima_ctx *ctx,
                                              const struct nima_goal_matches *matches,
                                              nima_str answer)
{
    struct nima_goal_rows goals = {.items = NIMA_NEW(ctx->arena, struct nima_goal, matches->count)};
    const struct nima_goal_match *meant = NULL;
    struct nima_goal_matches found;
    double best = 0;
    for (size_t i = 0; i < matches->count; i++) {
        goals.items[goals.count++] = *matches->items[i].goal;
    }
    nima_goal_match(ctx, &goals, answer, NIMA_MATCH_BOTH, &found);
    for (size_t n = 0; n < found.count; n++) {
        for (size_t i = 0; i < matches->count; i++) {
            const struct nima_goal_match *one = &matches->items[i];
            bool goal = nima_str_eq(one->goal->id, found.items[n].goal->id);
            bool step = one->milestone == NULL || found.items[n].milestone == NULL ||
                        nima_str_eq(one->milestone->id, found.items[n].milestone->id);
            if (!goal || !step || one == meant) {
                continue;
            }
            if (meant != NULL && found.items[n].score >= best) {
                return NULL; /* two fit as well */
            }
            best = meant == NULL ? found.items[n].score : best;
            meant = meant == NULL ? one : meant;
        }
    }
    return meant;
}

const struct nima_goal_match *nima_goal_chosen(struct nima_ctx *ctx, const struct nima_zone *zone,
                                               const struct nima_goal_matches *matches,
                                               nima_str question, nima_str answer)
{
    nima_str core = nima_choice_core(ctx, answer);
    size_t number = nima_choice_number(core, matches->count);
    if (core.len == 0) {
        return NULL;
    }
    return number > 0 ? by_number(ctx, zone, matches, question, number)
                      : by_words(ctx, matches, core);
}
