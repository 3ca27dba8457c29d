/*
 * What does not run as it should in a namespace, in plain lines: workloads that are not complete,
 * pods that are not ready, each with what it says itself, and the last warnings.
 */
#include "tasks/k8s/k8s_int.h"

enum { RESULT_BYTES_MAX = 1 << 20, FAILING_MAX = 100, TOLD_BYTES_MAX = 64 << 10, EVENTS_TOLD = 10 };

struct failing_row {
    nima_str kind, name, status, reason;
};
static const struct nima_field row_fields[] = {
    NIMA_FIELD(STR, struct failing_row, kind),
    NIMA_FIELD(STR, struct failing_row, name),
    NIMA_FIELD(STR, struct failing_row, status),
    NIMA_FIELD(STR, struct failing_row, reason),
};
static const struct nima_shape row_shape =
    NIMA_SHAPE("K8sFailingRow", struct failing_row, row_fields);
struct failing_out {
    nima_str namespace, content;
    int64_t total, failing;
    struct nima_list objects, events;
};
static const struct nima_field out_fields[] = {
    NIMA_FIELD(STR, struct failing_out, namespace),
    NIMA_FIELD(STR, struct failing_out, content),
    NIMA_FIELD(INT, struct failing_out, total),
    NIMA_FIELD(INT, struct failing_out, failing),
    NIMA_FIELD(LIST, struct failing_out, objects, .shape = &row_shape),
    NIMA_FIELD(LIST, struct failing_out, events, .shape = &nima_k8s_event_shape),
};
static const struct nima_shape out_shape =
    NIMA_SHAPE("K8sFailingOut", struct failing_out, out_fields);

static bool pod_is_well(const struct nima_json *pod)
{
    nima_str phase = nima_k8s_text(pod, "status", "phase");
    const struct nima_json *states =
        nima_json_get(nima_json_get(pod, "status"), "containerStatuses");
    if (nima_str_eq(phase, NIMA_STR("Succeeded"))) {
        return true;
    }
    for (size_t i = 0; i < nima_json_count(states); i++) {
        if (!nima_json_bool(nima_json_get(nima_json_at(states, i, NULL), "ready"), false)) {
            return false;
        }
    }
    return nima_str_eq(phase, NIMA_STR("Running"));
}

/* Whether it is well; else how it is not. */
static bool look(struct nima_ctx *ctx, const struct nima_json *object, struct failing_row *out)
{
    struct nima_k8s_row row = nima_k8s_row_of(ctx, object);
    struct nima_k8s_reasons reasons;
    bool pod = nima_str_eq(row.kind, NIMA_STR("pod"));
    nima_k8s_reasons_of(ctx, object, &reasons);
    if (!reasons.stuck && (pod ? pod_is_well(object) : nima_k8s_is_complete(object))) {
        return true;
    }
    *out = (struct failing_row){row.kind, row.name, row.status, NIMA_STR("")};
    for (size_t i = 0; i < reasons.count; i++) {
        out->reason = nima_fmt(ctx, NIMA_FMT "%s" NIMA_FMT, NIMA_ARG(out->reason),
                               i > 0 ? "; " : "", NIMA_ARG(reasons.items[i]));
    }
    return false;
}

static nima_str told(struct nima_ctx *ctx, const struct failing_out *out)
{
    const struct failing_row *rows = out->objects.items;
    const struct nima_k8s_event *events = out->events.items;
    struct nima_buf buf;
    nima_buf_init(&buf, TOLD_BYTES_MAX);
    if (out->failing == 0) {
        nima_buf_fmt(&buf, "Nothing is failing in " NIMA_FMT ": %lld objects looked at.\n",
                     NIMA_ARG(out->namespace), (long long)out->total);
    } else {
        nima_buf_fmt(&buf, "In " NIMA_FMT " %lld of %lld do not run as they should:\n",
                     NIMA_ARG(out->namespace), (long long)out->failing, (long long)out->total);
    }
    for (size_t i = 0; i < out->objects.count; i++) {
        nima_buf_fmt(&buf, "- " NIMA_FMT " " NIMA_FMT ": " NIMA_FMT "%s" NIMA_FMT "\n",
                     NIMA_ARG(rows[i].kind), NIMA_ARG(rows[i].name), NIMA_ARG(rows[i].status),
                     rows[i].reason.len > 0 ? ". " : "", NIMA_ARG(rows[i].reason));
    }
    size_t shown = out->events.count < EVENTS_TOLD ? out->events.count : EVENTS_TOLD;
    nima_buf_add(&buf, shown > 0 ? NIMA_STR("The last warnings:\n") : NIMA_STR(""));
    for (size_t i = 0; i < shown; i++) {
        nima_buf_fmt(&buf, "- " NIMA_FMT ", " NIMA_FMT " (%lld times): " NIMA_FMT "\n",
                     NIMA_ARG(events[i].object), NIMA_ARG(events[i].reason),
                     (long long)events[i].count, NIMA_ARG(events[i].message));
    }
    nima_str text = nima_str_copy(ctx->arena, nima_buf_view(&buf));
    nima_buf_done(&buf);
    return text;
}

nima_rc nima_k8s_failing(struct nima_ctx *ctx, struct nima_job *job, nima_str *result)
{
    const struct nima_k8s_params *p = job->params;
    struct nima_k8s_call call = {.namespace = p->namespace};
    const struct nima_json *tree, *item = NULL;
    struct failing_out out = {.namespace = p->namespace};
    struct failing_row *rows = NIMA_NEW(ctx->arena, struct failing_row, FAILING_MAX);
    size_t index = 0;
    nima_k8s_arg(ctx, &call, "get");
    nima_k8s_arg(ctx, &call, "--output=json");
    nima_k8s_arg(ctx, &call, "--");
    nima_k8s_arg(ctx, &call, "deployments.apps,statefulsets.apps,daemonsets.apps,pods");
    NIMA_TRY(nima_k8s_json(ctx, job->tasks, &call, &tree));
    const struct nima_json *items = nima_json_get(tree, "items");
    while ((item = nima_json_next(items, item, &index)) != NULL) {
        struct failing_row row;
        out.total++;
        if (!look(ctx, item, &row) && out.failing++ < FAILING_MAX) {
            rows[out.failing - 1] = row;
        }
    }
    out.objects =
        (struct nima_list){rows, (size_t)(out.failing < FAILING_MAX ? out.failing : FAILING_MAX)};
    NIMA_TRY(nima_k8s_events_of(ctx, job->tasks, p->namespace, (nima_str){0}, true, &out.events));
    out.content = told(ctx, &out);
    return nima_json_encode_text(ctx, &out_shape, &out, RESULT_BYTES_MAX, result);
}
