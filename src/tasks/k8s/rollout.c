/*
 * Rollouts: watched until they are complete or until nothing will come of them, with the reasons;
 * and taken back to the template of an earlier revision.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tasks/k8s/k8s_int.h"
#include "util/clock.h"

enum {
    ROUND_S = 5, /* between two looks at the pods, unless it completes before */
    RESULT_BYTES_MAX = 256 << 10,
    REASON_BYTES_MAX = 400,
    LEFT_MS = 3000, /* of the task's time, for saying how it stands */
};

/* State */

static void add_reason(struct nima_k8s_reasons *reasons, nima_str text, bool stuck)
{
    reasons->stuck = reasons->stuck || stuck;
    for (size_t i = 0; i < reasons->count; i++) {
        if (nima_str_eq(reasons->items[i], text)) {
            return;
        }
    }
    if (reasons->count < NIMA_K8S_REASONS_MAX) {
        reasons->items[reasons->count++] = nima_utf8_prefix(text, REASON_BYTES_MAX);
    }
}

/* The controller has seen this version, all replicas are of it, all are available. */
bool nima_k8s_is_complete(const struct nima_json *object)
{
    nima_str kind = nima_json_str(nima_json_get(object, "kind"));
    int64_t seen = nima_k8s_int(object, "status", "observedGeneration", -1);
    int64_t wanted = nima_k8s_int(object, "spec", "replicas", 1);
    if (seen < nima_k8s_int(object, "metadata", "generation", 0)) {
        return false;
    }
    if (nima_str_eq(kind, NIMA_STR("DaemonSet"))) {
        wanted = nima_k8s_int(object, "status", "desiredNumberScheduled", 0);
        return nima_k8s_int(object, "status", "updatedNumberScheduled", 0) >= wanted &&
               nima_k8s_int(object, "status", "numberAvailable", 0) >= wanted;
    }
    if (nima_str_eq(kind, NIMA_STR("StatefulSet"))) {
        return nima_k8s_int(object, "status", "updatedReplicas", 0) >= wanted &&
               nima_k8s_int(object, "status", "readyReplicas", 0) >= wanted;
    }
    return nima_k8s_int(object, "status", "updatedReplicas", 0) >= wanted &&
           nima_k8s_int(object, "status", "replicas", 0) <= wanted &&
           nima_k8s_int(object, "status", "availableReplicas", 0) >= wanted;
}

static void read_conditions(struct nima_ctx *ctx, const struct nima_json *object,
                            struct nima_k8s_reasons *reasons)
{
    const struct nima_json *all = nima_json_get(nima_json_get(object, "status"), "conditions");
    for (size_t i = 0; i < nima_json_count(all); i++) {
        const struct nima_json *one = nima_json_at(all, i, NULL);
        nima_str type = nima_json_str(nima_json_get(one, "type"));
        nima_str status = nima_json_str(nima_json_get(one, "status"));
        nima_str reason = nima_json_str(nima_json_get(one, "reason"));
        nima_str message = nima_json_str(nima_json_get(one, "message"));
        bool late =
            nima_str_eq(type, NIMA_STR("Progressing")) && nima_str_eq(status, NIMA_STR("False"));
        bool failure =
            nima_str_eq(type, NIMA_STR("ReplicaFailure")) && nima_str_eq(status, NIMA_STR("True"));
        if (late || failure) {
            add_reason(reasons,
                       nima_fmt(ctx, NIMA_FMT ": " NIMA_FMT, NIMA_ARG(reason), NIMA_ARG(message)),
                       true);
        }
    }
}

/* Why a container waits that no amount of waiting helps. */
static bool does_not_pass(nima_str reason)
{
    static const char *const names[] = {"ImagePullBackOff",           "ErrImagePull",
                                        "ErrImageNeverPull",          "InvalidImageName",
                                        "CrashLoopBackOff",           "CreateContainerError",
                                        "CreateContainerConfigError", "RunContainerError"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (nima_str_eq(reason, nima_str_of(names[i]))) {
            return true;
        }
    }
    return false;
}

static void read_containers(struct nima_ctx *ctx, const struct nima_json *pod, const char *which,
                            struct nima_k8s_reasons *reasons)
{
    const struct nima_json *states = nima_json_get(nima_json_get(pod, "status"), which);
    for (size_t i = 0; i < nima_json_count(states); i++) {
        const struct nima_json *one = nima_json_at(states, i, NULL);
        const struct nima_json *state = nima_json_get(one, "state");
        nima_str reason = nima_k8s_text(state, "waiting", "reason");
        nima_str message = nima_k8s_text(state, "waiting", "message");
        nima_str last = nima_k8s_text(nima_json_get(one, "lastState"), "terminated", "reason");
        if (reason.len > 0 && does_not_pass(reason)) {
            add_reason(reasons,
                       nima_fmt(ctx,
                                "container " NIMA_FMT ": " NIMA_FMT "%s" NIMA_FMT "%s" NIMA_FMT,
                                NIMA_ARG(nima_json_str(nima_json_get(one, "name"))),
                                NIMA_ARG(reason), message.len > 0 ? ": " : "", NIMA_ARG(message),
                                last.len > 0 ? "; it ended before with " : "", NIMA_ARG(last)),
                       true);
        }
    }
}

static void read_pod(struct nima_ctx *ctx, const struct nima_json *pod,
                     struct nima_k8s_reasons *reasons)
{
    const struct nima_json *all = nima_json_get(nima_json_get(pod, "status"), "conditions");
    read_containers(ctx, pod, "initContainerStatuses", reasons);
    read_containers(ctx, pod, "containerStatuses", reasons);
    for (size_t i = 0; i < nima_json_count(all); i++) {
        const struct nima_json *one = nima_json_at(all, i, NULL);
        nima_str message = nima_json_str(nima_json_get(one, "message"));
        if (nima_str_eq(nima_json_str(nima_json_get(one, "reason")), NIMA_STR("Unschedulable"))) {
            add_reason(reasons, nima_fmt(ctx, "unschedulable: " NIMA_FMT, NIMA_ARG(message)),
                       false); /* a node may come */
        }
    }
}

void nima_k8s_reasons_of(struct nima_ctx *ctx, const struct nima_json *object,
                         struct nima_k8s_reasons *out)
{
    *out = (struct nima_k8s_reasons){0};
    if (nima_str_eq(nima_json_str(nima_json_get(object, "kind")), NIMA_STR("Pod"))) {
        read_pod(ctx, object, out);
    } else {
        read_conditions(ctx, object, out);
    }
}

/* "app=web,tier=front" of the selector's matchLabels. */
static nima_str selector_of(struct nima_ctx *ctx, const struct nima_json *object)
{
    const struct nima_json *labels =
        nima_json_get(nima_json_get(nima_json_get(object, "spec"), "selector"), "matchLabels");
    nima_str text = NIMA_STR("");
    for (size_t i = 0; i < nima_json_count(labels); i++) {
        nima_str key;
        nima_str value = nima_json_str(nima_json_at(labels, i, &key));
        text = nima_fmt(ctx, NIMA_FMT "%s" NIMA_FMT "=" NIMA_FMT, NIMA_ARG(text), i > 0 ? "," : "",
                        NIMA_ARG(key), NIMA_ARG(value));
    }
    return text;
}

static nima_rc list_of(struct nima_ctx *ctx, const struct nima_tasks *tasks, nima_str namespace,
                       const char *type, nima_str selector, const struct nima_json **items)
{
    struct nima_k8s_call call = {.namespace = namespace};
    const struct nima_json *tree;
    nima_k8s_arg(ctx, &call, "get");
    nima_k8s_arg(ctx, &call, "--output=json");
    nima_k8s_arg(ctx, &call, "--selector=" NIMA_FMT, NIMA_ARG(selector));
    nima_k8s_arg(ctx, &call, "--");
    nima_k8s_arg(ctx, &call, "%s", type);
    NIMA_TRY(nima_k8s_json(ctx, tasks, &call, &tree));
    *items = nima_json_get(tree, "items");
    return NIMA_OK;
}

/* A user who may see the deployment but not its pods learns less, not nothing. */
static nima_rc look(struct nima_ctx *ctx, const struct nima_tasks *tasks,
                    const struct nima_json *object, nima_str namespace,
                    struct nima_k8s_reasons *reasons)
{
    nima_str selector = selector_of(ctx, object);
    const struct nima_json *pods = NULL, *pod = NULL;
    size_t index = 0;
    read_conditions(ctx, object, reasons);
    if (selector.len > 0) {
        nima_rc rc = list_of(ctx, tasks, namespace, "pods", selector, &pods);
        NIMA_TRY(rc == NIMA_E_FORBIDDEN ? NIMA_OK : rc);
    }
    while ((pod = nima_json_next(pods, pod, &index)) != NULL) {
        read_pod(ctx, pod, reasons);
    }
    return NIMA_OK;
}

/* Watching */

/* Returns when the rollout is complete, has failed, or the time is over: how it stands is read
 * afterwards, so only what keeps us from that is an error. */
static nima_rc wait_round(struct nima_ctx *ctx, const struct nima_job *job,
                          const struct nima_k8s_kind *kind, int64_t seconds)
{
    const struct nima_k8s_params *p = job->params;
    struct nima_k8s_call call = {.namespace = p->namespace, .watches = true};
    nima_str said;
    nima_k8s_arg(ctx, &call, "rollout");
    nima_k8s_arg(ctx, &call, "status");
    nima_k8s_arg(ctx, &call, "--watch=true");
    nima_k8s_arg(ctx, &call, "--timeout=%llds", (long long)seconds);
    nima_k8s_arg(ctx, &call, "--");
    nima_k8s_arg(ctx, &call, NIMA_FMT "/" NIMA_FMT, NIMA_ARG(kind->type), NIMA_ARG(p->name));
    nima_rc rc = nima_k8s_run(ctx, job->tasks, &call, &said);
    NIMA_TRY(nima_ctx_stopped(ctx));
    return rc == NIMA_E_UNAVAILABLE ? rc : NIMA_OK;
}

struct rollout_out {
    nima_str namespace, kind, name, state, status, images;
    struct nima_list reasons, events;
};
struct reason_out {
    nima_str text;
};
static const struct nima_field reason_fields[] = {NIMA_FIELD(STR, struct reason_out, text)};
static const struct nima_shape reason_shape =
    NIMA_SHAPE("K8sReason", struct reason_out, reason_fields);
static const struct nima_field rollout_fields[] = {
    NIMA_FIELD(STR, struct rollout_out, namespace),
    NIMA_FIELD(STR, struct rollout_out, kind),
    NIMA_FIELD(STR, struct rollout_out, name),
    NIMA_FIELD(STR, struct rollout_out, state),
    NIMA_FIELD(STR, struct rollout_out, status),
    NIMA_FIELD(STR, struct rollout_out, images),
    NIMA_FIELD(LIST, struct rollout_out, reasons, .shape = &reason_shape),
    NIMA_FIELD(LIST, struct rollout_out, events, .shape = &nima_k8s_event_shape),
};
static const struct nima_shape rollout_shape =
    NIMA_SHAPE("K8sRollout", struct rollout_out, rollout_fields);

static nima_rc tell(struct nima_ctx *ctx, const struct nima_job *job,
                    const struct nima_json *object, const char *state,
                    const struct nima_k8s_reasons *reasons, nima_str *result)
{
    const struct nima_k8s_params *p = job->params;
    struct nima_k8s_row row = nima_k8s_row_of(ctx, object);
    struct rollout_out out = {row.namespace, row.kind,   row.name, nima_str_of(state),
                              row.status,    row.images, {0},      {0}};
    struct reason_out *rows = NIMA_NEW(ctx->arena, struct reason_out, reasons->count + 1);
    for (size_t i = 0; i < reasons->count; i++) {
        rows[i].text = reasons->items[i];
    }
    out.reasons = (struct nima_list){rows, reasons->count};
    if (strcmp(state, "complete") != 0) {
        nima_rc rc = nima_k8s_events_of(ctx, job->tasks, p->namespace, p->name, true, &out.events);
        NIMA_TRY(rc == NIMA_E_FORBIDDEN ? NIMA_OK : rc);
    }
    return nima_json_encode_text(ctx, &rollout_shape, &out, RESULT_BYTES_MAX, result);
}

static int64_t end_of_watch(const struct nima_ctx *ctx, int64_t wait_s)
{
    int64_t until = nima_mono_ms() + wait_s * 1000;
    int64_t latest = ctx->deadline_ms - LEFT_MS;
    return ctx->deadline_ms != 0 && latest < until ? latest : until;
}

nima_rc nima_k8s_rollout_status(struct nima_ctx *ctx, struct nima_job *job, nima_str *result)
{
    const struct nima_k8s_params *p = job->params;
    int64_t until = end_of_watch(ctx, p->wait_s);
    struct nima_k8s_kind kind;
    NIMA_TRY(nima_k8s_kind_of(ctx, p->kind, &kind));
    for (;;) {
        const struct nima_json *object;
        struct nima_k8s_reasons reasons = {0};
        NIMA_TRY(nima_k8s_get(ctx, job->tasks, &kind, p->namespace, p->name, &object));
        if (nima_k8s_is_complete(object)) {
            return tell(ctx, job, object, "complete", &reasons, result);
        }
        NIMA_TRY(look(ctx, job->tasks, object, p->namespace, &reasons));
        if (reasons.stuck) {
            return tell(ctx, job, object, "stalled", &reasons, result);
        }
        int64_t left_s = (until - nima_mono_ms()) / 1000;
        if (left_s < 1) {
            return tell(ctx, job, object, "progressing", &reasons, result);
        }
        NIMA_TRY(wait_round(ctx, job, &kind, left_s < ROUND_S ? left_s : ROUND_S));
    }
}

/* Taking back */

static const char revision_note[] = "deployment.kubernetes.io/revision";

static int64_t revision_of(const struct nima_json *object)
{
    int64_t revision = 0;
    nima_str text = nima_json_str(nima_json_get(
        nima_json_get(nima_json_get(object, "metadata"), "annotations"), revision_note));
    return text.len > 0 && nima_str_to_i64(text, &revision) ? revision : 0;
}

static bool is_owned_by(const struct nima_json *set, nima_str uid)
{
    const struct nima_json *owners =
        nima_json_get(nima_json_get(set, "metadata"), "ownerReferences");
    for (size_t i = 0; i < nima_json_count(owners); i++) {
        if (nima_str_eq(nima_json_str(nima_json_get(nima_json_at(owners, i, NULL), "uid")), uid)) {
            return true;
        }
    }
    return false;
}

/* The replica set of the revision asked for, or of the last one before the current. */
static nima_rc find_revision(struct nima_ctx *ctx, const struct nima_json *sets,
                             const struct nima_json *object, int64_t wanted,
                             const struct nima_json **out)
{
    nima_str uid = nima_k8s_text(object, "metadata", "uid");
    int64_t current = revision_of(object), best = 0;
    const struct nima_json *set = NULL, *found = NULL;
    size_t index = 0;
    while ((set = nima_json_next(sets, set, &index)) != NULL) {
        int64_t revision = is_owned_by(set, uid) ? revision_of(set) : 0;
        bool fits = wanted > 0 ? revision == wanted : revision < current && revision > best;
        if (revision > 0 && fits) {
            best = revision;
            found = set;
        }
    }
    if (found == NULL) {
        return nima_fail_field(ctx, NIMA_E_NOT_FOUND, "params.to_revision",
                               "there is no earlier revision%s to go back to",
                               wanted > 0 ? " of that number" : "");
    }
    *out = found;
    return NIMA_OK;
}

/* The template as it was, but for the label that the controller gives each set. */
static void write_template(struct nima_ctx *ctx, struct nima_buf *buf,
                           const struct nima_json *template)
{
    static const char own[] = "pod-template-hash";
    const struct nima_json *metadata = nima_json_get(template, "metadata");
    const struct nima_json *labels = nima_json_get(metadata, "labels");
    const struct nima_json *notes = nima_json_get(metadata, "annotations");
    bool first = true;
    nima_buf_add(buf, NIMA_STR("{\"metadata\":{\"labels\":{"));
    for (size_t i = 0; i < nima_json_count(labels); i++) {
        nima_str key;
        const struct nima_json *value = nima_json_at(labels, i, &key);
        if (!nima_str_eq(key, nima_str_of(own))) {
            nima_buf_add(buf, first ? NIMA_STR("") : NIMA_STR(","));
            nima_json_write_str(buf, key);
            nima_buf_fmt(buf, ":" NIMA_FMT, NIMA_ARG(nima_json_text(ctx, value)));
            first = false;
        }
    }
    nima_buf_add_char(buf, '}');
    if (notes != NULL) {
        nima_buf_fmt(buf, ",\"annotations\":" NIMA_FMT, NIMA_ARG(nima_json_text(ctx, notes)));
    }
    nima_buf_fmt(buf, "},\"spec\":" NIMA_FMT "}",
                 NIMA_ARG(nima_json_text(ctx, nima_json_get(template, "spec"))));
}

/* Taken back twice would be where it was: an attempt leaves the task's id on the object, and the
 * next one finds it. */
static const char undo_note[] = "nima/undone-by";

static nima_rc undo_patch(struct nima_ctx *ctx, const struct nima_job *job,
                          const struct nima_json *object, const struct nima_json *set,
                          nima_str *out)
{
    struct nima_buf buf;
    nima_str version = nima_k8s_text(object, "metadata", "resourceVersion");
    bool notes = nima_json_get(nima_json_get(object, "metadata"), "annotations") != NULL;
    nima_buf_init(&buf, NIMA_K8S_OBJECT_BYTES_MAX);
    nima_buf_add(&buf,
                 NIMA_STR("[{\"op\":\"test\",\"path\":\"/metadata/resourceVersion\",\"value\":"));
    nima_json_write_str(&buf, version);
    nima_buf_add(&buf, NIMA_STR("},{\"op\":\"replace\",\"path\":\"/spec/template\",\"value\":"));
    write_template(ctx, &buf, nima_json_get(nima_json_get(set, "spec"), "template"));
    nima_str id = job->id.len > 0 ? job->id : NIMA_STR("this-task");
    if (notes) {
        nima_buf_fmt(&buf,
                     "},{\"op\":\"add\",\"path\":\"/metadata/annotations/nima~1undone-by\","
                     "\"value\":\"" NIMA_FMT "\"}]",
                     NIMA_ARG(id));
    } else {
        nima_buf_fmt(&buf,
                     "},{\"op\":\"add\",\"path\":\"/metadata/annotations\",\"value\":{\"%s\":"
                     "\"" NIMA_FMT "\"}}]",
                     undo_note, NIMA_ARG(id));
    }
    nima_rc rc = nima_buf_take(ctx, &buf, out);
    nima_buf_done(&buf);
    return rc;
}

static nima_rc undo(struct nima_ctx *ctx, struct nima_job *job, bool preview, nima_str *result)
{
    const struct nima_k8s_params *p = job->params;
    const struct nima_json *sets = NULL, *set = NULL;
    struct nima_k8s_changes changes = {.namespace = p->namespace, .preview = preview, .count = 1};
    struct nima_k8s_change *change = &changes.items[0];
    NIMA_TRY(nima_k8s_kind_of(ctx, NIMA_STR("deployment"), &change->kind));
    change->name = p->name;
    NIMA_TRY(nima_k8s_get(ctx, job->tasks, &change->kind, p->namespace, p->name, &change->before));
    nima_str mark = nima_json_str(nima_json_get(
        nima_json_get(nima_json_get(change->before, "metadata"), "annotations"), undo_note));
    if (job->id.len > 0 && nima_str_eq(mark, job->id)) {
        change->after = change->before;
        return nima_k8s_changes_result(ctx, &changes, result);
    }
    NIMA_TRY(list_of(ctx, job->tasks, p->namespace, "replicasets.apps",
                     selector_of(ctx, change->before), &sets));
    NIMA_TRY(find_revision(ctx, sets, change->before, p->to_revision, &set));
    NIMA_TRY(undo_patch(ctx, job, change->before, set, &change->text));
    change->patch = "json";
    NIMA_TRY(nima_k8s_make(ctx, job->tasks, &changes));
    return nima_k8s_changes_result(ctx, &changes, result);
}

nima_rc nima_k8s_rollout_undo(struct nima_ctx *ctx, struct nima_job *job, nima_str *result)
{
    return undo(ctx, job, false, result);
}
nima_rc nima_k8s_rollout_undo_preview(struct nima_ctx *ctx, struct nima_job *job, nima_str *result)
{
    return undo(ctx, job, true, result);
}

/* Starting anew */

/* The template gets the next number of a count, so that a dry run shows what then happens; the
 * task's id stays on the object, so that a second attempt finds it and does not start twice. */
static const char restart_note[] = "nima/restarted-by", restarts_note[] = "nima/restarts";

static nima_rc restart(struct nima_ctx *ctx, struct nima_job *job, bool preview, nima_str *result)
{
    const struct nima_k8s_params *p = job->params;
    struct nima_k8s_changes changes = {.namespace = p->namespace, .preview = preview, .count = 1};
    struct nima_k8s_change *change = &changes.items[0];
    int64_t times = 0;
    NIMA_TRY(nima_k8s_kind_of(ctx, p->kind, &change->kind));
    change->name = p->name;
    NIMA_TRY(nima_k8s_get(ctx, job->tasks, &change->kind, p->namespace, p->name, &change->before));
    const struct nima_json *metadata = nima_json_get(change->before, "metadata");
    const struct nima_json *template =
        nima_json_get(nima_json_get(change->before, "spec"), "template");
    if (template == NULL || nima_str_eq(change->kind.group, NIMA_STR("batch"))) {
        return nima_fail_field(ctx, NIMA_E_INVALID, "params.kind",
                               "a " NIMA_FMT " has no pods that could be started anew",
                               NIMA_ARG(change->kind.name));
    }
    if (job->id.len > 0 &&
        nima_str_eq(nima_k8s_text(metadata, "annotations", restart_note), job->id)) {
        change->after = change->before;
        return nima_k8s_changes_result(ctx, &changes, result);
    }
    nima_str told =
        nima_k8s_text(nima_json_get(template, "metadata"), "annotations", restarts_note);
    times = told.len > 0 && nima_str_to_i64(told, &times) && times > 0 ? times : 0;
    change->patch = "merge";
    change->text =
        nima_fmt(ctx,
                 "{\"metadata\":{\"annotations\":{\"%s\":\"" NIMA_FMT
                 "\"}},\"spec\":{\"template\":{\"metadata\":{\"annotations\":{\"%s\":\"%lld\"}}}}}",
                 restart_note, NIMA_ARG(job->id.len > 0 ? job->id : NIMA_STR("this-task")),
                 restarts_note, (long long)times + 1);
    NIMA_TRY(nima_k8s_make(ctx, job->tasks, &changes));
    return nima_k8s_changes_result(ctx, &changes, result);
}

nima_rc nima_k8s_restart(struct nima_ctx *ctx, struct nima_job *job, nima_str *result)
{
    return restart(ctx, job, false, result);
}
nima_rc nima_k8s_restart_preview(struct nima_ctx *ctx, struct nima_job *job, nima_str *result)
{
    return restart(ctx, job, true, result);
}
