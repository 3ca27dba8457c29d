/*
 * What a message asks for, by the rules alone. tests/data/actions.jsonl: eighty sentences that ask
 * for an action, with what they ask for, and sixty that only talk about actions.
 */
#include "support/test.h"
#include "tasks/support_heard.h"
#include "tasks/tasks_int.h"
#include "tasks/words.h"
#include "util/file.h"

enum { DATA_BYTES_MAX = 1 << 20, RIGHT_LEAST = 69, TALK_ASKED_MOST = 12 };

TEST(sentences_are_understood_or_left_alone)
{
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    nima_str data, line;
    int right = 0, asked = 0, talk = 0;
    ASSERT_OK_CTX(&ctx, nima_file_read(&ctx, NIMA_SOURCE_DIR "/tests/data/actions.jsonl",
                                       DATA_BYTES_MAX, &data));
    while (nima_str_next(&data, '\n', &line)) {
        struct nima_tasks_step steps[NIMA_TASKS_STEPS_MAX];
        const struct nima_json *row;
        if (line.len == 0) {
            continue;
        }
        ASSERT_OK_CTX(&ctx, nima_json_parse(&ctx, line, &row));
        nima_str text = nima_json_str(nima_json_get(row, "text"));
        size_t count = nima_task_heard(&ctx, text, steps);
        if (nima_json_str(nima_json_get(row, "action")).ptr == NULL) {
            talk++;
            if (count != 0) {
                fail_msg("only talk: " NIMA_FMT, NIMA_ARG(text));
            }
            continue;
        }
        asked++;
        bool fits = count == 1 && heard_is_right(&ctx, &steps[0], row);
        right += fits;
        if (count > 0 && !fits) {
            fail_msg("another action: " NIMA_FMT " -> " NIMA_FMT " " NIMA_FMT, NIMA_ARG(text),
                     NIMA_ARG(steps[0].action), NIMA_ARG(steps[0].params));
        }
        if (!fits && getenv("NIMA_SHOW") != NULL) {
            printf("not by rules: " NIMA_FMT "\n", NIMA_ARG(line));
        }
    }
    printf("by rules alone: %d of %d, %d left alone\n", right, asked, talk);
    assert_int_equal(asked, 80);
    assert_int_equal(talk, 60);
    assert_true(right >= RIGHT_LEAST);
    nima_ctx_done(&ctx);
}

/* Whom the model is asked about: all that the rules left over, and little of the talk. */
TEST(talk_is_seldom_put_to_the_model)
{
    struct nima_ctx ctx;
    struct nima_tasks_step steps[NIMA_TASKS_STEPS_MAX];
    struct nima_task_words words;
    nima_str data, line;
    int talk = 0;
    nima_ctx_init(&ctx);
    ASSERT_OK_CTX(&ctx, nima_file_read(&ctx, NIMA_SOURCE_DIR "/tests/data/actions.jsonl",
                                       DATA_BYTES_MAX, &data));
    while (nima_str_next(&data, '\n', &line)) {
        const struct nima_json *row;
        if (line.len == 0) {
            continue;
        }
        ASSERT_OK_CTX(&ctx, nima_json_parse(&ctx, line, &row));
        nima_str text = nima_json_str(nima_json_get(row, "text"));
        bool asks = nima_task_words_read(text, &words) && nima_task_asks(&words);
        bool action = nima_json_str(nima_json_get(row, "action")).ptr != NULL;
        if (action && nima_task_heard(&ctx, text, steps) == 0 && !asks) {
            fail_msg("nobody is asked: " NIMA_FMT, NIMA_ARG(text));
        }
        if (!action && asks) {
            talk++;
            printf("the model is asked: " NIMA_FMT "\n", NIMA_ARG(text));
        }
    }
    assert_true(talk <= TALK_ASKED_MOST);
    nima_ctx_done(&ctx);
}

TEST(several_steps_are_heard_in_their_order)
{
    struct nima_ctx ctx;
    struct nima_tasks_step steps[NIMA_TASKS_STEPS_MAX];
    nima_ctx_init(&ctx);
    nima_str text = NIMA_STR("read notes.txt and then append \"done and then some\" to done.txt, "
                             "then delete old.txt please");
    ASSERT_INT_EQ(nima_task_heard(&ctx, text, steps), 3);
    ASSERT_STR_EQ(steps[0].action, "read_file");
    ASSERT_STR_EQ(steps[1].params,
                  "{\"content\":\"done and then some\\n\",\"path\":\"done.txt\",\"line\":true}");
    ASSERT_STR_EQ(steps[2].action, "delete");
    ASSERT_INT_EQ(nima_task_heard(&ctx, NIMA_STR("read a.txt and then sing"), steps), 0);
    ASSERT_INT_EQ(nima_task_heard(&ctx, NIMA_STR("add milk and bread to list.txt"), steps), 1);
    ASSERT_INT_EQ(nima_task_heard(&ctx, NIMA_STR("read a.txt and"), steps), 1);
    nima_ctx_done(&ctx);
}

TEST(names_in_disguise_are_no_paths)
{
    struct nima_ctx ctx;
    struct nima_tasks_step steps[NIMA_TASKS_STEPS_MAX];
    static const char *const texts[] = {
        "read note\xd1\x95.txt", /* a Cyrillic letter */
        "delete notes\xe2\x80\xae"
        "txt.exe",                   /* written from right to left */
        "read notes\xef\xbc\x8etxt", /* a full-width dot */
        "delete a\xe2\x88\x95"
        "b.txt", /* a division slash */
    };
    nima_ctx_init(&ctx);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        ASSERT_INT_EQ(nima_task_heard(&ctx, nima_str_of(texts[i]), steps), 0);
    }
    nima_ctx_done(&ctx);
}

TEST_MAIN
