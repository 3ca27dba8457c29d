#pragma once
/*
 * goals: what a person wants to reach: milestones, progress with its history, the pace and the
 * day it points to, alerts, and suggestions with their evidence.
 *
 * Lifetime   One per process; made after store and llm, freed before them.
 * Ownership  Results live in ctx->arena.
 * Threads    Any worker. Two changes of one goal at once are put in line, and both are in its
 *            history.
 * Scope      Always ctx->user_id.
 * Errors     INVALID with the field, NOT_FOUND; STORE and MODEL come through from below.
 *
 * Progress and status go together: a goal is completed exactly when its progress is 1.
 *   - with milestones, progress is completed / total after each change of them
 *   - a progress that is told outright stands until the next milestone
 *   - a goal with an amount: (amount - start) / (target - start), after each amount that is told.
 * Of a weight, a first amount above the target is where it starts ("70 kg" from 82)
 *   - status "completed" is the explicit word: progress becomes 1
 *   - anything that brings a completed goal below 1, or status "active", opens it again: progress
 * is what its milestones say, or what it was before the end. History is kept.
 *   - a paused goal stays paused while it advances, until it is completed or opened
 */
#include "llm/llm.h"
#include "store/goals.h"

struct nima_zone;
struct nima_goals;

enum {
    NIMA_GOAL_TITLE_MAX = 300,
    NIMA_GOAL_TEXT_MAX = 8000,
    NIMA_GOAL_NOTE_MAX = 2000,
    NIMA_GOAL_UNIT_MAX = 40
};
#define NIMA_GOAL_AMOUNT_MAX 1e12

/* Borrows both. */
struct nima_goals *nima_goals_new(struct nima_store *store, struct nima_llm *llm);
void nima_goals_free(struct nima_goals *goals);

/* title, description, deadline, milestones' titles. */
NIMA_MUST_USE nima_rc nima_goals_add(struct nima_ctx *ctx, struct nima_goals *goals,
                                     const struct nima_goal *goal, struct nima_goal *out);
NIMA_MUST_USE nima_rc nima_goals_get(struct nima_ctx *ctx, struct nima_goals *goals, nima_str id,
                                     struct nima_goal *out);
NIMA_MUST_USE nima_rc nima_goals_list(struct nima_ctx *ctx, struct nima_goals *goals,
                                      nima_str status, int limit, nima_str cursor,
                                      struct nima_goal_rows *out);
NIMA_MUST_USE nima_rc nima_goals_drop(struct nima_ctx *ctx, struct nima_goals *goals, nima_str id);

struct nima_goal_edit { /* absent, or has_… false: stays */
    nima_str title, description, status;
    bool has_deadline, has_progress, has_count;
    int64_t deadline; /* 0: none any more */
    double progress;
    struct nima_goal_amount count; /* `there` false: it is not counted any more */
};
NIMA_MUST_USE nima_rc nima_goals_edit(struct nima_ctx *ctx, struct nima_goals *goals, nima_str id,
                                      const struct nima_goal_edit *edit, struct nima_goal *out);

/* A step forward (or back): a progress, a milestone, a note, any of them. */
struct nima_goal_step {
    bool has_progress;
    double progress;
    bool has_amount, has_add; /* of a goal that is counted: all of it, or so much more */
    double amount, add;
    nima_str unit;         /* of these, as it was said; another than the goal's is INVALID */
    nima_str milestone_id; /* absent: none */
    bool completed;        /* of the milestone */
    nima_str note;         /* absent: none */
};
NIMA_MUST_USE nima_rc nima_goals_advance(struct nima_ctx *ctx, struct nima_goals *goals,
                                         nima_str id, const struct nima_goal_step *step,
                                         struct nima_goal *out);

/* "euros" and "EUR", "book" and "books"; an absent one goes with all. */
bool nima_goals_same_unit(nima_str a, nima_str b);
/* "2 May 2027"; zone NULL: UTC. */
nima_str nima_goals_day(struct nima_ctx *ctx, const struct nima_zone *zone, int64_t unix_ms);
/* How the goal goes, in sentences. */
NIMA_MUST_USE nima_rc nima_goals_told(struct nima_ctx *ctx, struct nima_goals *goals,
                                      const struct nima_zone *zone, nima_str id, nima_str *out);
/* "5,000", "1.2", as an amount is written. */
nima_str nima_goals_number(struct nima_ctx *ctx, double value);

/* Adds milestones at the end; `titles` up to NIMA_MILESTONES_MAX in all. */
NIMA_MUST_USE nima_rc nima_goals_add_milestones(struct nima_ctx *ctx, struct nima_goals *goals,
                                                nima_str id, const nima_str *titles, size_t count,
                                                struct nima_goal *out);
struct nima_milestone_edit {
    nima_str id, title; /* title absent: stays */
    bool has_completed, completed;
    bool has_position;
    int64_t position; /* 0: first */
};
NIMA_MUST_USE nima_rc nima_goals_edit_milestone(struct nima_ctx *ctx, struct nima_goals *goals,
                                                nima_str id, const struct nima_milestone_edit *edit,
                                                struct nima_goal *out);
NIMA_MUST_USE nima_rc nima_goals_drop_milestone(struct nima_ctx *ctx, struct nima_goals *goals,
                                                nima_str id, nima_str milestone_id,
                                                struct nima_goal *out);

/* How it went, and where that leads.
 *
 *   pace       progress gained over the last 28 days in which the goal was active, per week
 *   projected  now + (1 - progress) / pace
 *   needed     (1 - progress) / weeks left
 *   state      "completed" | "paused" | "overdue" (the deadline is past) | "slipping" (a quarter of
 *              the time is over, and the pace leads past the deadline, or there is none) |
 *              "on_track" (there is a deadline) | "open" (there is none) */
struct nima_goal_course {
    struct nima_goal goal;
    struct nima_goal_entries history;
    bool has_pace, has_needed;
    double pace_per_week, needed_per_week;
    int64_t projected; /* 0: nothing to go by */
    nima_str state;
};
NIMA_MUST_USE nima_rc nima_goals_course(struct nima_ctx *ctx, struct nima_goals *goals, nima_str id,
                                        struct nima_goal_course *out);

/* Goals of this person that have become overdue or slipping since the last call, so many at once:
 * the others follow with the next calls. The newest 10,000 are looked at. Each is told once
 * for each deadline, also when several processes ask: the history has a row of kind "alert", and in
 * the same transaction the person's conversation for reminders a message, its days by `zone`. */
enum { NIMA_GOAL_ALERTS_AT_ONCE = 10 };
struct nima_goal_alert {
    nima_str goal_id, title, state; /* "overdue" | "slipping" */
    int64_t deadline, projected;
    double progress;
    nima_str text; /* as the person is told */
};
struct nima_goal_alerts {
    struct nima_goal_alert *items;
    size_t count;
};
/* `tell` (NULL: nobody) is called just before one is told, also again when the process died between
 * the two, or when another process tells it at the same time; it makes the same of the same alert.
 */
typedef nima_rc (*nima_goal_alert_tell)(struct nima_ctx *ctx, void *user,
                                        const struct nima_goal_alert *alert);
NIMA_MUST_USE nima_rc nima_goals_alerts(struct nima_ctx *ctx, struct nima_goals *goals,
                                        const struct nima_zone *zone, nima_goal_alert_tell tell,
                                        void *user, struct nima_goal_alerts *out);

/* Suggestions */

/* What others know that bears on the goal. */
enum nima_goal_hint_kind { NIMA_HINT_FACT, NIMA_HINT_PACK, NIMA_HINT_TASK };
struct nima_goal_hint {
    enum nima_goal_hint_kind kind;
    nima_str id, text;
    nima_str of; /* a pack's fact: the pack's id; a task: its status */
};
struct nima_goals_known {
    const struct nima_goal_hint *items; /* of each kind, best first */
    size_t count;
    const struct nima_zone *zone; /* the person's, for days in the text; NULL: UTC */
    bool files;                   /* a file may be written, or proposed to be */
};
/* A task that would do it, as nima_tasks_request has it. */
struct nima_goal_task {
    nima_str type, action, params;
};
struct nima_goal_suggestion {
    nima_str key; /* what it is known by when it is accepted or dismissed */
    nima_str action, reason;
    struct {
        nima_str *items;
        size_t count;
    } evidence;  /* ids of milestones, facts, packs and their facts, tasks, rows of history, this
                    goal  and others of its kind */
    int64_t due; /* 0: none */
    const struct nima_milestones *steps; /* those it proposes; NULL: none */
    struct nima_goal_task *task;         /* NULL: none */
    nima_str subject;                    /* the words that no other wording may lose */
    bool worded;                         /* by the model */
};
struct nima_goal_suggestions {
    struct nima_goal_suggestion *items; /* best first */
    size_t count;
};
/* What to do next, by rules: the next milestone and when; a date that is past; a goal that stands
 * still; what goals of the same kind teach, finished and stalled ones; what is known that bears on
 * it. Each has evidence. `known` NULL: nothing.
 *
 * Where the chat model can, it finds other words for the same in the background, for the next time;
 * words that lose or add anything are not taken. */
NIMA_MUST_USE nima_rc nima_goals_suggest(struct nima_ctx *ctx, struct nima_goals *goals,
                                         nima_str id, const struct nima_goals_known *known,
                                         struct nima_goal_suggestions *out);
/* Which models word suggestions, AUTO until it is set; to be set before the first are asked for. */
void nima_goals_wording(struct nima_goals *goals, enum nima_llm_use use);
/* Drops the model's words of ctx->user_id; waits until none are under way. */
void nima_goals_forget(struct nima_ctx *ctx, struct nima_goals *goals);
/* The suggestion was accepted or dismissed and does not come back. With `add` it becomes a
 * milestone, or as many as it proposes. */
NIMA_MUST_USE nima_rc nima_goals_settle(struct nima_ctx *ctx, struct nima_goals *goals, nima_str id,
                                        const struct nima_goal_suggestion *suggestion, bool add,
                                        struct nima_goal *out);

/* Goals in chat, by rules: "I want to run a half marathon by May", "I finished chapter 3", "how is
 * the thesis going?", "pause the thesis", "undo that". */
struct nima_goals_heard;
struct nima_goals_ask {
    nima_str message;
    const struct nima_zone *zone; /* the person's */
    nima_str last_actions;        /* of the reply before, a JSON array; absent: none */
    nima_str last_message;        /* of the person, before this one; absent: none */
    nima_str last_reply;          /* to it; absent: none */
};
/* Without looking at any goal: whether the message may be a wish at all. */
bool nima_goals_asked(struct nima_ctx *ctx, nima_str message);
/* Whether it may answer "which one do you mean?", where that was asked: it is short. */
bool nima_goals_short(nima_str message);
/* *out NULL: the message asks nothing of the goals that there are. */
NIMA_MUST_USE nima_rc nima_goals_hear(struct nima_ctx *ctx, struct nima_goals *goals,
                                      const struct nima_goals_ask *ask,
                                      struct nima_goals_heard **out);
struct nima_goals_reply {
    nima_str text;
    nima_str actions; /* a JSON array; absent: nothing was done */
    nima_str changed; /* the goal that was changed; absent: none */
    bool made;        /* it was not there before */
};
/* Carries it out and says so, or asks back. */
NIMA_MUST_USE nima_rc nima_goals_answer(struct nima_ctx *ctx, struct nima_goals *goals,
                                        const struct nima_goals_heard *heard,
                                        struct nima_goals_reply *out);

/* Active goals that bear on a message, by words of title and milestones, and by nearness of the
 * title where there is an embedding model. */
struct nima_goal_near {
    struct nima_goal goal;
    double score, keyword, vector; /* 0..1 */
};
struct nima_goals_near {
    struct nima_goal_near *items; /* best first */
    size_t count;
};
NIMA_MUST_USE nima_rc nima_goals_near(struct nima_ctx *ctx, struct nima_goals *goals,
                                      nima_str message, size_t limit, struct nima_goals_near *out);
/* "Write the thesis: 40 %, 1 of 4 milestones done, next: Chapter 2, due 2027-05-01", on one line.
 */
nima_str nima_goal_line(struct nima_ctx *ctx, const struct nima_goal *goal);
