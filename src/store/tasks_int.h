#pragma once
/*
 * tasks_int: what the files of the task tables share, private to this room.
 */
#include "store/store_int.h"
#include "store/tasks.h"

#define NIMA_TASK_COLUMNS                                                                          \
    "id, user_id, type, action, params, params_hash, status, result, error, error_code, "          \
    "attempts, max_attempts, timeout_s, priority, origin, approved_hash, approved_by, "            \
    "conversation_id, goal_id, lease_owner, lease_until, cancel_requested, next_attempt_at, "      \
    "expires_at, created_at, started_at, completed_at, changed_at, plan_id, step, "                \
    "two_person, first_hash, first_by"

/* A row of NIMA_TASK_COLUMNS, copied into ctx->arena. */
void nima_task_row(struct nima_ctx *ctx, struct nima_db_stmt *stmt, struct nima_task_row *out);
/* Within the caller's transaction; row->id is given, the rest of *row is filled. */
NIMA_MUST_USE nima_rc nima_task_insert(struct nima_ctx *ctx, struct nima_db *db,
                                       struct nima_task_row *row);
/* task_plans.c, within the caller's transaction: what the first step's approval means for the
 * others; and what a step's end does, or nothing where it is in no plan. */
NIMA_MUST_USE nima_rc nima_plan_approved(struct nima_ctx *ctx, struct nima_db *db,
                                         const struct nima_task_row *first);
NIMA_MUST_USE nima_rc nima_plan_step_over(struct nima_ctx *ctx, struct nima_db *db,
                                          const struct nima_task_row *task, nima_str status);
/* Chains `audit` to the rows of `user_id`, within the caller's transaction; NULL: nothing. The
 * task's row is written before, so that all lock in one order. */
NIMA_MUST_USE nima_rc nima_audit_chain(struct nima_ctx *ctx, struct nima_db *db, nima_str user_id,
                                       nima_str task_id, const struct nima_audit_row *audit);
