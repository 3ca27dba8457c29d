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

TEST(what_was_just_remembered_is_taken_back)
{
    struct world w = world_open();
    said(&w, none, "I live in Lisbon. [[reply:A fine city.]]");
    nima_str talk = w.out.conversation_id;
    ASSERT_STR_EQ(said(&w, talk, "Forget that."), "Forgotten: The user lives in Lisbon");
    ASSERT_STR_EQ(w.out.remembered.items[0].event, "forgotten");
    assert_int_equal(count_facts(&w), 0);
    struct nima_message_rows rows = messages_of(&w, talk);
    for (size_t i = 0; i < rows.count; i++) {
        ASSERT_STR_EQ(rows.items[i].withheld, "forgotten");
    }
    ASSERT_CONTAINS(said(&w, talk, "forget that"), "I kept nothing");
    world_close(&w);
}

TEST(what_has_ended_is_kept_as_ended)
{
    struct world w = world_open();
    said(&w, none, "I live in Lisbon. [[reply:hm]]");
    said(&w, none, "Where do I live? [[reply:You live in Lisbon, close to the sea.]]");
    ASSERT_STR_EQ(said(&w, w.out.conversation_id, "No, that's not true any more."),
                  "I will remember: The user no longer lives in Lisbon");
    assert_int_equal(w.out.remembered.count, 2);
    ASSERT_STR_EQ(w.out.remembered.items[0].event, "superseded");
    ASSERT_STR_EQ(w.out.remembered.items[1].event, "added");
    said(&w, w.out.conversation_id, "I live in Porto now. [[reply:hm]]");
    assert_int_equal(count_facts(&w), 1);
    world_close(&w);
}

TEST(what_is_stated_wrongly_is_forgotten)
{
    struct world w = world_open();
    world_remember(&w, "The user lives in Lisbon");
    said(&w, none, "Where do I live? [[reply:You live in Lisbon.]]");
    ASSERT_CONTAINS(said(&w, w.out.conversation_id, "that's wrong"), "Forgotten: The user lives");
    assert_int_equal(count_facts(&w), 0);
    world_close(&w);
}

TEST(who_disagrees_with_something_else_loses_nothing)
{
    struct world w = world_open();
    said(&w, none, "I live in Lisbon. How far is the moon? [[reply:It is made of cheese.]]");
    ASSERT_STR_EQ(said(&w, w.out.conversation_id, "That's wrong."), "You said: That's wrong.");
    said(&w, none,
         "How far do I live from Porto? [[reply:You live in Lisbon, so it takes six hours "
         "by the slow train and stops at every village.]]");
    said(&w, w.out.conversation_id, "That's not true!");
    assert_int_equal(w.out.remembered.count, 0);
    assert_int_equal(count_facts(&w), 1);
    world_close(&w);
}

TEST(who_may_mean_several_is_asked)
{
    struct world w = world_open();
    said(&w, none, "I live in Lisbon and I have a dog. [[reply:hm]]");
    assert_int_equal(count_facts(&w), 2);
    nima_str reply = said(&w, w.out.conversation_id, "Forget that, please.");
    ASSERT_CONTAINS(reply, "Which of these");
    ASSERT_CONTAINS(reply, "Lisbon");
    ASSERT_CONTAINS(reply, "dog");
    assert_int_equal(count_facts(&w), 2);
    said(&w, w.out.conversation_id, "forget that I have a dog");
    assert_int_equal(count_facts(&w), 1);
    world_close(&w);
}

/* Two facts of one message, and the question which of them is to be forgotten. */
static nima_str asked_which(struct world *w)
{
    said(w, none, "I live in Lisbon and I have a dog. [[reply:hm]]");
    assert_int_equal(count_facts(w), 2);
    nima_str reply = said(w, w->out.conversation_id, "forget that");
    ASSERT_CONTAINS(reply, "Which of these do you mean?\n1. ");
    return nima_str_copy(w->ctx.arena, reply);
}

TEST(which_of_several_is_said_by_a_number)
{
    struct world w = world_open();
    nima_str question = asked_which(&w);
    bool dog =
        nima_str_find(question, NIMA_STR("dog"), 0) > nima_str_find(question, NIMA_STR("\n2. "), 0);
    nima_str reply = said(&w, w.out.conversation_id, "the second one, please");
    ASSERT_CONTAINS(reply, dog ? "Forgotten: The user has a dog" : "Forgotten: The user lives in");
    assert_int_equal(count_facts(&w), 1);
    said(&w, w.out.conversation_id, "1 [[reply:hm]]"); /* the question was answered */
    assert_int_equal(count_facts(&w), 1);
    world_close(&w);
}

TEST(which_of_several_is_said_by_a_word)
{
    struct world w = world_open();
    asked_which(&w);
    ASSERT_CONTAINS(said(&w, w.out.conversation_id, "I mean Lisbon."), "Forgotten: The user lives");
    assert_int_equal(count_facts(&w), 1);
    world_close(&w);
}

TEST(who_talks_on_chooses_nothing)
{
    static const char *const others[] = {"7 [[reply:hm]]", "what a day [[reply:hm]]",
                                         "the user [[reply:hm]]"};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        struct world w = world_open();
        asked_which(&w);
        said(&w, w.out.conversation_id, others[i]);
        assert_int_equal(count_facts(&w), 2);
        world_close(&w);
    }
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

TEST(several_that_may_be_meant_are_asked_about)
{
    struct world w = world_open();
    world_remember(&w, "The user takes warfarin");
    world_remember(&w, "The user is allergic to warfarin");
    nima_str reply = said(&w, none, "/forget warfarin");
    ASSERT_CONTAINS(reply, "Which of these do you mean?\n1. ");
    assert_int_equal(count_facts(&w), 2);
    ASSERT_CONTAINS(said(&w, w.out.conversation_id, "the allergic one"),
                    "Forgotten: The user is allergic to warfarin");
    assert_int_equal(count_facts(&w), 1);
    world_close(&w);
}

TEST(all_that_was_asked_about_is_forgotten_when_that_is_said)
{
    struct world w = world_open();
    world_remember(&w, "The user takes warfarin");
    world_remember(&w, "The user is allergic to warfarin");
    world_remember(&w, "The user likes tea");
    ASSERT_CONTAINS(said(&w, none, "/forget warfarin"), "Which of these do you mean?");
    nima_str reply = said(&w, w.out.conversation_id, "Both.");
    ASSERT_CONTAINS(reply, "Forgotten: The user takes warfarin");
    ASSERT_CONTAINS(reply, "Forgotten: The user is allergic to warfarin");
    assert_int_equal(count_facts(&w), 1);
    reply = said(&w, w.out.conversation_id, "undo that");
    ASSERT_CONTAINS(reply, "I remember again: The user takes warfarin");
    assert_int_equal(count_facts(&w), 3);
    world_close(&w);
}

TEST(what_was_forgotten_is_brought_back_by_a_word)
{
    struct world w = world_open();
    world_remember(&w, "The user takes warfarin");
    ASSERT_CONTAINS(said(&w, none, "/forget warfarin"), "undo that");
    assert_int_equal(count_facts(&w), 0);
    ASSERT_CONTAINS(said(&w, w.out.conversation_id, "Undo that."),
                    "I remember again: The user takes warfarin");
    assert_int_equal(count_facts(&w), 1);
    world_close(&w);
}

TEST(forgetting_everything_says_how)
{
    struct world w = world_open();
    world_remember(&w, "The user takes warfarin");
    ASSERT_CONTAINS(said(&w, none, "/forget everything"), "DELETE /v1/memory");
    ASSERT_CONTAINS(said(&w, none, "Forget everything you know about me."), "DELETE /v1/memory");
    assert_int_equal(count_facts(&w), 1);
    world_close(&w);
}

TEST_MAIN
