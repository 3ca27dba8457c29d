/*
 * The tagger: for each token the label that fits best, by Viterbi over hashed features of words,
 * times and numbers around it, seen alone and under the kind; only labels of the kind's own slots.
 */
#include <string.h>

#include "understand/understand_int.h"

static bool has_slot(const struct nima_kind_row *kind, enum nima_slot slot)
{
    for (size_t i = 0; kind->slots[i].slot != NIMA_SLOT_NONE; i++) {
        if (kind->slots[i].slot == slot) {
            return true;
        }
    }
    return false;
}

struct tagging {
    const struct nima_weights *w;
    bool allowed[NIMA_LABELS];
    double (*scores)[NIMA_LABELS];  /* of each token */
    uint8_t (*before)[NIMA_LABELS]; /* the best label before */
};

static void add_row(const struct nima_weights *w, uint32_t feature, double *out)
{
    size_t row = nima_sparse_find(&w->tags, feature & (((uint32_t)1 << w->tag_bits) - 1));
    if (row == SIZE_MAX) {
        return;
    }
    for (uint32_t n = w->tags.starts[row]; n < w->tags.starts[row + 1]; n++) {
        out[w->tags.columns[n]] += w->tag_scale * w->tags.values[n];
    }
}

static void score_token(const struct nima_weights *w, enum nima_kind kind, const uint32_t *features,
                        size_t count, double *out)
{
    uint32_t own = nima_understand_kind_hash(kind);
    for (size_t i = 0; i < count; i++) {
        add_row(w, features[i], out);
        add_row(w, nima_understand_mix(features[i], own), out);
    }
}

/* "I-when" follows only what began a when. */
static bool may_follow(uint8_t label, int before)
{
    bool inside = label % 2 == 1;
    return !inside || (before >= 0 && (before == label || before == label - 1));
}

static void step(struct tagging *t, size_t at)
{
    const struct nima_weights *w = t->w;
    double own[NIMA_LABELS];
    memcpy(own, t->scores[at], sizeof(own));
    for (size_t n = 0; n < w->labels; n++) {
        double best = -1e300;
        size_t from = at > 0 ? 0 : w->labels, end = at > 0 ? w->labels : w->labels + 1;
        for (size_t p = from; t->allowed[n] && p < end; p++) {
            bool start = p == w->labels;
            if ((!start && !t->allowed[p]) ||
                !may_follow(w->label_of[n], start ? -1 : w->label_of[p])) {
                continue;
            }
            double score = w->follow_scale * w->follows[p * w->labels + n] +
                           (start ? 0 : t->scores[at - 1][p]);
            if (score > best) {
                best = score;
                t->before[at][n] = (uint8_t)p;
            }
        }
        t->scores[at][n] = best > -1e299 ? best + own[n] : -1e300;
    }
}

static void follow_back(const struct tagging *t, size_t count, uint8_t *labels)
{
    size_t best = 0;
    for (size_t n = 1; n < t->w->labels; n++) {
        best = t->scores[count - 1][n] > t->scores[count - 1][best] ? n : best;
    }
    for (size_t at = count; at > 0; at--) {
        labels[at - 1] = t->w->label_of[best];
        best = t->before[at - 1][best];
    }
}

/* Each run of one slot's labels becomes a value. */
static void collect(struct nima_ctx *ctx, nima_str text, const struct nima_tokens *tokens,
                    size_t from, size_t count, const uint8_t *labels, struct nima_act *act)
{
    act->slots = NIMA_NEW(ctx->arena, struct nima_slot_value, count);
    for (size_t i = 0; i < count; i++) {
        const struct nima_token *token = &tokens->items[from + i];
        struct nima_slot_value *last =
            act->slot_count > 0 ? &act->slots[act->slot_count - 1] : NULL;
        if (labels[i] == 0) {
            continue;
        }
        if (labels[i] % 2 == 1 && last != NULL && last->slot == (enum nima_slot)(labels[i] / 2)) {
            last->end = token->end;
        } else {
            act->slots[act->slot_count++] = (struct nima_slot_value){
                .slot = (enum nima_slot)(labels[i] / 2), .from = token->from, .end = token->end};
        }
    }
    for (size_t i = 0; i < act->slot_count; i++) {
        act->slots[i].text = nima_str_sub(text, act->slots[i].from, act->slots[i].end);
    }
}

void nima_understand_slots(struct nima_ctx *ctx, const struct nima_weights *w,
                           const struct nima_language *language, nima_str text,
                           const struct nima_tokens *tokens, size_t from, size_t end,
                           struct nima_act *act)
{
    const struct nima_kind_row *kind = nima_kind_row(act->kind);
    size_t count = end - from < NIMA_CLAUSE_TOKENS_MAX ? end - from : NIMA_CLAUSE_TOKENS_MAX;
    struct tagging t = {.w = w};
    uint32_t features[NIMA_TAG_FEATURES_MAX];
    act->slot_count = act->missing_count = 0;
    if (kind->slots[0].slot != NIMA_SLOT_NONE && count > 0) {
        const uint8_t *typed =
            nima_understand_typed(ctx, language, text, tokens, from, from + count);
        uint8_t *labels = nima_alloc(ctx->arena, count);
        t.scores = nima_alloc(ctx->arena, count * sizeof(*t.scores));
        t.before = nima_alloc(ctx->arena, count * sizeof(*t.before));
        for (size_t n = 0; n < w->labels; n++) {
            t.allowed[n] =
                w->label_of[n] == 0 || has_slot(kind, (enum nima_slot)(w->label_of[n] / 2));
        }
        for (size_t i = 0; i < count; i++) {
            size_t found =
                nima_understand_tag_features(tokens, from, from + count, from + i, typed, features);
            score_token(w, act->kind, features, found, t.scores[i]);
            step(&t, i);
        }
        follow_back(&t, count, labels);
        collect(ctx, text, tokens, from, count, labels, act);
    }
    for (size_t i = 0; kind->slots[i].slot != NIMA_SLOT_NONE; i++) {
        if (kind->slots[i].required && nima_act_slot(act, kind->slots[i].slot) == NULL) {
            act->missing[act->missing_count++] = kind->slots[i].slot;
        }
    }
}
