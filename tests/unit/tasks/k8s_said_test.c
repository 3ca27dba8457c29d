/*
 * What a message asks of a cluster, by the rules alone, and talk about clusters that asks nothing.
 */
#include "support/test.h"
#include "tasks/tasks_int.h"

static const struct {
    const char *text, *action, *params;
} orders[] = {
    {"scale web to 5", "scale", "{\"name\":\"web\",\"replicas\":5}"},
    {"Please scale the deployment web to three replicas in namespace shop.", "scale",
     "{\"namespace\":\"shop\",\"name\":\"web\",\"replicas\":3}"},
    {"scale web down to 0 in shop", "scale",
     "{\"namespace\":\"shop\",\"name\":\"web\",\"replicas\":0}"},
    {"scale the statefulset db to 2 in the shop namespace", "scale",
     "{\"namespace\":\"shop\",\"kind\":\"statefulset\",\"name\":\"db\",\"replicas\":2}"},
    {"set the replicas of web to 4", "scale", "{\"name\":\"web\",\"replicas\":4}"},
    {"what is failing in namespace shop?", "failing", "{\"namespace\":\"shop\"}"},
    {"What's wrong in the namespace shop?", "failing", "{\"namespace\":\"shop\"}"},
    {"which pods are failing?", "failing", "{}"},
    {"is anything broken in the shop namespace", "failing", "{\"namespace\":\"shop\"}"},
    {"show the logs of pod web-5c9-x7", "logs", "{\"name\":\"web-5c9-x7\"}"},
    {"show me the last 20 lines of the log of pod web-1 in namespace shop", "logs",
     "{\"namespace\":\"shop\",\"tail\":20,\"name\":\"web-1\"}"},
    {"show the logs of deployment web in shop", "logs",
     "{\"namespace\":\"shop\",\"kind\":\"deployment\",\"name\":\"web\"}"},
    {"restart web", "restart", "{\"name\":\"web\"}"},
    {"Could you restart the deployment web in shop, please?", "restart",
     "{\"namespace\":\"shop\",\"name\":\"web\"}"},
    {"roll back web", "rollout_undo", "{\"name\":\"web\"}"},
    {"roll back the web deployment in namespace shop", "rollout_undo",
     "{\"namespace\":\"shop\",\"name\":\"web\"}"},
    {"roll back web to revision 3", "rollout_undo", "{\"name\":\"web\",\"to_revision\":3}"},
    {"deploy nginx:1.27 as web with 3 replicas", "deploy",
     "{\"image\":\"nginx:1.27\",\"name\":\"web\",\"replicas\":3}"},
    {"deploy registry.example.com:5000/team/web:2 as web in namespace shop", "deploy",
     "{\"namespace\":\"shop\",\"image\":\"registry.example.com:5000/team/web:2\",\"name\":"
     "\"web\"}"},
    {"deploy nginx as web with 2 replicas on port 80", "deploy",
     "{\"image\":\"nginx\",\"name\":\"web\",\"replicas\":2,\"port\":80}"},
    {"change the image of web to nginx:1.28", "set_image",
     "{\"name\":\"web\",\"image\":\"nginx:1.28\"}"},
    {"list the deployments in shop", "list", "{\"namespace\":\"shop\",\"kind\":\"deployment\"}"},
    {"show me all pods", "list", "{\"kind\":\"pod\"}"},
    {"which pods are running in namespace shop?", "list",
     "{\"namespace\":\"shop\",\"kind\":\"pod\"}"},
    {"how many replicas does web have?", "get", "{\"name\":\"web\"}"},
    {"is the rollout of web complete?", "rollout_status", "{\"wait_s\":0,\"name\":\"web\"}"},
    {"why is web failing in namespace shop?", "rollout_status",
     "{\"namespace\":\"shop\",\"wait_s\":0,\"name\":\"web\"}"},
    {"show the events in namespace shop", "events", "{\"namespace\":\"shop\"}"},
    {"can you scale web to 5 in shop?", "scale",
     "{\"namespace\":\"shop\",\"name\":\"web\",\"replicas\":5}"},
    {"please restart web in shop", "restart", "{\"namespace\":\"shop\",\"name\":\"web\"}"},
    {"roll web back in shop", "rollout_undo", "{\"namespace\":\"shop\",\"name\":\"web\"}"},
    {"roll back web to the previous version in shop", "rollout_undo",
     "{\"namespace\":\"shop\",\"name\":\"web\"}"},
    {"undo the last deployment of web", "rollout_undo", "{\"name\":\"web\"}"},
    {"increase the number of replicas of web to 4", "scale", "{\"name\":\"web\",\"replicas\":4}"},
    {"give web 5 replicas in shop", "scale",
     "{\"namespace\":\"shop\",\"name\":\"web\",\"replicas\":5}"},
    {"update web to nginx:1.28", "set_image", "{\"name\":\"web\",\"image\":\"nginx:1.28\"}"},
    {"what's wrong with web in namespace shop?", "rollout_status",
     "{\"namespace\":\"shop\",\"wait_s\":0,\"name\":\"web\"}"},
    {"what is wrong with the deployment web?", "rollout_status", "{\"wait_s\":0,\"name\":\"web\"}"},
    {"is the deployment web ready?", "rollout_status", "{\"wait_s\":0,\"name\":\"web\"}"},
    {"delete the pod web-1 in shop", "delete",
     "{\"namespace\":\"shop\",\"kind\":\"pod\",\"name\":\"web-1\"}"},
};

TEST(orders_about_clusters_are_heard)
{
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
        struct nima_tasks_step steps[NIMA_TASKS_STEPS_MAX];
        size_t count = nima_task_heard(&ctx, nima_str_of(orders[i].text), steps);
        if (count != 1) {
            fail_msg("not heard: %s", orders[i].text);
        }
        ASSERT_STR_EQ(steps[0].type, "k8s");
        ASSERT_STR_EQ(steps[0].action, orders[i].action);
        ASSERT_STR_EQ(steps[0].params, orders[i].params);
    }
    nima_ctx_done(&ctx);
}

TEST(talk_about_clusters_asks_nothing)
{
    static const char *const talk[] = {
        "Should I scale web to 5?",
        "Yesterday we scaled web to 5 in namespace shop",
        "How do I scale a deployment to 5 replicas?",
        "He said: scale web to 5",
        "scale it to 5",
        "Never restart the deployment web on a Friday",
        "restart",
        "restart everything",
        "restart the server",
        "restart my computer",
        "What does kubectl rollout undo do?",
        "Rolling back web took an hour",
        "roll back the changes",
        "roll back this",
        "deploy code as usual",
        "deploy early, deploy often",
        "We deploy nginx:1.27 as web with 3 replicas",
        "What is wrong?",
        "What is failing in school?",
        "what is broken in my life",
        "is anything wrong?",
        "what happened in 1989?",
        "how is everything in Paris?",
        "describe the deployment process",
        "list the services of a bank",
        "list jobs in berlin",
        "The logs of pod web-1 are long",
        "Why are pods failing so often in Kubernetes?",
        "Explain what a namespace is",
        "delete the service contract",
        "delete the deployment plan",
        "scale web to 5 in namespace shop, he said",
        "What happens if I delete the pod web-1?",
        "tell me a story about pods",
        "what's wrong with web?",
        "what's wrong with people in berlin?",
        "how is web?",
        "is web ready?",
        "give me 5 replicas",
        "give it 5 replicas",
        "undo the last release",
        "update web to the latest version",
    };
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    for (size_t i = 0; i < sizeof(talk) / sizeof(talk[0]); i++) {
        struct nima_tasks_step steps[NIMA_TASKS_STEPS_MAX];
        if (nima_task_heard(&ctx, nima_str_of(talk[i]), steps) != 0) {
            fail_msg("only talk: %s -> " NIMA_FMT " " NIMA_FMT, talk[i], NIMA_ARG(steps[0].action),
                     NIMA_ARG(steps[0].params));
        }
    }
    nima_ctx_done(&ctx);
}

/* What may be said of a cluster only where the talk has just been of one. */
TEST(a_few_words_need_talk_about_a_cluster_before_them)
{
    static const struct {
        const char *text, *action;
    } words[] = {
        {"what's wrong with web?", "rollout_status"}, {"why is web failing?", "rollout_status"},
        {"is web running?", "rollout_status"},        {"how is web doing?", "get"},
        {"what is failing now?", "failing"},          {"is anything wrong?", "failing"},
        {"what is failing in shop?", "failing"},
    };
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        struct nima_tasks_step steps[NIMA_TASKS_STEPS_MAX];
        nima_str text = nima_str_of(words[i].text);
        ASSERT_INT_EQ(nima_task_heard(&ctx, text, steps), 0);
        ASSERT_INT_EQ(nima_task_heard_after(&ctx, text, NIMA_STR("file"), steps), 0);
        ASSERT_INT_EQ(nima_task_heard_after(&ctx, text, NIMA_STR("k8s"), steps), 1);
        ASSERT_STR_EQ(steps[0].action, words[i].action);
    }
    nima_ctx_done(&ctx);
}

TEST(steps_about_clusters_may_be_several)
{
    struct nima_ctx ctx;
    struct nima_tasks_step steps[NIMA_TASKS_STEPS_MAX];
    nima_ctx_init(&ctx);
    nima_str text = NIMA_STR("scale web to 5 in shop and then list the pods in shop");
    ASSERT_INT_EQ(nima_task_heard(&ctx, text, steps), 2);
    ASSERT_STR_EQ(steps[1].action, "list");
    ASSERT_INT_EQ(nima_task_heard(&ctx, NIMA_STR("scale web to 5 and then sing"), steps), 0);
    nima_ctx_done(&ctx);
}

TEST_MAIN
