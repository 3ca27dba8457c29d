/* What a turn learns, and the two commands. */
#include "orchestrator/support_orchestrator.h"

static const nima_str none = {NULL, 0};

TEST(a_statement_about_oneself_is_remembered_and_named)
{
    struct world w = world_open();
    said(&w, none, "I live in Lisbon.");
    assert_int_equal(w.out.remembered.count, 1);
    ASSERT_STR_EQ(w.out.remembered.items[0].event, "added");
    ASSERT_CONTAINS(w.out.remembered.items[0].fact, "Lisbon");
    assert_int_equal(count_facts(&w), 1);
    struct nima_message_rows rows = messages_of(&w, w.out.conversation_id);
    assert_int_equal(meta_of(&w, &rows.items[1]).remembered.count, 1);
    ASSERT_CONTAINS(said(&w, none, "Where do I live? [[recall]]"), "Lisbon");
    world_close(&w);
}

TEST(nothing_is_learned_where_learning_is_off)
{
    struct world w = world_open();
    struct nima_llm_message messages[] = {{NIMA_STR("user"), NIMA_STR("I live in Lisbon.")}};
    struct nima_turn turn = {.messages = messages, .count = 1, .learn = NIMA_LEARN_OFF};
    turn.use_memory = true;
    ASSERT_OK_CTX(&w.ctx, say_turn(&w, turn));
    turn.learn = NIMA_LEARN_BACKGROUND;
    turn.use_memory = false;
    ASSERT_OK_CTX(&w.ctx, say_turn(&w, turn));
    assert_int_equal(w.out.remembered.count, 0);
    assert_int_equal(count_facts(&w), 0);
    world_close(&w);
}

TEST(what_was_said_is_learned_even_when_the_model_fails)
{
    struct world w = world_open();
    ASSERT_RC(NIMA_E_MODEL, say(&w, none, "I live in Lisbon. [[fail]]"));
    assert_int_equal(count_facts(&w), 1);
    world_close(&w);
}

TEST(remember_keeps_a_fact_and_confirms_without_the_model)
{
    struct world w = world_open();
    nima_str reply = said(&w, none, "/remember My sister is called Rosa [[fail]]");
    ASSERT_CONTAINS(reply, "I will remember");
    ASSERT_CONTAINS(reply, "Rosa");
    assert_true(nima_str_eq(reply, w.streamed));
    assert_int_equal(count_facts(&w), 1);
    assert_int_equal(messages_of(&w, w.out.conversation_id).count, 2);
    reply = said(&w, w.out.conversation_id, "/remember My sister is called Rosa [[fail]]");
    ASSERT_CONTAINS(reply, "I knew that already");
    assert_int_equal(count_facts(&w), 1);
    world_close(&w);
}

TEST(forget_takes_away_what_clearly_matches)
{
    struct world w = world_open();
    world_remember(&w, "My sister is called Rosa");
    world_remember(&w, "Ana plays the cello");
    ASSERT_CONTAINS(said(&w, none, "/forget My sister is called Rosa"), "Forgotten: ");
    assert_int_equal(count_facts(&w), 1);
    ASSERT_LACKS(said(&w, none, "What is my sister called? [[recall]]"), "Rosa");
    world_close(&w);
}

TEST(forgetting_what_is_not_there_says_so)
{
    struct world w = world_open();
    world_remember(&w, "Ana plays the cello");
    ASSERT_CONTAINS(said(&w, none, "/forget quantum chromodynamics"), "nothing in memory");
    assert_int_equal(count_facts(&w), 1);
    world_close(&w);
}

TEST(without_memory_a_command_is_a_message_like_any_other)
{
    struct world w = world_open();
    struct nima_llm_message messages[] = {{NIMA_STR("user"), NIMA_STR("/remember x [[reply:hm]]")}};
    ASSERT_OK_CTX(&w.ctx, say_turn(&w, (struct nima_turn){.messages = messages, .count = 1}));
    ASSERT_STR_EQ(w.out.response, "hm");
    assert_int_equal(count_facts(&w), 0);
    world_close(&w);
}

TEST_MAIN
