#pragma once
/*
 * Private to src/goals.
 */
#include "goals/goals.h"

struct nima_goals {
    struct nima_store *store;
    struct nima_llm *llm;
    struct nima_wording *wording;
};

#define NIMA_GOAL_ACTIVE    NIMA_STR("active")
#define NIMA_GOAL_COMPLETED NIMA_STR("completed")
#define NIMA_GOAL_PAUSED    NIMA_STR("paused")

static inline bool nima_goal_is(const struct nima_goal *goal, nima_str status)
{
    return nima_str_eq(goal->status, status);
}
/* goals.c: milestones at the end; INVALID when there would be too many. */
NIMA_MUST_USE nima_rc nima_goal_more_steps(struct nima_ctx *ctx, struct nima_goal *goal,
                                           const nima_str *titles, size_t count);
size_t nima_goal_steps_done(const struct nima_goal *goal);

/* Of two vectors of unit length. */
static inline double nima_goal_cosine(const float *a, const float *b, size_t dims)
{
    float sum = 0;
    for (size_t i = 0; i < dims; i++) {
        sum += a[i] * b[i];
    }
    return sum;
}

/* Pace, projection and state, from goal and history. */
void nima_goal_measure(struct nima_goal_course *course, int64_t now_ms);

enum { NIMA_DAY_MS = 24 * 3600 * 1000 };

/* settle.c: whether the row of history only tells of a suggestion that was settled. */
bool nima_goal_is_settling(const struct nima_goal_entry *entry);
/* Leaves out the suggestions that were accepted or dismissed. */
NIMA_MUST_USE nima_rc nima_goal_unsettled(struct nima_ctx *ctx, const struct nima_goal *goal,
                                          struct nima_goal_suggestions *suggestions);
