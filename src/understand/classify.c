/* The classifier: one linear layer over hashed words and the sentence's vector, then softmax. */
#include <math.h>

#include "understand/understand_int.h"

enum { SLICE = 16 };

static const double group_weights[] = {
    [NIMA_FEATURE_WORD] = 1.0, [NIMA_FEATURE_PAIR] = 0.8, [NIMA_FEATURE_CHARS] = 0.5};

static void add_words(const struct nima_weights *w, const struct nima_features *features,
                      double *scores)
{
    size_t mask = ((size_t)1 << w->word_bits) - 1;
    double length = 0;
    for (size_t i = 0; i < features->count; i++) {
        double value = group_weights[features->groups[i]] * w->idfs[features->hashes[i] & mask] /
                       (double)SLICE;
        length += value * value;
    }
    double norm = length > 0 ? 1 / sqrt(length) : 0;
    for (size_t i = 0; i < features->count; i++) {
        size_t row = features->hashes[i] & mask;
        double value = norm * group_weights[features->groups[i]] * w->idfs[row] / (double)SLICE;
        const int8_t *weights = w->words + row * w->kinds;
        for (size_t k = 0; k < w->kinds; k++) {
            scores[k] += value * weights[k];
        }
    }
}

void nima_understand_classify(const struct nima_weights *w, const struct nima_features *features,
                              const float *vector, const float *lean, struct nima_shares *out)
{
    double scores[NIMA_KINDS] = {0}, highest = -1e300, sum = 0;
    add_words(w, features, scores);
    for (size_t k = 0; k < w->kinds; k++) {
        double score = scores[k] * w->word_scale[k] * (vector != NULL ? 1 : w->words_alone);
        double near = 0;
        const int8_t *row = w->vector + k * w->dims;
        for (size_t i = 0; vector != NULL && i < w->dims; i++) {
            near += vector[i] * row[i];
        }
        scores[k] = (score + near * w->vector_scale[k] + w->bias[k]) / w->temperature;
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
