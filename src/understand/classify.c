/* Two linear models, of words and of the vector; their scores are added and become shares. */
#include <math.h>

#include "understand/understand_int.h"

static const float group_weight[] = {
    [NIMA_FEATURE_WORD] = 1.0F, [NIMA_FEATURE_PAIR] = 1.0F, [NIMA_FEATURE_CHARS] = 0.5F};

/* Where the hash stands in the weights, or SIZE_MAX. */
static size_t feature_at(const struct nima_weights *weights, uint32_t hash)
{
    size_t low = 0, high = weights->features;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (weights->hashes[middle] < hash) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < weights->features && weights->hashes[low] == hash ? low : SIZE_MAX;
}

static void word_scores(const struct nima_weights *weights, const struct nima_features *features,
                        float scores[NIMA_KINDS])
{
    float sums[NIMA_KINDS] = {0}, square = 0;
    for (size_t i = 0; i < features->count; i++) {
        size_t at = feature_at(weights, features->hashes[i]);
        if (at == SIZE_MAX) {
            continue;
        }
        float value = (float)weights->idfs[at] / 16.0F * (1.0F + logf((float)features->counts[i])) *
                      group_weight[features->groups[i]];
        square += value * value;
        const int8_t *row = weights->words + at * NIMA_KINDS;
        for (size_t k = 0; k < NIMA_KINDS; k++) {
            sums[k] += value * (float)row[k];
        }
    }
    float scale = square > 0 ? 1.0F / sqrtf(square) : 0.0F;
    for (size_t k = 0; k < NIMA_KINDS; k++) {
        scores[k] = sums[k] * scale * weights->word_scale[k] + weights->word_bias[k];
    }
}

static void vector_scores(const struct nima_weights *weights, const float *vector,
                          float scores[NIMA_KINDS])
{
    for (size_t k = 0; k < NIMA_KINDS; k++) {
        const int8_t *row = weights->vector + k * weights->dims;
        float sum = 0;
        for (size_t d = 0; d < weights->dims; d++) {
            sum += vector[d] * (float)row[d];
        }
        scores[k] = sum * weights->vector_scale[k] + weights->vector_bias[k];
    }
}

static void to_shares(const double scores[NIMA_KINDS], struct nima_shares *out)
{
    double most = scores[0], sum = 0;
    out->best = NIMA_KIND_NONE;
    for (int k = 0; k < NIMA_KINDS; k++) {
        if (scores[k] > most) {
            most = scores[k];
            out->best = (enum nima_kind)k;
        }
    }
    for (int k = 0; k < NIMA_KINDS; k++) {
        out->of[k] = exp(scores[k] - most);
        sum += out->of[k];
    }
    for (int k = 0; k < NIMA_KINDS; k++) {
        out->of[k] /= sum;
    }
}

void nima_understand_classify(const struct nima_weights *weights,
                              const struct nima_features *features, const float *vector,
                              struct nima_shares *out)
{
    float words[NIMA_KINDS], meaning[NIMA_KINDS] = {0};
    word_scores(weights, features, words);
    if (vector != NULL) {
        vector_scores(weights, vector, meaning);
    }
    double scores[NIMA_KINDS];
    for (size_t k = 0; k < NIMA_KINDS; k++) {
        scores[k] =
            vector != NULL
                ? (double)(weights->word_share * words[k] + weights->vector_share * meaning[k])
                : (double)(weights->word_alone * words[k]);
    }
    to_shares(scores, out);
}
