#pragma once
/*
 * support_learning: what was learned from a line of tests/data/learning.jsonl against what it
 * expects. Used by the test of the rules and by bench_learning.
 */
#include "memory/rules.h"
#include "util/json.h"

struct learning_score {
    int lines, found, right, expected, secrets_kept;
};
/* Counts one line; `loud` prints what was missed or wrong. */
void learning_compare(const struct nima_json *line, const struct nima_candidates *got,
                      struct learning_score *score, bool loud);
void learning_add(struct learning_score *sum, const struct learning_score *score);
double learning_precision(const struct learning_score *score);
double learning_recall(const struct learning_score *score);
