#pragma once
/*
 * What the files that make suggestions share: private to src/goals.
 *
 *   suggest.c       the order of the rules, and the check of what they found
 *   advice_own.c    rules that look at the goal alone
 *   advice_kind.c   goals of the same kind, and rules that learn from them
 *   advice_known.c  rules on what others know: facts, packs, tasks
 *   advice_first.c  a first step, from the title
 *   word.c          the model's wording
 */
#include "goals/said_int.h"

enum { NIMA_ADVICE_MAX = 16, NIMA_EVIDENCE_MAX = 12, NIMA_KIN_MAX = 6 };

struct nima_kin {
    const struct nima_goal *goal;
    double like;   /* cosine of the titles */
    bool finished; /* else it stands still */
};
struct nima_kind {
    struct nima_kin items[NIMA_KIN_MAX]; /* best first */
    size_t count;
    const struct nima_goal *finished, *stuck; /* those most like it, or NULL */
    size_t steps, steps_in_a_week;            /* of finished ones: that got done */
};
struct nima_sight {
    struct nima_ctx *ctx;
    const struct nima_goal_course *course;
    const struct nima_goal *goal;
    const struct nima_goals_known *known;
    struct nima_kind kind;
    int64_t now_ms;
    struct nima_goal_suggestions found;
};

/* `key` names the rule and what it is about: what was settled under it does not come back. */
struct nima_goal_suggestion *nima_advice_add(struct nima_sight *sight, nima_str key,
                                             nima_str action, nima_str reason);
void nima_advice_because(struct nima_goal_suggestion *suggestion, nima_str id);
nima_str nima_advice_key(struct nima_sight *sight, const char *rule, nima_str about);
/* Of a rule that speaks again when the time it is about has changed. */
nima_str nima_advice_key_at(struct nima_sight *sight, const char *rule, int64_t ms);
nima_str nima_advice_day(struct nima_sight *sight, int64_t ms);              /* "3 May 2027" */
size_t nima_advice_open(const struct nima_goal *goal);                       /* milestones */
const struct nima_milestone *nima_advice_next(const struct nima_goal *goal); /* or NULL */
/* When the next milestone has to be done for all to be in time; 0: nobody knows. */
int64_t nima_advice_next_due(const struct nima_sight *sight);

NIMA_MUST_USE nima_rc nima_advice_find_kind(struct nima_ctx *ctx, struct nima_goals *goals,
                                            const struct nima_goal *goal, struct nima_kind *out);
double nima_advice_usual_days(const struct nima_goal *finished);

/* Rules: each adds what it has to say. */
void nima_advice_date_is_past(struct nima_sight *sight);
void nima_advice_next_step(struct nima_sight *sight);
void nima_advice_steps_of_a_week(struct nima_sight *sight);
void nima_advice_steps_that_worked(struct nima_sight *sight);
void nima_advice_first_step(struct nima_sight *sight);
void nima_advice_where_one_stopped(struct nima_sight *sight);
void nima_advice_stands_still(struct nima_sight *sight);
void nima_advice_too_slow(struct nima_sight *sight);
void nima_advice_open_tasks(struct nima_sight *sight);
void nima_advice_keep_in_mind(struct nima_sight *sight);
void nima_advice_write_plan(struct nima_sight *sight);

/* word.c: takes the model's wording where there is one, and has the others worded. */
void nima_advice_word(struct nima_ctx *ctx, struct nima_goals *goals, const struct nima_goal *goal,
                      struct nima_goal_suggestions *suggestions);
/* Whether `worded` says what the rule said: keeps its step, numbers and names, and adds none. */
bool nima_advice_says(struct nima_ctx *ctx, const struct nima_goal *goal,
                      const struct nima_goal_suggestion *rule, nima_str worded);
struct nima_wording;
struct nima_wording *nima_wording_new(struct nima_llm *llm);
void nima_wording_free(struct nima_wording *wording);
