/* Notes, facts, names and standing instructions in a conversation. */
#include "orchestrator/acts.h"

static nima_str trimmed_text(const struct nima_act *act, enum nima_slot slot)
{
    return nima_str_trim(nima_act_text(act, slot));
}

/* Does what a command of memory does, and tells it. */
static nima_rc command(struct nima_ctx *ctx, const struct nima_act_call *call, const char *command,
                       nima_str about, struct nima_act_reply *out)
{
    struct turn_state *s = call->turn;
    struct nima_utterance said = {.text = nima_fmt(ctx, "%s " NIMA_FMT, command, NIMA_ARG(about)),
                                  .conversation_id = s->conversation_id,
                                  .message_id = s->message_id,
                                  .wait = false};
    nima_rc rc = nima_memory_learn(ctx, s->o->memory, &said, &out->learned);
    if (rc == NIMA_E_INVALID) {
        nima_str why = nima_fmt(ctx, "%s", ctx->error.message);
        out->event = NIMA_ACT_REFUSED;
        out->text = NIMA_SAY(ctx, call, "memory.refused", {"why", why});
        return NIMA_OK;
    }
    NIMA_TRY(rc);
    out->event = out->learned.count > 0 ? NIMA_ACT_DONE : NIMA_ACT_ANSWERED;
    out->text = NIMA_STR("");
    for (size_t i = 0; i < out->learned.count; i++) {
        enum nima_learned_event event = out->learned.items[i].event;
        const char *key = event == NIMA_LEARNED_FORGOTTEN   ? "memory.forgotten"
                          : event == NIMA_LEARNED_UNCHANGED ? "memory.known"
                                                            : "memory.kept";
        if (event == NIMA_LEARNED_SUPERSEDED) {
            continue; /* what took its place is told */
        }
        nima_str one = NIMA_SAY(ctx, call, key, {"text", out->learned.items[i].fact.fact});
        out->text = nima_fmt(ctx, NIMA_FMT "%s" NIMA_FMT, NIMA_ARG(out->text),
                             out->text.len > 0 ? "\n" : "", NIMA_ARG(one));
    }
    return NIMA_OK;
}

enum { UNDO_FACT };

static nima_rc forget_added(struct nima_ctx *ctx, struct nima_orchestrator *o,
                            const nima_str texts[NIMA_UNDO_TEXTS], nima_str *told)
{
    nima_rc rc = nima_memory_delete(ctx, o->memory, texts[UNDO_FACT]);
    *told = NIMA_STR("");
    return rc == NIMA_E_NOT_FOUND ? nima_fail(ctx, NIMA_E_CONFLICT, "it is gone already") : rc;
}

enum { BACK_TEXT, BACK_CATEGORY, BACK_SOURCE, BACK_METADATA };

static nima_rc bring_back(struct nima_ctx *ctx, struct nima_orchestrator *o,
                          const nima_str texts[NIMA_UNDO_TEXTS], nima_str *told)
{
    struct nima_fact made, fact = {.fact = texts[BACK_TEXT],
                                   .category = texts[BACK_CATEGORY],
                                   .source = texts[BACK_SOURCE],
                                   .metadata = texts[BACK_METADATA],
                                   .confidence = 1};
    bool created;
    NIMA_TRY(nima_memory_add(ctx, o->memory, &fact, &made, &created));
    *told = made.fact;
    return NIMA_OK;
}

/* The one fact that was added or forgotten can be taken back; several cannot. */
static void keep_undo(struct nima_ctx *ctx, const struct nima_act_call *call,
                      struct nima_act_reply *out)
{
    nima_str texts[NIMA_UNDO_TEXTS] = {{0}};
    if (out->event != NIMA_ACT_DONE || out->learned.count != 1) {
        return;
    }
    const struct nima_fact *fact = &out->learned.items[0].fact;
    if (out->learned.items[0].event == NIMA_LEARNED_ADDED) {
        texts[UNDO_FACT] = fact->id;
        nima_undo_table_keep(ctx, call->turn->o->undo, forget_added, texts, &out->undo);
    } else if (out->learned.items[0].event == NIMA_LEARNED_FORGOTTEN) {
        texts[BACK_TEXT] = fact->fact;
        texts[BACK_CATEGORY] = fact->category;
        texts[BACK_SOURCE] = fact->source;
        texts[BACK_METADATA] = fact->metadata;
        nima_undo_table_keep(ctx, call->turn->o->undo, bring_back, texts, &out->undo);
    }
}

static nima_rc ask_for(struct nima_ctx *ctx, const struct nima_act_call *call, const char *key,
                       const char *slot, struct nima_act_reply *out)
{
    out->event = NIMA_ACT_ASKED;
    out->asked_slot = nima_str_of(slot);
    out->text = nima_phrase(ctx, call->language, key, NULL, 0);
    return NIMA_OK;
}

static nima_rc keep_instruction(struct nima_ctx *ctx, const struct nima_act_call *call,
                                struct nima_act_reply *out)
{
    struct nima_fact fact = {.fact = nima_str_trim(call->act->text),
                             .category = NIMA_STR("instruction"),
                             .source = NIMA_STR("explicit"),
                             .metadata = NIMA_STR("{}"),
                             .confidence = 1};
    bool created;
    fact.conversation_id = call->turn->conversation_id;
    fact.message_id = call->turn->message_id;
    struct nima_learned *learned = NIMA_NEW(ctx->arena, struct nima_learned, 1);
    NIMA_TRY(nima_memory_add(ctx, call->turn->o->memory, &fact, &learned->fact, &created));
    learned->event = created ? NIMA_LEARNED_ADDED : NIMA_LEARNED_UNCHANGED;
    out->learned = (struct nima_learned_list){.items = learned, .count = 1};
    out->event = NIMA_ACT_DONE;
    out->text = NIMA_SAY(ctx, call, "instruction.kept", {"text", learned->fact.fact});
    return NIMA_OK;
}

static nima_rc keep_name(struct nima_ctx *ctx, const struct nima_act_call *call,
                         struct nima_act_reply *out)
{
    struct nima_profile profile, stored;
    nima_str name = trimmed_text(call->act, NIMA_SLOT_NAME);
    if (name.len == 0) {
        return ask_for(ctx, call, "name.which", "name", out);
    }
    NIMA_TRY(command(ctx, call, "/remember my name is", name, out));
    NIMA_TRY(nima_profile_get(ctx, call->turn->o->store, &profile));
    if (out->event != NIMA_ACT_REFUSED && !nima_str_eq(profile.name, name)) {
        profile.name = name;
        NIMA_TRY(nima_profile_put(ctx, call->turn->o->store, &profile, &stored));
    }
    out->text = out->event == NIMA_ACT_REFUSED ? out->text
                                               : NIMA_SAY(ctx, call, "name.kept", {"name", name});
    out->event = out->event == NIMA_ACT_REFUSED ? out->event : NIMA_ACT_DONE;
    return NIMA_OK;
}

nima_rc nima_act_memory(struct nima_ctx *ctx, const struct nima_act_call *call,
                        struct nima_act_reply *out)
{
    const struct nima_act *act = call->act;
    nima_str text = trimmed_text(act, NIMA_SLOT_TEXT);
    nima_rc rc;
    switch (act->kind) {
    case NIMA_KIND_NAME_SET:
        rc = keep_name(ctx, call, out);
        break;
    case NIMA_KIND_AINAME_SET:
        out->event = NIMA_ACT_ANSWERED;
        out->text = NIMA_SAY(ctx, call, "ainame", {"name", trimmed_text(act, NIMA_SLOT_NAME)});
        return NIMA_OK;
    case NIMA_KIND_INSTRUCTION_ADD:
        rc = keep_instruction(ctx, call, out);
        break;
    case NIMA_KIND_FACT_FORGET:
        if (text.len == 0) {
            text = trimmed_text(act, NIMA_SLOT_TOPIC);
        }
        rc = command(ctx, call, "/forget", text, out);
        if (rc == NIMA_OK && out->learned.count == 0 && out->event != NIMA_ACT_REFUSED) {
            out->text = nima_phrase(ctx, call->language, "memory.forget.none", NULL, 0);
        }
        break;
    default:
        if (text.len == 0) {
            return ask_for(ctx, call, "memory.which", "text", out);
        }
        rc = command(ctx, call, "/remember", text, out);
        break;
    }
    NIMA_TRY(rc);
    keep_undo(ctx, call, out);
    return NIMA_OK;
}
