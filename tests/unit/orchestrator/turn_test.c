#include <pthread.h>
#include <string.h>

#include "orchestrator/support_orchestrator.h"

static const nima_str none = {NULL, 0};

static nima_str title_after(struct world *w, const char *message)
{
    said(w, none, message);
    struct nima_conversation conversation;
    ASSERT_OK_CTX(&w->ctx,
                  nima_conversation_get(&w->ctx, w->store, w->out.conversation_id, &conversation));
    return conversation.title;
}

TEST(a_turn_is_answered_streamed_and_stored)
{
    struct world w = world_open();
    ASSERT_STR_EQ(said(&w, none, "Hello [[reply:Good day to you.]]"), "Good day to you.");
    ASSERT_STR_EQ(w.streamed, "Good day to you.");
    assert_true(nima_str_eq(w.ready_id, w.out.conversation_id));
    struct nima_message_rows rows = messages_of(&w, w.out.conversation_id);
    assert_int_equal(rows.count, 2);
    ASSERT_STR_EQ(rows.items[0].role, "user");
    ASSERT_STR_EQ(rows.items[0].content, "Hello [[reply:Good day to you.]]");
    ASSERT_STR_EQ(rows.items[1].role, "assistant");
    ASSERT_STR_EQ(rows.items[1].content, "Good day to you.");
    assert_true(nima_str_eq(rows.items[1].id, w.out.message_id));
    struct nima_reply_meta meta = meta_of(&w, &rows.items[1]);
    assert_false(meta.has_interrupted);
    ASSERT_STR_EQ(meta.context->model, "scripted");
    assert_true(meta.context->tokens->prompt > 10);
    assert_true(meta.context->tokens->completion == 4);
    world_close(&w);
}

TEST(a_conversation_goes_on_with_what_was_said)
{
    struct world w = world_open();
    said(&w, none, "first [[reply:answer one]]");
    nima_str id = w.out.conversation_id;
    nima_str seen = said(&w, id, "second [[recall]]");
    ASSERT_CONTAINS(seen, "user: first");
    ASSERT_CONTAINS(seen, "assistant: answer one");
    assert_true(nima_str_eq(w.out.conversation_id, id));
    assert_int_equal(messages_of(&w, id).count, 4);
    assert_int_equal(count_conversations(&w), 1);
    world_close(&w);
}

TEST(the_persona_comes_first_then_the_profile_then_the_client)
{
    struct world w = world_open();
    struct nima_profile profile = {.name = NIMA_STR("Ana"),
                                   .preferences =
                                       NIMA_STR("{\"tea\":\"green\",\"deep\":{\"x\":1}}"),
                                   .context = NIMA_STR("{\"team\":[1,2]}")};
    ASSERT_OK_CTX(&w.ctx, nima_profile_put(&w.ctx, w.store, &profile, &profile));
    struct nima_llm_message messages[] = {{NIMA_STR("system"), NIMA_STR("Speak like a pirate.")},
                                          {NIMA_STR("user"), NIMA_STR("hi [[system]]")}};
    ASSERT_OK_CTX(&w.ctx, say_turn(&w, (struct nima_turn){
                                           .messages = messages, .count = 2, .use_memory = true}));
    nima_str seen = w.out.response;
    size_t persona = nima_str_find(seen, NIMA_STR("You are Nima"), 0);
    size_t name = nima_str_find(seen, NIMA_STR("- name: Ana\n- tea: green\n- team: [1,2]"), 0);
    size_t client = nima_str_find(seen, NIMA_STR("Speak like a pirate."), 0);
    assert_int_equal(persona, 0);
    assert_true(name != SIZE_MAX && client != SIZE_MAX && name < client);
    ASSERT_LACKS(seen, "deep");
    world_close(&w);
}

TEST(without_memory_neither_profile_nor_facts_are_seen)
{
    struct world w = world_open();
    struct nima_profile profile = {
        .name = NIMA_STR("Ana"), .preferences = NIMA_STR("{}"), .context = NIMA_STR("{}")};
    ASSERT_OK_CTX(&w.ctx, nima_profile_put(&w.ctx, w.store, &profile, &profile));
    world_remember(&w, "Ana plays the cello");
    struct nima_llm_message messages[] = {
        {NIMA_STR("user"), NIMA_STR("who plays the cello? [[recall]]")}};
    ASSERT_OK_CTX(&w.ctx, say_turn(&w, (struct nima_turn){.messages = messages, .count = 1}));
    ASSERT_LACKS(w.out.response, "Ana");
    assert_int_equal(w.out.context->facts.count, 0);
    world_close(&w);
}

TEST(facts_that_bear_on_the_message_are_in_the_prompt_and_named)
{
    struct world w = world_open();
    struct nima_fact fact = world_remember(&w, "Ana plays the cello");
    world_remember(&w, "Bruno bakes bread on Sundays");
    nima_str seen = said(&w, none, "Who plays the cello? [[recall]]");
    ASSERT_CONTAINS(seen, "- Ana plays the cello");
    ASSERT_LACKS(seen, "Bruno");
    assert_int_equal(w.out.context->facts.count, 1);
    assert_true(nima_str_eq(w.out.context->facts.items[0].id, fact.id));
    assert_true(w.out.context->facts.items[0].score > 0);
    world_close(&w);
}

TEST(turns_that_make_no_sense_are_refused_and_nothing_is_stored)
{
    struct world w = world_open();
    struct nima_llm_message messages[] = {{NIMA_STR("user"), NIMA_STR(" \n")},
                                          {NIMA_STR("assistant"), NIMA_STR("x")},
                                          {NIMA_STR("user"), NIMA_STR("x")}};
    struct nima_turn turn = {.messages = messages, .count = 3};
    ASSERT_RC(NIMA_E_INVALID, say_turn(&w, turn));
    assert_string_equal(w.ctx.error.field, "messages[0].content");
    turn.count = 2;
    ASSERT_RC(NIMA_E_INVALID, say_turn(&w, turn));
    assert_string_equal(w.ctx.error.field, "messages");
    turn.count = 0;
    ASSERT_RC(NIMA_E_INVALID, say_turn(&w, turn));
    assert_int_equal(count_conversations(&w), 0);
    world_close(&w);
}

TEST(a_conversation_of_nobody_or_of_somebody_else_is_not_found)
{
    struct world w = world_open();
    nima_str unknown = NIMA_STR("00000000-0000-7000-8000-000000000001");
    ASSERT_RC(NIMA_E_NOT_FOUND, say(&w, unknown, "hi"));
    said(&w, none, "secret [[reply:ok]]");
    nima_str id = w.out.conversation_id;
    w.ctx.user_id = NIMA_STR("bob");
    ASSERT_RC(NIMA_E_NOT_FOUND, say(&w, id, "[[recall]]"));
    assert_int_equal(count_conversations(&w), 0);
    w.ctx.user_id = NIMA_STR("ana");
    assert_int_equal(messages_of(&w, id).count, 2);
    said(&w, id, "still here"); /* the refused turns left no one at work */
    world_close(&w);
}

TEST(a_stateless_turn_stores_nothing)
{
    struct world w = world_open();
    struct nima_llm_message messages[] = {{NIMA_STR("user"), NIMA_STR("one")},
                                          {NIMA_STR("assistant"), NIMA_STR("two")},
                                          {NIMA_STR("user"), NIMA_STR("three [[recall]]")}};
    ASSERT_OK_CTX(
        &w.ctx,
        say_turn(&w, (struct nima_turn){
                         .messages = messages, .count = 3, .stateless = true, .use_memory = true}));
    ASSERT_CONTAINS(w.out.response, "user: one\nassistant: two\n");
    assert_null(w.out.conversation_id.ptr);
    assert_null(w.out.message_id.ptr);
    assert_int_equal(count_conversations(&w), 0);
    world_close(&w);
}

TEST(a_new_conversation_keeps_all_messages_it_began_with)
{
    struct world w = world_open();
    struct nima_llm_message messages[] = {{NIMA_STR("system"), NIMA_STR("Be brief.")},
                                          {NIMA_STR("user"), NIMA_STR("one")},
                                          {NIMA_STR("assistant"), NIMA_STR("two")},
                                          {NIMA_STR("user"), NIMA_STR("three [[reply:four]]")}};
    ASSERT_OK_CTX(&w.ctx, say_turn(&w, (struct nima_turn){.messages = messages, .count = 4}));
    nima_str id = w.out.conversation_id;
    assert_int_equal(messages_of(&w, id).count, 5);
    nima_str seen = said(&w, id, "five [[recall]]");
    ASSERT_CONTAINS(seen, "Be brief.");
    ASSERT_CONTAINS(seen, "user: one\nassistant: two\nuser: three");
    ASSERT_CONTAINS(seen, "assistant: four");
    world_close(&w);
}

TEST(the_title_is_the_first_line_cut_between_characters)
{
    struct world w = world_open();
    ASSERT_STR_EQ(title_after(&w, "\n  What now?  \nsecond line"), "What now?");
    ASSERT_STR_EQ(title_after(&w, "Hi Nima,\n\nhow do bees find home?"), "how do bees find home?");
    ASSERT_STR_EQ(title_after(&w, "Hello! Can bees see red?"), "Can bees see red?");
    ASSERT_STR_EQ(title_after(&w, "Hiking in Norway"), "Hiking in Norway");
    ASSERT_STR_EQ(title_after(&w, "Hello!"), "Hello!");
    ASSERT_STR_EQ(title_after(&w, "hi\n---\n## Plan for May"), "Plan for May");
    ASSERT_STR_EQ(
        title_after(&w, "Which of the many ways of the bees to find home is the shortest?"),
        "Which of the many ways of the bees to find home is the");
    char long_line[500] = "";
    for (size_t i = 0; i < 100; i++) {
        memcpy(long_line + strlen(long_line), "é", 3);
    }
    nima_str title = title_after(&w, long_line);
    assert_int_equal(nima_utf8_count(title), 60);
    assert_true(nima_utf8_valid(title));
    world_close(&w);
}

TEST(when_the_model_fails_at_once_the_message_is_kept_and_no_reply)
{
    struct world w = world_open();
    ASSERT_RC(NIMA_E_MODEL, say(&w, none, "hello [[fail]]"));
    assert_int_equal(count_conversations(&w), 1);
    struct nima_message_rows rows = messages_of(&w, w.ready_id);
    assert_int_equal(rows.count, 1);
    ASSERT_STR_EQ(rows.items[0].role, "user");
    ASSERT_CONTAINS(said(&w, w.ready_id, "again [[recall]]"), "user: hello");
    world_close(&w);
}

TEST(a_reply_that_breaks_off_is_stored_as_interrupted)
{
    struct world w = world_open();
    ASSERT_RC(NIMA_E_MODEL, say(&w, none, "go [[tokens:9]] [[fail-after:3]]"));
    ASSERT_CONTAINS(nima_str_of(w.ctx.error.message), "as it was told");
    ASSERT_STR_EQ(w.out.response, "word1 word2 word3");
    struct nima_message_rows rows = messages_of(&w, w.out.conversation_id);
    assert_int_equal(rows.count, 2);
    ASSERT_STR_EQ(rows.items[1].content, "word1 word2 word3");
    assert_true(meta_of(&w, &rows.items[1]).interrupted);
    world_close(&w);
}

TEST(a_client_that_leaves_in_mid_reply_leaves_what_was_said_so_far)
{
    struct world w = world_open();
    w.stop_after = 2;
    ASSERT_RC(NIMA_E_CANCELLED, say(&w, none, "go [[tokens:50]]"));
    ASSERT_STR_EQ(w.streamed, "word1 word2");
    assert_int_equal(w.out.finish, NIMA_FINISH_CANCELLED);
    struct nima_message_rows rows = messages_of(&w, w.out.conversation_id);
    assert_int_equal(rows.count, 2);
    ASSERT_STR_EQ(rows.items[1].content, "word1 word2");
    assert_true(meta_of(&w, &rows.items[1]).interrupted);
    world_close(&w);
}

TEST(a_request_that_was_cancelled_is_stored_all_the_same)
{
    struct world w = world_open();
    said(&w, none, "start [[reply:ok]]");
    nima_str id = w.out.conversation_id;
    atomic_bool cancelled = true;
    w.ctx.cancelled = &cancelled;
    ASSERT_RC(NIMA_E_CANCELLED, say(&w, id, "go [[tokens:5]]"));
    assert_ptr_equal(w.ctx.cancelled, &cancelled);
    w.ctx.cancelled = NULL;
    said(&w, id, "and on [[reply:ok]]");
    world_close(&w);
}

TEST(a_failure_before_the_model_begins_ends_the_turn)
{
    struct world w = world_open();
    w.ready = NIMA_E_CANCELLED;
    ASSERT_RC(NIMA_E_CANCELLED, say(&w, none, "hello [[tokens:5]]"));
    assert_int_equal(w.streamed.len, 0);
    assert_int_equal(messages_of(&w, w.ready_id).count, 1);
    world_close(&w);
}

TEST(busy_comes_through_with_when_to_try_again)
{
    struct world w = world_open();
    ASSERT_RC(NIMA_E_BUSY, say(&w, none, "hello [[busy]]"));
    assert_int_equal(w.ctx.error.retry_after_s, 1);
    world_close(&w);
}

struct talker {
    struct world *w;
    nima_str id;
    int failures;
};

static void *talk(void *user)
{
    struct talker *talker = user;
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    for (int i = 0; i < 5; i++) {
        nima_ctx_reset(&ctx);
        ctx.user_id = NIMA_STR("ana");
        struct nima_llm_message messages[] = {
            {NIMA_STR("user"), NIMA_STR("go [[tokens:3]] [[delay:1]]")}};
        struct nima_turn turn = {
            .messages = messages, .count = 1, .conversation_id = talker->id, .use_memory = true};
        struct nima_turn_out out;
        talker->failures += nima_orchestrator_turn(&ctx, talker->w->o, &turn, &out) != NIMA_OK;
    }
    nima_ctx_done(&ctx);
    return NULL;
}

TEST(turns_of_many_threads_never_mix_in_one_conversation)
{
    struct world w = world_open();
    said(&w, none, "start [[reply:ok]]");
    nima_str id = w.out.conversation_id;
    struct talker talkers[4];
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) {
        talkers[i] = (struct talker){&w, id, 0};
        assert_int_equal(pthread_create(&threads[i], NULL, talk, &talkers[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(talkers[i].failures, 0);
    }
    struct nima_message_rows rows = messages_of(&w, id);
    assert_int_equal(rows.count, 2 + 2 * 4 * 5);
    for (size_t i = 0; i < rows.count; i++) {
        ASSERT_STR_EQ(rows.items[i].role, i % 2 == 0 ? "user" : "assistant");
        assert_true(rows.items[i].position == (int64_t)i);
    }
    world_close(&w);
}

TEST_MAIN
