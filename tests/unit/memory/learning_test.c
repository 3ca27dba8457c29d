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
#include "memory/support_learning.h"
#include "util/file.h"

enum { DATA_BYTES_MAX = 1 << 20 };

static void tell(const char *half, const char *which, const struct learning_score *score)
{
    printf("learning by rules, %s%s: %d utterances, %d facts expected, %d found, %d right: "
           "precision %.3f, recall %.3f\n",
           half, which, score->lines, score->expected, score->found, score->right,
           learning_precision(score), learning_recall(score));
}

static struct learning_score measure(const char *half)
{
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    nima_str data;
    struct learning_score score = {0};
    struct learning_score beyond = {0}; /* written freely, for the model */
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
        bool free = nima_str_starts(nima_json_str(nima_json_get(tree, "kind")), NIMA_STR("free"));
        struct nima_candidates *got = NIMA_NEW(ctx.arena, struct nima_candidates, 1);
        nima_str text = nima_json_str(nima_json_get(tree, "text"));
        if (!nima_str_starts(text, NIMA_STR("/"))) { /* commands are learn's, not the rules' */
            assert_int_equal(NIMA_OK, nima_memory_extract(&ctx, text, got));
            learning_compare(tree, got, free ? &beyond : &score, loud);
        }
    }
    tell(half, "", &score);
    tell(half, ", freely written", &beyond);
    nima_ctx_done(&ctx);
    return score;
}

static void check(const char *half, double least_precision, double least_recall)
{
    struct learning_score score = measure(half);
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
