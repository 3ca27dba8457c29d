/*
 * Suggestions that were accepted or dismissed: their keys stand in the goal's metadata,
 * {"settled": [key, …]}, the latest at the end.
 */
#include "goals/goals_int.h"
#include "util/json.h"

#define SETTLED "settled: " /* how the note of its row begins, when nothing else changed */

enum { SETTLED_MAX = 200, METADATA_BYTES_MAX = 32 * 1024 };

struct settled {
    struct {
        nima_str *items;
        size_t count;
    } settled;
};
static const struct nima_field settled_fields[] = {
    NIMA_FIELD(STR_LIST, struct settled, settled),
};
static const struct nima_shape settled_shape =
    NIMA_SHAPE("GoalSettled", struct settled, settled_fields, .open = true);

static nima_rc read_settled(struct nima_ctx *ctx, const struct nima_goal *goal, struct settled *out)
{
    *out = (struct settled){0};
    return goal->metadata.len > 0 ? nima_json_decode(ctx, &settled_shape, goal->metadata, out)
                                  : NIMA_OK;
}

static bool has(const struct settled *settled, nima_str key)
{
    for (size_t i = 0; i < settled->settled.count; i++) {
        if (nima_str_eq(settled->settled.items[i], key)) {
            return true;
        }
    }
    return false;
}

nima_rc nima_goal_unsettled(struct nima_ctx *ctx, const struct nima_goal *goal,
                            struct nima_goal_suggestions *suggestions)
{
    struct settled settled;
    size_t kept = 0;
    NIMA_TRY(read_settled(ctx, goal, &settled));
    for (size_t i = 0; i < suggestions->count; i++) {
        if (!has(&settled, suggestions->items[i].key)) {
            suggestions->items[kept++] = suggestions->items[i];
        }
    }
    suggestions->count = kept;
    return NIMA_OK;
}

/* One that became milestones is a step of the person's. */
bool nima_goal_is_settling(const struct nima_goal_entry *entry)
{
    return nima_str_eq(entry->kind, NIMA_STR("edited")) &&
           nima_str_starts(entry->note, NIMA_STR(SETTLED));
}

struct settle {
    const struct nima_goal_suggestion *suggestion;
    bool add;
};

static nima_rc add_key(struct nima_ctx *ctx, struct nima_goal *goal, nima_str key)
{
    struct settled old, now = {0};
    struct nima_buf buf;
    NIMA_TRY(read_settled(ctx, goal, &old));
    now.settled.items = NIMA_NEW(ctx->arena, nima_str, old.settled.count + 1);
    size_t from = old.settled.count >= SETTLED_MAX ? old.settled.count - SETTLED_MAX + 1 : 0;
    for (size_t i = from; i < old.settled.count; i++) {
        now.settled.items[now.settled.count++] = old.settled.items[i];
    }
    now.settled.items[now.settled.count++] = key;
    nima_buf_init(&buf, METADATA_BYTES_MAX);
    nima_json_encode(&buf, &settled_shape, &now);
    nima_rc rc = nima_buf_take(ctx, &buf, &goal->metadata);
    nima_buf_done(&buf);
    return rc;
}

static nima_rc settle_rule(struct nima_ctx *ctx, void *arg, struct nima_goal *goal,
                           struct nima_goal_entry *entry)
{
    const struct settle *job = arg;
    const struct nima_goal_suggestion *suggestion = job->suggestion;
    struct settled settled;
    NIMA_TRY(read_settled(ctx, goal, &settled));
    if (has(&settled, suggestion->key)) {
        return nima_fail_field(ctx, NIMA_E_NOT_FOUND, "suggestion",
                               "there is no such suggestion now");
    }
    NIMA_TRY(add_key(ctx, goal, suggestion->key));
    entry->kind = NIMA_STR("edited");
    entry->note = nima_fmt(ctx, "%s" NIMA_FMT, job->add ? "accepted: " : SETTLED,
                           NIMA_ARG(suggestion->action));
    entry->aside = !job->add;
    if (!job->add) {
        return NIMA_OK;
    }
    size_t steps = suggestion->steps != NULL ? suggestion->steps->count : 1;
    nima_str *titles = NIMA_NEW(ctx->arena, nima_str, steps);
    for (size_t i = 0; i < steps; i++) {
        titles[i] = suggestion->steps != NULL
                        ? suggestion->steps->items[i].title
                        : nima_utf8_prefix(suggestion->action, NIMA_GOAL_TITLE_MAX);
    }
    return nima_goal_more_steps(ctx, goal, titles, steps);
}

nima_rc nima_goals_settle(struct nima_ctx *ctx, struct nima_goals *goals, nima_str id,
                          const struct nima_goal_suggestion *suggestion, bool add,
                          struct nima_goal *out)
{
    struct settle job = {suggestion, add};
    return nima_goal_change(ctx, goals->store, id, settle_rule, &job, out);
}
