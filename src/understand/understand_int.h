#pragma once
/*
 * understand_int: what the files of this room share: features of a passage, the weights that were
 * trained on them, the classifier and the tagger. The scheme of features has a version: whoever
 * changes what features.c makes raises it and trains again.
 */
#include "language/language.h"
#include "understand/understand.h"

enum {
    NIMA_FEATURE_SCHEME = 1,
    NIMA_PASSAGE_TOKENS_MAX = 120, /* of one clause */
    NIMA_WORD_FEATURES_MAX = 4096, /* of one clause, for the classifier */
    NIMA_TAG_FEATURES_MAX = 48,    /* of one token, for the tagger */
    /* The tagger knows columns, not slots: those of one kind are in different ones. Label 0 is
     * none, then first and further token of each column. */
    NIMA_TAG_COLUMNS = 4,
    NIMA_TAG_LABELS = 1 + 2 * NIMA_TAG_COLUMNS
};

/* Features of the classifier: hashes of words, word pairs and character n-grams, each once. */
struct nima_features {
    uint32_t *hashes; /* sorted */
    uint16_t *counts;
    uint8_t *groups; /* enum nima_feature_group */
    size_t count;
};
enum nima_feature_group { NIMA_FEATURE_WORD, NIMA_FEATURE_PAIR, NIMA_FEATURE_CHARS };
void nima_understand_features(struct nima_ctx *ctx, const struct nima_tokens *tokens, size_t from,
                              size_t end, struct nima_features *out);

/* Features of one token for the tagger, without those that depend on labels or the kind. */
size_t nima_understand_tag_features(const struct nima_tokens *tokens, size_t from, size_t end,
                                    size_t at, const uint8_t *typed,
                                    uint32_t out[NIMA_TAG_FEATURES_MAX]);
/* How a feature is seen under a kind, or beside the label before. */
uint32_t nima_understand_mix(uint32_t feature, uint32_t with);
/* Which tokens of the passage are part of a time (1 first, 2 further) or a number, a path, a
 * quotation; 0 none. In the arena, one for each token of the passage. */
const uint8_t *nima_understand_typed(struct nima_ctx *ctx, const struct nima_language *language,
                                     nima_str text, const struct nima_tokens *tokens, size_t from,
                                     size_t end);

/* Weights as they stand in the file; weights.c has its layout, scripts/train-understanding writes
 * it. Rows of kinds are in the order of the table. */
struct nima_weights {
    size_t features, dims;
    const uint32_t *hashes; /* sorted */
    const uint8_t *idfs;    /* in sixteenths */
    const int8_t *words;    /* features x kinds */
    const float *word_scale, *word_bias;
    const int8_t *vector; /* kinds x dims */
    const float *vector_scale, *vector_bias;
    const int8_t *tags;    /* (1 << tag_bits) x NIMA_TAG_LABELS */
    const int8_t *follows; /* label before (the last row: none) x label */
    size_t tag_bits;
    float word_share, vector_share;                   /* of the sum of both scores */
    float word_alone;                                 /* of the words' where there is no vector */
    float with_do, with_ask, without_do, without_ask; /* shares from which on it is done, asked */
};
/* False with a sentence in `problem` when the bytes are not weights for this build. */
bool nima_weights_read(struct nima_weights *weights, nima_str bytes, char *problem,
                       size_t problem_bytes);
/* Of names, slots and the scheme of features: what weights must have been made for. */
uint64_t nima_weights_fingerprint(void);

struct nima_shares {
    double of[NIMA_KINDS]; /* sum to 1 */
    enum nima_kind best;
};
int nima_understand_column(enum nima_slot slot); /* 1..NIMA_TAG_COLUMNS */
/* `vector` NULL: by words alone. */
void nima_understand_classify(const struct nima_weights *weights,
                              const struct nima_features *features, const float *vector,
                              struct nima_shares *out);

/* Slots of `kind` in the tokens [from, end) of the text, into act->slots and act->missing. */
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

/* Vectors of the kind that the weights know; count 0 when there is no such model or it fails. */
NIMA_MUST_USE nima_rc nima_understand_embed(struct nima_ctx *ctx, const struct nima_understand *u,
                                            const nima_str *texts, size_t count,
                                            struct nima_vectors *out);

/* A part of the message with what it is for: a sentence, or clauses of one. */
struct nima_part {
    size_t sentence;  /* whose */
    size_t from, end; /* tokens of the sentence */
    struct nima_features features;
    struct nima_shares shares; /* of the words alone until there is a vector */
    const float *vector;
};
/* Asked, recent kinds and the person's examples move the shares. */
void nima_understand_weigh(const struct nima_read_query *query, nima_str text,
                           const struct nima_part *part, size_t dims, struct nima_shares *shares);
