/* What stands around a passage moves its shares: what Nima asked, the kinds just used, and what the
 * person once corrected. */
#include <math.h>

#include "understand/understand_int.h"

/* From this cosine on an example says the same; without vectors from this share of features on. */
static const double NEAR_VECTOR = 0.90, NEAR_WORDS = 0.8;
static const double ASKED_FACTOR = 6, RECENT_FACTOR = 1.5, RIGHT_SHARE = 0.97, WRONG_FACTOR = 0.05;

static void settle(struct nima_shares *shares)
{
    double sum = 0;
    shares->best = NIMA_KIND_NONE;
    for (int k = 0; k < NIMA_KINDS; k++) {
        sum += shares->of[k];
        if (shares->of[k] > shares->of[shares->best]) {
            shares->best = (enum nima_kind)k;
        }
    }
    for (int k = 0; k < NIMA_KINDS; k++) {
        shares->of[k] /= sum > 0 ? sum : 1;
    }
}

static double cosine(const float *a, const float *b, size_t dims)
{
    double dot = 0, aa = 0, bb = 0;
    for (size_t d = 0; d < dims; d++) {
        dot += (double)a[d] * (double)b[d];
        aa += (double)a[d] * (double)a[d];
        bb += (double)b[d] * (double)b[d];
    }
    return aa > 0 && bb > 0 ? dot / sqrt(aa * bb) : 0;
}

/* 0: something else; 1: the same. */
static double nearness(const struct nima_example *example, nima_str text,
                       const struct nima_part *part, size_t dims)
{
    if (example->vector != NULL && part->vector != NULL && example->dims == dims) {
        double near = cosine(example->vector, part->vector, dims);
        return near >= NEAR_VECTOR ? near : 0;
    }
    return nima_str_eq_nocase(nima_str_trim(example->text), nima_str_trim(text)) ? 1 : 0;
}

static void apply(const struct nima_example *example, struct nima_shares *shares)
{
    double *own = &shares->of[example->kind];
    if (example->wrong) {
        *own *= WRONG_FACTOR;
    } else {
        for (int k = 0; k < NIMA_KINDS; k++) {
            shares->of[k] *= 1 - RIGHT_SHARE;
        }
        *own += RIGHT_SHARE;
    }
    settle(shares);
}

void nima_understand_weigh(const struct nima_read_query *query, nima_str text,
                           const struct nima_part *part, size_t dims, struct nima_shares *shares)
{
    if (query->asked != NIMA_KIND_NONE) {
        shares->of[query->asked] *= ASKED_FACTOR;
    }
    for (size_t i = 0; i < query->recent_count && i < 3; i++) {
        if (query->recent[i] != NIMA_KIND_NONE) {
            shares->of[query->recent[i]] *= RECENT_FACTOR;
        }
    }
    settle(shares);
    const struct nima_example *nearest = NULL;
    double best = NEAR_WORDS;
    for (size_t i = 0; i < query->example_count && i < NIMA_EXAMPLES_MAX; i++) {
        double near = nearness(&query->examples[i], text, part, dims);
        if (near > best) {
            best = near;
            nearest = &query->examples[i];
        }
    }
    if (nearest != NULL) {
        apply(nearest, shares);
    }
}
