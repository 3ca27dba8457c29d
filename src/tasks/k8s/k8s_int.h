#pragma once
/*
 * k8s_int: one call of kubectl, kinds by their one name, objects as people read them. Private to
 * this room.
 *
 * Everything goes through kubectl by argument list, with a kubeconfig, a namespace and an output
 * format that are said each time. What is sent travels on its standard input; credentials stay in
 * the kubeconfig or the service account's folder and are never an argument.
 */
#include "tasks/tasks_int.h"

enum {
    NIMA_K8S_OBJECTS_MAX = 16, /* in one manifest: each is a resource that rules are asked about */
    NIMA_K8S_ARGS_MAX = 32,
    NIMA_K8S_OBJECT_BYTES_MAX = 1 << 20,
};

/* Params of all actions of this integration; each takes some. */
struct nima_k8s_params {
    nima_str namespace, kind, name, selector, container, manifest, image, env;
    int64_t replicas, port, tail, since_s, limit, to_revision, wait_s;
    bool has_replicas, previous, force, warnings;
};

/* k8s/kinds.c */

struct nima_k8s_kind {
    nima_str name;  /* "deployment"; of a kind that is not known here "widget.example.com" */
    nima_str group; /* "apps"; "" for the core */
    nima_str type;  /* as kubectl is told: "deployment.apps" */
    bool namespaced;
};
/* By any of its usual names. INVALID for one that is not known and comes without its group. */
NIMA_MUST_USE nima_rc nima_k8s_kind_of(struct nima_ctx *ctx, nima_str text,
                                       struct nima_k8s_kind *out);
/* By "kind" and "apiVersion" of an object. */
NIMA_MUST_USE nima_rc nima_k8s_kind_in(struct nima_ctx *ctx, const struct nima_json *object,
                                       struct nima_k8s_kind *out);
/* INVALID naming the param. */
NIMA_MUST_USE nima_rc nima_k8s_check_name(struct nima_ctx *ctx, const char *field, nima_str name);

/* k8s/run.c */

struct nima_k8s_call {
    const char *args[NIMA_K8S_ARGS_MAX];
    size_t count;
    nima_str namespace;
    nima_str input;
    bool watches; /* may wait for as long as the task has */
    bool ours;    /* after CONFLICT: with nothing but what Nima itself set by another action */
};
void nima_k8s_arg(struct nima_ctx *ctx, struct nima_k8s_call *call, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* What kubectl wrote. Its refusals are NOT_FOUND, FORBIDDEN, CONFLICT, INVALID; RATE, UNAVAILABLE
 * and TIMEOUT may pass. */
NIMA_MUST_USE nima_rc nima_k8s_run(struct nima_ctx *ctx, const struct nima_tasks *tasks,
                                   struct nima_k8s_call *call, nima_str *out);
/* The same, as JSON. */
NIMA_MUST_USE nima_rc nima_k8s_json(struct nima_ctx *ctx, const struct nima_tasks *tasks,
                                    struct nima_k8s_call *call, const struct nima_json **out);
bool nima_k8s_configured(const struct nima_tasks *tasks);

/* k8s/object.c */

/* The object as JSON, without what only the server cares for. Values of a Secret become their size.
 */
nima_str nima_k8s_clean(struct nima_ctx *ctx, const struct nima_json *object);
/* The same as the lines of a YAML file, without its status and what the server draws anew each
 * time; "" for NULL. `other` is what was there before (NULL: nothing), `sent` the object as it was
 * asked for ("": it was not). */
nima_str nima_k8s_lines(struct nima_ctx *ctx, const struct nima_json *object,
                        const struct nima_json *other, nima_str sent);
/* metadata.name and the like: a text two levels down, absent when there is none. */
nima_str nima_k8s_text(const struct nima_json *object, const char *outer, const char *key);
int64_t nima_k8s_int(const struct nima_json *object, const char *outer, const char *key,
                     int64_t otherwise);
/* One object, asked for by its name, and it is what was asked for: of the kind, in the namespace.
 */
NIMA_MUST_USE nima_rc nima_k8s_get(struct nima_ctx *ctx, const struct nima_tasks *tasks,
                                   const struct nima_k8s_kind *kind, nima_str namespace,
                                   nima_str name, const struct nima_json **out);
/* FORBIDDEN when it is another. */
NIMA_MUST_USE nima_rc nima_k8s_check_object(struct nima_ctx *ctx, const struct nima_json *object,
                                            const struct nima_k8s_kind *kind, nima_str namespace);
struct nima_k8s_row {
    nima_str kind, namespace, name, status, created_at, images;
};
struct nima_k8s_row nima_k8s_row_of(struct nima_ctx *ctx, const struct nima_json *object);
extern const struct nima_shape nima_k8s_row_shape;

/* k8s/read.c */

struct nima_k8s_event {
    nima_str type, reason, object, message, last;
    int64_t count;
};
extern const struct nima_shape nima_k8s_event_shape;
/* Those of a namespace, of one name and what is made from it where `name` is given, the same ones
 * counted together, the latest first. */
NIMA_MUST_USE nima_rc nima_k8s_events_of(struct nima_ctx *ctx, const struct nima_tasks *tasks,
                                         nima_str namespace, nima_str name, bool warnings,
                                         struct nima_list *out);

/* k8s/rollout.c */

enum { NIMA_K8S_REASONS_MAX = 20 };
struct nima_k8s_reasons {
    nima_str items[NIMA_K8S_REASONS_MAX];
    size_t count;
    bool stuck; /* one of them does not pass by itself */
};
/* What an object says itself about why it does not run. */
void nima_k8s_reasons_of(struct nima_ctx *ctx, const struct nima_json *object,
                         struct nima_k8s_reasons *out);
bool nima_k8s_is_complete(const struct nima_json *object);

/* k8s/manifest.c: a manifest as its objects, in JSON that is ours: what was checked is what is
 * sent. */

struct nima_k8s_object {
    struct nima_k8s_kind kind;
    nima_str name;
    nima_str text; /* JSON */
};
struct nima_k8s_objects {
    struct nima_k8s_object items[NIMA_K8S_OBJECTS_MAX];
    size_t count;
};
/* `manifest` is any JSON value: an object, a list of them, or a text in YAML or JSON. */
NIMA_MUST_USE nima_rc nima_k8s_manifest(struct nima_ctx *ctx, nima_str manifest, nima_str namespace,
                                        struct nima_k8s_objects *out);

/* k8s/change.c: what is changed, shown first by a dry run of the server */

struct nima_k8s_change {
    struct nima_k8s_kind kind;
    nima_str name;
    nima_str text;     /* the object to be applied, or the patch */
    const char *patch; /* "merge", "strategic", "json": it is a patch of that type; NULL: applied */
    const struct nima_json *before, *after; /* NULL: it is not there */
};
struct nima_k8s_changes {
    nima_str namespace;
    bool preview; /* by dry run alone */
    bool force;   /* fields of others are taken over */
    struct nima_k8s_change items[NIMA_K8S_OBJECTS_MAX];
    size_t count;
};
/* Looks at what is there, asks the server for all of them by dry run, then does them. */
NIMA_MUST_USE nima_rc nima_k8s_make(struct nima_ctx *ctx, const struct nima_tasks *tasks,
                                    struct nima_k8s_changes *changes);
NIMA_MUST_USE nima_rc nima_k8s_changes_result(struct nima_ctx *ctx,
                                              const struct nima_k8s_changes *changes,
                                              nima_str *result);

/* Actions in files of their own. */
nima_rc nima_k8s_apply(struct nima_ctx *ctx, struct nima_job *job, nima_str *result);
nima_rc nima_k8s_apply_preview(struct nima_ctx *ctx, struct nima_job *job, nima_str *result);
nima_rc nima_k8s_deploy(struct nima_ctx *ctx, struct nima_job *job, nima_str *result);
nima_rc nima_k8s_deploy_preview(struct nima_ctx *ctx, struct nima_job *job, nima_str *result);
nima_rc nima_k8s_scale(struct nima_ctx *ctx, struct nima_job *job, nima_str *result);
nima_rc nima_k8s_scale_preview(struct nima_ctx *ctx, struct nima_job *job, nima_str *result);
nima_rc nima_k8s_set_image(struct nima_ctx *ctx, struct nima_job *job, nima_str *result);
nima_rc nima_k8s_set_image_preview(struct nima_ctx *ctx, struct nima_job *job, nima_str *result);
nima_rc nima_k8s_delete(struct nima_ctx *ctx, struct nima_job *job, nima_str *result);
nima_rc nima_k8s_delete_preview(struct nima_ctx *ctx, struct nima_job *job, nima_str *result);
nima_rc nima_k8s_describe(struct nima_ctx *ctx, struct nima_job *job, nima_str *result);
nima_rc nima_k8s_logs(struct nima_ctx *ctx, struct nima_job *job, nima_str *result);
nima_rc nima_k8s_failing(struct nima_ctx *ctx, struct nima_job *job, nima_str *result);
nima_rc nima_k8s_restart(struct nima_ctx *ctx, struct nima_job *job, nima_str *result);
nima_rc nima_k8s_restart_preview(struct nima_ctx *ctx, struct nima_job *job, nima_str *result);
nima_rc nima_k8s_events(struct nima_ctx *ctx, struct nima_job *job, nima_str *result);
nima_rc nima_k8s_rollout_status(struct nima_ctx *ctx, struct nima_job *job, nima_str *result);
nima_rc nima_k8s_rollout_undo(struct nima_ctx *ctx, struct nima_job *job, nima_str *result);
nima_rc nima_k8s_rollout_undo_preview(struct nima_ctx *ctx, struct nima_job *job, nima_str *result);
