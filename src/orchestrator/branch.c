/* Where a reply that is made again, or a message that is edited, leaves the path there was. */
#include "orchestrator/orchestrator_int.h"

static nima_rc get_active(struct nima_ctx *ctx, struct nima_orchestrator *o,
                          const struct nima_turn *turn, nima_str id, struct nima_message_row *out)
{
    NIMA_TRY(nima_message_get(ctx, o->store, turn->conversation_id, id, out));
    if (out->left) {
        return nima_fail(ctx, NIMA_E_CONFLICT,
                         "this message is on a branch that was left: activate it first");
    }
    return NIMA_OK;
}

/* What a reply answers: the last message before it that is the person's. */
static nima_rc find_asked(struct nima_ctx *ctx, struct nima_orchestrator *o,
                          const struct nima_turn *turn, const struct nima_message_row *reply,
                          struct nima_message_row *out)
{
    struct nima_message_rows rows;
    NIMA_TRY(nima_messages_before(ctx, o->store, turn->conversation_id, reply->position, 1, &rows));
    if (rows.count == 0 || !nima_str_eq(rows.items[0].role, NIMA_STR("user"))) {
        return nima_fail(ctx, NIMA_E_INVALID, "there is no message of the user in front of it");
    }
    *out = rows.items[0];
    return NIMA_OK;
}

nima_rc nima_branch_find(struct nima_ctx *ctx, struct nima_orchestrator *o,
                         const struct nima_turn *turn, struct nima_branch *out)
{
    struct nima_branch branch = {.from = INT64_MAX};
    struct nima_message_row row;
    if (turn->again.ptr != NULL) {
        NIMA_TRY(get_active(ctx, o, turn, turn->again, &row));
        if (nima_str_eq(row.role, NIMA_STR("assistant"))) {
            NIMA_TRY(find_asked(ctx, o, turn, &row, &branch.asked));
        } else if (nima_str_eq(row.role, NIMA_STR("user"))) {
            branch.asked = row;
        } else {
            return nima_fail(ctx, NIMA_E_INVALID, "a system message has no reply");
        }
        branch.made = true;
        branch.from = branch.asked.position;
    } else if (turn->instead.ptr != NULL) {
        NIMA_TRY(get_active(ctx, o, turn, turn->instead, &row));
        if (!nima_str_eq(row.role, NIMA_STR("user"))) {
            return nima_fail(ctx, NIMA_E_INVALID, "only a message of the user can be edited");
        }
        branch.made = true;
        branch.from = row.position;
    }
    *out = branch;
    return NIMA_OK;
}
