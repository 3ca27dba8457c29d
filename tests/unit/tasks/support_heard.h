#pragma once
/*
 * support_heard: whether a step is what a row of tests/data/actions.jsonl expects.
 */
#include "tasks/tasks_int.h"

/* Every expected value stands in the params, and nothing else but an op or a flag. A line that is
 * added may end in a line break. */
bool heard_is_right(struct nima_ctx *ctx, const struct nima_tasks_step *step,
                    const struct nima_json *row);
