/* Active goals that bear on a message. */
#include <stdlib.h>
#include <string.h>

#include "goals/said_int.h"
#include "llm/llm.h"
#include "util/buf.h"
#include "util/clock.h"

enum {
    LOOK_MAX = 1000, /* active goals whose words are compared */
    EMBED_MAX = 32,  /* of these the newest by meaning, too: their vectors are in the cache */
    LINE_BYTES_MAX = 4096,
    DATE_CHARS = 10
};
#define NAMED_MIN 0.3 /* of the words of a title */
#define LIKE_MIN  0.4 /* cosine of message and title: below they are about different things */

nima_str nima_goal_line(struct nima_ctx *ctx, const struct nima_goal *goal)
{
    struct nima_buf buf;
    nima_buf_init(&buf, LINE_BYTES_MAX);
    nima_buf_fmt(&buf, NIMA_FMT ": %.0f %%", NIMA_ARG(goal->title), goal->progress * 100);
    if (goal->count.there) {
        nima_buf_fmt(&buf, ", " NIMA_FMT " of " NIMA_FMT "%s" NIMA_FMT,
                     NIMA_ARG(nima_goals_number(ctx, goal->count.amount)),
                     NIMA_ARG(nima_goals_number(ctx, goal->count.target)),
                     goal->count.unit.len > 0 ? " " : "", NIMA_ARG(goal->count.unit));
    }
    if (goal->milestones.count > 0) {
        nima_buf_fmt(&buf, ", %zu of %zu milestones done", nima_goal_steps_done(goal),
                     goal->milestones.count);
    }
    for (size_t i = 0; i < goal->milestones.count; i++) {
        if (!goal->milestones.items[i].completed) {
            nima_buf_fmt(&buf, ", next: " NIMA_FMT, NIMA_ARG(goal->milestones.items[i].title));
            break;
        }
    }
    if (goal->deadline != 0) {
        char when[NIMA_TIME_CHARS + 1];
        nima_time_write(goal->deadline, when);
        nima_buf_fmt(&buf, ", due %.*s", DATE_CHARS, when);
    }
    char *line = nima_alloc(ctx->arena, buf.len + 1);
    memcpy(line, buf.ptr, buf.len);
    for (size_t i = 0; i < buf.len; i++) {
        line[i] = (unsigned char)line[i] < ' ' ? ' ' : line[i];
    }
    nima_str text = {line, buf.len};
    nima_buf_done(&buf);
    return text;
}

/* Without a model words alone decide. */
static nima_rc likeness(struct nima_ctx *ctx, struct nima_goals *goals, nima_str message,
                        const struct nima_goal_rows *rows, double *out)
{
    struct nima_vectors vectors;
    size_t count = rows->count < EMBED_MAX ? rows->count : EMBED_MAX;
    nima_str *texts = NIMA_NEW(ctx->arena, nima_str, count + 1);
    texts[0] = message;
    for (size_t i = 0; i < count; i++) {
        texts[i + 1] = rows->items[i].title;
    }
    struct nima_error before = ctx->error;
    nima_rc rc = nima_llm_embed(ctx, goals->llm, texts, count + 1, &vectors);
    if (rc == NIMA_E_CANCELLED || rc == NIMA_E_TIMEOUT) {
        return rc;
    }
    if (rc != NIMA_OK) {
        ctx->error = before;
        return NIMA_OK;
    }
    for (size_t i = 0; i < count; i++) {
        double like =
            nima_goal_cosine(vectors.items, vectors.items + (i + 1) * vectors.dims, vectors.dims);
        out[i] = like > 0 ? like : 0;
    }
    return NIMA_OK;
}

static int by_score(const void *a, const void *b)
{
    const struct nima_goal_near *left = a, *right = b;
    if (left->score != right->score) {
        return left->score > right->score ? -1 : 1;
    }
    return nima_str_cmp(right->goal.id, left->goal.id);
}

nima_rc nima_goals_near(struct nima_ctx *ctx, struct nima_goals *goals, nima_str message,
                        size_t limit, struct nima_goals_near *out)
{
    struct nima_goal_rows rows;
    struct nima_goals_near found = {0};
    NIMA_TRY(
        nima_goal_list(ctx, goals->store, NIMA_GOAL_ACTIVE, LOOK_MAX, (nima_str){NULL, 0}, &rows));
    *out = found;
    if (rows.count == 0) {
        return NIMA_OK;
    }
    double *named = NIMA_NEW(ctx->arena, double, rows.count);
    double *like = NIMA_NEW(ctx->arena, double, rows.count);
    nima_goal_named(&rows, message, named);
    NIMA_TRY(likeness(ctx, goals, message, &rows, like));
    found.items = NIMA_NEW(ctx->arena, struct nima_goal_near, rows.count);
    for (size_t i = 0; i < rows.count; i++) {
        if (named[i] >= NAMED_MIN || like[i] >= LIKE_MIN) {
            found.items[found.count++] =
                (struct nima_goal_near){.goal = rows.items[i],
                                        .score = named[i] > like[i] ? named[i] : like[i],
                                        .keyword = named[i],
                                        .vector = like[i]};
        }
    }
    qsort(found.items, found.count, sizeof(found.items[0]), by_score);
    found.count = found.count < limit ? found.count : limit;
    *out = found;
    return NIMA_OK;
}
