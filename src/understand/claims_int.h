#pragma once
/*
 * Private to claims: the words and patterns of a language, and matching a clause against them.
 */
#include "understand/claims.h"

enum {
    NIMA_CLAIM_CLASSES_MAX = 48,
    NIMA_CLAIM_PATTERNS_MAX = 48,
    NIMA_CLAIM_ELEMENTS_MAX = 16,
    NIMA_CLAIM_ANY_MAX = 16, /* words that `any*` may stand for */
    NIMA_CLAIM_WORDS_MAX = 64
};

struct nima_claim_element {
    int word_class; /* index of the table's classes; -1: any word */
    bool optional, repeated;
};
struct nima_claim_pattern {
    struct nima_claim_element items[NIMA_CLAIM_ELEMENTS_MAX];
    size_t count;
    bool ordered; /* only where the message asked for an act */
};
struct nima_claim_class {
    nima_str name;
    nima_str *words; /* folded */
    size_t count;
};
struct nima_claim_table {
    nima_str language;
    struct nima_claim_class classes[NIMA_CLAIM_CLASSES_MAX];
    size_t class_count;
    struct nima_claim_pattern patterns[NIMA_CLAIM_PATTERNS_MAX];
    size_t pattern_count;
    nima_str instead;
    int lead, negation; /* classes; -1: the language has none */
};

/* The table of the language, English where it has none. */
const struct nima_claim_table *nima_claim_table(const struct nima_language *language);

enum nima_claim_verdict {
    NIMA_CLAIM_NO,
    NIMA_CLAIM_MAYBE, /* what is to come decides */
    NIMA_CLAIM_YES
};
/* A clause, or with `open` its beginning. */
enum nima_claim_verdict nima_claim_judge(struct nima_ctx *ctx, const struct nima_claim_table *table,
                                         bool ordered, nima_str clause, bool open);
