/*
 * What "/forget …" takes, on tests/data/forget.jsonl: the one fact that is meant, none when what
 * is there differs in number, name, denial, tense or person, and a question when several may be
 * meant. NIMA_SHOW=dev|test prints what was decided wrongly in that half.
 */
#include "memory/support_memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/file.h"
#include "util/json.h"

enum { DATA_BYTES_MAX = 1 << 20, LINES_MIN = 30, FACTS_MAX = 8 };

static bool as_expected(struct world *w, const struct nima_json *line)
{
    struct nima_fact facts[FACTS_MAX];
    const struct nima_json *texts = nima_json_get(line, "facts");
    size_t count = nima_json_count(texts);
    for (size_t i = 0; i < count && i < FACTS_MAX; i++) {
        facts[i] = remember(w, nima_cstr(&w->ctx, nima_json_str(nima_json_at(texts, i, NULL))));
    }
    nima_str said = nima_fmt(&w->ctx, "/forget " NIMA_FMT,
                             NIMA_ARG(nima_json_str(nima_json_get(line, "said"))));
    struct nima_learned_list got = tell(w, said.ptr);
    const struct nima_json *expect = nima_json_get(line, "expect");
    int64_t index = 0;
    if (nima_json_int(expect, &index)) {
        return got.count == 1 && got.items[0].event == NIMA_LEARNED_FORGOTTEN &&
               nima_str_eq(got.items[0].fact.id, facts[index].id);
    }
    bool ask = nima_str_eq(nima_json_str(expect), NIMA_STR("ask"));
    return got.count == 0 && (got.asked.count > 0) == ask;
}

static void measure(const char *half)
{
    const char *wanted = getenv("NIMA_SHOW");
    bool loud = wanted != NULL && strcmp(wanted, half) == 0;
    int lines = 0, right = 0;
    struct world w = world_open();
    nima_str data, line;
    ASSERT_OK_CTX(&w.ctx, nima_file_read(&w.ctx, NIMA_SOURCE_DIR "/tests/data/forget.jsonl",
                                         DATA_BYTES_MAX, &data));
    while (nima_str_next(&data, '\n', &line)) {
        const struct nima_json *tree;
        if (line.len == 0) {
            continue;
        }
        ASSERT_OK_CTX(&w.ctx, nima_json_parse(&w.ctx, line, &tree));
        if (!nima_str_eq(nima_json_str(nima_json_get(tree, "half")), nima_str_of(half))) {
            continue;
        }
        w.ctx.user_id = nima_fmt(&w.ctx, "%s%d", half, lines); /* one person a line */
        bool good = as_expected(&w, tree);
        lines++;
        right += good;
        if (!good && loud) {
            printf("  wrong: " NIMA_FMT "\n", NIMA_ARG(line));
        }
    }
    printf("forget, %s: %d of %d right\n", half, right, lines);
    world_close(&w);
    ASSERT_TRUE(lines >= LINES_MIN);
    ASSERT_INT_EQ(right, lines);
}

TEST(what_is_forgotten_on_lines_that_were_looked_at)
{
    measure("dev");
}

TEST(what_is_forgotten_on_lines_that_were_not)
{
    measure("test");
}

TEST(a_forgotten_fact_comes_back_once)
{
    struct world w = world_open();
    struct nima_fact fact = remember(&w, "The user parks on level 3"), back;
    nima_str token;
    ASSERT_OK_CTX(&w.ctx, nima_memory_forget_fact(&w.ctx, w.memory, fact.id, &token));
    ASSERT_TRUE(!finds(&w, w.memory, "parks level", "The user parks on level 3"));
    w.ctx.user_id = NIMA_STR("eve");
    ASSERT_RC(NIMA_E_NOT_FOUND, nima_memory_restore(&w.ctx, w.memory, token, (nima_str){0}, &back));
    w.ctx.user_id = NIMA_STR("ana");
    ASSERT_OK_CTX(&w.ctx, nima_memory_restore(&w.ctx, w.memory, token, (nima_str){0}, &back));
    ASSERT_TRUE(nima_str_eq(back.id, fact.id) && back.created_at == fact.created_at);
    ASSERT_TRUE(finds(&w, w.memory, "parks level", "The user parks on level 3"));
    ASSERT_RC(NIMA_E_NOT_FOUND, nima_memory_restore(&w.ctx, w.memory, token, (nima_str){0}, &back));
    ASSERT_OK_CTX(&w.ctx, nima_memory_forget_fact(&w.ctx, w.memory, fact.id, &token));
    ASSERT_OK_CTX(&w.ctx, nima_memory_forget(&w.ctx, w.memory)); /* leaves nothing there either */
    ASSERT_RC(NIMA_E_NOT_FOUND,
              nima_memory_restore(&w.ctx, w.memory, (nima_str){0}, fact.id, &back));
    world_close(&w);
}

TEST(everything_is_not_a_fact)
{
    struct world w = world_open();
    (void)remember(&w, "The user knows everything about me");
    struct nima_learned_list got = tell(&w, "/forget everything");
    ASSERT_TRUE(got.everything && got.count == 0);
    world_close(&w);
}

TEST(remember_keeps_what_fits_and_says_what_does_not)
{
    struct world w = world_open();
    char *text = nima_alloc(w.ctx.arena, 9000 + 32);
    memcpy(text, "/remember ", 10);
    for (size_t i = 0; i < 8000; i++) {
        text[10 + i] = i % 7 == 6 ? ' ' : (char)('a' + i % 23);
    }
    text[10 + 7999] = 'z';
    struct nima_learned_list got = tell(&w, text);
    ASSERT_INT_EQ(got.count, 1);
    ASSERT_INT_EQ(got.items[0].fact.fact.len, 8000);
    text[10 + 8000] = 'x';
    struct nima_utterance said = {.text = nima_str_of(text)};
    ASSERT_RC(NIMA_E_INVALID, nima_memory_learn(&w.ctx, w.memory, &said, &got));
    world_close(&w);
}

TEST_MAIN
