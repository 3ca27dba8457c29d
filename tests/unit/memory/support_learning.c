#include "memory/support_learning.h"

#include <stdio.h>
#include <stdlib.h>

/* One of the words, where "mum|mother" names several. */
static bool contains(nima_str text, nima_str words)
{
    nima_str word;
    while (nima_str_next(&words, '|', &word)) {
        if (nima_str_find_nocase(text, word, 0) != SIZE_MAX) {
            return true;
        }
    }
    return false;
}

/* All the words of the expectation stand in the fact. */
static bool matches(nima_str fact, nima_str expected)
{
    nima_str word;
    while (nima_str_next(&expected, ' ', &word)) {
        if (word.len > 0 && !contains(fact, word)) {
            return false;
        }
    }
    return true;
}

static void show(const char *what, nima_str text, nima_str detail)
{
    printf("  %s: " NIMA_FMT "  <- " NIMA_FMT "\n", what, NIMA_ARG(detail), NIMA_ARG(text));
}

/* True as well, and neither asked for nor wrong: "also" lists words of such facts. */
static bool is_welcome(const struct nima_json *line, nima_str fact)
{
    const struct nima_json *also = nima_json_get(line, "also");
    for (size_t i = 0; i < nima_json_count(also); i++) {
        if (matches(fact, nima_json_str(nima_json_at(also, i, NULL)))) {
            return true;
        }
    }
    return false;
}

void learning_compare(const struct nima_json *line, const struct nima_candidates *got,
                      struct learning_score *score, bool loud)
{
    const struct nima_json *expect = nima_json_get(line, "expect");
    nima_str text = nima_json_str(nima_json_get(line, "text"));
    bool used[NIMA_CANDIDATES_MAX] = {false};
    size_t expected = nima_json_count(expect);
    for (size_t e = 0; e < expected; e++) {
        nima_str words = nima_json_str(nima_json_at(expect, e, NULL));
        bool hit = false;
        for (size_t i = 0; i < got->count && !hit; i++) {
            hit = !used[i] && matches(got->items[i].text, words);
            used[i] = used[i] || hit;
        }
        score->right += hit;
        if (!hit && loud) {
            show("missed", text, words);
        }
    }
    size_t found = got->count;
    for (size_t i = 0; i < got->count; i++) {
        bool welcome = !used[i] && is_welcome(line, got->items[i].text);
        found -= welcome;
        if (welcome) {
            continue;
        }
        if (!used[i] && loud) {
            show("WRONG ", text, got->items[i].text);
        } else if (loud && getenv("NIMA_SHOW_ALL") != NULL) {
            show("  ok  ", text, got->items[i].text);
        }
    }
    score->lines++;
    score->found += (int)found;
    score->expected += (int)expected;
    if (nima_str_eq(nima_json_str(nima_json_get(line, "kind")), NIMA_STR("secret"))) {
        score->secrets_kept += (int)got->count;
    }
}

void learning_add(struct learning_score *sum, const struct learning_score *score)
{
    sum->lines += score->lines;
    sum->found += score->found;
    sum->right += score->right;
    sum->expected += score->expected;
    sum->secrets_kept += score->secrets_kept;
}

double learning_precision(const struct learning_score *score)
{
    return score->found > 0 ? (double)score->right / score->found : 1;
}

double learning_recall(const struct learning_score *score)
{
    return score->expected > 0 ? (double)score->right / score->expected : 1;
}
