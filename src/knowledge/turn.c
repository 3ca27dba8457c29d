/* What a turn gets of the packs: which are on, and of their facts those that bear on the message.
 */
#include <stdlib.h>
#include <string.h>

#include "knowledge/knowledge_int.h"

enum { HITS_MAX = 64, LINE_BYTES_MAX = 2000 };

/* Of a hit's score; measured on tests/data/packs_questions.jsonl. */
static const double vector_share = 0.7;

/* Control characters, and what Unicode calls the ends of lines and paragraphs. */
static bool breaks_lines(uint32_t point)
{
    return point < 0x20 || (point >= 0x7F && point < 0xA0) || point == 0x2028 || point == 0x2029;
}

/* One line, so that no text of a pack can look like another part of the prompt. */
nima_str nima_pack_line(struct nima_ctx *ctx, nima_str text)
{
    text = nima_utf8_prefix(nima_str_trim(text), LINE_BYTES_MAX);
    char *line = nima_cstr(ctx, text);
    for (size_t i = 0; i < text.len;) {
        uint32_t point = 0;
        int bytes = nima_utf8_decode(text, i, &point);
        size_t taken = bytes > 0 ? (size_t)bytes : 1;
        if (bytes == 0 || breaks_lines(point)) {
            memset(line + i, ' ', taken);
        }
        i += taken;
    }
    return (nima_str){line, text.len};
}

struct best {
    struct nima_pack_hit items[HITS_MAX];
    size_t count, max;
};

static void offer(struct nima_ctx *ctx, struct best *best, const struct nima_pack *pack, size_t row,
                  double score)
{
    size_t at = best->count;
    while (at > 0 && best->items[at - 1].score < score) {
        at--;
    }
    if (at == best->max) {
        return;
    }
    best->count += best->count < best->max;
    memmove(best->items + at + 1, best->items + at, (best->count - at - 1) * sizeof(*best->items));
    const struct nima_pack_fact *f = &pack->facts[row];
    nima_str source = f->source;
    if (source.ptr != NULL && f->date.ptr != NULL) {
        source = nima_fmt(ctx, NIMA_FMT " (" NIMA_FMT ")", NIMA_ARG(source), NIMA_ARG(f->date));
    }
    nima_str none = {NULL, 0};
    best->items[at] = (struct nima_pack_hit){
        .pack = nima_str_copy(ctx->arena, pack->id),
        .name = nima_pack_line(ctx, pack->name),
        .fact_id = nima_str_copy(ctx->arena, f->id),
        .fact = nima_pack_line(ctx, f->fact),
        .source = source.len > 0 ? nima_pack_line(ctx, source) : none,
        .caution = f->caution.len > 0 ? nima_pack_line(ctx, f->caution) : none,
        .score = score};
}

/* Whether a fact with that cosine and that share of the message's words is more than chance. */
static bool bears_on(double vector, double keyword, bool by_meaning)
{
    if (!by_meaning) {
        return keyword >= 0.2;
    }
    return vector >= 0.42 || (vector >= 0.28 && keyword >= 0.15) || keyword >= 0.35;
}

static void search(struct nima_ctx *ctx, struct nima_pack *pack, struct nima_words *words,
                   const struct nima_pack_probe *probe, double weight, struct best *best)
{
    struct nima_arena_mark mark = nima_scratch(ctx);
    float *keyword = NIMA_NEW(ctx->arena, float, pack->count);
    float *vector = NIMA_NEW(ctx->arena, float, pack->count);
    const struct nima_rows *rows = nima_pack_rows(pack, probe);
    nima_search_bm25_score(&pack->words, nima_search_words_of(words, probe->text, (nima_str){0}),
                           keyword);
    if (rows != NULL) {
        nima_search_rows_scan(rows, probe->vector, vector);
    }
    struct nima_top_hit top[HITS_MAX];
    struct nima_top heap = {.heap = top, .room = best->max};
    for (size_t i = 0; i < pack->count; i++) {
        double v = vector[i] > 0 ? (double)vector[i] : 0, w = (double)keyword[i];
        double score = rows != NULL ? vector_share * v + (1 - vector_share) * w : w;
        if (bears_on(v, w, rows != NULL) && (float)score > nima_search_top_bar(&heap)) {
            nima_search_top_offer(&heap, (struct nima_top_hit){(uint32_t)i, (float)score});
        }
    }
    nima_scratch_end(ctx, mark);
    for (size_t i = 0; i < heap.count; i++) {
        offer(ctx, best, pack, top[i].row, (double)top[i].score * weight);
    }
}

static void add_guide(struct nima_ctx *ctx, const struct nima_pack *pack, const char *what,
                      nima_str text, struct nima_pack_turn *out)
{
    nima_str line = nima_pack_line(ctx, text);
    out->guides.items[out->guides.count++] = (struct nima_pack_guide){
        nima_str_copy(ctx->arena, pack->id), nima_fmt(ctx, "%s" NIMA_FMT, what, NIMA_ARG(line))};
}

static void add_guides(struct nima_ctx *ctx, const struct nima_pack *pack,
                       struct nima_pack_turn *out)
{
    const struct nima_pack_rules *r = &pack->rules;
    if (r->tone.len > 0) {
        add_guide(ctx, pack, "Tone: ", r->tone, out);
    }
    for (size_t i = 0; i < r->cautions.count; i++) {
        add_guide(ctx, pack, "Caution: ", r->cautions.items[i], out);
    }
    for (size_t i = 0; i < r->ask_first.count; i++) {
        add_guide(ctx, pack, "Good to ask, if not known: ", r->ask_first.items[i], out);
    }
}

/* Adds an active pack, its guides when the message is about it, and its best facts. */
struct gather {
    struct nima_knowledge *k;
    struct nima_words *words;
    const struct nima_pack_probe *probe;
    struct best best;
    struct nima_pack **packs; /* those active */
    bool *about;              /* the message is about it */
    size_t count;
};

static void add_pack(struct nima_ctx *ctx, struct gather *g, struct nima_pack *pack, bool about)
{
    for (size_t i = 0; i < g->count; i++) {
        if (g->packs[i] == pack) {
            return;
        }
    }
    g->packs[g->count] = pack;
    g->about[g->count++] = about;
    search(ctx, pack, g->words, g->probe, g->k->weight, &g->best);
}

static nima_rc add_wanted(struct nima_ctx *ctx, const struct nima_shelf *shelf,
                          const struct nima_pack_ask *ask, struct gather *g)
{
    for (size_t i = 0; i < ask->wanted_count && i < NIMA_PACK_WANTED_MAX; i++) {
        struct nima_pack *pack = nima_shelf_find(shelf, ask->wanted[i]);
        if (pack == NULL || !pack->enabled) {
            return nima_fail_field(ctx, NIMA_E_INVALID, "packs",
                                   "there is no pack \"" NIMA_FMT "\" on this server",
                                   NIMA_ARG(nima_utf8_prefix(ask->wanted[i], 64)));
        }
        add_pack(ctx, g, pack, true);
    }
    return NIMA_OK;
}

static nima_rc add_chosen(struct nima_ctx *ctx, const struct nima_shelf *shelf,
                          const struct nima_pack_ask *ask, struct gather *g)
{
    struct nima_pack_levels levels;
    struct nima_pack_choices *choices;
    NIMA_TRY(nima_knowledge_choices(ctx, g->k, ask->conversation_id, &choices));
    nima_knowledge_levels(ctx, shelf, ask->texts, ask->count, g->probe, &levels);
    for (size_t i = 0; i < levels.count; i++) {
        const struct nima_pack_level *l = &levels.items[i];
        struct nima_pack_choice choice = nima_knowledge_choice(choices, l->pack->id);
        if (choice.mode == NIMA_PACK_OFF || (choice.mode == NIMA_PACK_AUTO && !l->on)) {
            continue;
        }
        add_pack(ctx, g, nima_knowledge_chosen(ctx, shelf, &choice, l->pack), l->level >= 1);
    }
    return NIMA_OK;
}

static bool has_hit(const struct gather *g, const struct nima_pack *pack, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (nima_str_eq(g->best.items[i].pack, pack->id)) {
            return true;
        }
    }
    return false;
}

/* As many of the best as the budget holds; at about four bytes a token. */
static size_t within_budget(const struct gather *g)
{
    enum { TOKEN_BYTES = 4, LINE_TOKENS = 6 };
    int64_t left = g->k->budget_tokens;
    for (size_t i = 0; i < g->best.count; i++) {
        const struct nima_pack_hit *hit = &g->best.items[i];
        left -= (int64_t)((hit->fact.len + hit->source.len + hit->caution.len) / TOKEN_BYTES) +
                LINE_TOKENS;
        if (left < 0 && i > 0) { /* the best one goes in at any rate */
            return i;
        }
    }
    return g->best.count;
}

static void deliver(struct nima_ctx *ctx, const struct gather *g, struct nima_pack_turn *out)
{
    enum { GUIDES_MAX = 33 };
    struct nima_pack_turn turn = {0};
    size_t count = within_budget(g);
    turn.packs.items = NIMA_NEW(ctx->arena, nima_str, g->count);
    turn.facts.items = NIMA_NEW(ctx->arena, struct nima_pack_hit, count);
    turn.guides.items = NIMA_NEW(ctx->arena, struct nima_pack_guide, g->count * GUIDES_MAX);
    for (size_t i = 0; i < g->count; i++) {
        turn.packs.items[turn.packs.count++] = nima_str_copy(ctx->arena, g->packs[i]->id);
        if (g->about[i] || has_hit(g, g->packs[i], count)) {
            add_guides(ctx, g->packs[i], &turn);
        }
    }
    for (size_t i = 0; i < count; i++) {
        turn.facts.items[turn.facts.count++] = g->best.items[i];
    }
    *out = turn;
}

nima_rc nima_knowledge_turn(struct nima_ctx *ctx, struct nima_knowledge *k,
                            const struct nima_pack_ask *ask, struct nima_pack_turn *out)
{
    nima_assert(ask->count > 0);
    struct nima_pack_probe probe = {0};
    struct nima_shelf *shelf = nima_shelf_take(k, false);
    if (shelf->pack_count == 0 && ask->wanted_count == 0) {
        nima_shelf_release(shelf);
        *out = (struct nima_pack_turn){0};
        return NIMA_OK;
    }
    nima_rc rc = nima_knowledge_probe(ctx, k, ask->texts[ask->count - 1], &probe);
    struct gather g = {.k = k, .words = nima_search_words_open(), .probe = &probe};
    g.best.max = (size_t)k->facts_limit;
    g.packs = NIMA_NEW(ctx->arena, struct nima_pack *, shelf->pack_count + NIMA_PACK_WANTED_MAX);
    g.about = NIMA_NEW(ctx->arena, bool, shelf->pack_count + NIMA_PACK_WANTED_MAX);
    if (rc == NIMA_OK) {
        rc = ask->wanted_count > 0 ? add_wanted(ctx, shelf, ask, &g)
                                   : add_chosen(ctx, shelf, ask, &g);
    }
    if (rc == NIMA_OK) {
        deliver(ctx, &g, out);
    }
    nima_search_words_close(g.words);
    nima_shelf_release(shelf);
    return rc;
}
