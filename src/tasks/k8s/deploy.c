/*
 * deploy: a Deployment and, for a port, its Service, made of a few params. What is not said stays
 * as it is there: the replicas, the environment and the ports of what runs already.
 */
#include <string.h>

#include "tasks/k8s/k8s_int.h"

static nima_rc bad_env(struct nima_ctx *ctx)
{
    return nima_fail_field(ctx, NIMA_E_INVALID, "params.env",
                           "params.env must be names with texts, numbers or booleans");
}

static nima_rc write_env(struct nima_ctx *ctx, struct nima_buf *buf, nima_str env)
{
    const struct nima_json *tree;
    NIMA_TRY(nima_json_parse(ctx, env, &tree));
    /* By name, as a stored task has them: a preview must not show another order. */
    NIMA_TRY(nima_json_parse(ctx, nima_json_ordered(ctx, tree), &tree));
    nima_buf_add(buf, NIMA_STR(",\"env\":["));
    for (size_t i = 0; i < nima_json_count(tree); i++) {
        nima_str name;
        const struct nima_json *node = nima_json_at(tree, i, &name);
        enum nima_json_kind kind = nima_json_kind(node);
        if (kind == NIMA_JSON_NULL || kind == NIMA_JSON_ARRAY || kind == NIMA_JSON_OBJECT) {
            return bad_env(ctx);
        }
        nima_str value = kind == NIMA_JSON_STR ? nima_json_str(node) : nima_json_text(ctx, node);
        nima_buf_add(buf, i > 0 ? NIMA_STR(",{\"name\":") : NIMA_STR("{\"name\":"));
        nima_json_write_str(buf, name);
        nima_buf_add(buf, NIMA_STR(",\"value\":"));
        nima_json_write_str(buf, value);
        nima_buf_add_char(buf, '}');
    }
    nima_buf_add_char(buf, ']');
    return NIMA_OK;
}

static const struct nima_json *container_there(const struct nima_json *live, nima_str name)
{
    const struct nima_json *template = nima_json_get(nima_json_get(live, "spec"), "template");
    const struct nima_json *all = nima_json_get(nima_json_get(template, "spec"), "containers");
    for (size_t i = 0; i < nima_json_count(all); i++) {
        const struct nima_json *one = nima_json_at(all, i, NULL);
        if (nima_str_eq(nima_json_str(nima_json_get(one, "name")), name)) {
            return one;
        }
    }
    return NULL;
}

static void keep(struct nima_ctx *ctx, struct nima_buf *buf, const struct nima_json *live,
                 const char *key)
{
    const struct nima_json *value = nima_json_get(live, key);
    if (value != NULL) {
        nima_buf_fmt(buf, ",\"%s\":" NIMA_FMT, key, NIMA_ARG(nima_json_text(ctx, value)));
    }
}

/* Names go into JSON as they are: nima_k8s_check_name took nothing that JSON would escape. */
static nima_rc write_deployment(struct nima_ctx *ctx, struct nima_buf *buf,
                                const struct nima_k8s_params *p, const struct nima_json *live)
{
    const struct nima_json *container = container_there(live, p->name);
    int64_t there = nima_k8s_int(live, "spec", "replicas", p->replicas);
    nima_str n = p->name;
    nima_buf_fmt(buf,
                 "{\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\",\"metadata\":{\"name\":"
                 "\"" NIMA_FMT "\",\"labels\":{\"app.kubernetes.io/name\":\"" NIMA_FMT
                 "\",\"app.kubernetes.io/managed-by\":\"nima\"}},\"spec\":{\"replicas\":%lld,"
                 "\"selector\":{\"matchLabels\":{\"app.kubernetes.io/name\":\"" NIMA_FMT
                 "\"}},\"template\":{\"metadata\":{\"labels\":{\"app.kubernetes.io/name\":"
                 "\"" NIMA_FMT "\"}},\"spec\":{\"containers\":[{\"name\":\"" NIMA_FMT
                 "\",\"image\":",
                 NIMA_ARG(n), NIMA_ARG(n), (long long)(p->has_replicas ? p->replicas : there),
                 NIMA_ARG(n), NIMA_ARG(n), NIMA_ARG(n));
    nima_json_write_str(buf, p->image);
    if (p->env.ptr != NULL) {
        NIMA_TRY(write_env(ctx, buf, p->env));
    } else {
        keep(ctx, buf, container, "env");
    }
    if (p->port > 0) {
        nima_buf_fmt(buf, ",\"ports\":[{\"containerPort\":%lld,\"protocol\":\"TCP\"}]",
                     (long long)p->port);
    } else {
        keep(ctx, buf, container, "ports");
    }
    nima_buf_add(buf, NIMA_STR("}]}}}}"));
    return NIMA_OK;
}

static void write_service(struct nima_buf *buf, const struct nima_k8s_params *p)
{
    nima_buf_fmt(buf,
                 "{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"name\":\"" NIMA_FMT
                 "\",\"labels\":{\"app.kubernetes.io/name\":\"" NIMA_FMT
                 "\",\"app.kubernetes.io/managed-by\":\"nima\"}},\"spec\":{\"selector\":{"
                 "\"app.kubernetes.io/name\":\"" NIMA_FMT "\"},\"ports\":[{\"port\":%lld,"
                 "\"targetPort\":%lld,\"protocol\":\"TCP\"}]}}",
                 NIMA_ARG(p->name), NIMA_ARG(p->name), NIMA_ARG(p->name), (long long)p->port,
                 (long long)p->port);
}

static nima_rc deploy(struct nima_ctx *ctx, struct nima_job *job, bool preview, nima_str *result)
{
    const struct nima_k8s_params *p = job->params;
    struct nima_k8s_changes changes = {.namespace = p->namespace,
                                       .preview = preview,
                                       .force = p->force,
                                       .count = p->port > 0 ? 2 : 1};
    struct nima_k8s_change *items = changes.items;
    struct nima_buf buf;
    items[0].name = items[1].name = p->name;
    NIMA_TRY(nima_k8s_kind_of(ctx, NIMA_STR("deployment"), &items[0].kind));
    NIMA_TRY(nima_k8s_kind_of(ctx, NIMA_STR("service"), &items[1].kind));
    nima_rc rc =
        nima_k8s_get(ctx, job->tasks, &items[0].kind, p->namespace, p->name, &items[0].before);
    NIMA_TRY(rc == NIMA_E_NOT_FOUND ? NIMA_OK : rc);
    nima_buf_init(&buf, NIMA_K8S_OBJECT_BYTES_MAX);
    rc = write_deployment(ctx, &buf, p, items[0].before);
    rc = rc == NIMA_OK ? nima_buf_take(ctx, &buf, &items[0].text) : rc;
    nima_buf_clear(&buf);
    if (rc == NIMA_OK) {
        write_service(&buf, p);
        rc = nima_buf_take(ctx, &buf, &items[1].text);
    }
    nima_buf_done(&buf);
    NIMA_TRY(rc);
    NIMA_TRY(nima_k8s_make(ctx, job->tasks, &changes));
    return nima_k8s_changes_result(ctx, &changes, result);
}

nima_rc nima_k8s_deploy(struct nima_ctx *ctx, struct nima_job *job, nima_str *result)
{
    return deploy(ctx, job, false, result);
}
nima_rc nima_k8s_deploy_preview(struct nima_ctx *ctx, struct nima_job *job, nima_str *result)
{
    return deploy(ctx, job, true, result);
}

/* delete */

/* Whether what is not there may be gone by this task's own doing. */
static bool earlier_attempt(struct nima_ctx *ctx, const struct nima_job *job)
{
    struct nima_error error = ctx->error;
    struct nima_task_row row = {0};
    bool found =
        job->id.len > 0 && nima_task_get(ctx, job->tasks->options.store, job->id, &row) == NIMA_OK;
    ctx->error = error;
    return found && row.attempts > 1;
}

static nima_rc delete_one(struct nima_ctx *ctx, struct nima_job *job, bool preview,
                          nima_str *result)
{
    const struct nima_k8s_params *p = job->params;
    struct nima_k8s_changes changes = {.namespace = p->namespace, .preview = preview, .count = 1};
    struct nima_k8s_change *change = &changes.items[0];
    struct nima_k8s_call call = {.namespace = p->namespace};
    nima_str said;
    NIMA_TRY(nima_k8s_kind_of(ctx, p->kind, &change->kind));
    change->name = p->name;
    nima_rc rc =
        nima_k8s_get(ctx, job->tasks, &change->kind, p->namespace, p->name, &change->before);
    if (rc == NIMA_E_NOT_FOUND && earlier_attempt(ctx, job)) {
        return nima_k8s_changes_result(ctx, &changes, result);
    }
    NIMA_TRY(rc);
    nima_k8s_arg(ctx, &call, "delete");
    nima_k8s_arg(ctx, &call, "--wait=false");
    nima_k8s_arg(ctx, &call, "--output=name");
    if (preview) {
        nima_k8s_arg(ctx, &call, "--dry-run=server");
    }
    nima_k8s_arg(ctx, &call, "--");
    nima_k8s_arg(ctx, &call, NIMA_FMT, NIMA_ARG(change->kind.type));
    nima_k8s_arg(ctx, &call, NIMA_FMT, NIMA_ARG(p->name));
    NIMA_TRY(nima_k8s_run(ctx, job->tasks, &call, &said));
    return nima_k8s_changes_result(ctx, &changes, result);
}

nima_rc nima_k8s_delete(struct nima_ctx *ctx, struct nima_job *job, nima_str *result)
{
    return delete_one(ctx, job, false, result);
}
nima_rc nima_k8s_delete_preview(struct nima_ctx *ctx, struct nima_job *job, nima_str *result)
{
    return delete_one(ctx, job, true, result);
}
