#pragma once
/*
 * decide: what a candidate means for what is known: nothing new, something new, or something that
 * takes the place of an older fact.
 */
#include "memory/memory_int.h"
#include "memory/rules.h"

enum nima_decision_kind {
    NIMA_DECIDE_ADD,
    NIMA_DECIDE_NOTHING, /* `known` says it already */
    NIMA_DECIDE_REPLACE, /* `known` is superseded */
};
enum { NIMA_ALSO_MAX = 4 };
struct nima_decision {
    enum nima_decision_kind kind;
    struct nima_fact known;
    struct nima_fact also[NIMA_ALSO_MAX]; /* REPLACE: superseded by the same statement */
    size_t also_count;
};
NIMA_MUST_USE nima_rc nima_memory_decide(struct nima_ctx *ctx, struct nima_memory *memory,
                                         const struct nima_candidate *candidate,
                                         const struct nima_fact *fact, struct nima_decision *out);
/* {"attribute": …, "value": …}, or "{}". */
nima_str nima_memory_candidate_metadata(struct nima_ctx *ctx,
                                        const struct nima_candidate *candidate);
/* Two facts agree in numbers, names and denial. */
bool nima_memory_same_details(nima_str a, nima_str b);
