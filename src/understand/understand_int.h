#pragma once
/*
 * understand_int: what the files of this room share: features of a clause, the weights that were
 * trained on them, the classifier and the tagger. The scheme of features has a version: whoever
 * changes what features.c makes raises it and trains again (scripts/train-understanding).
 */
#include "language/language.h"
#include "understand/understand.h"

enum {
    NIMA_FEATURE_SCHEME = 2,
    NIMA_CLAUSE_TOKENS_MAX = 120,
    NIMA_WORD_FEATURES_MAX = 4096, /* of one clause, for the classifier */
    NIMA_TAG_FEATURES_MAX = 48,    /* of one token, for the tagger */
    NIMA_LABELS = 2 * NIMA_SLOTS   /* 2 * slot: begins it, 2 * slot + 1: goes on; 0: outside */
};

/* Features of the classifier: hashes of words, word pairs and character n-grams, each once. */
struct nima_features {
    uint32_t *hashes; /* sorted */
    uint8_t *groups;  /* enum nima_feature_group */
    size_t count;
};
enum nima_feature_group { NIMA_FEATURE_WORD, NIMA_FEATURE_PAIR, NIMA_FEATURE_CHARS };
void nima_understand_features(struct nima_ctx *ctx, const struct nima_tokens *tokens, size_t from,
                              size_t end, struct nima_features *out);

/* Features of one token for the tagger, without those that depend on labels or the kind. */
size_t nima_understand_tag_features(const struct nima_tokens *tokens, size_t from, size_t end,
                                    size_t at, const uint8_t *typed,
                                    uint32_t out[NIMA_TAG_FEATURES_MAX]);
/* How a feature is seen under a kind. */
uint32_t nima_understand_mix(uint32_t feature, uint32_t with);
uint32_t nima_understand_kind_hash(enum nima_kind kind); /* of its name: rows may move */

/* For each token of [from, end): 0, or part of a time (1 its first, 2 further), of a number (3), of
 * a path (4). In the arena. */
const uint8_t *nima_understand_typed(struct nima_ctx *ctx, const struct nima_language *language,
                                     nima_str text, const struct nima_tokens *tokens, size_t from,
                                     size_t end);

/* Rows of a few weights each, found by the hash of a feature. */
struct nima_sparse {
    size_t rows, entries;
    const uint32_t *hashes; /* sorted */
    const uint32_t *starts; /* rows + 1 of them */
    const uint8_t *columns; /* kinds or labels, in the file's order */
    const int8_t *values;
};
/* The row of the hash; SIZE_MAX: it has none. */
size_t nima_sparse_find(const struct nima_sparse *sparse, uint32_t hash);

/* Weights as they stand in the file; see weights.c for its layout. */
struct nima_weights {
    size_t kinds; /* in the file's order */
    enum nima_kind kind_of[NIMA_KINDS];
    struct nima_sparse words;
    const uint8_t *idfs; /* of each row of words, in 1/16 */
    size_t dims;
    const int8_t *vector;                          /* kinds x dims */
    const float *word_scale, *vector_scale, *bias; /* of each kind */
    const float *bias_alone;                       /* without a vector */
    float words_alone; /* by which the words count more without a vector */
    float temperature;
    float with_do, with_ask, without_do, without_ask; /* thresholds of the share */
    size_t labels;
    uint8_t label_of[NIMA_LABELS];
    size_t tag_bits; /* features of tags are cut to so many bits */
    struct nima_sparse tags;
    float tag_scale, follow_scale;
    const int8_t *follows; /* (labels + 1) x labels: the label before, the last row at the start */
};
/* False with a sentence in `problem` when the bytes are no weights for this build. */
bool nima_weights_read(struct nima_weights *weights, nima_str bytes, char *problem,
                       size_t problem_bytes);
/* Of the names of kinds and slots and the scheme: what weights must have been made for. */
uint32_t nima_weights_fingerprint(void);

struct nima_shares {
    double of[NIMA_KINDS]; /* sum to 1 */
    enum nima_kind best;
};
/* `vector` NULL: by words alone. `lean` (NULL: none) is added to the scores of kinds. */
void nima_understand_classify(struct nima_ctx *ctx, const struct nima_weights *weights,
                              const struct nima_features *features, const float *vector,
                              const float *lean, struct nima_shares *out);

/* Slots of act->kind in the tokens [from, end) of the text, into act->slots and act->missing. */
void nima_understand_slots(struct nima_ctx *ctx, const struct nima_weights *weights,
                           const struct nima_language *language, nima_str text,
                           const struct nima_tokens *tokens, size_t from, size_t end,
                           struct nima_act *act);

struct nima_understand {
    struct nima_llm *llm;
    struct nima_weights weights;
    bool ready;
    char problem[256];
};
