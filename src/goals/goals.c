/*
 * Goals and their changes: what each does to progress and status. Rules run inside the store's
 * transaction on a copy of the goal, maybe twice, so they touch nothing else.
 */
#include "goals/goals.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "goals/advice_int.h"

struct nima_goals *nima_goals_new(struct nima_store *store, struct nima_llm *llm)
{
    struct nima_goals *goals = calloc(1, sizeof(*goals));
    nima_assert(goals != NULL);
    goals->store = store;
    goals->llm = llm;
    goals->wording = nima_wording_new(llm);
    return goals;
}

void nima_goals_free(struct nima_goals *goals)
{
    if (goals != NULL) {
        nima_wording_free(goals->wording);
    }
    free(goals);
}

/* Checks */

static nima_rc check_text(struct nima_ctx *ctx, const char *field, nima_str text, size_t chars_max)
{
    if (!nima_utf8_valid(text) || nima_utf8_blank(text)) {
        return nima_fail_field(ctx, NIMA_E_INVALID, field, "%s must be text that is not blank",
                               field);
    }
    if (nima_utf8_count(text) > chars_max) {
        return nima_fail_field(ctx, NIMA_E_INVALID, field, "%s must have at most %zu characters",
                               field, chars_max);
    }
    return NIMA_OK;
}

static nima_rc check_maybe(struct nima_ctx *ctx, const char *field, nima_str text, size_t chars_max)
{
    return text.ptr == NULL || text.len == 0 ? NIMA_OK : check_text(ctx, field, text, chars_max);
}

static nima_rc check_progress(struct nima_ctx *ctx, double progress)
{
    if (!(progress >= 0 && progress <= 1)) {
        return nima_fail_field(ctx, NIMA_E_INVALID, "progress", "progress must be 0 to 1");
    }
    return NIMA_OK;
}

static nima_rc check_status(struct nima_ctx *ctx, nima_str status)
{
    if (nima_str_eq(status, NIMA_GOAL_ACTIVE) || nima_str_eq(status, NIMA_GOAL_COMPLETED) ||
        nima_str_eq(status, NIMA_GOAL_PAUSED)) {
        return NIMA_OK;
    }
    return nima_fail_field(ctx, NIMA_E_INVALID, "status",
                           "status must be active, completed or paused");
}

static nima_rc too_many(struct nima_ctx *ctx)
{
    return nima_fail_field(ctx, NIMA_E_INVALID, "milestones",
                           "a goal has at most %d milestones; split it into several goals",
                           NIMA_MILESTONES_MAX);
}

/* Progress and status */

size_t nima_goal_steps_done(const struct nima_goal *goal)
{
    size_t done = 0;
    for (size_t i = 0; i < goal->milestones.count; i++) {
        done += goal->milestones.items[i].completed;
    }
    return done;
}

static double by_milestones(const struct nima_goal *goal)
{
    size_t total = goal->milestones.count;
    return total > 0 ? (double)nima_goal_steps_done(goal) / (double)total : 0;
}

/* Sets the progress and what follows from it for the status. */
static void set_progress(struct nima_ctx *ctx, struct nima_goal *goal, double progress)
{
    goal->progress = progress;
    if (progress >= 1) {
        goal->progress = 1;
        if (!nima_goal_is(goal, NIMA_GOAL_COMPLETED)) {
            goal->status = NIMA_GOAL_COMPLETED;
            goal->completed_at = nima_ctx_now(ctx);
        }
    } else if (nima_goal_is(goal, NIMA_GOAL_COMPLETED)) {
        goal->status = NIMA_GOAL_ACTIVE;
        goal->completed_at = 0;
    }
}

static struct nima_milestone *milestone_of(struct nima_goal *goal, nima_str id)
{
    for (size_t i = 0; i < goal->milestones.count; i++) {
        if (nima_str_eq_nocase(goal->milestones.items[i].id, id)) {
            return &goal->milestones.items[i];
        }
    }
    return NULL;
}

static nima_rc no_milestone(struct nima_ctx *ctx)
{
    return nima_fail_field(ctx, NIMA_E_NOT_FOUND, "milestone_id",
                           "this goal has no such milestone");
}

/* Amounts */

/* Words and signs of one currency or measure; units are compared by the first of each row. */
static const char *const same_units[][8] = {
    {"euro", "euros", "eur", "€", NULL},
    {"dollar", "dollars", "usd", "$", "bucks", NULL},
    {"pound", "pounds", "gbp", "£", "quid", NULL},
    {"kg", "kilo", "kilos", "kilogram", "kilograms", "kgs", NULL},
    {"km", "kilometre", "kilometres", "kilometer", "kilometers", "k", NULL},
    {"hour", "hours", "h", "hrs", NULL},
    {"minute", "minutes", "min", "mins", NULL},
};

static nima_str unit_key(nima_str unit)
{
    unit = nima_str_trim(unit);
    for (size_t i = 0; i < sizeof(same_units) / sizeof(same_units[0]); i++) {
        for (size_t n = 0; same_units[i][n] != NULL; n++) {
            if (nima_str_eq_nocase(unit, nima_str_of(same_units[i][n]))) {
                return nima_str_of(same_units[i][0]);
            }
        }
    }
    bool plural = unit.len > 2 && nima_str_ends(unit, NIMA_STR("s"));
    return nima_str_sub(unit, 0, unit.len - plural);
}

bool nima_goals_same_unit(nima_str a, nima_str b)
{
    return a.len == 0 || b.len == 0 || nima_str_eq_nocase(unit_key(a), unit_key(b));
}

static nima_rc check_count(struct nima_ctx *ctx, const struct nima_goal_amount *count)
{
    if (!count->there) {
        return NIMA_OK;
    }
    NIMA_TRY(check_maybe(ctx, "unit", count->unit, NIMA_GOAL_UNIT_MAX));
    bool finite = isfinite(count->target) && isfinite(count->amount) && isfinite(count->start);
    if (!finite || fabs(count->target) > NIMA_GOAL_AMOUNT_MAX || count->target < 0 ||
        fabs(count->target - count->start) < 1e-9) {
        return nima_fail_field(ctx, NIMA_E_INVALID, "target",
                               "target must be a number of 0 or more, other than where it starts");
    }
    return NIMA_OK;
}

static double by_amount(const struct nima_goal_amount *count)
{
    double share = (count->amount - count->start) / (count->target - count->start);
    return share < 0 ? 0 : share > 1 ? 1 : share;
}

/* What people have too much of rather than too little. */
static bool is_weight(nima_str unit)
{
    nima_str key = unit_key(unit);
    return nima_str_eq(key, NIMA_STR("kg")) || nima_str_eq(key, NIMA_STR("pound")) ||
           nima_str_eq_nocase(key, NIMA_STR("lb")) || nima_str_eq_nocase(key, NIMA_STR("stone"));
}

/* Takes an amount. Of a weight the first one above the target is where the goal starts from. */
static void set_amount(struct nima_ctx *ctx, struct nima_goal *goal, double amount)
{
    struct nima_goal_amount *count = &goal->count;
    bool first = fabs(count->amount - count->start) < 1e-9;
    if (first && fabs(count->start) < 1e-9 && amount > count->target && is_weight(count->unit)) {
        count->start = amount;
    }
    count->amount = amount;
    set_progress(ctx, goal, by_amount(count));
}

/* Adding, looking up */

nima_rc nima_goals_add(struct nima_ctx *ctx, struct nima_goals *goals, const struct nima_goal *goal,
                       struct nima_goal *out)
{
    struct nima_goal made = *goal;
    NIMA_TRY(check_text(ctx, "title", goal->title, NIMA_GOAL_TITLE_MAX));
    NIMA_TRY(check_maybe(ctx, "description", goal->description, NIMA_GOAL_TEXT_MAX));
    if (goal->milestones.count > NIMA_MILESTONES_MAX) {
        return too_many(ctx);
    }
    for (size_t i = 0; i < goal->milestones.count; i++) {
        NIMA_TRY(check_text(ctx, nima_fmt(ctx, "milestones[%zu]", i).ptr,
                            goal->milestones.items[i].title, NIMA_GOAL_TITLE_MAX));
    }
    NIMA_TRY(check_count(ctx, &goal->count));
    made.status = NIMA_GOAL_ACTIVE;
    made.progress = 0;
    made.completed_at = 0;
    if (made.count.there) {
        set_progress(ctx, &made, by_amount(&made.count));
    }
    return nima_goal_create(ctx, goals->store, &made, out);
}

nima_rc nima_goals_get(struct nima_ctx *ctx, struct nima_goals *goals, nima_str id,
                       struct nima_goal *out)
{
    return nima_goal_get(ctx, goals->store, id, out);
}

nima_rc nima_goals_list(struct nima_ctx *ctx, struct nima_goals *goals, nima_str status, int limit,
                        nima_str cursor, struct nima_goal_rows *out)
{
    return nima_goal_list(ctx, goals->store, status, limit, cursor, out);
}

nima_rc nima_goals_drop(struct nima_ctx *ctx, struct nima_goals *goals, nima_str id)
{
    return nima_goal_delete(ctx, goals->store, id);
}

/* Editing */

/* A goal that is opened again is as far as its milestones say, or as far as it was before its end.
 */
static void set_status(struct nima_ctx *ctx, struct nima_goal *goal, nima_str status, double before)
{
    if (nima_str_eq(status, NIMA_GOAL_COMPLETED)) {
        set_progress(ctx, goal, 1);
        return;
    }
    if (nima_goal_is(goal, NIMA_GOAL_COMPLETED)) {
        double progress = goal->milestones.count > 0 ? by_milestones(goal) : before;
        goal->progress = progress < 1 ? progress : before;
        goal->completed_at = 0;
    }
    goal->status = status;
}

struct edit {
    const struct nima_goal_edit *edit;
    double before; /* the last progress below 1 */
};

static nima_rc edit_rule(struct nima_ctx *ctx, void *arg, struct nima_goal *goal,
                         struct nima_goal_entry *entry)
{
    const struct edit *job = arg;
    const struct nima_goal_edit *edit = job->edit;
    nima_str before = goal->status;
    double progress = goal->progress;
    goal->title = edit->title.ptr != NULL ? edit->title : goal->title;
    if (edit->description.ptr != NULL) {
        goal->description = edit->description.len > 0 ? edit->description : (nima_str){0};
    }
    goal->deadline = edit->has_deadline ? edit->deadline : goal->deadline;
    if (edit->status.ptr != NULL && !nima_str_eq(edit->status, goal->status)) {
        set_status(ctx, goal, edit->status, job->before);
    }
    if (edit->has_count) {
        goal->count = edit->count;
        if (goal->count.there) {
            set_progress(ctx, goal, by_amount(&goal->count));
        }
    }
    if (edit->has_progress) {
        set_progress(ctx, goal, edit->progress);
    }
    if (!nima_str_eq(before, goal->status)) {
        entry->kind = NIMA_STR("status");
    } else if (fabs(progress - goal->progress) > 0) {
        entry->kind = NIMA_STR("progress");
    } else {
        entry->kind = NIMA_STR("edited");
    }
    return NIMA_OK;
}

/* The progress a goal without milestones falls back to when it is opened again. */
static nima_rc progress_before(struct nima_ctx *ctx, struct nima_goals *goals, nima_str id,
                               double *out)
{
    struct nima_goal_entries history;
    NIMA_TRY(nima_goal_history(ctx, goals->store, id, 0, &history));
    *out = 0;
    for (size_t i = history.count; i > 0; i--) {
        if (history.items[i - 1].progress < 1) {
            *out = history.items[i - 1].progress;
            break;
        }
    }
    return NIMA_OK;
}

nima_rc nima_goals_edit(struct nima_ctx *ctx, struct nima_goals *goals, nima_str id,
                        const struct nima_goal_edit *edit, struct nima_goal *out)
{
    struct edit job = {.edit = edit};
    if (edit->title.ptr != NULL) {
        NIMA_TRY(check_text(ctx, "title", edit->title, NIMA_GOAL_TITLE_MAX));
    }
    NIMA_TRY(check_maybe(ctx, "description", edit->description, NIMA_GOAL_TEXT_MAX));
    if (edit->has_count) {
        NIMA_TRY(check_count(ctx, &edit->count));
    }
    if (edit->has_progress) {
        NIMA_TRY(check_progress(ctx, edit->progress));
    }
    if (edit->status.ptr != NULL) {
        NIMA_TRY(check_status(ctx, edit->status));
        if (edit->has_progress &&
            nima_str_eq(edit->status, NIMA_GOAL_COMPLETED) != (edit->progress >= 1)) {
            return nima_fail_field(ctx, NIMA_E_INVALID, "progress",
                                   "a completed goal has progress 1, any other one less");
        }
        NIMA_TRY(progress_before(ctx, goals, id, &job.before));
    }
    return nima_goal_change(ctx, goals->store, id, edit_rule, &job, out);
}

/* Advancing */

static nima_rc check_step_amount(struct nima_ctx *ctx, const struct nima_goal_step *step,
                                 const struct nima_goal *goal)
{
    double value = step->has_amount ? step->amount : step->add;
    const char *field = step->has_amount ? "amount" : "add";
    if (!goal->count.there) {
        return nima_fail_field(ctx, NIMA_E_INVALID, field,
                               "this goal has no amount; give it a target first");
    }
    if (!isfinite(value) || fabs(value) > NIMA_GOAL_AMOUNT_MAX ||
        fabs(goal->count.amount + value) > NIMA_GOAL_AMOUNT_MAX) {
        return nima_fail_field(ctx, NIMA_E_INVALID, field, "%s is beyond range", field);
    }
    if (!nima_goals_same_unit(step->unit, goal->count.unit)) {
        return nima_fail_field(ctx, NIMA_E_INVALID, "unit",
                               "this goal counts " NIMA_FMT ", not " NIMA_FMT,
                               NIMA_ARG(goal->count.unit), NIMA_ARG(step->unit));
    }
    return NIMA_OK;
}

static nima_rc step_rule(struct nima_ctx *ctx, void *arg, struct nima_goal *goal,
                         struct nima_goal_entry *entry)
{
    const struct nima_goal_step *step = arg;
    entry->kind = NIMA_STR("progress");
    entry->note = step->note;
    if (step->milestone_id.ptr != NULL) {
        struct nima_milestone *milestone = milestone_of(goal, step->milestone_id);
        if (milestone == NULL) {
            return no_milestone(ctx);
        }
        milestone->completed = step->completed;
        entry->kind = NIMA_STR("milestone");
        entry->milestone_id = milestone->id;
        set_progress(ctx, goal, by_milestones(goal));
    }
    if (step->has_amount || step->has_add) {
        NIMA_TRY(check_step_amount(ctx, step, goal));
        set_amount(ctx, goal, step->has_amount ? step->amount : goal->count.amount + step->add);
    }
    if (step->has_progress) {
        set_progress(ctx, goal, step->progress);
    }
    return NIMA_OK;
}

nima_rc nima_goals_advance(struct nima_ctx *ctx, struct nima_goals *goals, nima_str id,
                           const struct nima_goal_step *step, struct nima_goal *out)
{
    struct nima_goal_step job = *step;
    NIMA_TRY(check_maybe(ctx, "note", step->note, NIMA_GOAL_NOTE_MAX));
    if (step->has_progress) {
        NIMA_TRY(check_progress(ctx, step->progress));
    }
    if (step->has_amount && step->has_add) {
        return nima_fail_field(ctx, NIMA_E_INVALID, "amount", "give amount or add, not both");
    }
    if (!step->has_progress && step->milestone_id.ptr == NULL && step->note.len == 0 &&
        !step->has_amount && !step->has_add) {
        return nima_fail_field(ctx, NIMA_E_INVALID, "progress",
                               "give a progress, an amount, a milestone_id or a note");
    }
    return nima_goal_change(ctx, goals->store, id, step_rule, &job, out);
}

/* Milestones */

struct more {
    const nima_str *titles;
    size_t count;
};

nima_rc nima_goal_more_steps(struct nima_ctx *ctx, struct nima_goal *goal, const nima_str *titles,
                             size_t count)
{
    struct nima_milestones all = {.count = goal->milestones.count};
    if (goal->milestones.count + count > NIMA_MILESTONES_MAX) {
        return too_many(ctx);
    }
    all.items = NIMA_NEW(ctx->arena, struct nima_milestone, all.count + count);
    for (size_t i = 0; i < all.count; i++) {
        all.items[i] = goal->milestones.items[i];
    }
    for (size_t i = 0; i < count; i++) {
        all.items[all.count++] = (struct nima_milestone){.title = titles[i]};
    }
    goal->milestones = all;
    set_progress(ctx, goal, by_milestones(goal));
    return NIMA_OK;
}

static nima_rc more_rule(struct nima_ctx *ctx, void *arg, struct nima_goal *goal,
                         struct nima_goal_entry *entry)
{
    const struct more *job = arg;
    entry->kind = NIMA_STR("edited");
    return nima_goal_more_steps(ctx, goal, job->titles, job->count);
}

nima_rc nima_goals_add_milestones(struct nima_ctx *ctx, struct nima_goals *goals, nima_str id,
                                  const nima_str *titles, size_t count, struct nima_goal *out)
{
    struct more job = {titles, count};
    for (size_t i = 0; i < count; i++) {
        NIMA_TRY(check_text(ctx, "title", titles[i], NIMA_GOAL_TITLE_MAX));
    }
    return nima_goal_change(ctx, goals->store, id, more_rule, &job, out);
}

static void move(struct nima_milestones *all, size_t from, size_t to)
{
    struct nima_milestone moved = all->items[from];
    if (from < to) {
        memmove(&all->items[from], &all->items[from + 1], (to - from) * sizeof(moved));
    } else {
        memmove(&all->items[to + 1], &all->items[to], (from - to) * sizeof(moved));
    }
    all->items[to] = moved;
}

static nima_rc milestone_rule(struct nima_ctx *ctx, void *arg, struct nima_goal *goal,
                              struct nima_goal_entry *entry)
{
    const struct nima_milestone_edit *edit = arg;
    struct nima_milestone *milestone = milestone_of(goal, edit->id);
    if (milestone == NULL) {
        return no_milestone(ctx);
    }
    entry->kind = NIMA_STR("edited");
    entry->milestone_id = milestone->id;
    milestone->title = edit->title.ptr != NULL ? edit->title : milestone->title;
    if (edit->has_completed && edit->completed != milestone->completed) {
        milestone->completed = edit->completed;
        entry->kind = NIMA_STR("milestone");
        set_progress(ctx, goal, by_milestones(goal));
    }
    if (edit->has_position) {
        size_t last = goal->milestones.count - 1;
        size_t to = (size_t)edit->position < last ? (size_t)edit->position : last;
        move(&goal->milestones, (size_t)(milestone - goal->milestones.items), to);
    }
    return NIMA_OK;
}

nima_rc nima_goals_edit_milestone(struct nima_ctx *ctx, struct nima_goals *goals, nima_str id,
                                  const struct nima_milestone_edit *edit, struct nima_goal *out)
{
    struct nima_milestone_edit job = *edit;
    if (edit->title.ptr != NULL) {
        NIMA_TRY(check_text(ctx, "title", edit->title, NIMA_GOAL_TITLE_MAX));
    }
    if (edit->has_position && edit->position < 0) {
        return nima_fail_field(ctx, NIMA_E_INVALID, "position", "position must be 0 or more");
    }
    return nima_goal_change(ctx, goals->store, id, milestone_rule, &job, out);
}

static nima_rc drop_rule(struct nima_ctx *ctx, void *arg, struct nima_goal *goal,
                         struct nima_goal_entry *entry)
{
    const nima_str *id = arg;
    struct nima_milestone *milestone = milestone_of(goal, *id);
    if (milestone == NULL) {
        return no_milestone(ctx);
    }
    entry->kind = NIMA_STR("edited");
    entry->milestone_id = milestone->id;
    move(&goal->milestones, (size_t)(milestone - goal->milestones.items),
         goal->milestones.count - 1);
    goal->milestones.count--;
    if (goal->milestones.count > 0) {
        set_progress(ctx, goal, by_milestones(goal));
    }
    return NIMA_OK;
}

nima_rc nima_goals_drop_milestone(struct nima_ctx *ctx, struct nima_goals *goals, nima_str id,
                                  nima_str milestone_id, struct nima_goal *out)
{
    return nima_goal_change(ctx, goals->store, id, drop_rule, &milestone_id, out);
}
