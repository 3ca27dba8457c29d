/*
 * Suggestions for a goal: what memory, packs and tasks know that bears on it is gathered here, and
 * what is accepted becomes milestones, a reminder or a task. Goals, schedules and tasks do not know
 * each other.
 */
#include "goals/goals.h"
#include "knowledge/knowledge.h"
#include "orchestrator/orchestrator_int.h"
#include "tasks/tasks.h"
#include "util/digest.h"
#include "util/uuid.h"

enum {
    FACTS_MAX = 2,
    FACTS_LOOK = 8,
    PACK_FACTS_MAX = 1,
    TASKS_LOOK = 100,
    HINTS_MAX = FACTS_MAX + PACK_FACTS_MAX + 2 * TASKS_LOOK,
    TEXT_BYTES_MAX = 600,
    TAIL_CHARS = 12,
    TASK_ATTEMPTS = 3,
    TASK_TIMEOUT_S = 60,
    WEEK_MS = 7 * 24 * 3600 * 1000
};
/* What bears on a goal: more is asked than of what a turn may recall, for here it is said. */
#define FACT_VECTOR_MIN  0.33 /* by meaning alone */
#define FACT_LITTLE_MIN  0.22 /* with words in common, too */
#define FACT_KEYWORD_MIN 0.2
#define PACK_SCORE_MIN   0.35

/* Gathering */

static void add_hint(struct nima_goals_known *known, enum nima_goal_hint_kind kind, nima_str id,
                     nima_str text, nima_str of)
{
    struct nima_goal_hint *items = (struct nima_goal_hint *)known->items;
    if (known->count < HINTS_MAX) {
        items[known->count++] = (struct nima_goal_hint){kind, id, text, of};
    }
}

/* Its title with the next milestone, for a search; absent: there is none. */
static nima_str with_next(struct nima_ctx *ctx, const struct nima_goal *goal)
{
    for (size_t i = 0; i < goal->milestones.count; i++) {
        if (!goal->milestones.items[i].completed) {
            nima_str text = nima_fmt(ctx, NIMA_FMT ". " NIMA_FMT, NIMA_ARG(goal->title),
                                     NIMA_ARG(goal->milestones.items[i].title));
            return nima_utf8_prefix(text, TEXT_BYTES_MAX);
        }
    }
    return (nima_str){NULL, 0};
}

static bool bears_on(const struct nima_memory_hit *hit)
{
    return hit->vector >= FACT_VECTOR_MIN ||
           (hit->vector >= FACT_LITTLE_MIN && hit->keyword >= FACT_KEYWORD_MIN) ||
           (hit->vector <= 0 && hit->keyword >= 2 * FACT_KEYWORD_MIN);
}

static bool has_hint(const struct nima_goals_known *known, nima_str id)
{
    for (size_t i = 0; i < known->count; i++) {
        if (nima_str_eq(known->items[i].id, id)) {
            return true;
        }
    }
    return false;
}

static nima_rc add_facts(struct nima_ctx *ctx, struct nima_orchestrator *o, nima_str text,
                         struct nima_goals_known *known)
{
    struct nima_memory_hits hits;
    struct nima_memory_query query = {.text = text, .limit = FACTS_LOOK};
    if (text.ptr == NULL) {
        return NIMA_OK;
    }
    NIMA_TRY(nima_memory_search(ctx, o->memory, &query, &hits));
    for (size_t i = 0; i < hits.count && known->count < FACTS_MAX; i++) {
        const struct nima_fact *fact = &hits.items[i].fact;
        /* That there is a goal is no advice on it. */
        bool of_goal = nima_str_find(fact->metadata, NIMA_STR("\"goal_id\""), 0) != SIZE_MAX;
        if (!of_goal && bears_on(&hits.items[i]) && !has_hint(known, fact->id)) {
            add_hint(known, NIMA_HINT_FACT, fact->id, fact->fact, (nima_str){NULL, 0});
        }
    }
    return NIMA_OK;
}

static nima_rc add_packs(struct nima_ctx *ctx, struct nima_orchestrator *o, nima_str text,
                         struct nima_goals_known *known)
{
    struct nima_pack_turn turn = {0};
    struct nima_pack_ask ask = {.texts = &text, .count = 1};
    if (o->knowledge == NULL) {
        return NIMA_OK;
    }
    NIMA_TRY(nima_knowledge_turn(ctx, o->knowledge, &ask, &turn));
    size_t taken = 0;
    for (size_t i = 0; i < turn.facts.count && taken < PACK_FACTS_MAX; i++) {
        const struct nima_pack_hit *hit = &turn.facts.items[i];
        if (hit->score >= PACK_SCORE_MIN) {
            add_hint(known, NIMA_HINT_PACK, hit->fact_id, hit->fact, hit->pack);
            taken++;
        }
    }
    return NIMA_OK;
}

/* "file.write_file notes.txt" */
static nima_str task_text(struct nima_ctx *ctx, const struct nima_task_row *task)
{
    static const char *const names[] = {"path", "url", "repo", "name"};
    const struct nima_json *params;
    nima_str what = {NULL, 0};
    struct nima_error before = ctx->error;
    if (nima_json_parse(ctx, task->params, &params) == NIMA_OK) {
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && what.ptr == NULL; i++) {
            what = nima_json_str(nima_json_get(params, names[i]));
        }
    }
    ctx->error = before;
    return nima_fmt(ctx, NIMA_FMT "." NIMA_FMT "%s" NIMA_FMT, NIMA_ARG(task->type),
                    NIMA_ARG(task->action), what.len > 0 ? " " : "",
                    NIMA_ARG(nima_utf8_prefix(what, TEXT_BYTES_MAX)));
}

static nima_rc add_tasks(struct nima_ctx *ctx, struct nima_orchestrator *o, nima_str goal_id,
                         struct nima_goals_known *known)
{
    static const nima_str open[] = {NIMA_STR_INIT("awaiting_approval"), NIMA_STR_INIT("failed")};
    for (size_t n = 0; n < sizeof(open) / sizeof(open[0]); n++) {
        struct nima_task_rows rows;
        struct nima_task_filter filter = {
            .goal_id = goal_id, .status = open[n], .limit = TASKS_LOOK};
        NIMA_TRY(nima_task_list(ctx, o->store, &filter, &rows));
        for (size_t i = 0; i < rows.count; i++) {
            const struct nima_task_row *task = &rows.items[i];
            add_hint(known, NIMA_HINT_TASK, task->id, task_text(ctx, task), open[n]);
        }
    }
    return NIMA_OK;
}

/* A task that no policy would ever allow is no proposal. */
static nima_rc only_possible_tasks(struct nima_ctx *ctx, struct nima_orchestrator *o,
                                   struct nima_goal_suggestions *suggestions)
{
    size_t kept = 0;
    for (size_t i = 0; i < suggestions->count; i++) {
        const struct nima_goal_task *task = suggestions->items[i].task;
        struct nima_error before = ctx->error;
        nima_rc rc = NIMA_OK;
        if (task != NULL) {
            struct nima_tasks_request request = {.type = task->type,
                                                 .action = task->action,
                                                 .params = task->params,
                                                 .max_attempts = TASK_ATTEMPTS,
                                                 .timeout_s = TASK_TIMEOUT_S};
            rc = nima_tasks_check(ctx, o->tasks, &request);
        }
        if (rc == NIMA_E_FORBIDDEN || rc == NIMA_E_INVALID) {
            ctx->error = before;
            continue;
        }
        NIMA_TRY(rc);
        suggestions->items[kept++] = suggestions->items[i];
    }
    suggestions->count = kept;
    return NIMA_OK;
}

nima_rc nima_orchestrator_advise(struct nima_ctx *ctx, struct nima_orchestrator *orchestrator,
                                 nima_str goal_id, bool may_act, struct nima_goal_suggestions *out)
{
    struct nima_orchestrator *o = orchestrator;
    struct nima_goal goal;
    struct nima_goal_suggestions found;
    struct nima_goals_known known = {.items =
                                         NIMA_NEW(ctx->arena, struct nima_goal_hint, HINTS_MAX),
                                     .files = may_act && o->tasks != NULL};
    NIMA_TRY(nima_goals_get(ctx, o->goals, goal_id, &goal));
    if (nima_str_eq(goal.status, NIMA_STR("active"))) {
        NIMA_TRY(add_facts(ctx, o, goal.title, &known));
        NIMA_TRY(add_facts(ctx, o, with_next(ctx, &goal), &known));
        NIMA_TRY(add_packs(ctx, o, goal.title, &known));
        NIMA_TRY(add_tasks(ctx, o, goal.id, &known));
        NIMA_TRY(nima_turn_goals_zone(ctx, o, &known.zone));
    }
    NIMA_TRY(nima_goals_suggest(ctx, o->goals, goal.id, &known, &found));
    NIMA_TRY(only_possible_tasks(ctx, o, &found));
    *out = found;
    return NIMA_OK;
}

/* Accepting */

/* Follows from the suggestion: accepted twice at once, it is made once. */
static nima_str id_for(struct nima_ctx *ctx, nima_str goal_id, nima_str key)
{
    nima_str hex = nima_sha256_hex(
        ctx, nima_fmt(ctx, "advice " NIMA_FMT " " NIMA_FMT, NIMA_ARG(goal_id), NIMA_ARG(key)));
    return nima_fmt(ctx, NIMA_FMT "%.*s",
                    NIMA_ARG(nima_str_sub(goal_id, 0, NIMA_UUID_CHARS - TAIL_CHARS)), TAIL_CHARS,
                    hex.ptr);
}

static nima_rc unless_made(struct nima_ctx *ctx, const struct nima_error *before, nima_rc rc)
{
    if (rc == NIMA_E_CONFLICT) {
        ctx->error = *before;
        return NIMA_OK;
    }
    return rc;
}

static nima_rc remind_of(struct nima_ctx *ctx, struct nima_orchestrator *o,
                         const struct nima_goal *goal,
                         const struct nima_goal_suggestion *suggestion)
{
    struct nima_schedule_view view;
    struct nima_error before = ctx->error;
    struct nima_schedule_when when = {.has_at = true, .at = suggestion->due};
    if (when.at <= nima_ctx_now(ctx)) {
        when.at = nima_ctx_now(ctx) + WEEK_MS;
    }
    nima_str text =
        nima_fmt(ctx, NIMA_FMT ": " NIMA_FMT, NIMA_ARG(goal->title), NIMA_ARG(suggestion->action));
    struct nima_schedule_do what = {.remind =
                                        nima_utf8_prefix(text, NIMA_SCHEDULE_REMIND_CHARS_MAX)};
    struct nima_schedule_wish wish = {
        .id = id_for(ctx, goal->id, suggestion->key), .when = &when, .what = &what};
    return unless_made(ctx, &before, nima_schedules_add(ctx, o->schedules, &wish, false, &view));
}

static nima_rc begin_task(struct nima_ctx *ctx, struct nima_orchestrator *o,
                          const struct nima_goal *goal,
                          const struct nima_goal_suggestion *suggestion)
{
    struct nima_task_row row;
    struct nima_error before = ctx->error;
    if (suggestion->task == NULL) {
        return nima_fail_field(ctx, NIMA_E_INVALID, "as", "this suggestion proposes no task");
    }
    struct nima_tasks_request request = {.id = id_for(ctx, goal->id, suggestion->key),
                                         .type = suggestion->task->type,
                                         .action = suggestion->task->action,
                                         .params = suggestion->task->params,
                                         .origin = NIMA_STR("goal"),
                                         .goal_id = goal->id,
                                         .max_attempts = TASK_ATTEMPTS,
                                         .timeout_s = TASK_TIMEOUT_S};
    return unless_made(ctx, &before, nima_tasks_submit(ctx, o->tasks, &request, &row));
}

nima_rc nima_orchestrator_settle(struct nima_ctx *ctx, struct nima_orchestrator *orchestrator,
                                 nima_str goal_id, nima_str key, enum nima_advice_as as,
                                 struct nima_goal *out)
{
    struct nima_orchestrator *o = orchestrator;
    struct nima_goal_suggestions found;
    struct nima_goal goal;
    const struct nima_goal_suggestion *meant = NULL;
    NIMA_TRY(nima_goals_get(ctx, o->goals, goal_id, &goal));
    NIMA_TRY(nima_orchestrator_advise(ctx, o, goal_id, true, &found));
    for (size_t i = 0; i < found.count && meant == NULL; i++) {
        meant = nima_str_eq(found.items[i].key, key) ? &found.items[i] : NULL;
    }
    if (meant == NULL) {
        return nima_fail_field(ctx, NIMA_E_NOT_FOUND, "suggestion",
                               "there is no such suggestion now");
    }
    if (as == NIMA_ADVICE_REMINDER) {
        NIMA_TRY(remind_of(ctx, o, &goal, meant));
    } else if (as == NIMA_ADVICE_TASK) {
        NIMA_TRY(begin_task(ctx, o, &goal, meant));
    }
    return nima_goals_settle(ctx, o->goals, goal_id, meant, as == NIMA_ADVICE_MILESTONE, out);
}
