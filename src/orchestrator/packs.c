/* Knowledge packs in a turn: what they add to the prompt, and switching them by saying so. */
#include "knowledge/knowledge.h"
#include "orchestrator/orchestrator_int.h"

enum { NOTE_BYTES_MAX = 4096 };

/* What the person said lately, oldest first, this message last. */
static struct nima_pack_ask ask_of(struct nima_ctx *ctx, const struct nima_turn *turn,
                                   const struct nima_history *history, nima_str message)
{
    nima_str *texts = NIMA_NEW(ctx->arena, nima_str, history->count + 1);
    size_t count = 0;
    for (size_t i = 0; i < history->count; i++) {
        if (nima_str_eq(history->items[i].role, NIMA_STR("user"))) {
            texts[count++] = history->items[i].content;
        }
    }
    texts[count++] = message;
    return (struct nima_pack_ask){.texts = texts,
                                  .count = count,
                                  .conversation_id = turn->conversation_id,
                                  .wanted = turn->packs.items,
                                  .wanted_count = turn->packs.count};
}

nima_rc nima_packs_recall(struct nima_ctx *ctx, struct nima_orchestrator *o,
                          const struct nima_turn *turn, const struct nima_history *history,
                          nima_str message, struct nima_pack_turn *out)
{
    if (o->knowledge == NULL) {
        return NIMA_OK;
    }
    struct nima_pack_ask ask = ask_of(ctx, turn, history, message);
    return nima_knowledge_turn(ctx, o->knowledge, &ask, out);
}

static nima_str fact_text(struct nima_ctx *ctx, const struct nima_pack_hit *hit)
{
    struct nima_buf text;
    nima_buf_init(&text, NOTE_BYTES_MAX);
    nima_buf_add(&text, hit->fact);
    if (hit->source.len > 0) {
        nima_buf_fmt(&text, " [" NIMA_FMT "]", NIMA_ARG(hit->source));
    }
    if (hit->caution.len > 0) {
        nima_buf_fmt(&text, " Caution: " NIMA_FMT, NIMA_ARG(hit->caution));
    }
    nima_str copy = nima_str_copy(ctx->arena, nima_buf_view(&text));
    nima_buf_done(&text);
    return copy;
}

void nima_packs_notes(struct nima_ctx *ctx, const struct nima_pack_turn *packs,
                      struct nima_notes *out)
{
    size_t count = packs->facts.count + packs->guides.count;
    *out = (struct nima_notes){NIMA_NEW(ctx->arena, struct nima_note, count), 0};
    for (size_t i = 0; i < packs->facts.count; i++) {
        const struct nima_pack_hit *hit = &packs->facts.items[i];
        out->items[out->count++] = (struct nima_note){
            .id = nima_fmt(ctx, NIMA_FMT "/" NIMA_FMT, NIMA_ARG(hit->pack), NIMA_ARG(hit->fact_id)),
            .fact = fact_text(ctx, hit),
            .kind = NIMA_STR("pack"),
            .score = hit->score};
    }
    for (size_t i = 0; i < packs->guides.count; i++) {
        const struct nima_pack_guide *guide = &packs->guides.items[i];
        out->items[out->count++] =
            (struct nima_note){.id = nima_fmt(ctx, NIMA_FMT "#%llx", NIMA_ARG(guide->pack),
                                              (unsigned long long)nima_str_hash(guide->text)),
                               .fact = guide->text,
                               .kind = NIMA_STR("pack_rule"),
                               .score = -(double)i};
    }
}

void nima_packs_context(struct nima_ctx *ctx, const struct nima_pack_turn *packs,
                        struct nima_turn_context *out)
{
    out->packs.items = packs->packs.items;
    out->packs.count = packs->packs.count;
    out->pack_facts.items = NIMA_NEW(ctx->arena, struct nima_context_pack_fact, packs->facts.count);
    out->pack_facts.count = packs->facts.count;
    for (size_t i = 0; i < packs->facts.count; i++) {
        const struct nima_pack_hit *hit = &packs->facts.items[i];
        out->pack_facts.items[i] = (struct nima_context_pack_fact){
            hit->pack, hit->fact_id, hit->fact, hit->source, hit->score};
    }
}

static void add_pack(struct nima_pack_turn *out, nima_str pack)
{
    for (size_t i = 0; i < out->packs.count; i++) {
        if (nima_str_eq(out->packs.items[i], pack)) {
            return;
        }
    }
    out->packs.items[out->packs.count++] = pack;
}

void nima_packs_again(struct nima_ctx *ctx, const struct nima_notes *notes,
                      struct nima_pack_turn *out)
{
    *out = (struct nima_pack_turn){0};
    out->packs.items = NIMA_NEW(ctx->arena, nima_str, notes->count);
    out->facts.items = NIMA_NEW(ctx->arena, struct nima_pack_hit, notes->count);
    for (size_t i = 0; i < notes->count; i++) {
        const struct nima_note *note = &notes->items[i];
        size_t slash = nima_str_find(note->id, NIMA_STR("/"), 0);
        if (!nima_note_is(note, NIMA_SECTION_PACKS) || slash == SIZE_MAX) {
            continue;
        }
        nima_str pack = nima_str_sub(note->id, 0, slash);
        add_pack(out, pack);
        out->facts.items[out->facts.count++] =
            (struct nima_pack_hit){.pack = pack,
                                   .fact_id = nima_str_sub(note->id, slash + 1, note->id.len),
                                   .fact = note->fact,
                                   .score = note->score};
    }
}

nima_rc nima_packs_wish(struct nima_ctx *ctx, struct nima_orchestrator *o,
                        const struct nima_turn *turn, nima_str message, struct nima_pack_wish *out)
{
    if (o->knowledge == NULL || turn->stateless) {
        return NIMA_OK;
    }
    return nima_knowledge_wish(ctx, o->knowledge, message, out);
}

nima_rc nima_packs_obey(struct nima_ctx *ctx, struct nima_orchestrator *o,
                        const struct nima_pack_wish *wish, nima_str conversation_id,
                        nima_str *reply)
{
    nima_str where = wish->here ? conversation_id : (nima_str){NULL, 0};
    NIMA_TRY(nima_knowledge_switch(ctx, o->knowledge, wish->pack, where, wish->mode));
    *reply = nima_fmt(ctx, "The pack " NIMA_FMT " is %s %s.", NIMA_ARG(wish->name),
                      wish->mode == NIMA_PACK_ON ? "on" : "off",
                      wish->here ? "in this conversation" : "from now on");
    return NIMA_OK;
}
