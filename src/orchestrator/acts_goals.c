/* Goals in a conversation: set with their amount and day, moved on by what the person tells. */
#include "goals/goals.h"
#include "language/numbers.h"
#include "orchestrator/acts.h"

enum { GOALS_MAX = 500, LINES_MAX = 10, TEXTS = 6 };

/* Telling, and taking back */

enum { UNDO_ID };

static nima_rc drop_made(struct nima_ctx *ctx, struct nima_orchestrator *o,
                         const nima_str texts[NIMA_UNDO_TEXTS], nima_str *told)
{
    nima_rc rc = nima_goals_drop(ctx, o->goals, texts[UNDO_ID]);
    NIMA_TRY(rc == NIMA_E_NOT_FOUND ? nima_fail(ctx, NIMA_E_CONFLICT, "it is gone already") : rc);
    *told = NIMA_STR("");
    return nima_orchestrator_goal_changed(ctx, o, texts[UNDO_ID], false);
}

enum { BACK_ID, BACK_STATUS, BACK_PROGRESS, BACK_AMOUNT };

static nima_rc put_back(struct nima_ctx *ctx, struct nima_orchestrator *o,
                        const nima_str texts[NIMA_UNDO_TEXTS], nima_str *told)
{
    struct nima_goal goal, now;
    struct nima_goal_edit edit = {.status = texts[BACK_STATUS]};
    NIMA_TRY(nima_goals_get(ctx, o->goals, texts[BACK_ID], &now));
    edit.has_progress = nima_str_to_f64(texts[BACK_PROGRESS], &edit.progress);
    if (texts[BACK_AMOUNT].ptr != NULL) {
        edit.count = now.count;
        edit.has_count = nima_str_to_f64(texts[BACK_AMOUNT], &edit.count.amount);
        edit.has_progress = false;
    }
    NIMA_TRY(nima_goals_edit(ctx, o->goals, texts[BACK_ID], &edit, &goal));
    *told = nima_goal_line(ctx, &goal);
    return nima_orchestrator_goal_changed(ctx, o, goal.id, false);
}

static nima_rc changed(struct nima_ctx *ctx, const struct nima_act_call *call,
                       const struct nima_goal *before, const struct nima_goal *after,
                       struct nima_act_reply *out)
{
    nima_str texts[NIMA_UNDO_TEXTS] = {before->id, before->status,
                                       nima_fmt(ctx, "%.9f", before->progress)};
    if (before->count.there) {
        texts[BACK_AMOUNT] = nima_fmt(ctx, "%.9f", before->count.amount);
    }
    nima_undo_table_keep(ctx, call->turn->o->undo, put_back, texts, &out->undo);
    out->event = NIMA_ACT_DONE;
    out->extra =
        nima_fmt(ctx, "\"type\":\"goal\",\"goal\":{\"id\":\"" NIMA_FMT "\"}", NIMA_ARG(after->id));
    out->text = nima_goal_line(ctx, after);
    return nima_orchestrator_goal_changed(ctx, call->turn->o, after->id, false);
}

/* Reading */

/* What of the act is counted: its amount slot with its unit, else money or a measure of the clause
 * that is no part of a time. False: nothing. */
static bool read_amount(struct nima_ctx *ctx, const struct nima_act_call *call,
                        struct nima_quantity *out)
{
    const struct nima_slot_value *slot = nima_act_slot(call->act, NIMA_SLOT_AMOUNT);
    nima_str unit = nima_str_trim(nima_act_text(call->act, NIMA_SLOT_UNIT));
    struct nima_quantities found;
    struct nima_whens whens;
    if (slot != NULL) {
        nima_language_quantities(ctx, call->language, slot->text, &found);
        if (found.count > 0) {
            *out = found.items[0];
            out->unit = out->unit.len > 0 ? out->unit : unit;
            return true;
        }
    }
    nima_when_find(ctx, &call->when, call->act->text, &whens);
    nima_language_quantities(ctx, call->language, call->act->text, &found);
    for (size_t n = 0; n < found.count; n++) {
        const struct nima_quantity *one = &found.items[n];
        bool counted =
            one->kind == NIMA_QUANTITY_MONEY || one->kind == NIMA_QUANTITY_MEASURE ||
            (one->kind == NIMA_QUANTITY_NUMBER && one->value >= 2) ||
            (one->kind == NIMA_QUANTITY_ORDINAL && call->act->kind == NIMA_KIND_GOAL_PROGRESS);
        for (size_t w = 0; w < whens.count; w++) {
            for (size_t s = 0; s < whens.items[w].spans.count; s++) {
                const struct nima_passage *span = &whens.items[w].spans.items[s];
                counted = counted && (one->from >= span->end || span->from >= one->end);
            }
        }
        if (counted) {
            *out = *one;
            return true;
        }
    }
    return false;
}

static bool shares_word(struct nima_ctx *ctx, nima_str a, nima_str b)
{
    struct nima_tokens x, y;
    nima_language_tokens(ctx, a, &x);
    nima_language_tokens(ctx, b, &y);
    for (size_t i = 0; i < x.count; i++) {
        for (size_t n = 0; n < y.count && x.items[i].fold.len > 2; n++) {
            nima_str p = x.items[i].fold, q = y.items[n].fold;
            size_t shorter = p.len < q.len ? p.len : q.len;
            size_t stem = shorter > 4 ? shorter - (shorter > 5 ? 2 : 1) : shorter;
            bool close = p.len + 3 >= q.len && q.len + 3 >= p.len;
            if (x.items[i].kind == NIMA_TOKEN_WORD && stem > 2 && close &&
                nima_str_eq(nima_str_sub(p, 0, stem), nima_str_sub(q, 0, stem))) {
                return true;
            }
        }
    }
    return false;
}

/* Which goal is meant: named, counted in the unit that was said, or the only one that fits. */
static nima_rc find_goal(struct nima_ctx *ctx, const struct nima_act_call *call,
                         const struct nima_quantity *amount, struct nima_goal *out, size_t *count)
{
    struct nima_goal_rows rows;
    nima_str named = nima_str_trim(nima_act_text(call->act, NIMA_SLOT_GOAL));
    bool resume = call->act->kind == NIMA_KIND_GOAL_RESUME;
    NIMA_TRY(nima_goals_list(ctx, call->turn->o->goals, (nima_str){NULL, 0}, GOALS_MAX,
                             (nima_str){NULL, 0}, &rows));
    int best = 0;
    *count = 0;
    for (size_t i = 0; i < rows.count; i++) {
        const struct nima_goal *goal = &rows.items[i];
        bool active = nima_str_eq(goal->status, NIMA_STR("active"));
        if (active == resume && call->act->kind != NIMA_KIND_GOAL_ASK) {
            continue;
        }
        bool unit = amount != NULL && goal->count.there &&
                    (amount->unit.len == 0 || nima_goals_same_unit(amount->unit, goal->count.unit));
        bool counted = amount != NULL && goal->count.there && amount->unit.len > 0 && unit;
        int score = 1 + 2 * (unit && amount->kind != NIMA_QUANTITY_ORDINAL) + 4 * counted +
                    8 * shares_word(ctx, call->act->text, goal->title) +
                    16 * (named.len > 0 && shares_word(ctx, named, goal->title));
        if (score > best) {
            best = score;
            *out = *goal;
            *count = 0;
        }
        *count += score == best;
    }
    *count = named.len > 0 && best < 8 && amount == NULL ? 0 : *count;
    return NIMA_OK;
}

/* Setting one */

static nima_str title_of(struct nima_ctx *ctx, const struct nima_act_call *call)
{
    nima_str said = nima_str_trim(nima_act_text(call->act, NIMA_SLOT_GOAL));
    const struct nima_slot_value *amount = nima_act_slot(call->act, NIMA_SLOT_AMOUNT);
    const struct nima_slot_value *unit = nima_act_slot(call->act, NIMA_SLOT_UNIT);
    if (said.len == 0) {
        return said;
    }
    nima_str title = said;
    if (amount != NULL && nima_str_find(said, amount->text, 0) == SIZE_MAX) {
        title = nima_fmt(ctx, NIMA_FMT " " NIMA_FMT "%s" NIMA_FMT, NIMA_ARG(said),
                         NIMA_ARG(amount->text), unit != NULL ? " " : "",
                         NIMA_ARG(unit != NULL ? unit->text : NIMA_STR("")));
    }
    char *copy = nima_cstr(ctx, title);
    if (copy[0] >= 'a' && copy[0] <= 'z') {
        copy[0] = (char)(copy[0] - 'a' + 'A');
    }
    return (nima_str){copy, title.len};
}

static nima_rc create(struct nima_ctx *ctx, const struct nima_act_call *call,
                      struct nima_act_reply *out)
{
    struct nima_when when = {.kind = NIMA_WHEN_NONE, .whole = true};
    struct nima_quantity amount;
    struct nima_goal made, goal = {.title = title_of(ctx, call)};
    if (goal.title.len == 0) {
        out->event = NIMA_ACT_ASKED;
        out->asked_slot = NIMA_STR("goal");
        out->text = nima_phrase(ctx, call->language, "goal.which", NULL, 0);
        return NIMA_OK;
    }
    nima_when_find_one(ctx, &call->when, call->act->text, &when);
    bool dated =
        when.kind == NIMA_WHEN_DAY || when.kind == NIMA_WHEN_RANGE || when.kind == NIMA_WHEN_MOMENT;
    goal.deadline = dated && !when.past && when.problem.ptr == NULL ? when.end_ms : 0;
    goal.deadline = goal.deadline == 0 && dated && !when.past ? when.at_ms : goal.deadline;
    goal.deadline -= goal.deadline % 1000; /* the last second of the day */
    if (read_amount(ctx, call, &amount) && amount.value > 0 &&
        (amount.kind != NIMA_QUANTITY_ORDINAL)) {
        goal.count =
            (struct nima_goal_amount){.there = true, .target = amount.value, .unit = amount.unit};
    }
    NIMA_TRY(nima_goals_add(ctx, call->turn->o->goals, &goal, &made));
    nima_str due = NIMA_STR("");
    if (made.deadline != 0) {
        due = NIMA_SAY(ctx, call, "goal.due",
                       {"day", nima_goals_day(ctx, call->when.zone, made.deadline)});
    }
    const nima_str texts[NIMA_UNDO_TEXTS] = {made.id};
    nima_undo_table_keep(ctx, call->turn->o->undo, drop_made, texts, &out->undo);
    out->event = NIMA_ACT_DONE;
    out->text = NIMA_SAY(ctx, call, "goal.created", {"goal", made.title}, {"due", due});
    out->extra =
        nima_fmt(ctx, "\"type\":\"goal\",\"goal\":{\"id\":\"" NIMA_FMT "\"}", NIMA_ARG(made.id));
    return nima_orchestrator_goal_changed(ctx, call->turn->o, made.id, true);
}

/* Moving one on */

/* "So far", "in all": the amount is the whole. "Another", "more": so much more. */
static bool is_total(struct nima_ctx *ctx, const struct nima_act_call *call,
                     const struct nima_goal *goal)
{
    static const char *const more[] = {"another", "more", "extra", "today",  "added", "weitere",
                                       "mehr",    "mas",  "otro",  "encore", NULL};
    struct nima_tokens tokens;
    nima_language_tokens(ctx, call->act->text, &tokens);
    for (size_t i = 0; i < tokens.count; i++) {
        for (size_t n = 0; more[n] != NULL; n++) {
            if (nima_str_eq(tokens.items[i].fold, nima_str_of(more[n]))) {
                return goal->count.start > goal->count.target;
            }
        }
    }
    return true;
}

static nima_rc advance(struct nima_ctx *ctx, const struct nima_act_call *call,
                       const struct nima_goal *goal, const struct nima_quantity *amount,
                       struct nima_act_reply *out)
{
    struct nima_goal after;
    struct nima_goal_step step = {.note = call->act->text};
    bool share = amount != NULL && nima_str_eq(amount->unit, NIMA_STR("%"));
    if (share) {
        step.has_progress = true;
        step.progress = amount->value / 100;
    } else if (amount != NULL && goal->count.there) {
        bool counted = amount->kind == NIMA_QUANTITY_ORDINAL ||
                       nima_goals_same_unit(amount->unit, goal->count.unit);
        step.unit = counted ? (nima_str){NULL, 0} : amount->unit;
        step.has_amount = is_total(ctx, call, goal);
        step.has_add = !step.has_amount;
        step.amount = step.add = amount->value;
    }
    if (step.note.len > NIMA_GOAL_NOTE_MAX) {
        step.note = nima_utf8_prefix(step.note, NIMA_GOAL_NOTE_MAX);
    }
    NIMA_TRY(nima_goals_advance(ctx, call->turn->o->goals, goal->id, &step, &after));
    return changed(ctx, call, goal, &after, out);
}

static nima_rc set_status(struct nima_ctx *ctx, const struct nima_act_call *call,
                          const struct nima_goal *goal, const char *status,
                          struct nima_act_reply *out)
{
    struct nima_goal after;
    struct nima_goal_edit edit = {.status = nima_str_of(status)};
    NIMA_TRY(nima_goals_edit(ctx, call->turn->o->goals, goal->id, &edit, &after));
    NIMA_TRY(changed(ctx, call, goal, &after, out));
    out->text = NIMA_SAY(ctx, call, "goal.is", {"goal", after.title}, {"status", after.status});
    return NIMA_OK;
}

static nima_rc drop(struct nima_ctx *ctx, const struct nima_act_call *call,
                    const struct nima_goal *goal, struct nima_act_reply *out)
{
    NIMA_TRY(nima_goals_drop(ctx, call->turn->o->goals, goal->id));
    out->event = NIMA_ACT_DONE;
    out->text = NIMA_SAY(ctx, call, "goal.dropped", {"goal", goal->title});
    return nima_orchestrator_goal_changed(ctx, call->turn->o, goal->id, false);
}

static nima_rc add_step(struct nima_ctx *ctx, const struct nima_act_call *call,
                        const struct nima_goal *goal, struct nima_act_reply *out)
{
    struct nima_goal after;
    nima_str title = nima_str_trim(nima_act_text(call->act, NIMA_SLOT_MILESTONE));
    for (size_t i = 0; i < goal->milestones.count; i++) {
        const struct nima_milestone *step = &goal->milestones.items[i];
        if (!step->completed && nima_str_eq_nocase(step->title, title)) {
            struct nima_goal_step done = {.milestone_id = step->id, .completed = true};
            NIMA_TRY(nima_goals_advance(ctx, call->turn->o->goals, goal->id, &done, &after));
            return changed(ctx, call, goal, &after, out);
        }
    }
    NIMA_TRY(nima_goals_add_milestones(ctx, call->turn->o->goals, goal->id, &title, 1, &after));
    return changed(ctx, call, goal, &after, out);
}

static nima_rc tell_all(struct nima_ctx *ctx, const struct nima_act_call *call,
                        struct nima_act_reply *out)
{
    struct nima_goal_rows rows;
    nima_str lines = NIMA_STR("");
    NIMA_TRY(nima_goals_list(ctx, call->turn->o->goals, NIMA_STR("active"), LINES_MAX,
                             (nima_str){NULL, 0}, &rows));
    for (size_t i = 0; i < rows.count; i++) {
        lines = nima_fmt(ctx, NIMA_FMT "\n- " NIMA_FMT, NIMA_ARG(lines),
                         NIMA_ARG(nima_goal_line(ctx, &rows.items[i])));
    }
    out->event = NIMA_ACT_ANSWERED;
    out->text = rows.count == 0 ? nima_phrase(ctx, call->language, "goal.none", NULL, 0)
                                : NIMA_SAY(ctx, call, "goal.shown", {"lines", lines});
    return NIMA_OK;
}

static nima_rc act_on(struct nima_ctx *ctx, const struct nima_act_call *call,
                      const struct nima_goal *goal, const struct nima_quantity *amount,
                      struct nima_act_reply *out)
{
    switch (call->act->kind) {
    case NIMA_KIND_GOAL_PAUSE:
        return set_status(ctx, call, goal, "paused", out);
    case NIMA_KIND_GOAL_RESUME:
        return set_status(ctx, call, goal, "active", out);
    case NIMA_KIND_GOAL_DONE:
        return set_status(ctx, call, goal, "completed", out);
    case NIMA_KIND_GOAL_DROP:
        return drop(ctx, call, goal, out);
    case NIMA_KIND_GOAL_MILESTONE:
        return add_step(ctx, call, goal, out);
    case NIMA_KIND_GOAL_PROGRESS:
        return advance(ctx, call, goal, amount, out);
    default:
        out->event = NIMA_ACT_ANSWERED;
        return nima_goals_told(ctx, call->turn->o->goals, call->when.zone, goal->id, &out->text);
    }
}

nima_rc nima_act_goal(struct nima_ctx *ctx, const struct nima_act_call *call,
                      struct nima_act_reply *out)
{
    struct nima_goal goal;
    struct nima_quantity amount;
    size_t count;
    if (call->turn->o->goals == NULL) {
        return nima_fail(ctx, NIMA_E_FORBIDDEN, "goals are switched off");
    }
    if (call->act->kind == NIMA_KIND_GOAL_CREATE) {
        return create(ctx, call, out);
    }
    bool counted = call->act->kind == NIMA_KIND_GOAL_PROGRESS && read_amount(ctx, call, &amount);
    NIMA_TRY(find_goal(ctx, call, counted ? &amount : NULL, &goal, &count));
    if (call->act->kind == NIMA_KIND_GOAL_ASK && count != 1) {
        return tell_all(ctx, call, out);
    }
    if (count == 1) {
        return act_on(ctx, call, &goal, counted ? &amount : NULL, out);
    }
    NIMA_TRY(tell_all(ctx, call, out));
    if (count > 1) {
        out->event = NIMA_ACT_ASKED;
        out->asked_slot = NIMA_STR("goal");
        out->text = nima_fmt(ctx, NIMA_FMT "\n" NIMA_FMT,
                             NIMA_ARG(nima_phrase(ctx, call->language, "goal.several", NULL, 0)),
                             NIMA_ARG(out->text));
    }
    return NIMA_OK;
}
