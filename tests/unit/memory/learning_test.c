/*
 * The rules of learning on tests/data/learning.jsonl: statements, questions, suppositions,
 * strangers, quotations, denials, secrets, small talk, code. Half the lines ("dev") may be looked
 * at while writing rules, the other half ("test") only tells how they do on what they have not
 * seen.
 *
 *   NIMA_SHOW=dev|test     prints what was missed or wrong in that half
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "memory/rules.h"
#include "util/file.h"
#include "util/json.h"

enum { EXPECT_MAX = 8, DATA_BYTES_MAX = 1 << 20 };

struct score {
    int lines, found, right, expected, secrets_kept;
};

static bool contains(nima_str text, nima_str word)
{
    return nima_str_find_nocase(text, word, 0) != SIZE_MAX;
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

static void compare(const struct nima_json *line, const struct nima_candidates *got,
                    struct score *score, bool loud)
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
    for (size_t i = 0; i < got->count; i++) {
        if (!used[i] && loud) {
            show("WRONG ", text, got->items[i].text);
        } else if (loud && getenv("NIMA_SHOW_ALL") != NULL) {
            show("  ok  ", text, got->items[i].text);
        }
    }
    score->lines++;
    score->found += (int)got->count;
    score->expected += (int)expected;
    if (nima_str_eq(nima_json_str(nima_json_get(line, "kind")), NIMA_STR("secret"))) {
        score->secrets_kept += (int)got->count;
    }
}

static struct score measure(const char *half)
{
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    nima_str data;
    struct score score = {0};
    const char *wanted = getenv("NIMA_SHOW");
    bool loud = wanted != NULL && strcmp(wanted, half) == 0;
    assert_int_equal(NIMA_OK, nima_file_read(&ctx, NIMA_SOURCE_DIR "/tests/data/learning.jsonl",
                                             DATA_BYTES_MAX, &data));
    nima_str line;
    while (nima_str_next(&data, '\n', &line)) {
        const struct nima_json *tree;
        if (line.len == 0) {
            continue;
        }
        assert_int_equal(NIMA_OK, nima_json_parse(&ctx, line, &tree));
        if (!nima_str_eq(nima_json_str(nima_json_get(tree, "half")), nima_str_of(half))) {
            continue;
        }
        struct nima_candidates *got = NIMA_NEW(ctx.arena, struct nima_candidates, 1);
        nima_str text = nima_json_str(nima_json_get(tree, "text"));
        if (!nima_str_starts(text, NIMA_STR("/"))) { /* commands are learn's, not the rules' */
            assert_int_equal(NIMA_OK, nima_memory_extract(&ctx, text, got));
            compare(tree, got, &score, loud);
        }
    }
    double precision = score.found > 0 ? (double)score.right / score.found : 1;
    double recall = score.expected > 0 ? (double)score.right / score.expected : 1;
    printf("learning by rules, %s: %d utterances, %d facts expected, %d found, %d right: "
           "precision %.3f, recall %.3f\n",
           half, score.lines, score.expected, score.found, score.right, precision, recall);
    nima_ctx_done(&ctx);
    return score;
}

static void check(const char *half, double least_precision, double least_recall)
{
    struct score score = measure(half);
    assert_true(score.lines >= 200);
    assert_int_equal(0, score.secrets_kept);
    assert_true(score.right >= least_precision * score.found);
    assert_true(score.right >= least_recall * score.expected);
}

static void rules_do_well_on_what_they_were_written_with(void **state)
{
    (void)state;
    check("dev", 0.96, 0.92);
}

static void rules_do_well_on_what_they_have_not_seen(void **state)
{
    (void)state;
    check("test", 0.96, 0.93);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_do_well_on_what_they_were_written_with),
        cmocka_unit_test(rules_do_well_on_what_they_have_not_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
