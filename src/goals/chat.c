/* Goals in chat: what is meant among the goals there are, asked back where that is not clear. */
#include <string.h>

#include "goals/said_int.h"
#include "util/buf.h"

enum {
    GOALS_MAX = 1000,   /* the newest are looked at */
    NEAR_DAYS = 7,      /* "I want to … by Friday" is no goal */
    HISTORY_KEPT = 200, /* of a deleted goal that comes back */
    LIST_BYTES_MAX = 16 * 1024,
    TOLD_MAX = 30
};

struct nima_goals_heard {
    struct nima_wish wish;
    const struct nima_zone *zone;
    struct nima_goal_rows goals;      /* all that were looked at */
    struct nima_goal_match target;    /* goal NULL: none needed, or asked back */
    struct nima_goal_matches matches; /* to choose from, when it is not clear */
    int64_t deadline;
    struct nima_goal_action last; /* to take back */
    bool offered_all;             /* the matches are all goals: none was named */
    nima_str say;                 /* this is all there is to it; absent: it is carried out */
};

bool nima_goals_asked(struct nima_ctx *ctx, nima_str message)
{
    struct nima_wish wish;
    struct nima_arena_mark mark = nima_scratch(ctx);
    nima_wish_read(ctx, message, &wish);
    bool asked = wish.kind != NIMA_WISH_NONE;
    nima_scratch_end(ctx, mark);
    return asked;
}

/* Hearing */

static bool open_goal(const struct nima_goal *goal)
{
    return !nima_goal_is(goal, NIMA_GOAL_COMPLETED);
}

/* Whether the wish can be done to that goal or milestone as it is now. */
static bool suits(enum nima_wish_kind kind, const struct nima_goal_match *match)
{
    const struct nima_goal *goal = match->goal;
    switch (kind) {
    case NIMA_WISH_PAUSE:
        return nima_goal_is(goal, NIMA_GOAL_ACTIVE);
    case NIMA_WISH_RESUME:
        return !nima_goal_is(goal, NIMA_GOAL_ACTIVE);
    case NIMA_WISH_FINISH:
    case NIMA_WISH_DID:
        return open_goal(goal) && (match->milestone == NULL || !match->milestone->completed);
    case NIMA_WISH_DROP:
        return true;
    default:
        return open_goal(goal);
    }
}

static void only_those_that_suit(enum nima_wish_kind kind, struct nima_goal_matches *matches)
{
    size_t kept = 0;
    for (size_t i = 0; i < matches->count; i++) {
        if (suits(kind, &matches->items[i])) {
            matches->items[kept++] = matches->items[i];
        }
    }
    matches->count = kept;
}

/* "I finished a book" does not finish the goal to read twelve. */
static bool is_one_of_many(nima_str topic)
{
    return nima_str_starts_nocase(topic, NIMA_STR("a ")) ||
           nima_str_starts_nocase(topic, NIMA_STR("an ")) ||
           nima_str_starts_nocase(topic, NIMA_STR("another ")) ||
           nima_str_starts_nocase(topic, NIMA_STR("one ")) ||
           nima_str_starts_nocase(topic, NIMA_STR("some "));
}

static void find_matches(struct nima_ctx *ctx, const struct nima_wish *wish,
                         const struct nima_goal_rows *goals, struct nima_goal_matches *out)
{
    enum nima_match_what what = NIMA_MATCH_GOALS;
    bool step = nima_str_find_nocase(wish->topic, NIMA_STR("milestone"), 0) != SIZE_MAX;
    if (wish->kind == NIMA_WISH_DID ||
        (wish->kind == NIMA_WISH_FINISH && (step || is_one_of_many(wish->topic)))) {
        what = NIMA_MATCH_STEPS;
    } else if (wish->kind == NIMA_WISH_FINISH) {
        what = NIMA_MATCH_BOTH;
    }
    nima_goal_match(ctx, goals, wish->topic, what, out);
    while (wish->kind == NIMA_WISH_DID && out->count > 0 &&
           (out->items[out->count - 1].score < 1 || !nima_goal_did(wish->topic))) {
        out->count--;
    }
}

static bool names_goals(const struct nima_wish *wish)
{
    return nima_str_find_nocase(wish->topic, NIMA_STR("goal"), 0) != SIZE_MAX ||
           wish->kind == NIMA_WISH_MILESTONE;
}

/* Which goal or milestone; false: the message means none of them. */
static bool choose(struct nima_ctx *ctx, struct nima_goals_heard *heard)
{
    struct nima_goal_matches found;
    const struct nima_wish *wish = &heard->wish;
    find_matches(ctx, wish, &heard->goals, &found);
    heard->matches = found;
    heard->matches.items = NIMA_NEW(ctx->arena, struct nima_goal_match, found.count);
    for (size_t i = 0; i < found.count; i++) {
        heard->matches.items[i] = found.items[i];
    }
    only_those_that_suit(wish->kind, &heard->matches);
    const struct nima_goal_match *items = heard->matches.items;
    size_t count = heard->matches.count;
    if (count == 1 || (count > 1 && items[0].score >= 1 && items[1].score < 1)) {
        heard->target = items[0];
        return true;
    }
    if (count == 0 && found.count > 0) {
        const struct nima_goal_match *only = &found.items[0];
        nima_str state = only->milestone != NULL ? NIMA_STR("done") : only->goal->status;
        nima_str title = only->milestone != NULL ? only->milestone->title : only->goal->title;
        heard->target = *only;
        if (wish->kind != NIMA_WISH_ASK) {
            heard->say = nima_fmt(ctx, "\"" NIMA_FMT "\" is " NIMA_FMT " already.", NIMA_ARG(title),
                                  NIMA_ARG(state));
        }
        return true;
    }
    return count > 1 || names_goals(wish);
}

/* "Add a milestone: …" without a goal means the only one there is. */
static void only_active(struct nima_goals_heard *heard)
{
    const struct nima_goal *only = NULL;
    size_t active = 0;
    for (size_t i = 0; i < heard->goals.count; i++) {
        if (nima_goal_is(&heard->goals.items[i], NIMA_GOAL_ACTIVE)) {
            only = &heard->goals.items[i];
            active++;
        }
    }
    if (active == 1) {
        heard->target.goal = only;
    }
}

static bool hear_new(struct nima_ctx *ctx, struct nima_goals_heard *heard)
{
    const struct nima_wish *wish = &heard->wish;
    int64_t now = nima_ctx_now(ctx);
    bool by_rule = wish->kind == NIMA_WISH_ADD_BY;
    if (by_rule && heard->deadline < now + NEAR_DAYS * (int64_t)NIMA_DAY_MS) {
        return false;
    }
    if (wish->due.kind != NIMA_DUE_NONE && heard->deadline <= now) {
        heard->say = NIMA_STR("That day lies in the past, or there is no such day, so I set no "
                              "goal. By when do you want to reach it?");
        return true;
    }
    for (size_t i = 0; i < heard->goals.count; i++) {
        const struct nima_goal *goal = &heard->goals.items[i];
        if (open_goal(goal) && nima_str_eq_nocase(goal->title, wish->text)) {
            heard->say =
                nima_fmt(ctx, "You have that goal already: " NIMA_FMT ".", NIMA_ARG(goal->title));
        }
    }
    return true;
}

static bool hear_one(struct nima_ctx *ctx, nima_str message, struct nima_goals_heard *heard)
{
    switch (heard->wish.kind) {
    case NIMA_WISH_ADD:
    case NIMA_WISH_ADD_BY:
        return hear_new(ctx, heard);
    case NIMA_WISH_LIST:
        return heard->goals.count > 0 ||
               nima_str_find_nocase(message, NIMA_STR("goal"), 0) != SIZE_MAX;
    case NIMA_WISH_MILESTONE:
        if (heard->wish.topic.ptr == NULL) {
            only_active(heard);
            return true;
        }
        return choose(ctx, heard);
    case NIMA_WISH_DUE:
        return choose(ctx, heard) && heard->deadline != 0;
    default:
        return choose(ctx, heard);
    }
}

/* No goal that there is was named: all that suit can be chosen from. */
static void offer_all(struct nima_ctx *ctx, struct nima_goals_heard *heard)
{
    heard->offered_all = true;
    heard->matches.items = NIMA_NEW(ctx->arena, struct nima_goal_match, TOLD_MAX);
    for (size_t i = 0; i < heard->goals.count && heard->matches.count < TOLD_MAX; i++) {
        struct nima_goal_match match = {.goal = &heard->goals.items[i]};
        if (suits(heard->wish.kind, &match)) {
            heard->matches.items[heard->matches.count++] = match;
        }
    }
}

static nima_rc hear_wish(struct nima_ctx *ctx, struct nima_goals *goals,
                         const struct nima_goals_ask *ask, nima_str message,
                         struct nima_goals_heard *heard, bool *out)
{
    heard->deadline = nima_due_resolve(ctx, &heard->wish.due, ask->zone, nima_ctx_now(ctx));
    NIMA_TRY(nima_goal_list(ctx, goals->store, (nima_str){NULL, 0}, GOALS_MAX, (nima_str){NULL, 0},
                            &heard->goals));
    *out = hear_one(ctx, message, heard);
    bool open = heard->target.goal == NULL && heard->matches.count == 0 && heard->say.ptr == NULL;
    if (*out && open) {
        offer_all(ctx, heard);
    }
    return NIMA_OK;
}

/* "The second", when it was asked which one is meant: what was wished before is done to that. */
static nima_rc hear_choice(struct nima_ctx *ctx, struct nima_goals *goals,
                           const struct nima_goals_ask *ask, struct nima_goals_heard *heard,
                           struct nima_goals_heard **out)
{
    bool wished;
    if (!nima_goals_short(ask->message) || !nima_goal_question(ask->last_reply)) {
        return NIMA_OK;
    }
    nima_wish_read(ctx, ask->last_message, &heard->wish);
    if (heard->wish.kind == NIMA_WISH_NONE || heard->wish.kind == NIMA_WISH_UNDO) {
        return NIMA_OK;
    }
    NIMA_TRY(hear_wish(ctx, goals, ask, ask->last_message, heard, &wished));
    const struct nima_goal_match *chosen =
        nima_goal_chosen(ctx, ask->zone, &heard->matches, ask->last_reply, ask->message);
    if (wished && chosen != NULL) {
        heard->target = *chosen;
        *out = heard;
    }
    return NIMA_OK;
}

nima_rc nima_goals_hear(struct nima_ctx *ctx, struct nima_goals *goals,
                        const struct nima_goals_ask *ask, struct nima_goals_heard **out)
{
    struct nima_goals_heard *heard = NIMA_NEW(ctx->arena, struct nima_goals_heard, 1);
    *heard = (struct nima_goals_heard){.zone = ask->zone};
    *out = NULL;
    nima_wish_read(ctx, ask->message, &heard->wish);
    if (heard->wish.kind == NIMA_WISH_NONE) {
        return hear_choice(ctx, goals, ask, heard, out);
    }
    if (heard->wish.kind == NIMA_WISH_UNDO) {
        *out = nima_goal_actions_read(ctx, ask->last_actions, &heard->last) ? heard : NULL;
        return NIMA_OK;
    }
    bool wished;
    NIMA_TRY(hear_wish(ctx, goals, ask, ask->message, heard, &wished));
    *out = wished ? heard : NULL;
    return NIMA_OK;
}

/* Answering */

static void act(struct nima_ctx *ctx, const char *event, const struct nima_goal *before,
                const struct nima_goal *after, struct nima_goals_reply *out)
{
    struct nima_goal_action action = {.type = NIMA_STR("goal"), .event = nima_str_of(event)};
    action.goal = nima_goal_record_of(ctx, after);
    action.before = before != NULL ? nima_goal_record_of(ctx, before) : NULL;
    nima_goal_actions_write(ctx, &action, 1, &out->actions);
    out->changed = after->id;
}

static nima_rc answer_new(struct nima_ctx *ctx, struct nima_goals *goals,
                          const struct nima_goals_heard *heard, struct nima_goals_reply *out)
{
    struct nima_goal made, wanted = {.title = heard->wish.text, .deadline = heard->deadline};
    nima_rc rc = nima_goals_add(ctx, goals, &wanted, &made);
    if (rc == NIMA_E_INVALID) {
        out->text = nima_fmt(ctx, "I set no goal: %s.", ctx->error.message);
        return NIMA_OK;
    }
    NIMA_TRY(rc);
    nima_str due = NIMA_STR("");
    if (made.deadline != 0) {
        due = nima_fmt(ctx, ", due " NIMA_FMT,
                       NIMA_ARG(nima_goals_day(ctx, heard->zone, made.deadline)));
    }
    out->text = nima_fmt(ctx,
                         "I set the goal \"" NIMA_FMT "\"" NIMA_FMT ". Tell me when you get "
                         "ahead with it, or say \"undo that\".",
                         NIMA_ARG(made.title), NIMA_ARG(due));
    act(ctx, "created", NULL, &made, out);
    out->made = true;
    return NIMA_OK;
}

static nima_str ask_back(struct nima_ctx *ctx, const struct nima_goals_heard *heard)
{
    if (heard->goals.count == 0) {
        return NIMA_STR("You have no goals yet. Set one with, say: my goal is to run a half "
                        "marathon by May.");
    }
    nima_str lines = nima_goal_choices(ctx, heard->zone, &heard->matches);
    if (!heard->offered_all) {
        return nima_fmt(ctx, NIMA_FMT NIMA_FMT, NIMA_ARG(NIMA_GOAL_WHICH_ONE), NIMA_ARG(lines));
    }
    return nima_fmt(ctx, NIMA_FMT "%s" NIMA_FMT, NIMA_ARG(NIMA_GOAL_WHICH_GOAL),
                    heard->matches.count > 0 ? " These are yours:" : "", NIMA_ARG(lines));
}

static nima_rc answer_list(struct nima_ctx *ctx, const struct nima_goals_heard *heard,
                           struct nima_goals_reply *out)
{
    struct nima_goal_action actions[TOLD_MAX];
    struct nima_goal_rows open = heard->goals;
    open.items = NIMA_NEW(ctx->arena, struct nima_goal, heard->goals.count);
    open.count = 0;
    for (size_t i = 0; i < heard->goals.count; i++) {
        if (open_goal(&heard->goals.items[i])) {
            open.items[open.count++] = heard->goals.items[i];
        }
    }
    size_t finished = heard->goals.count - open.count;
    nima_str lines = nima_goal_lines(ctx, heard->zone, &open);
    nima_str done = finished > 0 ? nima_fmt(ctx, "\n%zu finished so far.", finished) : NIMA_STR("");
    out->text = open.count == 0 && finished == 0
                    ? ask_back(ctx, heard)
                    : nima_fmt(ctx, "%s" NIMA_FMT NIMA_FMT,
                               open.count > 0 ? "Your goals:" : "You have no open goals.",
                               NIMA_ARG(lines), NIMA_ARG(done));
    size_t told = open.count < TOLD_MAX ? open.count : TOLD_MAX;
    for (size_t i = 0; i < told; i++) {
        actions[i] = (struct nima_goal_action){.type = NIMA_STR("goal"), .event = NIMA_STR("told")};
        actions[i].goal = nima_goal_record_of(ctx, &open.items[i]);
    }
    if (told > 0) {
        nima_goal_actions_write(ctx, actions, told, &out->actions);
    }
    return NIMA_OK;
}

static nima_rc answer_status(struct nima_ctx *ctx, struct nima_goals *goals,
                             const struct nima_goals_heard *heard, struct nima_goals_reply *out)
{
    struct nima_goal after;
    bool pause = heard->wish.kind == NIMA_WISH_PAUSE;
    struct nima_goal_edit edit = {.status = pause ? NIMA_GOAL_PAUSED : NIMA_GOAL_ACTIVE};
    NIMA_TRY(nima_goals_edit(ctx, goals, heard->target.goal->id, &edit, &after));
    out->text = nima_fmt(ctx, "\"" NIMA_FMT "\" is %s.", NIMA_ARG(after.title),
                         pause ? "paused" : "active again");
    act(ctx, pause ? "paused" : "resumed", heard->target.goal, &after, out);
    return NIMA_OK;
}

static nima_rc answer_drop(struct nima_ctx *ctx, struct nima_goals *goals,
                           const struct nima_goals_heard *heard, struct nima_goals_reply *out)
{
    const struct nima_goal *goal = heard->target.goal;
    struct nima_goal_action action = {.type = NIMA_STR("goal"), .event = NIMA_STR("deleted")};
    action.goal = nima_goal_record_of(ctx, goal);
    action.before = nima_goal_record_of(ctx, goal);
    NIMA_TRY(nima_goal_history(ctx, goals->store, goal->id, HISTORY_KEPT, &action.before->history));
    NIMA_TRY(nima_goals_drop(ctx, goals, goal->id));
    out->text = nima_fmt(ctx, "The goal \"" NIMA_FMT "\" is deleted. \"Undo that\" brings it back.",
                         NIMA_ARG(goal->title));
    out->changed = goal->id;
    nima_goal_actions_write(ctx, &action, 1, &out->actions);
    return NIMA_OK;
}

/* How a goal stands after a step: "It is at 50 %." or that it is reached. */
static nima_str stands(struct nima_ctx *ctx, const struct nima_goal *goal)
{
    return nima_goal_is(goal, NIMA_GOAL_COMPLETED)
               ? nima_fmt(ctx, "The goal \"" NIMA_FMT "\" is reached: congratulations!",
                          NIMA_ARG(goal->title))
               : nima_fmt(ctx, "\"" NIMA_FMT "\" is at %.0f %%.", NIMA_ARG(goal->title),
                          goal->progress * 100);
}

static nima_rc answer_step(struct nima_ctx *ctx, struct nima_goals *goals,
                           const struct nima_goals_heard *heard, struct nima_goals_reply *out)
{
    struct nima_goal after;
    const struct nima_goal_match *target = &heard->target;
    bool finish = heard->wish.kind != NIMA_WISH_PROGRESS;
    struct nima_goal_step step = {.has_progress = target->milestone == NULL,
                                  .progress = finish ? 1 : heard->wish.progress,
                                  .completed = true};
    if (target->milestone != NULL) {
        step.milestone_id = target->milestone->id;
    }
    NIMA_TRY(nima_goals_advance(ctx, goals, target->goal->id, &step, &after));
    nima_str how = stands(ctx, &after);
    nima_str done = target->milestone == NULL
                        ? NIMA_STR("")
                        : nima_fmt(ctx, NIMA_FMT " is done. ", NIMA_ARG(target->milestone->title));
    out->text = nima_fmt(ctx, NIMA_FMT NIMA_FMT, NIMA_ARG(done), NIMA_ARG(how));
    act(ctx,
        target->milestone != NULL                   ? "milestone"
        : nima_goal_is(&after, NIMA_GOAL_COMPLETED) ? "completed"
                                                    : "progress",
        target->goal, &after, out);
    return NIMA_OK;
}

static nima_rc answer_edit(struct nima_ctx *ctx, struct nima_goals *goals,
                           const struct nima_goals_heard *heard, struct nima_goals_reply *out)
{
    struct nima_goal after;
    const struct nima_goal *goal = heard->target.goal;
    nima_rc rc;
    if (heard->wish.kind == NIMA_WISH_DUE) {
        struct nima_goal_edit edit = {.has_deadline = true, .deadline = heard->deadline};
        rc = nima_goals_edit(ctx, goals, goal->id, &edit, &after);
        out->text = nima_fmt(ctx, "\"" NIMA_FMT "\" is due " NIMA_FMT ".", NIMA_ARG(goal->title),
                             NIMA_ARG(nima_goals_day(ctx, heard->zone, heard->deadline)));
    } else {
        rc = nima_goals_add_milestones(ctx, goals, goal->id, &heard->wish.text, 1, &after);
        out->text = nima_fmt(ctx, "\"" NIMA_FMT "\" has a new milestone: " NIMA_FMT ".",
                             NIMA_ARG(goal->title), NIMA_ARG(heard->wish.text));
    }
    if (rc == NIMA_E_INVALID) {
        out->text = nima_fmt(ctx, "I changed nothing: %s.", ctx->error.message);
        return NIMA_OK;
    }
    NIMA_TRY(rc);
    act(ctx, "edited", goal, &after, out);
    return NIMA_OK;
}

static nima_rc answer_undo(struct nima_ctx *ctx, struct nima_goals *goals,
                           const struct nima_goals_heard *heard, struct nima_goals_reply *out)
{
    struct nima_goal now;
    nima_rc rc = nima_goal_undo(ctx, goals, &heard->last, &now);
    if (rc == NIMA_E_CONFLICT || rc == NIMA_E_NOT_FOUND) {
        out->text = NIMA_STR("I took nothing back: the goal has been changed since.");
        return NIMA_OK;
    }
    NIMA_TRY(rc);
    struct nima_goal_action action = {.type = NIMA_STR("goal"), .event = NIMA_STR("undone")};
    action.goal = nima_goal_record_of(ctx, &now);
    out->changed = now.id;
    out->made = nima_str_eq(heard->last.event, NIMA_STR("deleted"));
    out->text = nima_str_eq(heard->last.event, NIMA_STR("created"))
                    ? nima_fmt(ctx, "Taken back: there is no goal \"" NIMA_FMT "\" any more.",
                               NIMA_ARG(now.title))
                    : nima_fmt(ctx, "Taken back: " NIMA_FMT, NIMA_ARG(stands(ctx, &now)));
    nima_goal_actions_write(ctx, &action, 1, &out->actions);
    return NIMA_OK;
}

static nima_rc answer_ask(struct nima_ctx *ctx, struct nima_goals *goals,
                          const struct nima_goals_heard *heard, struct nima_goals_reply *out)
{
    struct nima_goal_action action = {.type = NIMA_STR("goal"), .event = NIMA_STR("told")};
    action.goal = nima_goal_record_of(ctx, heard->target.goal);
    NIMA_TRY(nima_goals_told(ctx, goals, heard->zone, heard->target.goal->id, &out->text));
    nima_goal_actions_write(ctx, &action, 1, &out->actions);
    return NIMA_OK;
}

static nima_rc answer(struct nima_ctx *ctx, struct nima_goals *goals,
                      const struct nima_goals_heard *heard, struct nima_goals_reply *out)
{
    switch (heard->wish.kind) {
    case NIMA_WISH_UNDO:
        return answer_undo(ctx, goals, heard, out);
    case NIMA_WISH_ADD:
    case NIMA_WISH_ADD_BY:
        return answer_new(ctx, goals, heard, out);
    case NIMA_WISH_LIST:
        return answer_list(ctx, heard, out);
    default:
        break;
    }
    if (heard->target.goal == NULL) {
        out->text = ask_back(ctx, heard);
        return NIMA_OK;
    }
    switch (heard->wish.kind) {
    case NIMA_WISH_ASK:
        return answer_ask(ctx, goals, heard, out);
    case NIMA_WISH_PAUSE:
    case NIMA_WISH_RESUME:
        return answer_status(ctx, goals, heard, out);
    case NIMA_WISH_DROP:
        return answer_drop(ctx, goals, heard, out);
    case NIMA_WISH_MILESTONE:
    case NIMA_WISH_DUE:
        return answer_edit(ctx, goals, heard, out);
    default:
        return answer_step(ctx, goals, heard, out);
    }
}

nima_rc nima_goals_answer(struct nima_ctx *ctx, struct nima_goals *goals,
                          const struct nima_goals_heard *heard, struct nima_goals_reply *out)
{
    struct nima_goals_reply reply = {.text = heard->say};
    nima_rc rc = heard->say.ptr != NULL ? NIMA_OK : answer(ctx, goals, heard, &reply);
    if (rc == NIMA_E_NOT_FOUND) {
        reply = (struct nima_goals_reply){.text = NIMA_STR("That goal is gone.")};
        rc = NIMA_OK;
    }
    *out = rc == NIMA_OK ? reply : *out;
    return rc;
}
