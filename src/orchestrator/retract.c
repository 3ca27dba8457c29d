/* What was just remembered, or stated in the last reply, is taken back by a word, without the
 * model: memory says which fact is meant, here stands what is answered. */
#include "orchestrator/orchestrator_int.h"
#include "util/buf.h"

enum { ASKED_MAX = 5, REPLY_BYTES_MAX = 64 * 1024 };

/* Facts that came of the turn; what it superseded or forgot is none of them. */
static void read_told(struct nima_ctx *ctx, const struct nima_message_row *row,
                      struct nima_last_reply *out)
{
    struct nima_reply_meta meta = {0};
    *out = (struct nima_last_reply){.reply = row->content};
    if (nima_json_decode(ctx, &nima_reply_meta_shape, row->metadata, &meta) != NIMA_OK) {
        ctx->error = (struct nima_error){0};
        return;
    }
    nima_str *added = NIMA_NEW(ctx->arena, nima_str, meta.remembered.count);
    for (size_t i = 0; i < meta.remembered.count; i++) {
        nima_str event = meta.remembered.items[i].event;
        if (!nima_str_eq(event, NIMA_STR("superseded")) &&
            !nima_str_eq(event, NIMA_STR("forgotten"))) {
            added[out->added_count++] = meta.remembered.items[i].id;
        }
    }
    out->added = added;
    size_t count = meta.context != NULL ? meta.context->facts.count : 0;
    nima_str *recalled = NIMA_NEW(ctx->arena, nima_str, count);
    for (size_t i = 0; i < count; i++) {
        recalled[i] = meta.context->facts.items[i].id;
    }
    out->recalled = recalled;
    out->recalled_count = count;
}

nima_rc nima_retract_find(struct nima_ctx *ctx, struct nima_orchestrator *o,
                          const struct nima_turn *turn, nima_str message, int64_t before,
                          struct nima_retract *out)
{
    *out = (struct nima_retract){.kind = NIMA_RETRACT_NOTHING};
    bool may = turn->use_memory && turn->learn != NIMA_LEARN_OFF && turn->again.ptr == NULL &&
               !turn->stateless && turn->conversation_id.ptr != NULL;
    enum nima_retraction kind = may ? nima_memory_retraction(ctx, message) : NIMA_RETRACT_NOTHING;
    if (kind == NIMA_RETRACT_NOTHING) {
        return NIMA_OK;
    }
    struct nima_message_rows rows;
    struct nima_last_reply told;
    NIMA_TRY(nima_messages_before(ctx, o->store, turn->conversation_id, before, 1, &rows));
    if (rows.count == 0 || !nima_str_eq(rows.items[0].role, NIMA_STR("assistant"))) {
        return NIMA_OK;
    }
    read_told(ctx, &rows.items[0], &told);
    NIMA_TRY(nima_memory_retracts(ctx, o->memory, kind, &told, &out->meant));
    out->kind = kind;
    out->answered = out->meant.count > 0 || kind == NIMA_RETRACT_FORGET;
    return NIMA_OK;
}

static void ask(const struct nima_fact_rows *meant, struct nima_buf *text)
{
    nima_buf_add(text, NIMA_STR("Which of these do you mean?"));
    for (size_t i = 0; i < meant->count && i < ASKED_MAX; i++) {
        nima_buf_fmt(text, "\n- " NIMA_FMT, NIMA_ARG(meant->items[i].fact));
    }
    nima_buf_add(text, NIMA_STR("\nSay \"forget that …\" with its words, or how it is now."));
}

static void confirm(enum nima_retraction kind, const struct nima_learned_list *done,
                    struct nima_buf *text)
{
    const struct nima_learned *last = &done->items[done->count - 1];
    bool gone = last->event == NIMA_LEARNED_FORGOTTEN;
    nima_buf_fmt(text, "%s: " NIMA_FMT, gone ? "Forgotten" : "I will remember",
                 NIMA_ARG(last->fact.fact));
    if (kind == NIMA_RETRACT_WRONG) {
        nima_buf_add(text, NIMA_STR("\nTell me how it is, and I will remember that."));
    }
}

nima_rc nima_retract_run(struct nima_ctx *ctx, struct nima_orchestrator *o,
                         const struct nima_retract *retract, const struct nima_utterance *said,
                         nima_str *reply, struct nima_learned_list *out)
{
    struct nima_buf text;
    struct nima_learned_list done = {0};
    if (retract->meant.count == 1) {
        NIMA_TRY(nima_memory_retract(ctx, o->memory, retract->kind, &retract->meant.items[0], said,
                                     &done));
    }
    nima_buf_init(&text, REPLY_BYTES_MAX);
    if (done.count > 0) {
        confirm(retract->kind, &done, &text);
    } else if (retract->meant.count > 1) {
        ask(&retract->meant, &text);
    } else {
        nima_buf_add(&text, NIMA_STR("I kept nothing of what was said last. The list of what I "
                                     "know is on the page under Memory."));
    }
    *reply = nima_str_copy(ctx->arena, nima_buf_view(&text));
    nima_buf_done(&text);
    *out = done;
    return NIMA_OK;
}
