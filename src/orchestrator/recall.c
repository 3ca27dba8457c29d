/*
 * What bears on a turn: facts, goals, packs, past messages, and how the message wants to be taken,
 * as notes in front of it; each only where it is not in sight already.
 */
#include "memory/left.h"
#include "orchestrator/turn_int.h"

enum {
    MANNERS_MAX = 1,
    NOTES_NEAR = 8 /* a note within so many messages back is not repeated */
};

static bool in_sight(const struct nima_history *history, nima_str fact_id)
{
    size_t from = history->count > NOTES_NEAR ? history->count - NOTES_NEAR : 0;
    for (size_t i = from; i < history->count; i++) {
        for (size_t n = 0; n < history->items[i].notes.count; n++) {
            if (nima_str_eq(history->items[i].notes.items[n].id, fact_id)) {
                return true;
            }
        }
    }
    return false;
}

static void add_note(struct turn_state *s, const struct nima_memory_hit *hit)
{
    s->fit.notes.items[s->fit.notes.count++] = (struct nima_note){.id = hit->fact.id,
                                                                  .fact = hit->fact.fact,
                                                                  .score = hit->score,
                                                                  .vector = hit->vector,
                                                                  .keyword = hit->keyword,
                                                                  .recency = hit->recency,
                                                                  .confidence = hit->confidence};
}

static void add_unseen(struct turn_state *s, const struct nima_notes *notes)
{
    for (size_t i = 0; i < notes->count; i++) {
        if (!in_sight(&s->history, notes->items[i].id)) {
            s->fit.notes.items[s->fit.notes.count++] = notes->items[i];
        }
    }
}

static bool is_true(const struct nima_fact_rows *facts, const struct nima_note *note)
{
    for (size_t i = 0; i < facts->count; i++) {
        const struct nima_fact *fact = &facts->items[i];
        if (nima_str_eq(fact->id, note->id)) {
            return nima_str_eq(fact->status, NIMA_STR("active")) &&
                   nima_str_eq(fact->fact, note->fact);
        }
    }
    return !nima_note_is(note, NIMA_SECTION_FACTS);
}

/* A reply that is made again has before it what the first one had, but for what is true no more. */
static nima_rc take_notes(struct nima_ctx *ctx, struct turn_state *s)
{
    struct nima_window_message *asked = &s->asked;
    *asked = (struct nima_window_message){.content = s->message, .position = s->branch.from};
    nima_history_read_user(ctx, s->branch.asked.metadata, asked);
    s->fit.message = asked->content;
    nima_str *ids = NIMA_NEW(ctx->arena, nima_str, asked->notes.count);
    size_t own = 0;
    for (size_t i = 0; i < asked->notes.count; i++) {
        if (nima_note_is(&asked->notes.items[i], NIMA_SECTION_FACTS)) {
            ids[own++] = asked->notes.items[i].id;
        }
    }
    struct nima_fact_rows facts;
    NIMA_TRY(nima_facts_get_many(ctx, s->o->store, ids, own, &facts));
    nima_packs_again(ctx, &asked->notes, &s->packs);
    nima_turn_goals_ids(ctx, &asked->notes, &s->goals);
    s->fit.notes.items = NIMA_NEW(ctx->arena, struct nima_note, asked->notes.count);
    s->hits.items = NIMA_NEW(ctx->arena, struct nima_memory_hit, asked->notes.count);
    for (size_t i = 0; i < asked->notes.count; i++) {
        const struct nima_note *note = &asked->notes.items[i];
        if (is_true(&facts, note)) {
            s->fit.notes.items[s->fit.notes.count++] = *note;
        }
        if (is_true(&facts, note) && nima_note_is(note, NIMA_SECTION_FACTS)) {
            s->hits.items[s->hits.count++] = (struct nima_memory_hit){
                .fact = {.id = note->id, .fact = note->fact}, .score = note->score};
        }
    }
    return NIMA_OK;
}

/* Which of the notes that stand by the message are not in its prompt this time. */
void nima_turn_record_dropped(struct nima_ctx *ctx, struct turn_state *s)
{
    struct nima_history *history = &s->history;
    size_t room = history->without.count + s->asked.notes.count;
    struct nima_left_out *items = NIMA_NEW(ctx->arena, struct nima_left_out, room);
    for (size_t i = 0; i < history->without.count; i++) {
        items[i] = history->without.items[i];
    }
    history->without.items = items;
    for (size_t i = 0; i < s->asked.notes.count; i++) {
        bool kept = false;
        for (size_t n = 0; n < s->fit.notes.count; n++) {
            kept = kept || nima_str_eq(s->fit.notes.items[n].id, s->asked.notes.items[i].id);
        }
        if (!kept) {
            items[history->without.count++] =
                (struct nima_left_out){s->asked.position, s->asked.notes.items[i].id};
        }
    }
}

/* What is known that bears on the message. To one that only tells something, nothing is looked up:
 * a small model would mix it up with what it was just told. */
static nima_rc recall_facts(struct nima_ctx *ctx, struct turn_state *s, bool tells)
{
    if (!tells) {
        NIMA_TRY(nima_memory_recall(ctx, s->o->memory, s->message, s->o->recall_limit, &s->hits));
    }
    return nima_pins_add(ctx, s->o, &s->hits);
}

nima_rc nima_turn_recall(struct nima_ctx *ctx, struct turn_state *s)
{
    if (s->turn->again.ptr != NULL) {
        return take_notes(ctx, s);
    }
    struct nima_notes of_packs = {0}, of_goals = {0};
    bool tells = s->turn->use_memory && nima_memory_only_tells(ctx, s->message);
    if (s->turn->use_memory) {
        NIMA_TRY(recall_facts(ctx, s, tells));
        NIMA_TRY(nima_turn_goals_recall(ctx, s->o, s->message, &of_goals));
    }
    nima_turn_goals_ids(ctx, &of_goals, &s->goals);
    NIMA_TRY(nima_packs_recall(ctx, s->o, s->turn, &s->history, s->message, &s->packs));
    const struct nima_note *manner =
        s->turn->use_memory ? nima_manner_of(ctx, &s->hits, tells, s->message) : NULL;
    if (tells && s->turn->packs.count == 0) { /* nothing is asked that they could answer */
        s->packs.facts.count = 0;
        s->packs.guides.count = 0;
    }
    nima_packs_notes(ctx, &s->packs, &of_packs);
    s->fit.notes.items =
        NIMA_NEW(ctx->arena, struct nima_note,
                 s->hits.count + of_goals.count + of_packs.count + NIMA_SAID_MAX + MANNERS_MAX);
    for (size_t i = 0; i < s->hits.count; i++) {
        nima_str id = s->hits.items[i].fact.id;
        if (!in_sight(&s->history, id) && !nima_turn_goal_tells(ctx, &s->goals, id)) {
            add_note(s, &s->hits.items[i]);
        }
    }
    add_unseen(s, &of_goals);
    add_unseen(s, &of_packs);
    if (manner != NULL) {
        s->fit.notes.items[s->fit.notes.count++] = *manner;
    }
    if (!s->turn->use_memory || tells) {
        return NIMA_OK;
    }
    return nima_said_recall(ctx, s->o, s->turn, &s->history, &s->hits, &s->fit.notes, &s->said);
}
