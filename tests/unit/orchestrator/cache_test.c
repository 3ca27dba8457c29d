/* The promise of the prompt's layout: what was evaluated for one turn is not evaluated again for
 * the next. The scripted model keeps a conversation's words in a slot, as a real one its tokens. */
#include <stdio.h>
#include <string.h>

#include "orchestrator/support_orchestrator.h"

static const nima_str none = {NULL, 0};

struct talk {
    struct world w;
    char id[64];
    int64_t known; /* tokens of the last turn: its prompt and its reply */
    int64_t trimmed;
};

static void note_turn(struct talk *t)
{
    const struct nima_turn_context *context = t->w.out.context;
    t->known = context->tokens->prompt + context->tokens->completion;
    t->trimmed = context->trimmed_messages;
}

static void talk_open(struct talk *t, const char *first)
{
    *t = (struct talk){.w = world_open()};
    said(&t->w, none, first);
    snprintf(t->id, sizeof(t->id), NIMA_FMT, NIMA_ARG(t->w.out.conversation_id));
    note_turn(t);
}

static nima_rc turn_of(struct talk *t, nima_str message)
{
    struct nima_llm_message messages[] = {{NIMA_STR("user"), message}};
    return say_turn(&t->w, (struct nima_turn){.messages = messages,
                                              .count = 1,
                                              .conversation_id = nima_str_of(t->id),
                                              .use_memory = true,
                                              .model = {.max_tokens = 300}});
}

/* Says it; what of the turn before had to be evaluated again. */
static int64_t evaluated_again(struct talk *t, nima_str message)
{
    int64_t known = t->known;
    ASSERT_OK_CTX(&t->w.ctx, turn_of(t, message));
    note_turn(t);
    return known - t->w.out.context->tokens->cached;
}

static void assert_whole(struct talk *t, const char *message)
{
    assert_int_equal(evaluated_again(t, nima_str_of(message)), 0);
}

static int64_t cached(const struct talk *t)
{
    return t->w.out.context->tokens->cached;
}

TEST(a_turn_evaluates_its_own_words_and_no_others)
{
    struct talk t;
    talk_open(&t, "Hello there [[reply:Hello.]]");
    world_remember(&t.w, "Ana plays the cello");
    world_remember(&t.w, "Bruno bakes bread");
    for (int i = 0; i < 60; i++) {
        struct nima_arena_mark mark = nima_scratch(&t.w.ctx);
        const char *asked = i % 7 == 3   ? "Who plays the cello?"
                            : i % 7 == 5 ? "Who bakes bread?"
                                         : "Then the next step.";
        assert_whole(&t, nima_fmt(&t.w.ctx, "%s [[reply:Step %d done.]]", asked, i).ptr);
        nima_scratch_end(&t.w.ctx, mark);
    }
    world_close(&t.w);
}

TEST(what_the_model_never_saw_costs_it_nothing)
{
    struct talk t;
    talk_open(&t, "Hello there [[reply:Hello.]]");
    int64_t known = t.known;
    ASSERT_OK_CTX(&t.w.ctx, turn_of(&t, NIMA_STR("/remember Ana plays the cello")));
    ASSERT_OK_CTX(&t.w.ctx, turn_of(&t, NIMA_STR("Are you there? [[reply:Yes.]]")));
    assert_true(cached(&t) == known);
    note_turn(&t);
    ASSERT_RC(NIMA_E_MODEL, turn_of(&t, NIMA_STR("And now? [[fail]]")));
    assert_whole(&t, "Again, please. [[reply:Yes.]]");
    world_close(&t.w);
}

TEST(a_reply_that_broke_off_is_gone_on_from)
{
    struct talk t;
    talk_open(&t, "Hello there [[reply:Hello.]]");
    t.w.stop_after = 4;
    ASSERT_RC(NIMA_E_CANCELLED, turn_of(&t, NIMA_STR("Count on. [[tokens:40]]")));
    t.w.stop_after = 0;
    note_turn(&t);
    int64_t prompt = t.w.out.context->tokens->prompt;
    ASSERT_OK_CTX(&t.w.ctx, turn_of(&t, NIMA_STR("Go on. [[reply:Yes.]]")));
    assert_true(cached(&t) >= prompt); /* the last words may have been held back by the rules */
    note_turn(&t);
    assert_whole(&t, "And on. [[reply:Yes.]]");
    world_close(&t.w);
}

TEST(a_reply_that_the_rules_changed_costs_no_more_than_itself)
{
    struct talk t;
    talk_open(&t, "Hello there [[reply:Hello.]]");
    assert_whole(&t, "How far? [[reply:Great question! As an AI, I would say: twelve miles.]]");
    assert_true(t.w.out.context->personality->changes > 0);
    int64_t prompt = t.w.out.context->tokens->prompt;
    ASSERT_OK_CTX(&t.w.ctx, turn_of(&t, NIMA_STR("Thank you. [[reply:Any time.]]")));
    assert_true(cached(&t) >= prompt);
    note_turn(&t);
    assert_whole(&t, "One more. [[reply:Yes.]]");
    world_close(&t.w);
}

TEST(only_a_window_that_moves_is_evaluated_again)
{
    struct talk t;
    talk_open(&t, "We decided to launch the Albatross on 14 March. [[reply:Fine.]]");
    char text[4096] = "";
    for (int i = 0; i < 800; i++) {
        memcpy(text + (size_t)i * 5, "word ", 6);
    }
    int moves = 0, before = 0;
    for (int i = 0; i < 40; i++) {
        struct nima_arena_mark mark = nima_scratch(&t.w.ctx);
        int64_t trimmed = t.trimmed;
        int64_t again =
            evaluated_again(&t, nima_fmt(&t.w.ctx, "%s and so on [[reply:Yes %d.]]", text, i));
        bool moved = t.trimmed > trimmed;
        assert_true(moved || again == 0);
        assert_true(cached(&t) > 0);   /* the persona stands in front of the summary */
        assert_false(moved && before); /* never twice in a row: it moves in steps */
        assert_true(t.w.out.context->summarized == (t.trimmed > 0));
        before = moved;
        moves += moved;
        nima_scratch_end(&t.w.ctx, mark);
    }
    assert_true(moves >= 2 && moves <= 20);
    world_close(&t.w);
}

TEST(what_changes_in_front_costs_one_turn)
{
    struct talk t;
    talk_open(&t, "Hello there [[reply:Hello.]]");
    assert_whole(&t, "Who are you? [[reply:A friend.]]");
    struct nima_profile profile = {
        .name = NIMA_STR("Ana"), .preferences = NIMA_STR("{}"), .context = NIMA_STR("{}")};
    struct nima_profile kept;
    ASSERT_OK_CTX(&t.w.ctx, nima_profile_put(&t.w.ctx, t.w.store, &profile, &kept));
    assert_true(evaluated_again(&t, NIMA_STR("And now? [[reply:Still.]]")) > 0);
    assert_true(cached(&t) > 0);
    assert_whole(&t, "And then? [[reply:Still.]]");
    world_close(&t.w);
}

TEST(a_reply_made_again_evaluates_no_prompt)
{
    struct talk t;
    talk_open(&t, "Hello there [[reply:Hello.]]");
    assert_whole(&t, "Who are you? [[reply:A friend.]]");
    int64_t prompt = t.w.out.context->tokens->prompt;
    nima_str reply = nima_str_copy(t.w.ctx.arena, t.w.out.message_id);
    struct nima_turn again = {.conversation_id = nima_str_of(t.id),
                              .again = reply,
                              .use_memory = true,
                              .model = {.max_tokens = 300}};
    ASSERT_OK_CTX(&t.w.ctx, say_turn(&t.w, again));
    assert_true(t.w.out.context->tokens->prompt == prompt && cached(&t) == prompt - 1);
    note_turn(&t);
    assert_whole(&t, "And then? [[reply:Still.]]");
    world_close(&t.w);
}

TEST(an_edited_message_evaluates_nothing_in_front_of_it)
{
    struct talk t;
    talk_open(&t, "Hello there [[reply:Hello.]]");
    int64_t in_front = t.known;
    assert_whole(&t, "Who are you? [[reply:A friend.]]");
    assert_whole(&t, "Since when? [[reply:Long ago.]]");
    struct nima_llm_message messages[] = {{NIMA_STR("user"), NIMA_STR("Where? [[reply:Here.]]")}};
    struct nima_turn turn = {.messages = messages,
                             .count = 1,
                             .conversation_id = nima_str_of(t.id),
                             .instead = messages_of(&t.w, nima_str_of(t.id)).items[2].id,
                             .use_memory = true,
                             .model = {.max_tokens = 300}};
    ASSERT_OK_CTX(&t.w.ctx, say_turn(&t.w, turn));
    assert_true(cached(&t) == in_front);
    note_turn(&t);
    assert_whole(&t, "And then? [[reply:Still.]]");
    world_close(&t.w);
}

TEST_MAIN
