/*
 * What is asked back for, and what counts as the answer: the one value that was missing, said in a
 * few words, and nothing else that people say after a question.
 */
#include "tasks/support_tasks.h"

/* The question that a message leads to, with what is kept of it. */
static struct nima_tasks_spoken asked(struct world *w, const char *message)
{
    struct nima_tasks_step steps[NIMA_TASKS_STEPS_MAX];
    struct nima_tasks_spoken out = {0};
    size_t count = nima_task_heard(&w->ctx, nima_str_of(message), steps);
    assert_true(count > 0);
    for (size_t i = 0; i < count; i++) { /* as where several namespaces may be meant */
        bool placed = nima_str_find(steps[i].params, NIMA_STR("\"namespace\""), 0) != SIZE_MAX;
        if (nima_str_eq(steps[i].type, NIMA_STR("k8s")) && !placed) {
            steps[i].missing = NIMA_STR("namespace");
        }
    }
    nima_task_ask_back(&w->ctx, w->tasks, steps, count, &out);
    return out;
}

static bool has(nima_str text, const char *part)
{
    return nima_str_find(text, nima_str_of(part), 0) != SIZE_MAX;
}

static size_t completed(struct world *w, nima_str kept, const char *answer,
                        struct nima_tasks_step *steps)
{
    return nima_task_completed(&w->ctx, w->tasks, kept, nima_str_of(answer), steps);
}

static const struct {
    const char *asks, *answer, *action, *params;
} rounds[] = {
    {"scale web to 5", "shop", "scale", "{\"namespace\":\"shop\",\"name\":\"web\",\"replicas\":5}"},
    {"scale web to 5", "in shop", "scale",
     "{\"namespace\":\"shop\",\"name\":\"web\",\"replicas\":5}"},
    {"scale web to 5", "The shop namespace.", "scale",
     "{\"namespace\":\"shop\",\"name\":\"web\",\"replicas\":5}"},
    {"restart web", "namespace shop please", "restart",
     "{\"namespace\":\"shop\",\"name\":\"web\"}"},
    {"restart web", "Shop", "restart", "{\"namespace\":\"shop\",\"name\":\"web\"}"},
    {"restart web", "in the namespace team-a, please!", "restart",
     "{\"namespace\":\"team-a\",\"name\":\"web\"}"},
    {"restart web", "I meant the default one", "restart",
     "{\"namespace\":\"default\",\"name\":\"web\"}"},
    {"restart web", "it's in shop", "restart", "{\"namespace\":\"shop\",\"name\":\"web\"}"},
    {"restart web", "\"shop\"", "restart", "{\"namespace\":\"shop\",\"name\":\"web\"}"},
    {"which pods are failing?", "shop", "failing", "{\"namespace\":\"shop\"}"},
    {"close issue 12 on GitHub", "me/shop", "close_issue",
     "{\"repo\":\"me/shop\",\"issue_number\":12}"},
    {"close issue 12 on GitHub", "in the repository me/Shop, please", "close_issue",
     "{\"repo\":\"me/Shop\",\"issue_number\":12}"},
    {"list the issues on github", "the me/shop repo", "list_issues", "{\"repo\":\"me/shop\"}"},
    {"open an issue on GitHub that the cart is empty", "me/shop", "create_issue",
     "{\"repo\":\"me/shop\",\"title\":\"The cart is empty\"}"},
    {"open an issue in me/shop", "that the cart is empty", "create_issue",
     "{\"title\":\"The cart is empty\",\"repo\":\"me/shop\"}"},
    {"open an issue in me/shop", "\"the cart is empty\"", "create_issue",
     "{\"title\":\"The cart is empty\",\"repo\":\"me/shop\"}"},
    {"comment on me/shop#12", "it should say I see it too", "comment_issue",
     "{\"body\":\"I see it too\",\"repo\":\"me/shop\",\"issue_number\":12}"},
};

TEST(the_answer_completes_what_was_asked_for)
{
    struct world w = world_open();
    for (size_t i = 0; i < sizeof(rounds) / sizeof(rounds[0]); i++) {
        struct nima_tasks_step steps[NIMA_TASKS_STEPS_MAX];
        struct nima_tasks_spoken question = asked(&w, rounds[i].asks);
        ASSERT_TRUE(question.question.ptr != NULL && question.asked.ptr != NULL);
        if (completed(&w, question.asked, rounds[i].answer, steps) != 1) {
            fail_msg("no answer: %s", rounds[i].answer);
        }
        ASSERT_STR_EQ(steps[0].action, rounds[i].action);
        ASSERT_STR_EQ(steps[0].params, rounds[i].params);
        ASSERT_TRUE(steps[0].missing.ptr == NULL);
    }
    world_close(&w);
}

TEST(what_is_no_answer_completes_nothing)
{
    static const char *const others[] = {
        "no",
        "yes",
        "Never mind",
        "thanks",
        "ok",
        "wait",
        "what?",
        "shop?",
        "Which ones are there?",
        "I like the shop",
        "shop is closed today",
        "not shop",
        "in shop, or in blog",
        "shop and blog",
        "the one from yesterday",
        "tell me a story",
        "In Paris it rains",
        "me/shop",
        "it's fine",
        "here",
        "all of them",
        "try again",
        "shop_1",
        "-A",
        "--all",
        "shop;rm",
        "namespace",
        "in",
        "it is in the namespace that we used last week",
        "> shop",
        "```shop```",
        "",
        "\"\"",
        "a-name-that-is-longer-than-what-a-namespace-may-ever-be-called-in-a-cluster",
    };
    struct world w = world_open();
    struct nima_tasks_step steps[NIMA_TASKS_STEPS_MAX];
    nima_str kept = asked(&w, "scale web to 5").asked;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        if (completed(&w, kept, others[i], steps) != 0) {
            fail_msg("no answer: %s -> " NIMA_FMT, others[i], NIMA_ARG(steps[0].params));
        }
        ASSERT_TRUE(w.ctx.error.message[0] == '\0');
    }
    kept = asked(&w, "list the issues on github").asked;
    ASSERT_INT_EQ(completed(&w, kept, "shop", steps), 0);
    ASSERT_INT_EQ(completed(&w, kept, "me/shop is nice", steps), 0);
    kept = asked(&w, "open an issue in me/shop").asked;
    ASSERT_INT_EQ(completed(&w, kept, "I think the cart is empty", steps), 0);
    world_close(&w);
}

TEST(one_thing_is_asked_for_after_the_other)
{
    struct world w = world_open();
    struct nima_tasks_step steps[NIMA_TASKS_STEPS_MAX];
    struct nima_tasks_spoken question = asked(&w, "open an issue on github"), next = {0};
    ASSERT_TRUE(has(question.question, "In which repository?"));
    ASSERT_INT_EQ(completed(&w, question.asked, "me/shop", steps), 1);
    nima_task_ask_back(&w.ctx, w.tasks, steps, 1, &next);
    ASSERT_TRUE(has(next.question, "What shall the issue say?"));
    ASSERT_INT_EQ(completed(&w, next.asked, "that the cart is empty", steps), 1);
    ASSERT_STR_EQ(steps[0].params, "{\"title\":\"The cart is empty\",\"repo\":\"me/shop\"}");
    question = asked(&w, "scale web to 5 in blog and then restart web and then restart api");
    ASSERT_INT_EQ(completed(&w, question.asked, "shop", steps), 3);
    ASSERT_TRUE(has(steps[0].params, "\"namespace\":\"blog\""));
    ASSERT_STR_EQ(steps[1].params, "{\"namespace\":\"shop\",\"name\":\"web\"}");
    ASSERT_STR_EQ(steps[2].params, "{\"namespace\":\"shop\",\"name\":\"api\"}");
    world_close(&w);
}

TEST(what_one_value_cannot_answer_is_not_kept)
{
    struct world w = world_open();
    struct nima_tasks_spoken question =
        asked(&w, "make a PR that fixes the typo in a.md of me/shop");
    ASSERT_TRUE(has(question.question, "What is wrong there"));
    ASSERT_TRUE(question.asked.ptr == NULL);
    world_close(&w);
}

TEST(what_is_kept_is_read_with_care)
{
    static const char *const broken[] = {
        "[]",
        "{}",
        "null",
        "7",
        "[{}]",
        "[{\"type\":\"k8s\",\"action\":\"scale\"}]",
        "[{\"type\":\"k8s\",\"action\":\"scale\",\"params\":{\"name\":\"web\",\"replicas\":5}}]",
        "[{\"type\":\"none\",\"action\":\"scale\",\"params\":{},\"missing\":\"namespace\"}]",
        "[{\"type\":\"k8s\",\"action\":\"none\",\"params\":{},\"missing\":\"namespace\"}]",
        "[{\"type\":\"k8s\",\"action\":\"scale\",\"params\":{},\"missing\":\"replicas\"}]",
        "[{\"type\":\"k8s\",\"action\":\"scale\",\"params\":{},\"missing\":\"namespace\"}]",
        "[{\"type\":\"k8s\",\"action\":\"scale\",\"params\":{\"name\":\"web\",\"replicas\":-1},"
        "\"missing\":\"namespace\"}]",
        "[{\"type\":\"file\",\"action\":\"delete\",\"params\":{},\"missing\":\"path\"}]",
    };
    struct world w = world_open();
    struct nima_tasks_step steps[NIMA_TASKS_STEPS_MAX];
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        ASSERT_INT_EQ(completed(&w, nima_str_of(broken[i]), "shop", steps), 0);
    }
    ASSERT_INT_EQ(completed(&w, (nima_str){NULL, 0}, "shop", steps), 0);
    world_close(&w);
}

TEST_MAIN
