/*
 * Changes: what is there, what the server says it would be (its own dry run, with all its checks
 * and defaults), and then the same for good. Everything is declared, by server-side apply or by a
 * patch that names the state wanted, so a second attempt finds nothing left to do.
 */
#include <stdio.h>
#include <string.h>

#include "tasks/file/file_int.h"
#include "tasks/k8s/k8s_int.h"

enum { PATCH_BYTES_MAX = 64 << 10, RESULT_BYTES_MAX = 1 << 20 };

static void add_common(struct nima_ctx *ctx, struct nima_k8s_call *call, bool dry)
{
    nima_k8s_arg(ctx, call, "--output=json");
    if (dry) {
        nima_k8s_arg(ctx, call, "--dry-run=server");
    }
}

static nima_rc apply_one(struct nima_ctx *ctx, const struct nima_tasks *tasks, nima_str namespace,
                         const struct nima_k8s_change *change, bool force, bool dry,
                         const struct nima_json **out)
{
    struct nima_k8s_call call = {.namespace = namespace, .input = change->text};
    nima_k8s_arg(ctx, &call, "apply");
    nima_k8s_arg(ctx, &call, "--server-side");
    nima_k8s_arg(ctx, &call, "--field-manager=nima");
    nima_k8s_arg(ctx, &call,
                 "--validate=false"); /* the server's own check is the one that counts */
    if (force) {
        nima_k8s_arg(ctx, &call, "--force-conflicts");
    }
    add_common(ctx, &call, dry);
    nima_k8s_arg(ctx, &call, "--filename=-");
    nima_rc rc = nima_k8s_json(ctx, tasks, &call, out);
    if (rc == NIMA_E_CONFLICT && call.ours && !force) {
        return apply_one(ctx, tasks, namespace, change, true, dry, out);
    }
    if (rc == NIMA_E_CONFLICT && !force) {
        const char *why = nima_fmt(ctx, "%s", ctx->error.message).ptr;
        return nima_fail(ctx, rc, "%s; \"force\": true takes these fields over", why);
    }
    return rc;
}

static nima_rc patch_one(struct nima_ctx *ctx, const struct nima_tasks *tasks, nima_str namespace,
                         const struct nima_k8s_change *change, bool dry,
                         const struct nima_json **out)
{
    struct nima_k8s_call call = {.namespace = namespace, .input = change->text};
    nima_k8s_arg(ctx, &call, "patch");
    nima_k8s_arg(ctx, &call, "--type=%s", change->patch);
    nima_k8s_arg(ctx, &call, "--field-manager=nima");
    nima_k8s_arg(ctx, &call, "--patch-file=/dev/stdin");
    add_common(ctx, &call, dry);
    nima_k8s_arg(ctx, &call, "--");
    nima_k8s_arg(ctx, &call, NIMA_FMT, NIMA_ARG(change->kind.type));
    nima_k8s_arg(ctx, &call, NIMA_FMT, NIMA_ARG(change->name));
    return nima_k8s_json(ctx, tasks, &call, out);
}

static nima_rc make_one(struct nima_ctx *ctx, const struct nima_tasks *tasks,
                        struct nima_k8s_changes *changes, size_t i, bool dry)
{
    struct nima_k8s_change *change = &changes->items[i];
    const struct nima_json *made;
    if (change->patch != NULL) {
        NIMA_TRY(patch_one(ctx, tasks, changes->namespace, change, dry, &made));
    } else {
        NIMA_TRY(apply_one(ctx, tasks, changes->namespace, change, changes->force, dry, &made));
    }
    NIMA_TRY(nima_k8s_check_object(ctx, made, &change->kind, changes->namespace));
    change->after = made;
    return NIMA_OK;
}

nima_rc nima_k8s_make(struct nima_ctx *ctx, const struct nima_tasks *tasks,
                      struct nima_k8s_changes *changes)
{
    for (size_t i = 0; i < changes->count; i++) {
        struct nima_k8s_change *change = &changes->items[i];
        nima_rc rc = change->before != NULL
                         ? NIMA_OK
                         : nima_k8s_get(ctx, tasks, &change->kind, changes->namespace, change->name,
                                        &change->before);
        NIMA_TRY(rc == NIMA_E_NOT_FOUND && change->patch == NULL ? NIMA_OK : rc);
        NIMA_TRY(make_one(ctx, tasks, changes, i, true));
    }
    for (size_t i = 0; i < changes->count && !changes->preview; i++) {
        NIMA_TRY(make_one(ctx, tasks, changes, i, false));
    }
    return NIMA_OK;
}

/* The result */

struct change_row {
    nima_str kind, namespace, name, change, diff;
};
static const struct nima_field change_fields[] = {
    NIMA_FIELD(STR, struct change_row, kind),
    NIMA_FIELD(STR, struct change_row, namespace),
    NIMA_FIELD(STR, struct change_row, name),
    NIMA_FIELD(STR, struct change_row, change),
};
static const struct nima_shape change_shape =
    NIMA_SHAPE("K8sChange", struct change_row, change_fields);
struct changes_out {
    struct nima_list objects;
    nima_str diff;
};
static const struct nima_field changes_fields[] = {
    NIMA_FIELD(LIST, struct changes_out, objects, .shape = &change_shape),
    NIMA_FIELD(STR, struct changes_out, diff),
};
static const struct nima_shape changes_shape =
    NIMA_SHAPE("K8sChanges", struct changes_out, changes_fields);

nima_rc nima_k8s_changes_result(struct nima_ctx *ctx, const struct nima_k8s_changes *changes,
                                nima_str *result)
{
    struct changes_out out = {.diff = NIMA_STR("")};
    struct change_row *rows = NIMA_NEW(ctx->arena, struct change_row, changes->count + 1);
    for (size_t i = 0; i < changes->count; i++) {
        const struct nima_k8s_change *change = &changes->items[i];
        nima_str sent = change->patch == NULL ? change->text : NIMA_STR("");
        nima_str diff = nima_diff(ctx, nima_k8s_lines(ctx, change->before, NULL, NIMA_STR("")),
                                  nima_k8s_lines(ctx, change->after, change->before, sent));
        rows[i] = (struct change_row){
            .kind = change->kind.name,
            .namespace = changes->namespace,
            .name = change->name,
            .change = change->after == NULL    ? NIMA_STR("deleted")
                      : change->before == NULL ? NIMA_STR("created")
                      : diff.len == 0          ? NIMA_STR("unchanged")
                                               : NIMA_STR("configured"),
        };
        if (diff.len > 0) {
            out.diff =
                nima_fmt(ctx, NIMA_FMT "# " NIMA_FMT "/" NIMA_FMT "/" NIMA_FMT "\n" NIMA_FMT,
                         NIMA_ARG(out.diff), NIMA_ARG(changes->namespace),
                         NIMA_ARG(change->kind.name), NIMA_ARG(change->name), NIMA_ARG(diff));
        }
    }
    out.objects = (struct nima_list){rows, changes->count};
    return nima_json_encode_text(ctx, &changes_shape, &out, RESULT_BYTES_MAX, result);
}

static nima_rc finish(struct nima_ctx *ctx, const struct nima_job *job,
                      struct nima_k8s_changes *changes, nima_str *result)
{
    NIMA_TRY(nima_k8s_make(ctx, job->tasks, changes));
    return nima_k8s_changes_result(ctx, changes, result);
}

/* apply */

static nima_rc apply(struct nima_ctx *ctx, struct nima_job *job, bool preview, nima_str *result)
{
    const struct nima_k8s_params *p = job->params;
    struct nima_k8s_objects objects;
    struct nima_k8s_changes changes = {
        .namespace = p->namespace, .preview = preview, .force = p->force};
    NIMA_TRY(nima_k8s_manifest(ctx, p->manifest, p->namespace, &objects));
    for (size_t i = 0; i < objects.count; i++) {
        const struct nima_k8s_object *object = &objects.items[i];
        changes.items[changes.count++] = (struct nima_k8s_change){
            .kind = object->kind, .name = object->name, .text = object->text};
    }
    return finish(ctx, job, &changes, result);
}

nima_rc nima_k8s_apply(struct nima_ctx *ctx, struct nima_job *job, nima_str *result)
{
    return apply(ctx, job, false, result);
}
nima_rc nima_k8s_apply_preview(struct nima_ctx *ctx, struct nima_job *job, nima_str *result)
{
    return apply(ctx, job, true, result);
}

/* Patches */

/* What is patched must be there: its own state says what the patch may touch. */
static nima_rc begin(struct nima_ctx *ctx, const struct nima_job *job, bool preview,
                     struct nima_k8s_changes *out)
{
    const struct nima_k8s_params *p = job->params;
    struct nima_k8s_change *change = &out->items[0];
    *out = (struct nima_k8s_changes){.namespace = p->namespace, .preview = preview, .count = 1};
    NIMA_TRY(nima_k8s_kind_of(ctx, p->kind, &change->kind));
    change->name = p->name;
    return nima_k8s_get(ctx, job->tasks, &change->kind, p->namespace, p->name, &change->before);
}

static nima_rc scale(struct nima_ctx *ctx, struct nima_job *job, bool preview, nima_str *result)
{
    const struct nima_k8s_params *p = job->params;
    struct nima_k8s_changes changes;
    NIMA_TRY(begin(ctx, job, preview, &changes));
    struct nima_k8s_change *change = &changes.items[0];
    if (nima_k8s_int(change->before, "spec", "replicas", -1) < 0) {
        return nima_fail_field(ctx, NIMA_E_INVALID, "params.kind",
                               "a " NIMA_FMT " has no replicas to set",
                               NIMA_ARG(change->kind.name));
    }
    change->patch = "merge";
    change->text = nima_fmt(ctx, "{\"spec\":{\"replicas\":%lld}}", (long long)p->replicas);
    return finish(ctx, job, &changes, result);
}

nima_rc nima_k8s_scale(struct nima_ctx *ctx, struct nima_job *job, nima_str *result)
{
    return scale(ctx, job, false, result);
}
nima_rc nima_k8s_scale_preview(struct nima_ctx *ctx, struct nima_job *job, nima_str *result)
{
    return scale(ctx, job, true, result);
}

static const struct nima_json *containers_of(const struct nima_json *object)
{
    const struct nima_json *template = nima_json_get(nima_json_get(object, "spec"), "template");
    return nima_json_get(nima_json_get(template, "spec"), "containers");
}

/* The one that is named, or the only one. */
static nima_rc container_of(struct nima_ctx *ctx, const struct nima_json *object, nima_str wanted,
                            nima_str *out)
{
    const struct nima_json *containers = containers_of(object);
    nima_str names = {0};
    for (size_t i = 0; i < nima_json_count(containers); i++) {
        nima_str name = nima_json_str(nima_json_get(nima_json_at(containers, i, NULL), "name"));
        names = nima_fmt(ctx, NIMA_FMT "%s" NIMA_FMT, NIMA_ARG(names), i > 0 ? ", " : "",
                         NIMA_ARG(name));
        if (nima_str_eq(name, wanted) || (wanted.ptr == NULL && nima_json_count(containers) == 1)) {
            *out = name;
            return NIMA_OK;
        }
    }
    return nima_fail_field(ctx, NIMA_E_INVALID, "params.container",
                           names.len > 0
                               ? "params.container must be one of: " NIMA_FMT
                               : "there is no container whose image could be set" NIMA_FMT,
                           NIMA_ARG(names));
}

static nima_rc set_image(struct nima_ctx *ctx, struct nima_job *job, bool preview, nima_str *result)
{
    const struct nima_k8s_params *p = job->params;
    struct nima_k8s_changes changes;
    struct nima_buf buf;
    nima_str container;
    NIMA_TRY(begin(ctx, job, preview, &changes));
    NIMA_TRY(container_of(ctx, changes.items[0].before, p->container, &container));
    nima_buf_init(&buf, PATCH_BYTES_MAX);
    nima_buf_add(&buf, NIMA_STR("{\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"name\":"));
    nima_json_write_str(&buf, container);
    nima_buf_add(&buf, NIMA_STR(",\"image\":"));
    nima_json_write_str(&buf, p->image);
    nima_buf_add(&buf, NIMA_STR("}]}}}}"));
    changes.items[0].patch = "strategic";
    nima_rc rc = nima_buf_take(ctx, &buf, &changes.items[0].text);
    nima_buf_done(&buf);
    NIMA_TRY(rc);
    return finish(ctx, job, &changes, result);
}

nima_rc nima_k8s_set_image(struct nima_ctx *ctx, struct nima_job *job, nima_str *result)
{
    return set_image(ctx, job, false, result);
}
nima_rc nima_k8s_set_image_preview(struct nima_ctx *ctx, struct nima_job *job, nima_str *result)
{
    return set_image(ctx, job, true, result);
}
