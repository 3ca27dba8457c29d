/* Goals: contract section 8. */
#include "api/api_int.h"
#include "goals/goals.h"
#include "orchestrator/orchestrator.h"
#include "util/log.h"

/* A goal as it goes out */

static const struct nima_field milestone_fields[] = {
    NIMA_FIELD(UUID, struct nima_milestone, id, .required = true, .doc = "The milestone's id."),
    NIMA_FIELD(STR, struct nima_milestone, title, .required = true, .doc = "What is to be done."),
    NIMA_FIELD(BOOL, struct nima_milestone, completed, .required = true, .doc = "Whether it is."),
    NIMA_FIELD(TIME, struct nima_milestone, completed_at, .nullable = true,
               .has = NIMA_HAS(struct nima_milestone, completed), .doc = "Since when."),
};
static const struct nima_shape milestone_shape = NIMA_SHAPE(
    "Milestone", struct nima_milestone, milestone_fields, .doc = "A step towards a goal.");

struct goal_out {
    struct nima_goal goal;
    bool has_deadline, has_completed_at;
};
static const char *const statuses[] = {"active", "completed", "paused", NULL};
#define GOAL_FIELDS(type, member)                                                                  \
    NIMA_FIELD_AS(UUID, "id", type, member.id, .required = true, .doc = "The goal's id."),         \
        NIMA_FIELD_AS(STR, "user_id", type, member.user_id, .required = true, .doc = "Whose."),    \
        NIMA_FIELD_AS(STR, "title", type, member.title, .required = true,                          \
                      .doc = "What is to be reached."),                                            \
        NIMA_FIELD_AS(STR, "description", type, member.description, .nullable = true,              \
                      .doc = "More about it."),                                                    \
        NIMA_FIELD_AS(STR, "status", type, member.status, .required = true, .choices = statuses,   \
                      .doc = "Completed exactly when progress is 1."),                             \
        NIMA_FIELD_AS(NUM, "progress", type, member.progress, .required = true, .low = 0,          \
                      .high = 1, .doc = "How far it is."),                                         \
        NIMA_FIELD_AS(NUM, "target", type, member.count.target, .nullable = true,                  \
                      .has = NIMA_HAS(type, member.count.there),                                   \
                      .doc = "The amount that is to be reached; null: it is not counted."),        \
        NIMA_FIELD_AS(STR, "unit", type, member.count.unit, .nullable = true,                      \
                      .doc = "What is counted."),                                                  \
        NIMA_FIELD_AS(NUM, "amount", type, member.count.amount, .nullable = true,                  \
                      .has = NIMA_HAS(type, member.count.there), .doc = "How much it is now."),    \
        NIMA_FIELD_AS(NUM, "start", type, member.count.start, .nullable = true,                    \
                      .has = NIMA_HAS(type, member.count.there),                                   \
                      .doc = "Where it began: above the target where less is more."),              \
        NIMA_FIELD_AS(LIST, "milestones", type, member.milestones, .required = true,               \
                      .shape = &milestone_shape, .doc = "The steps, in order."),                   \
        NIMA_FIELD_AS(TIME, "created_at", type, member.created_at, .doc = "When it was set."),     \
        NIMA_FIELD_AS(TIME, "updated_at", type, member.updated_at,                                 \
                      .doc = "When it was last changed.")
static const struct nima_field goal_fields[] = {
    GOAL_FIELDS(struct goal_out, goal),
    NIMA_FIELD_AS(TIME, "deadline", struct goal_out, goal.deadline, .nullable = true,
                  .has = NIMA_HAS(struct goal_out, has_deadline), .doc = "By when."),
    NIMA_FIELD_AS(TIME, "completed_at", struct goal_out, goal.completed_at, .nullable = true,
                  .has = NIMA_HAS(struct goal_out, has_completed_at), .doc = "Since when."),
};
static const struct nima_shape goal_shape =
    NIMA_SHAPE("Goal", struct goal_out, goal_fields, .doc = "Something a person wants to reach.");

static void show(const struct nima_goal *goal, struct goal_out *out)
{
    *out = (struct goal_out){*goal, goal->deadline != 0, goal->completed_at != 0};
}

/* What follows from a change. It is stored by then: what fails here does not undo it. */
static void changed(struct nima_ctx *ctx, struct nima_exchange *exchange, nima_str id, bool made)
{
    struct nima_error before = ctx->error;
    if (nima_orchestrator_goal_changed(ctx, nima_api_of(exchange)->orchestrator, id, made) !=
        NIMA_OK) {
        nima_log_warn("a goal has changed, what is remembered of it has not: %s",
                      ctx->error.message);
        ctx->error = before;
    }
}

/* GET and POST /v1/goals */

struct list_in {
    nima_str status, cursor;
    int64_t limit;
};
static const struct nima_field list_in_fields[] = {
    NIMA_FIELD(STR, struct list_in, status, .place = NIMA_IN_QUERY, .choices = statuses,
               .doc = "Only these."),
    NIMA_FIELD(INT, struct list_in, limit, .place = NIMA_IN_QUERY, .min = 1, .max = 500,
               .preset = 50, .doc = "How many at most."),
    NIMA_FIELD(STR, struct list_in, cursor, .place = NIMA_IN_QUERY, .max = 200,
               .doc = "Where to go on: X-Next-Cursor of the reply before."),
};
static const struct nima_shape list_in_shape =
    NIMA_SHAPE("GoalListIn", struct list_in, list_in_fields);

static nima_rc list(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in, void *out)
{
    const struct list_in *wanted = in;
    struct nima_goal_rows rows;
    NIMA_TRY(nima_goals_list(ctx, nima_api_of(exchange)->goals, wanted->status, (int)wanted->limit,
                             wanted->cursor, &rows));
    struct goal_out *shown = NIMA_NEW(ctx->arena, struct goal_out, rows.count);
    for (size_t i = 0; i < rows.count; i++) {
        show(&rows.items[i], &shown[i]);
    }
    nima_exchange_next_cursor(exchange, rows.next_cursor);
    *(struct nima_list *)out = (struct nima_list){shown, rows.count};
    return NIMA_OK;
}

#define COUNT_FIELDS(type, member)                                                                 \
    NIMA_FIELD_AS(NUM, "target", type, member.target, .has = NIMA_HAS(type, member.there),         \
                  .doc = "The amount that is to be reached."),                                     \
        NIMA_FIELD_AS(STR, "unit", type, member.unit, .max = NIMA_GOAL_UNIT_MAX,                   \
                      .doc = "What is counted: euros, books, kg."),                                \
        NIMA_FIELD_AS(NUM, "amount", type, member.amount, .doc = "How much it is now."),           \
        NIMA_FIELD_AS(NUM, "start", type, member.start, .doc = "Where it begins; 0 when absent.")

struct create_in {
    nima_str title, description;
    struct nima_goal_amount count;
    int64_t deadline;
    struct {
        nima_str *items;
        size_t count;
    } milestones;
};
static const struct nima_field create_fields[] = {
    NIMA_FIELD(STR, struct create_in, title, .required = true, .max = NIMA_GOAL_TITLE_MAX,
               .doc = "What is to be reached."),
    NIMA_FIELD(STR, struct create_in, description, .max = NIMA_GOAL_TEXT_MAX,
               .doc = "More about it."),
    NIMA_FIELD(TIME, struct create_in, deadline, .doc = "By when; may be past."),
    NIMA_FIELD(STR_LIST, struct create_in, milestones, .max = NIMA_MILESTONES_MAX,
               .doc = "Titles of the steps, in order."),
    COUNT_FIELDS(struct create_in, count),
};
static const struct nima_shape create_shape =
    NIMA_SHAPE("GoalCreate", struct create_in, create_fields, .doc = "A new goal.");

static nima_rc create(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in,
                      void *out)
{
    const struct create_in *wanted = in;
    struct nima_goal made,
        goal = {.title = wanted->title, .deadline = wanted->deadline, .count = wanted->count};
    if (!goal.count.there && (goal.count.unit.len > 0 || goal.count.amount > 0)) {
        return nima_fail_field(ctx, NIMA_E_INVALID, "target", "an amount needs a target");
    }
    if (goal.count.there && goal.count.start > 0 && !(goal.count.amount > 0)) {
        goal.count.amount = goal.count.start;
    }
    if (wanted->description.len > 0) {
        goal.description = wanted->description;
    }
    goal.milestones.count = wanted->milestones.count;
    goal.milestones.items = NIMA_NEW(ctx->arena, struct nima_milestone, wanted->milestones.count);
    for (size_t i = 0; i < wanted->milestones.count; i++) {
        goal.milestones.items[i].title = wanted->milestones.items[i];
    }
    NIMA_TRY(nima_goals_add(ctx, nima_api_of(exchange)->goals, &goal, &made));
    changed(ctx, exchange, made.id, true);
    show(&made, out);
    return NIMA_OK;
}

/* /v1/goals/{id} */

struct one_in {
    nima_str id;
    struct nima_goal_edit edit;
};
#define ID_FIELD(type)                                                                             \
    NIMA_FIELD(UUID, type, id, .place = NIMA_IN_PATH, .required = true, .doc = "The goal's id.")
static const struct nima_field id_fields[] = {ID_FIELD(struct one_in)};
static const struct nima_shape id_shape = NIMA_SHAPE("GoalId", struct one_in, id_fields);
static const struct nima_field put_fields[] = {
    ID_FIELD(struct one_in),
    NIMA_FIELD_AS(STR, "title", struct one_in, edit.title, .min = 1, .max = NIMA_GOAL_TITLE_MAX,
                  .doc = "The new title."),
    NIMA_FIELD_AS(STR, "description", struct one_in, edit.description, .blank_ok = true,
                  .max = NIMA_GOAL_TEXT_MAX, .doc = "More about it; empty: none."),
    NIMA_FIELD_AS(STR, "status", struct one_in, edit.status, .choices = statuses,
                  .doc = "\"completed\" sets progress to 1; \"active\" opens it again."),
    NIMA_FIELD_AS(TIME, "deadline", struct one_in, edit.deadline, .nullable = true,
                  .has = NIMA_HAS(struct one_in, edit.has_deadline), .doc = "By when; null: none."),
    NIMA_FIELD_AS(NUM, "progress", struct one_in, edit.progress, .low = 0, .high = 1,
                  .has = NIMA_HAS(struct one_in, edit.has_progress), .doc = "How far it is."),
    NIMA_FIELD_AS(NUM, "target", struct one_in, edit.count.target, .nullable = true,
                  .has = NIMA_HAS(struct one_in, edit.has_count),
                  .doc = "The amount that is to be reached; null: it is not counted any more."),
    NIMA_FIELD_AS(STR, "unit", struct one_in, edit.count.unit, .max = NIMA_GOAL_UNIT_MAX,
                  .doc = "What is counted, with a target."),
    NIMA_FIELD_AS(NUM, "amount", struct one_in, edit.count.amount,
                  .doc = "How much it is now, with a target."),
    NIMA_FIELD_AS(NUM, "start", struct one_in, edit.count.start,
                  .doc = "Where it begins, with a target."),
};
static const struct nima_shape put_shape = NIMA_SHAPE(
    "GoalChange", struct one_in, put_fields, .doc = "What of a goal to change; any of it.");

static nima_rc get(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in, void *out)
{
    const struct one_in *wanted = in;
    struct nima_goal goal;
    NIMA_TRY(nima_goals_get(ctx, nima_api_of(exchange)->goals, wanted->id, &goal));
    show(&goal, out);
    return NIMA_OK;
}

/* A new target keeps unit, amount and start unless they are given, too; "target": null ends it. */
static nima_rc whole_count(struct nima_ctx *ctx, struct nima_exchange *exchange, nima_str id,
                           struct nima_goal_edit *edit)
{
    struct nima_goal now;
    struct nima_goal_amount *count = &edit->count;
    if (!edit->has_count) {
        bool part = count->unit.len > 0 || count->amount > 0 || count->start > 0;
        return part ? nima_fail_field(ctx, NIMA_E_INVALID, "target", "an amount needs a target")
                    : NIMA_OK;
    }
    NIMA_TRY(nima_goals_get(ctx, nima_api_of(exchange)->goals, id, &now));
    count->there = count->target > 0 || count->start > 0;
    count->unit = count->unit.len > 0 ? count->unit : now.count.unit;
    count->amount = count->amount > 0 ? count->amount : now.count.amount;
    count->start = count->start > 0 ? count->start : now.count.start;
    return NIMA_OK;
}

static nima_rc put(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in, void *out)
{
    const struct one_in *wanted = in;
    struct nima_goal goal;
    struct nima_goal_edit edit = wanted->edit;
    NIMA_TRY(whole_count(ctx, exchange, wanted->id, &edit));
    NIMA_TRY(nima_goals_edit(ctx, nima_api_of(exchange)->goals, wanted->id, &edit, &goal));
    changed(ctx, exchange, goal.id, false);
    show(&goal, out);
    return NIMA_OK;
}

static nima_rc delete (struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in,
                       void *out)
{
    const struct one_in *wanted = in;
    (void)out;
    NIMA_TRY(nima_goals_drop(ctx, nima_api_of(exchange)->goals, wanted->id));
    changed(ctx, exchange, wanted->id, false);
    return NIMA_OK;
}

/* Progress */

struct step_in {
    nima_str id;
    struct nima_goal_step step;
};
static const struct nima_field step_fields[] = {
    ID_FIELD(struct step_in),
    NIMA_FIELD_AS(NUM, "progress", struct step_in, step.progress, .low = 0, .high = 1,
                  .has = NIMA_HAS(struct step_in, step.has_progress),
                  .doc = "How far the goal is; 1 completes it."),
    NIMA_FIELD_AS(NUM, "amount", struct step_in, step.amount,
                  .has = NIMA_HAS(struct step_in, step.has_amount),
                  .doc = "How much it is now in all, of a goal with a target."),
    NIMA_FIELD_AS(NUM, "add", struct step_in, step.add,
                  .has = NIMA_HAS(struct step_in, step.has_add), .doc = "So much more."),
    NIMA_FIELD_AS(STR, "unit", struct step_in, step.unit, .max = NIMA_GOAL_UNIT_MAX,
                  .doc = "In which unit; refused when the goal counts something else."),
    NIMA_FIELD_AS(UUID, "milestone_id", struct step_in, step.milestone_id,
                  .doc = "A milestone that is done; progress is then completed/total."),
    NIMA_FIELD_AS(BOOL, "completed", struct step_in, step.completed, .preset = 1,
                  .doc = "false: the milestone is open again."),
    NIMA_FIELD_AS(STR, "note", struct step_in, step.note, .max = NIMA_GOAL_NOTE_MAX,
                  .doc = "How it went."),
};
static const struct nima_shape step_shape = NIMA_SHAPE(
    "GoalProgress", struct step_in, step_fields, .doc = "A step: any of these, one at least.");

static nima_rc advance(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in,
                       void *out)
{
    const struct step_in *wanted = in;
    struct nima_goal goal;
    NIMA_TRY(
        nima_goals_advance(ctx, nima_api_of(exchange)->goals, wanted->id, &wanted->step, &goal));
    changed(ctx, exchange, goal.id, false);
    show(&goal, out);
    return NIMA_OK;
}

static const struct nima_field entry_fields[] = {
    NIMA_FIELD(UUID, struct nima_goal_entry, id, .required = true, .doc = "The row's id."),
    NIMA_FIELD(TIME, struct nima_goal_entry, recorded_at, .doc = "When."),
    NIMA_FIELD(STR, struct nima_goal_entry, kind, .required = true,
               .choices = (const char *const[]){"created", "edited", "progress", "milestone",
                                                "status", "alert", NULL},
               .doc = "What happened."),
    NIMA_FIELD(NUM, struct nima_goal_entry, progress, .doc = "How far the goal was after it."),
    NIMA_FIELD(NUM, struct nima_goal_entry, amount,
               .has = NIMA_HAS(struct nima_goal_entry, has_amount),
               .doc = "How much it was after it, of a goal with a target."),
    NIMA_FIELD(STR, struct nima_goal_entry, status, .required = true, .doc = "Its status after."),
    NIMA_FIELD(UUID, struct nima_goal_entry, milestone_id, .doc = "The milestone it was about."),
    NIMA_FIELD(STR, struct nima_goal_entry, note, .doc = "What was said of it."),
};
static const struct nima_shape entry_shape = NIMA_SHAPE(
    "GoalEntry", struct nima_goal_entry, entry_fields, .doc = "Something that happened to a goal.");

struct course_out {
    struct nima_goal_course course;
    bool has_projected;
};
static const struct nima_field course_fields[] = {
    NIMA_FIELD_AS(UUID, "goal_id", struct course_out, course.goal.id, .required = true,
                  .doc = "The goal's id."),
    NIMA_FIELD_AS(NUM, "progress", struct course_out, course.goal.progress, .doc = "How far."),
    NIMA_FIELD_AS(STR, "state", struct course_out, course.state, .required = true,
                  .choices = (const char *const[]){"completed", "paused", "overdue", "slipping",
                                                   "on_track", "open", NULL},
                  .doc = "How it goes; open: there is no deadline."),
    NIMA_FIELD_AS(NUM, "pace_per_week", struct course_out, course.pace_per_week, .nullable = true,
                  .has = NIMA_HAS(struct course_out, course.has_pace),
                  .doc = "Progress a week, of the last 28 days in which it was active."),
    NIMA_FIELD_AS(NUM, "needed_per_week", struct course_out, course.needed_per_week,
                  .nullable = true, .has = NIMA_HAS(struct course_out, course.has_needed),
                  .doc = "Progress a week that it takes to be in time."),
    NIMA_FIELD_AS(TIME, "projected_date", struct course_out, course.projected, .nullable = true,
                  .has = NIMA_HAS(struct course_out, has_projected),
                  .doc = "Where the pace leads."),
    NIMA_FIELD_AS(LIST, "history", struct course_out, course.history, .required = true,
                  .shape = &entry_shape, .doc = "What happened, oldest first; the last 1,000."),
};
static const struct nima_shape course_shape = NIMA_SHAPE(
    "GoalCourse", struct course_out, course_fields, .doc = "How a goal went and where that leads.");

static nima_rc course(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in,
                      void *out)
{
    const struct one_in *wanted = in;
    struct course_out *shown = out;
    NIMA_TRY(nima_goals_course(ctx, nima_api_of(exchange)->goals, wanted->id, &shown->course));
    shown->has_projected = shown->course.projected != 0;
    return NIMA_OK;
}

/* Milestones */

struct milestones_in {
    nima_str id, title;
};
static const struct nima_field milestones_fields[] = {
    ID_FIELD(struct milestones_in),
    NIMA_FIELD(STR, struct milestones_in, title, .required = true, .max = NIMA_GOAL_TITLE_MAX,
               .doc = "What is to be done."),
};
static const struct nima_shape milestones_shape = NIMA_SHAPE(
    "MilestoneCreate", struct milestones_in, milestones_fields, .doc = "A milestone to add.");

static nima_rc add_milestone(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in,
                             void *out)
{
    const struct milestones_in *wanted = in;
    struct nima_goal goal;
    NIMA_TRY(nima_goals_add_milestones(ctx, nima_api_of(exchange)->goals, wanted->id,
                                       &wanted->title, 1, &goal));
    changed(ctx, exchange, goal.id, false);
    show(&goal, out);
    return NIMA_OK;
}

struct milestone_in {
    nima_str id;
    struct nima_milestone_edit edit;
};
#define MILESTONE_ID_FIELD                                                                         \
    NIMA_FIELD_AS(UUID, "mid", struct milestone_in, edit.id, .place = NIMA_IN_PATH,                \
                  .required = true, .doc = "The milestone's id.")
static const struct nima_field milestone_id_fields[] = {ID_FIELD(struct milestone_in),
                                                        MILESTONE_ID_FIELD};
static const struct nima_shape milestone_id_shape =
    NIMA_SHAPE("MilestoneId", struct milestone_in, milestone_id_fields);
static const struct nima_field milestone_edit_fields[] = {
    ID_FIELD(struct milestone_in),
    MILESTONE_ID_FIELD,
    NIMA_FIELD_AS(STR, "title", struct milestone_in, edit.title, .min = 1,
                  .max = NIMA_GOAL_TITLE_MAX, .doc = "The new title."),
    NIMA_FIELD_AS(BOOL, "completed", struct milestone_in, edit.completed,
                  .has = NIMA_HAS(struct milestone_in, edit.has_completed),
                  .doc = "Whether it is done."),
    NIMA_FIELD_AS(INT, "position", struct milestone_in, edit.position, .min = 0,
                  .max = NIMA_MILESTONES_MAX,
                  .has = NIMA_HAS(struct milestone_in, edit.has_position),
                  .doc = "Its place in the list; 0: first."),
};
static const struct nima_shape milestone_edit_shape =
    NIMA_SHAPE("MilestoneChange", struct milestone_in, milestone_edit_fields,
               .doc = "What of a milestone to change; any of it.");

static nima_rc edit_milestone(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in,
                              void *out)
{
    const struct milestone_in *wanted = in;
    struct nima_goal goal;
    NIMA_TRY(nima_goals_edit_milestone(ctx, nima_api_of(exchange)->goals, wanted->id, &wanted->edit,
                                       &goal));
    changed(ctx, exchange, goal.id, false);
    show(&goal, out);
    return NIMA_OK;
}

static nima_rc drop_milestone(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in,
                              void *out)
{
    const struct milestone_in *wanted = in;
    struct nima_goal goal;
    NIMA_TRY(nima_goals_drop_milestone(ctx, nima_api_of(exchange)->goals, wanted->id,
                                       wanted->edit.id, &goal));
    changed(ctx, exchange, goal.id, false);
    show(&goal, out);
    return NIMA_OK;
}

/* Suggestions */

static const char *const words[] = {"rules", "model", NULL};
static const struct nima_field task_fields[] = {
    NIMA_FIELD(STR, struct nima_goal_task, type, .required = true, .doc = "The integration."),
    NIMA_FIELD(STR, struct nima_goal_task, action, .required = true, .doc = "What it would do."),
    NIMA_FIELD(JSON, struct nima_goal_task, params, .required = true, .doc = "With what."),
};
static const struct nima_shape task_shape =
    NIMA_SHAPE("GoalSuggestionTask", struct nima_goal_task, task_fields,
               .doc = "A task that would do what is suggested.");
struct suggestion_out {
    struct nima_goal_suggestion suggestion;
    bool has_due;
    nima_str by;
    int64_t milestones;
};
static const struct nima_field suggestion_fields[] = {
    NIMA_FIELD_AS(STR, "id", struct suggestion_out, suggestion.key, .required = true,
                  .doc = "To accept or dismiss it by."),
    NIMA_FIELD_AS(STR, "action", struct suggestion_out, suggestion.action, .required = true,
                  .doc = "What to do."),
    NIMA_FIELD_AS(STR, "reason", struct suggestion_out, suggestion.reason, .required = true,
                  .doc = "Why."),
    NIMA_FIELD_AS(
        STR_LIST, "evidence", struct suggestion_out, suggestion.evidence, .required = true,
        .doc = "Ids of what it rests on: goals, milestones, rows of history, facts, packs "
               "and their facts, tasks."),
    NIMA_FIELD_AS(TIME, "due", struct suggestion_out, suggestion.due,
                  .has = NIMA_HAS(struct suggestion_out, has_due), .doc = "By when it would fit."),
    NIMA_FIELD_AS(OBJECT, "task", struct suggestion_out, suggestion.task, .shape = &task_shape,
                  .doc = "What could be done for it, when it is accepted as a task."),
    NIMA_FIELD(INT, struct suggestion_out, milestones, .required = true,
               .doc = "How many milestones it proposes; 0: its action would become one."),
    NIMA_FIELD(STR, struct suggestion_out, by, .required = true, .choices = words,
               .doc = "Who found the words of the action."),
};
static const struct nima_shape suggestion_shape =
    NIMA_SHAPE("GoalSuggestion", struct suggestion_out, suggestion_fields,
               .doc = "What to do next for a goal.");

static nima_rc suggest(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in,
                       void *out)
{
    const struct one_in *wanted = in;
    struct nima_goal_suggestions found;
    NIMA_TRY(nima_orchestrator_advise(ctx, nima_api_of(exchange)->orchestrator, wanted->id,
                                      nima_api_may(ctx, exchange, "tasks"), &found));
    struct suggestion_out *shown = NIMA_NEW(ctx->arena, struct suggestion_out, found.count);
    for (size_t i = 0; i < found.count; i++) {
        shown[i] = (struct suggestion_out){
            .suggestion = found.items[i],
            .has_due = found.items[i].due != 0,
            .by = found.items[i].worded ? NIMA_STR("model") : NIMA_STR("rules"),
            .milestones = found.items[i].steps != NULL ? (int64_t)found.items[i].steps->count : 0};
    }
    *(struct nima_list *)out = (struct nima_list){shown, found.count};
    return NIMA_OK;
}

struct settle_in {
    nima_str id, suggestion, as;
};
/* In the order of enum nima_advice_as. */
static const char *const settlements[] = {"dismissed", "milestone", "reminder", "task", NULL};
static const struct nima_field settle_fields[] = {
    ID_FIELD(struct settle_in),
    NIMA_FIELD(STR, struct settle_in, suggestion, .required = true, .max = 200,
               .doc = "The suggestion's id."),
    NIMA_FIELD(STR, struct settle_in, as, .required = true, .choices = settlements,
               .doc =
                   "What becomes of it; a reminder is due when the suggestion is, or in a week; a "
                   "task is begun, or proposed where it needs a yes."),
};
static const struct nima_shape settle_shape =
    NIMA_SHAPE("GoalSuggestionSettle", struct settle_in, settle_fields,
               .doc = "A suggestion is accepted or dismissed; it does not come back.");

static nima_rc settle(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in,
                      void *out)
{
    const struct settle_in *wanted = in;
    struct nima_api *api = nima_api_of(exchange);
    struct nima_goal goal;
    int as = 0;
    while (!nima_str_eq(wanted->as, nima_str_of(settlements[as]))) {
        as++; /* the shape has checked that it is one of them */
    }
    if (as == NIMA_ADVICE_TASK && !nima_api_may(ctx, exchange, "tasks")) {
        return nima_fail_field(ctx, NIMA_E_FORBIDDEN, "as",
                               "this token's scopes do not include \"tasks\"");
    }
    NIMA_TRY(nima_orchestrator_settle(ctx, api->orchestrator, wanted->id, wanted->suggestion,
                                      (enum nima_advice_as)as, &goal));
    changed(ctx, exchange, goal.id, false);
    show(&goal, out);
    return NIMA_OK;
}

/* GET /v1/goals/alerts */

struct alerts_in {
    int64_t since, limit;
};
static const struct nima_field alerts_in_fields[] = {
    NIMA_FIELD(TIME, struct alerts_in, since, .place = NIMA_IN_QUERY,
               .doc = "Only what was raised after this time."),
    NIMA_FIELD(INT, struct alerts_in, limit, .place = NIMA_IN_QUERY, .min = 1, .max = 500,
               .preset = 50, .doc = "How many of the last messages are looked at."),
};
static const struct nima_shape alerts_in_shape =
    NIMA_SHAPE("GoalAlertsIn", struct alerts_in, alerts_in_fields);
static const char *const raised_states[] = {"overdue", "slipping", NULL};
static const struct nima_field alert_fields[] = {
    NIMA_FIELD_AS(UUID, "id", struct nima_goal_raised, message_id, .required = true,
                  .doc = "The message that said it."),
    NIMA_FIELD(UUID, struct nima_goal_raised, conversation_id, .required = true, .doc = "Where."),
    NIMA_FIELD(UUID, struct nima_goal_raised, goal_id, .required = true, .doc = "Of which goal."),
    NIMA_FIELD(STR, struct nima_goal_raised, state, .required = true, .choices = raised_states,
               .doc = "What it has become."),
    NIMA_FIELD(STR, struct nima_goal_raised, text, .required = true, .doc = "As it was said."),
    NIMA_FIELD(TIME, struct nima_goal_raised, raised_at, .required = true, .doc = "When."),
};
static const struct nima_shape alert_shape =
    NIMA_SHAPE("GoalAlert", struct nima_goal_raised, alert_fields,
               .doc = "A goal that has become overdue or slipping; said once for each deadline.");

static nima_rc alerts(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in,
                      void *out)
{
    const struct alerts_in *wanted = in;
    struct nima_goals_raised raised;
    NIMA_TRY(nima_orchestrator_raised(ctx, nima_api_of(exchange)->orchestrator, wanted->since,
                                      (int)wanted->limit, &raised));
    *(struct nima_list *)out = (struct nima_list){raised.items, raised.count};
    return NIMA_OK;
}

#define NOT_FOUND NIMA_E_BIT(NOT_FOUND)
#define INVALID   NIMA_E_BIT(INVALID)

const struct nima_route nima_api_goal_routes[] = {
    {.method = "GET",
     .path = "/v1/goals",
     .call = list,
     .kind = NIMA_ROUTE_LIST,
     .in = &list_in_shape,
     .out = &goal_shape,
     .errors = INVALID,
     .scope = "memory",
     .tag = "goals",
     .summary = "Goals, newest first."},
    {.method = "POST",
     .path = "/v1/goals",
     .call = create,
     .in = &create_shape,
     .out = &goal_shape,
     .status = 201,
     .errors = INVALID,
     .scope = "memory",
     .tag = "goals",
     .summary = "Sets a goal."},
    {.method = "GET",
     .path = "/v1/goals/alerts",
     .call = alerts,
     .kind = NIMA_ROUTE_LIST,
     .in = &alerts_in_shape,
     .out = &alert_shape,
     .errors = INVALID,
     .scope = "memory",
     .tag = "goals",
     .summary = "Goals that have become overdue or slipping, as it was said, oldest first."},
    {.method = "GET",
     .path = "/v1/goals/{id}",
     .call = get,
     .in = &id_shape,
     .out = &goal_shape,
     .errors = NOT_FOUND,
     .scope = "memory",
     .tag = "goals",
     .summary = "One goal with its milestones."},
    {.method = "PUT",
     .path = "/v1/goals/{id}",
     .call = put,
     .in = &put_shape,
     .out = &goal_shape,
     .errors = NOT_FOUND | INVALID,
     .scope = "memory",
     .tag = "goals",
     .summary = "Changes a goal; what happened to it is kept in its history."},
    {.method = "DELETE",
     .path = "/v1/goals/{id}",
     .call = delete,
     .in = &id_shape,
     .status = 204,
     .errors = NOT_FOUND,
     .scope = "memory",
     .tag = "goals",
     .summary = "Deletes a goal with milestones and history."},
    {.method = "POST",
     .path = "/v1/goals/{id}/progress",
     .call = advance,
     .in = &step_shape,
     .out = &goal_shape,
     .errors = NOT_FOUND | INVALID,
     .scope = "memory",
     .tag = "goals",
     .summary = "Advances a goal."},
    {.method = "GET",
     .path = "/v1/goals/{id}/progress",
     .call = course,
     .in = &id_shape,
     .out = &course_shape,
     .errors = NOT_FOUND,
     .scope = "memory",
     .tag = "goals",
     .summary = "Its history, the pace, and the date it points to."},
    {.method = "POST",
     .path = "/v1/goals/{id}/milestones",
     .call = add_milestone,
     .in = &milestones_shape,
     .out = &goal_shape,
     .status = 201,
     .errors = NOT_FOUND | INVALID,
     .scope = "memory",
     .tag = "goals",
     .summary = "Adds a milestone at the end."},
    {.method = "PATCH",
     .path = "/v1/goals/{id}/milestones/{mid}",
     .call = edit_milestone,
     .in = &milestone_edit_shape,
     .out = &goal_shape,
     .errors = NOT_FOUND | INVALID,
     .scope = "memory",
     .tag = "goals",
     .summary = "Changes, completes or moves a milestone."},
    {.method = "DELETE",
     .path = "/v1/goals/{id}/milestones/{mid}",
     .call = drop_milestone,
     .in = &milestone_id_shape,
     .out = &goal_shape,
     .errors = NOT_FOUND,
     .scope = "memory",
     .tag = "goals",
     .summary = "Removes a milestone."},
    {.method = "GET",
     .path = "/v1/goals/{id}/suggestions",
     .call = suggest,
     .kind = NIMA_ROUTE_LIST,
     .in = &id_shape,
     .out = &suggestion_shape,
     .errors = NOT_FOUND | NIMA_E_BIT(MODEL),
     .scope = "memory",
     .tag = "goals",
     .summary = "What to do next, with what it rests on."},
    {.method = "POST",
     .path = "/v1/goals/{id}/suggestions",
     .call = settle,
     .in = &settle_shape,
     .out = &goal_shape,
     .errors = NOT_FOUND | INVALID | NIMA_E_BIT(MODEL) | NIMA_E_BIT(FORBIDDEN),
     .scope = "memory",
     .tag = "goals",
     .summary = "Accepts a suggestion as milestone, reminder or task, or dismisses it."},
    {0},
};
