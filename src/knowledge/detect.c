/*
 * What a message is about. Words decide: a topic's phrase is enough, two hints are as good; within
 * a negative phrase neither counts. Where no pack's words occur, nearness in meaning to a pack's
 * facts speaks instead. Measured on tests/data/packs_detect.jsonl (docs/packs.md).
 *
 * A topic outlasts the messages that name it: "What should I bring?" after "I fly to Kyoto" is
 * still travel. Its level falls with each message that does not mention it, faster when another
 * topic has come up, and it ends when little is left.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "knowledge/knowledge_int.h"
#include "llm/llm.h"

enum { TERMS_MAX = 1024, TEXT_BYTES_MAX = 8192, PROBE_BYTES_MAX = 1200, TERMS_FOR_MEANING = 2 };

static const double topic_weight = 1.0, hint_weight = 0.5;
static const double near_from = 0.40, near_full = 0.60; /* cosines that count nothing, and all */
static const double fades = 0.7, fades_for_another = 0.5, gone = 0.3;

static bool occurs(const struct nima_pack_phrase *phrase, struct nima_terms terms, size_t at)
{
    return at + phrase->count <= terms.count &&
           memcmp(phrase->terms, terms.items + at, phrase->count * sizeof(*terms.items)) == 0;
}

/* The first of the phrases that begin with that term, or the count. */
static size_t first_phrase(const struct nima_pack *pack, uint64_t term)
{
    size_t low = 0, high = pack->phrase_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (pack->phrases[middle].terms[0] < term) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static void count_phrase(const struct nima_pack_phrase *phrase, struct nima_pack_match *out)
{
    for (size_t i = 0; i < out->count; i++) {
        if (out->found[i] == phrase) {
            return;
        }
    }
    if (out->count < NIMA_PACK_FOUND_MAX) {
        out->found[out->count++] = phrase;
        out->weight += phrase->kind == NIMA_PHRASE_TOPIC  ? topic_weight
                       : phrase->kind == NIMA_PHRASE_HINT ? hint_weight
                                                          : 0;
    }
}

/* Takes the phrases found into account, the longest at each place, and marks their words. */
static void pass(const struct nima_pack *pack, struct nima_terms terms, bool negative,
                 bool taken[TERMS_MAX], struct nima_pack_match *out)
{
    for (size_t at = 0; at < terms.count; at++) {
        size_t i = first_phrase(pack, terms.items[at]);
        for (; i < pack->phrase_count && pack->phrases[i].terms[0] == terms.items[at]; i++) {
            const struct nima_pack_phrase *phrase = &pack->phrases[i];
            bool wanted = (phrase->kind == NIMA_PHRASE_NEGATIVE) == negative;
            if (!wanted || taken[at] || !occurs(phrase, terms, at)) {
                continue;
            }
            count_phrase(phrase, out);
            memset(taken + at, true, phrase->count);
        }
    }
}

void nima_pack_match(const struct nima_pack *pack, struct nima_terms terms,
                     struct nima_pack_match *out)
{
    bool taken[TERMS_MAX] = {false};
    *out = (struct nima_pack_match){0};
    terms.count = terms.count < TERMS_MAX ? terms.count : TERMS_MAX;
    pass(pack, terms, true, taken, out);
    pass(pack, terms, false, taken, out);
}

nima_rc nima_knowledge_probe(struct nima_ctx *ctx, struct nima_knowledge *k, nima_str text,
                             struct nima_pack_probe *out)
{
    struct nima_llm_state state = {0};
    struct nima_vectors vectors;
    *out = (struct nima_pack_probe){.text = nima_utf8_prefix(text, PROBE_BYTES_MAX)};
    if (k->llm == NULL || out->text.len == 0) {
        return NIMA_OK;
    }
    nima_llm_state(k->llm, &state);
    if (!state.embeddings_loaded) {
        return NIMA_OK;
    }
    nima_rc rc = nima_llm_embed(ctx, k->llm, &out->text, 1, &vectors);
    if (rc == NIMA_E_CANCELLED || rc == NIMA_E_TIMEOUT) {
        return rc;
    }
    if (rc == NIMA_OK) {
        out->vector = vectors.items;
        out->dims = vectors.dims;
        out->model = nima_str_copy(ctx->arena, nima_str_of(state.embedding_model));
    }
    return NIMA_OK;
}

const struct nima_rows *nima_pack_rows(struct nima_pack *pack, const struct nima_pack_probe *probe)
{
    const struct nima_pack_vectors *vectors = atomic_load(&pack->vectors);
    bool fits = vectors != NULL && probe->vector != NULL && vectors->rows.dims == probe->dims &&
                nima_str_eq(nima_str_of(vectors->model), probe->model);
    return fits ? &vectors->rows : NULL;
}

static void measure_nearness(struct nima_pack_levels *levels, const struct nima_pack_probe *probe)
{
    bool named = false;
    for (size_t i = 0; i < levels->count; i++) {
        named = named || levels->items[i].match.weight >= topic_weight;
    }
    for (size_t i = 0; i < levels->count; i++) {
        struct nima_pack_level *l = &levels->items[i];
        const struct nima_rows *rows = nima_pack_rows(l->pack, probe);
        struct nima_top_hit best;
        if (rows == NULL || nima_search_rows_top(rows, probe->vector, 1, &best) == 0) {
            continue;
        }
        l->nearest = best.row;
        l->nearness = best.score;
        double share = ((double)best.score - near_from) / (near_full - near_from);
        if (share > 0 && (!named || l->match.weight > 0)) {
            l->level += share < 1 ? share : 1;
        }
    }
}

struct fading {
    double level;
    bool on;
};

/* One message further: `now` is how much it speaks of the pack, `another` that it names another. */
static void fade(struct fading *f, double now, bool another)
{
    double left = f->level * (another && now == 0 ? fades_for_another : fades);
    f->level = fmin(fmax(left, now), topic_weight);
    f->on = now >= topic_weight || (f->on && f->level >= gone);
}

static void earlier(const struct nima_pack_levels *levels, struct nima_words *words,
                    const nima_str *texts, size_t count, struct fading *fading)
{
    struct nima_pack_match match;
    for (size_t t = 0; t < count; t++) {
        struct nima_terms terms =
            nima_search_words_of(words, nima_utf8_prefix(texts[t], TEXT_BYTES_MAX), (nima_str){0});
        bool named = false;
        for (size_t i = 0; i < levels->count; i++) {
            nima_pack_match(levels->items[i].pack, terms, &match);
            levels->items[i].level = match.weight;
            named = named || match.weight >= topic_weight;
        }
        for (size_t i = 0; i < levels->count; i++) {
            fade(&fading[i], levels->items[i].level, named);
        }
    }
}

void nima_knowledge_levels(struct nima_ctx *ctx, const struct nima_shelf *shelf,
                           const nima_str *texts, size_t count, const struct nima_pack_probe *probe,
                           struct nima_pack_levels *out)
{
    struct nima_pack_levels levels = {
        NIMA_NEW(ctx->arena, struct nima_pack_level, shelf->pack_count), 0};
    struct fading *fading = NIMA_NEW(ctx->arena, struct fading, shelf->pack_count);
    size_t at = 0;
    for (struct nima_pack *p; (p = nima_shelf_served(shelf, &at)) != NULL;) {
        levels.items[levels.count++] = (struct nima_pack_level){.pack = p, .nearest = SIZE_MAX};
    }
    struct nima_words *words = nima_search_words_open();
    size_t from = count > NIMA_PACK_CUED_MAX ? count - NIMA_PACK_CUED_MAX : 0;
    if (count > 0) {
        earlier(&levels, words, texts + from, count - 1 - from, fading);
        struct nima_terms terms = nima_search_words_of(
            words, nima_utf8_prefix(texts[count - 1], TEXT_BYTES_MAX), (nima_str){0});
        for (size_t i = 0; i < levels.count; i++) {
            nima_pack_match(levels.items[i].pack, terms, &levels.items[i].match);
            levels.items[i].level = levels.items[i].match.weight;
        }
        if (terms.count >= TERMS_FOR_MEANING) {
            measure_nearness(&levels, probe);
        }
    }
    nima_search_words_close(words);
    bool named = false;
    for (size_t i = 0; i < levels.count; i++) {
        named = named || levels.items[i].level >= topic_weight;
    }
    for (size_t i = 0; i < levels.count; i++) {
        fade(&fading[i], levels.items[i].level, named);
        levels.items[i].on = fading[i].on;
    }
    *out = levels;
}

static void add_found(struct nima_ctx *ctx, const struct nima_pack_match *match,
                      struct nima_pack_cue *cue)
{
    struct nima_pack_texts *lists[] = {[NIMA_PHRASE_TOPIC] = &cue->topics,
                                       [NIMA_PHRASE_HINT] = &cue->hints,
                                       [NIMA_PHRASE_NEGATIVE] = &cue->negatives};
    for (size_t i = 0; i < 3; i++) {
        lists[i]->items = NIMA_NEW(ctx->arena, nima_str, match->count);
    }
    for (size_t i = 0; i < match->count; i++) {
        struct nima_pack_texts *list = lists[match->found[i]->kind];
        list->items[list->count++] = nima_str_copy(ctx->arena, match->found[i]->text);
    }
}

static int by_score(const void *a, const void *b)
{
    const struct nima_pack_cue *left = a, *right = b;
    return left->score != right->score ? (left->score > right->score ? -1 : 1)
                                       : nima_str_cmp(left->pack, right->pack);
}

nima_rc nima_knowledge_detect(struct nima_ctx *ctx, struct nima_knowledge *k, const nima_str *texts,
                              size_t count, struct nima_pack_cues *out)
{
    struct nima_pack_levels levels;
    struct nima_pack_probe probe = {0};
    for (size_t i = 0; i < count; i++) {
        if (!nima_utf8_valid(texts[i])) {
            return nima_fail_field(ctx, NIMA_E_INVALID, "text", "text must be valid UTF-8");
        }
    }
    NIMA_TRY(count > 0 ? nima_knowledge_probe(ctx, k, texts[count - 1], &probe) : NIMA_OK);
    struct nima_shelf *shelf = nima_shelf_take(k, false);
    nima_knowledge_levels(ctx, shelf, texts, count, &probe, &levels);
    struct nima_pack_cues cues = {NIMA_NEW(ctx->arena, struct nima_pack_cue, levels.count), 0};
    for (size_t i = 0; i < levels.count; i++) {
        const struct nima_pack_level *l = &levels.items[i];
        if (l->level <= 0 && l->match.count == 0 && !l->on) {
            continue;
        }
        struct nima_pack_cue *cue = &cues.items[cues.count++];
        *cue = (struct nima_pack_cue){.pack = nima_str_copy(ctx->arena, l->pack->id),
                                      .name = nima_str_copy(ctx->arena, l->pack->name),
                                      .score = 1 - exp2(-l->level),
                                      .nearness = (double)l->nearness,
                                      .active = l->on};
        if (l->nearest != SIZE_MAX) {
            cue->nearest = nima_str_copy(ctx->arena, l->pack->facts[l->nearest].fact);
        }
        add_found(ctx, &l->match, cue);
    }
    nima_shelf_release(shelf);
    qsort(cues.items, cues.count, sizeof(*cues.items), by_score);
    *out = cues;
    return NIMA_OK;
}
