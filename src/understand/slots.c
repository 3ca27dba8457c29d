/* Slots of a kind in a passage: a linear-chain tagger (structured perceptron, Viterbi) over the
 * tokens and the typed spans of typed.c, for the columns of that kind alone. */
#include <string.h>

#include "understand/understand_int.h"

enum { BEFORE_ALL = NIMA_TAG_LABELS };
static const int32_t NEVER = INT32_MIN / 4;

int nima_understand_column(enum nima_slot slot)
{
    switch (slot) {
    case NIMA_SLOT_WHEN:
    case NIMA_SLOT_DURATION:
        return 1;
    case NIMA_SLOT_LIST:
    case NIMA_SLOT_PERSON:
    case NIMA_SLOT_TOPIC:
    case NIMA_SLOT_MILESTONE:
    case NIMA_SLOT_AMOUNT:
    case NIMA_SLOT_TO:
        return 3;
    case NIMA_SLOT_PLACE:
    case NIMA_SLOT_UNIT:
    case NIMA_SLOT_PATH:
    case NIMA_SLOT_NEW_NAME:
        return 4;
    default:
        return 2;
    }
}

struct chain {
    const struct nima_weights *weights;
    const struct nima_tokens *tokens;
    size_t from, end;
    const uint8_t *typed;
    enum nima_kind kind;
    bool open[NIMA_TAG_LABELS]; /* labels of the kind's columns */
};

static void emissions(const struct chain *chain, size_t at, int32_t out[NIMA_TAG_LABELS])
{
    uint32_t features[NIMA_TAG_FEATURES_MAX];
    size_t count = nima_understand_tag_features(chain->tokens, chain->from, chain->end, at,
                                                chain->typed, features);
    uint32_t mask = (1U << chain->weights->tag_bits) - 1;
    memset(out, 0, sizeof(int32_t) * NIMA_TAG_LABELS);
    for (size_t i = 0; i < count; i++) {
        const uint32_t with[] = {1, 2 + (uint32_t)chain->kind};
        for (size_t w = 0; w < 2; w++) {
            uint32_t row = nima_understand_mix(features[i], with[w]) & mask;
            const int8_t *weights = chain->weights->tags + (size_t)row * NIMA_TAG_LABELS;
            for (size_t l = 0; l < NIMA_TAG_LABELS; l++) {
                out[l] += weights[l];
            }
        }
    }
}

/* "further" only behind "first" or "further" of the same column. */
static bool may_follow(size_t before, size_t label)
{
    bool further = label > 0 && label % 2 == 0;
    return !further || before == label || before + 1 == label;
}

static void best_labels(struct nima_ctx *ctx, const struct chain *chain, uint8_t *labels)
{
    size_t count = chain->end - chain->from;
    uint8_t(*back)[NIMA_TAG_LABELS] =
        nima_alloc_array(ctx->arena, count, sizeof(uint8_t[NIMA_TAG_LABELS]));
    int32_t scores[NIMA_TAG_LABELS], next[NIMA_TAG_LABELS], here[NIMA_TAG_LABELS];
    for (size_t i = 0; i < count; i++) {
        emissions(chain, chain->from + i, here);
        for (size_t l = 0; l < NIMA_TAG_LABELS; l++) {
            next[l] = NEVER;
            for (size_t b = i == 0 ? BEFORE_ALL : 0; b <= (i == 0 ? BEFORE_ALL : BEFORE_ALL - 1U);
                 b++) {
                if (!chain->open[l] || !may_follow(b, l)) {
                    continue;
                }
                int32_t base = i == 0 ? 0 : scores[b];
                int32_t sum = base + here[l] + chain->weights->follows[b * NIMA_TAG_LABELS + l];
                if (base > NEVER && sum > next[l]) {
                    next[l] = sum;
                    back[i][l] = (uint8_t)b;
                }
            }
        }
        memcpy(scores, next, sizeof(scores));
    }
    size_t best = 0;
    for (size_t l = 1; l < NIMA_TAG_LABELS; l++) {
        best = scores[l] > scores[best] ? l : best;
    }
    for (size_t i = count; i-- > 0;) {
        labels[i] = (uint8_t)best;
        best = back[i][best];
    }
}

static enum nima_slot slot_of(const struct nima_kind_row *row, int column)
{
    for (size_t s = 0; row->slots[s].slot != NIMA_SLOT_NONE; s++) {
        if (nima_understand_column(row->slots[s].slot) == column) {
            return row->slots[s].slot;
        }
    }
    return NIMA_SLOT_NONE;
}

static void collect(nima_str text, const struct chain *chain, const uint8_t *labels,
                    const struct nima_kind_row *row, struct nima_act *act)
{
    for (size_t i = 0; i < chain->end - chain->from; i++) {
        const struct nima_token *token = &chain->tokens->items[chain->from + i];
        if (labels[i] == 0) {
            continue;
        }
        if (labels[i] % 2 == 1) {
            act->slots[act->slot_count++] = (struct nima_slot_value){
                .slot = slot_of(row, (labels[i] + 1) / 2), .from = token->from, .end = token->end};
        }
        struct nima_slot_value *value = &act->slots[act->slot_count - 1];
        value->end = token->end;
        value->text = nima_str_sub(text, value->from, value->end);
    }
}

static void find_missing(const struct nima_kind_row *row, struct nima_act *act)
{
    for (size_t s = 0; row->slots[s].slot != NIMA_SLOT_NONE; s++) {
        if (row->slots[s].required && nima_act_slot(act, row->slots[s].slot) == NULL) {
            act->missing[act->missing_count++] = row->slots[s].slot;
        }
    }
}

void nima_understand_slots(struct nima_ctx *ctx, const struct nima_weights *weights,
                           const struct nima_language *language, nima_str text,
                           const struct nima_tokens *tokens, size_t from, size_t end,
                           struct nima_act *act)
{
    const struct nima_kind_row *row = nima_kind_row(act->kind);
    end = end - from > NIMA_PASSAGE_TOKENS_MAX ? from + NIMA_PASSAGE_TOKENS_MAX : end;
    act->slots = NIMA_NEW(ctx->arena, struct nima_slot_value, end - from + 1);
    if (from < end && row->slots[0].slot != NIMA_SLOT_NONE) {
        struct chain chain = {.weights = weights,
                              .tokens = tokens,
                              .from = from,
                              .end = end,
                              .kind = act->kind,
                              .open = {true}};
        chain.typed = nima_understand_typed(ctx, language, text, tokens, from, end);
        for (size_t s = 0; row->slots[s].slot != NIMA_SLOT_NONE; s++) {
            int column = nima_understand_column(row->slots[s].slot);
            chain.open[2 * column - 1] = chain.open[2 * column] = true;
        }
        uint8_t *labels = NIMA_NEW(ctx->arena, uint8_t, end - from);
        best_labels(ctx, &chain, labels);
        collect(text, &chain, labels, row, act);
    }
    find_missing(row, act);
}
