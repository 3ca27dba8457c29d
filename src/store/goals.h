#pragma once
/*
 * goals: the tables `goals`, `milestones` and `goal_progress`.
 *
 * Every change goes through nima_goal_change: it reads the goal with its milestones, lets a rule
 * of the goals room change that copy, writes what is different and adds a row of history, all in
 * one transaction. Two changes at once are put in line by the goal's row, and both are in the
 * history.
 */
#include "store/store.h"

enum { NIMA_MILESTONES_MAX = 200 };

struct nima_milestone {
    nima_str id; /* absent in a new one: given by the store */
    nima_str title;
    bool completed;
    int64_t completed_at; /* 0: not */
    int64_t created_at;   /* 0 in a new one: given by the store */
};
struct nima_milestones {
    struct nima_milestone *items; /* in the person's order */
    size_t count;
};
/* What a goal counts. */
struct nima_goal_amount {
    bool there; /* false: it is not counted */
    double target, amount, start;
    nima_str unit; /* as it was said: "euros"; absent: nothing was said */
};
struct nima_goal {
    nima_str id, user_id, title;
    nima_str description; /* absent: none */
    nima_str status;      /* "active" | "completed" | "paused" */
    int64_t deadline;     /* 0: none */
    double progress;      /* 0..1; 1 exactly when completed */
    struct nima_goal_amount count;
    struct nima_milestones milestones;
    int64_t created_at, updated_at, completed_at;
    nima_str alerted; /* the last alert that was told; absent: none */
    nima_str metadata;
};
struct nima_goal_rows {
    struct nima_goal *items; /* newest first */
    size_t count;
    nima_str next_cursor;
};
struct nima_goal_entry {
    nima_str id;
    int64_t recorded_at;
    nima_str kind; /* "created" "edited" "progress" "milestone" "status" "alert" */
    double progress;
    bool has_amount;
    double amount; /* of a goal that is counted */
    nima_str status;
    nima_str milestone_id, note; /* absent: none */
    bool aside;                  /* in a rule: the goal itself stays, and its updated_at */
};
struct nima_goal_entries {
    struct nima_goal_entry *items; /* oldest first */
    size_t count;
};

/* Stores a goal with its milestones and the first row of its history. Absent ids and times are
 * given here. */
NIMA_MUST_USE nima_rc nima_goal_create(struct nima_ctx *ctx, struct nima_store *store,
                                       const struct nima_goal *goal, struct nima_goal *out);
NIMA_MUST_USE nima_rc nima_goal_get(struct nima_ctx *ctx, struct nima_store *store, nima_str id,
                                    struct nima_goal *out);
/* status absent: any. limit 1..1000, 0 is 50. */
NIMA_MUST_USE nima_rc nima_goal_list(struct nima_ctx *ctx, struct nima_store *store,
                                     nima_str status, int limit, nima_str cursor,
                                     struct nima_goal_rows *out);

/* Changes `goal` (title, description, status, deadline, progress, count, milestones, alerted,
 * metadata) and says in `entry` what kind of change it was, with milestone_id and note; an absent
 * kind writes nothing. May be run again with a newer goal, so it depends on its arguments only. Its
 * milestones array may be replaced by one in ctx->arena. */
typedef nima_rc (*nima_goal_rule)(struct nima_ctx *ctx, void *arg, struct nima_goal *goal,
                                  struct nima_goal_entry *entry);
NIMA_MUST_USE nima_rc nima_goal_change(struct nima_ctx *ctx, struct nima_store *store, nima_str id,
                                       nima_goal_rule rule, void *arg, struct nima_goal *out);
/* The same; when the rule changed something, `said` is put into the person's own conversation for
 * reminders in the same transaction, with this metadata (a JSON object). */
struct nima_goal_said {
    nima_str text, metadata;
};
NIMA_MUST_USE nima_rc nima_goal_change_saying(struct nima_ctx *ctx, struct nima_store *store,
                                              nima_str id, nima_goal_rule rule, void *arg,
                                              const struct nima_goal_said *said,
                                              struct nima_goal *out);
/* People with active goals that have a deadline, in order, behind `after` (absent: from the first);
 * `ids` has room for `limit`. The one call here that is not about ctx->user_id. */
NIMA_MUST_USE nima_rc nima_goal_people(struct nima_ctx *ctx, struct nima_store *store,
                                       nima_str after, int limit, nima_str *ids, size_t *count_out);
/* With milestones and history. */
NIMA_MUST_USE nima_rc nima_goal_delete(struct nima_ctx *ctx, struct nima_store *store, nima_str id);
/* A deleted goal comes back as it was, with its history. CONFLICT when its id is taken. */
NIMA_MUST_USE nima_rc nima_goal_restore(struct nima_ctx *ctx, struct nima_store *store,
                                        const struct nima_goal *goal,
                                        const struct nima_goal_entries *history,
                                        struct nima_goal *out);
/* The last `limit` rows (1..1000, 0 is 1000), oldest first. */
NIMA_MUST_USE nima_rc nima_goal_history(struct nima_ctx *ctx, struct nima_store *store, nima_str id,
                                        int limit, struct nima_goal_entries *out);
