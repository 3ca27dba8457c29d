/*
 * Branches: which of a conversation's messages are on the active path.
 */
#include "store/conversations_int.h"

/* A summary of messages from that position on tells of a branch that is left. */
static nima_rc drop_summaries(struct nima_ctx *ctx, struct nima_db *db, nima_str conversation_id,
                              int64_t from)
{
    return nima_db_run(ctx, db,
                       "UPDATE conversations SET context_summary = NULL, summary_position = 0, "
                       "next_summary = NULL, next_position = 0 WHERE id = $1 AND "
                       "(summary_position > $2 OR next_position > $2)",
                       NIMA_DB_ARGS(nima_db_text(conversation_id), nima_db_int(from)), NULL);
}

nima_rc nima_store_leave(struct nima_ctx *ctx, struct nima_db *db, nima_str conversation_id,
                         int64_t from, int64_t change)
{
    NIMA_TRY(nima_db_run(
        ctx, db,
        "UPDATE messages SET active = 0, change = $3 WHERE conversation_id = $1 "
        "AND position >= $2 AND active = 1",
        NIMA_DB_ARGS(nima_db_text(conversation_id), nima_db_int(from), nima_db_int(change)), NULL));
    return drop_summaries(ctx, db, conversation_id, from);
}

struct node {
    nima_str id, parent_id;
    int64_t position;
    bool active, wanted;
    size_t parent, newest; /* indexes + 1; 0: none */
};
struct tree {
    nima_str conversation_id, id;
    struct node *nodes;
    size_t count, room;
};

static nima_rc read_tree(struct nima_ctx *ctx, struct nima_db *db, struct tree *tree)
{
    struct nima_db_stmt *stmt;
    bool row = false;
    tree->count = 0;
    NIMA_TRY(nima_db_query(
        ctx, db,
        "SELECT m.id, m.parent_id, m.position, m.active FROM conversations AS c "
        "JOIN messages AS m ON m.conversation_id = c.id "
        "WHERE c.user_id = $1 AND c.id = $2 ORDER BY m.position",
        NIMA_DB_ARGS(nima_db_text(ctx->user_id), nima_db_text(tree->conversation_id)), &stmt));
    NIMA_TRY(nima_db_step(ctx, stmt, &row));
    while (row) {
        if (tree->count == tree->room) {
            struct node *grown = NIMA_NEW(ctx->arena, struct node, tree->room * 2 + 64);
            for (size_t i = 0; i < tree->count; i++) {
                grown[i] = tree->nodes[i];
            }
            tree->nodes = grown;
            tree->room = tree->room * 2 + 64;
        }
        tree->nodes[tree->count++] = (struct node){.id = nima_db_get_text(ctx, stmt, 0),
                                                   .parent_id = nima_db_get_text(ctx, stmt, 1),
                                                   .position = nima_db_get_int(stmt, 2),
                                                   .active = nima_db_get_int(stmt, 3) != 0};
        NIMA_TRY(nima_db_step(ctx, stmt, &row));
    }
    return nima_db_end(ctx, stmt);
}

/* Parents stand before their children, mostly right before: the search goes back from there. Who
 * names none follows the one before it when no message yet did: those are older than branches.
 * Later it stands in the place of the first message. */
static void link_tree(struct tree *tree)
{
    bool named = false;
    for (size_t i = 0; i < tree->count; i++) {
        struct node *node = &tree->nodes[i];
        named = named || node->parent_id.ptr != NULL;
        size_t parent = named && node->parent_id.ptr == NULL ? 0 : i;
        while (parent > 0 && node->parent_id.ptr != NULL &&
               !nima_str_eq(tree->nodes[parent - 1].id, node->parent_id)) {
            parent--;
        }
        node->parent = parent; /* index + 1 of the one before, or 0 */
        if (parent > 0) {
            tree->nodes[parent - 1].newest = i + 1;
        }
    }
}

/* Messages that come back stand before others that an index has seen: it reads them all anew. */
static nima_rc switch_to(struct nima_ctx *ctx, struct nima_db *db, const struct tree *tree,
                         int64_t change)
{
    int64_t first = INT64_MAX;
    for (size_t i = 0; i < tree->count; i++) {
        const struct node *node = &tree->nodes[i];
        if (node->active != node->wanted) {
            first = node->position < first ? node->position : first;
            NIMA_TRY(nima_db_run(ctx, db,
                                 "UPDATE messages SET active = $2, change = $3 WHERE id = $1",
                                 NIMA_DB_ARGS(nima_db_text(node->id), nima_db_int(node->wanted),
                                              nima_db_int(change)),
                                 NULL));
        }
    }
    NIMA_TRY(nima_db_run(ctx, db, "UPDATE conversations SET messages_change = $2 WHERE id = $1",
                         NIMA_DB_ARGS(nima_db_text(tree->conversation_id), nima_db_int(change)),
                         NULL));
    return drop_summaries(ctx, db, tree->conversation_id, first);
}

static nima_rc activate(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    struct tree *tree = arg;
    int64_t change;
    NIMA_TRY(nima_store_raise_messages(ctx, db, true, &change));
    NIMA_TRY(read_tree(ctx, db, tree));
    link_tree(tree);
    size_t at = tree->count;
    while (at > 0 && !nima_str_eq(tree->nodes[at - 1].id, tree->id)) {
        at--;
    }
    if (at == 0) {
        return nima_store_no_such(ctx, "message");
    }
    for (size_t up = at; up > 0; up = tree->nodes[up - 1].parent) {
        tree->nodes[up - 1].wanted = true;
    }
    for (size_t down = at; down > 0; down = tree->nodes[down - 1].newest) {
        tree->nodes[down - 1].wanted = true;
    }
    return switch_to(ctx, db, tree, change);
}

nima_rc nima_message_activate(struct nima_ctx *ctx, struct nima_store *store,
                              nima_str conversation_id, nima_str id)
{
    struct tree tree = {0};
    NIMA_TRY(nima_store_id(ctx, conversation_id, "conversation", &tree.conversation_id));
    NIMA_TRY(nima_store_id(ctx, id, "message", &tree.id));
    return nima_db_write(ctx, store, activate, &tree);
}
