/*
 * Clusters in a conversation: "scale web to 5 in namespace shop" as a step, and results in plain
 * lines. A pattern must be all of a sentence, as in heard.c; words that people also say of other
 * things need the namespace beside them. Only what the person says now is read here.
 */
#include <string.h>

#include "tasks/k8s/k8s_int.h"
#include "tasks/words.h"

enum { TOLD_BYTES_MAX = 16 << 10, NAMESPACE_CHARS_MAX = 63 };

/* Where it is to be, at the end of the sentence: "", "in shop", "in namespace shop". What needs
 * PLACE_KNOWN is also about a cluster where the talk has just been of one. */
enum place { PLACE_NONE, PLACE_IN, PLACE_NAMESPACE, PLACE_KNOWN };

#define THE    "[the|my|our] "
#define DEPLOY "[the|my|our] deployment "
#define PODS   " [replicas|replica|pods|pod|instances|copies]"

struct rule {
    const char *action, *pattern;
    const char *key, *value; /* a field that the pattern itself says; NULL: none */
    enum place least;        /* how much must be said of the place */
};
static const struct rule rules[] = {
    {"scale", "scale [up|down] [deployment] <k:name> [up|down] to <c:replicas>" PODS, NULL, NULL,
     PLACE_NONE},
    {"scale", "scale [up|down] " DEPLOY "<k:name> [up|down] to <c:replicas>" PODS, NULL, NULL,
     PLACE_NONE},
    {"scale", "scale [up|down] the <k:name> deployment [up|down] to <c:replicas>" PODS, NULL, NULL,
     PLACE_NONE},
    {"scale", "scale [up|down] " THE "statefulset <k:name> [up|down] to <c:replicas>" PODS, "kind",
     "statefulset", PLACE_NONE},
    {"scale",
     "set " THE "[number] [of] replicas of|for " THE "[deployment] <k:name> to <c:replicas>", NULL,
     NULL, PLACE_NONE},
    {"scale", "run <c:replicas> replicas|replica of " THE "[deployment] <k:name>", NULL, NULL,
     PLACE_NONE},
    {"scale",
     "increase|reduce|raise|lower|decrease " THE "[number] [of] replicas of|for " THE
     "[deployment] <k:name> to <c:replicas>",
     NULL, NULL, PLACE_NONE},
    {"scale", "give " THE "[deployment] <k:name> <c:replicas> replicas|replica", NULL, NULL,
     PLACE_NONE},
    {"failing", "what's|what [is] [currently|going] failing|broken|wrong|unhealthy|crashing", NULL,
     NULL, PLACE_KNOWN},
    {"failing", "is anything|something failing|broken|wrong|unhealthy|crashing", NULL, NULL,
     PLACE_KNOWN},
    {"failing", "are there [any] problems|errors|failures", NULL, NULL, PLACE_NAMESPACE},
    {"failing", "how's|how [is] everything [doing]", NULL, NULL, PLACE_NAMESPACE},
    {"failing", "what's|what [is] failing|broken|crashing in|on the cluster", NULL, NULL,
     PLACE_NONE},
    {"failing", "which|what pods|deployments are [not] failing|broken|crashing|ready|unhealthy",
     NULL, NULL, PLACE_NONE},
    {"rollout_status", "why is " DEPLOY "<k:name> [not] failing|broken|crashing|ready|stuck",
     "wait_s", "0", PLACE_NONE},
    {"rollout_status", "why is <k:name> [not] failing|broken|crashing|ready|stuck", "wait_s", "0",
     PLACE_KNOWN},
    {"rollout_status", "what's|what [is] wrong with " DEPLOY "<k:name>", "wait_s", "0", PLACE_NONE},
    {"rollout_status", "what's|what [is] wrong with <k:name>", "wait_s", "0", PLACE_KNOWN},
    {"rollout_status", "is " DEPLOY "<k:name> up|ok|okay|ready|running|healthy", "wait_s", "0",
     PLACE_NONE},
    {"rollout_status", "is <k:name> up|ok|okay|ready|running|healthy", "wait_s", "0", PLACE_KNOWN},
    {"rollout_status",
     "[show|watch] [me] the [status] [of] [the] rollout of " THE "[deployment] <k:name>", NULL,
     NULL, PLACE_NONE},
    {"rollout_status", "how's|how [is] the rollout of " THE "[deployment] <k:name> [going|doing]",
     "wait_s", "0", PLACE_NONE},
    {"rollout_status", "is the rollout of " THE "[deployment] <k:name> complete|done|finished|over",
     "wait_s", "0", PLACE_NONE},
    {"logs",
     "show|get|read|print|give [me] the [last|latest] logs|log of|for|from [the] pod <k:name>",
     NULL, NULL, PLACE_NONE},
    {"logs", "show|get|read|print|give [me] [last|latest] logs|log of|for|from [the] pod <k:name>",
     NULL, NULL, PLACE_NONE},
    {"logs",
     "show|get|read|print|give [me] the [last|latest] logs|log of|for|from " DEPLOY "<k:name>",
     "kind", "deployment", PLACE_NONE},
    {"logs",
     "show|read|print|give [me] the last <c:tail> lines of|from the logs|log of [the] pod "
     "<k:name>",
     NULL, NULL, PLACE_NONE},
    {"logs", "what did [the] pod <k:name> log|write", NULL, NULL, PLACE_NONE},
    {"restart", "restart [deployment] <k:name>", NULL, NULL, PLACE_NONE},
    {"restart", "restart " DEPLOY "<k:name>", NULL, NULL, PLACE_NONE},
    {"restart", "restart the <k:name> deployment", NULL, NULL, PLACE_NONE},
    {"restart", "restart " THE "statefulset <k:name>", "kind", "statefulset", PLACE_NONE},
    {"restart", "restart " THE "daemonset <k:name>", "kind", "daemonset", PLACE_NONE},
    {"rollout_undo", "roll back [deployment] <k:name>", NULL, NULL, PLACE_NONE},
    {"rollout_undo", "rollback [deployment] <k:name>", NULL, NULL, PLACE_NONE},
    {"rollout_undo", "roll back " DEPLOY "<k:name>", NULL, NULL, PLACE_NONE},
    {"rollout_undo", "roll back the <k:name> deployment", NULL, NULL, PLACE_NONE},
    {"rollout_undo", "roll back [deployment] <k:name> to revision <c:to_revision>", NULL, NULL,
     PLACE_NONE},
    {"rollout_undo", "roll [deployment] <k:name> back", NULL, NULL, PLACE_NONE},
    {"rollout_undo",
     "roll back " THE "[deployment] <k:name> to the previous|last|earlier version|revision", NULL,
     NULL, PLACE_NONE},
    {"rollout_undo",
     "undo the [last|latest] rollout|deployment|release of " THE "[deployment] <k:name>", NULL,
     NULL, PLACE_NONE},
    {"deploy", "deploy the image <i:image> as <k:name>", NULL, NULL, PLACE_NONE},
    {"deploy", "deploy <i:image> as <k:name>", NULL, NULL, PLACE_NONE},
    {"deploy", "deploy <i:image> as <k:name> on port <c:port>", NULL, NULL, PLACE_NONE},
    {"deploy", "deploy [the] [image] <i:image> as <k:name> with <c:replicas> replicas|replica",
     NULL, NULL, PLACE_NONE},
    {"deploy",
     "deploy [the] [image] <i:image> as <k:name> with <c:replicas> replicas|replica [and] on port "
     "<c:port>",
     NULL, NULL, PLACE_NONE},
    {"set_image", "set|change the image of " THE "[deployment] <k:name> to <i:image>", NULL, NULL,
     PLACE_NONE},
    {"set_image", "update|upgrade " DEPLOY "<k:name> to [image] <i:image>", NULL, NULL, PLACE_NONE},
    {"set_image", "update|upgrade <k:name> to [image] <i:image>", NULL, NULL, PLACE_NONE},
    {"get", "how many replicas|pods does " THE "[deployment] <k:name> have|run", NULL, NULL,
     PLACE_NONE},
    {"get", "how's|how [is] " DEPLOY "<k:name> [doing]", NULL, NULL, PLACE_IN},
    {"get", "how's|how [is] <k:name> [doing]", NULL, NULL, PLACE_KNOWN},
    {"describe", "describe " DEPLOY "<k:name>", NULL, NULL, PLACE_IN},
    {"describe", "describe [the] pod <k:name>", "kind", "pod", PLACE_IN},
    {"events", "show|list [me] [all] [the] [last|latest|recent] events", NULL, NULL,
     PLACE_NAMESPACE},
    {"events", "what happened", NULL, NULL, PLACE_NAMESPACE},
    {"delete", "delete|remove " DEPLOY "<k:name>", NULL, NULL, PLACE_NONE},
    {"delete", "delete|remove [the] pod <k:name>", "kind", "pod", PLACE_NONE},
    {"delete", "delete|remove [the] service <k:name>", "kind", "service", PLACE_NAMESPACE},
#define LIST "list|show|get [me] [all] [of] [the|my|our] "
    {"list", LIST "deployments", "kind", "deployment", PLACE_NONE},
    {"list", LIST "pods", "kind", "pod", PLACE_NONE},
    {"list", "which|what deployments are there|running", "kind", "deployment", PLACE_NONE},
    {"list", "which|what pods are there|running", "kind", "pod", PLACE_NONE},
    {"list", LIST "services", "kind", "service", PLACE_IN},
    {"list", LIST "statefulsets", "kind", "statefulset", PLACE_NONE},
    {"list", LIST "daemonsets", "kind", "daemonset", PLACE_NONE},
    {"list", LIST "cronjobs", "kind", "cronjob", PLACE_NONE},
    {"list", LIST "jobs", "kind", "job", PLACE_NAMESPACE},
    {"list", LIST "configmaps", "kind", "configmap", PLACE_NONE},
    {"list", LIST "ingresses", "kind", "ingress", PLACE_NONE},
};

/* What stands where a name would, and is none. */
static bool is_name(nima_str text)
{
    static const char others[] =
        " it this that these those them they all everything something anything me you us him her "
        "now again today tomorrow here there my your our their the a an and or one both each "
        "deployment pod service statefulset daemonset namespace cluster process pipeline strategy "
        "plan team guide script change changes from in on at of to with without as is by for not ";
    for (size_t at = 1; at < sizeof(others) - 1;) {
        size_t len = strcspn(others + at, " ");
        if (nima_str_eq(text, (nima_str){others + at, len})) {
            return false;
        }
        at += len + 1;
    }
    return text.len <= NAMESPACE_CHARS_MAX;
}

/* Takes "in namespace shop" off the end. */
static enum place take_place(const struct nima_task_words *words, size_t from, size_t *end,
                             nima_str *namespace)
{
    static const struct {
        const char *pattern;
        size_t words;
        enum place place;
    } forms[] = {
        {"in|of|from|on the namespace|ns <k:namespace>", 4, PLACE_NAMESPACE},
        {"in|of|from|on the <k:namespace> namespace", 4, PLACE_NAMESPACE},
        {"in|of|from|on namespace|ns <k:namespace>", 3, PLACE_NAMESPACE},
        {"in|from <k:namespace>", 2, PLACE_IN},
    };
    struct nima_task_match match;
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        if (*end > from + forms[i].words &&
            nima_task_pattern(forms[i].pattern, words, *end - forms[i].words, *end, &match) &&
            is_name(match.slots[0].value)) {
            *end -= forms[i].words;
            *namespace = match.slots[0].value;
            return forms[i].place;
        }
    }
    return PLACE_NONE;
}

static bool is_number_field(nima_str field)
{
    return nima_str_eq(field, NIMA_STR("replicas")) || nima_str_eq(field, NIMA_STR("tail")) ||
           nima_str_eq(field, NIMA_STR("port")) || nima_str_eq(field, NIMA_STR("to_revision")) ||
           nima_str_eq(field, NIMA_STR("wait_s"));
}

static void write_field(struct nima_buf *buf, nima_str field, nima_str value)
{
    int64_t number = 0;
    nima_buf_add(buf, buf->len > 1 ? NIMA_STR(",") : NIMA_STR(""));
    nima_json_write_str(buf, field);
    nima_buf_add_char(buf, ':');
    if (is_number_field(field) && nima_task_number(value, &number)) {
        nima_buf_fmt(buf, "%lld", (long long)number);
    } else {
        nima_json_write_str(buf, value);
    }
}

static bool names_are_names(const struct nima_task_match *match)
{
    for (size_t i = 0; i < match->count; i++) {
        if (nima_str_eq(match->slots[i].field, NIMA_STR("name")) &&
            !is_name(match->slots[i].value)) {
            return false;
        }
    }
    return true;
}

/* "deploy code as usual" deploys nothing: an image says which version or where from, or it stands
 * beside the word or a number of replicas. */
static bool image_is_image(const struct nima_task_match *match)
{
    for (size_t i = 0; i < match->count; i++) {
        nima_str value = match->slots[i].value;
        if (nima_str_eq(match->slots[i].field, NIMA_STR("image")) && match->count < 3 &&
            nima_str_find(value, NIMA_STR(":"), 0) == SIZE_MAX &&
            nima_str_find(value, NIMA_STR("/"), 0) == SIZE_MAX) {
            return false;
        }
    }
    return true;
}

static struct nima_tasks_step step_of(struct nima_ctx *ctx, const struct rule *rule,
                                      const struct nima_task_match *match, nima_str namespace)
{
    struct nima_buf buf;
    nima_buf_init(&buf, NIMA_TASK_PARAMS_BYTES_MAX);
    nima_buf_add_char(&buf, '{');
    if (namespace.ptr != NULL) {
        write_field(&buf, NIMA_STR("namespace"), namespace);
    }
    if (rule->key != NULL) {
        write_field(&buf, nima_str_of(rule->key), nima_str_of(rule->value));
    }
    for (size_t i = 0; i < match->count; i++) {
        write_field(&buf, match->slots[i].field, match->slots[i].value);
    }
    nima_buf_add_char(&buf, '}');
    nima_str params = nima_str_copy(ctx->arena, nima_buf_view(&buf));
    nima_buf_done(&buf);
    return (struct nima_tasks_step){
        .type = NIMA_STR("k8s"), .action = nima_str_of(rule->action), .params = params};
}

static bool is_there(const struct rule *rule, enum place place, nima_str after)
{
    return rule->least != PLACE_KNOWN
               ? place >= rule->least
               : place == PLACE_NAMESPACE || nima_str_eq(after, NIMA_STR("k8s"));
}

bool nima_k8s_heard(struct nima_ctx *ctx, const struct nima_task_words *words, size_t from,
                    size_t end, struct nima_tasks_step *out)
{
    nima_str namespace = {NULL, 0};
    struct nima_task_match match;
    enum place place = take_place(words, from, &end, &namespace);
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        const struct rule *rule = &rules[i];
        if (is_there(rule, place, words->after) &&
            nima_task_pattern(rule->pattern, words, from, end, &match) && names_are_names(&match) &&
            image_is_image(&match)) {
            *out = step_of(ctx, rule, &match, namespace);
            return true;
        }
    }
    return false;
}

/* Where no namespace was said */

/* The only one that tasks.k8s_namespaces names; absent: it names none, several, or a pattern. */
static nima_str only_namespace(const struct nima_tasks *tasks)
{
    nima_str list = tasks->options.k8s_namespaces, first, second;
    if (!nima_str_next(&list, ',', &first) || nima_str_next(&list, ',', &second)) {
        return (nima_str){NULL, 0};
    }
    first = nima_str_trim(first);
    bool pattern = nima_str_find(first, NIMA_STR("*"), 0) != SIZE_MAX ||
                   nima_str_find(first, NIMA_STR("?"), 0) != SIZE_MAX;
    return pattern || first.len == 0 ? (nima_str){NULL, 0} : first;
}

const struct nima_task_ask nima_k8s_asks[] = {
    {"namespace",
     "In which namespace? Its name is enough.",
     NIMA_WRITTEN_SMALL,
     {"[i] [mean|meant] [in|of|on|from|for|use] [the|my|our] [namespace|ns] <k:value> [one]",
      "[i] [mean|meant] [in|of|on|from|for|use] [the|my|our] <k:value> namespace|ns",
      "it's|its in [the] [namespace|ns] <k:value> [namespace|ns]",
      "[the] namespace|ns is [called|named] <k:value>"}},
    {0},
};

size_t nima_k8s_place(struct nima_ctx *ctx, const struct nima_tasks *tasks,
                      struct nima_tasks_step *steps, size_t count)
{
    nima_str only = only_namespace(tasks);
    for (size_t i = 0; i < count; i++) {
        struct nima_tasks_step *step = &steps[i];
        if (!nima_str_eq(step->type, NIMA_STR("k8s")) ||
            nima_str_starts(step->params, NIMA_STR("{\"namespace\""))) {
            continue;
        }
        if (!nima_k8s_configured(tasks)) {
            return 0; /* without a cluster it was about something else */
        }
        if (only.ptr == NULL) {
            step->missing = NIMA_STR("namespace");
            continue;
        }
        nima_str rest = nima_str_sub(step->params, 1, step->params.len);
        step->params = nima_fmt(ctx, "{\"namespace\":\"" NIMA_FMT "\"%s" NIMA_FMT, NIMA_ARG(only),
                                nima_str_eq(rest, NIMA_STR("}")) ? "" : ",", NIMA_ARG(rest));
    }
    return count;
}

/* What is said of a result */

static void tell_row(struct nima_buf *buf, const struct nima_json *row)
{
    nima_str images = nima_json_str(nima_json_get(row, "images"));
    nima_str status = nima_json_str(nima_json_get(row, "status"));
    nima_buf_fmt(buf, NIMA_FMT "%s" NIMA_FMT, NIMA_ARG(nima_json_str(nima_json_get(row, "name"))),
                 status.len > 0 ? ": " : "", NIMA_ARG(status));
    if (images.len > 0) {
        nima_buf_fmt(buf, " (" NIMA_FMT ")", NIMA_ARG(images));
    }
    nima_buf_add_char(buf, '\n');
}

static void tell_rollout(struct nima_buf *buf, const struct nima_json *tree, nima_str state)
{
    const struct nima_json *reasons = nima_json_get(tree, "reasons");
    nima_buf_fmt(buf, NIMA_FMT ": " NIMA_FMT ", " NIMA_FMT "\n",
                 NIMA_ARG(nima_json_str(nima_json_get(tree, "name"))), NIMA_ARG(state),
                 NIMA_ARG(nima_json_str(nima_json_get(tree, "status"))));
    for (size_t i = 0; i < nima_json_count(reasons); i++) {
        nima_str text = nima_json_str(nima_json_get(nima_json_at(reasons, i, NULL), "text"));
        nima_buf_fmt(buf, "- " NIMA_FMT "\n", NIMA_ARG(text));
    }
}

nima_str nima_k8s_told(struct nima_ctx *ctx, const struct nima_json *result)
{
    const struct nima_json *items = nima_json_get(result, "items");
    const struct nima_json *events = nima_json_get(result, "events");
    nima_str state = nima_json_str(nima_json_get(result, "state"));
    bool object = nima_json_get(result, "object") != NULL;
    struct nima_buf buf;
    if (items == NULL && events == NULL && !object) {
        return (nima_str){NULL, 0};
    }
    nima_buf_init(&buf, TOLD_BYTES_MAX);
    for (size_t i = 0; i < nima_json_count(items); i++) {
        tell_row(&buf, nima_json_at(items, i, NULL));
    }
    if (object) {
        tell_row(&buf, result);
    } else if (state.ptr != NULL) {
        tell_rollout(&buf, result, state);
    }
    for (size_t i = 0; i < nima_json_count(events); i++) {
        const struct nima_json *event = nima_json_at(events, i, NULL);
        int64_t seen, count = nima_json_int(nima_json_get(event, "count"), &seen) ? seen : 1;
        nima_buf_fmt(&buf, "- " NIMA_FMT ", %lld times, " NIMA_FMT ": " NIMA_FMT "\n",
                     NIMA_ARG(nima_json_str(nima_json_get(event, "reason"))), (long long)count,
                     NIMA_ARG(nima_json_str(nima_json_get(event, "object"))),
                     NIMA_ARG(nima_json_str(nima_json_get(event, "message"))));
    }
    nima_str text = nima_str_copy(ctx->arena, nima_buf_view(&buf));
    nima_buf_done(&buf);
    return text.len > 0 ? text : NIMA_STR("none\n");
}
