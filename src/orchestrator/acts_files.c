/* Files in a conversation: what is read is read at once where the policy allows it, what changes
 * anything is proposed with what it would do, as for every task. */
#include "orchestrator/acts.h"
#include "tasks/tasks.h"
#include "util/buf.h"

enum { PARAMS_BYTES_MAX = 64 * 1024, PAIRS_MAX = 3 };

struct pair {
    const char *name;
    nima_str value;
};

static nima_str params_of(struct nima_ctx *ctx, const struct pair *pairs, size_t count)
{
    struct nima_buf buf;
    bool first = true;
    nima_buf_init(&buf, PARAMS_BYTES_MAX);
    nima_buf_add_char(&buf, '{');
    for (size_t i = 0; i < count; i++) {
        if (pairs[i].name != NULL && pairs[i].value.ptr != NULL) {
            nima_buf_fmt(&buf, "%s\"%s\":", first ? "" : ",", pairs[i].name);
            nima_json_write_str(&buf, pairs[i].value);
            first = false;
        }
    }
    nima_buf_add_char(&buf, '}');
    nima_str text = nima_str_copy(ctx->arena, nima_buf_view(&buf));
    nima_buf_done(&buf);
    return text;
}

/* Kinds as actions of the integration, with the params that their slots are. */
static const struct {
    enum nima_kind kind;
    const char *action;
    const char *params[PAIRS_MAX];
    enum nima_slot slots[PAIRS_MAX];
} actions[] = {
    {NIMA_KIND_FILE_READ, "read_file", {"path"}, {NIMA_SLOT_PATH}},
    {NIMA_KIND_FILE_LIST, "list_dir", {"path"}, {NIMA_SLOT_PATH}},
    {NIMA_KIND_FILE_SEARCH, "search", {"query"}, {NIMA_SLOT_TOPIC}},
    {NIMA_KIND_FILE_APPEND,
     "append_file",
     {"path", "content"},
     {NIMA_SLOT_PATH, NIMA_SLOT_CONTENT}},
    {NIMA_KIND_FILE_DELETE, "delete", {"path"}, {NIMA_SLOT_PATH}},
    {NIMA_KIND_FILE_MOVE, "move", {"path", "to"}, {NIMA_SLOT_PATH, NIMA_SLOT_TO}},
    {NIMA_KIND_FILE_COPY, "copy", {"path", "to"}, {NIMA_SLOT_PATH, NIMA_SLOT_TO}},
    {NIMA_KIND_FILE_MKDIR, "make_dir", {"path"}, {NIMA_SLOT_PATH}},
};

nima_rc nima_act_file(struct nima_ctx *ctx, const struct nima_act_call *call,
                      struct nima_act_reply *out)
{
    struct turn_state *s = call->turn;
    struct nima_tasks_spoken spoken = {.said = NIMA_SAID_DO, .type = NIMA_STR("file")};
    struct pair pairs[PAIRS_MAX] = {{0}};
    nima_str given;
    if (s->o->tasks == NULL || !s->turn->may_act) {
        return nima_fail(ctx, NIMA_E_FORBIDDEN, "files are not worked with here");
    }
    for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
        for (size_t n = 0; actions[i].kind == call->act->kind && n < PAIRS_MAX; n++) {
            spoken.action = nima_str_of(actions[i].action);
            given = nima_act_text(call->act, actions[i].slots[n]);
            pairs[n] = (struct pair){actions[i].params[n], given};
        }
    }
    if (call->act->kind == NIMA_KIND_FILE_LIST && pairs[0].value.ptr == NULL) {
        pairs[0].value = NIMA_STR(".");
    }
    spoken.params = params_of(ctx, pairs, PAIRS_MAX);
    nima_str text, actions_made;
    NIMA_TRY(
        nima_tasks_answer(ctx, s->o->tasks, s->conversation_id, &spoken, &text, &actions_made));
    out->event = NIMA_ACT_ANSWERED;
    out->text = text;
    nima_str inner = nima_str_trim(actions_made); /* "[{…}]": its one object's members */
    if (inner.len > 4 && nima_str_find(inner, NIMA_STR("},{"), 0) == SIZE_MAX) {
        out->extra = nima_str_sub(inner, 2, inner.len - 2);
    }
    return NIMA_OK;
}
