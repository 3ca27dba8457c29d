#pragma once
/*
 * tasks: the tables `tasks`, `task_audit` and `task_audit_heads`: a queue that several processes
 * share, and the record of what was decided and done.
 *
 * Scope      The calls of the queue (claim, heartbeat, finish, due, expire, places) are for all
 *            people; a claimed row says whose it is. All others are for ctx->user_id.
 * Leases     A claimed task belongs to (owner, attempts) until lease_until; heartbeats move that
 *            on. Afterwards anybody may claim it, and the late one is told CONFLICT.
 * Audit      Rows that a call is given are chained and written in the call's own transaction.
 */
#include "store/store.h"

struct nima_task_row {
    nima_str id, user_id, type, action;
    nima_str params, params_hash; /* params: a JSON object's text */
    nima_str status;              /* as in the contract */
    nima_str result;              /* a JSON object's text; absent: none */
    nima_str error, error_code;   /* absent: none */
    int64_t attempts, max_attempts, timeout_s, priority;
    nima_str origin;
    nima_str approved_hash, approved_by;
    nima_str conversation_id, goal_id;
    nima_str lease_owner;
    int64_t lease_until, cancel_requested, next_attempt_at, expires_at;
    int64_t created_at, started_at, completed_at, changed_at;
    nima_str plan_id; /* absent: it is no step of a plan */
    int64_t step;
    int64_t two_person;            /* 1: two different people must approve it */
    nima_str first_hash, first_by; /* the first of the two approvals; absent: there is none yet */
};
struct nima_task_rows {
    struct nima_task_row *items; /* last made first */
    size_t count;
    nima_str next_cursor;
};

struct nima_audit_row {
    nima_str user_id;
    int64_t seq, at;
    nima_str task_id; /* absent: about none */
    nima_str actor, event, type, action, policy;
    nima_str details; /* a JSON object's text */
    nima_str previous_hash, hash;
};
struct nima_audit_rows {
    struct nima_audit_row *items; /* last written first */
    size_t count;
    nima_str next_cursor;
};

/* `task` gives everything but id (may be absent) and times. */
NIMA_MUST_USE nima_rc nima_task_add(struct nima_ctx *ctx, struct nima_store *store,
                                    const struct nima_task_row *task,
                                    const struct nima_audit_row *audit, struct nima_task_row *out);
/* Steps of one plan, each with its audit row: the first may be due, the others wait. The id of the
 * first stands for all: it is what is approved or rejected. */
NIMA_MUST_USE nima_rc nima_task_add_plan(struct nima_ctx *ctx, struct nima_store *store,
                                         const struct nima_task_row *steps,
                                         const struct nima_audit_row *audits, size_t count,
                                         struct nima_task_rows *out);
/* Its steps in their order; none for an id of no plan. */
NIMA_MUST_USE nima_rc nima_task_plan(struct nima_ctx *ctx, struct nima_store *store,
                                     nima_str plan_id, struct nima_task_rows *out);
NIMA_MUST_USE nima_rc nima_task_get(struct nima_ctx *ctx, struct nima_store *store, nima_str id,
                                    struct nima_task_row *out);
/* Those of a conversation that came to their end at `since` or later: the last `limit` of them, the
 * first one first. */
NIMA_MUST_USE nima_rc nima_task_ended(struct nima_ctx *ctx, struct nima_store *store,
                                      nima_str conversation_id, int64_t since, int limit,
                                      struct nima_task_rows *out);
struct nima_task_filter {
    nima_str type, status; /* absent: any */
    nima_str goal_id;      /* absent: of any and of none */
    bool for_approver;     /* instead of the person's own: what waits for them as an approver */
    int64_t since;         /* made then or later; 0: any */
    int limit;             /* 1..1000, 0 is 50 */
    nima_str cursor;
};
NIMA_MUST_USE nima_rc nima_task_list(struct nima_ctx *ctx, struct nima_store *store,
                                     const struct nima_task_filter *filter,
                                     struct nima_task_rows *out);

/* The person's own or, for an approver, one that needs two people. */
NIMA_MUST_USE nima_rc nima_task_get_shared(struct nima_ctx *ctx, struct nima_store *store,
                                           nima_str id, bool approver, struct nima_task_row *out);

/* How many are not over yet, counted up to `max`. */
NIMA_MUST_USE nima_rc nima_task_open_count(struct nima_ctx *ctx, struct nima_store *store,
                                           int64_t max, int64_t *out);

/* What a person decides: on their own task, or as an approver on one that needs two people.
 * CONFLICT when the task is not in a state for it. The first of two approvals leaves it waiting, on
 * record as `approved_first`; the same person's second is CONFLICT. */
NIMA_MUST_USE nima_rc nima_task_approve(struct nima_ctx *ctx, struct nima_store *store, nima_str id,
                                        bool approver, const struct nima_audit_row *audit,
                                        struct nima_task_row *out);
NIMA_MUST_USE nima_rc nima_task_reject(struct nima_ctx *ctx, struct nima_store *store, nima_str id,
                                       bool approver, const struct nima_audit_row *audit,
                                       struct nima_task_row *out);
/* A running one is told to stop; its status stays until it has. */
NIMA_MUST_USE nima_rc nima_task_cancel(struct nima_ctx *ctx, struct nima_store *store, nima_str id,
                                       const struct nima_audit_row *audit,
                                       struct nima_task_row *out);
/* The error of a step that was cancelled because the one before it did not succeed. */
#define NIMA_TASK_SKIPPED "the step before it did not succeed"
/* A failed or cancelled one is begun anew: pending, or to be approved until `expires_at`; and
 * behind it, as a plan of their own, those that were skipped because of it. `tasks` in their order,
 * each with its audit row; *out is the first. */
NIMA_MUST_USE nima_rc nima_task_retry(struct nima_ctx *ctx, struct nima_store *store,
                                      const struct nima_task_row *tasks,
                                      const struct nima_audit_row *audits, size_t count,
                                      int64_t expires_at, bool two_person,
                                      struct nima_task_row *out);

/* The queue */

/* Of whomever: the conversations behind `after` whose tasks came to an end at `since` or later, in
 * the order of their people and ids. */
struct nima_task_place {
    nima_str user_id, conversation_id;
};
NIMA_MUST_USE nima_rc nima_task_places(struct nima_ctx *ctx, struct nima_store *store,
                                       int64_t since, const struct nima_task_place *after,
                                       int limit, struct nima_task_place *out, size_t *count);

enum { NIMA_TASK_BUSY_TYPES = 8 };
struct nima_task_claim {
    nima_str owner; /* the process */
    int64_t lease_ms;
    nima_str busy[NIMA_TASK_BUSY_TYPES]; /* types that get no further worker now; absent: none */
};
/* Takes the first that is due, or that a crash left running, for `lease_ms`. *found false: there
 * is none. *taken_up: its last lease had run out. */
NIMA_MUST_USE nima_rc nima_task_claim(struct nima_ctx *ctx, struct nima_store *store,
                                      const struct nima_task_claim *claim, bool *found,
                                      bool *taken_up, struct nima_task_row *out);
/* Whether a claim would find anything, and proposals whose time is over: cheap, writes nothing. */
NIMA_MUST_USE nima_rc nima_task_due(struct nima_ctx *ctx, struct nima_store *store, bool *due,
                                    bool *overdue);
/* CONFLICT when the lease is lost. */
NIMA_MUST_USE nima_rc nima_task_heartbeat(struct nima_ctx *ctx, struct nima_store *store,
                                          const struct nima_task_row *task, int64_t lease_ms,
                                          bool *cancel_requested);
struct nima_task_end {
    nima_str status, result, error, error_code;
    int64_t next_attempt_at; /* of one that goes back to pending */
    bool uncounted;          /* the attempt does not count: it was interrupted from outside */
};
/* Ends the attempt; CONFLICT, with nothing written, when the lease is lost. */
NIMA_MUST_USE nima_rc nima_task_finish(struct nima_ctx *ctx, struct nima_store *store,
                                       const struct nima_task_row *task,
                                       const struct nima_task_end *end,
                                       const struct nima_audit_row *audit);
/* Cancels one proposal whose time is over, of whomever; *found false: there is none. */
NIMA_MUST_USE nima_rc nima_task_expire(struct nima_ctx *ctx, struct nima_store *store,
                                       const struct nima_audit_row *audit, bool *found);

/* Audit */

/* Adds a row of its own. */
NIMA_MUST_USE nima_rc nima_audit_add(struct nima_ctx *ctx, struct nima_store *store,
                                     const struct nima_audit_row *audit);
struct nima_audit_filter {
    nima_str task_id; /* absent: any */
    int limit;
    nima_str cursor;
};
NIMA_MUST_USE nima_rc nima_audit_list(struct nima_ctx *ctx, struct nima_store *store,
                                      const struct nima_audit_filter *filter,
                                      struct nima_audit_rows *out);
struct nima_audit_report {
    int64_t people, rows;
    nima_str problem; /* the first link that does not hold, in words; absent: all hold */
};
/* Walks the chains of all people. */
NIMA_MUST_USE nima_rc nima_audit_verify(struct nima_ctx *ctx, struct nima_store *store,
                                        struct nima_audit_report *out);
