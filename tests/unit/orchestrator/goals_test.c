/* Goals in a turn: carried out, taken back, and before the model's eyes. */
#include "goals/goals.h"
#include "orchestrator/support_orchestrator.h"

static const nima_str none = {NULL, 0};

static struct nima_goal make(struct world *w, const char *title, const char *step)
{
    struct nima_milestone milestone = {.title = nima_str_of(step)};
    struct nima_goal made, goal = {.title = nima_str_of(title), .milestones = {&milestone, 1}};
    ASSERT_OK_CTX(&w->ctx, nima_goals_add(&w->ctx, w->goals, &goal, &made));
    return made;
}

static double progress_of(struct world *w, const struct nima_goal *goal)
{
    struct nima_goal now;
    ASSERT_OK_CTX(&w->ctx, nima_goals_get(&w->ctx, w->goals, goal->id, &now));
    return now.progress;
}

TEST(a_wish_is_carried_out_without_the_model_and_taken_back)
{
    struct world w = world_open();
    struct nima_goal goal = make(&w, "Write the thesis", "Chapter 3");
    nima_str reply = said(&w, none, "I finished chapter 3");
    nima_str talk = w.out.conversation_id;
    ASSERT_CONTAINS(reply, "The goal \"Write the thesis\" is reached");
    ASSERT_CONTAINS(w.out.actions, "\"event\":\"milestone\"");
    ASSERT_NEAR(progress_of(&w, &goal), 1, 1e-9);
    ASSERT_INT_EQ(w.out.remembered.count, 0);
    said(&w, talk, "undo that");
    ASSERT_CONTAINS(w.out.actions, "\"event\":\"undone\"");
    ASSERT_NEAR(progress_of(&w, &goal), 0, 1e-9);
    ASSERT_CONTAINS(said(&w, talk, "undo that [[reply:what?]]"), "what?");
    assert_null(w.out.actions.ptr);
    ASSERT_INT_EQ(messages_of(&w, talk).count, 6);
    world_close(&w);
}

TEST(nothing_is_taken_back_that_is_not_the_last)
{
    struct world w = world_open();
    struct nima_goal goal = make(&w, "Write the thesis", "Chapter 3");
    said(&w, none, "I finished chapter 3");
    nima_str talk = w.out.conversation_id;
    said(&w, talk, "good morning [[reply:hello]]");
    said(&w, talk, "undo that");
    assert_null(w.out.actions.ptr);
    said(&w, none, "undo that");
    assert_null(w.out.actions.ptr);
    ASSERT_NEAR(progress_of(&w, &goal), 1, 1e-9);
    world_close(&w);
}

TEST(who_keeps_nothing_changes_no_goal)
{
    struct world w = world_open();
    struct nima_goal goal = make(&w, "Write the thesis", "Chapter 3");
    struct nima_llm_message sent = {NIMA_STR("user"), NIMA_STR("I finished chapter 3")};
    ASSERT_OK_CTX(&w.ctx, say_turn(&w, (struct nima_turn){.messages = &sent, .count = 1}));
    assert_null(w.out.actions.ptr);
    struct nima_turn stateless = {
        .messages = &sent, .count = 1, .stateless = true, .use_memory = true};
    ASSERT_OK_CTX(&w.ctx, say_turn(&w, stateless));
    assert_null(w.out.actions.ptr);
    ASSERT_NEAR(progress_of(&w, &goal), 0, 1e-9);
    world_close(&w);
}

TEST(a_goal_that_bears_on_the_message_is_in_the_prompt)
{
    struct world w = world_open();
    struct nima_goal goal = make(&w, "Run a half marathon", "Run 10 km");
    nima_str seen = said(&w, none, "What should I eat before a marathon? [[recall]]");
    ASSERT_CONTAINS(seen, "Goals of the user");
    ASSERT_CONTAINS(seen, "- Run a half marathon: 0 %, 0 of 1 milestones done, next: Run 10 km");
    ASSERT_INT_EQ(w.out.context->goals.count, 1);
    assert_true(nima_str_eq(w.out.context->goals.items[0], goal.id));
    ASSERT_LACKS(said(&w, none, "Where do penguins live? [[recall]]"), "marathon");
    ASSERT_INT_EQ(w.out.context->goals.count, 0);
    said(&w, none, "Shoes for a marathon? [[reply:Light ones.]]");
    nima_str talk = w.out.conversation_id;
    struct nima_goal_step step = {.has_progress = true, .progress = 0.5};
    struct nima_goal after;
    ASSERT_OK_CTX(&w.ctx, nima_goals_advance(&w.ctx, w.goals, goal.id, &step, &after));
    seen = said(&w, talk, "And after the marathon? [[recall]]");
    ASSERT_CONTAINS(seen, "Run a half marathon: 50 %");
    ASSERT_LACKS(seen, "Run a half marathon: 0 %");
    said(&w, none, "Shoes for a marathon? [[reply:Light ones.]]");
    talk = w.out.conversation_id;
    struct nima_goal_edit edit = {.status = NIMA_STR("paused")};
    ASSERT_OK_CTX(&w.ctx, nima_goals_edit(&w.ctx, w.goals, goal.id, &edit, &after));
    ASSERT_LACKS(said(&w, talk, "And the week after the marathon? [[recall]]"),
                 "Goals of the user");
    world_close(&w);
}

TEST(many_goals_keep_to_their_share)
{
    struct world w = world_open();
    for (int i = 0; i < 40; i++) {
        make(&w, nima_fmt(&w.ctx, "Practise oboe piece number %d", i).ptr, "Play it");
    }
    nima_str seen = said(&w, none, "Which oboe piece is the hardest to practise? [[recall]]");
    ASSERT_INT_EQ(w.out.context->goals.count, NIMA_GOALS_NEAR);
    ASSERT_CONTAINS(seen, "Practise oboe piece number");
    world_close(&w);
}

/* The person's only fact. */
static struct nima_fact only_fact(struct world *w)
{
    struct nima_fact_rows rows;
    struct nima_fact_filter all = {.limit = 10};
    ASSERT_OK_CTX(&w->ctx, nima_facts_list(&w->ctx, w->store, &all, &rows));
    ASSERT_INT_EQ(rows.count, 1);
    return rows.items[0];
}

TEST(a_goal_leaves_one_fact_that_goes_with_it)
{
    struct world w = world_open();
    said(&w, none, "My goal is to write the thesis");
    nima_str talk = w.out.conversation_id;
    struct nima_fact made = only_fact(&w);
    ASSERT_STR_EQ(made.fact, "The user has the goal \"Write the thesis\", 0 % done");
    ASSERT_STR_EQ(made.source, "inferred");
    ASSERT_CONTAINS(made.metadata, "goal_id");
    said(&w, talk, "the thesis is at 40 %");
    struct nima_fact later = only_fact(&w);
    assert_true(nima_str_eq(made.id, later.id));
    ASSERT_CONTAINS(later.fact, "40 % done");
    said(&w, talk, "drop the thesis");
    ASSERT_INT_EQ(count_facts(&w), 0);
    said(&w, talk, "undo that");
    ASSERT_CONTAINS(only_fact(&w).fact, "40 % done");
    said(&w, talk, "the thesis is done");
    ASSERT_CONTAINS(only_fact(&w).fact, "reached the goal \"Write the thesis\" on ");
    world_close(&w);
}

TEST(a_fact_that_the_person_forgot_stays_gone)
{
    struct world w = world_open();
    said(&w, none, "My goal is to write the thesis");
    ASSERT_OK_CTX(&w.ctx, nima_memory_delete(&w.ctx, w.memory, only_fact(&w).id));
    said(&w, none, "the thesis is at 40 %");
    ASSERT_CONTAINS(w.out.actions, "progress");
    ASSERT_INT_EQ(count_facts(&w), 0);
    world_close(&w);
}

TEST_MAIN
