#pragma once
/*
 * goals_int: what the files of the goals' repository share.
 */
#include "store/goals.h"
#include "store/store_int.h"

/* Fills the milestones of `count` goals, whose ids lie from `low` to `high`. */
NIMA_MUST_USE nima_rc nima_store_milestones(struct nima_ctx *ctx, struct nima_db *db,
                                            struct nima_goal *goals, size_t count, nima_str low,
                                            nima_str high);
/* Makes the stored milestones of the goal those of `goal`: new ones get an id, those that are not
 * there any more go. */
NIMA_MUST_USE nima_rc nima_store_sync_milestones(struct nima_ctx *ctx, struct nima_db *db,
                                                 struct nima_goal *goal);
/* Adds a row of history as it was. */
NIMA_MUST_USE nima_rc nima_store_goal_entry_again(struct nima_ctx *ctx, struct nima_db *db,
                                                  nima_str goal_id,
                                                  const struct nima_goal_entry *entry);
/* Adds a row of history in the goal's present state. */
NIMA_MUST_USE nima_rc nima_store_goal_entry(struct nima_ctx *ctx, struct nima_db *db,
                                            const struct nima_goal *goal,
                                            const struct nima_goal_entry *entry);
