#include <string.h>

#include "orchestrator/support_orchestrator.h"

static const nima_str none = {NULL, 0};

/* "word word …" with a directive behind it, so that a message has many tokens. */
static const char *long_message(struct world *w, int words, const char *end)
{
    char *text = nima_alloc(w->ctx.arena, (size_t)words * 5 + strlen(end) + 1);
    for (int i = 0; i < words; i++) {
        memcpy(text + (size_t)i * 5, "word ", 5);
    }
    memcpy(text + (size_t)words * 5, end, strlen(end));
    return text;
}

static size_t count_of(nima_str text, const char *part)
{
    size_t count = 0;
    for (size_t at = nima_str_find(text, nima_str_of(part), 0); at != SIZE_MAX;
         at = nima_str_find(text, nima_str_of(part), at + 1)) {
        count++;
    }
    return count;
}

TEST(a_note_stays_before_the_message_it_was_recalled_for)
{
    struct world w = world_open();
    world_remember(&w, "Ana plays the cello");
    said(&w, none, "Who plays the cello? [[reply:Ana.]]");
    nima_str seen = said(&w, w.out.conversation_id, "Thank you [[recall]]");
    size_t note = nima_str_find(seen, NIMA_STR("- Ana plays the cello"), 0);
    size_t question = nima_str_find(seen, NIMA_STR("user: Who plays"), 0);
    assert_true(note != SIZE_MAX && question != SIZE_MAX && note < question);
    world_close(&w);
}

TEST(a_note_in_sight_is_not_repeated_but_still_named)
{
    struct world w = world_open();
    world_remember(&w, "Ana plays the cello");
    said(&w, none, "Who plays the cello? [[reply:Ana.]]");
    nima_str seen = said(&w, w.out.conversation_id, "Does Ana play the cello well? [[recall]]");
    assert_int_equal(count_of(seen, "- Ana plays the cello"), 1);
    assert_int_equal(w.out.context->facts.count, 1);
    world_close(&w);
}

TEST(each_prompt_begins_with_the_one_before)
{
    struct world w = world_open();
    world_remember(&w, "Ana plays the cello");
    world_remember(&w, "Bruno bakes bread");
    nima_str last = said(&w, none, "Who plays the cello? [[recall]]");
    nima_str id = w.out.conversation_id;
    for (int i = 0; i < 3; i++) { /* each reply holds all before it: it doubles */
        nima_str seen = said(&w, id, i % 2 == 0 ? "Who bakes bread? [[recall]]" : "Ok [[recall]]");
        /* Nothing that the model has evaluated moves; only its own last reply comes in between. */
        nima_str head = nima_str_sub(last, 0, last.len - 20);
        assert_true(nima_str_starts(seen, head));
        last = seen;
    }
    world_close(&w);
}

TEST(a_deleted_fact_leaves_the_history_too)
{
    struct world w = world_open();
    struct nima_fact fact = world_remember(&w, "Ana plays the cello");
    said(&w, none, "Who plays the cello? [[reply:Somebody.]]");
    nima_str id = w.out.conversation_id;
    ASSERT_OK_CTX(&w.ctx, nima_memory_delete(&w.ctx, w.memory, fact.id));
    ASSERT_LACKS(said(&w, id, "Thank you [[recall]]"), "Ana plays the cello");
    world_close(&w);
}

TEST(a_superseded_fact_leaves_the_history_too)
{
    struct world w = world_open();
    struct nima_fact fact = world_remember(&w, "Ana plays the cello");
    said(&w, none, "Who plays the cello? [[reply:Somebody.]]");
    nima_str id = w.out.conversation_id;
    struct nima_fact newer = {.fact = NIMA_STR("Ana plays the violin"),
                              .category = NIMA_STR("personal"),
                              .source = NIMA_STR("explicit"),
                              .confidence = 1,
                              .metadata = NIMA_STR("{}")};
    struct nima_fact stored;
    int64_t change;
    ASSERT_OK_CTX(&w.ctx, nima_facts_supersede(&w.ctx, w.store, fact.id, &newer, &stored, &change));
    ASSERT_LACKS(said(&w, id, "Thank you [[recall]]"), "Ana plays the cello");
    world_close(&w);
}

TEST(a_reworded_fact_leaves_the_history_too)
{
    struct world w = world_open();
    struct nima_fact fact = world_remember(&w, "Ana plays the cello");
    said(&w, none, "Who plays the cello? [[reply:Somebody.]]");
    nima_str id = w.out.conversation_id;
    struct nima_fact_patch patch = {.fact = NIMA_STR("Ana plays the double bass")};
    ASSERT_OK_CTX(&w.ctx, nima_memory_patch(&w.ctx, w.memory, fact.id, &patch, &fact));
    ASSERT_LACKS(said(&w, id, "Thank you [[recall]]"), "Ana plays the cello");
    world_close(&w);
}

TEST(a_message_longer_than_the_window_is_cut_in_its_middle_and_says_so)
{
    struct world w = world_open();
    said(&w, none, long_message(&w, 9000, "the end [[reply:ok]]"));
    assert_true(w.out.context->tokens->prompt <= 8192 / 2);
    int64_t cut = w.out.context->cut_characters;
    assert_true(cut > 30000 && cut < 40000);
    nima_str id = w.out.conversation_id;
    assert_int_equal(messages_of(&w, id).items[0].content.len, 45000 + 20); /* kept whole */
    /* The next prompt has it as the model saw it before. */
    nima_str seen = said(&w, id, "and now? [[recall]]");
    ASSERT_CONTAINS(seen,
                    nima_fmt(&w.ctx, "\n[… %lld characters left out …]\n", (long long)cut).ptr);
    ASSERT_CONTAINS(seen, "the end [[reply:ok]]");
    assert_true(w.out.context->cut_characters == 0);
    world_close(&w);
}

TEST(instructions_that_cannot_fit_are_refused_and_nothing_is_stored)
{
    struct world w = world_open();
    struct nima_llm_message messages[] = {
        {NIMA_STR("system"), nima_str_of(long_message(&w, 9000, ""))},
        {NIMA_STR("user"), NIMA_STR("hello")}};
    ASSERT_RC(NIMA_E_INVALID, say_turn(&w, (struct nima_turn){.messages = messages, .count = 2}));
    assert_string_equal(w.ctx.error.field, "messages");
    ASSERT_CONTAINS(nima_str_of(w.ctx.error.message), "shorten it");
    assert_int_equal(count_conversations(&w), 0);
    world_close(&w);
}

TEST(a_system_message_that_grew_is_counted_again)
{
    struct world w = world_open();
    said(&w, none, "hello [[reply:hi]]");
    nima_str id = w.out.conversation_id;
    struct nima_llm_message messages[] = {
        {NIMA_STR("system"), nima_str_of(long_message(&w, 9000, ""))},
        {NIMA_STR("user"), NIMA_STR("again")}};
    struct nima_turn turn = {.messages = messages, .count = 2, .conversation_id = id};
    ASSERT_RC(NIMA_E_INVALID, say_turn(&w, turn));
    messages[0].content = NIMA_STR("Be brief.");
    messages[1].content = NIMA_STR("again [[recall]]");
    ASSERT_OK_CTX(&w.ctx, say_turn(&w, turn));
    ASSERT_CONTAINS(w.out.response, "Be brief.");
    ASSERT_CONTAINS(w.out.response, "user: hello");
    world_close(&w);
}

TEST(a_full_window_drops_its_oldest_messages_in_steps)
{
    struct world w = world_open();
    /* Half of 8192 tokens is for the reply; each turn takes 500 and more. */
    said(&w, none, long_message(&w, 500, "m0 [[reply:r0]]"));
    nima_str id = w.out.conversation_id;
    int moved = 0;
    int64_t trimmed = 0;
    for (int i = 1; i < 40; i++) {
        char end[64];
        snprintf(end, sizeof(end), "m%d [[reply:r%d]]", i, i);
        said(&w, id, long_message(&w, 500, end));
        const struct nima_turn_context *context = w.out.context;
        assert_true(context->tokens->prompt <= 8192 / 2);
        assert_true(context->trimmed_messages >= trimmed);
        moved += context->trimmed_messages > trimmed;
        trimmed = context->trimmed_messages;
        assert_int_equal(trimmed % 2, 0); /* a window begins with the person's words */
    }
    assert_true(moved >= 3 && moved <= 15);
    nima_str seen = said(&w, id, "what do you see? [[recall]]");
    ASSERT_CONTAINS(seen, "m39");
    ASSERT_LACKS(seen, "m0 ");
    assert_int_equal(messages_of(&w, id).count, 82); /* all of it is still stored */
    world_close(&w);
}

TEST(a_window_stays_where_it_was_left_also_behind_system_messages)
{
    struct world w = world_open();
    struct nima_llm_message first[] = {
        {NIMA_STR("system"), NIMA_STR("Be brief.")},
        {NIMA_STR("user"), nima_str_of(long_message(&w, 2500, "m0"))},
        {NIMA_STR("assistant"), NIMA_STR("r0")},
        {NIMA_STR("user"), nima_str_of(long_message(&w, 1000, "m1 [[reply:r1]]"))}};
    ASSERT_OK_CTX(&w.ctx, say_turn(&w, (struct nima_turn){.messages = first, .count = 4}));
    nima_str id = w.out.conversation_id;
    said(&w, id, long_message(&w, 1000, "m2 [[reply:r2]]"));
    int64_t trimmed = w.out.context->trimmed_messages;
    assert_int_equal(trimmed, 3); /* system, m0, r0: positions, not only what is in the window */
    nima_str seen = said(&w, id, "short [[recall]]");
    assert_true(w.out.context->trimmed_messages == trimmed);
    ASSERT_CONTAINS(seen, "Be brief.");
    ASSERT_LACKS(seen, "m0");
    ASSERT_LACKS(seen, "assistant: r0");
    ASSERT_CONTAINS(seen, "m1 ");
    world_close(&w);
}

TEST(of_a_thousand_messages_only_the_last_are_looked_at)
{
    struct world w = world_open();
    enum { MANY = 1000 };
    struct nima_message_row *rows = NIMA_NEW(w.ctx.arena, struct nima_message_row, MANY);
    for (int i = 0; i < MANY; i++) {
        rows[i].role = i % 2 == 0 ? NIMA_STR("user") : NIMA_STR("assistant");
        rows[i].content = nima_fmt(&w.ctx, "m%d.", i);
    }
    struct nima_conversation wanted = {.title = NIMA_STR("long")}, made;
    ASSERT_OK_CTX(&w.ctx, nima_orchestrator_import(&w.ctx, w.o, &wanted, rows, MANY, &made));
    nima_str seen = said(&w, made.id, "what do you see? [[recall]]");
    ASSERT_CONTAINS(seen, "assistant: m999.");
    ASSERT_CONTAINS(seen, "user: m800.");
    ASSERT_LACKS(seen, "m799.");
    assert_true(w.out.context->trimmed_messages == 800);
    said(&w, made.id, "and now?");
    assert_true(w.out.context->trimmed_messages == 850);
    said(&w, made.id, "and now?");
    assert_true(w.out.context->trimmed_messages == 850);
    world_close(&w);
}

TEST_MAIN
