/*
 * The k8s integration: looks at what runs in a cluster and changes it, through kubectl. Rules are
 * asked about "namespace/kind/name"; what has no namespace stands below "-" and is only read.
 */
#include <string.h>

#include "tasks/k8s/k8s_int.h"

enum { LIST_MAX = 500, RESULT_BYTES_MAX = 1 << 20, REPLICAS_MAX = 1000 };

#define PARAM(kind_, member, ...) NIMA_FIELD(kind_, struct nima_k8s_params, member, __VA_ARGS__)
#define NAMESPACE                                                                                  \
    PARAM(STR, namespace, .max = 63, .preset_str = "default",                                      \
          .doc = "Where; \"-\" for what has no namespace, as nodes.")
#define KIND                                                                                       \
    PARAM(STR, kind, .max = 253, .preset_str = "deployment",                                       \
          .doc = "As kubectl has it; kinds of your own with their group: widget.example.com.")
#define NAME PARAM(STR, name, .required = true, .max = 253, .doc = "Which one.")

static const struct nima_field get_fields[] = {NAMESPACE, KIND, NAME};
static const struct nima_field list_fields[] = {
    NAMESPACE,
    KIND,
    PARAM(STR, selector, .max = 1000, .doc = "Labels, as app=web,tier!=test."),
    PARAM(INT, limit, .min = 1, .max = LIST_MAX, .preset = 100, .doc = "How many to show."),
};
static const struct nima_field apply_fields[] = {
    NAMESPACE,
    PARAM(ANY, manifest, .required = true,
          .doc = "An object, a list of them, or a text in YAML or JSON; at most 16 objects."),
    PARAM(BOOL, force, .doc = "Takes over fields that others have set."),
};
static const struct nima_field scale_fields[] = {
    NAMESPACE,
    KIND,
    NAME,
    PARAM(INT, replicas, .required = true, .min = 0, .max = REPLICAS_MAX, .doc = "How many."),
};
#define CONTAINER                                                                                  \
    PARAM(STR, container, .max = 253, .doc = "Which container, where there are several.")
#define FORCE PARAM(BOOL, force, .doc = "Takes over fields that others have set.")
#define IMAGE PARAM(STR, image, .required = true, .max = 1000, .doc = "As nginx:1.27.")

static const struct nima_field logs_fields[] = {
    NAMESPACE,
    PARAM(STR, kind, .max = 253, .preset_str = "pod", .doc = "Whose; of a deployment one pod's."),
    NAME,
    CONTAINER,
    PARAM(INT, tail, .min = 1, .max = 5000, .preset = 100, .doc = "How many of the last lines."),
    PARAM(INT, since_s, .min = 0, .max = 604800, .doc = "Not older than this; 0: however old."),
    PARAM(BOOL, previous, .doc = "Of the container that ran before."),
};
static const struct nima_field events_fields[] = {
    NAMESPACE,
    PARAM(STR, name, .max = 253, .doc = "About this object and what is made from it, by name."),
    PARAM(BOOL, warnings, .doc = "Only what went wrong."),
};
static const struct nima_field failing_fields[] = {NAMESPACE};
static const struct nima_field deploy_fields[] = {
    NAMESPACE,
    NAME,
    IMAGE,
    PARAM(INT, replicas, .has = NIMA_HAS(struct nima_k8s_params, has_replicas), .min = 0,
          .max = REPLICAS_MAX, .preset = 1, .doc = "How many; not given: as many as there are."),
    PARAM(JSON, env, .doc = "Names and values; not given: as it is."),
    PARAM(INT, port, .min = 0, .max = 65535, .doc = "A port that is served, by a Service too."),
    FORCE,
};
static const struct nima_field set_image_fields[] = {NAMESPACE, KIND, NAME, CONTAINER, IMAGE};
static const struct nima_field rollout_fields[] = {
    NAMESPACE,
    KIND,
    NAME,
    PARAM(INT, wait_s, .min = 0, .max = NIMA_TASK_TIMEOUT_S_MAX, .preset = 45,
          .doc = "How long to watch, within the task's own time."),
};
static const struct nima_field undo_fields[] = {
    NAMESPACE,
    NAME,
    PARAM(INT, to_revision, .min = 0, .max = INT32_MAX, .doc = "0: the one before."),
};
#define SHAPE(name_, table) NIMA_SHAPE(name_, struct nima_k8s_params, table)
static const struct nima_shape get_shape = SHAPE("K8sGet", get_fields),
                               list_shape = SHAPE("K8sList", list_fields),
                               logs_shape = SHAPE("K8sLogs", logs_fields),
                               events_shape = SHAPE("K8sEventsOf", events_fields),
                               failing_shape = SHAPE("K8sFailing", failing_fields),
                               apply_shape = SHAPE("K8sApply", apply_fields),
                               deploy_shape = SHAPE("K8sDeploy", deploy_fields),
                               scale_shape = SHAPE("K8sScale", scale_fields),
                               set_image_shape = SHAPE("K8sSetImage", set_image_fields),
                               rollout_shape = SHAPE("K8sRolloutStatus", rollout_fields),
                               undo_shape = SHAPE("K8sRolloutUndo", undo_fields);

/* What rules are asked about */

/* "shop, team-*": by default all but those of the cluster itself. */
static bool is_listed(nima_str list, nima_str namespace)
{
    nima_str item;
    if (nima_str_trim(list).len == 0) {
        return !nima_str_starts(namespace, NIMA_STR("kube-"));
    }
    while (nima_str_next(&list, ',', &item)) {
        if (nima_glob(nima_str_trim(item), namespace)) {
            return true;
        }
    }
    return false;
}

static nima_rc check_namespace(struct nima_ctx *ctx, const struct nima_tasks *tasks,
                               nima_str namespace)
{
    bool none = nima_str_eq(namespace, NIMA_STR("-"));
    NIMA_TRY(none ? NIMA_OK : nima_k8s_check_name(ctx, "params.namespace", namespace));
    if (!is_listed(tasks->options.k8s_namespaces, namespace)) {
        return nima_fail_field(ctx, NIMA_E_FORBIDDEN, "params.namespace",
                               "tasks.k8s_namespaces: " NIMA_FMT " is not on the list",
                               NIMA_ARG(namespace));
    }
    return NIMA_OK;
}

static nima_str resource(struct nima_ctx *ctx, nima_str namespace, nima_str kind, nima_str name)
{
    return nima_fmt(ctx, NIMA_FMT "/" NIMA_FMT "/" NIMA_FMT, NIMA_ARG(namespace), NIMA_ARG(kind),
                    NIMA_ARG(name.len > 0 ? name : NIMA_STR("*")));
}

static nima_rc one_resource(struct nima_ctx *ctx, const struct nima_tasks *tasks,
                            const struct nima_k8s_params *p, nima_str otherwise, bool writes,
                            nima_str out[NIMA_ACTION_RESOURCES])
{
    struct nima_k8s_kind kind;
    NIMA_TRY(check_namespace(ctx, tasks, p->namespace));
    NIMA_TRY(nima_k8s_kind_of(ctx, p->kind.ptr != NULL ? p->kind : otherwise, &kind));
    if (p->name.ptr != NULL) {
        NIMA_TRY(nima_k8s_check_name(ctx, "params.name", p->name));
    }
    if (kind.namespaced == nima_str_eq(p->namespace, NIMA_STR("-"))) {
        return nima_fail_field(ctx, NIMA_E_INVALID, "params.namespace",
                               kind.namespaced ? "a " NIMA_FMT " is in a namespace: say which"
                                               : "a " NIMA_FMT " has no namespace: say \"-\"",
                               NIMA_ARG(kind.name));
    }
    if (writes && !kind.namespaced) {
        return nima_fail_field(ctx, NIMA_E_FORBIDDEN, "params.kind",
                               "a " NIMA_FMT " belongs to the whole cluster, and is not changed",
                               NIMA_ARG(kind.name));
    }
    out[0] = resource(ctx, p->namespace, kind.name, p->name);
    return NIMA_OK;
}

static nima_rc read_resources(struct nima_ctx *ctx, const struct nima_tasks *tasks,
                              const void *params, nima_str out[NIMA_ACTION_RESOURCES])
{
    return one_resource(ctx, tasks, params, NIMA_STR("event"), false, out);
}

static nima_rc write_resources(struct nima_ctx *ctx, const struct nima_tasks *tasks,
                               const void *params, nima_str out[NIMA_ACTION_RESOURCES])
{
    return one_resource(ctx, tasks, params, NIMA_STR("deployment"), true, out);
}

/* A Service of the same name is made with it. */
static nima_rc deploy_resources(struct nima_ctx *ctx, const struct nima_tasks *tasks,
                                const void *params, nima_str out[NIMA_ACTION_RESOURCES])
{
    const struct nima_k8s_params *p = params;
    NIMA_TRY(write_resources(ctx, tasks, params, out));
    if (p->port > 0) {
        out[1] = resource(ctx, p->namespace, NIMA_STR("service"), p->name);
    }
    return NIMA_OK;
}

/* It looks at several kinds, and each may be closed. */
static nima_rc failing_resources(struct nima_ctx *ctx, const struct nima_tasks *tasks,
                                 const void *params, nima_str out[NIMA_ACTION_RESOURCES])
{
    static const char *const kinds[] = {"pod", "deployment", "statefulset", "daemonset", "event"};
    const struct nima_k8s_params *p = params;
    NIMA_TRY(check_namespace(ctx, tasks, p->namespace));
    if (nima_str_eq(p->namespace, NIMA_STR("-"))) {
        return nima_fail_field(ctx, NIMA_E_INVALID, "params.namespace",
                               "pods are in a namespace: say which");
    }
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        out[i] = resource(ctx, p->namespace, nima_str_of(kinds[i]), NIMA_STR(""));
    }
    return NIMA_OK;
}

static nima_rc apply_resources(struct nima_ctx *ctx, const struct nima_tasks *tasks,
                               const void *params, nima_str out[NIMA_ACTION_RESOURCES])
{
    const struct nima_k8s_params *p = params;
    struct nima_k8s_objects objects;
    NIMA_TRY(check_namespace(ctx, tasks, p->namespace));
    NIMA_TRY(nima_k8s_manifest(ctx, p->manifest, p->namespace, &objects));
    for (size_t i = 0; i < objects.count; i++) {
        out[i] = resource(ctx, p->namespace, objects.items[i].kind.name, objects.items[i].name);
    }
    return NIMA_OK;
}

/* Reading */

struct get_out {
    struct nima_k8s_row row;
    nima_str object;
};
static const struct nima_field get_out_fields[] = {
    NIMA_FIELD_AS(STR, "kind", struct get_out, row.kind),
    NIMA_FIELD_AS(STR, "namespace", struct get_out, row.namespace),
    NIMA_FIELD_AS(STR, "name", struct get_out, row.name),
    NIMA_FIELD_AS(STR, "status", struct get_out, row.status),
    NIMA_FIELD_AS(STR, "images", struct get_out, row.images),
    NIMA_FIELD_AS(STR, "created_at", struct get_out, row.created_at),
    NIMA_FIELD(JSON, struct get_out, object),
};
static const struct nima_shape get_out_shape =
    NIMA_SHAPE("K8sGetOut", struct get_out, get_out_fields);

static nima_rc get(struct nima_ctx *ctx, struct nima_job *job, nima_str *result)
{
    const struct nima_k8s_params *p = job->params;
    const struct nima_json *object;
    struct nima_k8s_kind kind;
    NIMA_TRY(nima_k8s_kind_of(ctx, p->kind, &kind));
    NIMA_TRY(nima_k8s_get(ctx, job->tasks, &kind, p->namespace, p->name, &object));
    struct get_out out = {.row = nima_k8s_row_of(ctx, object),
                          .object = nima_k8s_clean(ctx, object)};
    return nima_json_encode_text(ctx, &get_out_shape, &out, RESULT_BYTES_MAX, result);
}

struct list_out {
    struct nima_list items;
    int64_t total;
};
static const struct nima_field list_out_fields[] = {
    NIMA_FIELD(LIST, struct list_out, items, .shape = &nima_k8s_row_shape),
    NIMA_FIELD(INT, struct list_out, total),
};
static const struct nima_shape list_out_shape =
    NIMA_SHAPE("K8sListOut", struct list_out, list_out_fields);

static nima_rc list(struct nima_ctx *ctx, struct nima_job *job, nima_str *result)
{
    const struct nima_k8s_params *p = job->params;
    const struct nima_json *tree, *item = NULL;
    struct nima_k8s_kind kind;
    NIMA_TRY(nima_k8s_kind_of(ctx, p->kind, &kind));
    struct nima_k8s_call call = {.namespace = kind.namespaced ? p->namespace : NIMA_STR("")};
    nima_k8s_arg(ctx, &call, "get");
    nima_k8s_arg(ctx, &call, "--output=json");
    if (p->selector.len > 0) {
        nima_k8s_arg(ctx, &call, "--selector=" NIMA_FMT, NIMA_ARG(p->selector));
    }
    nima_k8s_arg(ctx, &call, "--");
    nima_k8s_arg(ctx, &call, NIMA_FMT, NIMA_ARG(kind.type));
    NIMA_TRY(nima_k8s_json(ctx, job->tasks, &call, &tree));
    const struct nima_json *items = nima_json_get(tree, "items");
    struct nima_k8s_row *rows = NIMA_NEW(ctx->arena, struct nima_k8s_row, (size_t)p->limit);
    size_t index = 0, count = 0;
    while (count < (size_t)p->limit && (item = nima_json_next(items, item, &index)) != NULL) {
        NIMA_TRY(nima_k8s_check_object(ctx, item, &kind, p->namespace));
        rows[count++] = nima_k8s_row_of(ctx, item);
    }
    struct list_out out = {{rows, count}, (int64_t)nima_json_count(items)};
    return nima_json_encode_text(ctx, &list_out_shape, &out, RESULT_BYTES_MAX, result);
}

static const struct nima_action actions[] = {
    {"get", "Shows one object, a Secret without its values.", NULL, &get_shape, false, NULL,
     read_resources, get, NULL},
    {"list", "Lists objects of one kind, each with its state in a line.", NULL, &list_shape, false,
     NULL, read_resources, list, NULL},
    {"describe", "Tells about one object as kubectl describe does.", NULL, &get_shape, false, NULL,
     read_resources, nima_k8s_describe, NULL},
    {"logs", "Shows what a container wrote last.", NULL, &logs_shape, false, NULL, read_resources,
     nima_k8s_logs, NULL},
    {"events", "Sums up what happened in a namespace, or to one object.", NULL, &events_shape,
     false, NULL, read_resources, nima_k8s_events, NULL},
    {"failing", "Tells what does not run as it should in a namespace, with the reasons.", NULL,
     &failing_shape, false, NULL, failing_resources, nima_k8s_failing, NULL},
    {"apply", "Makes objects what a manifest says, by server-side apply.", "applied a manifest",
     &apply_shape, true, NULL, apply_resources, nima_k8s_apply, nima_k8s_apply_preview},
    {"deploy", "Runs an image as a Deployment, with a Service for its port.", "deployed",
     &deploy_shape, true, NULL, deploy_resources, nima_k8s_deploy, nima_k8s_deploy_preview},
    {"scale", "Sets how many replicas there are.", "scaled", &scale_shape, true, NULL,
     write_resources, nima_k8s_scale, nima_k8s_scale_preview},
    {"set_image", "Gives a container another image.", "changed the image of", &set_image_shape,
     true, NULL, write_resources, nima_k8s_set_image, nima_k8s_set_image_preview},
    {"rollout_status", "Watches a rollout to its end, and says why where it has none.", NULL,
     &rollout_shape, false, NULL, read_resources, nima_k8s_rollout_status, NULL},
    {"rollout_undo", "Takes a Deployment back to the template of an earlier revision.",
     "rolled back", &undo_shape, true, NULL, write_resources, nima_k8s_rollout_undo,
     nima_k8s_rollout_undo_preview},
    {"restart",
     "Starts the pods of a Deployment, StatefulSet or DaemonSet anew, one after another.",
     "restarted", &get_shape, true, NULL, write_resources, nima_k8s_restart,
     nima_k8s_restart_preview},
    {"delete", "Deletes one object by its name.", "deleted", &get_shape, true, NULL,
     write_resources, nima_k8s_delete, nima_k8s_delete_preview},
    {0},
};

const struct nima_integration nima_integration_k8s = {
    .name = "k8s",
    .doc = "Looks at what runs in a Kubernetes cluster and changes it, through kubectl.",
    .actions = actions,
    .asks = nima_k8s_asks,
    .at_once = 2,
    .secrets = true,
    .secrets_in_preview = true,
    .configured = nima_k8s_configured,
    .permission = offsetof(struct nima_tasks_options, k8s_permission),
};
