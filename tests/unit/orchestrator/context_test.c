/* The prompt of a past reply, and the summary of what has left the window. */
#include <stdio.h>
#include <string.h>

#include "orchestrator/support_orchestrator.h"

static const nima_str none = {NULL, 0};

static struct nima_context_prompt prompt_of(struct world *w, nima_str id, nima_str message_id)
{
    struct nima_context_prompt prompt;
    ASSERT_OK_CTX(&w->ctx, nima_orchestrator_context(&w->ctx, w->o, id, message_id, &prompt));
    return prompt;
}

/* As the scripted model shows it: a line for each message. */
static nima_str shown(struct world *w, const struct nima_context_prompt *prompt)
{
    struct nima_buf text;
    nima_buf_init(&text, 10000000);
    for (size_t i = 0; i < prompt->messages.count; i++) {
        nima_buf_fmt(&text, NIMA_FMT ": " NIMA_FMT "\n", NIMA_ARG(prompt->messages.items[i].role),
                     NIMA_ARG(prompt->messages.items[i].content));
    }
    nima_str copy = nima_str_copy(w->ctx.arena, nima_buf_view(&text));
    nima_buf_done(&text);
    return copy;
}

static int64_t sum_of(const struct nima_context_prompt *prompt)
{
    int64_t sum = 0;
    for (size_t i = 0; i < prompt->sections.count; i++) {
        sum += prompt->sections.items[i].tokens;
    }
    return sum;
}

static const struct nima_context_section *section_of(const struct nima_context_prompt *prompt,
                                                     const char *name)
{
    for (size_t i = 0; i < prompt->sections.count; i++) {
        if (nima_str_eq(prompt->sections.items[i].name, nima_str_of(name))) {
            return &prompt->sections.items[i];
        }
    }
    return NULL;
}

static nima_str filler(struct world *w, int words, const char *end)
{
    struct nima_buf text;
    nima_buf_init(&text, 1000000);
    for (int i = 0; i < words; i++) {
        nima_buf_add(&text, NIMA_STR("word "));
    }
    nima_buf_add(&text, nima_str_of(end));
    nima_str copy = nima_str_copy(w->ctx.arena, nima_buf_view(&text));
    nima_buf_done(&text);
    return copy;
}

static void say_limited(struct world *w, nima_str id, nima_str message)
{
    struct nima_llm_message messages[] = {{NIMA_STR("user"), message}};
    ASSERT_OK_CTX(&w->ctx, say_turn(w, (struct nima_turn){.messages = messages,
                                                          .count = 1,
                                                          .conversation_id = id,
                                                          .use_memory = true,
                                                          .model = {.max_tokens = 300}}));
}

TEST(the_prompt_of_each_reply_is_put_together_again_byte_for_byte)
{
    struct world w = world_open();
    world_remember(&w, "Ana plays the cello");
    world_remember(&w, "Bruno bakes bread");
    static const char *const asked[] = {"Who plays the cello? [[recall]]",
                                        "And who bakes bread? [[recall]]", "Thank you [[recall]]"};
    nima_str id = none, replies[3], ids[3];
    for (int i = 0; i < 3; i++) {
        replies[i] = said(&w, id, asked[i]);
        id = w.out.conversation_id;
        ids[i] = w.out.message_id;
    }
    for (int i = 0; i < 3; i++) {
        struct nima_context_prompt prompt = prompt_of(&w, id, ids[i]);
        assert_true(prompt.exact);
        assert_true(nima_str_eq(shown(&w, &prompt), replies[i]));
        assert_int_equal(sum_of(&prompt), prompt.tokens);
        assert_int_equal(prompt.tokens, prompt.context->tokens->prompt);
        assert_non_null(section_of(&prompt, "persona"));
    }
    struct nima_context_prompt prompt = prompt_of(&w, id, ids[0]);
    const struct nima_context_section *facts = section_of(&prompt, "facts");
    assert_int_equal(facts->items.count, 1);
    ASSERT_STR_EQ(facts->items.items[0].fact, "Ana plays the cello");
    assert_true(facts->items.items[0].score > 0 && facts->items.items[0].keyword > 0);
    world_close(&w);
}

TEST(a_message_that_is_no_reply_has_no_prompt)
{
    struct world w = world_open();
    said(&w, none, "hello");
    nima_str id = w.out.conversation_id;
    struct nima_context_prompt prompt;
    nima_str asked = messages_of(&w, id).items[0].id;
    ASSERT_RC(NIMA_E_NOT_FOUND, nima_orchestrator_context(&w.ctx, w.o, id, asked, &prompt));
    nima_str reply = w.out.message_id;
    w.ctx.user_id = NIMA_STR("bob");
    ASSERT_RC(NIMA_E_NOT_FOUND, nima_orchestrator_context(&w.ctx, w.o, id, reply, &prompt));
    world_close(&w);
}

TEST(a_forgotten_fact_is_not_readable_in_old_prompts)
{
    struct world w = world_open();
    struct nima_fact fact = world_remember(&w, "Ana plays the cello");
    said(&w, none, "Who plays? The cello, I mean. [[reply:Somebody.]]");
    nima_str id = w.out.conversation_id, reply = w.out.message_id;
    struct nima_context_prompt before = prompt_of(&w, id, reply);
    assert_int_equal(section_of(&before, "facts")->items.count, 1);
    ASSERT_OK_CTX(&w.ctx, nima_memory_delete(&w.ctx, w.memory, fact.id));
    struct nima_context_prompt prompt = prompt_of(&w, id, reply);
    assert_false(prompt.exact);
    assert_int_equal(prompt.forgotten, 1);
    ASSERT_LACKS(shown(&w, &prompt), "Ana plays");
    ASSERT_CONTAINS(shown(&w, &prompt), "- [forgotten]");
    struct nima_message_rows rows = messages_of(&w, id);
    for (size_t i = 0; i < rows.count; i++) {
        ASSERT_LACKS(rows.items[i].metadata, "Ana plays");
    }
    said(&w, id, "Thank you [[recall]]"); /* metadata can still be read */
    assert_int_equal(w.out.context->trimmed_messages, 0);
    world_close(&w);
}

TEST(a_superseded_note_is_left_out_of_the_prompt_and_of_its_record)
{
    struct world w = world_open();
    struct nima_fact fact = world_remember(&w, "Ana plays the cello");
    said(&w, none, "Who plays the cello? [[reply:Ana.]]");
    nima_str id = w.out.conversation_id;
    struct nima_fact_patch patch = {.fact = NIMA_STR("Ana plays the double bass")};
    ASSERT_OK_CTX(&w.ctx, nima_memory_patch(&w.ctx, w.memory, fact.id, &patch, &fact));
    nima_str seen = said(&w, id, "Thank you [[recall]]");
    struct nima_context_prompt prompt = prompt_of(&w, id, w.out.message_id);
    assert_true(prompt.exact);
    assert_true(nima_str_eq(shown(&w, &prompt), seen));
    world_close(&w);
}

TEST(what_has_left_the_window_is_summarized_and_stays_in_sight)
{
    struct world w = world_open();
    say_limited(&w, none,
                NIMA_STR("We decided to launch the Albatross on 14 March. [[reply:Fine.]]"));
    nima_str id = nima_str_copy(w.ctx.arena, w.out.conversation_id);
    int moves = 0;
    int64_t trimmed = 0;
    for (int i = 1; i < 30; i++) {
        say_limited(&w, id, filler(&w, 800, "and so on [[reply:Yes.]]"));
        moves += w.out.context->trimmed_messages > trimmed;
        trimmed = w.out.context->trimmed_messages;
        assert_true(w.out.context->summarized == (trimmed > 0));
        struct nima_context_prompt prompt = prompt_of(&w, id, w.out.message_id);
        assert_true(prompt.exact);
        assert_int_equal(prompt.tokens, prompt.context->tokens->prompt);
        assert_int_equal(sum_of(&prompt), prompt.tokens);
    }
    assert_true(moves >= 2);
    say_limited(&w, id, NIMA_STR("what do you see? [[system]]"));
    ASSERT_CONTAINS(w.out.response, "- The user: We decided to launch the Albatross on 14 March.");
    struct nima_conversation c;
    ASSERT_OK_CTX(&w.ctx, nima_conversation_get(&w.ctx, w.store, id, &c));
    ASSERT_CONTAINS(c.context_summary, "Albatross");
    assert_int_equal(c.summary_position, trimmed);
    world_close(&w);
}

TEST(a_summary_does_not_tell_what_was_forgotten)
{
    struct world w = world_open();
    say_limited(&w, none, NIMA_STR("My brother Tom keeps bees in Porto. [[reply:Lovely.]]"));
    nima_str id = nima_str_copy(w.ctx.arena, w.out.conversation_id);
    struct nima_fact fact = world_remember(&w, "The user's brother Tom keeps bees in Porto");
    for (int i = 1; i < 14; i++) {
        say_limited(&w, id, filler(&w, 800, "and so on [[reply:Yes.]]"));
    }
    assert_true(w.out.context->summarized);
    nima_str reply = w.out.message_id;
    say_limited(&w, id, NIMA_STR("short [[system]]"));
    ASSERT_CONTAINS(w.out.response, "keeps bees");
    ASSERT_OK_CTX(&w.ctx, nima_memory_delete(&w.ctx, w.memory, fact.id));
    say_limited(&w, id, NIMA_STR("short again [[system]]"));
    ASSERT_LACKS(w.out.response, "bees");
    struct nima_context_prompt prompt = prompt_of(&w, id, reply);
    assert_false(prompt.exact);
    ASSERT_LACKS(shown(&w, &prompt), "bees");
    world_close(&w);
}

TEST(three_hundred_turns_keep_their_window_and_still_know_the_third)
{
    struct world w = world_open();
    nima_str id = none;
    for (int i = 1; i <= 300; i++) {
        struct nima_arena_mark mark = nima_scratch(&w.ctx);
        nima_str message =
            i == 3 ? NIMA_STR("My sister is called Rosalinde. [[reply:Noted.]]")
                   : nima_fmt(&w.ctx, "Step %d of the long way [[reply:Done %d.]]", i, i);
        say_limited(&w, id, message);
        assert_true(w.out.context->tokens->prompt <= 8192 - 300);
        if (i == 1) {
            static char kept[64];
            snprintf(kept, sizeof(kept), NIMA_FMT, NIMA_ARG(w.out.conversation_id));
            id = nima_str_of(kept);
        }
        nima_scratch_end(&w.ctx, mark);
    }
    say_limited(&w, id, NIMA_STR("What is my sister called? [[recall]]"));
    assert_true(w.out.context->summarized && w.out.context->trimmed_messages >= 400);
    ASSERT_CONTAINS(w.out.response, "Rosalinde");
    ASSERT_LACKS(w.out.response, "user: Step 4 ");
    world_close(&w);
}

TEST_MAIN
