/* What is said to Nima about Nima: undo, help, again; packs, persona, this conversation; and what
 * it cannot do. */
#include "knowledge/knowledge.h"
#include "orchestrator/acts.h"
#include "personality/personality.h"
#include "tasks/tasks.h"

enum { BACK_MESSAGES = 12, TITLE_CHARS = 120 };

nima_rc nima_act_newest_undo(struct nima_ctx *ctx, const struct turn_state *s, nima_str *out)
{
    struct nima_message_rows rows;
    *out = (nima_str){NULL, 0};
    if (s->turn->conversation_id.ptr == NULL) {
        return NIMA_OK;
    }
    struct nima_error quiet = ctx->error;
    nima_rc rc =
        nima_messages_last(ctx, s->o->store, s->turn->conversation_id, BACK_MESSAGES, &rows);
    if (rc == NIMA_E_NOT_FOUND) { /* the conversation begins with this message */
        ctx->error = quiet;
        return NIMA_OK;
    }
    NIMA_TRY(rc);
    for (size_t i = rows.count; i > 0; i--) {
        struct nima_reply_meta meta = {0};
        const struct nima_json *tree;
        struct nima_error before = ctx->error;
        bool read = nima_json_decode(ctx, &nima_reply_meta_shape, rows.items[i - 1].metadata,
                                     &meta) == NIMA_OK &&
                    meta.actions.ptr != NULL &&
                    nima_json_parse(ctx, meta.actions, &tree) == NIMA_OK;
        ctx->error = before;
        for (size_t n = read ? nima_json_count(tree) : 0; n > 0; n--) {
            const struct nima_json *action = nima_json_at(tree, n - 1, NULL);
            nima_str id = nima_json_str(nima_json_get(action, "undo"));
            nima_str event = nima_json_str(nima_json_get(action, "event"));
            if (nima_str_eq(event, NIMA_STR("undone"))) {
                return NIMA_OK; /* one step back at a time, from the newest on */
            }
            if (id.len > 0) {
                *out = id;
                return NIMA_OK;
            }
        }
    }
    return NIMA_OK;
}

static nima_rc undo(struct nima_ctx *ctx, const struct nima_act_call *call,
                    struct nima_act_reply *out)
{
    nima_str id, told = NIMA_STR("");
    NIMA_TRY(nima_act_newest_undo(ctx, call->turn, &id));
    nima_rc rc = id.ptr != NULL
                     ? nima_undo_table_run(ctx, call->turn->o->undo, call->turn->o, id, &told)
                     : NIMA_E_NOT_FOUND;
    out->event = rc == NIMA_OK ? NIMA_ACT_UNDONE : NIMA_ACT_REFUSED;
    if (rc == NIMA_E_NOT_FOUND || rc == NIMA_E_CONFLICT) {
        const char *key = rc == NIMA_E_CONFLICT ? "undo.changed" : "undo.none";
        out->text = nima_phrase(ctx, call->language, key, NULL, 0);
        return NIMA_OK;
    }
    NIMA_TRY(rc);
    out->text = nima_str_trim(NIMA_SAY(ctx, call, "undo.done", {"text", told}));
    return NIMA_OK;
}

static nima_rc repeat(struct nima_ctx *ctx, const struct nima_act_call *call,
                      struct nima_act_reply *out)
{
    const struct nima_history *history = &call->turn->history;
    out->event = NIMA_ACT_ANSWERED;
    out->text = nima_phrase(ctx, call->language, "repeat.none", NULL, 0);
    for (size_t i = history->count; i > 0; i--) {
        if (nima_str_eq(history->items[i - 1].role, NIMA_STR("assistant"))) {
            out->text = history->items[i - 1].content;
            break;
        }
    }
    return NIMA_OK;
}

static nima_rc rename_conversation(struct nima_ctx *ctx, const struct nima_act_call *call,
                                   struct nima_act_reply *out)
{
    nima_str title = nima_str_trim(nima_act_text(call->act, NIMA_SLOT_TITLE));
    struct nima_conversation kept, change = {.id = call->turn->conversation_id};
    if (title.len == 0 || nima_utf8_count(title) > TITLE_CHARS) {
        out->event = NIMA_ACT_ASKED;
        out->asked_slot = NIMA_STR("title");
        out->text = nima_phrase(ctx, call->language, "conversation.which", NULL, 0);
        return NIMA_OK;
    }
    change.title = title;
    NIMA_TRY(nima_conversation_update(ctx, call->turn->o->store, &change, &kept));
    out->event = NIMA_ACT_DONE;
    out->text = NIMA_SAY(ctx, call, "conversation.renamed", {"title", title});
    return NIMA_OK;
}

/* Which pack is meant by these words: its id or its name in them. */
static nima_rc find_pack(struct nima_ctx *ctx, const struct nima_act_call *call, nima_str said,
                         struct nima_pack_wish *out)
{
    nima_str wish =
        nima_fmt(ctx, "%s the " NIMA_FMT " pack",
                 call->act->kind == NIMA_KIND_PACK_OFF ? "turn off" : "use", NIMA_ARG(said));
    *out = (struct nima_pack_wish){0};
    return call->turn->o->knowledge == NULL
               ? NIMA_OK
               : nima_knowledge_wish(ctx, call->turn->o->knowledge, wish, out);
}

static nima_rc switch_pack(struct nima_ctx *ctx, const struct nima_act_call *call,
                           struct nima_act_reply *out)
{
    struct nima_pack_wish wish;
    nima_str said = nima_str_trim(nima_act_text(call->act, NIMA_SLOT_PACK));
    NIMA_TRY(find_pack(ctx, call, said, &wish));
    out->event = NIMA_ACT_REFUSED;
    if (wish.pack.ptr == NULL) {
        out->text = NIMA_SAY(ctx, call, "pack.none", {"pack", said});
        return NIMA_OK;
    }
    NIMA_TRY(nima_packs_obey(ctx, call->turn->o, &wish, call->turn->conversation_id, &out->text));
    out->event = NIMA_ACT_DONE;
    return NIMA_OK;
}

static nima_rc tell_packs(struct nima_ctx *ctx, const struct nima_act_call *call,
                          struct nima_act_reply *out)
{
    struct nima_pack_infos packs = {0};
    nima_str lines = NIMA_STR("");
    if (call->turn->o->knowledge != NULL) {
        NIMA_TRY(nima_knowledge_list(ctx, call->turn->o->knowledge, call->turn->conversation_id,
                                     &packs));
    }
    for (size_t i = 0; i < packs.count; i++) {
        lines = nima_fmt(ctx, NIMA_FMT "\n- " NIMA_FMT "%s", NIMA_ARG(lines),
                         NIMA_ARG(packs.items[i].name), packs.items[i].active ? " (on)" : "");
    }
    out->event = NIMA_ACT_ANSWERED;
    out->text = NIMA_SAY(ctx, call, "pack.shown", {"lines", lines});
    return NIMA_OK;
}

/* Who speaks in this conversation from now on. */
static nima_rc set_persona(struct nima_ctx *ctx, const struct nima_act_call *call,
                           struct nima_act_reply *out)
{
    nima_str said = nima_language_fold(ctx, nima_act_text(call->act, NIMA_SLOT_PERSONA));
    struct nima_texts known;
    nima_personality_names(ctx, call->turn->o->personality, &known);
    const nima_str *names = known.items;
    size_t count = known.count;
    for (size_t i = 0; i < count && said.len > 0; i++) {
        size_t cut = nima_str_find(names[i], NIMA_STR("_"), 0);
        nima_str word = nima_str_sub(names[i], 0, cut);
        if (nima_str_find(said, word, 0) == SIZE_MAX &&
            nima_str_find(names[i], said, 0) == SIZE_MAX) {
            continue;
        }
        struct nima_turn turn = {.persona = names[i]};
        struct nima_conversation kept, change = {.id = call->turn->conversation_id};
        NIMA_TRY(nima_voice_keep(ctx, &turn, call->turn->history.metadata, &change.metadata));
        if (change.metadata.ptr != NULL) {
            NIMA_TRY(nima_conversation_update(ctx, call->turn->o->store, &change, &kept));
        }
        out->event = NIMA_ACT_DONE;
        out->text = NIMA_SAY(ctx, call, "persona.set", {"persona", names[i]});
        return NIMA_OK;
    }
    nima_str all = NIMA_STR("");
    for (size_t i = 0; i < count; i++) {
        all = nima_fmt(ctx, NIMA_FMT "%s" NIMA_FMT, NIMA_ARG(all), i > 0 ? ", " : "",
                       NIMA_ARG(names[i]));
    }
    out->event = NIMA_ACT_REFUSED;
    out->text = NIMA_SAY(ctx, call, "persona.none", {"all", all});
    return NIMA_OK;
}

nima_rc nima_act_control(struct nima_ctx *ctx, const struct nima_act_call *call,
                         struct nima_act_reply *out)
{
    out->event = NIMA_ACT_ANSWERED;
    switch (call->act->kind) {
    case NIMA_KIND_UNDO:
        return undo(ctx, call, out);
    case NIMA_KIND_REPEAT:
        return repeat(ctx, call, out);
    case NIMA_KIND_CONVERSATION_RENAME:
        return rename_conversation(ctx, call, out);
    case NIMA_KIND_PACK_ON:
    case NIMA_KIND_PACK_OFF:
        return switch_pack(ctx, call, out);
    case NIMA_KIND_PACK_ASK:
        return tell_packs(ctx, call, out);
    case NIMA_KIND_PERSONA_SET:
        return set_persona(ctx, call, out);
    case NIMA_KIND_HELP:
        out->text = nima_phrase(ctx, call->language, "help", NULL, 0);
        return NIMA_OK;
    default:
        out->text = nima_phrase(ctx, call->language, "cannot.plain", NULL, 0);
        return NIMA_OK;
    }
}
