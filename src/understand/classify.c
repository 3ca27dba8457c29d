/* The classifier: two linear layers, over hashed words and the sentence's vector, then softmax. */
#include <math.h>

#include "understand/understand_int.h"

enum { SLICE = 16 };

static const double group_weights[] = {
    [NIMA_FEATURE_WORD] = 1.0, [NIMA_FEATURE_PAIR] = 0.8, [NIMA_FEATURE_CHARS] = 0.5};

static void add_words(struct nima_ctx *ctx, const struct nima_weights *w,
                      const struct nima_features *features, double *scores)
{
    size_t *rows = NIMA_NEW(ctx->arena, size_t, features->count);
    double length = 0;
    for (size_t i = 0; i < features->count; i++) {
        rows[i] = nima_sparse_find(&w->words, features->hashes[i]);
        double value = rows[i] == SIZE_MAX
                           ? 0
                           : group_weights[features->groups[i]] * w->idfs[rows[i]] / (double)SLICE;
        length += value * value;
    }
    double norm = length > 0 ? 1 / sqrt(length) : 0;
    for (size_t i = 0; i < features->count; i++) {
        if (rows[i] == SIZE_MAX) {
            continue;
        }
        double value = norm * group_weights[features->groups[i]] * w->idfs[rows[i]] / (double)SLICE;
        for (uint32_t n = w->words.starts[rows[i]]; n < w->words.starts[rows[i] + 1]; n++) {
            scores[w->words.columns[n]] += value * w->words.values[n];
        }
    }
}

void nima_understand_classify(struct nima_ctx *ctx, const struct nima_weights *w,
                              const struct nima_features *features, const float *vector,
                              const float *lean, struct nima_shares *out)
{
    double scores[NIMA_KINDS] = {0}, highest = -1e300, sum = 0;
    add_words(ctx, w, features, scores);
    for (size_t k = 0; k < w->kinds; k++) {
        double score = scores[k] * w->word_scale[k] * (vector != NULL ? 1 : w->words_alone);
        double near = 0;
        const int8_t *row = w->vector + k * w->dims;
        for (size_t i = 0; vector != NULL && i < w->dims; i++) {
            near += vector[i] * row[i];
        }
        double bias = vector != NULL ? w->bias[k] : w->bias_alone[k];
        scores[k] = (score + near * w->vector_scale[k] + bias) / w->temperature;
        scores[k] += lean != NULL ? lean[w->kind_of[k]] : 0;
        highest = scores[k] > highest ? scores[k] : highest;
    }
    *out = (struct nima_shares){.best = NIMA_KIND_NONE};
    for (size_t k = 0; k < w->kinds; k++) {
        scores[k] = exp(scores[k] - highest);
        sum += scores[k];
    }
    for (size_t k = 0; k < w->kinds; k++) {
        enum nima_kind kind = w->kind_of[k];
        out->of[kind] = scores[k] / sum;
        out->best = out->of[kind] > out->of[out->best] ? kind : out->best;
    }
}
