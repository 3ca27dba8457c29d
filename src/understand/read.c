/*
 * A message to acts. Each sentence is read as a whole and, where it has clauses of which two ask
 * for something by their words, in those parts; the parts stay when each of them is sure. Vectors
 * of all that is read are made in one batch.
 */
#include <stdlib.h>

#include "understand/understand_int.h"

enum { CLAUSES_MAX = 12, ANSWER_TOKENS_MAX = 12 };
static const double CLAUSE_SHARE = 0.5; /* by words alone, for a clause to be tried by itself */

struct reader {
    const struct nima_understand *u;
    const struct nima_read_query *query;
    const struct nima_language *language;
    struct nima_passages passages; /* sentences */
    struct nima_tokens *tokens;    /* of each, offsets in the sentence */
    struct nima_part *parts;
    size_t part_count;
    size_t dims; /* 0: without vectors */
    struct nima_reading *out;
};

static nima_str sentence_text(const struct reader *r, size_t sentence)
{
    return nima_str_sub(r->query->text, r->passages.items[sentence].from,
                        r->passages.items[sentence].end);
}

static nima_str part_text(const struct reader *r, const struct nima_part *part)
{
    const struct nima_token *tokens = r->tokens[part->sentence].items;
    return nima_str_sub(sentence_text(r, part->sentence), tokens[part->from].from,
                        tokens[part->end - 1].end);
}

static bool is_act(enum nima_kind kind)
{
    return nima_kind_row(kind)->effect != NIMA_EFFECT_TALK;
}

static struct nima_part *add_part(struct nima_ctx *ctx, struct reader *r, size_t sentence,
                                  size_t from, size_t end)
{
    struct nima_part *part = &r->parts[r->part_count++];
    *part = (struct nima_part){.sentence = sentence, .from = from, .end = end};
    nima_understand_features(ctx, &r->tokens[sentence], from, end, &part->features);
    nima_understand_classify(&r->u->weights, &part->features, NULL, &part->shares);
    return part;
}

static size_t token_at(const struct nima_tokens *tokens, size_t byte)
{
    size_t low = 0, high = tokens->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (tokens->items[middle].from < byte) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Clauses of the sentence as parts behind the whole's; those that ask for nothing by their words
 * belong to the part before. None where fewer than two are left. */
static void add_clauses(struct nima_ctx *ctx, struct reader *r, size_t sentence)
{
    const struct nima_tokens *tokens = &r->tokens[sentence];
    struct nima_passages clauses;
    nima_language_clauses(ctx, r->language, sentence_text(r, sentence), &clauses);
    if (clauses.count < 2 || clauses.count > CLAUSES_MAX) {
        return;
    }
    size_t first = r->part_count, acts = 0;
    for (size_t i = 0; i < clauses.count && r->part_count < NIMA_READ_PARTS_MAX; i++) {
        size_t from = token_at(tokens, clauses.items[i].from);
        size_t end = token_at(tokens, clauses.items[i].end);
        if (from >= end) {
            continue;
        }
        struct nima_part *part = add_part(ctx, r, sentence, from, end);
        enum nima_kind kind = part->shares.best;
        bool asks = kind != NIMA_KIND_NONE && part->shares.of[kind] >= CLAUSE_SHARE;
        if (!asks && r->part_count - 1 > first) {
            r->part_count--;
            r->parts[r->part_count - 1].end = end;
            continue;
        }
        acts += asks ? 1 : 0;
    }
    if (acts < 2) {
        r->part_count = first;
        return;
    }
    for (size_t i = first; i < r->part_count; i++) { /* with what was joined to them */
        struct nima_part joined = r->parts[i];
        size_t count = r->part_count;
        r->part_count = i;
        add_part(ctx, r, sentence, joined.from, joined.end);
        r->part_count = count;
    }
}

static void cut_up(struct nima_ctx *ctx, struct reader *r)
{
    nima_language_sentences(ctx, r->query->text, &r->passages);
    r->tokens = NIMA_NEW(ctx->arena, struct nima_tokens, r->passages.count + 1);
    r->parts = NIMA_NEW(ctx->arena, struct nima_part, NIMA_READ_PARTS_MAX + 1);
    for (size_t s = 0; s < r->passages.count; s++) {
        nima_str text = sentence_text(r, s);
        if (r->part_count >= NIMA_READ_PARTS_MAX) {
            r->out->cut = true;
            break;
        }
        if (text.len > NIMA_READ_PART_BYTES_MAX) {
            r->out->cut = true;
            continue;
        }
        nima_language_tokens(ctx, text, &r->tokens[s]);
        if (r->tokens[s].count > 0) {
            add_part(ctx, r, s, 0, r->tokens[s].count);
            add_clauses(ctx, r, s);
        }
    }
}

static nima_rc weigh_parts(struct nima_ctx *ctx, struct reader *r)
{
    nima_str *texts = NIMA_NEW(ctx->arena, nima_str, r->part_count + 1);
    for (size_t i = 0; i < r->part_count; i++) {
        texts[i] = part_text(r, &r->parts[i]);
    }
    struct nima_vectors vectors = {0};
    if (!r->query->words_only) {
        NIMA_TRY(nima_understand_embed(ctx, r->u, texts, r->part_count, &vectors));
    }
    r->dims = vectors.dims;
    for (size_t i = 0; i < r->part_count; i++) {
        struct nima_part *part = &r->parts[i];
        if (vectors.count > 0) {
            part->vector = vectors.items + i * vectors.dims;
            nima_understand_classify(&r->u->weights, &part->features, part->vector, &part->shares);
        }
        nima_understand_weigh(r->query, texts[i], part, r->dims, &part->shares);
    }
    return NIMA_OK;
}

static enum nima_sureness sureness_of(const struct reader *r, double share)
{
    const struct nima_weights *w = &r->u->weights;
    double to_do = r->dims > 0 ? (double)w->with_do : (double)w->without_do;
    double to_ask = r->dims > 0 ? (double)w->with_ask : (double)w->without_ask;
    return share >= to_do ? NIMA_SURE_DO : share >= to_ask ? NIMA_SURE_ASK : NIMA_SURE_TALK;
}

static void add_act(struct nima_ctx *ctx, struct reader *r, const struct nima_part *part)
{
    enum nima_kind kind = part->shares.best;
    if (kind == NIMA_KIND_NONE) {
        return;
    }
    struct nima_act *act = &r->out->acts[r->out->act_count++];
    size_t base = r->passages.items[part->sentence].from;
    const struct nima_tokens *tokens = &r->tokens[part->sentence];
    *act = (struct nima_act){.kind = kind,
                             .share = part->shares.of[kind],
                             .sure = sureness_of(r, part->shares.of[kind]),
                             .from = base + tokens->items[part->from].from,
                             .end = base + tokens->items[part->end - 1].end,
                             .text = part_text(r, part)};
    nima_understand_slots(ctx, &r->u->weights, r->language, sentence_text(r, part->sentence),
                          tokens, part->from, part->end, act);
    for (size_t i = 0; i < act->slot_count; i++) {
        act->slots[i].from += base;
        act->slots[i].end += base;
    }
}

/* What Nima asked for, said without any words around it: "tomorrow at 5", "oat milk". */
static bool is_answer(const struct reader *r, const struct nima_part *part)
{
    const struct nima_tokens *tokens = &r->tokens[part->sentence];
    bool question = nima_str_eq(tokens->items[part->end - 1].fold, NIMA_STR("?"));
    enum nima_kind kind = part->shares.best;
    bool other = is_act(kind) && kind != r->query->asked &&
                 sureness_of(r, part->shares.of[kind]) == NIMA_SURE_DO;
    bool refuses = kind == NIMA_KIND_NO || kind == NIMA_KIND_LATER || kind == NIMA_KIND_STOP ||
                   kind == NIMA_KIND_UNDO;
    return r->query->asked != NIMA_KIND_NONE && r->query->asked_slot != NIMA_SLOT_NONE &&
           r->passages.count == 1 && part->end - part->from <= ANSWER_TOKENS_MAX && !question &&
           !other && !(refuses && part->shares.of[kind] >= CLAUSE_SHARE);
}

static void add_answer(struct nima_ctx *ctx, struct reader *r, struct nima_part *part)
{
    part->shares.best = r->query->asked;
    part->shares.of[r->query->asked] = 1;
    add_act(ctx, r, part);
    struct nima_act *act = &r->out->acts[r->out->act_count - 1];
    if (nima_act_slot(act, r->query->asked_slot) != NULL) {
        return;
    }
    act->slots[0] = (struct nima_slot_value){
        .slot = r->query->asked_slot, .text = act->text, .from = act->from, .end = act->end};
    act->slot_count = 1;
    size_t kept = 0;
    for (size_t i = 0; i < act->missing_count; i++) {
        if (act->missing[i] != r->query->asked_slot) {
            act->missing[kept++] = act->missing[i];
        }
    }
    act->missing_count = kept;
}

/* Whether the parts behind the whole sentence say more than it: two acts at least, each sure. */
static bool parts_stand(const struct reader *r, size_t whole, size_t end)
{
    size_t acts = 0;
    for (size_t i = whole + 1; i < end; i++) {
        enum nima_kind kind = r->parts[i].shares.best;
        bool sure = sureness_of(r, r->parts[i].shares.of[kind]) != NIMA_SURE_TALK;
        acts += sure && kind != NIMA_KIND_NONE ? 1 : 0;
    }
    return acts >= 2;
}

static void add_acts(struct nima_ctx *ctx, struct reader *r)
{
    size_t part = 0;
    for (size_t s = 0; s < r->passages.count; s++) {
        struct nima_sentence *sentence = &r->out->sentences[r->out->sentence_count++];
        *sentence = (struct nima_sentence){.from = r->passages.items[s].from,
                                           .end = r->passages.items[s].end,
                                           .text = sentence_text(r, s),
                                           .act_from = r->out->act_count};
        size_t end = part;
        while (end < r->part_count && r->parts[end].sentence == s) {
            end++;
        }
        if (end > part && is_answer(r, &r->parts[part])) {
            add_answer(ctx, r, &r->parts[part]);
        } else if (end > part + 1 && parts_stand(r, part, end)) {
            for (size_t i = part + 1; i < end; i++) {
                add_act(ctx, r, &r->parts[i]);
            }
        } else if (end > part) {
            add_act(ctx, r, &r->parts[part]);
        }
        part = end;
        sentence->act_count = r->out->act_count - sentence->act_from;
    }
}

nima_rc nima_understand_read(struct nima_ctx *ctx, struct nima_understand *understand,
                             const struct nima_read_query *query, struct nima_reading *out)
{
    if (query->text.len > NIMA_READ_BYTES_MAX) {
        return nima_fail_field(ctx, NIMA_E_INVALID, "text", "text must have at most %d bytes",
                               NIMA_READ_BYTES_MAX);
    }
    if (query->text.len > 0 && !nima_utf8_valid(query->text)) {
        return nima_fail_field(ctx, NIMA_E_INVALID, "text", "text must be UTF-8");
    }
    NIMA_TRY(nima_ctx_stopped(ctx));
    struct nima_reading reading = {0};
    struct reader r = {.u = understand, .query = query, .out = &reading};
    const struct nima_language *before =
        query->language.ptr != NULL ? nima_language_get(query->language) : NULL;
    r.language = nima_language_identify(ctx, query->text, before);
    reading.language = nima_language_code(r.language);
    if (understand->ready) {
        cut_up(ctx, &r);
        NIMA_TRY(weigh_parts(ctx, &r));
    } else {
        nima_language_sentences(ctx, query->text, &r.passages);
    }
    reading.sentences = NIMA_NEW(ctx->arena, struct nima_sentence, r.passages.count + 1);
    reading.acts = NIMA_NEW(ctx->arena, struct nima_act, r.part_count + 1);
    add_acts(ctx, &r);
    *out = reading;
    return NIMA_OK;
}
