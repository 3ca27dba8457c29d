/*
 * Whose words a passage holds, on tests/data/passages.jsonl. Half the lines ("dev") may be looked
 * at. NIMA_SHOW=dev|test prints what was read wrongly in that half.
 */
#include "language/passages.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/test.h"
#include "util/clock.h"
#include "util/file.h"
#include "util/json.h"

enum { DATA_BYTES_MAX = 1 << 20, LINES_MIN = 60 };

static bool all_are(const struct nima_json *list, nima_str own, bool inside)
{
    for (size_t i = 0; i < nima_json_count(list); i++) {
        nima_str part = nima_json_str(nima_json_at(list, i, NULL));
        if ((nima_str_find(own, part, 0) != SIZE_MAX) != inside) {
            return false;
        }
    }
    return true;
}

static void measure(const char *half, double least)
{
    const char *wanted = getenv("NIMA_SHOW");
    bool loud = wanted != NULL && strcmp(wanted, half) == 0;
    int lines = 0, right = 0, taken = 0, others = 0;
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    nima_str data, line;
    ASSERT_OK_CTX(&ctx, nima_file_read(&ctx, NIMA_SOURCE_DIR "/tests/data/passages.jsonl",
                                       DATA_BYTES_MAX, &data));
    while (nima_str_next(&data, '\n', &line)) {
        const struct nima_json *tree;
        if (line.len == 0) {
            continue;
        }
        ASSERT_OK_CTX(&ctx, nima_json_parse(&ctx, line, &tree));
        if (!nima_str_eq(nima_json_str(nima_json_get(tree, "half")), nima_str_of(half))) {
            continue;
        }
        nima_str text = nima_json_str(nima_json_get(tree, "text"));
        nima_str own = nima_language_own_text(&ctx, text);
        bool leaks = !all_are(nima_json_get(tree, "other"), own, false);
        bool good = !leaks && all_are(nima_json_get(tree, "own"), own, true);
        others += nima_json_count(nima_json_get(tree, "other")) > 0;
        taken += leaks;
        lines++;
        right += good;
        if (!good && loud) {
            printf("--- %s\n" NIMA_FMT "\n--- own:\n" NIMA_FMT "\n", leaks ? "LEAKS" : "lost",
                   NIMA_ARG(text), NIMA_ARG(own));
        }
    }
    printf("passages, %s: %d of %d right (%.3f); of %d with somebody else's words %d leak\n", half,
           right, lines, (double)right / lines, others, taken);
    nima_ctx_done(&ctx);
    ASSERT_TRUE(lines >= LINES_MIN);
    ASSERT_TRUE(right >= least * lines);
}

TEST(passages_that_were_looked_at)
{
    measure("dev", 0.95);
}

TEST(passages_that_were_not)
{
    measure("test", 0.95);
}

TEST(ranges_are_whole_and_in_order)
{
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    struct nima_own_ranges ranges;
    nima_language_own_ranges(&ctx, NIMA_STR("  I live in Oslo.\n```\nx\n```\n I am 34. "), &ranges);
    ASSERT_INT_EQ(ranges.count, 2);
    ASSERT_TRUE(!ranges.whole);
    ASSERT_INT_EQ(ranges.items[0].from, 2);
    ASSERT_INT_EQ(ranges.items[0].end, 17);
    nima_language_own_ranges(&ctx, NIMA_STR(""), &ranges);
    ASSERT_INT_EQ(ranges.count, 0);
    nima_language_own_ranges(&ctx, NIMA_STR("I live in Oslo."), &ranges);
    ASSERT_TRUE(ranges.whole && ranges.count == 1);
    nima_ctx_done(&ctx);
}

/* 64,000 characters of each class, in a few times what the plainest takes. */
TEST(long_texts_take_linear_time)
{
    static const char *const pieces[] = {"\n",          ":",      "*a ", "<a>",    "[a]", "'''\n",
                                         "Bob: I am\n", "/*",     "? ",  "From: ", "\"",  "> x\n",
                                         "a. ",         "this: ", "*",   "word "};
    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        struct nima_ctx ctx;
        nima_ctx_init(&ctx);
        size_t len = strlen(pieces[i]), count = 64000 / len;
        char *text = nima_alloc(ctx.arena, count * len + 1);
        for (size_t n = 0; n < count; n++) {
            memcpy(text + n * len, pieces[i], len);
        }
        int64_t began = nima_mono_ms();
        (void)nima_language_own_text(&ctx, (nima_str){text, count * len});
        int64_t took = nima_mono_ms() - began;
        if (took > 500) {
            printf("%s: %lld ms\n", pieces[i], (long long)took);
        }
        ASSERT_TRUE(took <= 500);
        nima_ctx_done(&ctx);
    }
}

TEST_MAIN
